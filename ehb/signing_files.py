"""A facility's signing key and certificate, as files: what `ehb submit` and a facility's own software sign with.

The one invariant: a key and a certificate that do not belong together are refused before anything is signed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ehb.errors import Misconfigured
from ehb.formats.visit_signing import PrivateKey, sign


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs visit files in the name of a facility."""

    key: PrivateKey = field(repr=False)
    certificate: x509.Certificate

    @staticmethod
    def load(key: Path, certificate: Path) -> Signer:
        """An unencrypted PEM key (RSA, or EC) and its certificate (PEM or DER). Raises Misconfigured."""
        try:
            pem, held = key.read_bytes(), certificate.read_bytes()
        except OSError as error:
            raise Misconfigured(
                vi=f"Không đọc được {error.filename}.", en=f"Cannot read {error.filename}: {error.strerror}."
            ) from error
        try:
            private = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError):
            private = None
        if not isinstance(private, RSAPrivateKey | EllipticCurvePrivateKey):
            raise Misconfigured(
                vi=f"{key} không phải khóa riêng RSA hoặc EC dạng PEM, không mật khẩu.",
                en=f"{key} is not a PEM private key (RSA or EC) without a password.",
            )
        load = x509.load_pem_x509_certificate if held.lstrip().startswith(b"-----") else x509.load_der_x509_certificate
        try:
            loaded = load(held)
        except ValueError as error:
            raise Misconfigured(
                vi=f"{certificate} không phải chứng thư số X.509.", en=f"{certificate} is no X.509 certificate."
            ) from error
        if loaded.public_key() != private.public_key():
            raise Misconfigured(
                vi=f"{certificate} không phải chứng thư của khóa {key}.",
                en=f"{certificate} is not the certificate of {key}.",
            )
        return Signer(private, loaded)

    def sign(self, body: bytes) -> bytes:
        """The visit file, signed now. Raises `visit_signing.NotAVisitFile`."""
        return sign(body, self.key, self.certificate, now=datetime.now(UTC))
