"""XML signatures: the home of signxml (XML Signature 1.1, W3C 2013). Owns the one profile that we take.

signxml passes over transforms that it does not know and finds ids and signatures anywhere. So the shape of a
signature is checked here first, against a closed list, and references are resolved here, once; what is left to
the library is SignedInfo and its signature value, with a key that we hand over. Nothing in the signature chooses
a key, an algorithm, a transform or a place.

The one invariant: what is not on the list is refused.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator
from copy import deepcopy
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest
from typing import Any, cast

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import InvalidDigest, SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from ehb.domain.signature import SignatureFault

logging.getLogger("signxml").setLevel(logging.WARNING)  # its debug lines quote what was signed

DS = "http://www.w3.org/2000/09/xmldsig#"
_DS11, _XADES = "http://www.w3.org/2009/xmldsig11#", "http://uri.etsi.org/01903/v1.3.2#"
ENVELOPED = f"{DS}enveloped-signature"
EXCLUSIVE_C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
_C14N = frozenset(
    {"http://www.w3.org/TR/2001/REC-xml-c14n-20010315", "http://www.w3.org/2006/12/xml-c14n11", EXCLUSIVE_C14N}
)
"""Without comments: what a comment says is not signed, and not read either."""
_METHODS = frozenset({SignatureMethod.RSA_SHA256, SignatureMethod.SHA256_RSA_MGF1, SignatureMethod.ECDSA_SHA256})
_DIGESTS = frozenset({DigestAlgorithm.SHA256})
_MOST_REFERENCES = 4
_KEY_INFO = frozenset(
    {
        f"{{{DS}}}{name}"
        for name in (
            "KeyName", "KeyValue", "RSAKeyValue", "Modulus", "Exponent", "X509Data", "X509Certificate",
            "X509SubjectName", "X509IssuerSerial", "X509IssuerName", "X509SerialNumber", "X509SKI",
        )
    }
    | {f"{{{_DS11}}}{name}" for name in ("ECKeyValue", "NamedCurve", "PublicKey")}
)  # fmt: skip
_PROPERTIES = frozenset(
    {f"{{{DS}}}{name}" for name in ("SignatureProperties", "SignatureProperty", "DigestMethod", "DigestValue",
                                    "X509IssuerName", "X509SerialNumber")}
    | {
        f"{{{_XADES}}}{name}"
        for name in (
            "QualifyingProperties", "SignedProperties", "SignedSignatureProperties", "SigningTime",
            "SigningCertificate", "SigningCertificateV2", "Cert", "CertDigest", "IssuerSerial", "IssuerSerialV2",
            "SignedDataObjectProperties", "DataObjectFormat", "Description", "MimeType", "Encoding",
            "SignerRole", "SignerRoleV2", "ClaimedRoles", "ClaimedRole",
        )
    }
)  # fmt: skip
"""What may stand in an Object: properties of the signature itself (XMLDSig, XAdES), never content."""
_SIGNING_TIME = "SigningTime"
_WITH_ATTRIBUTES = etree.XPath("//*[@*]")


class Faulty(Exception):
    """The signature counts for nothing; `fault` says why."""

    def __init__(self, fault: SignatureFault) -> None:
        self.fault = fault
        super().__init__(fault)


class SignedDocument:
    """A document and the one signature that stands in it. Raises Faulty when its shape is not on the list."""

    def __init__(self, root: etree._Element, place: str) -> None:
        """`place` is the child of the root that holds the signature and nothing else."""
        self._root = root
        self._place = place
        self._ids = _ids(root)
        self._signature = self._only_signature()
        self._signed_info, self._objects = self._parts()
        self._check_methods()
        self.covered = [self._target(reference) for reference in self._references()]
        """What the references point at; each is the element itself."""
        self._check_apart()

    @property
    def signing_time(self) -> str | None:
        """The time that the signer stated, when the statement itself is signed."""
        times = [
            one
            for target in self.covered
            if _within(target, self._objects)
            for one in target.iter()
            if isinstance(one.tag, str) and etree.QName(one).localname == _SIGNING_TIME
        ]
        if len(times) > 1:
            raise Faulty(SignatureFault.FORM)
        return (times[0].text or "").strip() if times else None

    @property
    def certificate(self) -> str | None:
        """The certificate in KeyInfo, base64 without spaces: a hint which one to try first, never trusted."""
        found = self._signature.find(f"{{{DS}}}KeyInfo/{{{DS}}}X509Data/{{{DS}}}X509Certificate")
        return "".join((found.text or "").split()) if found is not None else None

    def holds(self, certificate: x509.Certificate, moment: datetime) -> bool:
        """Everything that is covered is as it was signed with the key of this certificate."""
        config = SignatureConfiguration(
            location=f"./{self._place}/",
            expect_references=len(self.covered),
            signature_methods=_METHODS,
            digest_algorithms=_DIGESTS,
            verification_time=moment,
            ignore_ambiguous_key_info=True,  # KeyValue decides nothing here
        )
        try:
            _Verifier(self._place, self.covered).verify(
                self._root, x509_cert=certificate, expect_config=config, validate_schema=False
            )
        except (
            SignXMLException,
            etree.LxmlError,
            UnsupportedAlgorithm,
            ValueError,
            TypeError,
            AttributeError,
            KeyError,
        ):
            return False
        return True

    def _only_signature(self) -> etree._Element:
        found = list(self._root.iter(f"{{{DS}}}Signature"))
        if len(found) != 1:
            raise Faulty(SignatureFault.FORM)
        holder = found[0].getparent()
        if holder is None or holder.tag != self._place or holder.getparent() is not self._root or len(holder) != 1:
            raise Faulty(SignatureFault.FORM)
        return found[0]

    def _parts(self) -> tuple[etree._Element, list[etree._Element]]:
        names = [child.tag for child in self._signature]
        rest = names[2:]
        if rest[:1] == [f"{{{DS}}}KeyInfo"]:
            rest = rest[1:]
        wanted = [f"{{{DS}}}SignedInfo", f"{{{DS}}}SignatureValue"]
        if names[:2] != wanted or any(name != f"{{{DS}}}Object" for name in rest):
            raise Faulty(SignatureFault.FORM)
        for child in list(self._signature)[2:]:
            allowed = _PROPERTIES if child.tag == f"{{{DS}}}Object" else _KEY_INFO
            if not all(one.tag in allowed or _stated_time(one) for one in child.iterdescendants()):
                raise Faulty(SignatureFault.FORM)
        return self._signature[0], [child for child in list(self._signature)[2:] if child.tag == f"{{{DS}}}Object"]

    def _check_methods(self) -> None:
        shape = [child.tag for child in self._signed_info]
        if shape[:2] != [f"{{{DS}}}CanonicalizationMethod", f"{{{DS}}}SignatureMethod"]:
            raise Faulty(SignatureFault.FORM)
        c14n, method = self._signed_info[0], self._signed_info[1]
        if len(c14n) or len(method):  # no HMACOutputLength, no InclusiveNamespaces
            raise Faulty(SignatureFault.ALGORITHM)
        if c14n.get("Algorithm") not in _C14N or method.get("Algorithm") not in {one.value for one in _METHODS}:
            raise Faulty(SignatureFault.ALGORITHM)

    def _references(self) -> Iterator[etree._Element]:
        references = list(self._signed_info)[2:]
        if not 1 <= len(references) <= _MOST_REFERENCES:
            raise Faulty(SignatureFault.FORM)
        for reference in references:
            parts = [child.tag for child in reference]
            if parts[:1] == [f"{{{DS}}}Transforms"]:
                parts = parts[1:]
            wanted = [f"{{{DS}}}DigestMethod", f"{{{DS}}}DigestValue"]
            if reference.tag != f"{{{DS}}}Reference" or parts != wanted or len(reference[-1]) or len(reference[-2]):
                raise Faulty(SignatureFault.FORM)
            if reference[-2].get("Algorithm") not in {one.value for one in _DIGESTS}:
                raise Faulty(SignatureFault.ALGORITHM)
            yield reference

    def _target(self, reference: etree._Element) -> etree._Element:
        uri = reference.get("URI")
        target = self._root if uri == "" else self._ids.get((uri or "").removeprefix("#"))
        if uri is None or (uri and not uri.startswith("#")) or target is None:
            raise Faulty(SignatureFault.COVERAGE)
        self._check_transforms(reference, target)
        return target

    def _check_apart(self) -> None:
        """Nothing is covered twice: a file that is digested again and again costs us and proves nothing."""
        for target in self.covered:
            above = [one for one in target.iterancestors() if one in self.covered]
            if self.covered.count(target) > 1 or (above and self._signature not in target.iterancestors()):
                raise Faulty(SignatureFault.FORM)

    def _check_transforms(self, reference: etree._Element, target: etree._Element) -> None:
        """The enveloped signature for the element that holds it, and only there; then at most one C14N."""
        transforms = list(reference[0]) if len(reference) == 3 else []
        algorithms = [one.get("Algorithm") for one in transforms]
        if any(len(one) or one.tag != f"{{{DS}}}Transform" for one in transforms):
            raise Faulty(SignatureFault.ALGORITHM)
        if target is self._root:
            if algorithms[:1] != [ENVELOPED]:
                raise Faulty(SignatureFault.ALGORITHM)
            algorithms = algorithms[1:]
        if len(algorithms) > 1 or not _C14N.issuperset(algorithms):
            raise Faulty(SignatureFault.ALGORITHM)


class _Verifier(XMLVerifier):
    """signxml 5.2 with its hands on the tree that was checked; each change is held by a test.

    Digests are taken of the very elements that the references were resolved to here, so that nothing can be
    found a second time and differently; and a large file is copied once and not five times.
    """

    def __init__(self, place: str, covered: list[etree._Element]) -> None:
        self._place = place
        self._covered = covered

    def get_root(self, data: etree._Element) -> etree._Element:
        return data

    def _c14n(self, nodes: etree._Element, *args: Any, **options: Any) -> bytes:
        """With the namespaces of the ancestors, as inclusive C14N demands and signxml forgets for SignedInfo.

        .NET declares xsi and xsd on the root and signs with inclusive C14N: without this none of its files verify.
        """
        return bytes(super()._c14n(_alone(nodes), *args, **options))

    def _verify_reference(self, reference: etree._Element, index: int, root: etree._Element, *_: Any) -> None:
        """`reference` comes from the SignedInfo whose signature was just verified."""
        target = self._covered[index]
        algorithms = [one.get("Algorithm") for one in reference.iter(f"{{{DS}}}Transform")]
        octets = etree.tostring(
            _without_signature(root, self._place) if target is root else _alone(target),
            method="c14n",
            exclusive=EXCLUSIVE_C14N in algorithms,
            with_comments=False,
        )
        stated = base64.b64decode(reference.findtext(f"{{{DS}}}DigestValue") or "")
        if not compare_digest(stated, sha256(octets).digest()):
            raise InvalidDigest


def _alone(element: etree._Element) -> etree._Element:
    """The element as a document of its own, with the namespaces that its ancestors declare."""
    if element.getparent() is None:
        return element
    return etree.fromstring(etree.tostring(element, with_tail=False))


def _without_signature(root: etree._Element, place: str) -> etree._Element:
    """The enveloped-signature transform: the document without the signature, and with the text behind it."""
    copied = deepcopy(root)
    holder = cast("etree._Element", copied.find(place))
    holder.text = (holder.text or "") + (holder[0].tail or "")
    holder.remove(holder[0])
    return copied


def _ids(root: etree._Element) -> dict[str, etree._Element]:
    """Elements by id. An id that stands twice, in whatever spelling, points at nothing we would take."""
    found: dict[str, etree._Element] = {}
    for element in cast("list[etree._Element]", _WITH_ATTRIBUTES(root)):
        for name, value in element.items():
            if str(name).lower().endswith("id") and etree.QName(name).localname.lower() == "id":
                if value in found:
                    raise Faulty(SignatureFault.FORM)
                found[str(value)] = element
    return found


def _stated_time(element: etree._Element) -> bool:
    """A signing time as e-invoices carry it: a SignatureProperty with an element of any namespace."""
    parent = element.getparent()
    return (
        isinstance(element.tag, str)
        and etree.QName(element).localname == _SIGNING_TIME
        and len(element) == 0
        and parent is not None
        and parent.tag == f"{{{DS}}}SignatureProperty"
    )


def _within(element: etree._Element, holders: list[etree._Element]) -> bool:
    return any(one in holders for one in (element, *element.iterancestors()))
