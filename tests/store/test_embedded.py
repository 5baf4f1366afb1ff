"""A private mongod: it starts, it is locked, it keeps or forgets its data, and it never lingers."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient, WriteConcern
from pymongo.errors import OperationFailure

from ehb.errors import Misconfigured
from ehb.store import embedded, mongod_failures
from ehb.store.mongod_binary import Platform, find, usable

LINUX = Platform("Linux", "x86_64")


@pytest.fixture(scope="module")
def mongo() -> Iterator[embedded.EmbeddedMongo]:
    with embedded.start() as running:
        yield running


def opened(uri: str) -> MongoClient[dict[str, Any]]:
    return MongoClient(uri, serverSelectionTimeoutMS=5_000)


def eventually(claim: Callable[[], bool], seconds: float = 8.0) -> bool:
    deadline = time.monotonic() + seconds
    while not claim() and time.monotonic() < deadline:
        time.sleep(0.02)
    return claim()


def gone(pid: int) -> bool:
    """No such process, or a zombie that only its adoptive parent can bury."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def program(path: Path, *lines: str) -> str:
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return str(path)


# --- it is a real, locked database -------------------------------------------------------------------


def test_it_commits_a_transaction_over_two_collections_with_majority(mongo: embedded.EmbeddedMongo) -> None:
    with opened(mongo.uri) as client:
        with client.start_session() as session, session.start_transaction(write_concern=WriteConcern("majority")):
            client.house.rooms.insert_one({"_id": 1}, session=session)
            client.house.doors.insert_one({"_id": 1}, session=session)

        assert client.house.rooms.count_documents({}) == 1
        assert client.house.doors.count_documents({}) == 1


def test_it_refuses_a_client_without_a_password(mongo: embedded.EmbeddedMongo) -> None:
    with (
        opened(f"mongodb://127.0.0.1:{mongo.port}/?directConnection=true") as client,
        pytest.raises(OperationFailure, match="requires authentication"),
    ):
        client.house.rooms.find_one({})


def test_it_listens_on_the_loopback_address_only(mongo: embedded.EmbeddedMongo) -> None:
    listening = f":{mongo.port:04X}"

    tables = [Path(f"/proc/net/{name}").read_text().splitlines() for name in ("tcp", "tcp6")]
    local = [line.split()[1] for table in tables for line in table[1:] if line.split()[3] == "0A"]

    assert [address for address in local if address.endswith(listening)] == [f"0100007F{listening}"]
    assert not Path(f"/tmp/mongodb-{mongo.port}.sock").exists()  # noqa: S108  where mongod would put it


def test_the_password_is_in_no_command_line_and_not_in_the_handle(mongo: embedded.EmbeddedMongo) -> None:
    password = mongo.uri.split(":")[2].split("@")[0]

    commands = [entry.read_bytes() for entry in Path("/proc").glob("[0-9]*/cmdline") if os.access(entry, os.R_OK)]

    assert any(str(mongo.data).encode() in command for command in commands)
    assert not any(password.encode() in command for command in commands)
    assert password not in repr(mongo)


def test_it_does_not_hand_our_settings_to_mongod(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EHB_SOME_SECRET", "not for mongod")

    assert "EHB_SOME_SECRET" not in usable(None, tmp_path).environment


# --- its data stays or goes --------------------------------------------------------------------------


def test_data_survive_a_restart_on_another_port_even_after_a_kill(tmp_path: Path) -> None:
    with embedded.start(tmp_path) as first, opened(first.uri) as client:
        client.house.rooms.with_options(write_concern=WriteConcern("majority")).insert_one({"_id": "kept"})
        os.kill(first.pid, signal.SIGKILL)

    with embedded.start(tmp_path) as second, opened(second.uri) as client:
        assert second.port != first.port
        assert client.house.rooms.find_one({}) == {"_id": "kept"}
        client.house.rooms.insert_one({"_id": "and written"})
    modes = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("password", "keyfile")}
    assert modes == {"password": 0o600, "keyfile": 0o600}


def test_a_first_start_that_was_cut_short_is_begun_again(tmp_path: Path) -> None:
    (tmp_path / "password.new").write_text("left behind")
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "WiredTiger").write_text("half a database")

    with embedded.start(tmp_path) as mongo, opened(mongo.uri) as client:
        assert client.admin.command("ping")["ok"] == 1


