"""Who goes with whom, and when: nobody waits without need, nobody's trouble is another's."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Sequence

import pytest

from ehb.store.group_commit import ENOUGH, MOST, PATIENCE, GroupCommit


class Shop:
    """Does words, one or many at a time, and remembers what went together. A word touches its first letter."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self.done: list[list[str]] = []
        self.doing = 0
        self.most = 0
        self.seconds = 0.01
        self.gate: asyncio.Event | None = None
        self.commit = GroupCommit[str, str](self.alone, self.together, self.touches, patience)

    @staticmethod
    def touches(word: str) -> frozenset[Hashable]:
        return frozenset(word[:1])

    async def alone(self, word: str) -> str:
        await self._work([word])
        if "wrong" in word:
            raise ValueError(word)
        return f"{word} alone"

    async def together(self, words: Sequence[str]) -> list[str | None]:
        await self._work(words)
        if any("wrong" in word for word in words):
            raise ValueError
        return [None if "apart" in word else f"{word} shared" for word in words]

    async def _work(self, words: Sequence[str]) -> None:
        self.done.append(list(words))
        self.doing += 1
        self.most = max(self.most, self.doing)
        try:
            await (self.gate.wait() if self.gate is not None and len(self.done) == 1 else asyncio.sleep(self.seconds))
        finally:
            self.doing -= 1

    async def asked(self, *words: str) -> list[str | BaseException]:
        """What all of these learn who come in this order."""
        tasks = [asyncio.create_task(self.commit.one(word)) for word in words]
        return await asyncio.gather(*tasks, return_exceptions=True)


async def test_who_finds_nobody_under_way_goes_at_once_and_by_itself() -> None:
    shop = Shop()

    assert [await shop.commit.one(word) for word in ("a", "b")] == ["a alone", "b alone"]


async def test_who_comes_meanwhile_goes_together() -> None:
    shop = Shop()

    told = await shop.asked("a", "b", "c", "d")

    assert told == ["a alone", "b shared", "c shared", "d shared"]
    assert shop.done == [["a"], ["b", "c", "d"]]


async def test_a_single_one_who_waited_goes_by_itself() -> None:
    shop = Shop()

    assert await shop.asked("a", "b") == ["a alone", "b alone"]


async def test_when_enough_wait_a_second_group_begins_beside_the_first_and_never_a_third() -> None:
    shop = Shop()
    letters = [chr(ord("a") + number) for number in range(1 + 3 * ENOUGH)]

    told = await shop.asked(*letters)

    assert told == ["a alone", *(f"{letter} shared" for letter in letters[1:])]
    assert [len(group) for group in shop.done] == [1, ENOUGH, 2 * ENOUGH]
    assert shop.most == 2


async def test_a_group_is_no_larger_than_it_may_be() -> None:
    shop = Shop()
    letters = [chr(0x4E00 + number) for number in range(1 + ENOUGH + MOST + 2)]

    await shop.asked(*letters)

    assert [len(group) for group in shop.done] == [1, ENOUGH, MOST, 2]


async def test_no_two_who_touch_the_same_go_together_and_they_keep_their_order() -> None:
    shop = Shop()

    told = await shop.asked("a", "b1", "b2", "c", "b3")

    assert told == ["a alone", "b1 shared", "b2 alone", "c shared", "b3 alone"]
    assert shop.done == [["a"], ["b1", "c"], ["b2"], ["b3"]]


async def test_who_touches_what_is_under_way_waits_for_its_end() -> None:
    shop = Shop()

    await shop.asked("a1", "b", "c", "d", "a2")

    assert shop.done == [["a1"], ["b", "c", "d"], ["a2"]]


async def test_the_trouble_of_one_is_told_to_that_one_alone() -> None:
    shop = Shop()

    told = await shop.asked("a", "b", "wrong", "c")

    assert [told[0], told[1], told[3]] == ["a alone", "b alone", "c alone"]
    assert isinstance(told[2], ValueError)
    assert sorted(shop.done) == [["a"], ["b"], ["b", "wrong", "c"], ["c"], ["wrong"]]


async def test_what_cannot_share_goes_by_itself_after_its_group() -> None:
    shop = Shop()

    assert await shop.asked("a", "b", "q apart", "c") == ["a alone", "b shared", "q apart alone", "c shared"]


async def test_who_goes_away_while_it_waits_was_never_here() -> None:
    shop = Shop()
    first, gone, patient, other = (asyncio.create_task(shop.commit.one(word)) for word in "abcd")
    await asyncio.sleep(0.002)

    gone.cancel()

    assert [await one for one in (first, patient, other)] == ["a alone", "c shared", "d shared"]
    assert shop.done == [["a"], ["c", "d"]]


async def test_who_goes_away_from_a_group_takes_nobody_along() -> None:
    shop = Shop()
    first, gone, patient = (asyncio.create_task(shop.commit.one(word)) for word in "abc")
    await first
    await asyncio.sleep(0.002)

    gone.cancel()

    assert await patient == "c shared"
    with pytest.raises(asyncio.CancelledError):
        await gone


async def test_who_goes_away_by_itself_lets_the_others_go_on() -> None:
    shop = Shop()
    gone, *others = (asyncio.create_task(shop.commit.one(word)) for word in "abc")
    await asyncio.sleep(0.002)

    gone.cancel()

    assert [await one for one in others] == ["b shared", "c shared"]


async def test_nobody_waits_long_for_one_who_hangs() -> None:
    shop = Shop(patience=0.02)
    shop.gate = asyncio.Event()
    hanging = asyncio.create_task(shop.commit.one("a"))
    await asyncio.sleep(0)

    assert await shop.asked("b", "c") == ["b alone", "c alone"]

    assert not hanging.done()
    shop.gate.set()
    assert await hanging == "a alone"


async def test_a_long_queue_that_moves_on_is_waited_for() -> None:
    """Else all would go by themselves just when there are most of them."""
    shop = Shop(patience=0.05)
    shop.seconds = 0.03
    letters = [chr(0x4E00 + number) for number in range(1 + 5 * MOST)]

    told = await shop.asked(*letters)

    assert sum("shared" in str(one) for one in told) == len(letters) - 1
