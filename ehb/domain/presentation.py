"""Presentations: a citizen opens part of the book to the practitioner in front of them.

A presentation is a consent that fits in a QR code: one audience, a few sections, a few minutes. The first clinician
who opens it is the only one from then on. It owns no access rule; it yields provisions, and `access.decide` judges
them like any other.

The one invariant: until it is bound to a practitioner at a facility it opens nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ehb.domain.provision import AccessRequest, Action, Ground, Provision, Purpose
from ehb.domain.records import Section
from ehb.domain.selection import Selection

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(hours=4)
ATTEMPTS = 5
"""Wrong passcodes that a presentation bears in its whole life (standards row K4)."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The practitioner whom a presentation or an emergency belongs to: licence key and facility code."""

    licence: str
    facility: str


@dataclass(frozen=True, slots=True)
class Presentation:
    """What is shown, and for how long. `labels` are the sensitivity labels that the citizen shows too."""

    id: bytes
    sections: frozenset[Section]
    begun_at: datetime
    until: datetime
    labels: frozenset[str] = frozenset()
    passcode: str | None = field(default=None, repr=False)
    """Keyed digest of the passcode, hexadecimal."""
    by: bytes | None = None
    """Key of the person who shows it: a representative's showing is theirs."""


@dataclass(frozen=True, slots=True)
class HeldPresentation:
    """A presentation as it stands."""

    presentation: Presentation
    holder: Holder | None = None
    opened_at: datetime | None = None
    ended_at: datetime | None = None
    attempts_left: int = ATTEMPTS

    def in_force(self, now: datetime) -> bool:
        """It can be opened, or is open."""
        return self.ended_at is None and now < self.presentation.until


def provisions(held: HeldPresentation, request: AccessRequest) -> Iterable[Provision]:
    """What a presentation opens: its sections, to the one who opened it, for treatment."""
    role, now, shown = request.principal.role, request.now, held.presentation
    if now is None or role is None or not request.role_in_force or not held.in_force(now):
        return
    if request.action is not Action.READ or request.purpose is not Purpose.TREATMENT:
        return
    if held.holder == Holder(role.licence, role.facility):
        yield Provision(
            True, Ground.PRESENTATION, Selection(sections=shown.sections), labels=shown.labels, source=shown.id
        )
