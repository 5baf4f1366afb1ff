"""The HTTP between us and the eID besides a login: logout from either side, and our public keys as its client.

RP-Initiated Logout 1.0 and Back-Channel Logout 1.0. The one invariant: nobody is signed out by a link; it takes one
of the session's own tokens, or a token that the eID signed.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from auth.errors import LoginFailed, LogoutTokenInvalid, TokenRefused
from auth.forms import PRIVATE, form_of, refused, required
from auth.logout import LogoutTokens
from auth.oidc import RelyingParty
from auth.sessions import Sessions
from ehb.errors import EhbError
from ehb.request_log import note

_GONE = """<!doctype html>
<html lang="vi"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Đã đăng xuất · Signed out</title>
<p>Bạn đã đăng xuất khỏi Sổ sức khỏe điện tử. Hãy quay lại ứng dụng.</p>
<p lang="en">You are signed out of the electronic health book. Go back to the app.</p>
</html>
"""
_LOCKED = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "X-Content-Type-Options": "nosniff"}


def logout_routes(
    *, sessions: Sessions, eid: RelyingParty, logout_tokens: LogoutTokens, client_jwks: Mapping[str, object]
) -> list[Route]:
    """The routes of this room."""

    async def logout(request: Request) -> Response:
        """End the session of `token`, with `everywhere=true` all sessions of its account.

        Answers `{"end_session_url"}`, where the app may send the browser so that the session at the eID ends too;
        null when the eID has no such place or does not answer.
        """
        try:
            form = await form_of(request)
            token, client_id = required(form, "token"), required(form, "client_id")
        except TokenRefused as error:
            return refused(error)
        if form.get("everywhere") == "true":
            await sessions.end_everywhere(token, client_id=client_id)
        else:
            await sessions.revoke(token, client_id=client_id)
        try:
            url = await eid.logout_url()
        except EhbError:
            url = None
        return JSONResponse({"end_session_url": url}, headers=PRIVATE)

    async def backchannel(request: Request) -> Response:
        """Section 2.7 and 2.8: 200 once the sessions are over, 400 for a token that we do not believe."""
        try:
            form = await form_of(request)
            await sessions.end_account(await logout_tokens.account(required(form, "logout_token")))
        except TokenRefused:
            return _not_believed(LogoutTokenInvalid())
        except LoginFailed as error:
            return _not_believed(error)
        return Response(headers=PRIVATE)

    async def gone(_: Request) -> Response:
        return HTMLResponse(_GONE, headers={**PRIVATE, **_LOCKED})

    async def client_keys(_: Request) -> Response:
        """Our public keys as the eID's client: the `jwks_uri` that is registered there."""
        return JSONResponse(client_jwks, headers={"Cache-Control": "public, max-age=3600"})

    return [
        Route("/auth/client-jwks.json", client_keys, methods=["GET"]),
        Route("/auth/logout", logout, methods=["POST"]),
        Route("/auth/backchannel-logout", backchannel, methods=["POST"]),
        Route("/auth/logged-out", gone, methods=["GET"]),
    ]


def _not_believed(error: LoginFailed) -> Response:
    note(code=error.code)
    answer = {"error": error.error, "error_description": error.en, "code": error.code}
    return JSONResponse(answer, status_code=400, headers=PRIVATE)
