"""GraphQL over server-sent events (the graphql-sse protocol, distinct connections mode; standards row W4).

One operation, one response: `next` for every result, `complete` at the end; a query or mutation is run as without
events, within its limits, and comes as a stream of one. A comment goes out when nothing else does, so that a broken
line is noticed on both sides. When it ends is the affair of `running`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from typing import Any

import orjson
from graphql import GraphQLError, OperationType, get_operation_ast, parse
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ehb.traces import span
from graphql_schema.context import Context
from graphql_schema.limits import MAX_TOKENS
from graphql_schema.operations import Operations
from graphql_schema.running import SLOWEST, Streams, answers, stopped

EVENT_STREAM = "text/event-stream"
HEARTBEAT = 1.5
"""Seconds of silence after which a comment goes out."""
_BEAT = b":\n\n"
_COMPLETE = b"event: complete\ndata:\n\n"


def follows(asked: Mapping[str, Any]) -> bool:
    """Whether it is a subscription that is asked for; a faulty document is none."""
    try:
        document = parse(asked["query"], max_tokens=MAX_TOKENS)
    except GraphQLError:
        return False
    operation = get_operation_ast(document, asked.get("operationName") or None)
    return operation is not None and operation.operation is OperationType.SUBSCRIPTION


def once(answer: bytes, language: str) -> Response:
    """One answer and the end, as events."""
    return Response(_next(answer) + _COMPLETE, headers=_headers(language), media_type=EVENT_STREAM)


class EventStream(Response):
    """The answers to one subscription as events. `principal` is asked again and again; what it raises ends the stream.

    Raises RateLimited before anything is sent when the caller follows too much already.
    """

    media_type = EVENT_STREAM

    def __init__(
        self,
        operations: Operations,
        asked: dict[str, Any],
        context: Context,
        principal: Callable[[], Awaitable[object]],
        streams: Streams,
    ) -> None:
        super().__init__(None, headers=_headers(context.language))
        del self.headers["content-length"]
        self._operations, self._asked, self._context = operations, asked, context
        self._principal, self._streams = principal, streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until it ends; whatever ends it, nothing of it runs on."""
        with self._streams.place(self._context.principal):
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            telling: asyncio.Task[object] = asyncio.create_task(self._traced(send))
            ending: asyncio.Task[object] = asyncio.create_task(self._streams.end(self._principal))
            gone: asyncio.Task[object] = asyncio.create_task(_gone(receive))
            try:
                ended, _ = await asyncio.wait({telling, ending, gone}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                await stopped(telling, ending, gone)
            if gone in ended:
                return
            with suppress(TimeoutError, OSError):  # a client that does not read is cut off
                for one in ended:
                    one.result()
                await _sent(send, _COMPLETE, more=False)

    async def _traced(self, send: Send) -> None:
        with span("graphql"):
            await self._tell(send)

    async def _tell(self, send: Send) -> None:
        """Every answer as it comes, and a comment after each silence."""
        await _sent(send, _BEAT)
        async with aclosing(answers(self._operations, self._asked, self._context)) as coming:
            upcoming: asyncio.Future[Any] | None = None
            try:
                while True:
                    upcoming = upcoming or asyncio.ensure_future(anext(coming, None))
                    await asyncio.wait({upcoming}, timeout=HEARTBEAT)
                    if not upcoming.done():
                        await _sent(send, _BEAT)
                        continue
                    found, upcoming = upcoming.result(), None
                    if found is None:
                        return
                    await _sent(send, _next(orjson.dumps(found[0])))
            finally:
                if upcoming is not None:
                    await stopped(upcoming)


def _next(answer: bytes) -> bytes:
    return b"event: next\ndata: " + answer + b"\n\n"


def _headers(language: str) -> dict[str, str]:
    return {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "Content-Language": language}


async def _sent(send: Send, body: bytes, *, more: bool = True) -> None:
    """Raises TimeoutError for a client that does not read."""
    async with asyncio.timeout(SLOWEST):
        await send({"type": "http.response.body", "body": body, "more_body": more})


async def _gone(receive: Receive) -> None:
    """Until the client went away."""
    while (await receive())["type"] != "http.disconnect":
        pass
