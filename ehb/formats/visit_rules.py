"""Cross-table rules of the national visit file (its published rules 1 to 14), and codes on the day of the visit.

What the annexes require is an error; what is only inferred from the field definitions warns (rule 14), and so does
all money: a wrong sum must never cost a person a record. The one invariant: each rule names table, row and field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from ehb.domain.submission import Problem
from ehb.formats.catalogue import Standing, standing
from ehb.formats.field_tables import tables
from ehb.formats.problems import problem, warning
from ehb.formats.visit_bill import money_problems
from ehb.formats.visit_rows import Row

Rows = Mapping[str, Sequence[Row]]

_REFERRED = ("2", "5")
_DIED = ("5", "8")
_OUTSIDE_INSURANCE = "9"
_CARD_LISTS = ("MA_DKBD", "GT_THE_TU", "GT_THE_DEN")
_NO_DAYS, _DAYS_OF_STAY = ("01", "07", "09"), ("02", "03", "04", "06")
_NOT_THAT_DAY = {Standing.UNKNOWN: "field.code", Standing.NOT_IN_FORCE: "field.code_not_in_force"}


def cross_table_problems(rows: Rows, facility: str) -> Iterator[Problem]:
    """Everything that a look at more than one field finds, in a file that has an XML1."""
    summary = rows["XML1"][0]
    yield from _one_visit(rows, summary, facility)
    yield from _services(rows)
    yield from _papers(rows, summary)
    yield from _times(rows, summary)
    yield from _insurance(summary)
    yield from _days(summary)
    yield from money_problems(rows, summary)
    yield from code_problems(rows, (summary.get("NGAY_RA") or summary.get("NGAY_VAO"))[:8])


def code_problems(rows: Rows, day: str) -> Iterator[Problem]:
    """Codes that their list does not have on the day (yyyyMMdd): kept as sent, with a warning."""
    if not day:
        return
    day = f"{day[:4]}-{day[4:6]}-{day[6:]}"
    for name, found in rows.items():
        for field, code_list in tables()[name].coded:
            for row in found:
                value = row.values.get(field)
                if value is None:
                    continue
                codes = [value] if ";" not in value else row.each(field)
                for said in dict.fromkeys(standing(code_list, code, day) for code in codes):
                    if said is not Standing.UNDISPUTED:
                        yield warning(_NOT_THAT_DAY[said], table=name, row=row.number, field=field)


def _one_visit(rows: Rows, summary: Row, facility: str) -> Iterator[Problem]:
    """Rules 1 and 3."""
    if facility and summary.get("MA_CSKCB") not in ("", facility):
        yield problem("facility.mismatch", table="XML1", row=1, field="MA_CSKCB")
    episode, person = summary.get("MA_LK"), summary.get("SO_CCCD")
    for name, found in rows.items():
        for row in found:
            if row.values.get("MA_LK", episode) != episode:
                yield problem("episode.mismatch", table=name, row=row.number, field="MA_LK")
        if tables()[name].counted and name != "XML1":
            wrong = (row for row in found if row.values.get("STT", number := str(row.number)) != number)
            if (first := next(wrong, None)) is not None:
                yield warning("row.order", table=name, row=first.number, field="STT")
    for row in rows.get("XML12", ()):  # has no MA_LK: nothing else ties it to the visit
        number = row.get("SO_CCCD")
        if number and person and len(number) == len(person) and number != person:
            yield problem("person.mismatch", table="XML12", row=row.number, field="SO_CCCD")


def _services(rows: Rows) -> Iterator[Problem]:
    """Rule 5."""
    services = {row.values.get("MA_DICH_VU") for row in rows.get("XML3", ())}
    for row in rows.get("XML4", ()):
        code = row.values.get("MA_DICH_VU")
        if code is not None and code not in services:
            yield warning("row.service", table="XML4", row=row.number, field="MA_DICH_VU")
    for row in rows.get("XML3", ()):
        if "MA_DICH_VU" not in row.values and "MA_VAT_TU" not in row.values:
            yield problem("service.code", table="XML3", row=row.number, field="MA_DICH_VU")


def _papers(rows: Rows, summary: Row) -> Iterator[Problem]:
    """Rules 8, 9 and 12."""
    referred = summary.get("MA_LOAI_RV") in _REFERRED
    if referred and not (rows.get("XML13") and summary.get("MA_NOI_DEN")):
        yield warning("referral.missing", table="XML13", field="MA_NOI_DEN")
    if summary.get("KET_QUA_DTRI") in _DIED:
        for name in ("XML10", "XML11"):
            for row in rows.get(name, ()):
                yield warning("outcome.died_with_leave", table=name, row=row.number, field="TU_NGAY")
    births = rows.get("XML9", ())
    for row in births:
        if row.get("SO_CON") not in ("", str(len(births))):
            yield warning("birth.children", table="XML9", row=row.number, field="SO_CON")
    weighed = len(summary.each("CAN_NANG_CON"))
    if births and weighed not in (0, len(births)):
        yield warning("birth.children", table="XML1", row=1, field="CAN_NANG_CON")


def _times(rows: Rows, summary: Row) -> Iterator[Problem]:
    """Rule 4; that a visit ends after it starts is the domain's."""
    arrival, end = summary.get("NGAY_VAO"), summary.get("NGAY_RA")
    admitted = summary.get("NGAY_VAO_NOI_TRU")
    if admitted and (_before(admitted, arrival) or _before(end, admitted)):
        yield warning("time.admission", table="XML1", row=1, field="NGAY_VAO_NOI_TRU")
    for name in ("XML2", "XML3"):
        for row in rows.get(name, ()):
            values = row.values
            ordered, done, result = values.get("NGAY_YL", ""), values.get("NGAY_TH_YL", ""), values.get("NGAY_KQ", "")
            if _before(ordered, arrival) or _before(end, ordered):
                yield warning("time.outside_visit", table=name, row=row.number, field="NGAY_YL")
            if _before(done, ordered):
                yield warning("time.sequence", table=name, row=row.number, field="NGAY_TH_YL")
            if _before(result, done or ordered):
                yield warning("time.sequence", table=name, row=row.number, field="NGAY_KQ")


