"""The HTTP of signing in with a browser: login and callback.

Owns parameters, status codes, headers and cookies. Leaves every decision to `logins`; tokens are `token_endpoint`'s.

The one invariant: no answer of this room may be cached or tell its address to another site.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from auth.attempts import Attempts
from auth.errors import LoginRequestInvalid, TooManyLogins
from auth.forms import PRIVATE, once
from auth.logins import Logins, Step
from ehb.errors import EhbError
from ehb.problems import refusal

_COOKIE_LIFE = 600


def auth_routes(*, logins: Logins, attempts: Attempts, base_url: str) -> list[Route]:
    """The routes of this module. `base_url` is our own origin, without a slash at its end."""
    endpoints = _Endpoints(logins, attempts, base_url)
    return [
        Route("/auth/login", endpoints.login, methods=["GET"]),
        Route("/auth/callback", endpoints.callback, methods=["GET"]),
    ]


class _Endpoints:
    def __init__(self, logins: Logins, attempts: Attempts, base_url: str) -> None:
        self._logins = logins
        self._attempts = attempts
        self._secure = base_url.startswith("https://")
        self._cookie = "__Host-ehb-login" if self._secure else "ehb-login"

    async def login(self, request: Request) -> Response:
        try:
            await self._attempts.begun(request)
            return self._redirect(await self._logins.begin(_query(request)))
        except TooManyLogins as error:
            return refusal(error, request.headers, {**PRIVATE, "Retry-After": str(error.retry_after)})
        except EhbError as error:
            return refusal(error, request.headers, PRIVATE)

    async def callback(self, request: Request) -> Response:
        try:
            step = await self._logins.finish(_query(request), request.cookies.get(self._cookie))
        except EhbError as error:
            return refusal(error, request.headers, PRIVATE)
        response = self._redirect(step)
        response.delete_cookie(self._cookie, path="/", secure=self._secure, httponly=True, samesite="lax")
        return response

    def _redirect(self, step: Step) -> Response:
        response = RedirectResponse(step.location, status_code=303, headers=PRIVATE)
        if step.browser is not None:
            response.set_cookie(
                self._cookie,
                step.browser,
                max_age=_COOKIE_LIFE,
                path="/",
                secure=self._secure,
                httponly=True,
                samesite="lax",
            )
        return response


def _query(request: Request) -> dict[str, str]:
    found = once(request.query_params.multi_items())
    if found is None:
        raise LoginRequestInvalid
    return found
