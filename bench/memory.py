"""The resident size of the API process after 10,000 requests of the whole book over HTTP.

The server is `ehb serve` with one worker, as an operator starts it, in a process of its own; the requests come
from here, several at a time, over the loopback. The one invariant: every answer is looked at, and an error ends it.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import httpx2

from bench.api import WHOLE_BOOK, access_token
from bench.report import Row
from bench.serving import resident, serving
from bench.world import World

_AT_ONCE = 8
_SIGNED_IN = 100


async def measure(world: World, *, people: int, records: int, requests: int) -> list[Row]:
    """Serve, ask, print."""
    await world.fill(people, records)
    tokens = [await access_token(world, book) for book in world.books[-min(people, _SIGNED_IN) :]]
    with tempfile.TemporaryDirectory(prefix="ehb-bench-") as folder:
        keys = Path(folder) / "keys.json"
        world.keys.save(keys)
        with serving(world.uri, world.mongo.database.name, keys) as server:
            started = resident(server.pid)
            taken = await _asked(server.base, tokens[:1], 1)
            first = resident(server.pid)
            taken = await _asked(server.base, tokens, requests)
            last, most = resident(server.pid), resident(server.pid, "VmHWM")
    print(f"memory: the API process, {requests:,} requests of a whole book of {records} records, {_AT_ONCE} at a time")
    print(f"  started {started:.0f} MB, after one request {first:.0f} MB, after all {last:.0f} MB, most {most:.0f} MB")
    print(f"  {requests / taken:.0f} requests a second, one worker, the asking process on the same machine")
    print(f"  resident size: {last:.0f} MB    reach: under 150 MB")
    shown = f"{started:.0f} MB at the start, {most:.0f} MB at most"
    return [Row(f"`memory`: after {requests:,} books", "", shown, f"{last:.0f} MB", "150 MB")]


async def _asked(base: str, tokens: list[str], requests: int) -> float:
    """Ask so many times; returns the seconds it took."""
    numbers = iter(range(requests))

    async def ask(http: httpx2.AsyncClient) -> None:
        for number in numbers:
            headers = {"Authorization": f"Bearer {tokens[number % len(tokens)]}"}
            answer = await http.post("/graphql", json={"query": WHOLE_BOOK}, headers=headers)
            assert answer.status_code == 200
            assert b'"errors"' not in answer.content[:20], answer.text[:300]

    start = time.perf_counter()
    async with httpx2.AsyncClient(base_url=base, timeout=60) as http:
        await asyncio.gather(*(ask(http) for _ in range(_AT_ONCE)))
    return time.perf_counter() - start
