"""The resident size of the API process after 10,000 requests of the whole book over HTTP; then, if asked, over an hour.

The server is `ehb serve` with one worker, as an operator starts it, in a process of its own; the requests come
from here, several at a time, over the loopback. The one invariant: every answer is looked at, and an error ends it.
"""

from __future__ import annotations

import asyncio
import itertools
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx2

from bench.api import WHOLE_BOOK, access_token
from bench.report import Row
from bench.serving import Server, resident, serving
from bench.world import World

_AT_ONCE = 8
_SIGNED_IN = 100


async def measure(world: World, *, people: int, records: int, requests: int, minutes: int = 0) -> list[Row]:
    """Serve, ask, print. With `minutes` the load goes on for so long, and the size is looked at every minute."""
    await world.fill(people, records)
    lasting = timedelta(minutes=60 + 2 * minutes)
    tokens = [await access_token(world, book, lasting) for book in world.books[-min(people, _SIGNED_IN) :]]
    with tempfile.TemporaryDirectory(prefix="ehb-bench-") as folder:
        keys = Path(folder) / "keys.json"
        world.keys.save(keys)
        with serving(world.uri, world.mongo.database.name, keys) as server:
            started = resident(server.pid)
            await _asked(server.base, tokens[:1], iter(range(1)))
            first = resident(server.pid)
            taken = await _asked(server.base, tokens, iter(range(requests)))
            last, most = resident(server.pid), resident(server.pid, "VmHWM")
            print(f"memory: the API process, {requests:,} times a whole book of {records} records, {_AT_ONCE} at once")
            print(f"  {started:.0f} MB at the start, {first:.0f} after a book, {last:.0f} after all, {most:.0f} most")
            print(f"  {taken.books / taken.seconds:.0f} books a second, one worker, asked from the same machine")
            print(f"  resident size: {last:.0f} MB    reach: under 150 MB", flush=True)
            shown = f"{started:.0f} MB at the start, {most:.0f} MB at most"
            rows = [Row(f"`memory`: after {requests:,} books", "", shown, f"{last:.0f} MB", "150 MB")]
            if minutes:
                rows.append(await _lasting(server, tokens, minutes, last))
    return rows


async def _lasting(server: Server, tokens: list[str], minutes: int, before: float) -> Row:
    """The same load for so many minutes."""
    seen, books = [before], 0
    for minute in range(1, minutes + 1):
        end = time.monotonic() + 60
        books += (await _asked(server.base, tokens, _turns_until(end))).books
        seen.append(resident(server.pid))
        if minute % 5 == 0 or minute == minutes:
            print(f"  after {minute} minutes and {books:,} books more: {seen[-1]:.1f} MB", flush=True)
    growth = seen[-1] / before
    print(f"  {max(seen):.1f} MB at most, at the end {growth:.3f} times the beginning    reach: 1.05")
    shown = f"{before:.1f} MB, then {seen[-1]:.1f} MB, {max(seen):.1f} MB at most; {books:,} books"
    return Row(f"`memory`: {minutes} minutes of load", "", shown, f"{growth:.3f}", "1.05")


def _turns_until(end: float) -> Iterator[None]:
    while time.monotonic() < end:
        yield None


@dataclass(frozen=True, slots=True)
class _Asked:
    books: int
    seconds: float


async def _asked(base: str, tokens: list[str], turns: Iterator[object]) -> _Asked:
    """Ask once for each turn."""
    whose, books = itertools.cycle(tokens), 0

    async def ask(http: httpx2.AsyncClient) -> None:
        nonlocal books
        for _ in turns:
            answer = await http.post(
                "/graphql", json={"query": WHOLE_BOOK}, headers={"Authorization": f"Bearer {next(whose)}"}
            )
            assert answer.status_code == 200
            assert b'"errors"' not in answer.content[:20], answer.text[:300]
            books += 1

    start = time.perf_counter()
    async with httpx2.AsyncClient(base_url=base, timeout=60) as http:
        await asyncio.gather(*(ask(http) for _ in range(_AT_ONCE)))
    return _Asked(books, time.perf_counter() - start)
