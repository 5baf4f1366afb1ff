"""kill -9 of the API and of its database at random moments, while a facility submits; then everything is sent again.

A real `ehb serve` and a real mongod with a kept folder are killed and started again, over and over. The facility
tries nothing twice while that happens: what is not answered counts as not acknowledged. In the end all is resent,
as after any such night, and counted from outside by `bench.faults_count`. The one invariant: what was acknowledged
is remembered here, in a process that nobody kills.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from joserfc.jwk import ECKey
from tqdm import tqdm

from bench.faults_count import Counted, Sent, Visit, count
from bench.serving import Server, free_port, started
from bench.visit import FACILITY, forty_rows
from bench.world import World, national_id, on
from ehb.client import FacilityClient, Refused, SigningKey
from ehb.client.patience import Patience
from ehb.domain.submission import Receipt, Status
from ehb.errors import EhbError
from ehb.store import embedded
from ehb.store.migrations import migrate
from ehb.store.registry import Registry
from ehb.store.vault import Keys

_AT_ONCE = 6
_VISITS_OF_ONE = 4
_CHANGED = 5
"""Every fifth visit is sent a second time with other content."""
_DATABASE = "faults"
_NOBODY_WAITS = Patience(seconds=0, first_contact=0)


@dataclass(frozen=True, slots=True)
class Wish:
    """How much is sent, how often something is killed, and which random moments."""

    submissions: int = 500
    kills: int = 20
    seed: int = 1


@dataclass(slots=True)
class Run:
    """What happened, as the facility saw it."""

    killed: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    resent: Counter[str] = field(default_factory=Counter)
    acknowledged: list[Sent] = field(default_factory=list)
    attempted: dict[str, int] = field(default_factory=dict)
    """Episode → the highest version that was begun, answered or not."""
    unanswered: int = 0
    """Found stored by the resend, although nobody had answered."""
    longest: float = 0.0
    """Seconds that an answer took in the end, when nothing was killed any more."""


def measure(wish: Wish) -> int:
    """Kill, resend, count, print; returns how many things were wrong."""
    with tempfile.TemporaryDirectory(prefix="ehb-faults-") as folder:
        return asyncio.run(_measured(Path(folder), wish))


async def _measured(folder: Path, wish: Wish) -> int:
    key = SigningKey(ECKey.generate_key("P-384"), "ES384")
    with _Machine(folder) as machine:
        await _prepare(machine, key)
        machine.start_api()
        visits, run = list(_visits(wish)), Run()
        await _submit_while_dying(machine, key, visits, run, wish)
        await _resend(machine, key, visits, run)
        counted = await count(machine.there(), machine.base, key, visits, run.acknowledged)
    _print(wish, visits, run, counted)
    return sum(counted.wrong.values())


class _Machine:
    """A mongod with a kept folder and an API before it, each on its port; either may be killed and comes back."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mongo_port, self._api_port = free_port(), free_port()
        self._keys = Keys.generate()
        self._keys.save(folder / "keys.json")
        self._mongod = embedded.start(folder / "mongod", port=self._mongo_port)
        self._api: Server | None = None
        self.base = f"http://127.0.0.1:{self._api_port}"

    def __enter__(self) -> _Machine:
        return self

    def __exit__(self, *_: object) -> None:
        if self._api is not None:
            self._api.process.terminate()
            self._api.process.wait(timeout=60)
        self._mongod.stop()

    def there(self) -> World:
        """The database, opened beside the API."""
        return on(self._mongod.uri, _DATABASE, self._keys)

    def start_api(self) -> None:
        keys = self._folder / "keys.json"
        self._api = started(self._mongod.uri, _DATABASE, keys, port=self._api_port)
        self._api.until_answering()

    def kill(self, what: str) -> None:
        """End the API, mongod or both without a word, and start again what was ended."""
        if what != "API":
            os.kill(self._mongod.pid, signal.SIGKILL)
        if what != "mongod" and self._api is not None:
            self._api.process.kill()
            self._api.process.wait()
        if what != "API":
            self._mongod.stop()
            self._mongod = embedded.start(self._folder / "mongod", port=self._mongo_port)
        if what != "mongod":
            self.start_api()


async def _prepare(machine: _Machine, key: SigningKey) -> None:
    there = machine.there()
    try:
        await migrate(there.mongo)
        await Registry(there.mongo).register(FACILITY, "Bệnh viện Đo", FACILITY, [key.public_jwk])
    finally:
        await there.mongo.close()


