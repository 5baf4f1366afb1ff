"""Growth: the same reads in one database of ten thousand people, then more; and what it weighs for each of them.

Before each step's reads mongod is stopped and the system asked to forget its files (`posix_fadvise`), so the first
pass comes from disk; the disk's own cache, and a virtual machine's host, cannot be asked. The second is of a few
people read before. Both go through `Custodian.read`: a person's whole own book, decided, recorded in the trail.

The one invariant: every step is read in the same way, by the same process, with a database cache of the same size.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import shutil
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import uvloop
from pymongo import WriteConcern
from tqdm import tqdm

from bench.copies import KINDS, Copies, Template, identifier, templates
from bench.report import Row
from bench.serving import processor_seconds
from bench.sides import percentile
from bench.visit import FACILITY, forty_rows
from bench.world import NOW, SUBMITTER, national_id, on, reader
from ehb.domain.access import Purpose
from ehb.domain.book import ReadQuery
from ehb.domain.submission import Status
from ehb.formats import visit_xml
from ehb.services import submission
from ehb.store import embedded
from ehb.store.migrations import migrate
from ehb.store.registry import Registry
from ehb.store.vault import Keys, Vault

PEOPLE = (10_000, 100_000)
RECORDS = 20
REACH = 1.15
_DATABASE = "growth"
_AT_ONCE = 250
"""People whose documents go to the database together."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How far it grows and how much is read on the way."""

    people: Sequence[int]
    templates: int
    reads: int
    fixed: int
    """People of the warm pass."""
    visits: int
    cache_gb: float = 0.25


QUICK = Sizes((60, 120), templates=2, reads=10, fixed=5, visits=3)


def sizes(people: str) -> Sizes:
    """As asked on the command line: numbers of people between commas. Raises ValueError for anything else."""
    steps = tuple(int(one) for one in people.split(","))
    if list(steps) != sorted(set(steps)) or not 1_000 <= steps[0] <= steps[-1] < 1_000_000:
        raise ValueError("--people are rising numbers from 1000 to 999999")
    return Sizes(steps, templates=100, reads=1_500, fixed=400, visits=200)


@dataclass(frozen=True, slots=True)
class Taken:
    """Milliseconds of each turn, and of the processors for one turn: ours, the database's."""

    milliseconds: list[float]
    ours: float
    database: float

    @property
    def p50(self) -> float:
        return statistics.median(self.milliseconds)

    def __str__(self) -> str:
        return (
            f"p50 {self.p50:6.2f} ms   p95 {percentile(self.milliseconds, 95):6.2f} ms   "
            f"CPU {self.ours:.2f} ms, mongod {self.database:.2f} ms   of {len(self.milliseconds)}"
        )


@dataclass(frozen=True, slots=True)
class Step:
    """What was seen at one size."""

    people: int
    cold: Taken
    warm: Taken
    intake: Taken
    stats: dict[str, dict[str, Any]]


def measure(wish: Sizes) -> list[Row]:
    """Grow, read, weigh, print."""
    folder, keys, steps = Path(tempfile.mkdtemp(prefix="ehb-growth-")), Keys.generate(), list[Step]()
    made: list[Template] = []
    free = shutil.disk_usage(folder).free / 2**30
    print(f"growth: about {RECORDS} records a person, mongod's cache {wish.cache_gb:g} GB, {free:.0f} GB of disk free")
    try:
        for before, people in itertools.pairwise((0, *wish.people)):
            with embedded.start(folder, cache_gb=wish.cache_gb) as mongod:
                began = time.monotonic()
                uvloop.run(_filled(mongod.uri, keys, range(before, people), wish, made))
                filled = time.monotonic() - began
            _forgotten(folder)
            with embedded.start(folder, cache_gb=wish.cache_gb) as mongod:
                steps.append(uvloop.run(_step(mongod, keys, people, wish)))
            print(f"\n  {people:,} people, {people - before:,} of them new in {filled:.0f} s")
            _told(steps[-1])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return [row for step in steps[1:] for row in _rows(steps[0], step)]


async def _filled(uri: str, keys: Keys, numbers: range, wish: Sizes, made: list[Template]) -> None:
    """Grow by these numbers; the first of all are the templates themselves."""
    there = on(uri, _DATABASE, keys)
    try:
        await migrate(there.mongo)
        if not made:
            await Registry(there.mongo).register(FACILITY, "Bệnh viện Đo", FACILITY, [])
            made += await templates(there, wish.templates, RECORDS)
            seen = [len(one.records) for one in made], [len(one.submissions) for one in made]
            records, visits = (statistics.fmean(one) for one in seen)
            print(f"  a person has {records:.1f} records of {visits:.1f} visits", flush=True)
        vault, chance = Vault(keys), Random(numbers.start)
        fast = there.mongo.database.with_options(write_concern=WriteConcern(w=1))
        fresh = iter(range(max(numbers.start, wish.templates), numbers.stop))
        writing: set[asyncio.Task[object]] = set()
        with tqdm(total=len(numbers), unit=" people", mininterval=2) as shown:
            while several := list(itertools.islice(fresh, _AT_ONCE)):
                copies: Copies = defaultdict(list)
                for number in several:
                    for kind, document in made[number % len(made)].copy(number, vault, chance):
                        copies[kind].append(document)
                if writing:
                    await asyncio.gather(*writing)
                writing = {asyncio.create_task(_written(fast, copies))}
                await asyncio.sleep(0)
                shown.update(len(several))
            await asyncio.gather(*writing)
    finally:
        await there.mongo.close()


