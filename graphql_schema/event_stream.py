"""GraphQL over server-sent events (the graphql-sse protocol, distinct connections mode).

One operation, one response: `next` for every result, `complete` at the end. A comment goes out when nothing else
does, so that a broken line is noticed on both sides. The one invariant: a stream does not outlive its login.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import orjson
import strawberry
from graphql import GraphQLError
from starlette.responses import StreamingResponse
from strawberry.schema.exceptions import CannotGetOperationTypeError

from ehb.domain.identity import Principal
from ehb.errors import EhbError
from graphql_schema.context import Context
from graphql_schema.errors import presented

EVENT_STREAM = "text/event-stream"
HEARTBEAT = 1.5
"""Seconds between two looks at whether the login still stands."""
_COMPLETE = b"event: complete\ndata:\n\n"


def event_stream(
    schema: strawberry.Schema, asked: dict[str, Any], context: Context, principal: Callable[[], Awaitable[Principal]]
) -> StreamingResponse:
    """The answer to one operation as events. `principal` is asked again and again; what it raises ends the stream."""
    return StreamingResponse(
        _events(schema, asked, context, principal),
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no", "Content-Language": context.language},
        media_type=EVENT_STREAM,
    )


async def _events(
    schema: strawberry.Schema, asked: dict[str, Any], context: Context, principal: Callable[[], Awaitable[Principal]]
) -> AsyncIterator[bytes]:
    yield b":\n\n"
    try:
        results: Any = await schema.stream(
            asked["query"],
            variable_values=asked.get("variables"),
            operation_name=asked.get("operationName") or None,
            context_value=context,
        )
    except CannotGetOperationTypeError:
        error = GraphQLError("The document has no operation, or none with this operationName.")
        yield _event({"errors": [presented(error, context.language)]})
        yield _COMPLETE
        return
    try:
        async for result in _while_signed_in(results, principal):
            yield b":\n\n" if result is None else _event(_answer(result, context.language))
    finally:
        await results.aclose()
    yield _COMPLETE


async def _while_signed_in(results: Any, principal: Callable[[], Awaitable[Principal]]) -> AsyncIterator[Any]:
    """Results as they come, None for every heartbeat between them."""
    coming: asyncio.Future[Any] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(anext(results, _END))
            await asyncio.wait({coming}, timeout=HEARTBEAT)
            if not coming.done():
                try:
                    await principal()
                except EhbError:
                    return
                yield None
                continue
            result, coming = coming.result(), None
            if result is _END:
                return
            yield result
    finally:
        if coming is not None:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)


_END = object()


def _answer(result: Any, language: str) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    if result.errors:
        answer["errors"] = [presented(error, language) for error in result.errors]
    if result.data is not None or not all(error.path is None for error in result.errors or ()):
        answer["data"] = result.data
    return answer


def _event(answer: dict[str, Any]) -> bytes:
    return b"event: next\ndata: " + orjson.dumps(answer) + b"\n\n"
