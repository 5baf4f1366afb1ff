"""The bearer token of a request becomes its principal (RFC 6750 section 2.1).

Owns reading the header and the 401. Leaves tokens to `sessions`; what a principal may do is not known here.
Tokens are taken from the Authorization header only, never from a URL, a form or a cookie.

The one invariant: no header is an anonymous caller, and anything else that does not lead to a living session
is refused; a bad token never turns into an anonymous call.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Protocol

from starlette.authentication import AuthCredentials, AuthenticationBackend, AuthenticationError, BaseUser
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import Response

from ehb.domain.identity import ANONYMOUS, Principal, PrincipalKind
from ehb.errors import NotYourFacility, Unauthenticated
from ehb.problems import language_of, problem_response

FACILITY_HEADER = "EHB-Facility"
"""For a practitioner of several facilities: the code of the one that they work for now."""
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)


class TokenReader(Protocol):
    """Knows whose a token is."""

    async def principal(self, access_token: str) -> Principal:
        """Raises Unauthenticated."""


def _in_role(principal: Principal, facility: str | None) -> Principal:
    """The caller at work for the facility that the request names, or for the only one there is."""
    if facility is None or not facility.strip():
        return replace(principal, role=principal.roles[0]) if len(principal.roles) == 1 else principal
    role = next((role for role in principal.roles if role.facility == facility.strip()), None)
    if role is None:
        raise NotYourFacility
    return replace(principal, role=role)


class Caller(BaseUser):
    """`request.user`: the principal in Starlette's words. It has no name to display, on purpose."""

    def __init__(self, principal: Principal) -> None:
        self.principal = principal

    @property
    def is_authenticated(self) -> bool:
        return self.principal.kind is not PrincipalKind.ANONYMOUS

    @property
    def display_name(self) -> str:
        return ""

    @property
    def identity(self) -> str:
        return self.principal.session


class BearerBackend(AuthenticationBackend):
    """For Starlette's AuthenticationMiddleware, and by `principal_from` for everything else."""

    def __init__(self, tokens: TokenReader) -> None:
        self._tokens = tokens

    async def principal_from(self, headers: Headers) -> Principal:
        """The caller behind these headers. Raises Unauthenticated for a header that leads to nobody."""
        given = headers.getlist("authorization")
        if not given:
            return ANONYMOUS
        bearer = _BEARER.fullmatch(given[0].strip()) if len(given) == 1 else None
        if bearer is None:
            raise Unauthenticated
        return _in_role(await self._tokens.principal(bearer[1]), headers.get(FACILITY_HEADER))

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser]:
        try:
            principal = await self.principal_from(conn.headers)
        except Unauthenticated as error:
            raise AuthenticationError from error
        return AuthCredentials([principal.kind.value.lower()]), Caller(principal)


def unauthenticated(conn: HTTPConnection, _error: Exception) -> Response:
    """The 401 of RFC 6750 section 3.1: `on_error` of the middleware, or a handler for Unauthenticated."""
    return problem_response(
        Unauthenticated(), language_of(conn.headers), {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    )
