"""What is asked for at once is one command, and none tells what was true before it was asked for (row A8)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from ehb.store.audit_trail import AuditTrail
from ehb.store.mongo import Mongo
from ehb.store.together import MOST, Together
from ehb.store.vault import Keys, Vault


class Shelf:
    """Things by key; remembers which keys each read asked for."""

    def __init__(self, **things: str) -> None:
        self.things = {name.encode(): thing for name, thing in things.items()}
        self.reads: list[list[bytes]] = []
        self.failing: Exception | None = None

    async def find(self, keys: Sequence[bytes]) -> list[str | Exception | None]:
        self.reads.append(list(keys))
        found: list[str | Exception | None] = [
            ValueError("broken") if key == b"broken" else self.things.get(key) for key in keys
        ]
        await asyncio.sleep(0.01)
        if self.failing is not None:
            raise self.failing
        return found


async def test_who_asks_at_once_is_answered_by_one_read() -> None:
    shelf = Shelf(a="one", b="two")
    together = Together(shelf.find, "find", "things")

    found = await asyncio.gather(*(together.one(key) for key in (b"a", b"b", b"a", b"c")))

    assert found == ["one", "two", "one", None]
    assert shelf.reads == [[b"a", b"b", b"a", b"c"]]


async def test_who_asks_while_a_read_is_under_way_gets_a_read_of_their_own() -> None:
    """What changed after the first read began is seen by the second: a session ended meanwhile stays ended."""
    shelf = Shelf(a="living")
    together = Together(shelf.find, "find", "things")

    first = asyncio.create_task(together.one(b"a"))
    await asyncio.sleep(0.005)
    shelf.things.clear()
    second = await together.one(b"a")

    assert (await first, second) == ("living", None)
    assert shelf.reads == [[b"a"], [b"a"]]


async def test_whoever_asks_meanwhile_goes_together_with_the_next() -> None:
    shelf = Shelf(a="one", b="two")
    together = Together(shelf.find, "find", "things")

    first = asyncio.create_task(together.one(b"a"))
    await asyncio.sleep(0.002)
    rest = [asyncio.create_task(together.one(key)) for key in (b"a", b"b")]
    await asyncio.sleep(0.002)
    last = await together.one(b"c")

    assert [await first, *[await one for one in rest], last] == ["one", "one", "two", None]
    assert shelf.reads == [[b"a"], [b"a", b"b", b"c"]]


async def test_one_command_has_no_more_questions_than_it_can_bear() -> None:
    shelf = Shelf(a="one")
    together = Together(shelf.find, "find", "things")

    found = await asyncio.gather(*(together.one(b"a") for _ in range(MOST + 1)))

    assert found == ["one"] * (MOST + 1)
    assert [len(read) for read in shelf.reads] == [MOST, 1]


async def test_what_is_wrong_with_one_question_is_told_to_that_one_alone() -> None:
    together = Together(Shelf(a="one").find, "find", "things")

    answers = await asyncio.gather(*(together.one(key) for key in (b"a", b"broken", b"a")), return_exceptions=True)

    assert [answers[0], type(answers[1]), answers[2]] == ["one", ValueError, "one"]


async def test_many_lines_of_the_trail_at_once_are_each_there_and_a_broken_one_is_told_to_its_own(mongo: Mongo) -> None:
    trail = AuditTrail(mongo, Vault(Keys.generate()))
    place, event = bytes(32), {"time": datetime.now(UTC)}

    written = await asyncio.gather(
        *(trail._together.one({"_id": place[:-1] + bytes([number % 5]), **event}) for number in range(6)),
        return_exceptions=True,
    )

    assert [one is None for one in written] == [True] * 5 + [False]
    assert await mongo.database["audit_events"].count_documents({}) == 5


async def test_a_failing_read_fails_for_all_who_asked_and_for_nobody_after() -> None:
    shelf = Shelf(a="one")
    shelf.failing = ConnectionError("gone")
    together = Together(shelf.find, "find", "things")

    answers = await asyncio.gather(together.one(b"a"), together.one(b"b"), return_exceptions=True)
    shelf.failing = None

    assert [type(one) for one in answers] == [ConnectionError, ConnectionError]
    assert await together.one(b"a") == "one"


async def test_who_goes_away_takes_nobodys_answer_along() -> None:
    shelf = Shelf(a="one")
    together = Together(shelf.find, "find", "things")
    impatient = asyncio.create_task(together.one(b"a"))
    patient = asyncio.create_task(together.one(b"a"))
    await asyncio.sleep(0.002)

    impatient.cancel()

    assert await patient == "one"
    with pytest.raises(asyncio.CancelledError):
        await impatient
