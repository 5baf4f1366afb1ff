"""Form requests of OAuth: what is read, and how a refusal looks.

The one invariant: a parameter counts only when it is there once (RFC 6749 section 3.1), and a body is read no
further than a token request can be long.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from auth.assertion_errors import ClientRefused
from auth.errors import TokenRefused, TooManyFailures
from ehb.request_log import note

PRIVATE = {"Cache-Control": "no-store", "Pragma": "no-cache", "Referrer-Policy": "no-referrer"}
_LARGEST_FORM = 32_768
_MOST_FIELDS = 32


async def form_of(request: Request) -> dict[str, str]:
    """The urlencoded body, without empty parameters. Raises TokenRefused for anything else."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise TokenRefused
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > _LARGEST_FORM:
                raise TokenRefused
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except (ValueError, ClientDisconnect):
        raise TokenRefused from None
    found = once(pairs)
    if found is None:
        raise TokenRefused
    return found


def once(pairs: Iterable[tuple[str, str]]) -> dict[str, str] | None:
    """The parameters, empty ones left out; None when one is there twice."""
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            return None
        found[name] = value
    return {name: value for name, value in found.items() if value}


def required(form: dict[str, str], name: str) -> str:
    """The parameter of this name. Raises TokenRefused when it is missing."""
    if name not in form:
        raise TokenRefused
    return form[name]


def refused(error: TokenRefused) -> Response:
    """RFC 6749 section 5.2, with our own stable code. The description is English, as the RFC allows ASCII only."""
    note(code=error.code)
    answer = {"error": error.error, "error_description": error.en, "code": error.code}
    asks = {"WWW-Authenticate": "Bearer"} if isinstance(error, ClientRefused) else {}
    if isinstance(error, TooManyFailures):
        asks = {"Retry-After": str(error.retry_after)}
    return JSONResponse(answer, status_code=error.http_status, headers={**PRIVATE, **asks})
