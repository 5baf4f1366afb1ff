"""Money of a visit file (published rules 6 and 7): rows that multiply, totals that add up.

The book shows no money; these sums only tell the facility what its insurer will find. The one invariant: money
never refuses a visit, and a sum is judged only when every part of it was sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ehb.domain.submission import Problem
from ehb.formats.problems import warning
from ehb.formats.visit_rows import Row

_PRICE = {"XML2": "DON_GIA", "XML3": "DON_GIA_BV"}
_SUMS = {
    "T_TONGCHI_BV": "THANH_TIEN_BV",
    "T_TONGCHI_BH": "THANH_TIEN_BH",
    "T_BNTT": "T_BNTT",
    "T_BNCCT": "T_BNCCT",
    "T_NGUONKHAC": "T_NGUONKHAC",
}
"""A total of XML1, and the amount of XML2 and XML3 that it sums."""
_OTHER_SOURCES = ("T_NGUONKHAC_NSNN", "T_NGUONKHAC_VTNN", "T_NGUONKHAC_VTTN", "T_NGUONKHAC_CL")
_FEE_FOR_SERVICE = "1"
_ROUNDED = 1.0
"""đồng by which a sum may be off, besides a hundredth for each row: amounts are rounded row by row."""


def money_problems(rows: Mapping[str, Sequence[Row]], summary: Row) -> Iterator[Problem]:
    """At most one warning for each table and rule, at its first row: one wrong formula is wrong in every row."""
    given = summary.values
    if "T_TONGCHI_BV" not in given and "T_TONGCHI_BH" not in given:
        return
    billed = [row.values for name in _PRICE for row in rows.get(name, ())]
    for name, price in _PRICE.items():
        for row in rows.get(name, ()):
            if _wrong_amount(row.values, price):
                yield warning("money.amount", table=name, row=row.number, field="THANH_TIEN_BV")
                break
        for row in rows.get(name, ()):
            if _wrong_sources(row.values):
                yield warning("money.other_sources", table=name, row=row.number, field="T_NGUONKHAC")
                break
    for total in _wrong_totals(given, billed):
        yield warning("money.total", table="XML1", row=1, field=total)


def _wrong_amount(values: Mapping[str, str], price: str) -> bool:
    try:
        amount = float(values["SO_LUONG"]) * float(values[price])
        return abs(float(values["THANH_TIEN_BV"]) - amount) > _ROUNDED
    except KeyError:
        return False


def _wrong_sources(values: Mapping[str, str]) -> bool:
    try:
        state, abroad, home, rest = _OTHER_SOURCES
        parts = float(values[state]) + float(values[abroad]) + float(values[home]) + float(values[rest])
        return abs(float(values["T_NGUONKHAC"]) - parts) > _ROUNDED
    except KeyError:
        return False


def _wrong_totals(given: Mapping[str, str], billed: Sequence[Mapping[str, str]]) -> Iterator[str]:
    made = {total: _sum(billed, part) for total, part in _SUMS.items()}
    if "T_TONGCHI_BH" in given and "T_BNCCT" in given:
        made["T_BHTT"] = float(given["T_TONGCHI_BH"]) - float(given["T_BNCCT"])
    made["T_BHTT_GDV"] = _sum([one for one in billed if one.get("MA_PTTT") == _FEE_FOR_SERVICE], "T_BHTT")
    tolerance = _ROUNDED + len(billed) / 100
    for total, sum_of_parts in made.items():
        if sum_of_parts is not None and total in given and abs(float(given[total]) - sum_of_parts) > tolerance:
            yield total


def _sum(billed: Sequence[Mapping[str, str]], part: str) -> float | None:
    """The sum of one amount; None when there are no rows, or one of them does not say."""
    try:
        return sum([float(values[part]) for values in billed]) if billed else None
    except KeyError:
        return None
