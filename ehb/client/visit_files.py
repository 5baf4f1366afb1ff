"""The files that a facility sends: which ones a folder holds, what is in one, and as what it is sent.

The one invariant: of all the files that are to be sent, only those being sent are in memory.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from ehb.errors import EhbError, TooLarge

XML, FHIR = "application/xml", "application/fhir+json"
_EPISODE = re.compile(rb"<MA_LK>\s*(?:<!\[CDATA\[)?\s*([^<\]]{1,200})", re.IGNORECASE)
_CONTENT = re.compile(rb"<NOIDUNGFILE>\s*([A-Za-z0-9+/\s]{8,2048})", re.IGNORECASE)
_NAMES = (".xml", ".json")
_LARGEST = 14_000_000
"""Bytes: no server takes more (EHB_LARGEST_FILE)."""


class UnreadableFile(EhbError):
    """Mended by whoever keeps the files: it is not there, or this user may not read it."""

    code = "UNREADABLE_FILE"
    vi = "Không đọc được tệp."
    en = "Cannot read the file."


def visit_files(paths: Iterable[Path]) -> Iterator[Path]:
    """Files as they are named; of a folder all *.xml and *.json in it and under it, in the order of their names."""
    for path in paths:
        if path.is_dir():
            yield from _inside(path)
        else:
            yield path


def _inside(folder: Path) -> Iterator[Path]:
    with os.scandir(folder) as found:
        entries = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in found)
    for name, is_folder in entries:
        if is_folder:
            yield from _inside(folder / name)
        elif name.lower().endswith(_NAMES):
            yield folder / name


def content_of(path: Path) -> bytes:
    """The bytes of one file. Raises UnreadableFile, TooLarge."""
    try:
        if path.stat().st_size > _LARGEST:
            raise TooLarge
        return path.read_bytes()
    except OSError as error:
        raise UnreadableFile(en=f"Cannot read the file: {error.strerror}.") from error


def content_type_of(body: bytes) -> str:
    """As what these bytes are sent: JSON is a FHIR Bundle, everything else a file in the national format."""
    return FHIR if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[") else XML


def episode_of(body: bytes) -> bytes | None:
    """The MA_LK that stands first in a visit file, plain or inside base64; None where a quick look finds none."""
    if plain := _EPISODE.search(body):
        return plain[1].strip()
    for content in _CONTENT.finditer(body):
        text = b"".join(content[1].split())
        try:
            found = _EPISODE.search(base64.b64decode(text[: len(text) // 4 * 4]))
        except binascii.Error:
            continue
        if found:
            return found[1].strip()
    return None