def test_stop_removes_a_temporary_folder_leaves_no_zombie_and_may_be_repeated() -> None:
    mongo = embedded.start()
    watchdog = int(Path(f"/proc/{mongo.pid}/stat").read_text().rpartition(")")[2].split()[1])

    mongo.stop()
    mongo.stop()

    assert not mongo.data.exists()
    assert not Path(f"/proc/{mongo.pid}").exists()
    assert not Path(f"/proc/{watchdog}").exists()


# --- it dies with its parent -------------------------------------------------------------------------

PARENT = """
import os, signal, time
from ehb.store import embedded
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
mongo = embedded.start()
if os.fork() == 0:  # a child that is only forked must not keep the database alive
    os.closerange(0, 3)
    time.sleep(20)
    os._exit(0)
print(mongo.pid, mongo.data, flush=True)
while True:  # short naps: a signal that comes just before a sleep does not cut it short
    time.sleep(0.05)
"""


@contextmanager
def a_parent() -> Iterator[tuple[subprocess.Popen[str], int, Path]]:
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", PARENT],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as parent:
        try:
            assert parent.stdout
            pid, folder = parent.stdout.readline().split()
            yield parent, int(pid), Path(folder)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(parent.pid, signal.SIGKILL)  # the forked child too


def test_a_parent_killed_with_9_leaves_no_mongod_and_no_folder() -> None:
    with a_parent() as (parent, mongod, folder):
        assert folder.exists()
        assert not gone(mongod)

        parent.kill()
        parent.wait()

        assert eventually(lambda: gone(mongod) and not folder.exists())


def test_ctrl_c_reaches_the_parent_only_and_ends_all() -> None:
    with a_parent() as (parent, mongod, folder):
        os.killpg(parent.pid, signal.SIGINT)

        assert parent.wait(10) in (-signal.SIGINT, 1)
        assert eventually(lambda: gone(mongod) and not folder.exists())


def test_a_killed_watchdog_takes_mongod_along() -> None:
    with embedded.start() as mongo:
        watchdog = int(Path(f"/proc/{mongo.pid}/stat").read_text().rpartition(")")[2].split()[1])

        os.kill(watchdog, signal.SIGKILL)

        assert eventually(lambda: gone(mongo.pid))
    assert not mongo.data.exists()


# --- it says what is missing -------------------------------------------------------------------------


def test_a_named_mongod_that_does_not_exist_is_named_in_the_error() -> None:
    with pytest.raises(Misconfigured, match="EHB_MONGOD points to /nowhere/mongod") as refused:
        embedded.start(mongod="/nowhere/mongod")

    assert "EHB_MONGOD trỏ tới" in refused.value.vi


def test_a_mongod_on_the_path_goes_before_the_packaged_one(tmp_path: Path) -> None:
    ours = program(tmp_path / "mongod", "exit 0")

    assert find(None, LINUX, search_path=str(tmp_path)) == Path(ours)


@pytest.mark.parametrize("here", [Platform("Darwin", "arm64"), Platform("Linux", "aarch64")])
def test_another_platform_is_told_the_three_ways_out(here: Platform, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=f"{here.system} {here.machine}.*EHB_MONGOD.*PATH.*EHB_MONGO_URI"):
        find(None, here, search_path=str(tmp_path))


def test_a_mongod_that_is_too_old_is_refused(tmp_path: Path) -> None:
    old = program(tmp_path / "mongod", "echo 'db version v4.4.29'")

    with pytest.raises(Misconfigured, match=r"MongoDB 4\.4\.29; 6\.0 or newer"):
        embedded.start(mongod=old)


def test_a_missing_shared_library_is_named(tmp_path: Path) -> None:
    # The loader's own sentence, from a machine without it.
    said = "mongod: error while loading shared libraries: libssl.so.3: cannot open shared object file"
    broken = program(tmp_path / "mongod", f"echo '{said}' >&2", "exit 127")

    with pytest.raises(Misconfigured, match=r"needs the shared library libssl\.so\.3"):
        embedded.start(mongod=broken)


def test_a_missing_libcurl_is_taken_from_the_pycurl_wheel(tmp_path: Path) -> None:
    pytest.importorskip("pycurl", reason="the wheel is a part of the demo extra on Linux x86_64 only")
    said = "mongod: error while loading shared libraries: libcurl.so.4: cannot open shared object file"
    look = 'for d in $(echo "$LD_LIBRARY_PATH" | tr : " "); do'
    fussy = program(
        tmp_path / "mongod",
        f'{look} [ -e "$d/libcurl.so.4" ] && echo "db version v6.0.5" && exit 0; done',
        f"echo '{said}' >&2; exit 127",
    )

    mongod = usable(fussy, tmp_path / "lib")

    assert mongod.version == "6.0.5"
    assert (tmp_path / "lib" / "libcurl.so.4").resolve().name.startswith("libcurl-")


