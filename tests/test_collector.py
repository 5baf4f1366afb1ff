"""Traces on their way to a collector, as `ehb serve` sends them: a real process, real HTTP, real OTLP (row E5)."""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pydantic import SecretStr

from ehb.app import connected
from ehb.collector import PATIENCE
from ehb.settings import Settings
from ehb.traces import first, on
from tests.builders import NATIONAL_ID
from tests.running import ehb
from tests.traces import kept

ROOT = Path(__file__).parents[1]
HIDDEN = """
import sys
sys.modules["opentelemetry.sdk"] = sys.modules["opentelemetry.exporter"] = None
from ehb.cli import main
sys.exit(main(["serve", "--port", "0"]))
"""
"""`ehb serve` where only the API of OpenTelemetry is installed."""


class Collector(ThreadingHTTPServer):
    """Takes what is sent to it, or says that it cannot."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.address = f"http://127.0.0.1:{self.server_port}/v1/traces"
        self.sent: list[bytes] = []

    @property
    def resources(self) -> list[Any]:
        """What came, with the resource that it came from."""
        return [one for body in self.sent for one in ExportTraceServiceRequest.FromString(body).resource_spans]


class _Taking(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        self.server.sent.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as running:
        serving = threading.Thread(target=running.serve_forever)
        serving.start()
        yield running
        running.shutdown()
        serving.join()


@pytest.fixture
def environment(tmp_path: Path, mongo_uri: str) -> dict[str, str]:
    keys = tmp_path / "keys.json"
    ehb("keys", "new", "--out", keys)
    return {
        "PATH": os.environ["PATH"],
        "EHB_MONGO_URI": mongo_uri,
        "EHB_DATABASE": f"test_{secrets.token_hex(6)}",
        "EHB_KEYS_FILE": str(keys),
        "EHB_BASE_URL": "https://book.example.vn",
        "EHB_EID__ISSUER": "https://eid.example.vn",
        "EHB_EID__CLIENT_SECRET": "secret",
        "EHB_MOBILE_REDIRECT_URIS": "https://app.example.vn/in",
    }


@contextmanager
def serving(environment: dict[str, str], *arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`ehb serve`, ready; told to end at the end."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "ehb", "serve", "--port", str(port), *arguments]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    base, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 60
    try:
        while True:
            try:
                httpx2.get(f"{base}/readyz", timeout=5).raise_for_status()
                break
            except httpx2.HTTPError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield base, process
    finally:
        process.send_signal(signal.SIGTERM)


@pytest.mark.long
def test_every_worker_sends_its_spans_and_what_is_left_when_it_ends(
    environment: dict[str, str], collector: Collector
) -> None:
    """Row E5."""
    more = {"EHB_TRACES": collector.address, "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=ward"}
    with serving({**environment, **more}, "--workers", "2") as (base, process):
        for _ in range(20):
            httpx2.post(f"{base}/graphql?{NATIONAL_ID}", json={"query": f'{{ a: bookId(number: "{NATIONAL_ID}") }}'})
    _, said = process.communicate(timeout=30)

    assert process.returncode == 0, said
    spans = [span for one in collector.resources for scope in one.scope_spans for span in scope.spans]
    posted = [span for span in spans if span.name == "POST /graphql"]
    assert len(posted) == 20
    assert not any(span.parent_span_id for span in posted)
    children = {span.name for span in spans if span.parent_span_id in {one.span_id for one in spans}}
    assert {"ping", "find trusted_documents"} & children
    told = {pair.key: pair.value.string_value for one in collector.resources for pair in one.resource.attributes}
    assert told["service.name"] == "ehb"
    assert re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", told["service.version"])
    assert told["deployment.environment.name"] == "ward"
    assert not any(NATIONAL_ID.encode() in body for body in collector.sent)
    assert "Traceback" not in said


@pytest.mark.long
def test_a_collector_that_does_not_answer_holds_up_nobody_for_long(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/v1/traces"
        with serving({**environment, "EHB_TRACES": address}) as (base, process):
            assert httpx2.get(f"{base}/livez").status_code == 200
        told = time.monotonic()
        _, said = process.communicate(timeout=30)

    assert process.returncode in (0, -signal.SIGTERM), said
    assert time.monotonic() - told < PATIENCE + 5
    assert address not in said


def test_without_the_extra_it_says_what_to_install(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HIDDEN],
        cwd=ROOT,
        env={**environment, "EHB_TRACES": "https://collector.example.vn/v1/traces", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 1
    assert "EHB_TRACES cần thêm gói: pip install -r locks/traces.txt" in done.stderr
    assert "EHB_TRACES needs packages that are not installed" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("address", ["http://collector.example.vn/v1/traces", "collector:4318", "file:///x", ""])
def test_an_address_that_is_not_safe_is_refused(environment: dict[str, str], address: str) -> None:
    with pytest.raises(ValueError, match="https"):
        Settings(traces=address)


def test_off_there_is_nothing_to_pay_for() -> None:
    mongo = connected(Settings(mongo_uri=SecretStr("mongodb://127.0.0.1:9/")))

    assert not on()
    assert mongo.client.options.event_listeners == []
    assert not first("GET /livez").is_recording()


@pytest.mark.parametrize(("sampler", "most"), [("always_on", 1), ("always_off", 0)])
def test_the_environment_of_opentelemetry_decides_on_sampling(
    monkeypatch: pytest.MonkeyPatch, sampler: str, most: int
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", sampler)

    with kept() as seen:
        first("GET /livez").end()

    assert len(seen.spans) == most
