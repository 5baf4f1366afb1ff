"""Signed claims: the home of joserfc, for the eID's ID tokens and for the facilities' assertions.

Owns which key may check which token, and translates every error of the library. Leaves the meaning of the
claims to `oidc` and `clients`.

The one invariant: the algorithms are ours. Neither the token's header nor a provider's metadata can add one,
so `none` and a public key used as an HMAC secret never get as far as a signature check (RFC 8725 section 3.1).
"""

from __future__ import annotations

import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import ClaimError, ExpiredTokenError, JoseError
from joserfc.jwk import ECKey, RSAKey, import_key
from joserfc.jws import CompactSignature, JWSRegistry

_LONGEST = 16_384
_KEY_TYPE = {"RS": "RSA", "PS": "RSA", "ES": "EC"}
_SMALLEST_RSA = 2048
ASYMMETRIC = frozenset(kind + size for kind in _KEY_TYPE for size in ("256", "384", "512"))
"""The algorithms from which an allow-list may choose."""
_NOT_A_TOKEN = (JoseError, ValueError, TypeError, AttributeError, KeyError, RecursionError)
"""What the library raises for hostile text: its own family, and Python's when a header is no object."""

VerificationKey = RSAKey | ECKey
Claims = dict[str, Any]


class NotVerified(Exception):
    """The text is no token, or none of our keys signed it. It never says more."""


class ClaimRefused(Exception):
    """A claim is missing or says something else than it must."""

    def __init__(self, claim: str, *, expired: bool = False) -> None:
        self.claim = claim
        self.expired = expired
        super().__init__(claim)


@dataclass(frozen=True, slots=True)
class Unverified:
    """What a token says of itself before anybody checked it: good for choosing a key, for nothing else."""

    parts: CompactSignature
    algorithm: str
    key_id: str | None
    claims: Claims
    type: str | None = None
    """The `typ` header (RFC 8725 section 3.11)."""
    jwk: Mapping[str, Any] | None = None
    """The `jwk` header: the key that the token says it was signed with. Only a proof of possession may rest on it."""


def unverified(token: str, algorithms: Collection[str]) -> Unverified:
    """Raises NotVerified unless the text is a compact JWS over a JSON object in one of these algorithms."""
    if len(token) > _LONGEST:
        raise NotVerified
    try:
        parts = jws.extract_compact(token.encode())
        header = parts.headers()
        claims = json.loads(parts.payload)
        json.dumps(claims, ensure_ascii=False).encode()  # half a surrogate pair is no text, and no database takes it
    except _NOT_A_TOKEN:
        raise NotVerified from None
    algorithm, key_id, kind, jwk = (header.get(name) for name in ("alg", "kid", "typ", "jwk"))
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise NotVerified
    if not isinstance(key_id, str | None) or not isinstance(kind, str | None) or not isinstance(claims, dict):
        raise NotVerified
    return Unverified(parts, algorithm, key_id, claims, kind, jwk if isinstance(jwk, dict) else None)


def thumbprint(key: VerificationKey) -> str:
    """The SHA-256 thumbprint of a key (RFC 7638), base64url."""
    return key.thumbprint()


def verification_keys(jwks: Iterable[object]) -> list[VerificationKey]:
    """The keys of a JWK set that can verify signatures; others are passed over (RFC 7517 section 5)."""
    keys: list[VerificationKey] = []
    for jwk in jwks:
        if not isinstance(jwk, Mapping) or jwk.get("kty") not in ("RSA", "EC"):
            continue
        try:
            key = import_key({**jwk})
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if isinstance(key, ECKey) or (isinstance(key, RSAKey) and key.public_key.key_size >= _SMALLEST_RSA):
            keys.append(key)
    return keys


def keys_for(token: Unverified, keys: Iterable[VerificationKey]) -> list[VerificationKey]:
    """The keys that may have signed: right type, made for signing, and the one that the token names."""
    return [
        key
        for key in keys
        if key.key_type == _KEY_TYPE[token.algorithm[:2]]
        and key.get("use") in (None, "sig")
        and key.get("alg") in (None, token.algorithm)
        and (token.key_id is None or key.get("kid") == token.key_id)
    ]


def verified(token: Unverified, keys: Iterable[VerificationKey]) -> Claims:
    """The claims, once one of these keys has signed them. Raises NotVerified."""
    registry = JWSRegistry(algorithms=[token.algorithm], strict_check_header=False)
    for key in keys:
        try:
            if jws.validate_compact(token.parts, key, registry=registry):
                return token.claims
        except _NOT_A_TOKEN:
            continue
    raise NotVerified


def check_claims(claims: Claims, *, now: datetime, leeway: int, **expected: str | list[str] | None) -> None:
    """Each expected claim is there and not empty, and equals (or, for a list, is one of) what is expected.

    `exp`, `nbf` and `iat` are judged against `now` wherever they appear. Raises ClaimRefused.
    """
    options: dict[str, jwt.ClaimsOption] = {}
    for claim, value in expected.items():
        options[claim] = {"essential": True}
        if isinstance(value, list):
            options[claim]["values"] = value
        elif value is not None:
            options[claim]["value"] = value
            if claim != "aud" and isinstance(claims.get(claim), list):  # the library takes a list that holds it
                raise ClaimRefused(claim)
    try:
        jwt.JWTClaimsRegistry(now=int(now.timestamp()), leeway=leeway, **options).validate(claims)
    except ExpiredTokenError as error:
        raise ClaimRefused(error.claim, expired=True) from None
    except ClaimError as error:
        raise ClaimRefused(error.claim) from None


def signed(claims: Claims, key: Mapping[str, Any], algorithm: str) -> str:
    """A compact JWS over the claims with our own private JWK."""
    private = import_key({**key})
    header = {"alg": algorithm, **({"kid": key["kid"]} if "kid" in key else {})}
    return jwt.encode(header, claims, private, algorithms=[algorithm])


def decoys(algorithms: Collection[str]) -> dict[str, VerificationKey]:
    """A key for each algorithm whose private half nobody has: checking against it costs what a real check costs.

    The RSA modulus is a random odd number, because the factors that a real one needs are of no use here.
    """
    modulus = (secrets.randbits(_SMALLEST_RSA) | 1 << (_SMALLEST_RSA - 1) | 1).to_bytes(_SMALLEST_RSA // 8, "big")
    number = urlsafe_b64encode(modulus).decode().rstrip("=")
    (rsa,) = verification_keys([{"kty": "RSA", "n": number, "e": "AQAB"}])
    curves = {"ES256": ECKey.generate_key("P-256"), "ES384": ECKey.generate_key("P-384")}
    return {name: curves.get(name, rsa) for name in algorithms}