def test_the_real_mongod_runs_with_the_libcurl_of_the_pycurl_wheel(tmp_path: Path) -> None:
    pytest.importorskip("pycurl", reason="the wheel is a part of the demo extra on Linux x86_64 only")
    said = "mongod: error while loading shared libraries: libcurl.so.4: cannot open shared object file"
    real = find(None, LINUX)
    fussy = program(
        tmp_path / "mongod",
        f"""[ -n "$LD_LIBRARY_PATH" ] || {{ echo '{said}' >&2; exit 127; }}""",
        f'exec {real} "$@"',
    )

    with embedded.start(mongod=fussy) as mongo, opened(mongo.uri) as client:
        assert client.admin.command("ping")["ok"] == 1
        assert "pycurl.libs/libcurl-" in Path(f"/proc/{mongo.pid}/maps").read_text()


def test_a_taken_port_is_named() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        with pytest.raises(Misconfigured, match=f"Port {port} on 127.0.0.1 is taken"):
            embedded.start(port=port)


def test_a_folder_in_use_is_refused_and_its_mongod_lives_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "LOCK_PATIENCE", 0.1)
    with embedded.start(tmp_path) as first:
        with pytest.raises(Misconfigured, match="Another mongod is using the data folder"):
            embedded.start(tmp_path)

        with opened(first.uri) as client:
            assert client.admin.command("ping")["ok"] == 1


def test_a_folder_that_a_foreign_mongod_has_open_is_refused(tmp_path: Path) -> None:
    with embedded.start(tmp_path):
        pass
    mongod = usable(None, tmp_path / "lib")
    foreign = subprocess.Popen(
        [mongod.path, "--dbpath", tmp_path / "db", "--port", "0", "--bind_ip", "127.0.0.1"],
        env=mongod.environment,
        stdout=subprocess.DEVNULL,
    )
    with foreign:
        assert eventually(lambda: bool((tmp_path / "db" / "mongod.lock").read_text()))

        with pytest.raises(Misconfigured, match="Another mongod is using the data folder"):
            embedded.start(tmp_path)

        foreign.kill()


def test_data_of_a_newer_file_format_are_refused(tmp_path: Path) -> None:
    with embedded.start(tmp_path):
        pass
    turtle = tmp_path / "db" / "WiredTiger.turtle"  # where the storage engine keeps its own version
    turtle.write_text(turtle.read_text().replace("version=(major=1,minor=1)", "version=(major=9,minor=1)"))

    with pytest.raises(Misconfigured, match="written by another, usually newer, version") as refused:
        embedded.start(tmp_path)

    assert "EHB_MONGOD" in refused.value.en


def test_data_of_the_next_release_are_refused(tmp_path: Path) -> None:
    # mongod 6.0's own sentence about a folder of 7.0, whose files it can still open.
    log = (
        '{"s":"F","c":"CONTROL","id":20573,"msg":"Wrong mongod version","attr":{"error":"UPGRADE PROBLEM: Found '
        "an invalid featureCompatibilityVersion document (ERROR: Location4926900: Invalid "
        'featureCompatibilityVersion document in admin.system.version"}}'
    )

    error = mongod_failures.from_log(log, tmp_path, 1, "6.0.5")

    assert isinstance(error, Misconfigured)
    assert "written by another, usually newer, version" in error.en


def test_an_unknown_failure_carries_the_last_words_of_mongod(tmp_path: Path) -> None:
    log = '{"s":"I","msg":"hello"}\n{"s":"E","msg":"the roof is leaking","attr":{"where":"attic"}}'

    error = mongod_failures.from_log(log, tmp_path, 1, "6.0.5")

    assert error.code == "UNAVAILABLE"
    assert 'the roof is leaking {"where": "attic"}' in error.en
    assert "hello" not in error.en


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a tiny disk")
def test_a_full_disk_is_named(tmp_path: Path) -> None:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", tmp_path], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this container does not let root mount a tmpfs")
    try:
        with pytest.raises(Misconfigured, match=f"The disk of {tmp_path} is full"):
            embedded.start(tmp_path)
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")

    with pytest.raises(Misconfigured, match="cannot be written: Not a directory"):
        embedded.start(tmp_path / "a file" / "data")


def test_a_lost_password_is_told_from_a_broken_database(tmp_path: Path) -> None:
    with embedded.start(tmp_path):
        pass
    (tmp_path / "password").write_text("another")

    with pytest.raises(Misconfigured, match="Restore the file `password`"):
        embedded.start(tmp_path)
