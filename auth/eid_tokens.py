"""What the eID signed: whether we believe it. ID tokens, signed userinfo, logout tokens.

The one invariant: claims leave this module only after the configured issuer signed them, for us, with an algorithm
of ours, and within their time.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Collection
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any

from auth.eid_config import EidConfig
from auth.errors import IdTokenInvalid, IssuerMismatch
from auth.jwe import decrypted, is_encrypted
from auth.jws import ClaimRefused, Claims, NotVerified, Unverified, check_claims, unverified, verified
from auth.provider import Clock, Provider
from ehb.logs import log

_HASH = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}


@dataclass(frozen=True, slots=True)
class Believed:
    """The claims of a token that was checked, and the token itself for what its header says."""

    claims: Claims
    token: Unverified


class EidTokens:
    """Opens and checks the tokens of one provider."""

    def __init__(self, config: EidConfig, provider: Provider, clock: Clock) -> None:
        self._config = config
        self._provider = provider
        self._clock = clock

    async def believed(self, text: str, types: Collection[str] = (), **expected: Any) -> Believed:
        """The claims of a token from our issuer, for us. `types` are the `typ` headers that it may have, if any.

        Raises IssuerMismatch for one that another issuer signed with our issuer's key, IdTokenInvalid for the rest.
        """
        config = self._config
        try:
            if is_encrypted(text):
                text = decrypted(text, config.decryption_keys)
            token = unverified(text, config.signature_algs)
            claims = verified(token, await self._provider.keys_for(token))
            if claims.get("iss") != config.issuer:
                raise IssuerMismatch
            if types and (token.type or "").lower() not in types:
                raise ClaimRefused("typ")
            check_claims(
                claims, now=self._clock(), leeway=config.leeway, iss=config.issuer, aud=config.client_id, **expected
            )
            self._check_party(claims)
        except NotVerified:
            log.warning("a token of the eID was refused: not signed by it")
            raise IdTokenInvalid from None
        except ClaimRefused as refused:
            log.warning("a token of the eID was refused by a claim", claim=refused.claim)
            raise IdTokenInvalid from None
        return Believed(claims, token)

    def _check_party(self, claims: Claims) -> None:
        """A token for several audiences is ours only when it says that we are the one who asked for it."""
        audience, party = claims["aud"], claims.get("azp")
        alone = audience == self._config.client_id or audience == [self._config.client_id]
        if party != self._config.client_id and not (alone and party is None):
            raise ClaimRefused("azp")


def check_at_hash(believed: Believed, access_token: str | None) -> None:
    """OpenID Connect Core section 3.1.3.8: the access token is the one that this ID token came with."""
    at_hash = believed.claims.get("at_hash", ...)
    if at_hash is not ... and not _fits(at_hash, access_token, believed.token.algorithm):
        log.warning("a token of the eID was refused by a claim", claim="at_hash")
        raise IdTokenInvalid


def _fits(at_hash: object, access_token: str | None, algorithm: str) -> bool:
    """Core section 3.1.3.6: the left half of the access token's hash, by the ID token's own hash function."""
    if not isinstance(at_hash, str) or not at_hash.isascii() or access_token is None:
        return False
    half = _HASH[algorithm[2:]](access_token.encode()).digest()
    expected = urlsafe_b64encode(half[: len(half) // 2]).decode().rstrip("=")
    return compare_digest(expected, at_hash)
