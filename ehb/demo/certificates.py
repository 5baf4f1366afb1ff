"""The invented facilities' signing keys, with certificates that they made themselves: nobody else trusts them.

The one invariant: a key that is there already is used again, so that what was signed before still verifies.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from ehb import synthetic
from ehb.signing_files import Signer

_TIERS = frozenset({"central", "province", "district", "maternity"})
"""Who signs. The commune station and the private clinic do not yet: real books hold both kinds."""
_VALID = timedelta(days=3 * 365)


def signers(folder: Path) -> dict[str, Signer]:
    """Facility code → what it signs its files with, made at the first start."""
    return {one.code: _signer(folder, one) for one in synthetic.facilities() if one.tier in _TIERS}


def _signer(folder: Path, facility: synthetic.Facility) -> Signer:
    key, certificate = (folder / "facility-signatures" / f"{facility.code}.{kind}.pem" for kind in ("key", "cert"))
    if not certificate.exists():
        key.parent.mkdir(mode=0o700, exist_ok=True)
        _make(key, certificate, facility.name)
    return Signer.load(key, certificate)


def make_certificate(key: EllipticCurvePrivateKey, name: str, now: datetime) -> x509.Certificate:
    """A certificate that the key signs for itself, in the name of a facility."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name), x509.NameAttribute(NameOID.COUNTRY_NAME, "VN")])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(minutes=5)).not_valid_after(now + _VALID)
    return builder.sign(key, hashes.SHA256())


def _make(key: Path, certificate: Path, name: str) -> None:
    private = generate_private_key(SECP256R1())
    key.unlink(missing_ok=True)
    handle = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    made = make_certificate(private, name, datetime.now(UTC))
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
