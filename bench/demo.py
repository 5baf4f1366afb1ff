"""How long `make demo` takes to the first book, from a fresh clone, and how long its second start takes.

Clones what is committed into a temporary folder and runs make with an empty environment but for HOME (where pip
keeps its cache) and PATH. A book counts when a person has signed in and read records. The one invariant: nothing
of the demo runs on, and nothing of the clone stays.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from ehb.phone import sign_in

_ROOT = Path(__file__).parent.parent
_PATIENCE = 600.0
_QUESTION = "{ myHealthBook { timeline(first: 1) { nodes { id } } } }"


def measure() -> None:
    """Clone, start, stop, start again, print."""
    with tempfile.TemporaryDirectory(prefix="ehb-bench-demo-") as folder:
        clone = Path(folder) / "clone"
        start = time.perf_counter()
        subprocess.run(["git", "clone", "-q", str(_ROOT), str(clone)], check=True)
        first = _until_read(clone, start)
        second = _until_read(clone, time.perf_counter())
    print("demo: `make demo` of what is committed, 50 invented people, from the command to the first book read")
    print(f"  first start, with git clone and pip install: {first:6.1f} s    reach: 60 s with a warm pip cache")
    print(f"  second start:                                {second:6.1f} s    reach: 8 s")


def _until_read(clone: Path, start: float) -> float:
    """Run the demo until somebody has read a book; the seconds since `start`."""
    ready_file = clone / "ready.json"
    ready_file.unlink(missing_ok=True)
    with _running(clone, ready_file) as making:
        while not ready_file.exists():
            if making.poll() is not None or time.perf_counter() - start > _PATIENCE:
                raise RuntimeError((clone / "said").read_text())
            time.sleep(0.02)
        ready = json.loads(ready_file.read_text())
        who = ready["citizens"][0]["sub"]
        tokens = sign_in(ready["base"], who, client_id=ready["client_id"], redirect_uri=ready["redirect_uri"])
        headers = {"Authorization": f"Bearer {tokens.access_token}"}
        answer = httpx2.post(ready["graphql"], json={"query": _QUESTION}, headers=headers).json()
        assert answer["data"]["myHealthBook"]["timeline"]["nodes"], answer
        return time.perf_counter() - start


@contextmanager
def _running(clone: Path, ready_file: Path) -> Iterator[subprocess.Popen[bytes]]:
    environment = {name: os.environ[name] for name in ("HOME", "PATH")}
    with (clone / "said").open("wb") as said:
        making = subprocess.Popen(
            ["make", "demo", f"ARGS=--port 0 --ready-file {ready_file}"],
            cwd=clone,
            env=environment,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield making
    finally:
        os.killpg(making.pid, signal.SIGINT)
        making.wait(timeout=60)
