"""The resident size of the API process after 10,000 requests of the whole book over HTTP.

The server is `ehb serve` with one worker, as an operator starts it, in a process of its own; the requests come
from here, several at a time, over the loopback. The one invariant: every answer is looked at, and an error ends it.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from bench.api import WHOLE_BOOK, access_token, settings
from bench.world import World

_AT_ONCE = 8
_SIGNED_IN = 100


async def measure(world: World, *, people: int, records: int, requests: int) -> None:
    """Serve, ask, print."""
    await world.fill(people, records)
    tokens = [await access_token(world, book) for book in world.books[-min(people, _SIGNED_IN) :]]
    with _server(world) as (pid, base):
        await _answering(base)
        started = _resident(pid)
        taken = await _asked(base, tokens[:1], 1)
        first = _resident(pid)
        taken = await _asked(base, tokens, requests)
        last, most = _resident(pid), _resident(pid, "VmHWM")
    print(f"memory: the API process, {requests:,} requests of a whole book of {records} records, {_AT_ONCE} at a time")
    print(f"  started {started:.0f} MB, after one request {first:.0f} MB, after all {last:.0f} MB, most {most:.0f} MB")
    print(f"  {requests / taken:.0f} requests a second, one worker, the asking process on the same machine")
    print(f"  resident size: {last:.0f} MB    reach: under 150 MB")


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


@contextmanager
def _server(world: World) -> Iterator[tuple[int, str]]:
    """A running `ehb serve`: its process id and its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    with tempfile.TemporaryDirectory(prefix="ehb-bench-") as folder:
        keys = Path(folder) / "keys.json"
        world.keys.save(keys)
        environment = {**settings(world.uri, world.mongo.database.name), "EHB_KEYS_FILE": str(keys)}
        program = str(Path(sys.executable).with_name("ehb"))
        serving = subprocess.Popen(
            [program, "serve", "--port", port],
            env={"PATH": os.environ["PATH"], **environment},
            stderr=subprocess.DEVNULL,
        )
        try:
            yield serving.pid, f"http://127.0.0.1:{port}"
        finally:
            serving.terminate()
            serving.wait(timeout=30)


async def _answering(base: str) -> None:
    async with httpx2.AsyncClient() as http:
        for _ in range(300):
            try:
                (await http.get(f"{base}/readyz")).raise_for_status()
                return
            except httpx2.HTTPError:
                await asyncio.sleep(0.1)
    raise RuntimeError("ehb serve did not answer")


def _resident(pid: int, field: str = "VmRSS") -> float:
    """Megabytes (of 1,000,000 bytes), as Linux counts them."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024 / 1_000_000
