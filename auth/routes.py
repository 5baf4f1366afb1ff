"""The HTTP of signing in: login, callback, tokens, revocation, discovery.

Owns parameters, status codes, headers and cookies. Leaves every decision to `logins`, `sessions` and `clients`.

The one invariant: a parameter counts only when it is there once (RFC 6749 section 3.1), and no answer of this
room may be cached or tell its address to another site.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from auth.clients import ALGORITHMS, FacilityAuthentication
from auth.errors import ClientRefused, GrantUnsupported, LoginRequestInvalid, ScopeInvalid, TokenRefused
from auth.logins import Logins, Step
from auth.sessions import Sessions, Tokens
from ehb.errors import EhbError
from ehb.problems import refusal

PRIVATE = {"Cache-Control": "no-store", "Pragma": "no-cache", "Referrer-Policy": "no-referrer"}
_COOKIE_LIFE = 600
_LARGEST_FORM = 32_768
_MOST_FIELDS = 32


def auth_routes(
    *,
    logins: Logins,
    sessions: Sessions,
    facilities: FacilityAuthentication,
    base_url: str,
    facility_scopes: tuple[str, ...] = ("system/*.c",),
) -> list[Route]:
    """The routes of this room. `base_url` is our own origin, without a slash at its end; it is also our issuer."""
    endpoints = _Endpoints(logins, sessions, facilities, base_url, facility_scopes)
    return [
        Route("/auth/login", endpoints.login, methods=["GET"]),
        Route("/auth/callback", endpoints.callback, methods=["GET"]),
        Route("/auth/token", endpoints.token, methods=["POST"]),
        Route("/auth/revoke", endpoints.revoke, methods=["POST"]),
        Route("/.well-known/smart-configuration", endpoints.smart_configuration, methods=["GET"]),
    ]


class _Endpoints:
    def __init__(
        self,
        logins: Logins,
        sessions: Sessions,
        facilities: FacilityAuthentication,
        base_url: str,
        facility_scopes: tuple[str, ...],
    ) -> None:
        self._logins = logins
        self._sessions = sessions
        self._facilities = facilities
        self._base_url = base_url
        self._scopes = facility_scopes
        self._secure = base_url.startswith("https://")
        self._cookie = "__Host-ehb-login" if self._secure else "ehb-login"

    async def login(self, request: Request) -> Response:
        try:
            return self._redirect(await self._logins.begin(_query(request)))
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

    async def token(self, request: Request) -> Response:
        try:
            form = await form_of(request)
            match form.get("grant_type"):
                case "authorization_code":
                    tokens = await self._sessions.redeem(
                        required(form, "code"),
                        client_id=required(form, "client_id"),
                        redirect_uri=required(form, "redirect_uri"),
                        verifier=required(form, "code_verifier"),
                    )
                    return _tokens(tokens)
                case "refresh_token":
                    return _tokens(
                        await self._sessions.refresh(
                            required(form, "refresh_token"), client_id=required(form, "client_id")
                        )
                    )
                case "client_credentials":
                    facility = await self._facilities.authenticate(form)
                    scope = self._granted(form)
                    return _tokens(await self._sessions.open_for_facility(facility), scope)
                case None:
                    raise TokenRefused
                case _:
                    raise GrantUnsupported
        except TokenRefused as error:
            return refused(error)

    async def revoke(self, request: Request) -> Response:
        """RFC 7009: 200 for every token, known or not. A facility signs, the app gives its client_id."""
        try:
            form = await form_of(request)
            if "client_assertion" in form:
                client_id = (await self._facilities.authenticate(form)).client_id
            else:
                client_id = required(form, "client_id")
            await self._sessions.revoke(required(form, "token"), client_id=client_id)
        except TokenRefused as error:
            return refused(error)
        return Response(headers=PRIVATE)

    async def smart_configuration(self, request: Request) -> Response:
        """SMART App Launch section 8.1 and RFC 8414: what a client needs to know of us."""
        base = self._base_url
        return JSONResponse(
            {
                "issuer": base,
                "authorization_endpoint": f"{base}/auth/login",
                "token_endpoint": f"{base}/auth/token",
                "revocation_endpoint": f"{base}/auth/revoke",
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["none", "private_key_jwt"],
                "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
                "authorization_response_iss_parameter_supported": True,
                "scopes_supported": list(self._scopes),
                "capabilities": ["client-public", "client-confidential-asymmetric", "permission-v2"],
            },
            headers={"Cache-Control": "public, max-age=3600"},
        )

    def _granted(self, form: dict[str, str]) -> str:
        """The known ones among the wanted scopes (RFC 6749 section 3.3). They promise nothing: access decides."""
        wanted = form.get("scope", "").split()
        granted = [scope for scope in self._scopes if not wanted or scope in wanted]
        if not granted:
            raise ScopeInvalid
        return " ".join(granted)

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
    once = _once(request.query_params.multi_items())
    if once is None:
        raise LoginRequestInvalid
    return once


async def form_of(request: Request) -> dict[str, str]:
    """The urlencoded body, read no further than a token request can be long."""
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
    once = _once(pairs)
    if once is None:
        raise TokenRefused
    return once


def _once(pairs: Iterable[tuple[str, str]]) -> dict[str, str] | None:
    """The parameters, empty ones left out; None when one is there twice."""
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            return None
        found[name] = value
    return {name: value for name, value in found.items() if value}


def required(form: dict[str, str], name: str) -> str:
    if name not in form:
        raise TokenRefused
    return form[name]


def _tokens(tokens: Tokens, scope: str | None = None) -> Response:
    """RFC 6749 section 5.1."""
    answer: dict[str, str | int] = {
        "access_token": tokens.access,
        "token_type": "Bearer",
        "expires_in": tokens.expires_in,
    }
    if tokens.refresh is not None:
        answer["refresh_token"] = tokens.refresh
    if scope is not None:
        answer["scope"] = scope
    return JSONResponse(answer, headers=PRIVATE)


def refused(error: TokenRefused) -> Response:
    """RFC 6749 section 5.2, with our own stable code. The description is English, as the RFC allows ASCII only."""
    answer = {"error": error.error, "error_description": error.en, "code": error.code}
    asks = {"WWW-Authenticate": "Bearer"} if isinstance(error, ClientRefused) else {}
    return JSONResponse(answer, status_code=error.http_status, headers={**PRIVATE, **asks})
