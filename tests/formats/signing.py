"""Signatures made by hand, so that a test can make exactly the wrong one, and sign it well."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from lxml import etree

from ehb.domain.registry import Certificate
from ehb.formats.public_keys import certificates_from
from tests.builders import NOW

DS = "http://www.w3.org/2000/09/xmldsig#"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
SHA1 = f"{DS}sha1"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
RSA_SHA1 = f"{DS}rsa-sha1"
HMAC_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"
ENVELOPED = f"{DS}enveloped-signature"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
WITH_COMMENTS = f"{EXCLUSIVE}WithComments"


def key(name: str = "facility") -> RSAPrivateKey:
    """A key of its own for each name."""
    return _key(name)


@cache
def _key(_: str) -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


def certificate(
    name: str = "facility", *, since: datetime = NOW - timedelta(days=30), until: datetime = NOW + timedelta(days=30)
) -> x509.Certificate:
    """A certificate of the key with this name."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Bệnh viện {name}")])
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key(name).public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(since).not_valid_after(until)
    return made.sign(key(name), hashes.SHA256())


def registered(*certificates: x509.Certificate) -> tuple[Certificate, ...]:
    """What the registry keeps of them."""
    return tuple(certificates_from(one.public_bytes(Encoding.DER))[0] for one in certificates)


@dataclass(frozen=True)
class Reference:
    """A reference of SignedInfo; its digest is right unless `digest` says otherwise."""

    uri: str | None = ""
    transforms: Sequence[str] = (ENVELOPED, EXCLUSIVE)
    method: str = SHA256
    of: str | None = None
    """XPath of what is digested, when it is not what the URI says."""
    digest: bytes | None = None
    inside: str = ""
    """What stands inside the first transform."""


def signed(
    body: bytes,
    *references: Reference,
    method: str = RSA_SHA256,
    c14n: str = EXCLUSIVE,
    method_content: str = "",
    after: str = "",
    name: str = "facility",
    cut: int | None = None,
    hostile: Callable[[etree._Element], None] | None = None,
) -> bytes:
    """The file with a signature in CHUKYDONVI whose digests and value are right for what it says it covers."""
    root = etree.fromstring(body)
    place = root.find("CHUKYDONVI")
    assert place is not None
    for child in list(place):
        place.remove(child)
    infos = "".join(_reference(root, one) for one in (references or (Reference(),)))
    xml = (
        f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{c14n}"/>'
        f'<ds:SignatureMethod Algorithm="{method}">{method_content}</ds:SignatureMethod>{infos}</ds:SignedInfo>'
        f"<ds:SignatureValue/>{after}</ds:Signature>"
    )
    signature = etree.fromstring(xml)
    place.append(signature)
    if hostile is not None:
        hostile(root)
    value = _value(etree.tostring(signature[0], method="c14n", exclusive=True), method, name)
    signature[1].text = b64encode(value[:cut]).decode()
    return etree.tostring(root)


def _value(info: bytes, method: str, name: str) -> bytes:
    public = key(name).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    if method == HMAC_SHA256:
        mac = hmac.HMAC(public, hashes.SHA256())
        mac.update(info)
        return mac.finalize()
    algorithm = hashes.SHA1() if method == RSA_SHA1 else hashes.SHA256()  # noqa: S303  what must be refused
    return key(name).sign(info, padding.PKCS1v15(), algorithm)


def _reference(root: etree._Element, one: Reference) -> str:
    target = root
    if one.of is not None or (one.uri or "").startswith("#"):
        path = one.of or f"//*[@Id='{(one.uri or '').removeprefix('#')}']"
        found = root.xpath(path)
        assert isinstance(found, list)
        assert isinstance(found[0], etree._Element)
        target = found[0]
    octets = etree.tostring(target, method="c14n", exclusive=True, with_tail=False)
    algorithm = hashlib.sha1 if one.method == SHA1 else hashlib.sha256
    digest = one.digest if one.digest is not None else algorithm(octets).digest()
    inside = [one.inside, *[""] * len(one.transforms)]
    transforms = "".join(
        f'<ds:Transform Algorithm="{name}">{content}</ds:Transform>'
        for name, content in zip(one.transforms, inside, strict=False)
    )
    uri = "" if one.uri is None else f' URI="{one.uri}"'
    return (
        f"<ds:Reference{uri}>{f'<ds:Transforms>{transforms}</ds:Transforms>' if transforms else ''}"
        f'<ds:DigestMethod Algorithm="{one.method}"/><ds:DigestValue>{b64encode(digest).decode()}</ds:DigestValue>'
        "</ds:Reference>"
    )
