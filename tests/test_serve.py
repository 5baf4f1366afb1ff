"""`ehb serve` as an operator runs it: a real process, real settings, several workers, a clean end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx2

from tests.running import EHB, ehb


def test_it_serves_with_workers_and_ends_when_it_is_told_to(tmp_path: Path, mongo_uri: str) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ehb("keys", "new", "--out", tmp_path / "keys.json")
    environment = {
        "PATH": os.environ["PATH"],
        "EHB_MONGO_URI": mongo_uri,
        "EHB_DATABASE": "test_serve",
        "EHB_KEYS_FILE": str(tmp_path / "keys.json"),
        "EHB_BASE_URL": "https://book.example.vn",
        "EHB_EID__ISSUER": "https://eid.example.vn",
        "EHB_MOBILE_REDIRECT_URIS": "https://app.example.vn/in,https://app.example.vn/in2",
    }
    serving = subprocess.Popen(
        [EHB, "serve", "--port", str(port), "--workers", "2"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        base = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 30
        ready = None
        while ready is None and time.monotonic() < deadline:
            try:
                ready = httpx2.get(f"{base}/readyz", timeout=2)
            except httpx2.HTTPError:
                time.sleep(0.1)
        asked = httpx2.post(f"{base}/graphql", json={"query": "{ me { kind } }"})

        assert ready is not None
        assert ready.status_code == 200
        assert asked.json() == {"data": {"me": {"kind": "ANONYMOUS"}}}
        assert "server" not in asked.headers
    finally:
        serving.send_signal(signal.SIGTERM)
        said, _ = serving.communicate(timeout=30)
    assert serving.returncode == 0, said
    assert "Traceback" not in said
