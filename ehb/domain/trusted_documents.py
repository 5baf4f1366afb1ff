"""Trusted documents: the GraphQL documents that an app was built with, which alone may run in production.

Their form on the wire is appendix A of GraphQL over HTTP (standards row H7). The one invariant: the id of a document is
the digest of its text, reckoned by us; a name that a manifest gives it is only another way to find it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")
_CUSTOM = re.compile(r"[A-Za-z0-9._~-]{1,128}")


@dataclass(frozen=True, slots=True)
class TrustedDocument:
    """A document and what it is called."""

    text: str
    operations: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    """Custom document identifiers, such as the MD5 digests that Relay's compiler writes into an app."""
    added: datetime | None = None

    @property
    def id(self) -> str:
        return document_id(self.text)


def document_id(text: str) -> str:
    """The SHA256 hex document identifier of a text."""
    return f"sha256:{sha256(text.encode()).hexdigest()}"


def is_document_id(text: str) -> bool:
    """Whether this is spelt as an identifier of either kind."""
    return bool(_SHA256.fullmatch(text) or _CUSTOM.fullmatch(text))
