"""The token endpoint of apps and facilities, and revocation: RFC 6749 sections 3.2 and 5, RFC 7009, RFC 9449.

Owns parameters, status codes and headers. Leaves every decision to `sessions`, `clients` and `dpop`.

The one invariant: no answer of this room may be cached.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from auth import exchange as exchanging
from auth.attempts import Attempts
from auth.clients import FacilityAuthentication
from auth.dpop import ProofRefused, Proofs
from auth.errors import GrantUnsupported, ScopeInvalid, TokenProofInvalid, TokenRefused
from auth.exchange import Exchange
from auth.forms import PRIVATE, form_of, refused, required
from auth.sessions import Sessions, Tokens

PATH = "/auth/token"


def token_routes(
    *,
    sessions: Sessions,
    facilities: FacilityAuthentication,
    proofs: Proofs,
    exchange: Exchange,
    attempts: Attempts,
    scopes: tuple[str, ...],
) -> list[Route]:
    """The routes of this module. `scopes` are those that a facility may be granted."""
    endpoint = _Endpoint(sessions, facilities, proofs, exchange, attempts, scopes)
    return [
        Route(PATH, endpoint.token, methods=["POST"]),
        Route("/auth/revoke", endpoint.revoke, methods=["POST"]),
    ]


class _Endpoint:
    def __init__(
        self,
        sessions: Sessions,
        facilities: FacilityAuthentication,
        proofs: Proofs,
        exchange: Exchange,
        attempts: Attempts,
        scopes: tuple[str, ...],
    ) -> None:
        self._sessions = sessions
        self._exchange = exchange
        self._attempts = attempts
        self._facilities = facilities
        self._proofs = proofs
        self._scopes = scopes

    async def token(self, request: Request) -> Response:
        try:
            form = await form_of(request)
            jkt = await self._key(request)
            match form.get("grant_type"):
                case "authorization_code":
                    tokens = await self._sessions.redeem(
                        required(form, "code"),
                        client_id=required(form, "client_id"),
                        redirect_uri=required(form, "redirect_uri"),
                        verifier=required(form, "code_verifier"),
                        jkt=jkt,
                    )
                    return _tokens(tokens)
                case "refresh_token":
                    token, client_id = required(form, "refresh_token"), required(form, "client_id")
                    return _tokens(await self._sessions.refresh(token, client_id=client_id, jkt=jkt))
                case "client_credentials":
                    facility = await self._facilities.authenticate(form)
                    scope = self._granted(form)
                    return _tokens(await self._sessions.open_for_facility(facility, jkt), scope)
                case exchanging.GRANT:
                    facility = await self._facilities.authenticate(form)
                    found = await self._exchange.tokens(form, facility, path=PATH, jkt=jkt)
                    return _tokens(found, issued_type=exchanging.ACCESS_TOKEN)
                case None:
                    raise TokenRefused
                case _:
                    raise GrantUnsupported
        except TokenRefused as error:
            return await self._refused(request, error)

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
            return await self._refused(request, error)
        return Response(headers=PRIVATE)

    async def _refused(self, request: Request, error: TokenRefused) -> Response:
        return refused(error, await self._attempts.failed(request))

    async def _key(self, request: Request) -> str | None:
        """The thumbprint of the key that the request proves possession of; None when it does not try."""
        given = request.headers.getlist("dpop")
        if not given:
            return None
        try:
            if len(given) > 1:
                raise ProofRefused("DPoP")
            proof = self._proofs.read(given[0], method="POST", path=PATH)
            await self._proofs.spend(proof)
        except ProofRefused as refusal:
            raise TokenProofInvalid(refusal.what) from None
        return proof.jkt

    def _granted(self, form: dict[str, str]) -> str:
        """The known ones among the wanted scopes (RFC 6749 section 3.3). They promise nothing: access decides."""
        wanted = form.get("scope", "").split()
        granted = [scope for scope in self._scopes if not wanted or scope in wanted]
        if not granted:
            raise ScopeInvalid
        return " ".join(granted)


def _tokens(tokens: Tokens, scope: str | None = None, issued_type: str | None = None) -> Response:
    """RFC 6749 section 5.1, RFC 9449 section 5, RFC 8693 section 2.2.1."""
    answer: dict[str, str | int] = {
        "access_token": tokens.access,
        "token_type": "DPoP" if tokens.bound else "Bearer",
        "expires_in": tokens.expires_in,
    }
    if tokens.refresh is not None:
        answer["refresh_token"] = tokens.refresh
    if scope is not None:
        answer["scope"] = scope
    if issued_type is not None:
        answer["issued_token_type"] = issued_type
    return JSONResponse(answer, headers=PRIVATE)
