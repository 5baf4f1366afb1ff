"""What each actor may still spend on GraphQL in this minute, and how much at once (standards rows L3, L6).

Each worker keeps a purse for each actor and fills it from the database in steps of a fiftieth of the budget; the first
step is on credit, so that whoever asks a few things in a minute costs no round trip (3.6 ms where a purse takes 4 µs,
measured on two cores with the embedded mongod). What it guarantees: across all workers an actor spends at most the
budget and one step for each worker; and may be turned away early by at most one step for each other worker, which lies
in the purses there. Anonymous callers are told apart by their address, and each of their operations has a limit of its
own (`graphql_schema.cost`). At once an actor may have so many operations running on each worker.

The one invariant: what is spent is taken from the purse before anything runs, and never given back.
"""

from __future__ import annotations

from asyncio import Lock
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ehb.domain.budget import MINUTE, Budget, actor
from ehb.domain.identity import Principal, PrincipalKind
from ehb.errors import RateLimited

PERSON, FACILITY = Budget("graphql", 600_000, MINUTE), Budget("graphql", 6_000_000, MINUTE)
"""Points in a minute. For a person three seconds of a worker: a whole book 25 times, or 1,000 small questions; for a
facility's client 6,000 visits sent."""
ANONYMOUS = Budget("graphql-anonymous", 300_000, MINUTE)
"""For one address: 60 questions to the registry in a minute. A proxy that does not say for whom it asks has ten times
as much for everybody behind it."""
UNKNOWN_ADDRESS = Budget("graphql-anonymous", 3_000_000, MINUTE)
AT_ONCE = 20
"""Operations of one actor that run on one worker at the same time; more than a phone asks, or a busy hospital."""
_STEPS = 50
_PURSES = 50_000


class Counting(Protocol):
    """Where it is counted across workers."""

    async def spend(self, actor: bytes, budget: Budget, amount: int, now: datetime) -> int: ...


@dataclass(slots=True)
class _Purse:
    left: int
    owed: int
    empty: bool = False
    filling: Lock = field(default_factory=Lock)


class Allowance:
    """The purses of one worker."""

    def __init__(
        self,
        counts: Counting,
        clock: Callable[[], datetime],
        *,
        person: Budget = PERSON,
        facility: Budget = FACILITY,
        at_once: int = AT_ONCE,
    ) -> None:
        self._counts = counts
        self._clock = clock
        self._person = person
        self._facility = facility
        self._at_once = at_once
        self._window = 0
        self._purses: dict[bytes, _Purse] = {}
        self._running: Counter[bytes] = Counter()

    @contextmanager
    def turn(self, principal: Principal, address: str | None = None, most: int | None = None) -> Iterator[None]:
        """While one operation runs. Raises RateLimited when too many of the same actor's do, or `most` of them."""
        who = actor(principal) or _address(address)
        if self._running[who] >= (most or self._at_once):
            raise RateLimited(1)
        self._running[who] += 1
        try:
            yield
        finally:
            self._running[who] -= 1
            if not self._running[who]:
                del self._running[who]

    async def spend(self, principal: Principal, points: int, address: str | None = None) -> None:
        """Take the points out of the actor's purse. Raises RateLimited when they are not in it, nor to be had.

        `address` tells anonymous callers apart.
        """
        who, now = actor(principal), self._clock()
        if who is None:
            who, budget = _address(address), ANONYMOUS if address is not None else UNKNOWN_ADDRESS
        else:
            budget = self._facility if principal.kind is PrincipalKind.FACILITY else self._person
        purse = self._purse(who, budget, now)
        if purse.left < points:
            async with purse.filling:  # one at a time, or each of many at once would reserve a step
                if purse.left < points and not purse.empty:
                    await self._fill(purse, who, budget, points - purse.left, now)
        if purse.left < points:
            raise RateLimited(budget.wait(now))
        purse.left -= points

    def _purse(self, who: bytes, budget: Budget, now: datetime) -> _Purse:
        window = budget.window_at(now)
        if window != self._window or len(self._purses) >= _PURSES:  # what lay in them is lost, never given twice
            self._window, self._purses = window, {}
        step = budget.most // _STEPS
        return self._purses.setdefault(who, _Purse(left=step, owed=step))

    async def _fill(self, purse: _Purse, who: bytes, budget: Budget, missing: int, now: datetime) -> None:
        step, owed = max(missing, budget.most // _STEPS), purse.owed
        purse.owed = 0
        spent = await self._counts.spend(who, budget, owed + step, now)
        had = max(0, min(step, budget.most - (spent - step)))
        purse.left += had
        purse.empty = had < step


def _address(address: str | None) -> bytes:
    return b"address\0" + (address or "").encode()
