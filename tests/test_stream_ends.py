"""What ends a stream, whichever way it comes: the login, the right to the book, the client, a client's silence.

Standards row W2 wants it within seconds; the house promises two.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest

from ehb.domain.coding import VIETNAM
from ehb.services import stewardship
from graphql_schema import running
from tests.builders import FACILITY, NATIONAL_ID, visit_file
from tests.house import CLIENT, House
from tests.sockets import Talk, talking
from tests.stewards import PATH, STEWARD, appoint, stewards_door
from tests.test_guardians import CHILD, PARENT, child, wards
from tests.test_streams import EVENTS, following

MINE = "subscription { accessEvents { action } }"
IN_TIME = 2.0


async def revoke(house: House, token: str) -> None:
    await house.http.post("/auth/revoke", data={"token": token, "client_id": "ehb-mobile"})


async def settled(talk: Talk, *queries: str, **variables: object) -> None:
    """Subscribe to each, and wait until they run."""
    for number, query in enumerate(queries):
        await talk.subscribe(query, str(number), **variables)
    await asyncio.sleep(0.7)


@asynccontextmanager
async def busy(house: House, token: str) -> AsyncIterator[None]:
    """Somebody causes events all the time, so that no stream of theirs is ever silent."""

    async def cause() -> None:
        while True:
            await house.ask(token, "{ myAccessLog(first: 1) { nodes { id } } }")
            await asyncio.sleep(0.1)

    causing = asyncio.create_task(cause())
    try:
        yield
    finally:
        causing.cancel()
        await asyncio.gather(causing, return_exceptions=True)


async def test_a_logout_ends_a_socket(house: House, server: str) -> None:
    """Row W2: with 4403, after which a client asks for its next token."""
    token = await house.citizen(NATIONAL_ID)

    async with talking(server, token) as talk:
        await settled(talk, MINE)
        await revoke(house, token)

        assert await talk.code(IN_TIME) == 4403


async def test_a_logout_ends_streams_that_are_never_silent(house: House, server: str) -> None:
    """Row W2: whoever holds a stolen token cannot keep a stream alive by causing events with another one."""
    token, other = await house.citizen(NATIONAL_ID), await house.citizen(NATIONAL_ID)

    async with (
        busy(house, other),
        talking(server, token) as talk,
        following(server, token, EVENTS) as stream,
    ):
        await settled(talk, MINE)
        await stream.wait_for(2)
        await revoke(house, token)

        assert await talk.code(IN_TIME) == 4403
        async with asyncio.timeout(IN_TIME):
            await stream.over.wait()


async def test_the_last_second_of_the_token_is_the_last_of_its_streams(house: House, server: str) -> None:
    """Row W2."""
    token = await house.citizen(NATIONAL_ID)

    async with talking(server, token) as talk, following(server, token, EVENTS) as stream:
        await settled(talk, MINE)
        house.clock.ahead = timedelta(minutes=10)

        assert await talk.code(IN_TIME) == 4403
        async with asyncio.timeout(IN_TIME):
            await stream.over.wait()


async def test_a_fresh_token_does_not_lengthen_a_socket(house: House, server: str) -> None:
    token = await house.citizen(NATIONAL_ID)

    async with talking(server, token) as talk:
        await talk.say("connection_init", payload={"authorization": f"Bearer {await house.citizen(NATIONAL_ID)}"})

        assert await talk.code() == 4429


@pytest.mark.parametrize("kind", ["socket", "events"])
async def test_the_end_of_a_guardianship_ends_what_it_opened_and_nothing_else(
    house: House, server: str, kind: str
) -> None:
    """Row W2."""
    parent = await child(house, 5)
    await appoint(house, CHILD, PARENT)
    [ward] = await wards(house, parent)
    about = "subscription($p: ID) { bookChanged(patient: $p) { time } }"

    async with talking(server, parent) as talk, following(server, parent, about, p=ward["patient"]) as stream:
        await settled(talk, about, "subscription { bookChanged { time } }", p=ward["patient"])
        await stewardship.end_guardian(stewards_door(house), STEWARD, CHILD, PARENT, path=PATH)

        if kind == "socket":
            assert await talk.hear(IN_TIME) == {"id": "0", "type": "complete"}
            await talk.say("ping")
            assert await talk.hear() == {"type": "pong"}
        else:
            async with asyncio.timeout(IN_TIME):
                await stream.over.wait()


async def test_the_last_day_of_a_guardianship_ends_it_though_nobody_writes_anything(house: House, server: str) -> None:
    now = datetime.now(VIETNAM)
    await child(house, 5)
    await appoint(house, CHILD, PARENT, until=now.date())
    tokens = await house.sign_in("guardian", {"SoDinhDanh": PARENT, "HoVaTen": "Nguyễn Thị Mẹ"})
    house.clock.ahead = max(timedelta(), now.replace(hour=23, minute=56, second=0) - now)
    refresh = {"grant_type": "refresh_token", "client_id": CLIENT, "refresh_token": tokens["refresh_token"]}
    parent = (await house.http.post("/auth/token", data=refresh)).json()["access_token"]
    [ward] = await wards(house, parent)

    async with talking(server, parent) as talk:
        await settled(talk, "subscription($p: ID) { bookChanged(patient: $p) { time } }", p=ward["patient"])
        house.clock.ahead += timedelta(minutes=5)

        assert await talk.hear(IN_TIME) == {"id": "0", "type": "complete"}


async def test_two_people_who_are_parted_hear_nothing_of_each_other_any_more(house: House, server: str) -> None:
    one, other = NATIONAL_ID, "999185900009"
    facility, door = await house.facility(FACILITY), stewards_door(house)
    for number in (one, other):
        await house.submit(facility, visit_file({"SO_CCCD": number, "MA_LK": f"LK-{number[-2:]}"}))
    await stewardship.merge(door, STEWARD, one, other, "cùng một người", path=PATH)

    async with talking(server, await house.citizen(one)) as talk:
        await settled(talk, "subscription { bookChanged { facility } }")
        await house.submit(facility, visit_file({"SO_CCCD": other, "MA_LK": "LK-A"}))
        shared = await talk.hear()
        await stewardship.unmerge(door, STEWARD, one, other, "hai người khác nhau", path=PATH)
        await house.submit(facility, visit_file({"SO_CCCD": other, "MA_LK": "LK-B"}))
        ended = await talk.hear(IN_TIME)

    assert shared["type"] == "next"
    assert ended == {"id": "0", "type": "complete"}


async def test_a_database_that_does_not_answer_ends_a_stream_that_nothing_is_known_about() -> None:
    answered = asyncio.Event()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(running, "LONGEST_LOOK", 0.1)
        end = await running.Streams("https://book.example.vn").end(answered.wait)
    answered.set()

    assert end is running.End.NOT_KNOWN


def runs() -> set[str]:
    """Everything that runs in this process, by name of its coroutine."""
    return {str(task.get_coro()) for task in asyncio.all_tasks() if "pymongo" not in str(task.get_coro())}


async def test_whatever_way_a_client_leaves_nothing_runs_on(house: House, server: str) -> None:
    """Leaving by the rules, breaking off, and going while the subscription still begins."""
    token = await house.citizen(NATIONAL_ID)
    before = runs()

    async with following(server, token, EVENTS), talking(server, token) as polite:
        await settled(polite, MINE, EVENTS)
        async with talking(server, token) as rude:
            await settled(rude, MINE)
            rude.socket.transport.abort()
        async with talking(server, token) as hasty:
            await hasty.subscribe(MINE)
            await hasty.say("complete", id="1")
        during = runs()
    async with asyncio.timeout(5):
        while runs() - before:  # noqa: ASYNC110  nothing tells that a task is over
            await asyncio.sleep(0.05)

    assert any("_watch" in one for one in during), "the change stream was open"
    async with talking(server, token) as again:  # and opens again
        await settled(again, MINE)
        await house.ask(token, "{ myAccessLog(first: 1) { nodes { id } } }")
        assert (await again.hear())["type"] == "next"


async def test_who_comes_as_the_last_one_leaves_misses_nothing(house: House, server: str) -> None:
    """The change stream that is let go must not take the next one with it."""
    token = await house.citizen(NATIONAL_ID)

    for _ in range(6):
        async with talking(server, token) as talk:
            await talk.subscribe(MINE)
            await asyncio.sleep(0.3)
            await talk.say("complete", id="1")
            await talk.subscribe(MINE, "next")
            await asyncio.sleep(0.3)
            await house.ask(token, "{ myAccessLog(first: 1) { nodes { id } } }")
            heard = await talk.hear()
            while heard["id"] != "next":
                heard = await talk.hear()
            assert "errors" not in heard["payload"]
