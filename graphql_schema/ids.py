"""Opaque ids and cursors: what the outside may hold of our keys (standards rows R2, R4).

AES-SIV (RFC 5297): deterministic, so that an id is the same in every answer and client caches work;
authenticated, so that nobody can make one up; bound by its associated data to what it is for. A cursor is also
bound to the viewer and to the list it was made for. The one invariant: a text that we did not make opens
to nothing.

Decision: the id of a record is the sealed person, then one block of AES-256 of the record's key and 4 bytes of that
seal. A hundred ids are one seal and a hundred blocks, a quarter of the time of a hundred seals. Keys are 12 random-like
bytes, other ones for each record, so equal blocks mean the same record and nothing else; a block that was made up, or
stands behind another person, passes once in 2^32 tries, and then names a record that there is not. We give up that two
ids of one book do not show that they are of one book: whoever has them was shown whose records they are.
"""

from __future__ import annotations

import base64
import hmac
from binascii import b2a_base64
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import ECB

from ehb.domain.book import Position

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OFFSET = 2**63
_URLSAFE = bytes.maketrans(b"+/", b"-_")
"""base64url without padding (RFC 4648 section 5); of a hundred ids in a book, `base64` takes as long as the cipher."""
_PERSON, _KEY, _BLOCK = 43, 12, 16
"""Characters of a sealed person; bytes of a record's key; bytes of a block."""


class OpaqueIds:
    """Makes and opens opaque texts with the 64-byte key of this deployment."""

    def __init__(self, key: bytes) -> None:
        self._siv = AESSIV(key)
        blocks = Cipher(AES256(hmac.digest(key, b"record", "sha256")), ECB())  # noqa: S305  one block, see above
        self._encrypted, self._decrypted = blocks.encryptor().update_into, blocks.decryptor().update
        self._room = bytearray(2 * _BLOCK - 1)
        self._block = memoryview(self._room)[:_BLOCK]
        self._last: tuple[bytes, str, bytes] = (b"", "", b"")
        """The person of the last record, their seal as text, and 4 bytes of it: records come a book at a time."""

    def patient(self, patient_id: bytes) -> str:
        """The outside id of a person."""
        return self._seal(b"patient", patient_id)

    def patient_key(self, text: str) -> bytes | None:
        """The key behind a person's id, None for a text that is none."""
        return self._open(b"patient", text)

    def record(self, patient_id: bytes, key: bytes) -> str:
        """The outside id of a record, the same over all its versions."""
        if len(key) != _KEY:  # an encryptor would keep what is less than a block for the next one
            raise ValueError("no key of a record")
        known, person, check = self._last
        if known != patient_id:
            sealed = self._siv.encrypt(patient_id, [b"record"])
            person, check = _text(sealed), sealed[: _BLOCK - _KEY]
            self._last = (patient_id, person, check)
        self._encrypted(key + check, self._room)
        return person + b2a_base64(self._block, newline=False).translate(_URLSAFE, b"=").decode()

    def record_key(self, text: str) -> tuple[bytes, bytes] | None:
        """Person key and record key behind a record's id, None for a text that is none."""
        patient_id = self._open(b"record", text[:_PERSON])
        block = _decoded(text[_PERSON:])
        if patient_id is None or block is None or len(block) != _BLOCK:
            return None
        key = self._decrypted(block)[:_KEY]
        return (patient_id, key) if self.record(patient_id, key) == text else None

    def grant(self, patient_id: bytes, grant: bytes) -> str:
        """The outside id of a consent, a presentation, a guardianship or an emergency."""
        return self._seal(b"grant", patient_id + grant)

    def grant_key(self, text: str) -> tuple[bytes, bytes] | None:
        """Person key and grant id behind a grant's id, None for a text that is none."""
        opened = self._open(b"grant", text)
        return (opened[:16], opened[16:]) if opened and len(opened) == 32 else None

    def line(self, line: bytes) -> str:
        """The outside id of a line of the trail."""
        return self._seal(b"line", line)

    def line_key(self, text: str) -> bytes | None:
        """The place of a line, None for a text that is none."""
        opened = self._open(b"line", text)
        return opened if opened and len(opened) == 32 else None

    def cursor(self, position: Position, scope: bytes) -> str:
        """A cursor that only the same list of the same viewer takes back."""
        millis = (position.instant - _EPOCH) // timedelta(milliseconds=1)
        return self._seal(b"cursor\0" + scope, (millis + _OFFSET).to_bytes(8, "big") + position.key)

    def position(self, text: str, scope: bytes) -> Position | None:
        """The position behind a cursor, None when it was not made for this list and viewer."""
        opened = self._open(b"cursor\0" + scope, text)
        if opened is None or len(opened) <= 8:
            return None
        millis = int.from_bytes(opened[:8], "big") - _OFFSET
        return Position(_EPOCH + timedelta(milliseconds=millis), opened[8:])

    def _seal(self, purpose: bytes, value: bytes) -> str:
        return _text(self._siv.encrypt(value, [purpose]))

    def _open(self, purpose: bytes, text: str) -> bytes | None:
        try:
            sealed = _decoded(text)
            return self._siv.decrypt(sealed, [purpose]) if sealed is not None else None
        except (ValueError, InvalidTag):
            return None


def _text(sealed: bytes) -> str:
    return b2a_base64(sealed, newline=False).translate(_URLSAFE, b"=").decode()


def _decoded(text: str) -> bytes | None:
    """None for any text but the one that `_text` writes for the same bytes: a key has one spelling."""
    try:
        sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return None
    return sealed if _text(sealed) == text else None
