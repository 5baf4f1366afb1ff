"""What one connection may hold in memory has an end: clients that do not read, floods of pings, endless fragments."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from ehb import server
from ehb.server import OPTIONS

UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
PIECE = "x" * 50_000


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[int]:
    running = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", log_config=None, **OPTIONS))
    task = asyncio.create_task(running.serve())
    while not running.started:  # noqa: ASYNC110  uvicorn tells it by a flag
        await asyncio.sleep(0.01)
    try:
        yield running.servers[0].sockets[0].getsockname()[1]
    finally:
        running.should_exit = True
        await asyncio.wait_for(task, 10)


@asynccontextmanager
async def deaf(port: int, first: bytes) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A client that says something, and of what comes back takes what the system takes by itself."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    line.setblocking(False)
    await asyncio.get_running_loop().sock_connect(line, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=line, limit=1_024)
    writer.write(first)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


def frame(opcode: int, payload: bytes, *, final: bool = True) -> bytes:
    """A frame of a client (RFC 6455 section 5.2), masked by zeros."""
    return struct.pack("!BB4x", opcode | (0x80 if final else 0), 0x80 | len(payload)) + payload


class Talker:
    """Sends without end; `over` when sending ended, and how."""

    def __init__(self) -> None:
        self.sent, self.over = 0, asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            message: dict[str, Any] = {"type": "websocket.send", "text": PIECE}
        else:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            message = {"type": "http.response.body", "body": PIECE.encode(), "more_body": True}
        gone = asyncio.create_task(_gone(receive))
        with contextlib.suppress(OSError):
            while not gone.done():
                await send(message)
                self.sent += 1
                await asyncio.sleep(0)
        gone.cancel()
        self.over.set()


class Listener:
    """Accepts, and waits for the end of the connection."""

    def __init__(self) -> None:
        self.over = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await _gone(receive)
        self.over.set()


async def _gone(receive: Receive) -> None:
    while not (await receive())["type"].endswith("disconnect"):
        pass


@pytest.mark.parametrize("first", [UPGRADE, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"], ids=["socket", "events"])
async def test_a_client_that_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch, first: bytes) -> None:
    monkeypatch.setattr(server, "PATIENCE", 0.5)
    talker = Talker()

    async with serving(talker) as port, deaf(port, first):
        await asyncio.wait_for(talker.over.wait(), 5)

    assert talker.sent * len(PIECE) < 20_000_000  # what the system buffers; nothing grows with time


async def test_a_client_that_reads_slowly_but_reads_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "PATIENCE", 0.5)
    talker = Talker()

    async with serving(talker) as port, deaf(port, UPGRADE) as (reader, _):
        deadline = asyncio.get_running_loop().time() + 1.5
        while asyncio.get_running_loop().time() < deadline:
            await reader.read(1_000_000)
            await asyncio.sleep(0.001)

        assert not talker.over.is_set()


async def test_pings_are_not_answered_into_a_buffer_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "PATIENCE", 1_000.0)  # it is the amount that counts, not the time
    listener, pings = Listener(), frame(0x9, b"x" * 125) * 2_000

    async with serving(listener) as port, deaf(port, UPGRADE) as (reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(8):
                while not listener.over.is_set():
                    writer.write(pings)
                    await writer.drain()
        await asyncio.wait_for(listener.over.wait(), 5)


async def test_a_message_does_not_consist_of_fragments_without_end() -> None:
    listener = Listener()

    async with serving(listener) as port, deaf(port, UPGRADE) as (reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(frame(0x1, b"x", final=False) + frame(0x0, b"", final=False) * (server.MOST_FRAGMENTS + 1))
        await asyncio.wait_for(listener.over.wait(), 5)


async def test_who_does_not_say_good_bye_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "FAREWELL", 0.3)

    async def closes(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.close", "code": 4403})

    async with serving(closes) as port, deaf(port, UPGRADE) as (reader, _):
        async with asyncio.timeout(3):
            with contextlib.suppress(ConnectionError):
                while await reader.read(1_000):
                    pass


async def _answer(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await asyncio.sleep(0.002)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def asked_until_told(port: int, gap: float) -> int:
    """How often somebody asked on one connection until they were told to leave; raises for a question unanswered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    count, head = 0, b""
    while b"connection: close" not in head:
        await asyncio.sleep(gap)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        assert await reader.readexactly(2) == b"ok"
        count += 1
    assert await reader.read() == b""
    writer.close()
    return count


async def test_no_request_is_left_unanswered_when_the_process_ends() -> None:
    async with serving(_answer) as port:
        gaps = [0, 0.001, 0.005, 0.01, 0.02, 0.1] * 4
        asking = [asyncio.create_task(asked_until_told(port, gap)) for gap in gaps]
        await asyncio.sleep(0.3)
    counts = await asyncio.gather(*asking)

    assert all(count > 1 for count in counts)
