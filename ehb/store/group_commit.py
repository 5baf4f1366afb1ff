"""Group commit: what arrives while a transaction is under way goes into the next one together.

The commit and the round trips of a transaction cost the same for one thing as for twenty. So whoever comes while
nothing is under way goes at once and by itself; whoever comes meanwhile waits for its end and shares the next
transaction with all who wait. When enough wait for a group, a second one begins beside the first, so that one is made
here while the database is at the other. What cannot share, or has shared in vain, goes by itself.

The one invariant: each is done wholly in a group or wholly by itself, and learns what became of it and of nothing else.
A group that fails leaves nothing behind, so what was in it is tried again as if it had never waited.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextvars import Context
from dataclasses import dataclass
from typing import Generic, TypeVar

from ehb.logs import log
from ehb.traces import span

Q = TypeVar("Q")
A = TypeVar("A")
MOST, ENOUGH = 16, 4
"""In one group, and for a second one beside the first: what a transaction holds in memory and locks stays small."""
PATIENCE = 1.0
"""Seconds without any end after which nobody waits longer: one who goes before and hangs must not stop the others."""


@dataclass(eq=False, slots=True)
class _Place(Generic[Q, A]):
    """Somebody who waits. The answer is None for whoever has to go by itself."""

    asked: Q
    touches: frozenset[Hashable]
    answer: asyncio.Future[A | None]
    patience: asyncio.TimerHandle | None = None


class GroupCommit(Generic[Q, A]):
    """Decides who goes by itself and who goes together."""

    def __init__(
        self,
        alone: Callable[[Q], Awaitable[A]],
        together: Callable[[Sequence[Q]], Awaitable[Sequence[A | None]]],
        touches: Callable[[Q], frozenset[Hashable]],
        patience: float = PATIENCE,
    ) -> None:
        """`together` does all or nothing of a group, and leaves out, by None, what cannot share.

        `touches` names what one will read and write: no two of a group touch the same, nor do two groups at a time.
        """
        self._alone = alone
        self._together = together
        self._touches = touches
        self._patience = patience
        self._waiting: list[_Place[Q, A]] = []
        self._under_way: list[frozenset[Hashable]] = []
        self._groups: set[asyncio.Task[None]] = set()
        self._last_end = 0.0

    async def one(self, asked: Q) -> A:
        """What became of it. Raises what went wrong with it, by itself."""
        touches = self._touches(asked)
        if self._under_way:
            answer = await self._shared(asked, touches)
            if answer is not None:
                return answer
        else:
            self._under_way.append(touches)
        try:
            return await self._alone(asked)
        finally:
            self._ended(touches)

    async def _shared(self, asked: Q, touches: frozenset[Hashable]) -> A | None:
        """Wait for a group and its end; None when it is to go by itself, and is under way from now on."""
        loop = asyncio.get_running_loop()
        place = _Place[Q, A](asked, touches, loop.create_future())
        self._waiting.append(place)
        self._begin()
        place.patience = loop.call_later(self._patience, self._look, place)
        try:
            with span("wait for a group"):
                return await place.answer
        except asyncio.CancelledError:  # whoever goes away while it waits was never here
            if place in self._waiting:
                self._waiting.remove(place)
            elif not place.answer.cancelled() and place.answer.result() is None:
                self._ended(touches)
            raise
        finally:
            if place.patience is not None:
                place.patience.cancel()

    def _look(self, place: _Place[Q, A]) -> None:
        """Send somebody off who still waits while nothing comes to an end; look again later while things go on."""
        if place not in self._waiting:
            return
        loop = asyncio.get_running_loop()
        if loop.time() - self._last_end < self._patience:
            place.patience = loop.call_later(self._patience, self._look, place)
            return
        self._waiting.remove(place)
        self._tell(place, None)

    def _tell(self, place: _Place[Q, A], answer: A | None) -> None:
        if place.answer.done():  # whoever asked has gone away
            return
        if answer is None:
            self._under_way.append(place.touches)
        place.answer.set_result(answer)

    def _ended(self, touches: frozenset[Hashable]) -> None:
        self._under_way.remove(touches)
        self._last_end = asyncio.get_running_loop().time()
        self._begin()

    def _begin(self) -> None:
        """Begin the next group, if it is time."""
        free = not self._under_way or (len(self._under_way) == 1 and len(self._waiting) >= ENOUGH)
        group = self._next_group() if free else []
        if len(group) == 1:
            self._tell(group[0], None)
        elif group:
            touches = frozenset[Hashable]().union(*(place.touches for place in group))
            self._under_way.append(touches)
            task = asyncio.create_task(self._done(group, touches), context=Context())  # nobody's request in particular
            self._groups.add(task)
            task.add_done_callback(self._groups.discard)

    def _next_group(self) -> list[_Place[Q, A]]:
        """Who goes next, in the order they came: nobody overtakes another who touches the same."""
        group: list[_Place[Q, A]] = []
        left: list[_Place[Q, A]] = []
        touched = set[Hashable]().union(*self._under_way)
        for place in self._waiting:
            free = len(group) < MOST and touched.isdisjoint(place.touches)
            (group if free else left).append(place)
            touched |= place.touches
        self._waiting = left
        return group

    async def _done(self, group: Sequence[_Place[Q, A]], touches: frozenset[Hashable]) -> None:
        answers: Sequence[A | None] = [None] * len(group)
        try:
            answers = await self._together([place.asked for place in group])
        except Exception as error:
            log.info("a group goes one by one", error=type(error).__name__)
        finally:
            for place, answer in zip(group, answers, strict=True):
                self._tell(place, answer)
            self._ended(touches)
