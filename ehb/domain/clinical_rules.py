"""Clinical rules: what only a look at the whole visit finds wrong with it.

Owns the rules that need more than one field, whichever format the visit came in. Leaves the rules of single fields to
the field tables and the formats.

The one invariant: all problems of a visit are found together, each names the field and the rule, never the value.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from ehb.domain.coding import instant_of
from ehb.domain.records import Appointment, Encounter
from ehb.domain.submission import Problem, Severity, VisitSummary, refused

_CLOCK_SKEW = timedelta(hours=1)
_DIED = frozenset({"5", "8"})


def clinical_problems(visit: VisitSummary, *, now: datetime) -> Iterator[Problem]:
    """What only a look at the whole visit finds (envelope rules 4 and 9, and that the future has not happened)."""
    if not visit.drafts and not refused(visit.problems):
        yield Problem(
            Severity.ERROR,
            "visit.empty",
            "Lượt khám không có nội dung.",
            "The visit has no content.",
        )
    yield from _future(visit, now)
    stay = next((draft for draft in visit.drafts if isinstance(draft.record, Encounter)), None)
    if stay is None or not isinstance(encounter := stay.record, Encounter):
        return
    ending, birthday = ("NGAY_RA", "NGAY_SINH") if stay.table.startswith("XML") else ("period", "birthDate")
    period = encounter.period
    if period and period.start and period.end and _surely_before(period.end, period.start):
        yield Problem(
            Severity.WARNING,
            "time.order",
            "Ngày vào sau ngày ra.",
            "The visit ends before it starts.",
            table=stay.table,
            field=ending,
        )
    birth = visit.patient.birth_date
    if birth and instant_of(birth) > instant_of(encounter.time) + timedelta(days=1):
        yield Problem(
            Severity.WARNING,
            "time.before_birth",
            "Ngày khám trước ngày sinh.",
            "The visit is before the birth date.",
            table=stay.table if stay.table.startswith("XML") else "patient",
            field=birthday,
        )
    if encounter.outcome and encounter.outcome.code in _DIED:
        for draft in visit.drafts:
            if isinstance(draft.record, Appointment):
                yield Problem(
                    Severity.WARNING,
                    "outcome.died_with_appointment",
                    "Người bệnh đã tử vong nhưng có hẹn khám lại.",
                    "The patient died, yet has a re-examination appointment.",
                    table=draft.table,
                    row=draft.row,
                )


def _surely_before(one: str, other: str) -> bool:
    """A whole day (month, year) is not before a moment inside it."""
    return instant_of(one) < instant_of(other) and ("T" in one or not other.startswith(one))


def _future(visit: VisitSummary, now: datetime) -> Iterator[Problem]:
    for draft in visit.drafts:
        if not isinstance(draft.record, Appointment) and instant_of(draft.record.time) > now + _CLOCK_SKEW:
            yield Problem(
                Severity.ERROR,
                "time.future",
                "Thời điểm ghi nhận ở tương lai.",
                "The recorded time is in the future.",
                table=draft.table,
                row=draft.row,
            )
