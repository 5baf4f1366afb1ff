"""One login's secrets: everything that ties the eID's answer to the browser that asked.

All are derived from the secret in that browser's cookie and kept nowhere, so no other worker, log or database can
finish a login, and any worker can when the browser comes back. The proof key (RFC 9449) is one of them: the code, and
the token that it buys, are of use only to whoever holds the cookie.

The one invariant: no two of these secrets tell anything about each other.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from hmac import digest as hmac_digest

from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import ECKey

from auth.tokens import derived, random_text

_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True)
class Attempt:
    """What only the browser of one login can give."""

    browser: str = field(repr=False)

    @property
    def nonce(self) -> str:
        """For the ID token (OpenID Connect Core section 3.1.2.1)."""
        return derived(self.browser, "nonce")

    @property
    def verifier(self) -> str:
        """The PKCE verifier towards the eID (RFC 7636)."""
        return derived(self.browser, "verifier")

    @cached_property
    def proof_key(self) -> ProofKey:
        """The DPoP key of this login."""
        return ProofKey.derived_from(self.browser)


@dataclass(frozen=True, slots=True)
class ProofKey:
    """A key that proves possession, request by request (RFC 9449 section 4)."""

    key: ECKey = field(repr=False)

    @classmethod
    def derived_from(cls, secret: str) -> ProofKey:
        """The ES256 key that follows from a secret; 512 bits modulo the order, so all keys are as likely."""
        wide = int.from_bytes(hmac_digest(secret.encode(), b"proof key", "sha512"), "big")
        number = wide % (_P256_ORDER - 1) + 1
        return cls(ECKey.import_key(ec.derive_private_key(number, ec.SECP256R1())))

    @property
    def thumbprint(self) -> str:
        """`jkt` (RFC 7638, SHA-256)."""
        return self.key.thumbprint()

    def proof(self, method: str, url: str, now: int, *, nonce: str | None = None, token: str | None = None) -> str:
        """The `DPoP` header of one request. `token` is the access token that goes with it."""
        claims: dict[str, str | int] = {"jti": random_text(), "htm": method, "htu": url.partition("?")[0], "iat": now}
        if nonce is not None:
            claims["nonce"] = nonce
        if token is not None:
            claims["ath"] = urlsafe_b64encode(sha256(token.encode()).digest()).decode().rstrip("=")
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": self.key.as_dict(private=False)}
        return jwt.encode(header, claims, self.key, algorithms=["ES256"])
