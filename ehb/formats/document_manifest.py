"""Manifests of GraphQL documents, as the build of an app writes them.

    {"<key>": "<text>"}        relay-compiler (persisted queries), graphql-codegen (persisted-documents.json)
    {"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id", "name", "type", "body"}]}

The one invariant: a key that looks like a digest is the digest of its text, or the manifest is refused whole.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any

import orjson

from ehb.domain.trusted_documents import TrustedDocument, document_id, is_document_id
from ehb.errors import BadInput

_APOLLO = "apollo-persisted-query-manifest"
_HEX = re.compile(r"[0-9a-f]+")
_DIGESTS = {32: "md5", 40: "sha1", 64: "sha256"}


def read(content: bytes) -> list[TrustedDocument]:
    """The documents of a manifest, each once. Raises BadInput and names every key that is wrong."""
    try:
        manifest = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise BadInput(vi="Tệp không phải JSON.", en="The manifest is not JSON.") from None
    if not isinstance(manifest, dict) or not manifest:
        raise BadInput(vi="Tệp không có tài liệu nào.", en="The manifest is not an object with documents in it.")
    wrong: list[str] = []
    found: dict[str, TrustedDocument] = {}
    for key, text in _entries(manifest):
        problem = _problem(key, text)
        if problem is not None:
            wrong.append(f"{str(key)[:140]}: {problem}")
            continue
        known = found.get(document_id(text), TrustedDocument(text))
        aliases = known.aliases if key == known.id else (*known.aliases, key)
        found[known.id] = TrustedDocument(text, aliases=aliases)
    if wrong:
        lines = "".join(f"\n     {one}" for one in wrong)
        raise BadInput(vi=f"Tệp có lỗi:{lines}", en=f"The manifest has faults:{lines}")
    return list(found.values())


def _entries(manifest: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    if manifest.get("format") != _APOLLO:
        yield from manifest.items()
        return
    operations = manifest.get("operations")
    for one in operations if isinstance(operations, list) else [None]:
        yield (one.get("id"), one.get("body")) if isinstance(one, dict) else (None, None)


def _problem(key: Any, text: Any) -> str | None:
    if not isinstance(key, str) or not is_document_id(key):
        return "no document identifier: sha256:<64 hex>, or letters, digits and -._~ without a colon"
    if not isinstance(text, str) or not text.strip():
        return "no text"
    digest = key.removeprefix("sha256:")
    algorithm = _DIGESTS.get(len(digest)) if _HEX.fullmatch(digest) else None
    if algorithm and hashlib.new(algorithm, text.encode(), usedforsecurity=False).hexdigest() != digest:
        return f"not the {algorithm} digest of its text"
    return None
