"""Emergency access: a book is opened to save life or health, when nobody can be asked (Law 91/2025 Art 19.1a).

Two steps: a reason opens what a clinician asks first, for minutes; a second declaration opens more, for hours. One
patient, one practitioner. Whoever opened it answers for it: the person is told at once, and somebody else reviews
it. It owns no access rule; it yields provisions.

The one invariant: no emergency opens a labelled record, nor one that the person hid.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ehb.domain.book import SUMMARY_SECTIONS
from ehb.domain.budget import DAY, HOUR, Budget
from ehb.domain.presentation import Holder
from ehb.domain.provision import AccessRequest, Action, Ground, Provision, Purpose
from ehb.domain.selection import EVERYTHING, Selection

FIRST_STEP = timedelta(minutes=15)
LONGEST = timedelta(hours=4)
REVIEW_WITHIN = timedelta(days=5)
"""Three working days (domain facts §5), a weekend between them."""
RECIPROCAL_WITHIN = timedelta(days=180)
"""Two colleagues who judge each other within this time are looked at by a steward."""
DELEGATED = Budget("DELEGATED_EMERGENCIES", 60, HOUR)
"""Emergencies that the systems of one facility may open for its practitioners: a stolen system opens no more."""
OF_FACILITY = Budget("EMERGENCIES_OF_FACILITY", 2**31, DAY)
"""Counts a facility's emergencies of a day; never refuses one."""
ALARM_FROM, ALARM_TIMES, USUAL_OVER = 5, 3, timedelta(days=28)
"""An alarm: so many in a day at least, and more than so many times the daily mean of this long."""
SHORTEST_REASON, LONGEST_REASON = 10, 1_000
"""Letters that can be read, and characters."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How many emergencies a facility opened today, and how many in all in the time that `USUAL_OVER` names."""

    today: int
    lately: int

    @property
    def usual(self) -> float:
        """In a day, without today's."""
        return max(0, self.lately - self.today) / USUAL_OVER.days

    @property
    def is_alarming(self) -> bool:
        """Far more than usual."""
        return self.today >= ALARM_FROM and self.today > ALARM_TIMES * self.usual


class Verdict(enum.StrEnum):
    """What a review found."""

    PROPER = "PROPER"
    MISUSE = "MISUSE"


@dataclass(frozen=True, slots=True)
class Emergency:
    """One opening: by whom, when, why."""

    id: bytes
    holder: Holder
    opened_at: datetime
    reason: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reviewed:
    """What somebody else found afterwards. `by` is the reviewer's licence, or the steward's name."""

    verdict: Verdict
    at: datetime
    by: str
    needs_steward: bool = False
    """The reviewer's own emergency was judged by the one who opened this: a steward looks at it, too."""


@dataclass(frozen=True, slots=True)
class HeldEmergency:
    """An opening as it stands. `declared_at` is the second declaration."""

    emergency: Emergency
    declared_at: datetime | None = None
    ended_at: datetime | None = None
    reviewed: Reviewed | None = None

    @property
    def review_by(self) -> datetime:
        """When a review is overdue."""
        return self.emergency.opened_at + REVIEW_WITHIN

    @property
    def until(self) -> datetime:
        """The first moment at which it opens nothing more."""
        return self.emergency.opened_at + (FIRST_STEP if self.declared_at is None else LONGEST)

    @property
    def is_misuse(self) -> bool:
        """A review found that it was no emergency."""
        return self.reviewed is not None and self.reviewed.verdict is Verdict.MISUSE

    def in_force(self, now: datetime) -> bool:
        return self.ended_at is None and not self.is_misuse and self.emergency.opened_at <= now < self.until


@dataclass(frozen=True, slots=True)
class EmergencyCounts:
    """How the emergencies of one facility were judged."""

    total: int
    waiting: int
    overdue: int
    """Of those that wait."""
    proper: int
    misuse: int
    unconfirmed: int = 0
    """Of the proper ones: those that a steward has to confirm."""


def provisions(held: HeldEmergency, request: AccessRequest) -> Iterable[Provision]:
    """What an emergency opens: the summary after the first step, the book after the second; never what is labelled."""
    role, now = request.principal.role, request.now
    if now is None or role is None or not request.role_in_force or not held.in_force(now):
        return
    if request.action is not Action.READ or request.purpose is not Purpose.EMERGENCY_TREATMENT:
        return
    if held.emergency.holder == Holder(role.licence, role.facility):
        select = EVERYTHING if held.declared_at is not None else Selection(sections=SUMMARY_SECTIONS)
        yield Provision(True, Ground.EMERGENCY, select, source=held.emergency.id)
