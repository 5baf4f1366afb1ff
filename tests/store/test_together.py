"""Reads that are asked for at once are one read, and none tells what was true before it was asked for (row A8)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from ehb.store.together import Together


class Shelf:
    """Things by key; remembers which keys each read asked for."""

    def __init__(self, **things: str) -> None:
        self.things = {name.encode(): thing for name, thing in things.items()}
        self.reads: list[list[bytes]] = []
        self.failing: Exception | None = None

    async def find(self, keys: Sequence[bytes]) -> Mapping[bytes, str]:
        self.reads.append(list(keys))
        found = {key: self.things[key] for key in keys if key in self.things}
        await asyncio.sleep(0.01)
        if self.failing is not None:
            raise self.failing
        return found


async def test_who_asks_at_once_is_answered_by_one_read() -> None:
    shelf = Shelf(a="one", b="two")
    together = Together(shelf.find)

    found = await asyncio.gather(*(together.one(key) for key in (b"a", b"b", b"a", b"c")))

    assert found == ["one", "two", "one", None]
    assert shelf.reads == [[b"a", b"b", b"c"]]


async def test_who_asks_while_a_read_is_under_way_gets_a_read_of_their_own() -> None:
    """What changed after the first read began is seen by the second: a session ended meanwhile stays ended."""
    shelf = Shelf(a="living")
    together = Together(shelf.find)

    first = asyncio.create_task(together.one(b"a"))
    await asyncio.sleep(0.005)
    shelf.things.clear()
    second = await together.one(b"a")

    assert (await first, second) == ("living", None)
    assert shelf.reads == [[b"a"], [b"a"]]


async def test_a_failing_read_fails_for_all_who_asked_and_for_nobody_after() -> None:
    shelf = Shelf(a="one")
    shelf.failing = ConnectionError("gone")
    together = Together(shelf.find)

    answers = await asyncio.gather(together.one(b"a"), together.one(b"b"), return_exceptions=True)
    shelf.failing = None

    assert [type(one) for one in answers] == [ConnectionError, ConnectionError]
    assert await together.one(b"a") == "one"


async def test_who_goes_away_takes_nobodys_answer_along() -> None:
    shelf = Shelf(a="one")
    together = Together(shelf.find)
    impatient = asyncio.create_task(together.one(b"a"))
    patient = asyncio.create_task(together.one(b"a"))
    await asyncio.sleep(0.002)

    impatient.cancel()

    assert await patient == "one"
    with pytest.raises(asyncio.CancelledError):
        await impatient
