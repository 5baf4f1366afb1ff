"""Budgets: how much of something one actor may do in a stretch of time (standards row L7).

One concept for everything that is counted: numbers looked up, codes opened, emergencies, points of GraphQL. Counting
itself is `ehb.store.budgets`. The one invariant: a window is a stretch of the clock and begins for everybody at the
same moment, so a count is known by actor, budget and window alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from ehb.domain.identity import Principal, PrincipalKind

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Budget:
    """At most so much in each window."""

    name: str
    most: int
    window: timedelta

    def window_at(self, now: datetime) -> int:
        """The number of the window that this moment is in."""
        return int(now.timestamp() // self.window.total_seconds())

    def wait(self, now: datetime) -> int:
        """Whole seconds until the next window, at least one."""
        length = self.window.total_seconds()
        return max(1, math.ceil(length - now.timestamp() % length))


def actor(principal: Principal) -> bytes | None:
    """Who spends: the person, or the client that a facility signed in with; None for nobody in particular."""
    if principal.kind is PrincipalKind.ANONYMOUS:
        return None
    if principal.patient_id is not None:
        return b"person\0" + principal.patient_id
    return f"{principal.kind}\0{principal.facility}\0{principal.client_id}".encode()
