"""The journal of what was sent: what a cut leaves of it, whose it is, and that two runs do not share it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ehb.client.journal import Entry, open_journal
from ehb.domain.submission import Receipt, Status
from ehb.errors import Misconfigured

URL, CLIENT = "http://127.0.0.1:8000", "99001"
DIGEST = hashlib.sha256(b"a visit").digest()
OTHER = hashlib.sha256(b"another").digest()


def receipt(name: str, status: Status = Status.ACCEPTED) -> Receipt:
    return Receipt(name, status, "LK-1", 1, 6, ())


async def test_what_was_kept_is_found_by_the_next_run(tmp_path: Path) -> None:
    with open_journal(tmp_path / "j", URL, CLIENT) as first:
        await first.keep(DIGEST, receipt("r1"))

    with open_journal(tmp_path / "j", f"{URL}/", CLIENT) as second:
        assert second.find(DIGEST) == Entry("r1", Status.ACCEPTED)
        assert second.find(OTHER) is None


async def test_the_last_word_on_a_content_counts(tmp_path: Path) -> None:
    with open_journal(tmp_path / "j", URL, CLIENT) as first:
        await first.keep(DIGEST, receipt("r1", Status.REJECTED))
        await first.keep(DIGEST, receipt("r2"))

    with open_journal(tmp_path / "j", URL, CLIENT) as second:
        assert second.find(DIGEST) == Entry("r2", Status.ACCEPTED)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9, 1.0])
async def test_a_line_that_was_cut_off_does_not_count_and_the_next_one_does(tmp_path: Path, share: float) -> None:
    path = tmp_path / "j"
    with open_journal(path, URL, CLIENT) as first:
        await first.keep(DIGEST, receipt("r1"))
        whole = path.stat().st_size
        await first.keep(OTHER, receipt("r2"))
    line = path.stat().st_size - whole
    with path.open("r+b") as file:
        file.truncate(whole + int((line - 1) * share))

    with open_journal(path, URL, CLIENT) as second:
        assert second.find(DIGEST) == Entry("r1", Status.ACCEPTED)
        assert second.find(OTHER) is None
        await second.keep(OTHER, receipt("r3"))

    with open_journal(path, URL, CLIENT) as third:
        assert third.find(OTHER) == Entry("r3", Status.ACCEPTED)


@pytest.mark.parametrize("left", [b"", b"{", b'{"form": "ehb sub'])
async def test_a_first_line_that_was_cut_off_is_begun_again(tmp_path: Path, left: bytes) -> None:
    (tmp_path / "j").write_bytes(left)

    with open_journal(tmp_path / "j", URL, CLIENT) as first:
        await first.keep(DIGEST, receipt("r1"))

    with open_journal(tmp_path / "j", URL, CLIENT) as second:
        assert second.find(DIGEST) is not None


@pytest.mark.parametrize(
    "junk", [b"\0" * 9000, b"\xff\xfe junk\n", b'{"content": 1}\n', b'{"content": "00"}\n', b"[]\n"]
)
async def test_what_a_broken_disk_left_in_between_does_not_count_and_hides_nothing(tmp_path: Path, junk: bytes) -> None:
    path = tmp_path / "j"
    with open_journal(path, URL, CLIENT) as first:
        await first.keep(DIGEST, receipt("r1"))
    with path.open("ab") as file:
        file.write(junk)

    with open_journal(path, URL, CLIENT) as second:
        await second.keep(OTHER, receipt("r2"))

    with open_journal(path, URL, CLIENT) as third:
        assert (third.find(DIGEST), third.find(OTHER)) != (None, None)
        assert third.find(OTHER) == Entry("r2", Status.ACCEPTED)


@pytest.mark.parametrize(("url", "client"), [("http://127.0.0.1:9", CLIENT), (URL, "99002")])
def test_a_journal_of_another_server_or_client_is_not_taken(tmp_path: Path, url: str, client: str) -> None:
    with open_journal(tmp_path / "j", URL, CLIENT):
        pass
    before = (tmp_path / "j").read_bytes()

    with pytest.raises(Misconfigured, match="not of this server"), open_journal(tmp_path / "j", url, client):
        pass

    assert (tmp_path / "j").read_bytes() == before


def test_a_file_that_is_no_journal_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("Dear facility,\n")

    with pytest.raises(Misconfigured), open_journal(tmp_path / "letter", URL, CLIENT):
        pass

    assert (tmp_path / "letter").read_text() == "Dear facility,\n"


def test_two_runs_do_not_use_one_journal(tmp_path: Path) -> None:
    with (
        open_journal(tmp_path / "j", URL, CLIENT),
        pytest.raises(Misconfigured, match="Another ehb submit"),
        open_journal(tmp_path / "j", URL, CLIENT),
    ):
        pass


def test_a_place_that_cannot_be_written_is_said_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="--resume-file"), open_journal(tmp_path / "no" / "j", URL, CLIENT):
        pass
