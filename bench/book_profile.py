"""Where the processor time of our server goes while people read their books over HTTP, by layer.

The one invariant: what is looked at is the server of the measure `book`, asked by the same client; looking slows it, so
shares are what counts.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from pathlib import Path

from bench.api import access_token
from bench.asking import asker
from bench.book_sides import WHOLE, asked_of_us
from bench.layers import print_profile
from bench.report import Row
from bench.serving import serving
from bench.sides import Side
from bench.world import World

_CONNECTIONS = 8
_PROGRAM = (sys.executable, "-m", "bench.profiled")


async def measure(world: World, *, people: int, seconds: float) -> list[Row]:
    """Serve, ask, print; nothing for the table."""
    await world.fill(people, WHOLE)
    questions = [asked_of_us(await access_token(world, book), WHOLE) for book in world.books]
    with tempfile.TemporaryDirectory(prefix="ehb-bench-") as folder:
        keys, profile = Path(folder) / "keys.json", Path(folder) / "profile.json"
        world.keys.save(keys)
        where = {"EHB_BENCH_PROFILE": str(profile)}
        async with asker() as asking:
            with serving(world.uri, world.mongo.database.name, keys, program=_PROGRAM, **where) as server:
                ours = Side("ours", server.base, questions, server.pid)
                await asking.ask(ours.order(0, _CONNECTIONS, seconds / 10))
                os.kill(server.pid, signal.SIGUSR1)
                asked = await asking.ask(ours.order(1, _CONNECTIONS, seconds))
        print(f"book: {len(asked.milliseconds):,} books of {WHOLE} records over {_CONNECTIONS} connections")
        print_profile(json.loads(profile.read_text()), len(asked.milliseconds), "book")
    return []
