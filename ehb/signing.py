"""Our signature: what the house vouches for to people who have only our public key (RFC 7515, ES256).

Consent receipts and checkpoints of the trail are signed with it; `GET /.well-known/jwks.json` publishes the public
half. The key is derived from the key file (RFC 5869), so there is nothing more to keep. The one invariant: a
signature says what kind of thing it is over (`typ`), so that one can never be shown for another.
"""

from __future__ import annotations

from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

ALGORITHM = "ES256"
CONSENT_RECEIPT = "consent-receipt+jwt"
CHECKPOINT = "trail-checkpoint+jwt"
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Order of P-256 (FIPS 186-5)."""


class NotSigned(Exception):
    """The text is no signature of ours over a thing of this kind."""


class Signer:
    """Signs with the key that a secret of this deployment gives, and checks."""

    def __init__(self, secret: bytes) -> None:
        # 48 bytes, so that the remainder is as good as evenly spread (FIPS 186-5 appendix A.2.1).
        secret = HKDF(SHA256(), 48, salt=None, info=b"ehb signing key ES256").derive(secret)
        private = ec.derive_private_key(int.from_bytes(secret, "big") % (_ORDER - 1) + 1, ec.SECP256R1())
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self._key = ECKey.import_key(pem)
        self.key_id = self._key.thumbprint()

    def sign(self, kind: str, claims: dict[str, Any]) -> str:
        """The claims as a compact JWS; `kind` becomes its `typ`."""
        header = {"alg": ALGORITHM, "kid": self.key_id, "typ": kind}
        return jws.serialize_compact(header, orjson.dumps(claims, option=orjson.OPT_SORT_KEYS), self._key)

    def verify(self, kind: str, token: str) -> dict[str, Any]:
        """The claims of what we signed. Raises NotSigned."""
        return verified(kind, token, self.public_jwks())

    def public_jwks(self) -> dict[str, Any]:
        """The public key as a JWK set (RFC 7517)."""
        public = {**self._key.as_dict(private=False), "kid": self.key_id, "use": "sig", "alg": ALGORITHM}
        return {"keys": [public]}


def verified(kind: str, token: str, jwks: dict[str, Any]) -> dict[str, Any]:
    """The claims, for whoever has only the published keys. Raises NotSigned."""
    for jwk in jwks["keys"]:
        try:
            signed = jws.deserialize_compact(token, ECKey.import_key(jwk), algorithms=[ALGORITHM])
            claims = orjson.loads(signed.payload)
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if signed.headers().get("typ") == kind and isinstance(claims, dict):
            return claims
    raise NotSigned
