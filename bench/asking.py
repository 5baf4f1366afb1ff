"""`python -m bench.asking`: asks over HTTP as cheaply as can be, in a process of its own.

A line of JSON on standard input is an order: where, what, over how many connections, for how long; a line on standard
output says what came of it. Each connection asks again as soon as it is answered, and the next question is the next
of the list, whoever asks it. Tokens come through the pipe, never by an argument.

The one invariant: an answer counts when it is whole, has status 200 and does not begin with errors; any other ends it.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import cast

import httptools
import msgspec
import uvloop

from bench.serving import TREE

_ERRORS = b'{"errors"'
_LONGEST = 2**26
"""Bytes of one order: some thousand questions."""


class Order(msgspec.Struct, frozen=True):
    """What to ask: whole HTTP/1.1 requests, so that asking is nothing but writing them."""

    host: str
    port: int
    requests: list[bytes]
    connections: int
    seconds: float
    tls: bool = False


class Asked(msgspec.Struct, frozen=True):
    """What came of an order."""

    milliseconds: list[float]
    """Of every answer, from the first byte that was sent to the last that came."""
    seconds: float
    size: int
    """Bytes of all bodies."""
    processor: float
    """Seconds of the processor that asking needed."""


class _Connection(asyncio.Protocol):
    """One connection that is kept."""

    def __init__(self, requests: Iterator[bytes], taken: list[float]) -> None:
        self.done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._requests = requests
        self._taken = taken
        self._parser = httptools.HttpResponseParser(self)
        self._began = self._deadline = 0.0
        self._size = 0
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's do not inherit

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._failed(f"not HTTP: {error.__context__ or error}")

    def connection_lost(self, exc: Exception | None) -> None:
        self._failed("the connection was cut")

    def on_body(self, body: bytes) -> None:
        if len(self._head) < len(_ERRORS):
            self._head += body[: len(_ERRORS)]
        self._size += len(body)

    def on_message_complete(self) -> None:
        now = time.perf_counter()
        status = self._parser.get_status_code()
        if status != 200 or self._head.startswith(_ERRORS):
            self._failed(f"status {status}, body begins {self._head!r}")
            return
        self._taken.append((now - self._began) * 1000)
        if now < self._deadline:
            self._ask()
        elif not self.done.done():
            self.done.set_result(self._size)

    def begin(self, deadline: float) -> None:
        """Ask again and again until then."""
        self._deadline = deadline
        self._ask()

    def close(self) -> None:
        """No more questions."""
        self._transport.close()

    def _ask(self) -> None:
        self._head = b""
        self._began = time.perf_counter()
        self._transport.write(next(self._requests))

    def _failed(self, why: str) -> None:
        if not self.done.done():
            self.done.set_exception(RuntimeError(f"bench: {why}"))


async def asked(order: Order) -> Asked:
    """Connect, ask until the time is over, wait for what is on its way. Raises RuntimeError for a wrong answer."""
    loop, requests = asyncio.get_running_loop(), itertools.cycle(order.requests)
    taken: list[float] = []
    connections: list[_Connection] = []
    try:
        for _ in range(order.connections):
            _, connection = await loop.create_connection(
                lambda: _Connection(requests, taken), order.host, order.port, ssl=order.tls or None
            )
            connections.append(connection)
        began, before = time.perf_counter(), time.process_time()
        for connection in connections:
            connection.begin(began + order.seconds)
        sizes = await asyncio.gather(*(one.done for one in connections))
        return Asked(taken, time.perf_counter() - began, sum(sizes), time.process_time() - before)
    finally:
        for connection in connections:
            connection.close()


class Asker:
    """A process that asks."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ask(self, order: Order) -> Asked:
        """What came of it. Raises RuntimeError when an answer was wrong."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(order) + b"\n")
        await self._process.stdin.drain()
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("bench: the asking process ended; what it said stands above")
        return msgspec.json.decode(line, type=Asked)


@asynccontextmanager
async def asker() -> AsyncIterator[Asker]:
    """A process that asks, as long as the block lasts."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.asking"),
        cwd=TREE,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LONGEST,
    )
    try:
        yield Asker(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


def main() -> None:
    """Carry out one order after the other until there are no more."""
    gc.disable()
    for line in sys.stdin.buffer:
        order = msgspec.json.decode(line, type=Order)
        print(msgspec.json.encode(uvloop.run(asked(order))).decode(), flush=True)
        gc.collect()


if __name__ == "__main__":
    main()
