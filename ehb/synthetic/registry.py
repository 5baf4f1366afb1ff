"""The invented facilities and clinicians as the lists that `ehb registry load` takes.

Invariant: province codes and GLNs are nobody's either; 952 is the GS1 prefix for demonstrations.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO

from ehb.synthetic.places import clinicians, facilities


def facilities_csv(jwks: Mapping[str, str] | None = None) -> str:
    """The list of facilities; `jwks` holds the keys of each facility's client, when there are any."""
    columns = ("code", "name", "gln", "province", "type", "valid_from")
    rows = [(one.code, one.name, _gln(one.code), one.code[:2], one.tier, "2010-01-01") for one in facilities()]
    if jwks is None:
        return _csv(columns, rows)
    return _csv((*columns, "jwks"), [(*row, jwks[row[0]]) for row in rows])


def practitioners_csv() -> str:
    """The list of clinicians."""
    columns = ("licence", "name", "facilities", "national_id", "valid_from")
    return _csv(
        columns, [(one.licence, one.full_name, one.facility, one.national_id, "2012-01-01") for one in clinicians()]
    )


def _gln(code: str) -> str:
    digits = f"9520000{code}"
    weighted = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return f"{digits}{-weighted % 10}"


def _csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    text = StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()
