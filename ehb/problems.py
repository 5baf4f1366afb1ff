"""Problems: saying no over HTTP, to machines and to people (RFC 9457).

Owns the shape of a refusal and the choice between Vietnamese and English. The one invariant: a refusal
shows the error's code and its two prepared sentences, and nothing of the request.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from html import escape
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ehb.errors import Busy, EhbError, MethodNotAllowed, NotFound, RateLimited, TooSlow
from ehb.request_log import bug, note

_PAGE = """<!doctype html>
<html lang="{language}">
<meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{first}</title>
<main><h1>{first}</h1><p lang="{other_language}">{second}</p><p><code>{code}</code></p></main>
</html>
"""
_BROKEN = 1011
"""The close code of a connection that failed on our side (RFC 6455 section 7.4.1)."""
_LOCKED = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"}


class MaskBugs:
    """The outermost layer, pure ASGI: a bug becomes a 500 problem with a correlation id.

    Nothing goes up to the server, which would log the exception's text, and that may quote a person.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._mask_connection(scope, receive, send)
            return
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            correlation = bug(error)
            if begun:
                return  # the answer is cut off; the server closes the connection
            masked = EhbError()
            masked.details = {"correlationId": correlation}
            await problem_response(masked, language_of(Headers(scope=scope)))(scope, receive, send)

    async def _mask_connection(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            if scope["type"] != "websocket":
                raise  # of the server's start and end: the operator must see why
            bug(error)
            with contextlib.suppress(RuntimeError):  # closed already, or gone
                await send({"type": "websocket.close", "code": _BROKEN})


def language_of(headers: Headers) -> str:
    """`vi` or `en`, by Accept-Language (RFC 9110 section 12.5.4); Vietnamese when neither is asked for."""
    wishes: list[tuple[float, str]] = []
    for part in headers.get("accept-language", "").split(","):
        name, _, parameter = part.strip().partition(";")
        language = name.strip().lower().partition("-")[0]
        try:
            weight = float(parameter.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if language in ("vi", "en") and weight > 0:
            wishes.append((-weight, language))
    return min(wishes, key=lambda wish: wish[0])[1] if wishes else "vi"


def problem_response(error: EhbError, language: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """The error as `application/problem+json`."""
    note(code=error.code)
    return JSONResponse(
        {
            "type": "about:blank",
            "title": HTTPStatus(error.http_status).phrase,
            "status": error.http_status,
            "detail": error.message(language),
            **error.details,
            "code": error.code,
        },
        status_code=error.http_status,
        headers={"Cache-Control": "no-store", "Content-Language": language, **_said_by(error), **(headers or {})},
        media_type="application/problem+json",
    )


def _said_by(error: EhbError) -> dict[str, str]:
    """What the status asks for: RFC 9110 sections 10.2.3 and 15.5.9."""
    if isinstance(error, RateLimited | Busy):
        return {"Retry-After": str(error.retry_after)}
    return {"Connection": "close"} if isinstance(error, TooSlow) else {}


class SecurityHeaders:
    """Adds to every answer what keeps a browser from guessing types and from telling others where it was."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Referrer-Policy", "no-referrer")
            await send(message)

        await self._app(scope, receive, marked if scope["type"] == "http" else send)


def refused_by_routing(request: Request, refusal: Exception) -> Response:
    """What Starlette refuses by itself, an unknown path or method, as a problem like any other."""
    headers = dict(getattr(refusal, "headers", None) or {})
    error = MethodNotAllowed() if getattr(refusal, "status_code", 404) == MethodNotAllowed.http_status else NotFound()
    return problem_response(error, language_of(request.headers), headers)


def problem(request: Request, error: Exception) -> Response:
    """What a route refuses, as a problem. For Starlette, which hands over what it is registered for."""
    assert isinstance(error, EhbError)  # noqa: S101
    return problem_response(error, language_of(request.headers))


def here(handler: Callable[[Request, Exception], Response]) -> Callable[[Request, Exception], Awaitable[Response]]:
    """A handler as a coroutine: Starlette runs others in a thread, and such a thread outlives an interrupted loop."""

    async def handled(request: Request, error: Exception) -> Response:
        return handler(request, error)

    return handled


def problem_page(error: EhbError, language: str, headers: dict[str, str] | None = None) -> HTMLResponse:
    """The error for a person in a browser, in both languages; it loads nothing."""
    note(code=error.code)
    other = "vi" if language == "en" else "en"
    page = _PAGE.format(
        language=language,
        first=escape(error.message(language)),
        other_language=other,
        second=escape(error.message(other)),
        code=escape(error.code),
    )
    return HTMLResponse(
        page,
        error.http_status,
        {"Cache-Control": "no-store", "Content-Language": language, **_LOCKED, **(headers or {})},
    )


def refusal(error: EhbError, asked: Headers, headers: dict[str, str] | None = None) -> Response:
    """A page for a browser that asks for one, problem+json for everybody else."""
    show = problem_page if "text/html" in asked.get("accept", "") else problem_response
    return show(error, language_of(asked), headers)
