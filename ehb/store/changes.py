"""What changes while somebody listens: one change stream for each process, handed out by book.

Every process sees what every other writes, because MongoDB tells all of them. What ends by the clock alone (a
guardian's last day) writes nothing, so a listener is called now and then as well. The one invariant: a listener hears
everything from the moment that `of` gives it its queue, or hears that it did not.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from pymongo.errors import PyMongoError

from ehb.errors import Unavailable
from ehb.store.mongo import Document, Mongo
from ehb.traces import apart

MOST_UNREAD = 200
"""Changes that a listener may leave unread; one that is slower has missed something and is told so."""
CALLED_EVERY = 1.0
"""Seconds without a change after which a listener is called."""
_STANDING = {"ns.coll": {"$in": ["audit_events", "grants"]}, "operationType": {"$in": ["insert", "update"]}}
_SHARING = {"ns.coll": "people", "updateDescription.updatedFields.others": {"$exists": True}}
_WATCHED: list[dict[str, Any]] = [
    {"$match": {"$or": [_STANDING, _SHARING]}},
    {
        "$project": {
            "documentKey": 1,
            "ns": 1,
            "fullDocument": {"$cond": [{"$eq": ["$ns.coll", "audit_events"]}, "$fullDocument", None]},
        }
    },
]


@dataclass(frozen=True, slots=True)
class Change:
    """A line that came into the trail of a book, or None: what stands about the book may have changed."""

    line: Document | None
    shared: bool = False
    """People who share the book have become more or fewer."""


@dataclass(eq=False, slots=True)
class _Listener:
    people: frozenset[bytes]
    queue: asyncio.Queue[Change | None] = field(default_factory=lambda: asyncio.Queue(MOST_UNREAD + 1))

    def tell(self, change: Change) -> None:
        if self.queue.qsize() >= MOST_UNREAD:
            self.close()
        else:
            self.queue.put_nowait(change)

    def close(self) -> None:
        with suppress(asyncio.QueueFull):
            self.queue.put_nowait(None)


class Changes:
    """The change stream of this process; open while somebody listens, and then only."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._listeners: set[_Listener] = set()
        self._watching: asyncio.Task[None] | None = None
        self._open = asyncio.Event()

    @asynccontextmanager
    async def of(self, people: frozenset[bytes]) -> AsyncIterator[AsyncIterator[Change]]:
        """Changes of the books of these people, from now on. The iterator raises Unavailable when it lost some."""
        listener = _Listener(people)
        self._listeners.add(listener)
        try:
            if self._watching is None or self._watching.done():
                self._open.clear()
                with apart():
                    self._watching = asyncio.create_task(self._watch())
            await self._opened(self._watching)
            async with aclosing(_heard(listener)) as changes:
                yield changes
        finally:
            self._listeners.discard(listener)
            if not self._listeners and self._watching is not None:
                watching, self._watching = self._watching, None
                watching.cancel()
                await asyncio.wait({watching})  # the driver takes leave of the server

    async def _opened(self, watching: asyncio.Task[None]) -> None:
        opening = asyncio.create_task(self._open.wait())
        try:
            await asyncio.wait({opening, watching}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            opening.cancel()
        if not self._open.is_set():
            raise Unavailable

    async def _watch(self) -> None:
        try:
            async with await self._mongo.database.watch(_WATCHED, max_await_time_ms=500) as stream:
                self._open.set()
                async for change in stream:
                    self._tell(change)
        except asyncio.CancelledError:  # nobody listened any more; whoever began since has a watch of their own
            raise
        except PyMongoError:
            self._lose()
        except BaseException:
            self._lose()
            raise
        else:
            self._lose()

    def _lose(self) -> None:
        """All who listen have missed something."""
        self._open.clear()
        for listener in self._listeners:
            listener.close()

    def _tell(self, change: dict[str, Any]) -> None:
        place = bytes(change["documentKey"]["_id"])
        for listener in self._listeners:
            if place[:16] in listener.people:
                listener.tell(Change(change.get("fullDocument"), shared=change["ns"]["coll"] == "people"))


async def _heard(listener: _Listener) -> AsyncGenerator[Change]:
    while True:
        try:
            async with asyncio.timeout(CALLED_EVERY):
                change = await listener.queue.get()
        except TimeoutError:
            change = Change(None)
        if change is None:
            raise Unavailable
        yield change
