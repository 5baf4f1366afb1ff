"""Trusted documents as GraphQL over HTTP, appendix A, sends them: by `documentId` (standards row H7).

The one invariant: where only trusted documents run, no text that a caller sends is ever parsed.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from functools import cache
from time import monotonic
from typing import Any, Protocol

import strawberry
from graphql import GraphQLError, OperationDefinitionNode

from ehb.domain.trusted_documents import TrustedDocument, is_document_id
from ehb.errors import BadInput, TooLarge, UnknownDocument
from ehb.request_log import note
from graphql_schema.cost import MAX_COST
from graphql_schema.limits import Judge
from graphql_schema.schema import make_schema

MAX_TEXT = 100_000
"""Characters of a document; 2,000 tokens of ours take about 20,000."""
_KEPT = 512
_SECONDS = 60.0
"""How long a worker sends a text that was removed meanwhile."""


class Stored(Protocol):
    """Where the documents lie."""

    async def find(self, identifier: str) -> str | None: ...


class Documents:
    """The texts of one worker: it remembers for a minute what it found, and looks again for what it did not."""

    def __init__(self, stored: Stored, *, only_trusted: bool) -> None:
        self._stored = stored
        self._only_trusted = only_trusted
        self._known: OrderedDict[str, tuple[float, str]] = OrderedDict()

    async def completed(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The request with the text of its document as `query`.

        Raises UnknownDocument; BadInput for a free query where only trusted documents run; TooLarge for a long one.
        """
        identifier, text = asked.get("documentId"), asked.get("query")
        if identifier is not None:
            if text is not None:
                raise BadInput(
                    vi="Chỉ gửi `documentId` hoặc `query`.", en="Send either `documentId` or `query`, not both."
                )
            return {**asked, "query": await self._text(identifier)}
        if self._only_trusted:
            raise BadInput(
                vi="Máy chủ này chỉ chạy các tài liệu GraphQL đã đăng ký: gửi `documentId` thay cho `query`.",
                en="This server runs only the GraphQL documents that it knows: send `documentId` instead of `query`.",
            )
        if len(text or "") > MAX_TEXT:
            raise TooLarge
        return asked

    async def _text(self, identifier: str) -> str:
        found, text = self._known.get(identifier, (0.0, None))
        if text is None or monotonic() - found > _SECONDS:
            text = await self._stored.find(identifier) if is_document_id(identifier) else None
            if text is None:
                self._known.pop(identifier, None)
                raise UnknownDocument
            self._known[identifier] = (monotonic(), text)
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        self._known.move_to_end(identifier)
        note(document=identifier)  # one of ours by now
        return text


@cache
def _judge() -> tuple[strawberry.Schema, Judge]:
    return make_schema(), Judge(introspection=False)


def checked(document: TrustedDocument) -> tuple[TrustedDocument, list[str]]:
    """The document with the names of its operations, and all that the schema and the limits have against it.

    Its cost is reckoned with the defaults of its variables; when it runs, with their values.
    """
    schema, judge = _judge()
    if len(document.text) > MAX_TEXT:
        return document, [f"longer than {MAX_TEXT} characters"]
    try:
        judged = judge.judged(schema._schema, document.text)
    except GraphQLError as error:
        return document, [_said(error)]
    operations = [one for one in judged.document.definitions if isinstance(one, OperationDefinitionNode)]
    names = tuple(one.name.value if one.name else one.operation.value for one in operations)
    problems = [_said(error) for error in judged.problems] or ([] if operations else ["no operation in it"])
    for one in operations if not problems else ():
        points = judge.cost(schema._schema, judged, one.name.value if one.name else None)
        if points > MAX_COST:
            problems.append(f"costs {points} points with the defaults of its variables, the limit is {MAX_COST}")
    return replace(document, operations=names), problems


def _said(error: GraphQLError) -> str:
    place = error.locations[0] if error.locations else None
    return f"{place.line}:{place.column} {error.message}" if place else error.message
