"""Streams across processes: what one worker writes, the streams of every other hear, and end by (rows W1, W2).

The house of the test is one worker, `ehb serve` in a process of its own the other; MongoDB is all that they share.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from ehb.services import stewardship
from tests.builders import FACILITY, NATIONAL_ID, visit_file
from tests.house import House
from tests.sockets import talking
from tests.stewards import PATH, STEWARD, appoint, environment, stewards_door
from tests.test_guardians import CHILD, PARENT, child, wards
from tests.test_stream_ends import IN_TIME, MINE, revoke, settled
from tests.test_streams import EVENTS, following

CHANGED = "subscription($p: ID) { bookChanged(patient: $p) { facility } }"


class Worker:
    """Another process that serves the same house."""

    def __init__(self, process: subprocess.Popen[bytes], base: str) -> None:
        self.process, self.base = process, base


@pytest.fixture
def worker(house: House, mongo_uri: str, tmp_path: Path) -> Iterator[Worker]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    log = tmp_path / "worker.log"
    with log.open("w") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "ehb", "serve", "--port", str(port)],
            cwd=Path(__file__).parents[1],
            env={
                "PATH": os.environ["PATH"],
                "EHB_TRUSTED_DOCUMENTS": "false",
                **environment(house, mongo_uri, tmp_path),
            },
            stderr=said,
        )
    base = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while not _ready(base):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, "ehb serve did not answer"
            time.sleep(0.1)
        yield Worker(process, base)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(30)


def _ready(base: str) -> bool:
    try:
        return httpx2.get(f"{base}/readyz", timeout=5).status_code == 200
    except httpx2.HTTPError:
        return False


async def test_what_one_worker_writes_is_heard_on_every_other_and_a_logout_there_ends_streams_here(
    house: House, worker: Worker
) -> None:
    """Row W2, across workers."""
    token = await house.citizen(NATIONAL_ID)

    async with talking(worker.base, token) as talk, following(worker.base, token, CHANGED) as stream:
        await settled(talk, CHANGED)
        await house.submit(await house.facility(FACILITY), visit_file())
        heard = await talk.hear()
        [event] = await stream.wait_for(1)
        await revoke(house, token)
        async with asyncio.timeout(IN_TIME):
            code = await talk.code()
            await stream.over.wait()

    assert heard["payload"] == event == {"data": {"bookChanged": {"facility": FACILITY}}}
    assert code == 4403


async def test_a_guardianship_that_ends_at_one_worker_ends_what_it_opened_at_every_other(
    house: House, worker: Worker
) -> None:
    """Row W2, across workers."""
    parent = await child(house, 5)
    await appoint(house, CHILD, PARENT)
    [ward] = await wards(house, parent)

    async with talking(worker.base, parent) as talk:
        await settled(talk, CHANGED, p=ward["patient"])
        await stewardship.end_guardian(stewards_door(house), STEWARD, CHILD, PARENT, path=PATH)

        assert await talk.hear(IN_TIME) == {"id": "0", "type": "complete"}


async def test_a_worker_that_ends_says_good_bye_at_once(house: House, worker: Worker) -> None:
    """A socket hears 1001 and its client goes to another worker; events are complete; the process does not wait."""
    token = await house.citizen(NATIONAL_ID)

    async with talking(worker.base, token) as talk, following(worker.base, token, EVENTS) as stream:
        await settled(talk, MINE)
        begun = time.monotonic()
        worker.process.send_signal(signal.SIGTERM)
        code = await talk.code(5)
        async with asyncio.timeout(5):
            await stream.over.wait()
        status = await asyncio.to_thread(worker.process.wait, 15)
        took = time.monotonic() - begun

    assert code == 1001
    assert status in (0, -signal.SIGTERM)
    assert took < 8
