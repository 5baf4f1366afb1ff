"""Signing a visit file as a facility: CHUKYDONVI over the whole file, with the signing time signed too.

The one invariant: what is made here is what `visit_signature` takes, and any other verifier of XML Signature 1.1.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, SignatureMethod
from signxml.signer import XMLSigner

from ehb.formats.visit_reading import parser_for
from ehb.formats.visit_signature import PLACE
from ehb.formats.xmldsig import DS, EXCLUSIVE_C14N

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey
_SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
_TIME_ID = "signing-time"


class NotAVisitFile(ValueError):
    """The bytes are no XML with a root that could hold a signature."""


def sign(body: bytes, key: PrivateKey, certificate: x509.Certificate, *, now: datetime) -> bytes:
    """The visit file with the facility's signature; one that it had is replaced. Raises NotAVisitFile."""
    try:
        root = etree.fromstring(body, parser_for(body, whole=True))
    except (etree.XMLSyntaxError, ValueError):
        raise NotAVisitFile from None
    place = root.find(PLACE)
    if place is None:
        place = etree.SubElement(root, PLACE)
    place.clear()
    etree.SubElement(place, f"{{{DS}}}Signature", Id="placeholder", nsmap={"ds": DS})
    method = SignatureMethod.RSA_SHA256 if isinstance(key, RSAPrivateKey) else SignatureMethod.ECDSA_SHA256
    signer = XMLSigner(
        signature_algorithm=method, c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0
    )
    signer.signature_annotators.append(_Stated(now))
    signed = signer.sign(root, key=key, cert=[certificate])
    return bytes(etree.tostring(signed, encoding="UTF-8", xml_declaration=True))


class _Stated:
    """Adds the signing time as a signed property (XML Signature 1.1, section 5.2)."""

    def __init__(self, now: datetime) -> None:
        self._time = now.isoformat(timespec="seconds")

    def __call__(self, signature: etree._Element, **_: Any) -> None:
        holder = etree.SubElement(signature, f"{{{DS}}}Object")
        properties = etree.SubElement(holder, f"{{{DS}}}SignatureProperties", Id=_TIME_ID)
        stated = etree.SubElement(properties, f"{{{DS}}}SignatureProperty", Target="")
        etree.SubElement(stated, "SigningTime").text = self._time
        info = signature.find(f"{{{DS}}}SignedInfo")
        assert info is not None  # noqa: S101  the signer has just made it
        reference = etree.SubElement(info, f"{{{DS}}}Reference", URI=f"#{_TIME_ID}")
        transforms = etree.SubElement(reference, f"{{{DS}}}Transforms")
        etree.SubElement(transforms, f"{{{DS}}}Transform", Algorithm=EXCLUSIVE_C14N)
        etree.SubElement(reference, f"{{{DS}}}DigestMethod", Algorithm=_SHA256)
        digest = hashlib.sha256(etree.tostring(properties, method="c14n", exclusive=True)).digest()
        etree.SubElement(reference, f"{{{DS}}}DigestValue").text = b64encode(digest).decode()
