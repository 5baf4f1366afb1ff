"""How strongly somebody must have proven who they are, and how recently, for what they want to do.

Decree 69/2024 Art 20 knows four levels of authentication; which of them a deed needs is the operator's to say. The one
invariant: it asks about the login alone, so the answer tells nothing about any person's book.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ehb.domain.identity import Principal, PrincipalKind

HIGHEST = 4
"""The level above which there is none."""


@dataclass(frozen=True, slots=True)
class Assurance:
    """What a login must be. The defaults are those of `ehb.settings`."""

    read: int = 2
    """The level that opens a book."""
    high: int = 3
    """The level for what opens a book further: a consent, a showing without a passcode, taking records away."""
    fresh: timedelta = timedelta(minutes=5)
    """How long ago the person may have proven themselves for that, at most."""

    def suffices(self, principal: Principal, *, opens_more: bool, now: datetime | None) -> bool:
        """Whether the login is strong and recent enough; machines and stewards have keys instead of a level."""
        if principal.kind is not PrincipalKind.CITIZEN:
            return True
        if not opens_more:
            return principal.assurance_level >= self.read
        at = principal.authenticated_at
        recent = at is not None and now is not None and now - at <= self.fresh
        return recent and principal.assurance_level >= max(self.high, self.read)


USUAL = Assurance()
