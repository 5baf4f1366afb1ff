"""What the trail looks like to the person it is about: lines, what to ask for, objections."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ehb.domain.audit import AuditEvent


@dataclass(frozen=True, slots=True)
class TrailQuery:
    """Which lines. `until` is the first moment that is too late; `after` the id of the line before the page."""

    first: int
    after: bytes | None = None
    since: datetime | None = None
    until: datetime | None = None
    refused: bool | None = None
    actions: frozenset[str] | None = None
    facility: str | None = None
    others: bool = False
    """Only what somebody else did."""
    by: bytes | None = None
    """Only what this person did."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `id` is 32 bytes; `own` are the people of the book; `name` is a private name the person knows.

    `reason` is why an emergency was opened, in the words of whoever opened it.
    """

    id: bytes
    event: AuditEvent
    disputed: bool
    own: frozenset[bytes]
    name: str | None = field(default=None, repr=False)
    reason: str | None = field(default=None, repr=False)
    count: int = 1
    """How many equal events of one day this line stands for; `id` and `event` are the newest one's."""
    first: datetime | None = None
    """When the oldest of them was."""


@dataclass(frozen=True, slots=True)
class TrailPage:
    """Lines, newest first; `end` is the id of the oldest event that the page has looked at."""

    lines: tuple[Line, ...]
    end: bytes | None
    has_next: bool


@dataclass(frozen=True, slots=True)
class Dispute:
    """An objection to a line."""

    line: bytes
    event: AuditEvent
    at: datetime
    reason: str = field(repr=False)
