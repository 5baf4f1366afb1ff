"""Reads that are asked for in the same moment go to the database as one: most of a small read is its round trip.

The one invariant: a read begins after it was asked for, so nobody is told what was true before they asked. That is why
a session may be read this way and not be remembered: an ended one is refused at the very next request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Together(Generic[T]):
    """Finds one thing by its key, for everybody who asks in one turn of the event loop."""

    def __init__(self, find: Callable[[Sequence[bytes]], Awaitable[Mapping[bytes, T]]]) -> None:
        self._find = find
        self._asked: dict[bytes, asyncio.Future[T | None]] = {}
        self._reading: set[asyncio.Task[None]] = set()

    async def one(self, key: bytes) -> T | None:
        """What has this key, None when nothing has. Raises what the read raises."""
        if key not in self._asked:
            if not self._asked:
                task = asyncio.create_task(self._read())
                self._reading.add(task)
                task.add_done_callback(self._reading.discard)
            self._asked[key] = asyncio.get_running_loop().create_future()
        return await asyncio.shield(self._asked[key])

    async def _read(self) -> None:
        """A task begins in the next turn of the loop: until then others may join, afterwards they begin anew."""
        asked, self._asked = self._asked, {}
        try:
            found = await self._find(list(asked))
        except BaseException as error:
            for future in asked.values():
                future.set_exception(error)
                future.exception()  # whoever asked may have gone away
            if not isinstance(error, Exception):
                raise
            return
        for key, future in asked.items():
            future.set_result(found.get(key))
