"""Form requests of OAuth: what is read, and how a refusal looks.

The one invariant: a parameter counts only when it is there once (RFC 6749 section 3.1), and a body is read no
further than a token request can be long.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from auth.assertion_errors import ClientRefused
from auth.errors import TokenRefused
from ehb.bodies import body_of
from ehb.errors import BadInput, TooSlow
from ehb.request_log import note

PRIVATE = {"Cache-Control": "no-store", "Pragma": "no-cache", "Referrer-Policy": "no-referrer"}
_LARGEST_FORM = 32_768
_MOST_FIELDS = 32


async def form_of(request: Request) -> dict[str, str]:
    """The urlencoded body, without empty parameters. Raises TokenRefused for anything else, and TooSlow."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise TokenRefused
    try:
        body = await body_of(request, _LARGEST_FORM)
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except TooSlow:
        raise
    except (ValueError, BadInput):
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


def refused(error: TokenRefused, wait: int | None = None) -> Response:
    """RFC 6749 section 5.2, with our own stable code. The description is English, as the RFC allows ASCII only.

    `wait` is for an address that fails too often: 429, and Retry-After in seconds; what was wrong it is told as ever.
    """
    note(code=error.code)
    answer = {"error": error.error, "error_description": error.en, "code": error.code}
    asks = {"WWW-Authenticate": "Bearer"} if isinstance(error, ClientRefused) else {}
    if wait is not None:
        asks["Retry-After"] = str(wait)
    status = error.http_status if wait is None else 429
    return JSONResponse(answer, status_code=status, headers={**PRIVATE, **asks})
