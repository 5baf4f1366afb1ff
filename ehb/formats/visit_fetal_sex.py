"""Fetal sex in a visit file: withheld from the rows before anything becomes a record (rule in `ehb.domain.fetal_sex`).

An indicator that is the sex of the fetus loses its value; a result of an obstetric service is read strictly, every
other text of a visit about a pregnancy as prose. The sex of a born child (XML9) and a child's own visit are left
alone. The one invariant: whatever is withheld is named in the receipt, by table, row and field.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from ehb.domain.fetal_sex import (
    RULE,
    WITHHELD,
    Pregnancy,
    asks_for_fetal_sex,
    is_obstetric,
    may_tell,
    without_fetal_sex,
)
from ehb.domain.submission import Problem
from ehb.formats.field_tables import Need, tables
from ehb.formats.problems import warning
from ehb.formats.visit_rows import Row

_OF_A_BORN_CHILD = "XML9"
_NAMES_OF_RESULTS = ("TEN_CHI_SO", "MA_CHI_SO")
_RESULT = ("GIA_TRI", "MO_TA", "KET_LUAN")
_NAME = "TEN_"
_NO_WORDS = ("MA_", "SO_", "HO_TEN", "NGUOI_", "TEN_BS", "DIA_CHI", "DON_VI", "NOI_")
"""How fields are called that hold codes, numbers, people and places."""
_A_FEW_WORDS = 20
"""Letters: a shorter field holds a unit, a weight, a telephone number."""
_PREGNANT_FROM = 10
"""A patient who is younger in years is no mother: a word of sex in such a visit is the child's own."""


def withhold_fetal_sex(rows: dict[str, list[Row]], content: bytes) -> Iterator[Problem]:
    """Replace, in place, what tells the sex of a fetus. `content` is everything that was sent, to look for hints."""
    summary = rows["XML1"][0]
    pregnancy = _pregnancy(rows, summary)
    if _is_child(summary) or not may_tell(content, pregnancy):
        return
    obstetric = {row.get("MA_DICH_VU") for row in rows.get("XML3", ()) if is_obstetric(row.get("TEN_DICH_VU"))}
    for table in sorted(rows.keys() - {_OF_A_BORN_CHILD}):
        for place, row in enumerate(rows[table]):
            scan = table == "XML4" and (row.get("MA_DICH_VU") in obstetric or is_obstetric(row.get("TEN_CHI_SO")))
            certain = Pregnancy(pregnancy.certain or scan, pregnancy.delivered)
            cleaned = _cleaned(row, certain, scan=scan)
            if cleaned:
                rows[table][place] = Row(table, row.number, {**row.values, **cleaned})
                for field in cleaned:
                    yield warning(RULE, table=table, row=row.number, field=field)


def _pregnancy(rows: dict[str, list[Row]], summary: Row) -> Pregnancy:
    lists = {row.values.get("MA_BENH", "") for row in rows.get("XML3", ())}  # one list, as a rule, in every row
    lists |= {summary.get("MA_BENH_CHINH"), summary.get("MA_BENH_KT")}
    codes = ";".join(lists).split(";")
    birth = bool(rows.get(_OF_A_BORN_CHILD) or summary.get("CAN_NANG_CON"))
    return Pregnancy.of(codes, paper=bool(rows.get("XML10")), birth=birth)


def _is_child(summary: Row) -> bool:
    birth, arrival = summary.get("NGAY_SINH")[:4], summary.get("NGAY_VAO")[:4]
    return bool(birth and arrival) and int(arrival) - int(birth) < _PREGNANT_FROM


def _cleaned(row: Row, pregnancy: Pregnancy, *, scan: bool) -> dict[str, str]:
    """The fields of a row that tell it, as they may be kept."""
    values = row.values
    if (
        row.table == "XML4"
        and pregnancy.certain
        and any(asks_for_fetal_sex(row.get(name)) for name in _NAMES_OF_RESULTS)
    ):
        return dict.fromkeys((field for field in _RESULT if values.get(field, WITHHELD) != WITHHELD), WITHHELD)
    cleaned: dict[str, str] = {}
    for field in _texts(row.table):
        if text := values.get(field):
            kept = without_fetal_sex(text, pregnancy, scan=scan, name=field.startswith(_NAME))
            if kept != text:
                cleaned[field] = kept
    return cleaned


@cache
def _texts(table: str) -> Sequence[str]:
    """The fields of a table that the book reads and that hold words about health."""
    fields = (one for one in tables()[table].fields.values() if one.need is not Need.UNREAD and one.accepts is None)
    wordy = (one for one in fields if not one.code_list and one.limit >= _A_FEW_WORDS)
    return [one.name for one in wordy if not one.name.startswith(_NO_WORDS)]
