"""What a facility registers of its keys: public keys of its clients (JWK set or PEM), certificates of its signatures.

The one invariant: nothing that could sign is taken in. A private or a symmetric key is refused, not trimmed.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from ehb.domain.registry import Certificate

SMALLEST_RSA = 2048
_SHORTEST_MODULUS = 342
"""Characters of base64url for 2048 bits: the library would warn the whole process of a shorter one."""
CURVES = frozenset({"P-256", "P-384"})
_X509_CURVES = frozenset({"secp256r1", "secp384r1", "secp521r1"})
_SIGNER = (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)


class UnusableKey(ValueError):
    """The text holds no key that we take. `rule` says why."""

    def __init__(self, rule: str) -> None:
        self.rule = rule
        super().__init__(rule)


def public_jwks(text: str) -> tuple[dict[str, Any], ...]:
    """The public keys of a JWK set (RFC 7517). Raises UnusableKey for text with anything else in it."""
    try:
        given = json.loads(text)["keys"]
        keys = [_jwk(one) for one in given]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, JoseError) as error:
        raise error if isinstance(error, UnusableKey) else UnusableKey("key.unreadable") from None
    if not keys:
        raise UnusableKey("key.unreadable")
    return tuple(keys)


def key_set_address(text: str) -> str:
    """The https address of a JWK set. Raises UnusableKey for anything else."""
    try:
        parts = urlsplit(text)
        safe = parts.scheme == "https" and parts.hostname and parts.port != 0 and not parts.fragment
    except ValueError:
        safe = False
    if not safe or not text.isascii() or not text.isprintable() or " " in text or "@" in parts.netloc:
        raise UnusableKey("key.address")
    return text


def public_jwk(pem: bytes) -> dict[str, Any]:
    """The public key of a PEM file as a JWK. Raises UnusableKey."""
    for kind in (ECKey, RSAKey):
        try:
            key = kind.import_key(pem)
        except (JoseError, ValueError, TypeError):
            continue
        return _public(key)
    raise UnusableKey("key.unreadable")


def certificates_from(content: bytes) -> tuple[Certificate, ...]:
    """The certificates of a file: one in DER, or one and more in PEM. Raises UnusableKey."""
    try:
        if content.lstrip().startswith(b"-----"):
            found = x509.load_pem_x509_certificates(content)
        else:
            found = [x509.load_der_x509_certificate(content)]
        return tuple(_certificate(one) for one in found)
    except ValueError as error:
        raise error if isinstance(error, UnusableKey) else UnusableKey("certificate.unreadable") from None


def _certificate(found: x509.Certificate) -> Certificate:
    key = found.public_key()
    strong = (isinstance(key, RSAPublicKey) and key.key_size >= SMALLEST_RSA) or (
        isinstance(key, EllipticCurvePublicKey) and key.curve.name in _X509_CURVES
    )
    if not strong:
        raise UnusableKey("certificate.weak")
    names = (found.subject.get_attributes_for_oid(one) for one in _SIGNER)
    signer = next((str(one[0].value) for one in names if one), "")
    return Certificate(
        fingerprint=found.fingerprint(hashes.SHA256()).hex(),
        der=found.public_bytes(Encoding.DER),
        signer=signer,
        not_before=found.not_valid_before_utc,
        not_after=found.not_valid_after_utc,
    )


def _jwk(given: dict[str, Any]) -> dict[str, Any]:
    kinds: dict[str, type[ECKey] | type[RSAKey]] = {"EC": ECKey, "RSA": RSAKey}
    if given.get("kty") == "oct" or "d" in given or "k" in given:
        raise UnusableKey("key.private")
    if given.get("kty") not in kinds or (given["kty"] == "RSA" and len(given["n"]) < _SHORTEST_MODULUS):
        raise UnusableKey("key.weak")
    key = kinds[given["kty"]].import_key(given)
    named = {name: given[name] for name in ("kid", "alg") if isinstance(given.get(name), str)}
    return {**_public(key), **named}


def _public(key: ECKey | RSAKey) -> dict[str, Any]:
    if key.is_private:
        raise UnusableKey("key.private")
    strong = key.curve_name in CURVES if isinstance(key, ECKey) else key.public_key.key_size >= SMALLEST_RSA
    if not strong:
        raise UnusableKey("key.weak")
    public = {name: value for name, value in key.as_dict(private=False).items() if name not in ("kid", "alg", "use")}
    return {**public, "kid": key.thumbprint(), "use": "sig"}
