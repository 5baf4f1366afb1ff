"""Proofs of possession: a token that is bound to a key is of no use to whoever has the token alone (RFC 9449).

Owns every check on a DPoP proof. Leaves binding to `sessions`, headers and challenges to `backend` and
`token_endpoint`, the memory of used proofs to the store.

Decisions. ES256 only: every phone's secure hardware and every client library has it, it is checked in 0.2 ms, and
what there is only one of cannot be confused. No server nonces (section 8): a proof is good for one request within
90 s, and its id is remembered by all workers, so a nonce would only stop proofs that were signed ahead of time by
somebody who holds the key for a while; it would cost each app a second round trip and more state here.

The one invariant: a proof that `spend` has let through is never let through again, on whichever worker.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from hmac import compare_digest
from typing import Protocol
from urllib.parse import unquote, urlsplit

from auth.jws import (
    ClaimRefused,
    NotVerified,
    Unverified,
    VerificationKey,
    check_claims,
    thumbprint,
    unverified,
    verification_keys,
)
from auth.jws import verified as verified_by
from auth.sessions import Clock

ALGORITHMS = ("ES256",)
LEEWAY = timedelta(seconds=90)
"""How far a phone's clock may be from ours, in either direction."""
_TYPE = "dpop+jwt"
_PORTS = {"https": 443, "http": 80}
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_LONGEST_ID = 256
_LONGEST_PROOF = 4_096
_PHONES = 1_024
"""Public keys kept between requests: to import one and check that it lies on its curve takes as long as a signature."""


class ProofRefused(Exception):
    """A proof does not fit. `what` names the header, the claim or the check, never a value."""

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(what)


class ProofIds(Protocol):
    """The memory of used proofs, shared by all workers."""

    async def claim_proof(self, jkt: str, jti: str, expires_at: datetime) -> bool:
        """True for the first caller only, until the proof has expired."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that fits its request; whether it is the first use of it, `spend` says."""

    jkt: str
    """SHA-256 thumbprint of the key that signed (RFC 7638), base64url."""
    jti: str
    expires_at: datetime


class Proofs:
    """Judges proofs for requests to our own addresses, which begin with `base_url` whatever a proxy calls us."""

    def __init__(self, used: ProofIds, base_url: str, clock: Clock) -> None:
        self._used = used
        self._base_url = base_url
        self._clock = clock

    def read(self, text: str, *, method: str, path: str, access_token: str | None = None) -> Proof:
        """Section 4.3, all but the last use: the proof is signed by the key it carries, now, for this request.

        With an access token the proof is about that token, too (`ath`). Raises ProofRefused.
        """
        try:
            token = unverified(text if len(text) <= _LONGEST_PROOF else "", ALGORITHMS)
        except NotVerified:
            raise ProofRefused("JWT") from None
        if token.type != _TYPE:
            raise ProofRefused("typ")
        jkt = _signer(token)
        claims, now = token.claims, self._clock()
        try:
            check_claims(claims, now=now, leeway=int(LEEWAY.total_seconds()), htm=method, htu=None, jti=None, iat=None)
        except ClaimRefused as refused:
            raise ProofRefused(refused.claim) from None
        if _address(claims["htu"]) != _address(self._base_url + path):
            raise ProofRefused("htu")
        if claims["iat"] < (now - LEEWAY).timestamp():
            raise ProofRefused("iat")
        if len(claims["jti"]) > _LONGEST_ID:
            raise ProofRefused("jti")
        if access_token is not None and not _is_about(claims.get("ath"), access_token):
            raise ProofRefused("ath")
        return Proof(jkt, claims["jti"], datetime.fromtimestamp(claims["iat"], UTC) + LEEWAY)

    async def spend(self, proof: Proof) -> None:
        """Let a proof through, once (section 11.1). Raises ProofRefused."""
        if not await self._used.claim_proof(proof.jkt, proof.jti, proof.expires_at):
            raise ProofRefused("jti")


def _signer(token: Unverified) -> str:
    """The thumbprint of the key in the header, which has signed the proof and is public."""
    if token.jwk is None or not _PRIVATE_MEMBERS.isdisjoint(token.jwk):
        raise ProofRefused("jwk")
    signer = _key(json.dumps(token.jwk, sort_keys=True))
    if signer is None:
        raise ProofRefused("jwk")
    key, jkt = signer
    try:
        verified_by(token, [key])
    except NotVerified:
        raise ProofRefused("signature") from None
    return jkt


@lru_cache(maxsize=_PHONES)
def _key(jwk: str) -> tuple[VerificationKey, str] | None:
    """A public key with its thumbprint, None when it is none that signs."""
    keys = verification_keys([json.loads(jwk)])
    return (keys[0], thumbprint(keys[0])) if keys else None


def _address(url: object) -> tuple[str, str, int | None, str] | None:
    """An address as compared: scheme and host in lower case, the port that it means, no query (section 4.3, 9)."""
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    if not parts.hostname or "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname, port, unquote(parts.path) or "/"


def _is_about(ath: object, access_token: str) -> bool:
    expected = urlsafe_b64encode(sha256(access_token.encode()).digest()).decode().rstrip("=")
    return isinstance(ath, str) and ath.isascii() and compare_digest(ath, expected)
