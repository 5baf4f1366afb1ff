"""The vault: seals what people must not read in files, oplogs and backups, and opens it again.

Two floors of keys. Every person has a random *data key*; data keys are wrapped by a *key-encryption key*
(KEK) that never touches the database. Dropping a person's wrapped data key erases the book
(crypto-shredding). Sealing is AES-256-GCM with a fresh 96-bit nonce; the associated data names the place the
ciphertext belongs to, so a ciphertext that was moved does not open (standards row X5).

Blind indexes and record keys are keyed HMAC-SHA-256: a plain hash of a 12-digit number is guessable in
seconds (row X3). The one invariant: nothing leaves this module in clear but to the caller who asked to open it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ehb.errors import EhbError, Misconfigured

_NONCE = 12


class SealBroken(EhbError):
    """Ours to mend: a sealed value does not open where it stands. It was moved, altered, or the key is gone."""

    code = "SEAL_BROKEN"
    vi = "Dữ liệu niêm phong không mở được."
    en = "A sealed value does not open."


@dataclass(frozen=True, slots=True)
class Keys:
    """All secrets of one deployment. `kek` maps key ids to 32-byte keys; `current` wraps new data keys."""

    current: str
    kek: Mapping[str, bytes]
    blind: bytes
    opaque: bytes
    """64 bytes for AES-SIV: opaque ids and cursors."""
    demo: bool = False

    @property
    def signing(self) -> bytes:
        """The secret that the signing key is derived from, so that a key file of before knows one, too."""
        return hmac.digest(self.blind, b"signing", "sha256")

    @staticmethod
    def generate(*, demo: bool = False) -> Keys:
        """Fresh random keys."""
        return Keys("k1", {"k1": os.urandom(32)}, os.urandom(32), os.urandom(64), demo)

    @staticmethod
    def load(path: Path) -> Keys:
        """Read a key file. Raises Misconfigured when it is missing, readable by others, or not a key file."""
        try:
            if path.stat().st_mode & 0o077:
                raise Misconfigured(
                    vi=f"Tệp khóa {path} phải có quyền 0600.", en=f"The key file {path} must have mode 0600."
                )
            raw = json.loads(path.read_text())
            keys = Keys(
                raw["current"],
                {name: base64.b64decode(value) for name, value in raw["kek"].items()},
                base64.b64decode(raw["blind"]),
                base64.b64decode(raw["opaque"]),
                bool(raw.get("demo", False)),
            )
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
            raise Misconfigured(
                vi=f"Không đọc được tệp khóa {path}. Tạo bằng: ehb keys new --out {path}",
                en=f"Cannot read the key file {path}. Make one with: ehb keys new --out {path}",
            ) from error
        sizes_right = all(len(key) == 32 for key in (*keys.kek.values(), keys.blind)) and len(keys.opaque) == 64
        if keys.current not in keys.kek or not sizes_right:
            raise Misconfigured(
                vi=f"Tệp khóa {path} không đầy đủ.", en=f"The key file {path} is not complete: check current and sizes."
            )
        return keys

    def save(self, path: Path) -> None:
        """Write a new key file with mode 0600. Raises FileExistsError rather than replace keys."""
        raw = {
            "current": self.current,
            "kek": {name: base64.b64encode(value).decode() for name, value in self.kek.items()},
            "blind": base64.b64encode(self.blind).decode(),
            "opaque": base64.b64encode(self.opaque).decode(),
            "demo": self.demo,
        }
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump(raw, file, indent=1)


class DataKey:
    """One opened data key. Lives as long as the operation that needs it."""

    __slots__ = ("_aead", "_secret")

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._aead = AESGCM(secret)

    def seal(self, payload: bytes, place: bytes) -> bytes:
        """Nonce and ciphertext of a payload that belongs at `place`."""
        nonce = os.urandom(_NONCE)
        return nonce + self._aead.encrypt(nonce, payload, place)

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """The payload. Raises SealBroken when it was not sealed with this key for this place."""
        try:
            return self._aead.decrypt(sealed[:_NONCE], sealed[_NONCE:], place)
        except InvalidTag:
            raise SealBroken from None

    def open_each(self, sealed: Iterable[tuple[bytes, bytes]]) -> list[bytes]:
        """The payloads of many, each with its place. Raises SealBroken as `open` does."""
        decrypt = self._aead.decrypt
        try:
            return [decrypt(one[:_NONCE], one[_NONCE:], place) for one, place in sealed]
        except InvalidTag:
            raise SealBroken from None

    def token(self, text: bytes) -> bytes:
        """16 bytes that stand for `text` in this person's documents and nowhere else."""
        return hmac.digest(self._secret, b"token\0" + text, "sha256")[:16]


class Vault:
    """Wraps data keys and makes blind indexes with the keys of this deployment."""

    def __init__(self, keys: Keys) -> None:
        self._current = keys.current
        self._kek = {name: AESGCM(key) for name, key in keys.kek.items()}
        self._blind = keys.blind
        self._own = AESGCM(hmac.digest(keys.blind, b"seal", "sha256"))

    def new_data_key(self, owner: bytes) -> tuple[DataKey, dict[str, bytes | str]]:
        """A fresh data key for `owner` and its wrapped form, ready to be stored."""
        secret = os.urandom(32)
        nonce = os.urandom(_NONCE)
        wrapped = nonce + self._kek[self._current].encrypt(nonce, secret, b"data-key\0" + owner)
        return DataKey(secret), {"kek": self._current, "wrapped": wrapped}

    def data_key(self, owner: bytes, stored: Mapping[str, bytes | str]) -> DataKey:
        """The data key of `owner`. Raises SealBroken when it is not theirs or its KEK is gone."""
        kek, wrapped = self._kek.get(str(stored["kek"])), stored["wrapped"]
        if kek is None or not isinstance(wrapped, bytes):
            raise SealBroken
        try:
            return DataKey(kek.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], b"data-key\0" + owner))
        except InvalidTag:
            raise SealBroken from None

    def seal(self, payload: bytes, place: bytes) -> bytes:
        """Nonce and ciphertext of something that belongs to the deployment and to no person's book."""
        nonce = os.urandom(_NONCE)
        return nonce + self._own.encrypt(nonce, payload, place)

    def open(self, sealed: bytes, place: bytes) -> bytes:
        """The payload. Raises SealBroken when it was not sealed for this place."""
        try:
            return self._own.decrypt(sealed[:_NONCE], sealed[_NONCE:], place)
        except InvalidTag:
            raise SealBroken from None

    def pseudonym(self, context: str, value: bytes) -> bytes:
        """16 bytes that stand for a value in one context and cannot be led back to it without the keys."""
        return hmac.digest(self._blind, b"pseudonym\0" + context.encode() + b"\0" + value, "sha256")[:16]

    def blind_index(self, *parts: str) -> bytes:
        """32 bytes that find an exact value without telling it."""
        return hmac.digest(self._blind, "\0".join(parts).encode(), hashlib.sha256)
