"""`ehb demo` from outside: ready as the contract says, gone when it is told to go, and safe to kill."""

from __future__ import annotations

import os
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import RunningDemo, ehb, processes_that_mention


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    """For those who only look."""
    with RunningDemo(tmp_path_factory.mktemp("demo"), "--people", "10", "--seed", "3") as running:
        yield running


@pytest.fixture
def ending(tmp_path: Path) -> Iterator[RunningDemo]:
    """For those who end it."""
    with RunningDemo(tmp_path, "--people", "1") as running:
        yield running


def test_the_ready_file_is_as_the_contract_says(demo: RunningDemo) -> None:
    ready = demo.ready

    assert set(ready) == {
        "graphql", "base", "issuer", "client_id", "redirect_uri", "citizens", "clinicians", "facilities", "pid",
    }  # fmt: skip
    assert ready["graphql"] == f"{ready['base']}/graphql"
    assert ready["client_id"] == "ehb-mobile"
    assert ready["pid"] == demo.process.pid
    assert all(set(one) == {"national_id", "name", "sub"} for one in ready["citizens"])
    assert all(one["national_id"].startswith("999") and len(one["national_id"]) == 12 for one in ready["citizens"])
    assert all(set(one) == {"national_id", "name", "sub", "licence", "facility"} for one in ready["clinicians"])
    assert ready["clinicians"]
    for facility in ready["facilities"]:
        assert set(facility) == {"code", "name", "client_id", "private_key_file"}
        key = Path(facility["private_key_file"])
        assert key.is_absolute()
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_whoever_can_log_in_reads_a_book_with_visits(demo: RunningDemo, tmp_path: Path) -> None:
    for citizen in demo.ready["citizens"]:
        token = ehb("login", citizen["sub"], EHB_URL=demo.base)
        (tmp_path / "token").write_text(token.stdout)
        query = "{ me { name } myHealthBook { patient { fullName nationalId } timeline(first: 1) { nodes { id } } } }"

        done = ehb("ask", query, "--token-file", tmp_path / "token", "--pick", "data.myHealthBook", EHB_URL=demo.base)

        assert done.returncode == 0, done.stdout
        assert citizen["national_id"] in done.stdout
        assert '"id"' in done.stdout


def test_a_login_that_fails_says_who_refused_it(demo: RunningDemo) -> None:
    unknown = ehb("login", "citizen-unknown", EHB_URL=demo.base)
    no_client = ehb("login", "citizen-0001", EHB_URL=f"{demo.base}/elsewhere")

    assert (unknown.returncode, no_client.returncode) == (1, 1)
    assert "The login did not succeed. eID refused: " in unknown.stderr
    assert f"{demo.base}/elsewhere refused: NOT_FOUND" in no_client.stderr


def test_a_facility_that_is_not_let_in_is_told_which_client_and_key_that_was(demo: RunningDemo) -> None:
    key = demo.ready["facilities"][0]["private_key_file"]

    refused = ehb("ask", "{ me { kind } }", "--facility", "77777", "--key", key, EHB_URL=demo.base)

    assert refused.returncode == 1
    assert "[CLIENT_UNKNOWN]" in refused.stderr
    assert "client 77777, key " in refused.stderr
    assert demo.base in refused.stderr


def test_the_books_hold_signed_and_unsigned_records(demo: RunningDemo, tmp_path: Path) -> None:
    query = "{ myHealthBook { timeline(first: 100) { nodes { provenance { legalStatus } } } } }"
    said = ""
    for citizen in demo.ready["citizens"][:5]:
        (tmp_path / "token").write_text(ehb("login", citizen["sub"], EHB_URL=demo.base).stdout)
        said += ehb("ask", query, "--token-file", tmp_path / "token", EHB_URL=demo.base).stdout

    assert '"SIGNED"' in said
    assert '"UNSIGNED"' in said
    assert "SIGNATURE_" not in said


def test_the_commands_of_operators_work_on_it(demo: RunningDemo) -> None:
    file = demo.folder / ".demo" / "operator.env"
    values = dict(line.removeprefix("export ").split("=", 1) for line in file.read_text().splitlines())
    environment = {name: value.strip("'") for name, value in values.items()}

    done = ehb("people", "waiting", "--steward", "ST-1", **environment)

    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_it_ends_whole_when_it_is_told_to(ending: RunningDemo) -> None:
    issuer_port = ending.ready["issuer"].rpartition(":")[2]

    status = ending.stop(signal.SIGINT)

    assert status == 0
    assert processes_that_mention(str(ending.folder)) == []
    assert [found for found in processes_that_mention("oidc_provider_mock") if found.endswith(issuer_port)] == []


def test_nothing_lingers_when_it_is_killed(ending: RunningDemo) -> None:
    issuer_port = ending.ready["issuer"].rpartition(":")[2]

    ending.stop(signal.SIGKILL)

    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        left = processes_that_mention(str(ending.folder))
        left += [found for found in processes_that_mention("oidc_provider_mock") if found.endswith(issuer_port)]
        if not left:
            return
        time.sleep(0.1)
    raise AssertionError(left)


@pytest.mark.long
def test_it_ends_and_says_why_when_its_database_ends_under_it(ending: RunningDemo) -> None:
    [mongod] = [
        int(one.name)
        for one in Path("/proc").iterdir()
        if one.name.isdigit()
        and (command := (one / "cmdline").read_bytes().split(b"\0"))[0].endswith(b"mongod")
        and str(ending.folder / ".demo").encode() in b" ".join(command)
    ]

    os.kill(mongod, signal.SIGKILL)

    assert ending.process.wait(timeout=30) == 1
    said = ending.log.read_text()
    assert "The demo's MongoDB has ended" in said
    assert "mongod.log" in said
    assert "Traceback" not in said


@pytest.mark.long
def test_a_second_start_in_the_same_folder_shows_the_same_people_and_sends_nothing_again(tmp_path: Path) -> None:
    with RunningDemo(tmp_path, "--people", "3") as first:
        people = first.ready["citizens"]

    with RunningDemo(tmp_path, "--people", "3") as second:
        assert second.ready["citizens"] == people
        assert "Sending visit files" not in second.log.read_text()


def test_a_taken_port_is_said_in_words(demo: RunningDemo, tmp_path: Path) -> None:
    port = demo.base.rpartition(":")[2]

    done = ehb("demo", "--port", port, "--data", tmp_path / "another")

    assert done.returncode == 1
    assert f"Port {port} is taken" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_demo_does_not_leave_this_machine(tmp_path: Path) -> None:
    done = ehb("demo", "--host", "0.0.0.0", "--data", tmp_path)  # noqa: S104

    assert done.returncode == 1
    assert "127.0.0.1 only" in done.stderr


def test_the_log_names_nobody(demo: RunningDemo) -> None:
    log = demo.log.read_text()

    for citizen in demo.ready["citizens"]:
        assert citizen["national_id"] not in log
    assert os.environ.get("HOME", "/nonexistent-home") not in log
