"""Presentations: a citizen opens part of the book to the practitioner in front of them.

A presentation is a consent that fits in a QR code: one audience, a few sections, a few minutes. The first clinician
who opens it is the only one from then on. It owns no access rule; it yields provisions, and `access.decide` judges
them like any other.

The one invariant: until it is bound to a practitioner at a facility it opens nothing.
"""

from __future__ import annotations

import base64
import binascii
import enum
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ehb.domain.provision import AccessRequest, Action, Ground, Provision, Purpose
from ehb.domain.records import Section
from ehb.domain.selection import Selection

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(hours=4)
ATTEMPTS = 5
"""Wrong passcodes that a presentation bears in its whole life (standards row K4)."""


CODE_PREFIX = "EHB:P:"
"""What a code begins with, so that a clinician's app knows what it scanned."""
SECRET_SIZE = 20
PASSCODE_LENGTHS = range(4, 13)


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
        return not self.over(now) and not self.locked

    def over(self, now: datetime) -> bool:
        """It was ended, or its time is up."""
        return self.ended_at is not None or now >= self.presentation.until

    @property
    def locked(self) -> bool:
        """Nobody has opened it, and too many wrong passcodes were tried: it never opens again."""
        return self.holder is None and self.presentation.passcode is not None and self.attempts_left < 1

    def closed_to(self, holder: Holder, now: datetime) -> NotOpened | None:
        """Why this practitioner cannot open it, before any passcode; None when they can."""
        if self.over(now):
            return NotOpened.ENDED
        if self.locked:
            return NotOpened.LOCKED
        return None if self.holder in (None, holder) else NotOpened.TAKEN


class NotOpened(enum.StrEnum):
    """Why a presentation was not opened; whoever holds its code may know."""

    UNKNOWN = "UNKNOWN"
    """No code of ours, or one of long ago."""
    ENDED = "ENDED"
    """Over, or ended by the person."""
    TAKEN = "TAKEN"
    """Somebody else opened it first."""
    PASSCODE_WRONG = "PASSCODE_WRONG"
    LOCKED = "LOCKED"
    """Too many wrong passcodes: it never opens again."""


def code_of(secret: bytes) -> str:
    """What the QR code holds: no personal data, and only characters that make it small."""
    return CODE_PREFIX + base64.b32encode(secret).decode()


def secret_of(code: str) -> bytes | None:
    """The secret in a code, None for what is none."""
    code = code.strip().upper()
    if not code.startswith(CODE_PREFIX):
        return None
    try:
        secret = base64.b32decode(code.removeprefix(CODE_PREFIX))
    except binascii.Error:
        return None
    return secret if len(secret) == SECRET_SIZE else None


def secret_digest(secret: bytes) -> bytes:
    """What the store knows of a secret; 160 random bits need no salt."""
    return hashlib.sha256(secret).digest()


def passcode_digest(presentation: bytes, passcode: str) -> str:
    """What a presentation keeps of its passcode, under the person's seal."""
    return hmac.new(presentation, passcode.encode(), hashlib.sha256).hexdigest()


def passcode_opens(shown: Presentation, passcode: str | None) -> bool:
    """Whether this is the passcode, in time that tells nothing."""
    if shown.passcode is None:
        return True
    return hmac.compare_digest(shown.passcode, passcode_digest(shown.id, passcode or ""))


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
