"""`ehb serve` as an operator runs it: a real process, real settings, several workers, a clean end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx2
import pytest

from ehb.cli.serving import prepare
from ehb.errors import Misconfigured
from ehb.settings import from_environment
from tests.running import EHB, ehb


def _environment(tmp_path: Path, mongo_uri: str) -> dict[str, str]:
    keys = tmp_path / "keys.json"
    ehb("keys", "new", "--out", keys)
    return {
        "EHB_MONGO_URI": mongo_uri,
        "EHB_DATABASE": "test_serve",
        "EHB_KEYS_FILE": str(keys),
        "EHB_BASE_URL": "https://book.example.vn",
        "EHB_EID__ISSUER": "https://eid.example.vn",
        "EHB_EID__CLIENT_SECRET": "secret",
        "EHB_MOBILE_REDIRECT_URIS": "https://app.example.vn/in,https://app.example.vn/in2",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EHB_BASE_URL", "http://book.example.vn"),
        ("EHB_BASE_URL", "book.example.vn"),
        ("EHB_BASE_URL", "https://book.example.vn/x?y"),
        ("EHB_MOBILE_REDIRECT_URIS", "javascript:alert(1)"),
        ("EHB_MOBILE_REDIRECT_URIS", "http://app.example.vn/in"),
        ("EHB_ALLOWED_ORIGINS", "https://app.example.vn/path"),
        ("EHB_ALLOWED_ORIGINS", "https://app.example.vn?x"),
        ("EHB_ALLOWED_ORIGINS", "http://app.example.vn"),
        ("EHB_ALLOWED_ORIGINS", "*"),
        ("EHB_EID__DEFAULT_LEVEL", "99"),
        ("EHB_EID__LEVEL_MAP", "a=1"),
        ("EHB_EID__LEVEL_MAP", '{"1": 1, "2": 2}'),
        ("EHB_EID__PROFILE", "fapi3"),
        ("EHB_EID__PROFILE", "fapi2"),
        ("EHB_EID__KEYS_FILE", "/nowhere/keys.json"),
        ("EHB_STEP_UP_MAX_AGE", "0"),
        ("EHB_EID__ISSUER", "http://eid.example.vn"),
        ("EHB_LARGEST_FILE", "-1"),
        ("EHB_DATABASE", "a b"),
    ],
)
async def test_a_setting_that_is_not_safe_is_refused_before_the_database_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    for key, usual in _environment(tmp_path, "mongodb://127.0.0.1:9/").items():
        monkeypatch.setenv(key, usual)
    monkeypatch.setenv(name, value)

    with pytest.raises(Misconfigured):  # and not Unavailable, which the database would be
        await prepare()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("EHB_READLEVEL", "3", "Did you mean EHB_READ_LEVEL?"),
        ("EHB_TRUSTED_DOCUMENT", "false", "Did you mean EHB_TRUSTED_DOCUMENTS?"),
        ("EHB_EID__LEVELCLAIM", "acr", "Did you mean EHB_EID__LEVEL_CLAIM?"),
        ("EHB_PORT_8000_TCP", "tcp://10.0.0.1:8000", "There is no setting EHB_PORT_8000_TCP."),
    ],
)
async def test_a_setting_that_is_none_is_named_and_its_value_is_not(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
    said: str,
) -> None:
    for key, usual in {**_environment(tmp_path, ""), "EHB_DATABASE": "a b", name: value}.items():
        monkeypatch.setenv(key, usual)

    with pytest.raises(Misconfigured):  # by the database's name, so that nothing is asked
        await prepare()

    err = capsys.readouterr().err
    assert said in err
    assert "tcp://" not in err
    assert len(err.splitlines()) == 2


def test_a_setting_that_should_be_json_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EHB_EID__LEVEL_MAP", "a=1")

    with pytest.raises(Misconfigured) as caught:
        from_environment()

    assert "EHB_EID__LEVEL_MAP: not valid JSON" in caught.value.en


def test_keys_are_made_in_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    for kind in ("new", "eid"):
        path = tmp_path / "etc" / kind / "keys.json"

        assert ehb("keys", kind, "--out", path).returncode == 0
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700


def test_what_is_refused_is_said_in_words_before_the_first_request(tmp_path: Path) -> None:
    unsafe = {**_environment(tmp_path, "mongodb://127.0.0.1:9/"), "EHB_ALLOWED_ORIGINS": "*"}

    done = ehb("serve", "--port", "0", **unsafe)

    assert done.returncode == 1
    assert "EHB_ALLOWED_ORIGINS" in done.stderr
    assert "Traceback" not in done.stderr
    assert "MongoDB" not in done.stderr  # it does not answer either, but nobody got as far as asking it


def test_a_database_that_does_not_answer_is_said_in_one_line_however_many_workers(tmp_path: Path) -> None:
    away = "mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=300"

    done = ehb("serve", "--port", "0", "--workers", "4", **_environment(tmp_path, away))

    assert done.returncode == 1
    assert "EHB_MONGO_URI" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_was_filled_with_other_keys_is_not_opened(tmp_path: Path, mongo_uri: str) -> None:
    environment = {**_environment(tmp_path, mongo_uri), "EHB_DATABASE": "test_other_keys"}
    ehb("people", "waiting", "--steward", "staff-7", **environment)
    (tmp_path / "other").mkdir()
    other = _environment(tmp_path / "other", mongo_uri)["EHB_KEYS_FILE"]

    done = ehb("serve", "--port", "0", **{**environment, "EHB_KEYS_FILE": other})

    assert done.returncode == 1
    assert "other keys" in done.stderr


def _serving(tmp_path: Path, mongo_uri: str) -> tuple[subprocess.Popen[str], str, httpx2.Response | None]:
    """Two workers, where they are, and what they said once they were ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    serving = subprocess.Popen(
        [EHB, "serve", "--port", str(port), "--workers", "2"],
        env={
            "PATH": os.environ["PATH"],
            **_environment(tmp_path, mongo_uri),
            "EHB_DATABASE": f"test_serve_{port}",  # a database is opened with the keys that filled it
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    deadline, base = time.monotonic() + 30, f"http://127.0.0.1:{port}"
    while time.monotonic() < deadline:
        try:
            return serving, base, httpx2.get(f"{base}/readyz", timeout=2)
        except httpx2.HTTPError:
            time.sleep(0.1)
    return serving, base, None


async def test_no_request_is_left_unanswered_when_two_workers_end(tmp_path: Path, mongo_uri: str) -> None:
    """Whoever cannot connect knows that nothing came of it; whoever asked and was cut off does not."""
    serving, base, ready = _serving(tmp_path, mongo_uri)
    answered, cut_off, busy = 0, [], asyncio.Event()

    async def ask() -> None:
        nonlocal answered
        async with httpx2.AsyncClient(timeout=20) as http:
            while True:
                try:
                    answer = await http.get(f"{base}/livez")
                except httpx2.ConnectError:
                    return
                except httpx2.HTTPError as error:
                    cut_off.append(type(error).__name__)
                    return
                assert answer.status_code == 200
                answered += 1
                if answered == 200:
                    busy.set()

    try:
        asking = [asyncio.create_task(ask()) for _ in range(16)]
        async with asyncio.timeout(20):
            await busy.wait()
    finally:
        serving.send_signal(signal.SIGTERM)
        said, _ = await asyncio.to_thread(serving.communicate, timeout=30)
    await asyncio.gather(*asking)

    assert ready is not None
    assert cut_off == []
    assert serving.returncode == 0, said


def test_it_serves_with_workers_and_ends_when_it_is_told_to(tmp_path: Path, mongo_uri: str) -> None:
    serving, base, ready = _serving(tmp_path, mongo_uri)
    try:
        asked = httpx2.post(f"{base}/graphql", json={"query": "{ me { kind } }"}, headers={"Accept-Language": "en"})

        assert ready is not None
        assert ready.status_code == 200
        assert asked.status_code == 400
        assert "documentId" in asked.json()["errors"][0]["message"]
        assert "server" not in asked.headers
        assert httpx2.get(f"{base}/auth/callback?code=a-secret-code&state=x").status_code == 400
    finally:
        serving.send_signal(signal.SIGTERM)
        said, _ = serving.communicate(timeout=30)
    assert serving.returncode == 0, said
    assert "Traceback" not in said
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert {"/readyz", "/graphql", "/auth/callback"} <= {line.get("route") for line in lines}
    assert asked.headers["x-request-id"] in {line.get("request") for line in lines}
    assert "a-secret-code" not in said
    assert "ehb documents add" in said