async def _written(database: Any, copies: Copies) -> None:
    await asyncio.gather(*(database[kind].insert_many(several, ordered=False) for kind, several in copies.items()))


def _forgotten(folder: Path) -> None:
    """Ask the system to drop what it keeps of these files in memory."""
    os.sync()
    for file in (one for one in folder.rglob("*") if one.is_file()):
        handle = os.open(file, os.O_RDONLY)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)


async def _step(mongod: embedded.EmbeddedMongo, keys: Keys, people: int, wish: Sizes) -> Step:
    there = on(mongod.uri, _DATABASE, keys)
    try:
        await migrate(there.mongo)
        stats = {
            kind: (await there.mongo.database.command("collStats", kind)) for kind in KINDS
        }  # before anything is read, so of what is on disk
        chance, vault = Random(people), Vault(keys)
        numbers = chance.sample(
            range(wish.templates, people), min(wish.reads + wish.fixed + 5, people - wish.templates)
        )
        found = there.mongo.database["identifiers"].find({"_id": {"$in": [identifier(vault, one) for one in numbers]}})
        books = [bytes(one["patient"]) async for one in found]
        fixed, others = books[: wish.fixed], books[wish.fixed :]

        async def read(book: bytes) -> None:
            opened = await there.custodian.read(reader(book), book, Purpose.PATIENT_REQUEST, ReadQuery(), path="bench")
            assert len(opened.records) >= RECORDS, len(opened.records)

        async def sent(body: bytes) -> None:
            visit = visit_xml.read(body)
            receipt = await submission.submit(there.custodian, SUBMITTER, visit, body, now=NOW, path="bench")
            assert receipt.status is Status.ACCEPTED

        await _timed(read, others[:5], mongod.pid)  # connections and plans; these are not read again
        cold = await _timed(read, others[5:], mongod.pid)
        await _timed(read, fixed, mongod.pid)
        warm = await _timed(read, fixed * 3, mongod.pid)
        bodies = [forty_rows(f"LK-{people}-{one}", national_id(one)) for one in numbers[: wish.visits]]
        return Step(people, cold, warm, await _timed(sent, bodies, mongod.pid), stats)
    finally:
        await there.mongo.close()


async def _timed(work: Callable[[bytes], Awaitable[None]], over: Sequence[bytes], mongod: int) -> Taken:
    """One after the other; the garbage of the bench itself is frozen."""
    gc.collect()
    gc.freeze()
    taken: list[float] = []
    ours, database = time.process_time(), processor_seconds(mongod)
    for one in over:
        began = time.perf_counter()
        await work(one)
        taken.append((time.perf_counter() - began) * 1000)
    each = 1000 / len(taken)
    gc.unfreeze()
    return Taken(taken, (time.process_time() - ours) * each, (processor_seconds(mongod) - database) * each)


def _told(step: Step) -> None:
    print(f"    a book, cold   {step.cold}")
    print(f"    a book, warm   {step.warm}")
    print(f"    an intake      {step.intake}")
    print(f"    {'':<14}{'documents':>12}{'bytes each':>12}{'data MB':>10}{'on disk MB':>12}   indexes, bytes a person")
    for kind, stats in step.stats.items():
        indexes = ", ".join(f"{name} {size / step.people:.0f}" for name, size in stats["indexSizes"].items())
        print(
            f"    {kind:<14}{stats['count']:>12,}{stats.get('avgObjSize', 0):>12,.0f}{stats['size'] / 1e6:>10,.0f}"
            f"{stats['storageSize'] / 1e6:>12,.0f}   {indexes}"
        )
    data = sum(one["size"] for one in step.stats.values()) / step.people
    disk = sum(one["storageSize"] + one["totalIndexSize"] for one in step.stats.values()) / step.people
    print(f"    a million people: {data / 1000:.1f} GB of data, {disk / 1000:.1f} GB on disk with indexes", flush=True)


def _rows(first: Step, step: Step) -> list[Row]:
    shown = f"`growth`, {step.people:,} people to {first.people:,}"
    pairs = (("warm", first.warm, step.warm), ("cold", first.cold, step.cold), ("intake", first.intake, step.intake))
    return [
        Row(
            f"{shown}: p50 {name}",
            f"{small.p50:.2f} ms",
            f"{large.p50:.2f} ms",
            f"{large.p50 / small.p50:.2f}",
            f"{REACH:g} at a million" if name == "warm" else "",
        )
        for name, small, large in pairs
    ]
