"""Details: the fields of a paper or a programme that FHIR has no attribute for, item by item.

`qd4750/book_fields.csv` gives such a field a label. The one invariant: a detail keeps what was sent, a code as a code
with the label of the day, a number as a number with its unit, a date as a date, everything else as text.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache

from ehb.domain.coding import CodeableConcept, Coding
from ehb.domain.records import Result
from ehb.formats.catalogue import coded
from ehb.formats.field_tables import Field, published, tables
from ehb.formats.measures import measured
from ehb.formats.visit_rows import Row

_BASE = "urn:vn:byt:qd4750:"


@dataclass(frozen=True, slots=True)
class _Labelled:
    field: Field
    code: CodeableConcept
    unit: str | None


def details(row: Row, day: str, *, only: Collection[str] = (), without: Collection[str] = ()) -> tuple[Result, ...]:
    """What a row says in its labelled fields, in the order of the table. `day` is the end of the visit."""
    wanted = (one for one in _labelled()[row.table] if one.field.name not in without)
    return tuple(result for one in wanted if not only or one.field.name in only for result in _results(one, row, day))


def _results(one: _Labelled, row: Row, day: str) -> Iterator[Result]:
    name, code_list = one.field.name, one.field.code_list
    value = row.get(name)
    if not value:
        return
    if code_list is not None:
        said = [coding for item in row.each(name) if (coding := coded(code_list, item, day))]
        words = "; ".join(coding.display or coding.code for coding in said)
        yield Result(code=one.code, concept=CodeableConcept(tuple(said), words))
    elif one.field.date:
        yield Result(code=one.code, text=row.time(name))
    elif one.field.number and (quantity := measured(value, one.unit)):
        yield Result(code=one.code, value=quantity)
    else:
        yield Result(code=one.code, text=row.text(name))


@cache
def _labelled() -> dict[str, list[_Labelled]]:
    labels = {(row["table"].upper(), row["field"]): row for row in published("book_fields") if row["label_vi"]}
    found: defaultdict[str, list[_Labelled]] = defaultdict(list)
    for table in tables().values():
        for name, field in table.fields.items():
            if row := labels.get((table.name, name)):
                code = Coding(_BASE + table.name, name, row["label_vi"])
                found[table.name].append(
                    _Labelled(field, CodeableConcept((code,), row["label_vi"]), row["unit"] or None)
                )
    return found
