"""The relying party: what the national eID says about a person, and whether we believe it.

OpenID Connect Core 1.0, code flow only, with PKCE S256 (RFC 7636), `state`, `nonce` and the issuer in the
answer (RFC 9207). Owns every check on the eID's answer; `provider` fetches, `logins` keeps the transaction.
A user is (issuer, subject); the national number is an attribute that the eID vouches for.

The one invariant: an `ElectronicIdentity` leaves this module only after its ID token was signed by the
configured issuer, for us, now, and for this very login.
"""

from __future__ import annotations

import hashlib
import logging
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from hmac import compare_digest

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri

from auth.errors import IdentityNumberMissing, IdTokenInvalid, IssuerMismatch, LoginDenied, ProviderUnavailable
from auth.jws import ClaimRefused, Claims, NotVerified, check_claims, unverified, verified
from auth.provider import Clock, EidConfig, Provider
from auth.tokens import s256
from ehb.domain.identity import ElectronicIdentity

__all__ = ["EidConfig", "RelyingParty"]

_log = logging.getLogger(__name__)
_HASH = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}
_OVERLOADED = ("temporarily_unavailable", "server_error")


class RelyingParty:
    """We, towards one eID provider."""

    def __init__(self, config: EidConfig, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._provider = Provider(config, clock)

    async def close(self) -> None:
        await self._provider.close()

    async def authorization_url(self, *, state: str, nonce: str, verifier: str) -> str:
        """Where the browser goes to sign in. Raises ProviderUnavailable or IssuerMismatch."""
        endpoint: str = (await self._provider.metadata())["authorization_endpoint"]
        return str(
            prepare_grant_uri(
                endpoint,
                self._config.client_id,
                "code",
                redirect_uri=self._config.callback_url,
                scope=self._config.scope,
                state=state,
                nonce=nonce,
                code_challenge=s256(verifier),
                code_challenge_method="S256",
            )
        )

    async def identity(self, answer: Mapping[str, str], *, nonce: str, verifier: str) -> ElectronicIdentity:
        """The identity behind the parameters that the eID sent back through the browser.

        The caller has already matched `state` with a login of this browser; `nonce` and `verifier` are that
        login's. Raises one of the LoginFailed family, or ProviderUnavailable.
        """
        await self._check_issuer(answer.get("iss"))
        if "error" in answer:
            raise ProviderUnavailable if answer["error"] in _OVERLOADED else LoginDenied
        if not answer.get("code"):
            raise LoginDenied
        tokens = await self._provider.redeem(answer["code"], verifier)
        access_token = _token(tokens.get("access_token"))
        claims = await self._id_token_claims(tokens["id_token"], nonce, access_token)
        if access_token and not self._is_complete(claims):
            claims = await self._with_userinfo(claims, access_token)
        identity = self._identity_from(claims)
        if not identity.identifiers():
            _log.warning("a login was refused: no identification number in claim %s", self._config.national_id_claim)
            raise IdentityNumberMissing
        return identity

    async def _check_issuer(self, issuer: str | None) -> None:
        """RFC 9207 section 2.4: before anything else in the answer is believed, errors too."""
        metadata = await self._provider.metadata()
        expected = metadata.get("authorization_response_iss_parameter_supported") is True
        if issuer != self._config.issuer and (issuer is not None or expected):
            _log.warning("an answer to our login names another issuer than the configured one")
            raise IssuerMismatch

    async def _id_token_claims(self, id_token: str, nonce: str, access_token: str | None) -> Claims:
        """OpenID Connect Core sections 3.1.3.7 and 3.1.3.8."""
        config = self._config
        try:
            token = unverified(id_token, config.id_token_algs)
            claims = verified(token, await self._provider.keys_for(token))
            if claims.get("iss") != config.issuer:
                raise IssuerMismatch
            check_claims(
                claims,
                now=self._clock(),
                leeway=config.leeway,
                iss=config.issuer,
                sub=None,
                aud=config.client_id,
                exp=None,
                iat=None,
                nonce=nonce,
            )
        except NotVerified:
            _log.warning("an ID token was refused: not signed by the eID")
            raise IdTokenInvalid from None
        except ClaimRefused as refused:
            _log.warning("an ID token was refused: claim %s", refused.claim)
            raise IdTokenInvalid from None
        self._check_party(claims)
        if "at_hash" in claims and not _fits(claims["at_hash"], access_token, token.algorithm):
            _log.warning("an ID token was refused: claim at_hash")
            raise IdTokenInvalid
        return claims

    def _check_party(self, claims: Claims) -> None:
        """A token for several audiences is ours only when it says that we are the one who asked for it."""
        audience, party = claims["aud"], claims.get("azp")
        alone = audience == self._config.client_id or audience == [self._config.client_id]
        if party != self._config.client_id and not (alone and party is None):
            _log.warning("an ID token was refused: claim azp")
            raise IdTokenInvalid

    def _is_complete(self, claims: Claims) -> bool:
        return all(_text(claims.get(name)) for name in (self._config.national_id_claim, self._config.name_claim))

    async def _with_userinfo(self, claims: Claims, access_token: str) -> Claims:
        """Core section 5.3.2: userinfo about another subject must not be used. The ID token's own claims win."""
        more = await self._provider.userinfo(access_token)
        if more and more.get("sub") != claims["sub"]:
            _log.warning("userinfo was refused: it speaks of another subject")
            raise IdTokenInvalid
        return more | {name: value for name, value in claims.items() if value not in (None, "")}

    def _identity_from(self, claims: Claims) -> ElectronicIdentity:
        config = self._config
        level = claims.get(config.level_claim)
        at = claims.get("auth_time")
        usable = isinstance(at, int) and not isinstance(at, bool) and 0 < at <= claims["iat"] + config.leeway
        return ElectronicIdentity(
            issuer=config.issuer,
            subject=claims["sub"],
            national_id=_text(claims.get(config.national_id_claim)),
            old_national_id=_text(claims.get(config.old_national_id_claim)),
            full_name=_text(claims.get(config.name_claim)),
            birth_date=_text(claims.get(config.birth_date_claim)),
            assurance_level=config.level_map.get(str(level), config.default_level),
            authenticated_at=datetime.fromtimestamp(max(0, at if usable and at else claims["iat"]), UTC),
        )


def _text(value: object) -> str | None:
    """A number would have lost its leading zeros on the way, so only text is an identity number."""
    return (value.strip() or None) if isinstance(value, str) else None


def _token(value: object) -> str | None:
    return value if isinstance(value, str) and value.isascii() else None


def _fits(at_hash: object, access_token: str | None, algorithm: str) -> bool:
    """Core section 3.1.3.6: the left half of the access token's hash, by the ID token's own hash function."""
    if not isinstance(at_hash, str) or not at_hash.isascii() or access_token is None:
        return False
    half = _HASH[algorithm[2:]](access_token.encode()).digest()
    expected = urlsafe_b64encode(half[: len(half) // 2]).decode().rstrip("=")
    return compare_digest(expected, at_hash)
