"""A folder of visit files through `ehb submit` into `ehb serve`: does time grow with the files, does memory stay?

Both are processes of their own, as a facility and an operator start them. The one invariant: every file is a visit
of its own, and the run counts only when all were accepted.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from joserfc.jwk import ECKey

from bench.serving import EHB, TREE, resident, serving
from bench.visit import FACILITY, forty_rows
from bench.world import World, national_id
from ehb.client import SigningKey
from ehb.store.registry import Registry

_PARALLEL = 8


@dataclass(frozen=True, slots=True)
class _Seen:
    """The moment when so many files had been answered."""

    files: int
    seconds: float
    server: float
    """MB resident, as `client`."""
    client: float


async def measure(world: World, *, files: int) -> None:
    """Write a folder, send it, look on at every tenth of it; print."""
    key = ECKey.generate_key("P-384")
    await Registry(world.mongo).register(FACILITY, "Bệnh viện Đo", FACILITY, [SigningKey(key, "ES384").public_jwk])
    with tempfile.TemporaryDirectory(prefix="ehb-bench-") as name:
        folder = Path(name)
        (folder / "key.pem").write_bytes(key.as_pem(private=True))
        world.keys.save(folder / "keys.json")
        (folder / "visits").mkdir()
        for number in range(files):
            visit = forty_rows(f"LK-{number:06d}", national_id(900_000 + number // 5))
            (folder / "visits" / f"{number:06d}.xml").write_bytes(visit)
        with serving(world.uri, world.mongo.database.name, folder / "keys.json") as server:
            _print(files, _sent(server.base, server.pid, folder, files))


def _sent(base: str, server: int, folder: Path, files: int) -> list[_Seen]:
    command = [*EHB, "submit", str(folder / "visits"), "--url", base, "--facility", FACILITY]
    command += ["--key", str(folder / "key.pem"), "--parallel", str(_PARALLEL), "--json"]
    seen: list[_Seen] = []
    began = time.perf_counter()
    with subprocess.Popen(command, cwd=TREE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as client:
        assert client.stdout is not None
        for number, line in enumerate(client.stdout, 1):
            told = json.loads(line)
            if "summary" in told:
                assert told["summary"]["counts"]["ACCEPTED"] == files, told
            elif number % (files // 10) == 0:
                seen.append(_Seen(number, time.perf_counter() - began, resident(server), resident(client.pid)))
    assert client.returncode == 0
    return seen


def _print(files: int, seen: list[_Seen]) -> None:
    print(f"folder: {files:,} files of 40 rows, `ehb submit --parallel {_PARALLEL}`, one worker")
    print("     files   seconds  of the last tenth   server MB   client MB")
    for before, now in zip([_Seen(0, 0, 0, 0), *seen], seen, strict=False):
        tenth = now.seconds - before.seconds
        print(f"  {now.files:8,} {now.seconds:9.1f} {tenth:18.1f} {now.server:11.0f} {now.client:11.0f}")
    first, last = seen[0], seen[-1]
    growth = last.seconds / first.seconds / len(seen)
    print(f"  time for all, to ten times that of the first tenth: {growth:.2f}    reach: about 1")
    server, client = last.server / first.server, last.client / first.client
    print(f"  memory at the end, to that after a tenth: server {server:.2f}, client {client:.2f}    reach: 1.2")
