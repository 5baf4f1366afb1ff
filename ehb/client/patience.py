"""How long and how often something is tried again: longer pauses each time, never two clients in step.

The one invariant: waiting ends. What a server asks us to wait is waited on top, up to five minutes each time.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_MOST_ASKED = 300.0


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. A server that never answered yet is not waited for so long: the address may be wrong."""

    seconds: float = 60.0
    first_contact: float = 3.0
    shortest: float = 0.25
    longest: float = 10.0

    def begin(self, *, answered: bool) -> Waiting:
        """The pauses of one request."""
        lasting = self.seconds if answered else min(self.first_contact, self.seconds)
        return Waiting(self, time.monotonic() + lasting)


@dataclass(slots=True)
class Waiting:
    """The pauses between the tries of one request."""

    patience: Patience
    until: float
    tries: int = 0

    def next(self, asked: float) -> float | None:
        """The next pause, at least what the server asked for; None when patience is at its end."""
        pause = min(self.patience.longest, self.patience.shortest * 2**self.tries)
        self.tries += 1
        pause *= random.uniform(0.5, 1)  # noqa: S311  jitter
        self.until += asked
        return asked + pause if time.monotonic() + asked + pause < self.until else None


def asked_pause(retry_after: str | None) -> float:
    """What Retry-After asks for (RFC 9110 section 10.2.3), in seconds; 0 when it says nothing readable."""
    if retry_after is None:
        return 0.0
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            moment = parsedate_to_datetime(retry_after)
        except ValueError:
            return 0.0
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = (moment - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0.0), _MOST_ASKED) if seconds == seconds else 0.0
