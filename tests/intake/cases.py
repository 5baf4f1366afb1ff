"""How a broken file is written down: its name says how it is broken, the rest what must be said of it.

The one invariant: what is expected is written by hand from the rules of the format, never copied from what was said.
"""

from __future__ import annotations

from dataclasses import dataclass

from ehb.client import FHIR, XML


@dataclass(frozen=True, slots=True)
class Case:
    """One file and what a receipt must say of it."""

    name: str
    body: bytes
    errors: frozenset[str] = frozenset()
    """Every rule that refuses it, and no other."""
    warnings: frozenset[str] = frozenset()
    """Rules that warn; others may warn too."""
    kind: str = XML


def refused(name: str, body: bytes | str, *rules: str, kind: str = XML) -> Case:
    """A file that is refused by exactly these rules."""
    assert rules
    return Case(name, _bytes(body), errors=frozenset(rules), kind=kind)


def warned(name: str, body: bytes | str, *rules: str, kind: str = XML) -> Case:
    """A file that is taken, with a warning."""
    assert rules
    return Case(name, _bytes(body), warnings=frozenset(rules), kind=kind)


def taken(name: str, body: bytes | str, kind: str = XML) -> Case:
    """A file that looks broken and is not: old software writes such, and nobody may lose a visit by it."""
    return Case(name, _bytes(body), kind=kind)


def _bytes(body: bytes | str) -> bytes:
    return body if isinstance(body, bytes) else body.encode()


__all__ = ["FHIR", "XML", "Case", "refused", "taken", "warned"]
