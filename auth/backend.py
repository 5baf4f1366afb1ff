"""The access token of a request becomes its principal (RFC 6750 section 2.1, RFC 9449 section 7).

Owns reading the headers and the 401. Leaves tokens to `sessions` and proofs to `dpop`; what a principal may do is
not known here. Tokens are taken from the Authorization header only, never from a URL, a form or a cookie.

The one invariant: no header is an anonymous caller, and anything else that does not lead to a living session
is refused; a bad token never turns into an anonymous call.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Protocol

from starlette.authentication import AuthCredentials, AuthenticationBackend, AuthenticationError, BaseUser
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import Response

from auth.dpop import ALGORITHMS, Proof, ProofRefused, Proofs
from auth.errors import ProofInvalid
from ehb.domain.identity import ANONYMOUS, Principal, PrincipalKind
from ehb.errors import NotYourFacility, Unauthenticated
from ehb.problems import language_of, problem_response
from ehb.request_log import note

FACILITY_HEADER = "EHB-Facility"
"""For a practitioner of several facilities: the code of the one that they work for now."""
_CREDENTIALS = re.compile(r"(bearer|dpop) +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)
_ADMITTED = "ehb.admitted"
_ALGORITHMS = f'algs="{" ".join(ALGORITHMS)}"'


class TokenReader(Protocol):
    """Knows whose a token is."""

    async def principal(self, access_token: str, jkt: str | None = None) -> Principal:
        """The principal behind the token, in the hands of who proved this key. Raises Unauthenticated."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """Credentials that were let in, for a stream that looks again whether they still stand: a proof works once."""

    token: str = field(repr=False)
    jkt: str | None
    facility: str | None


def _in_role(principal: Principal, facility: str | None) -> Principal:
    """The caller at work for the facility that the request names, or for the only one there is."""
    note(kind=principal.kind.value, session=principal.session)
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


class TokenBackend(AuthenticationBackend):
    """For Starlette's AuthenticationMiddleware, and by `principal_from` for everything else."""

    def __init__(self, tokens: TokenReader, proofs: Proofs) -> None:
        self._tokens = tokens
        self._proofs = proofs

    async def principal_from(self, request: HTTPConnection) -> Principal:
        """The caller behind a request, as often as it is asked. Raises Unauthenticated for one that leads to nobody.

        A proof is judged and used up the first time; later looks at the same request ask for the session alone.
        """
        admitted: Admitted | None = request.scope.get(_ADMITTED)
        if admitted is not None:
            return await self.principal_of(admitted)
        principal, admitted = await self.admit(
            request.headers, method=request.scope.get("method", "GET"), path=request.scope["path"]
        )
        request.scope[_ADMITTED] = admitted
        return principal

    async def admit(self, headers: Headers, *, method: str, path: str) -> tuple[Principal, Admitted | None]:
        """The caller behind these headers, and what to ask `principal_of` with from now on; None for nobody.

        For callers whose headers come another way, such as the `connection_init` of a WebSocket, whose handshake is
        a GET of `path`. Raises Unauthenticated.
        """
        given = headers.getlist("authorization")
        if not given:
            return ANONYMOUS, None
        credentials = _CREDENTIALS.fullmatch(given[0].strip()) if len(given) == 1 else None
        if credentials is None:
            raise Unauthenticated
        token, proof = credentials[2], None
        if credentials[1].lower() == "dpop":
            proof = self._read(headers, method, path, token)
        admitted = Admitted(token, proof.jkt if proof else None, headers.get(FACILITY_HEADER))
        principal = await self.principal_of(admitted)
        if proof is not None:
            try:
                await self._proofs.spend(proof)
            except ProofRefused as refused:
                raise ProofInvalid(refused.what) from None
        return principal, admitted

    async def principal_of(self, admitted: Admitted) -> Principal:
        """Who was let in, if they still may. Raises Unauthenticated."""
        return _in_role(await self._tokens.principal(admitted.token, admitted.jkt), admitted.facility)

    def _read(self, headers: Headers, method: str, path: str, token: str) -> Proof:
        proofs = headers.getlist("dpop")
        try:
            if len(proofs) != 1:
                raise ProofRefused("DPoP")
            return self._proofs.read(proofs[0], method=method, path=path, access_token=token)
        except ProofRefused as refused:
            raise ProofInvalid(refused.what) from None

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, BaseUser]:
        try:
            principal = await self.principal_from(conn)
        except Unauthenticated as error:
            raise AuthenticationError from error
        return AuthCredentials([principal.kind.value.lower()]), Caller(principal)


def unauthenticated(conn: HTTPConnection, error: Exception) -> Response:
    """The 401 of RFC 6750 section 3.1 and RFC 9449 section 7.1: for the middleware, or a handler of Unauthenticated."""
    cause = error if isinstance(error, Unauthenticated) else error.__cause__
    if isinstance(cause, ProofInvalid):
        return _asking(conn, cause, f'DPoP error="invalid_dpop_proof", {_ALGORITHMS}')
    if conn.headers.get("authorization", "").strip().lower().startswith("dpop"):
        return _asking(conn, Unauthenticated(), f'DPoP error="invalid_token", {_ALGORITHMS}')
    return _asking(conn, Unauthenticated(), f'Bearer error="invalid_token", DPoP {_ALGORITHMS}')


def _asking(conn: HTTPConnection, error: Unauthenticated, challenge: str) -> Response:
    return problem_response(error, language_of(conn.headers), {"WWW-Authenticate": challenge})
