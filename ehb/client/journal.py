"""What became of the files of a folder, kept on disk, so that a run that was cut short goes on where it ended.

One line for each receipt: a digest of the file's content, the receipt's id, its status; no name, no number, no path.
A line is on disk before its file counts as sent. The one invariant: whatever cuts a run short, a line is there
whole or it does not count, and a file that does not count is sent again, which the server takes as UNCHANGED.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ehb.domain.submission import Receipt, Status
from ehb.errors import Misconfigured

_FORM = "ehb submit 1"


@dataclass(frozen=True, slots=True)
class Entry:
    """The receipt that a content got."""

    receipt: str
    status: Status


def journal_name(url: str, client_id: str) -> str:
    """A file name for what one client sent to one server: another server has received nothing of it."""
    return f".ehb-submit-{_owner(url, client_id)}"


class Journal:
    """The open journal of one client at one server. `open_journal` makes it."""

    def __init__(self, file: int, entries: dict[bytes, Entry]) -> None:
        self._file = file
        self._entries = entries
        self._turn = asyncio.Lock()

    def find(self, digest: bytes) -> Entry | None:
        """What this content got before; None when it was not sent, or nobody knows."""
        return self._entries.get(digest)

    async def keep(self, digest: bytes, receipt: Receipt) -> None:
        """Remember a receipt; it is on disk when this returns. Raises Misconfigured when the disk does not take it."""
        line = json.dumps({"content": digest.hex(), "receipt": receipt.id, "status": receipt.status.value})
        async with self._turn:
            try:
                await asyncio.to_thread(_append, self._file, f"{line}\n".encode())
            except OSError as error:
                raise Misconfigured(
                    vi="Không ghi được tệp nhật ký gửi.", en=f"Cannot write the journal: {error.strerror}."
                ) from error
        self._entries[digest] = Entry(receipt.id, receipt.status)


@contextmanager
def open_journal(path: Path, url: str, client_id: str) -> Iterator[Journal]:
    """The journal in this file, made when there is none.

    Raises Misconfigured when it cannot be written, is another client's or server's, or when a second run uses it.
    """
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise Misconfigured(
            vi=f"Không ghi được {path}: chọn tệp khác bằng --resume-file, hoặc dùng --no-resume.",
            en=f"Cannot write {path} ({error.strerror}): name another with --resume-file, or use --no-resume.",
        ) from error
    try:
        yield Journal(file, _entries(file, path, _owner(url, client_id)))
    finally:
        os.close(file)


def _entries(file: int, path: Path, owner: str) -> dict[bytes, Entry]:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise Misconfigured(
            vi=f"Một lệnh ehb submit khác đang dùng {path}.", en=f"Another ehb submit is using {path}."
        ) from error
    head = json.dumps({"form": _FORM, "owner": owner}).encode() + b"\n"
    with os.fdopen(os.dup(file), "rb") as lines:
        first = lines.readline()
        if first and first != head and (first.endswith(b"\n") or not head.startswith(first)):
            raise Misconfigured(
                vi=f"{path} không phải của máy chủ và cơ sở này.", en=f"{path} is not of this server and this facility."
            )
        found: dict[bytes, Entry] = {}
        whole = len(first) if first == head else 0
        for line in lines:
            if line.endswith(b"\n"):  # what power loss left of a line is cut off
                whole += len(line)
                found.update(_entry(line))
    os.ftruncate(file, whole)
    if not whole:
        _append(file, head)
        _sync_folder(path)
    return found


def _entry(line: bytes) -> dict[bytes, Entry]:
    try:
        read = json.loads(line)
        return {bytes.fromhex(read["content"]): Entry(str(read["receipt"]), Status(read["status"]))}
    except (ValueError, KeyError, TypeError):
        return {}


def _append(file: int, line: bytes) -> None:
    if os.write(file, line) != len(line):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fsync(file)


def _sync_folder(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _owner(url: str, client_id: str) -> str:
    return hashlib.sha256(f"{url.rstrip('/')}\0{client_id}".encode()).hexdigest()[:16]
