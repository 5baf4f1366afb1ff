"""What a request asks: its media type and its parameters, by POST and, in the developer profile, by GET.

The one invariant: what comes out has parameters of the right kinds; a faulty request is a BadInput in words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from ehb.errors import BadInput
from graphql_schema.event_stream import EVENT_STREAM

RESPONSE = "application/graphql-response+json"
JSON = "application/json"
_PARAMETERS: tuple[tuple[str, type, tuple[str, str]], ...] = (
    ("query", str, ("chuỗi", "a string")),
    ("documentId", str, ("chuỗi", "a string")),
    ("variables", dict, ("đối tượng", "an object")),
    ("operationName", str, ("chuỗi", "a string")),
    ("extensions", dict, ("đối tượng", "an object")),
)


def media_type(accept: str) -> str | None:
    """The media type of the answer: what is asked for, application/json when nothing is; None for neither."""
    wanted = [part.partition(";")[0].strip().lower() for part in accept.split(",") if part.strip()]
    for name in wanted:
        if name == RESPONSE:
            return RESPONSE
        if name == EVENT_STREAM:
            return EVENT_STREAM
        if name in (JSON, "*/*", "application/*"):
            return JSON
    return None if wanted else JSON


def asked_by_post(body: bytes) -> dict[str, Any]:
    """The parameters of a JSON body. Raises BadInput; an array of requests (a batch) is none."""
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadInput(vi="Nội dung không phải JSON.", en="The body is not JSON.") from None
    return well_formed(asked)


def asked_by_get(given: Mapping[str, str]) -> dict[str, Any]:
    """The parameters of an address; `variables` and `extensions` are JSON in it. Raises BadInput."""
    asked: dict[str, Any] = {name: given[name] for name, *_ in _PARAMETERS if name in given}
    for name in ("variables", "extensions"):
        if name in asked:
            try:
                asked[name] = orjson.loads(asked[name])
            except orjson.JSONDecodeError:
                raise BadInput(vi=f"`{name}` không phải JSON.", en=f"`{name}` is not JSON.") from None
    return well_formed(asked)


def well_formed(asked: object) -> dict[str, Any]:
    """The parameters of a request, however it came. Raises BadInput."""
    if not isinstance(asked, dict):
        raise BadInput(vi="Nội dung phải là một đối tượng JSON.", en="The body must be one JSON object.")
    for name, kind, said in _PARAMETERS:
        if not isinstance(asked.get(name), kind | None):
            raise BadInput(vi=f"`{name}` phải là {said[0]}.", en=f"`{name}` must be {said[1]}.")
    if asked.get("documentId") is None and not (asked.get("query") or "").strip():
        raise BadInput(vi="Thiếu `query`.", en="`query` is missing or not a string.")
    return asked
