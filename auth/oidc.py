"""The relying party: what the national eID says about a person, and whether we believe it.

OpenID Connect Core 1.0, code flow only, with PKCE S256 (RFC 7636), `state`, `nonce` and the issuer in the
answer (RFC 9207). Owns every check on the eID's answer; `provider` fetches, `eid_tokens` checks what is signed,
`logins` keeps the transaction. A user is (issuer, subject); the national number is an attribute that the eID
vouches for.

The one invariant: an `ElectronicIdentity` leaves this module only after its ID token was signed by the
configured issuer, for us, now, and for this very login.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri

from auth.attempt import Attempt
from auth.eid_config import EidConfig
from auth.eid_tokens import EidTokens, check_at_hash
from auth.errors import IdentityNumberMissing, IdTokenInvalid, IssuerMismatch, LoginDenied, ProviderUnavailable
from auth.jws import Claims
from auth.provider import Clock, Provider
from auth.tokens import s256
from ehb.domain.identity import ElectronicIdentity
from ehb.logs import log

__all__ = ["EidConfig", "RelyingParty"]

_OVERLOADED = ("temporarily_unavailable", "server_error")


class RelyingParty:
    """We, towards one eID provider."""

    def __init__(self, config: EidConfig, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._provider = Provider(config, clock)
        self.tokens = EidTokens(config, self._provider, clock)

    async def close(self) -> None:
        await self._provider.close()

    async def authorization_url(
        self, state: str, attempt: Attempt, *, level: int = 0, max_age: int | None = None
    ) -> str:
        """Where the browser goes to sign in, with at least this level and not longer ago than `max_age` seconds.

        Raises ProviderUnavailable or IssuerMismatch.
        """
        endpoint: str = (await self._provider.metadata())["authorization_endpoint"]
        config = self._config
        asked = {
            "redirect_uri": config.callback_url,
            "scope": config.scope,
            "state": state,
            "nonce": attempt.nonce,
            "code_challenge": s256(attempt.verifier),
            "code_challenge_method": "S256",
        }
        level = level or config.usual_level
        if level and (acr_values := config.acr_values(level)):
            asked["acr_values"] = acr_values
        if max_age is not None:
            asked["max_age"] = str(max_age)
        if not await self._provider.pushes():
            return str(prepare_grant_uri(endpoint, config.client_id, "code", **asked))
        if config.is_fapi:
            asked["dpop_jkt"] = attempt.proof_key.thumbprint
        asked |= {"response_type": "code", "client_id": config.client_id}
        request_uri = await self._provider.push(asked, attempt)
        return str(add_params_to_uri(endpoint, {"client_id": config.client_id, "request_uri": request_uri}))

    async def logout_url(self) -> str | None:
        """Where the browser goes to end its session at the eID as well; None when the eID has no such place.

        RP-Initiated Logout 1.0 with `client_id` and without `id_token_hint`: we keep no ID token, because it holds
        the person's number, so the eID asks the person to confirm. Raises ProviderUnavailable or IssuerMismatch.
        """
        endpoint = await self._provider.end_session_endpoint()
        if endpoint is None:
            return None
        asked = {"client_id": self._config.client_id, "post_logout_redirect_uri": self._config.logged_out_url}
        return str(add_params_to_uri(endpoint, asked))

    async def identity(self, answer: Mapping[str, str], attempt: Attempt) -> ElectronicIdentity:
        """The identity behind the parameters that the eID sent back through the browser.

        The caller has already matched `state` with a login of this browser, whose attempt it gives. Raises one of the
        LoginFailed family, or ProviderUnavailable.
        """
        await self._check_issuer(answer.get("iss"))
        if "error" in answer:
            raise ProviderUnavailable if answer["error"] in _OVERLOADED else LoginDenied
        if not answer.get("code"):
            raise LoginDenied
        tokens = await self._provider.redeem(answer["code"], attempt)
        access_token = _token(tokens.get("access_token"))
        believed = await self.tokens.believed(tokens["id_token"], sub=None, exp=None, iat=None, nonce=attempt.nonce)
        check_at_hash(believed, access_token)
        claims = believed.claims
        if access_token and not self._is_complete(claims):
            claims = await self._with_userinfo(claims, access_token, attempt)
        identity = self._identity_from(claims)
        if not identity.identifiers():
            log.warning("a login was refused: no identification number", claim=self._config.national_id_claim)
            raise IdentityNumberMissing
        return identity

    async def _check_issuer(self, issuer: str | None) -> None:
        """RFC 9207 section 2.4: before anything else in the answer is believed, errors too."""
        metadata = await self._provider.metadata()
        expected = self._config.is_fapi or metadata.get("authorization_response_iss_parameter_supported") is True
        if issuer != self._config.issuer and (issuer is not None or expected):
            log.warning("an answer to our login names another issuer than the configured one")
            raise IssuerMismatch

    def _is_complete(self, claims: Claims) -> bool:
        return all(_text(claims.get(name)) for name in (self._config.national_id_claim, self._config.name_claim))

    async def _with_userinfo(self, claims: Claims, access_token: str, attempt: Attempt) -> Claims:
        """Core section 5.3.2: userinfo about another subject must not be used. The ID token's own claims win."""
        more = await self._provider.userinfo(access_token, attempt)
        if isinstance(more, str):
            more = (await self.tokens.believed(more, sub=None)).claims
        if more and more.get("sub") != claims["sub"]:
            log.warning("userinfo was refused: it speaks of another subject")
            raise IdTokenInvalid
        return more | {name: value for name, value in claims.items() if value not in (None, "")}

    def _identity_from(self, claims: Claims) -> ElectronicIdentity:
        config = self._config
        level = str(claims.get(config.level_claim))
        if level not in config.level_map:
            log.warning("the eID told a level that no setting knows, or none", claim=config.level_claim)
        at = claims.get("auth_time")
        usable = isinstance(at, int) and not isinstance(at, bool) and 0 < at <= claims["iat"] + config.leeway
        return ElectronicIdentity(
            issuer=config.issuer,
            subject=claims["sub"],
            national_id=_text(claims.get(config.national_id_claim)),
            old_national_id=_text(claims.get(config.old_national_id_claim)),
            full_name=_text(claims.get(config.name_claim)),
            birth_date=_text(claims.get(config.birth_date_claim)),
            assurance_level=config.level_map.get(level, config.default_level),
            authenticated_at=datetime.fromtimestamp(at, UTC) if usable and at else None,
            session_id=_text(claims.get("sid")),
        )


def _text(value: object) -> str | None:
    """A number would have lost its leading zeros on the way, so only text is an identity number."""
    return (value.strip() or None) if isinstance(value, str) else None


def _token(value: object) -> str | None:
    return value if isinstance(value, str) and value.isascii() else None
