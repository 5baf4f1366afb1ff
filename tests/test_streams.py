"""Streams through a real server: lines come at once, and stop when the right to see them does."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from ehb.services import stewardship
from tests.builders import FACILITY, visit_file
from tests.house import House
from tests.stewards import PATH, STEWARD, appoint, stewards_door
from tests.test_consent import seen, world
from tests.test_guardians import CHILD, PARENT, child, told_of_child, wards
from tests.test_presentation import opened, show

EVENTS = "subscription($patient: ID) { accessEvents(patient: $patient) { action outcome who facility text } }"


class Stream:
    """What came so far; `over` when the server said that nothing more comes."""

    def __init__(self) -> None:
        self.results: list[dict[str, Any]] = []
        self.over = asyncio.Event()
        self.grew = asyncio.Event()

    async def wait_for(self, count: int) -> list[dict[str, Any]]:
        async with asyncio.timeout(10):
            while len(self.results) < count:
                self.grew.clear()
                await self.grew.wait()
        return self.results


@asynccontextmanager
async def following(server: str, token: str | None, query: str, **variables: object) -> AsyncIterator[Stream]:
    stream = Stream()
    headers = {"Accept": "text/event-stream", "Accept-Language": "en"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    ready = asyncio.Event()

    async def listen() -> None:
        async with (
            httpx2.AsyncClient(timeout=30) as http,
            http.stream(
                "POST", f"{server}/graphql", json={"query": query, "variables": variables}, headers=headers
            ) as answer,
        ):
            assert answer.status_code == 200, (await answer.aread(), answer.headers)
            assert answer.headers["content-type"].startswith("text/event-stream")
            beats, event = 0, ""
            async for line in answer.aiter_lines():
                if line == ":":
                    beats += 1
                    if beats == 2:  # the second comes once the operation runs
                        ready.set()
                elif line.startswith("event:"):
                    event = line[6:].strip()
                elif line.startswith("data:") and event == "next":
                    stream.results.append(json.loads(line[5:]))
                    stream.grew.set()
                    ready.set()
                elif line.startswith("data:") and event == "complete":
                    stream.over.set()
                    ready.set()

    task = asyncio.create_task(listen())
    try:
        async with asyncio.timeout(10):
            while not ready.is_set():
                assert not task.done(), task.exception()
                await asyncio.sleep(0.01)
        yield stream
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_the_citizen_sees_the_opening_at_once(house: House, server: str) -> None:
    """Row W4."""
    citizen, token, book = await world(house)
    shown = await show(house, citizen)

    async with following(server, citizen, EVENTS) as stream:
        begun = time.perf_counter()
        await opened(house, token, shown["code"])
        [event] = await stream.wait_for(1)
        waited = time.perf_counter() - begun
        await seen(house, token, book)
        [_, read] = await stream.wait_for(2)

    assert event["data"]["accessEvents"]["action"] == "OPEN_PRESENTATION"
    assert event["data"]["accessEvents"]["text"].startswith("Bác sĩ Thử (a practitioner), Bệnh viện Thử 99001 opened")
    assert read["data"]["accessEvents"]["action"] == "READ"
    assert waited < 5


async def test_a_book_that_changed_says_so(house: House, server: str) -> None:
    citizen, _, _ = await world(house)

    async with following(server, citizen, "subscription { bookChanged { facility facilityName } }") as stream:
        rehearsing, sending = await house.facility("99002"), await house.facility(FACILITY)
        await house.submit(rehearsing, visit_file({"MA_LK": "LK-8"}, facility="99002"), dry_run=True)
        await house.submit(sending, visit_file({"MA_LK": "LK-9"}))
        [event] = await stream.wait_for(1)

    assert event["data"]["bookChanged"] == {"facility": FACILITY, "facilityName": "Bệnh viện Thử 99001"}


async def test_it_ends_within_two_seconds_of_the_end_of_a_guardianship(house: House, server: str) -> None:
    """Row W2."""
    parent = await child(house, 5)
    await appoint(house, CHILD, PARENT)
    [ward] = await wards(house, parent)

    async with following(server, parent, EVENTS, patient=ward["patient"]) as stream:
        await house.submit(await house.facility(FACILITY), visit_file({"MA_LK": "LK-3", **told_of_child(5)}))
        await stream.wait_for(1)
        await stewardship.end_guardian(stewards_door(house), STEWARD, CHILD, PARENT, path=PATH)
        async with asyncio.timeout(2):
            await stream.over.wait()
        await house.submit(await house.facility(FACILITY), visit_file({"MA_LK": "LK-4", **told_of_child(5)}))

    assert "SUBMIT" not in [one["data"]["accessEvents"]["action"] for one in stream.results[1:]]


async def test_it_ends_within_two_seconds_of_a_logout(house: House, server: str) -> None:
    """Rows W2, O12."""
    citizen, _, _ = await world(house)

    async with following(server, citizen, EVENTS) as stream:
        await house.http.post("/auth/revoke", data={"token": citizen, "client_id": "ehb-mobile"})
        async with asyncio.timeout(2.5):
            await stream.over.wait()


@pytest.mark.parametrize("root", ["accessEvents { id }", "bookChanged { time }"])
@pytest.mark.parametrize("caller", ["anonymous", "stranger"])
async def test_a_stranger_follows_nothing(house: House, server: str, root: str, caller: str) -> None:
    _, _, book = await world(house)
    token = await house.citizen("999185900009", "Lê Thị Lạ") if caller == "stranger" else None
    name, _, selection = root.partition(" ")

    query = f"subscription($patient: ID) {{ {name}(patient: $patient) {selection} }}"
    async with following(server, token, query, patient=book) as stream:
        async with asyncio.timeout(5):
            await stream.over.wait()

    [answer] = stream.results
    assert answer["errors"][0]["extensions"]["code"] == ("FORBIDDEN" if token else "UNAUTHENTICATED")
    assert not answer.get("data")


async def test_a_query_comes_as_a_stream_of_one_and_a_faulty_document_as_an_error(house: House, server: str) -> None:
    citizen, _, _ = await world(house)

    async with following(server, citizen, "{ me { kind } }") as stream:
        await stream.over.wait()
    async with following(server, citizen, "{ nonsense }") as faulty:
        await faulty.over.wait()
    over_json = await house.ask(citizen, EVENTS)

    assert stream.results == [{"data": {"me": {"kind": "CITIZEN"}}}]
    assert "data" not in faulty.results[0]
    assert faulty.results[0]["errors"]
    assert over_json["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
