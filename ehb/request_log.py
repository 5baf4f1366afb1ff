"""One line for each request: what was asked of which route, by which kind of caller, and what came of it (row E5).

Owns the id of a request, which its answer, its line and every line about a bug in it carry. Rooms note what only they
know: `auth` the kind of caller, GraphQL the operation and its roots, whoever refuses the code. The one invariant: a
line names routes, roots, kinds and codes, which are ours, and nothing that the caller wrote.
"""

from __future__ import annotations

import uuid
from contextvars import ContextVar
from dataclasses import dataclass, field
from http import HTTPStatus
from time import perf_counter
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ehb.logs import METHOD, UUID, current_request, log, place_of
from ehb.traces import Span, current, failed, first, say

HEADER = "X-Request-ID"
_HEADER = HEADER.lower().encode()
_SWITCHING_PROTOCOLS = 101
_MOST = 50
"""Roots and codes that one line names: a connection may carry any number of operations."""


@dataclass(slots=True)
class Notes:
    """What is known of one request so far."""

    request: str
    facts: dict[str, str] = field(default_factory=dict)
    roots: dict[str, None] = field(default_factory=dict)
    codes: dict[str, None] = field(default_factory=dict)

    def line(self) -> dict[str, object]:
        """What its line says."""
        lists = {name: list(found)[:_MOST] for name, found in (("roots", self.roots), ("codes", self.codes)) if found}
        return {"request": self.request, **self.facts, **lists}


_current: ContextVar[Notes | None] = ContextVar("request", default=None)


def note(*, roots: tuple[str, ...] = (), code: str | None = None, **facts: str) -> None:
    """Add to the line of the current request; outside of one it does nothing. `facts` are keys of `ehb.logs.NAMED`."""
    if (notes := _current.get()) is None:
        return
    notes.facts |= facts
    notes.roots |= dict.fromkeys(roots)
    if code is not None:
        notes.codes[code] = None


def correlation() -> str:
    """The id of the current request; a new one outside of any."""
    notes = _current.get()
    return notes.request if notes is not None else new_id()


def new_id() -> str:
    """A random id that the log takes: one in 281 ends in twelve decimal digits, and is not used."""
    while not UUID.fullmatch(made := str(uuid.uuid4())):
        pass
    return made


def bug(error: BaseException) -> str:
    """Log the kind and the place of a bug, never its text; returns the id by which the line is found."""
    request = correlation()
    failed(error)
    log.error("bug", request=request, **place_of(error))
    return request


class RequestLog:
    """The outermost layer, pure ASGI: gives each request its id, its span, and its line at the end."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        notes, started, status = Notes(_id_of(scope)), perf_counter(), 0
        method = scope.get("method", "GET")
        method = method if METHOD.fullmatch(method) else "other"
        span = first(method)

        async def watched(message: Message) -> None:
            nonlocal status
            kind = message["type"]
            if kind == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (_HEADER, notes.request.encode())]
            elif kind == "websocket.accept":
                status = _SWITCHING_PROTOCOLS
            await send(message)

        token, named = _current.set(notes), current_request.set(notes.request)
        try:
            with current(span):
                await self._app(scope, receive, watched)
        finally:
            _current.reset(token)
            current_request.reset(named)
            line: dict[str, Any] = {
                "method": method,
                "route": getattr(scope.get("route"), "path", "other"),
                "status": status,
                **notes.line(),
            }
            _end(span, line)
            log.info("request", milliseconds=round((perf_counter() - started) * 1_000, 1), **line)


def _end(span: Span, line: dict[str, Any]) -> None:
    """The span says what the line does, as far as it may, in the words of the semantic conventions."""
    if not span.is_recording():
        return
    told, title = ("_OTHER", "HTTP") if line["method"] == "other" else (line["method"], line["method"])
    say(span, name=f"{title} {line['route']}", **{**line, "method": told})
    if line["status"] >= HTTPStatus.INTERNAL_SERVER_ERROR:
        failed(one=span)
    span.end()


def _id_of(scope: Scope) -> str:
    """The id that the caller gave, when it is one made at random; else a new one.

    Whatever else a caller may write there, a number or a token, would stand in our log.
    """
    given = [value.decode("latin-1") for name, value in scope["headers"] if name == _HEADER]
    return given[0] if len(given) == 1 and UUID.fullmatch(given[0]) else new_id()
