"""A client of `graphql-transport-ws` that does exactly what a test says, and hears everything that comes back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

PROTOCOL = "graphql-transport-ws"


class Talk:
    """One connection."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def say(self, kind: str, **fields: object) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def subscribe(self, query: str, name: str = "1", **variables: object) -> None:
        await self.say("subscribe", id=name, payload={"query": query, "variables": variables})

    async def hear(self, patience: float = 10) -> dict[str, Any]:
        async with asyncio.timeout(patience):
            said: dict[str, Any] = json.loads(await self.socket.recv())
            return said

    async def code(self, patience: float = 10) -> int:
        """The code with which the server closes; what it says before is not listened to."""
        async with asyncio.timeout(patience):
            try:
                while True:
                    await self.socket.recv()
            except ConnectionClosed:
                return self.socket.close_code or 0


@asynccontextmanager
async def upgraded(
    server: str,
    *,
    path: str = "/graphql",
    origin: str | None = None,
    protocols: Sequence[str] = (PROTOCOL,),
    headers: dict[str, str] | None = None,
    **more: Any,
) -> AsyncIterator[Talk]:
    """A connection on which nothing was said yet."""
    async with connect(
        f"ws{server.removeprefix('http')}{path}",
        origin=Origin(origin) if origin else None,
        subprotocols=[Subprotocol(one) for one in protocols] or None,
        additional_headers=headers,
        proxy=None,
        **more,
    ) as socket:
        yield Talk(socket)


@asynccontextmanager
async def talking(server: str, token: str, **said: str) -> AsyncIterator[Talk]:
    """A connection that the server has acknowledged, in English."""
    async with upgraded(server) as talk:
        payload = {"authorization": f"Bearer {token}", "Accept-Language": "en", **said}
        await talk.say("connection_init", payload=payload)
        assert await talk.hear() == {"type": "connection_ack"}
        yield talk