def _visits(wish: Wish) -> Iterator[Visit]:
    """Visits of a few people each, so that transactions meet; every fifth has two versions."""
    number = submissions = 0
    while submissions < wish.submissions:
        versions = 2 if number % _CHANGED == 0 and submissions + 2 <= wish.submissions else 1
        person = national_id(800_000 + number // _VISITS_OF_ONE)
        yield Visit(f"LK-{number:05d}", person, versions)
        number, submissions = number + 1, submissions + versions


def _file(visit: Visit, version: int) -> bytes:
    return forty_rows(visit.episode, visit.national_id, note=visit.note(version))


async def _submit_while_dying(machine: _Machine, key: SigningKey, visits: list[Visit], run: Run, wish: Wish) -> None:
    rng = random.Random(wish.seed)
    waiting = list(visits)
    rng.shuffle(waiting)
    queue = iter(waiting)
    bar = tqdm(total=wish.submissions, unit=" submissions", file=sys.stderr)
    moments = iter([*sorted(rng.sample(range(wish.submissions), min(wish.kills, wish.submissions))), sys.maxsize])
    awake = asyncio.Event()
    awake.set()
    async with FacilityClient(machine.base, FACILITY, key, patience=_NOBODY_WAITS) as client:

        async def send() -> None:
            for visit in queue:
                for version in range(1, visit.versions + 1):
                    await awake.wait()
                    run.attempted[visit.episode] = version
                    answered = await _tried(client, visit, version, run)
                    bar.update()
                    if not answered:
                        break  # the rest of this visit comes with the resend

        async def kill() -> None:
            for moment in moments:
                while bar.n < moment:
                    if all(sender.done() for sender in senders):
                        return
                    await asyncio.sleep(0.002)
                await asyncio.sleep(rng.uniform(0, 0.15))
                what = rng.choice(["API", "mongod", "both"])
                run.killed[what] += 1
                if what != "mongod":
                    awake.clear()  # nobody to send to; a dead database is the API's to wait for
                await asyncio.to_thread(machine.kill, what)
                awake.set()

        senders = [asyncio.create_task(send()) for _ in range(_AT_ONCE)]
        killer = asyncio.create_task(kill())
        await asyncio.gather(*senders)
        await killer
    bar.close()


async def _tried(client: FacilityClient, visit: Visit, version: int, run: Run) -> bool:
    try:
        receipt = await client.submit(_file(visit, version))
    except Refused as refused:
        run.answers[refused.code] += 1
        return False
    except EhbError:
        run.answers["no answer"] += 1
        return False
    run.answers[receipt.status.value] += 1
    run.acknowledged.append(Sent(visit, version, receipt))
    return True


async def _resend(machine: _Machine, key: SigningKey, visits: list[Visit], run: Run) -> None:
    """As a facility does after such a night: every visit as it is now, from its newest version that was begun on."""
    queue, known = iter(visits), {(one.visit.episode, one.version) for one in run.acknowledged}
    async with FacilityClient(machine.base, FACILITY, key, patience=Patience(seconds=180)) as client:

        async def send() -> None:
            for visit in queue:
                for version in range(run.attempted.get(visit.episode, 1), visit.versions + 1):
                    began = time.monotonic()
                    receipt: Receipt = await client.submit(_file(visit, version))
                    run.longest = max(run.longest, time.monotonic() - began)
                    run.resent[receipt.status.value] += 1
                    run.unanswered += receipt.status is Status.UNCHANGED and (visit.episode, version) not in known
                    run.acknowledged.append(Sent(visit, version, receipt))

        await asyncio.gather(*(send() for _ in range(_AT_ONCE)))


def _print(wish: Wish, visits: list[Visit], run: Run, counted: Counted) -> None:
    def told(counts: Counter[str]) -> str:
        return ", ".join(f"{name} {number}" for name, number in counts.most_common()) or "none"

    second = sum(visit.versions - 1 for visit in visits)
    print(f"faults: {wish.submissions} submissions of {len(visits)} visits, {second} of them sent again with changes,")
    print(f"  33 records each, {_AT_ONCE} at a time, seed {wish.seed}")
    print(f"  kill -9: {told(run.killed)}")
    print(f"  answers meanwhile: {told(run.answers)}")
    print(f"  everything sent again: {told(run.resent)}; the slowest answer {run.longest:.1f} s")
    print(f"  stored although nobody had answered: {run.unanswered}")
    for name, number in counted.right.items():
        print(f"  {name:<58}{number:>8,}")
    for name, number in counted.wrong.items():
        print(f"  {name:<58}{number:>8,}    reach: 0")