def _before(one: str, other: str) -> bool:
    """Whether a time is surely before another: a whole day is not before a moment in it, and no time before any."""
    if len(one) == len(other):
        return one < other
    return bool(one and other) and one[:8] < other[:8]


def _insurance(summary: Row) -> Iterator[Problem]:
    """Rules 10 and 13; an empty list says that nothing is known (GT_THE_DEN: no end), not that it is shorter."""
    cards = _items(summary.get("MA_THE_BHYT"))
    for field in _CARD_LISTS:
        if summary.get(field) and _items(summary.get(field)) != cards:
            yield warning("card.lists", table="XML1", row=1, field=field)
    if cards and summary.get("MA_DOITUONG_KCB") == _OUTSIDE_INSURANCE:
        yield warning("card.outside_insurance", table="XML1", row=1, field="MA_THE_BHYT")


def _items(value: str) -> int:
    """How many places a `;` list has; one separator at its end is accepted."""
    value = value.removesuffix(";")
    return value.count(";") + 1 if value else 0


def _days(summary: Row) -> Iterator[Problem]:
    """Rule 11, for the types of care whose days follow from XML1 alone."""
    care, days, end = summary.get("MA_LOAI_KCB"), summary.get("SO_NGAY_DTRI"), summary.get("NGAY_RA")
    if not (days.isdigit() and end):
        return
    starts = [summary.get(name) for name in ("NGAY_VAO", "NGAY_VAO_NOI_TRU") if summary.get(name)]
    stays = {_day_number(end) - _day_number(start) + 1 for start in starts}
    if (care in _NO_DAYS and int(days) != 0) or (care in _DAYS_OF_STAY and int(days) not in stays):
        yield warning("days.care_type", table="XML1", row=1, field="SO_NGAY_DTRI")


def _day_number(value: str) -> int:
    return date(int(value[:4]), int(value[4:6]), int(value[6:8])).toordinal()
