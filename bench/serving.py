"""`ehb serve` as an operator starts it, in a process of its own, for the measures that go through HTTP.

The one invariant: a server that was started here does not outlive the block that started it.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from bench.api import settings

TREE = Path(__file__).parent.parent
"""What is measured is the tree that this bench lies in, whichever one is installed."""
EHB = (sys.executable, "-m", "ehb")
SERVE = (*EHB, "serve")
_TICK = os.sysconf("SC_CLK_TCK")
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    process: subprocess.Popen[bytes]
    base: str

    @property
    def pid(self) -> int:
        return self.process.pid

    def until_answering(self) -> None:
        """Wait until it is ready. Raises RuntimeError when it is not within a minute."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if httpx2.get(f"{self.base}/readyz", timeout=5).status_code == 200:
                    return
            except httpx2.HTTPError:
                pass  # not listening yet
            time.sleep(0.05)
        raise RuntimeError("ehb serve did not answer")


def started(
    uri: str, database: str, keys: Path, *, port: int, program: Sequence[str] = SERVE, **environment: str
) -> Server:
    """Start a server with one worker; it may not be ready yet."""
    base = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [*program, "--port", str(port)],
        cwd=TREE,
        env={
            "PATH": os.environ["PATH"],
            "EHB_KEYS_FILE": str(keys),
            "EHB_BASE_URL": base,
            **settings(uri, database),
            **environment,
        },
        stderr=subprocess.DEVNULL,
    )
    return Server(process, base)


@contextmanager
def serving(
    uri: str, database: str, keys: Path, *, program: Sequence[str] = SERVE, **environment: str
) -> Iterator[Server]:
    """A server that answers, on a free port."""
    server = started(uri, database, keys, port=free_port(), program=program, **environment)
    try:
        server.until_answering()
        yield server
    finally:
        server.process.terminate()
        server.process.wait(timeout=60)


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def resident(pid: int, field: str = "VmRSS") -> float:
    """Megabytes (of 1,000,000 bytes), as Linux counts them."""
    found = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024 / 1_000_000


def processor_seconds(pid: int) -> float:
    """What a process has used of the processors so far, its own code and the kernel's for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def with_workers(pid: int) -> list[int]:
    """A process and those that it has started."""
    return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
