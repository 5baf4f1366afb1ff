"""Group commit: what arrives while a transaction is under way goes into the next one together.

The commit and the round trips of a transaction cost the same for one thing as for twenty. So whoever comes while
nothing is under way goes at once and by itself; whoever comes meanwhile waits for its end and shares the next
transaction with all who wait and do not touch the same thing. What cannot share, or has shared in vain, goes by itself.

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

Q = TypeVar("Q")
A = TypeVar("A")
MOST = 16
"""In one group: what a transaction of these holds in memory and in locks stays small, and nobody waits long."""
PATIENCE = 1.0
"""Seconds that anybody waits for a group to begin: one who goes before and hangs must not stop the others."""


@dataclass(eq=False, slots=True)
class _Place(Generic[Q, A]):
    """Somebody who waits. The answer is None for whoever has to go by itself."""

    asked: Q
    answer: asyncio.Future[A | None]


class GroupCommit(Generic[Q, A]):
    """Decides who goes by itself and who goes together."""

    def __init__(
        self,
        alone: Callable[[Q], Awaitable[A]],
        together: Callable[[Sequence[Q]], Awaitable[Sequence[A | None]]],
        touches: Callable[[Q], frozenset[Hashable]],
    ) -> None:
        """`together` does all or nothing of a group, and leaves out, by None, what cannot share.

        `touches` names what one will read and write; no two of a group touch the same.
        """
        self._alone = alone
        self._together = together
        self._touches = touches
        self._waiting: list[_Place[Q, A]] = []
        self._under_way = 0
        self._groups: set[asyncio.Task[None]] = set()

    async def one(self, asked: Q) -> A:
        """What became of it. Raises what went wrong with it, by itself."""
        answer = await self._shared(asked) if self._under_way else None
        return answer if answer is not None else await self._by_itself(asked)

    async def _by_itself(self, asked: Q) -> A:
        self._under_way += 1
        try:
            return await self._alone(asked)
        finally:
            self._ended()

    async def _shared(self, asked: Q) -> A | None:
        """Wait for a group and its end. Whoever goes away while it waits was never here."""
        loop = asyncio.get_running_loop()
        place = _Place[Q, A](asked, loop.create_future())
        self._waiting.append(place)
        patience = loop.call_later(PATIENCE, self._leave, place)
        try:
            return await place.answer
        finally:
            patience.cancel()
            self._leave(place)

    def _leave(self, place: _Place[Q, A]) -> None:
        if place in self._waiting:
            self._waiting.remove(place)
            _tell(place, None)

    def _ended(self) -> None:
        self._under_way -= 1
        if self._under_way or not self._waiting:
            return
        group = self._next_group()
        if len(group) == 1:
            _tell(group[0], None)
            return
        self._under_way += 1
        task = asyncio.create_task(self._done(group), context=Context())  # nobody's request in particular
        self._groups.add(task)
        task.add_done_callback(self._groups.discard)

    def _next_group(self) -> list[_Place[Q, A]]:
        """Who goes next, in the order they came: nobody overtakes another who touches the same."""
        group: list[_Place[Q, A]] = []
        left: list[_Place[Q, A]] = []
        touched: set[Hashable] = set()
        for place in self._waiting:
            touches = self._touches(place.asked)
            free = len(group) < MOST and touched.isdisjoint(touches)
            (group if free else left).append(place)
            touched |= touches
        self._waiting = left
        return group

    async def _done(self, group: Sequence[_Place[Q, A]]) -> None:
        answers: Sequence[A | None] = [None] * len(group)
        try:
            answers = await self._together([place.asked for place in group])
        except Exception as error:
            log.info("a group goes one by one", error=type(error).__name__)
        finally:
            for place, answer in zip(group, answers, strict=True):
                _tell(place, answer)
            self._ended()


def _tell(place: _Place[Q, A], answer: A | None) -> None:
    if not place.answer.done():  # whoever asked may have gone away
        place.answer.set_result(answer)
