"""`ehb submit` as a facility runs it: folders, interruptions, tables, exit status; against a real server process."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pymongo import MongoClient

from tests.builders import NATIONAL_ID, visit_file
from tests.formats.signing import certificate, key
from tests.running import RunningServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, mongo_uri: str) -> Iterator[RunningServer]:
    database = f"test_submitting_{secrets.token_hex(4)}"
    with RunningServer(tmp_path_factory.mktemp("server"), mongo_uri, database) as running:
        yield running
    with MongoClient[dict[str, Any]](mongo_uri) as client:
        client.drop_database(database)


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    """An empty folder that the facility's software exports to."""
    made = tmp_path / "exports"
    made.mkdir()
    return made


def export(folder: Path, count: int) -> list[str]:
    """So many visits of new episodes; their episode codes."""
    name = secrets.token_hex(4)
    episodes = [f"LK-{name}-{number:03d}" for number in range(count)]
    for episode in episodes:
        (folder / f"{episode}.xml").write_bytes(visit_file({"MA_LK": episode}))
    return episodes


def objects(done: subprocess.CompletedProcess[str]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """What --json printed: one object for each file, and the last one."""
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return lines[:-1], lines[-1]["summary"]


def stored(server: RunningServer, mongo_uri: str) -> list[dict[str, Any]]:
    """Every submission that the server keeps."""
    with MongoClient[dict[str, Any]](mongo_uri) as client:
        return list(client[server.environment["EHB_DATABASE"]]["submissions"].find())


def test_a_folder_is_sent_with_all_that_lies_under_it_in_order(server: RunningServer, exports: Path) -> None:
    (exports / "10").mkdir()
    late = export(exports, 2)
    early = export(exports / "10", 1)
    (exports / "notes.txt").write_text("not for sending")

    done = server.submit(exports, "--parallel", "1", "--json")

    files, summary = objects(done)
    assert done.returncode == 0, done.stderr
    assert [file["receipt"]["episode"] for file in files] == [*early, *late]
    assert {file["status"] for file in files} == {"ACCEPTED"}
    assert summary["files"] == summary["counts"]["ACCEPTED"] == 3
    assert len(summary["slowest"]) == 3


def test_json_on_standard_output_is_all_there_is(server: RunningServer, exports: Path) -> None:
    export(exports, 1)
    (exports / "broken.xml").write_bytes(b"<GIAMDINHHS/>")
    (exports / "bundle.json").write_bytes(b'{"resourceType": "Patient"}')
    (exports / "secret.xml").write_bytes(visit_file())
    (exports / "gone.xml").symlink_to(exports / "nowhere")

    done = server.submit(exports, "--json")

    files, summary = objects(done)
    by_name = {Path(file["path"]).name: file for file in files}
    assert done.returncode == 1
    assert by_name["broken.xml"]["status"] == by_name["bundle.json"]["status"] == "REJECTED"
    assert by_name["broken.xml"]["receipt"]["problems"][0]["rule"].startswith("envelope.")
    assert by_name["gone.xml"]["error"]["code"] == "UNREADABLE_FILE"
    assert summary["counts"] == {
        "ACCEPTED": 2,
        "UNCHANGED": 0,
        "WAITING_FOR_IDENTITY": 0,
        "REJECTED": 2,
        "FAILED": 1,
        "NOT_SENT": 0,
    }
    assert {"severity": "ERROR", "rule": "envelope.count", "count": 1} in summary["problems"]
    assert summary["errors"] == {"UNREADABLE_FILE": 1}
    assert NATIONAL_ID not in done.stdout + done.stderr


def test_people_get_lines_and_a_table_in_two_languages(server: RunningServer, exports: Path) -> None:
    (episode,) = export(exports, 1)
    (exports / "broken.xml").write_bytes(b"<GIAMDINHHS/>")

    done = server.submit(exports)

    assert done.returncode == 1
    assert f"{episode}.xml: ACCEPTED  version 1, 6 records, receipt " in done.stdout
    assert re.search(r"broken\.xml: REJECTED  receipt [\w-]+$", done.stdout, re.M)
    assert "ERROR SOLUONGHOSO envelope.count: SOLUONGHOSO phải là 1" in done.stdout
    assert re.search(r"^ +1  đã nhận / accepted$", done.stdout, re.M)
    assert re.search(r"^ +1  bị từ chối / rejected$", done.stdout, re.M)
    assert re.search(r"^ +2  tệp / files, ", done.stdout, re.M)
    assert "Vấn đề theo quy tắc / problems by rule" in done.stdout
    assert "Lâu nhất / slowest" in done.stdout


def test_what_was_sent_is_not_sent_again_and_what_changed_is(
    server: RunningServer, exports: Path, mongo_uri: str
) -> None:
    first, second = export(exports, 2)
    server.submit(exports)
    before = len(stored(server, mongo_uri))
    (exports / f"{second}.xml").write_bytes(visit_file({"MA_LK": second, "CHAN_DOAN_RV": "Tăng huyết áp độ 2"}))

    done = server.submit(exports, "--json")

    files, summary = objects(done)
    by_episode = {Path(file["path"]).stem: file for file in files}
    assert done.returncode == 0
    assert by_episode[first]["sent_before"] is True
    assert by_episode[second]["receipt"]["version"] == 2
    assert summary["sent_before"] == 1
    assert len(stored(server, mongo_uri)) == before + 1


def test_a_refused_file_is_not_sent_again_and_its_problems_are_told_again(
    server: RunningServer, exports: Path, mongo_uri: str
) -> None:
    (exports / "broken.xml").write_bytes(b"<GIAMDINHHS> </GIAMDINHHS>")
    first = server.submit(exports)
    before = len(stored(server, mongo_uri))

    again = server.submit(exports)

    assert (first.returncode, again.returncode) == (1, 1)
    assert "đã gửi trước đó / sent before" in again.stdout
    assert "envelope.count" in again.stdout
    assert len(stored(server, mongo_uri)) == before


def test_without_resume_everything_is_sent_and_the_server_says_unchanged(server: RunningServer, exports: Path) -> None:
    export(exports, 2)
    server.submit(exports, "--no-resume")

    _, summary = objects(server.submit(exports, "--no-resume", "--json"))

    assert summary["counts"]["UNCHANGED"] == 2
    assert [one.name for one in exports.iterdir() if one.name.startswith(".")] == []


def test_a_single_file_is_always_sent_unless_a_resume_file_remembers_it(
    server: RunningServer, exports: Path, tmp_path: Path
) -> None:
    (episode,) = export(exports, 1)
    file, journal = exports / f"{episode}.xml", tmp_path / "journal"

    said = [
        server.submit(file, *arguments).stdout
        for arguments in ((), (), ("--resume-file", journal), ("--resume-file", journal))
    ]

    assert [re.search(r"xml: ([A-Z]+)  (.)", line).groups() for line in said] == [  # type: ignore[union-attr]
        ("ACCEPTED", "v"),
        ("UNCHANGED", "v"),
        ("UNCHANGED", "v"),
        ("UNCHANGED", "đ"),
    ]


def test_a_rehearsal_stores_nothing_and_remembers_nothing(server: RunningServer, exports: Path, mongo_uri: str) -> None:
    export(exports, 2)
    before = len(stored(server, mongo_uri))

    done = server.submit(exports, "--dry-run", "--json")

    assert objects(done)[1]["counts"]["ACCEPTED"] == 2
    assert len(stored(server, mongo_uri)) == before
    assert len(list(exports.iterdir())) == 2


def test_the_journal_holds_digests_and_receipts_and_nothing_about_anybody(server: RunningServer, exports: Path) -> None:
    (episode,) = export(exports, 1)

    server.submit(exports)

    (journal,) = [one for one in exports.iterdir() if one.name.startswith(".ehb-submit-")]
    head, entry = [json.loads(line) for line in journal.read_text().splitlines()]
    assert set(head) == {"form", "owner"}
    assert {name: len(value) for name, value in entry.items()} == {"content": 64, "receipt": 22, "status": 8}
    assert journal.stat().st_mode & 0o077 == 0
    assert episode not in journal.read_text()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_run_that_was_cut_short_goes_on_where_it_ended(
    server: RunningServer, exports: Path, mongo_uri: str, how: signal.Signals
) -> None:
    before, episodes = len(stored(server, mongo_uri)), export(exports, 60)
    running = subprocess.Popen(
        server.submitting(exports, "--json", "--parallel", "2"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
    )
    _until_sent(exports, 5)
    running.send_signal(how)
    said, _ = running.communicate(timeout=60)
    kept = len(stored(server, mongo_uri)) - before

    again = server.submit(exports, "--json")

    _, summary = objects(again)
    remembered = summary["sent_before"]
    assert again.returncode == 0
    assert 5 <= remembered < 60
    assert kept - 2 <= remembered <= kept
    assert len(stored(server, mongo_uri)) - before == len(episodes)
    assert summary["counts"]["ACCEPTED"] + summary["counts"]["UNCHANGED"] == 60
    if how is not signal.SIGKILL:
        counted = json.loads(said.splitlines()[-1])["summary"]
        assert running.returncode == 1
        assert counted["counts"]["ACCEPTED"] == remembered == kept
        assert counted["counts"]["NOT_SENT"] == 60 - remembered


def _until_sent(exports: Path, count: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        journals = [one for one in exports.iterdir() if one.name.startswith(".ehb-submit-")]
        if journals and len(journals[0].read_bytes().splitlines()) > count:
            return
        time.sleep(0.005)
    raise AssertionError("nothing was sent")


def test_files_are_signed_on_the_way_when_a_certificate_is_given(
    server: RunningServer, exports: Path, tmp_path: Path
) -> None:
    (episode,) = export(exports, 1)
    (exports / "text.xml").write_text("this is not XML")
    now = datetime.now(UTC)
    held = certificate(since=now - timedelta(days=1), until=now + timedelta(days=1))
    (tmp_path / "sign.pem").write_bytes(key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "cert.pem").write_bytes(held.public_bytes(Encoding.PEM))

    done = server.submit(
        exports, "--json", "--sign-with", tmp_path / "sign.pem", "--certificate", tmp_path / "cert.pem"
    )

    told = {Path(file["path"]).stem: file["receipt"]["problems"] for file in objects(done)[0]}
    assert [one["rule"] for one in told[episode]] == ["signature.unverified"]
    assert [one["rule"] for one in told["text"]] == ["xml.malformed"]


@pytest.mark.parametrize(
    "wrong",
    [
        ("--parallel", "0"),
        ("--parallel", "1000"),
        ("--patience", "-1"),
        ("--sign-with", "key.pem"),
        ("--resume-file", "x", "--no-resume"),
    ],
)
def test_wrong_usage_is_status_2(server: RunningServer, exports: Path, wrong: tuple[str, ...]) -> None:
    export(exports, 1)

    assert server.submit(exports, *wrong).returncode == 2


def test_a_folder_without_any_visit_file_is_wrong_usage(server: RunningServer, exports: Path) -> None:
    (exports / "notes.txt").write_text("nothing")

    done = server.submit(exports)

    assert done.returncode == 2
    assert "no *.xml" in done.stderr


def test_a_key_that_the_server_does_not_know_ends_it_before_a_file_is_sent(
    server: RunningServer, exports: Path, tmp_path: Path
) -> None:
    export(exports, 3)
    stranger = tmp_path / "stranger.pem"
    stranger.write_bytes(key("stranger").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    done = server.submit(exports, "--key", stranger)

    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "ehb: " in done.stderr


def test_a_server_that_goes_away_ends_the_run_and_says_what_was_not_sent(
    exports: Path, tmp_path: Path, mongo_uri: str
) -> None:
    with RunningServer(tmp_path, mongo_uri, f"test_submitting_{secrets.token_hex(4)}") as dying:
        export(exports, 60)
        running = subprocess.Popen(
            dying.submitting(exports, "--json", "--patience", "2"), stdout=subprocess.PIPE, text=True
        )
        _until_sent(exports, 3)
        dying.process.kill()
        said, _ = running.communicate(timeout=60)
        with MongoClient[dict[str, Any]](mongo_uri) as client:
            client.drop_database(dying.environment["EHB_DATABASE"])

    counts = json.loads(said.splitlines()[-1])["summary"]["counts"]
    assert running.returncode == 1
    assert counts["ACCEPTED"] >= 3
    assert 1 <= counts["FAILED"] <= 4
    assert counts["NOT_SENT"] == 60 - counts["ACCEPTED"] - counts["FAILED"]
