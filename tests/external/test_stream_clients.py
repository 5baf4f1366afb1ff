"""Clients that we did not write follow a book while it is read, and see the end (rows W1, W2, W4)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.external.node import HERE, NODE, installed
from tests.house import House
from tests.test_consent import seen, world
from tests.test_presentation import opened, show
from tests.test_stream_ends import revoke

pytestmark = installed


class Told:
    """What a client's program prints, line by line."""

    def __init__(self, out: asyncio.StreamReader) -> None:
        self._out = out

    async def next(self, *kinds: str, patience: float = 15) -> dict[str, Any]:
        """The next line of one of these kinds."""
        async with asyncio.timeout(patience):
            while True:
                line = await self._out.readline()
                assert line, f"it ended without {kinds}"
                told: dict[str, Any] = json.loads(line)
                if not kinds or kinds[0] in told:
                    return told


@asynccontextmanager
async def client(kind: str, server: str, token: str, *, again: int = 0) -> AsyncIterator[Told]:
    process = await asyncio.create_subprocess_exec(
        NODE, HERE / "follow.mjs", kind, f"{server}/graphql", token, str(again), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield Told(process.stdout)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.parametrize("kind", ["ws", "sse"])
async def test_it_follows_the_book_while_it_is_read_and_sees_the_end(house: House, server: str, kind: str) -> None:
    """Rows W1, W2, W4."""
    token, doctor, book = await world(house)
    shown = await show(house, token)

    async with client(kind, server, token) as told:
        if kind == "ws":
            await told.next("opened")
        await asyncio.sleep(2)
        await opened(house, doctor, shown["code"])
        opening = await told.next("event")
        await seen(house, doctor, book)
        reading = await told.next("event")
        await revoke(house, token)
        end = await told.next("closed" if kind == "ws" else "end", patience=3)

    assert opening["event"]["data"]["accessEvents"]["action"] == "OPEN_PRESENTATION"
    assert opening["event"]["data"]["accessEvents"]["text"].startswith("Bác sĩ Thử (a practitioner)")
    assert reading["event"]["data"]["accessEvents"]["action"] == "READ"
    assert end == ({"closed": 4403} if kind == "ws" else {"end": "complete"})


async def test_npm_graphql_ws_comes_again_after_its_login_is_over_and_is_not_let_in(house: House, server: str) -> None:
    """4403 is not fatal to it, so that an app can fetch its next token; a dead token stays dead."""
    token, _, _ = await world(house)

    async with client("ws", server, token, again=2) as told:
        await told.next("opened")
        await revoke(house, token)
        codes = [(await told.next("closed"))["closed"] for _ in range(3)]
        end = await told.next("end")

    assert codes == [4403, 4403, 4403]
    assert end == {"end": "4403"}


@pytest.mark.parametrize("kind", ["ws", "sse"])
async def test_who_has_no_token_of_ours_is_refused(house: House, server: str, kind: str) -> None:
    async with client(kind, server, "x" * 64) as told:
        end = await told.next("end")

    assert end["end"] == "4403" if kind == "ws" else "401" in end["end"] or "Unauthorized" in end["end"]
