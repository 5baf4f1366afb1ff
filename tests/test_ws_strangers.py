"""Connections that have not said yet whose they are: many, and few of one public address (row W1)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from graphql_schema import transport_ws
from tests.house import House


class Caller:
    """A WebSocket upgrade from some address, which says nothing more; what the app answers."""

    def __init__(self, house: House, address: str) -> None:
        self.sent: list[dict[str, Any]] = []
        self._gone, self._answered = asyncio.Event(), asyncio.Event()
        self._asked = False
        scope = {
            "type": "websocket",
            "path": "/graphql",
            "query_string": b"",
            "headers": [(b"host", b"127.0.0.1:8000")],
            "subprotocols": [transport_ws.PROTOCOL],
            "client": (address, 50_000),
            "extensions": {"websocket.http.response": {}},
        }
        self.task = asyncio.create_task(house.app(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        if not self._asked:
            self._asked = True
            return {"type": "websocket.connect"}
        await self._gone.wait()
        return {"type": "websocket.disconnect", "code": 1001}

    async def _send(self, message: Any) -> None:
        self.sent.append(message)
        self._answered.set()

    async def answered(self) -> str:
        """Accepted, or the status of the refusal."""
        await self._answered.wait()
        return str(self.sent[0].get("status", self.sent[0]["type"]))

    async def leave(self) -> None:
        self._gone.set()
        await self.task


async def test_one_public_address_does_not_take_the_places_of_all(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A private address is a proxy, behind which there may be everybody."""
    monkeypatch.setattr(transport_ws, "MOST_OF_ADDRESS", 2)
    monkeypatch.setattr(transport_ws, "MOST_STRANGERS", 6)
    addresses = ["8.8.8.8"] * 3 + ["8.8.4.4"] + ["10.0.0.1"] * 4
    callers = []
    for address in addresses:
        callers.append(Caller(house, address))
        await callers[-1].answered()

    answers = [await one.answered() for one in callers]
    await asyncio.gather(*(one.leave() for one in callers))
    again = Caller(house, "8.8.8.8")

    accepted = "websocket.accept"
    assert answers == [accepted, accepted, "503", accepted, accepted, accepted, accepted, "503"]
    assert await again.answered() == accepted
    await again.leave()
