"""A facility's key: what it signs in with, and what it registers with us.

The one invariant: the private half stays in its file and in this process.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from ehb.errors import Misconfigured

_EC_ALGORITHMS = {"P-256": "ES256", "P-384": "ES384"}


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A facility's private key and the algorithm it signs with."""

    key: ECKey | RSAKey = field(repr=False)
    algorithm: str

    @staticmethod
    def load(path: Path) -> SigningKey:
        """A PEM file with an EC (P-256, P-384) or RSA private key. Raises Misconfigured for anything else."""
        wrong = Misconfigured(
            vi=f"{path} không phải khóa riêng EC (P-256, P-384) hoặc RSA dạng PEM.",
            en=f"{path} is not a PEM private key of type EC (P-256, P-384) or RSA.",
        )
        try:
            pem = path.read_bytes()
        except OSError as error:
            raise Misconfigured(vi=f"Không đọc được {path}.", en=f"Cannot read {path}.") from error
        try:
            key: ECKey | RSAKey = ECKey.import_key(pem) if b"EC" in pem or not _is_rsa(pem) else RSAKey.import_key(pem)
            if not key.is_private:
                raise wrong
        except (JoseError, ValueError, TypeError):
            raise wrong from None
        algorithm = "RS384" if isinstance(key, RSAKey) else _EC_ALGORITHMS.get(key.curve_name)
        if algorithm is None:
            raise wrong
        return SigningKey(key, algorithm)

    @property
    def public_jwk(self) -> dict[str, Any]:
        """What the facility registers with us."""
        return {**self.key.as_dict(private=False), "kid": self.key.thumbprint(), "use": "sig", "alg": self.algorithm}


def _is_rsa(pem: bytes) -> bool:
    try:
        RSAKey.import_key(pem)
    except (JoseError, ValueError, TypeError):
        return False
    return True
