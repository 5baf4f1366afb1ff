"""What a line of the trail is, byte for byte, and what a batch of them is sealed as.

A leaf is two digests: of what the person may read of their line, and of the rest (random keys of people and
sessions, which are nobody's to know). So a citizen can prove their line without learning who is behind a key.

The one invariant: every field that is stored is in the leaf, known here or not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from ehb.domain.merkle import included, leaf_hash

_PUBLIC = ("time", "path", "action", "purpose", "outcome", "rule", "sections")
_PUBLIC_OF_AGENT = ("kind", "facility", "licence")
_WHERE_THERE_IS_ONE = ("actor",)
"""Public, too, and younger than the first seals: a line without it is the same leaf as ever."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A line as the tree has it: what can be read of it (JSON), and the digest of the rest."""

    readable: bytes
    rest: bytes

    @property
    def hash(self) -> bytes:
        return leaf_hash(hashlib.sha256(self.readable).digest() + self.rest)


def leaf_of(document: Mapping[str, Any]) -> Leaf:
    """The leaf of a line as it lies in the database."""
    agent = document.get("agent")
    readable: dict[str, Any] = {name: document.get(name) for name in _PUBLIC}
    rest = {name: value for name, value in document.items() if name not in (*_PUBLIC, "agent")}
    if isinstance(agent, Mapping):
        readable["agent"] = {name: agent.get(name) for name in _PUBLIC_OF_AGENT} | _only(agent, _WHERE_THERE_IS_ONE)
        public = (*_PUBLIC_OF_AGENT, *_WHERE_THERE_IS_ONE)
        rest["agent"] = {name: value for name, value in agent.items() if name not in public}
    else:
        rest["agent"] = agent
    return Leaf(_bytes(readable), hashlib.sha256(_bytes(rest)).digest())


def _only(agent: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: agent[name] for name in names if name in agent}


def _bytes(value: object) -> bytes:
    return orjson.dumps(_plain(value), option=orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATETIME)


def _plain(value: object) -> object:
    """Only what JSON has, each kind so that it cannot be taken for another."""
    if isinstance(value, bytes):
        return {"$bytes": value.hex()}
    if isinstance(value, datetime):
        return {"$ms": round(value.timestamp() * 1000)}
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if value is None or isinstance(value, str | int | float):
        return value
    return {"$other": repr(value)}


@dataclass(frozen=True, slots=True)
class Proof:
    """That a line stands in a sealed batch: enough for whoever has our public key and nothing else of us."""

    leaf: Leaf
    index: int
    size: int
    path: tuple[bytes, ...]
    checkpoint: str
    """Signed: number, size and root of the batch, and the digest of the checkpoint before it."""

    def holds(self, root: bytes) -> bool:
        """Whether it leads to this root."""
        return included(self.leaf.hash, self.index, self.size, self.path, root)


def checkpoint_digest(checkpoint: str) -> str:
    """How the next checkpoint names this one."""
    return hashlib.sha256(checkpoint.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in the trail that is not as it was sealed. `line` is the hexadecimal place of a line."""

    kind: str
    """CHANGED, REMOVED or INSERTED for a line; BATCH_CHANGED, BATCH_REMOVED, BAD_SIGNATURE or BROKEN_CHAIN."""
    batch: int | None
    line: str | None = None
    time: datetime | None = None
