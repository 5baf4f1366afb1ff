"""Signatures of visit files: what counts, what another library made, and every way to cheat that we know of."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from ehb.demo.certificates import make_certificate
from ehb.domain.records import LegalStatus
from ehb.domain.signature import WORDS, SignatureFault
from ehb.errors import Misconfigured
from ehb.formats import visit_xml
from ehb.formats.public_keys import certificates_from
from ehb.formats.visit_signature import verify
from ehb.formats.visit_signing import NotAVisitFile, sign
from ehb.signing_files import Signer
from tests.builders import NOW, visit_file
from tests.formats.rows import check_in_file
from tests.formats.signing import (
    DS,
    ENVELOPED,
    EXCLUSIVE,
    HMAC_SHA256,
    RSA_SHA1,
    SHA1,
    WITH_COMMENTS,
    Reference,
    certificate,
    key,
    registered,
    signed,
)

BODY = visit_file()
CERTIFICATE = certificate()
KNOWN = registered(CERTIFICATE)
PARTS = BODY.replace(b"<THONGTINDONVI>", b'<THONGTINDONVI Id="unit">').replace(
    b"<THONGTINHOSO>", b'<THONGTINHOSO Id="files">'
)
BOTH = (Reference("#unit", (EXCLUSIVE,)), Reference("#files", (EXCLUSIVE,)))
ELSEWHERE = Path(__file__).parent / "signed_elsewhere"


def fault_of(body: bytes, now: datetime = NOW) -> SignatureFault | None:
    signature = verify(body, KNOWN, now)
    assert (signature.status is LegalStatus.SIGNED) == (signature.fault is None)
    assert signature.status in (LegalStatus.SIGNED, LegalStatus.SIGNATURE_INVALID)
    return signature.fault


def changed(body: bytes, change: Callable[[etree._Element], None]) -> bytes:
    """The file after somebody moved things around in it."""
    root = etree.fromstring(body)
    change(root)
    return etree.tostring(root)


def only(root: etree._Element, name: str) -> etree._Element:
    found = next(root.iter(name), None)
    assert found is not None, name
    return found


# What counts


def test_what_a_facility_signs_here_counts_with_signer_and_time() -> None:
    signature = verify(sign(BODY, key(), CERTIFICATE, now=NOW), KNOWN, NOW)

    assert signature.status is LegalStatus.SIGNED
    assert signature.signer == "Bệnh viện facility"
    assert signature.signed_at == NOW.isoformat(timespec="seconds")


def test_an_elliptic_curve_signs_too(tmp_path: Path) -> None:
    signer = _files(tmp_path)
    body = sign(BODY, signer.key, signer.certificate, now=NOW)

    assert verify(body, registered(signer.certificate), NOW).status is LegalStatus.SIGNED


def test_signing_again_replaces_the_signature() -> None:
    twice = sign(sign(BODY, key("other"), certificate("other"), now=NOW), key(), CERTIFICATE, now=NOW)

    assert fault_of(twice) is None


def test_signing_changes_nothing_that_is_read() -> None:
    plain, made = visit_xml.read(BODY), visit_xml.read(sign(BODY, key(), CERTIFICATE, now=NOW))

    assert (made.drafts, made.patient, made.problems) == (plain.drafts, plain.patient, plain.problems)


def test_both_parts_by_id_count_as_the_whole_file_does() -> None:
    assert fault_of(signed(BODY)) is None
    assert fault_of(signed(PARTS, *BOTH)) is None


def test_a_check_in_is_signed_over_its_list_or_as_a_whole() -> None:
    body = check_in_file()
    by_id = body.replace(b"<DSACH>", b'<DSACH Id="list">')

    assert fault_of(sign(body, key(), CERTIFICATE, now=NOW)) is None
    assert fault_of(signed(by_id, Reference("#list", (EXCLUSIVE,)))) is None
    second = changed(signed(by_id, Reference("#list", (EXCLUSIVE,))), lambda root: root.append(etree.Element("DSACH")))
    assert fault_of(second) is SignatureFault.COVERAGE


@pytest.mark.parametrize("file", sorted(ELSEWHERE.glob("*.xml")), ids=lambda file: file.stem)
def test_a_file_that_another_library_signed_counts(file: Path) -> None:
    """Made once with xmlsec (libxmlsec1): namespaces on the root as .NET writes them, each usual C14N."""
    held = certificates_from((ELSEWHERE / "certificate.pem").read_bytes())

    assert verify(file.read_bytes(), held, NOW).status is LegalStatus.SIGNED
    broken = file.read_bytes().replace(b"<SOLUONGHOSO>1<", b"<SOLUONGHOSO>01<")
    assert verify(broken, held, NOW).fault is SignatureFault.CHANGED


@pytest.mark.parametrize(
    "body",
    [
        BODY,
        BODY.replace(b"<CHUKYDONVI></CHUKYDONVI>", b""),
        BODY.replace(b"<CHUKYDONVI></CHUKYDONVI>", b"<CHUKYDONVI> \n </CHUKYDONVI>"),
        b"",
        b"no xml",
    ],
)
def test_no_signature_is_unsigned(body: bytes) -> None:
    assert verify(body, KNOWN, NOW).status is LegalStatus.UNSIGNED


def test_without_any_registered_certificate_nobody_can_say() -> None:
    assert verify(signed(BODY), (), NOW).status is LegalStatus.SIGNATURE_UNVERIFIED


def test_of_several_certificates_any_may_have_signed() -> None:
    held = registered(certificate("old"), certificate("other"), CERTIFICATE)

    assert verify(signed(BODY), held, NOW).status is LegalStatus.SIGNED
    assert verify(sign(BODY, key(), CERTIFICATE, now=NOW), held, NOW).status is LegalStatus.SIGNED


def test_comments_change_neither_what_is_signed_nor_what_is_read() -> None:
    body = signed(BODY).replace(b"<MACSKCB>99001", b"<MACSKCB>99<!-- 1 -->001")

    assert fault_of(body) is None
    assert visit_xml.read(body).facility == "99001"


# Certificates


def test_a_certificate_that_is_not_registered_is_nobodys() -> None:
    assert fault_of(signed(BODY, name="stranger")) is SignatureFault.CHANGED
    stranger = sign(BODY, key("stranger"), certificate("stranger"), now=NOW)
    assert fault_of(stranger) is SignatureFault.CERTIFICATE


def test_a_registered_certificate_in_key_info_does_not_help_another_key() -> None:
    forged = sign(BODY, key("stranger"), CERTIFICATE, now=NOW)

    assert fault_of(forged) is SignatureFault.CHANGED


@pytest.mark.parametrize(
    ("since", "until", "good"),
    [
        (NOW, NOW + timedelta(days=1), True),
        (NOW - timedelta(days=1), NOW, True),
        (NOW + timedelta(seconds=1), NOW + timedelta(days=1), False),
        (NOW - timedelta(days=1), NOW - timedelta(seconds=1), False),
    ],
)
def test_a_certificate_counts_from_its_first_to_its_last_second(since: datetime, until: datetime, good: bool) -> None:
    held = registered(certificate(since=since, until=until))

    signature = verify(signed(BODY), held, NOW)

    assert signature.fault is (None if good else SignatureFault.CERTIFICATE)


def test_a_withdrawn_certificate_counts_no_more() -> None:
    held = tuple(replace(one, withdrawn=NOW.date()) for one in KNOWN)

    assert verify(signed(BODY), held, NOW).fault is SignatureFault.CERTIFICATE


@pytest.mark.parametrize(
    ("stated", "fault"),
    [
        (NOW, None),
        (NOW + timedelta(minutes=10), None),
        (NOW + timedelta(minutes=11), SignatureFault.TIME),
        (NOW - timedelta(days=31), SignatureFault.TIME),
    ],
)
def test_a_stated_time_lies_in_the_past_and_in_the_certificates_validity(
    stated: datetime, fault: SignatureFault | None
) -> None:
    assert fault_of(sign(BODY, key(), CERTIFICATE, now=stated)) is fault


def test_a_time_that_is_not_signed_is_not_believed() -> None:
    unsigned = (
        '<ds:Object><ds:SignatureProperties><ds:SignatureProperty Target=""><SigningTime>2020-01-01T00:00:00Z'
        "</SigningTime></ds:SignatureProperty></ds:SignatureProperties></ds:Object>"
    )

    signature = verify(signed(BODY, after=unsigned), KNOWN, NOW)

    assert (signature.status, signature.signed_at) == (LegalStatus.SIGNED, None)


# Wrapping: what is read must be what was signed


def test_a_changed_value_is_seen() -> None:
    for body in (signed(BODY), signed(PARTS, *BOTH), sign(BODY, key(), CERTIFICATE, now=NOW)):
        assert fault_of(body.replace(b"<MACSKCB>99001", b"<MACSKCB>99002")) is SignatureFault.CHANGED


def _second_visit(root: etree._Element) -> None:
    holder = only(root, "DANHSACHHOSO")
    holder.append(etree.fromstring(etree.tostring(only(root, "HOSO"))))


def _second_part(root: etree._Element) -> None:
    root.insert(0, etree.fromstring("<THONGTINHOSO><DANHSACHHOSO><HOSO/></DANHSACHHOSO></THONGTINHOSO>"))


def _extra_part(root: etree._Element) -> None:
    root.append(etree.fromstring("<KHAC><HOSO/></KHAC>"))


def _lower_case_part(root: etree._Element) -> None:
    root.append(etree.fromstring("<thongtinhoso><hoso/></thongtinhoso>"))


def _part_of_another_namespace(root: etree._Element) -> None:
    root.append(etree.fromstring('<x:HOSO xmlns:x="urn:x"/>'))


def _moved_into_the_signature(root: etree._Element) -> None:
    """The signed part goes into an Object, where its id is still found; a forged one takes its place."""
    original = only(root, "THONGTINHOSO")
    forged = etree.fromstring(etree.tostring(original, with_tail=False))
    del forged.attrib["Id"]
    root.replace(original, forged)
    holder = etree.SubElement(only(root, f"{{{DS}}}Signature"), f"{{{DS}}}Object")
    holder.append(original)


def _moved_beside(root: etree._Element) -> None:
    original = only(root, "THONGTINHOSO")
    forged = etree.fromstring(etree.tostring(original, with_tail=False))
    del forged.attrib["Id"]
    root.replace(original, forged)
    etree.SubElement(root, "KHAC").append(original)


def _moved_into_the_forged_part(root: etree._Element) -> None:
    """Everything is below the root still, and the id is found inside the forged part."""
    original = only(root, "THONGTINHOSO")
    forged = etree.fromstring(etree.tostring(original, with_tail=False))
    del forged.attrib["Id"]
    root.replace(original, forged)
    forged.append(original)


def _same_id_twice(root: etree._Element) -> None:
    forged = etree.fromstring(etree.tostring(only(root, "THONGTINHOSO"), with_tail=False))
    only(forged, "SOLUONGHOSO").text = "01"
    root.insert(0, forged)


def _same_id_in_another_spelling(root: etree._Element) -> None:
    only(root, "HOSO").set("ID", "files")


def _xml_id(root: etree._Element) -> None:
    only(root, "HOSO").set("{http://www.w3.org/XML/1998/namespace}id", "files")


def _second_signature(root: etree._Element) -> None:
    place = only(root, "CHUKYDONVI")
    place.append(etree.fromstring(etree.tostring(place[0])))


def _signature_elsewhere(root: etree._Element) -> None:
    only(root, "HOSO").append(only(root, f"{{{DS}}}Signature"))
    only(root, "CHUKYDONVI").text = "x"


def _second_place(root: etree._Element) -> None:
    root.append(etree.fromstring("<CHUKYDONVI><x/></CHUKYDONVI>"))


def _facility_in_key_info(root: etree._Element) -> None:
    info = etree.SubElement(only(root, f"{{{DS}}}Signature"), f"{{{DS}}}KeyInfo")
    etree.SubElement(info, "MACSKCB").text = "99002"


def _facility_in_the_namespace_of_signatures(root: etree._Element) -> None:
    info = etree.SubElement(only(root, f"{{{DS}}}Signature"), f"{{{DS}}}KeyInfo")
    etree.SubElement(info, f"{{{DS}}}MACSKCB").text = "99002"


def _root_in_the_signature(root: etree._Element) -> None:
    holder = etree.SubElement(only(root, f"{{{DS}}}Signature"), f"{{{DS}}}Object")
    holder.append(etree.fromstring(BODY))


MOVES = [
    _second_visit,
    _second_part,
    _extra_part,
    _lower_case_part,
    _part_of_another_namespace,
    _moved_into_the_signature,
    _moved_beside,
    _moved_into_the_forged_part,
    _same_id_twice,
    _same_id_in_another_spelling,
    _xml_id,
    _second_signature,
    _signature_elsewhere,
    _second_place,
    _facility_in_key_info,
    _facility_in_the_namespace_of_signatures,
    _root_in_the_signature,
]


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.__name__.strip("_"))
def test_whoever_moves_things_around_has_no_signature(move: Callable[[etree._Element], None]) -> None:
    assert fault_of(changed(signed(PARTS, *BOTH), move)) is not None
    assert fault_of(changed(signed(PARTS), move)) is not None


def test_an_id_that_stands_twice_points_at_nothing() -> None:
    def repeat(root: etree._Element) -> None:
        only(root, f"{{{DS}}}SignatureValue").set("Id", "files")

    assert fault_of(changed(signed(PARTS, *BOTH), repeat)) is SignatureFault.FORM


@pytest.mark.parametrize("beside", [b"<!-- x -->", b"<x/>", b"<?x y?>"])
def test_nothing_stands_beside_the_signature(beside: bytes) -> None:
    assert fault_of(signed(BODY).replace(b"<CHUKYDONVI>", b"<CHUKYDONVI>" + beside)) is SignatureFault.FORM


def test_a_document_around_the_signed_document_is_not_signed() -> None:
    inner = etree.fromstring(signed(BODY))
    outer = etree.fromstring(BODY)
    place = outer.find("CHUKYDONVI")
    assert place is not None
    place.append(inner)

    assert fault_of(etree.tostring(outer)) is SignatureFault.FORM


@pytest.mark.parametrize(
    "references",
    [
        (Reference("#unit", (EXCLUSIVE,)),),
        (Reference("#files", (EXCLUSIVE,)),),
        (Reference("#visit", (EXCLUSIVE,)), Reference("#unit", (EXCLUSIVE,))),
    ],
)
def test_a_signature_over_a_part_is_not_a_signature_over_the_file(references: tuple[Reference, ...]) -> None:
    body = PARTS.replace(b"<HOSO>", b'<HOSO Id="visit">')

    assert fault_of(signed(body, *references)) is SignatureFault.COVERAGE


# References and transforms

XSLT = "http://www.w3.org/TR/1999/REC-xslt-19991116"
XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
XPATH_FILTER = "http://www.w3.org/2002/06/xmldsig-filter2"
STYLESHEET = (
    '<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:template match="/">'
    "<x/></xsl:template></xsl:stylesheet>"
)


@pytest.mark.parametrize(
    "reference",
    [
        Reference("", (ENVELOPED, XSLT), inside=STYLESHEET),
        Reference("", (XSLT, ENVELOPED, EXCLUSIVE), inside=STYLESHEET),
        Reference("", (ENVELOPED, XPATH, EXCLUSIVE)),
        Reference("", (XPATH, ENVELOPED), inside="<ds:XPath>self::MACSKCB</ds:XPath>"),
        Reference("", (XPATH_FILTER, ENVELOPED), inside="<ds:XPath>//MACSKCB</ds:XPath>"),
        Reference("", (ENVELOPED, ENVELOPED, EXCLUSIVE)),
        Reference("", (ENVELOPED, EXCLUSIVE, EXCLUSIVE)),
        Reference("", (EXCLUSIVE, ENVELOPED)),
        Reference("", (ENVELOPED, WITH_COMMENTS)),
        Reference("", (ENVELOPED, f"{DS}base64")),
        Reference("", (EXCLUSIVE,)),
        Reference("", ()),
        Reference("", (ENVELOPED,), inside="<x/>"),
        Reference("", (ENVELOPED, "urn:no-such-transform", EXCLUSIVE)),
    ],
    ids=lambda reference: "+".join(one.rpartition("/")[2] for one in reference.transforms) or "none",
)
def test_a_transform_that_is_not_on_the_list_is_refused(reference: Reference) -> None:
    assert fault_of(signed(BODY, reference)) is SignatureFault.ALGORITHM


@pytest.mark.parametrize("transform", [ENVELOPED, XSLT, XPATH, WITH_COMMENTS])
def test_a_part_takes_canonicalisation_and_nothing_else(transform: str) -> None:
    references = (Reference("#unit", (transform,)), BOTH[1])

    assert fault_of(signed(PARTS, *references)) is SignatureFault.ALGORITHM


@pytest.mark.parametrize(
    "uri",
    [
        None,
        "#",
        "#nothing",
        "#xpointer(/)",
        "#xpointer(id('files'))",
        "file:///etc/passwd",
        "http://127.0.0.1:9/",
        "other.xml",
        "?",
        " ",
    ],
)
def test_a_reference_to_anything_but_this_file_is_refused(uri: str | None) -> None:
    stranger = Reference(uri, (EXCLUSIVE,), of="/*")

    assert fault_of(signed(PARTS, stranger)) is SignatureFault.COVERAGE
    assert fault_of(signed(PARTS, Reference(), stranger)) is SignatureFault.COVERAGE


def test_a_signature_without_references_is_refused() -> None:
    def strip(root: etree._Element) -> None:
        info = only(root, f"{{{DS}}}SignedInfo")
        for reference in list(info)[2:]:
            info.remove(reference)

    assert fault_of(signed(BODY, hostile=strip)) is SignatureFault.FORM


@pytest.mark.parametrize("references", [[Reference()] * 5, [Reference()] * 2, [Reference(), *BOTH], [*BOTH, BOTH[1]]])
def test_what_is_covered_again_and_again_is_refused_before_it_is_worked_on(references: list[Reference]) -> None:
    assert fault_of(signed(PARTS, *references)) is SignatureFault.FORM


@pytest.mark.parametrize("digest", [b"", b"\0" * 32, b"\0" * 16])
def test_a_wrong_digest_is_refused(digest: bytes) -> None:
    assert fault_of(signed(BODY, Reference(digest=digest))) is SignatureFault.CHANGED


def test_a_manifest_is_no_reference() -> None:
    manifest = "<ds:Object><ds:Manifest Id='m'/></ds:Object>"

    assert fault_of(signed(BODY, after=manifest)) is SignatureFault.FORM


# Algorithms


def test_the_public_key_is_no_shared_secret() -> None:
    assert fault_of(signed(BODY, method=HMAC_SHA256)) is SignatureFault.ALGORITHM


def test_a_truncated_mac_is_refused() -> None:
    length = "<ds:HMACOutputLength>8</ds:HMACOutputLength>"

    assert fault_of(signed(BODY, method=HMAC_SHA256, method_content=length, cut=1)) is SignatureFault.ALGORITHM
    assert fault_of(signed(BODY, method_content=length)) is SignatureFault.ALGORITHM


def test_sha_1_is_refused_wherever_it_stands() -> None:
    assert fault_of(signed(BODY, method=RSA_SHA1)) is SignatureFault.ALGORITHM
    assert fault_of(signed(BODY, Reference(method=SHA1))) is SignatureFault.ALGORITHM


@pytest.mark.parametrize(
    "method", [f"{DS}dsa-sha1", "http://www.w3.org/2001/04/xmldsig-more#rsa-md5", "", "none", "urn:x"]
)
def test_an_unknown_algorithm_is_refused(method: str) -> None:
    assert fault_of(signed(BODY, method=method)) is SignatureFault.ALGORITHM


@pytest.mark.parametrize("c14n", [WITH_COMMENTS, "http://www.w3.org/2006/12/xml-c14n11#WithComments", XSLT, ""])
def test_signed_info_is_canonicalised_without_comments(c14n: str) -> None:
    assert fault_of(signed(BODY, c14n=c14n)) is SignatureFault.ALGORITHM


@pytest.mark.parametrize("cut", [0, 1, 255])
def test_a_truncated_value_is_refused(cut: int) -> None:
    assert fault_of(signed(BODY, cut=cut)) is SignatureFault.CHANGED


def test_the_keys_of_key_info_are_not_used() -> None:
    value = (
        "<ds:KeyInfo><ds:KeyValue><ds:RSAKeyValue><ds:Modulus>AQAB</ds:Modulus><ds:Exponent>AQAB</ds:Exponent>"
        "</ds:RSAKeyValue></ds:KeyValue></ds:KeyInfo>"
    )
    retrieval = '<ds:KeyInfo><ds:RetrievalMethod URI="http://127.0.0.1:9/key"/></ds:KeyInfo>'

    assert fault_of(signed(BODY, after=value)) is None
    assert fault_of(signed(BODY, after=value, name="stranger")) is SignatureFault.CHANGED
    assert fault_of(signed(BODY, after=retrieval)) is SignatureFault.FORM


# Shape


def test_a_document_type_is_refused() -> None:
    with_type = b'<!DOCTYPE GIAMDINHHS [<!ATTLIST THONGTINHOSO Id ID "files">]>' + signed(BODY)

    assert fault_of(with_type) is SignatureFault.FORM


@pytest.mark.parametrize(
    "content",
    [
        b"c2lnbmVk",
        b"<x/>",
        b"<Signature/>",
        f'<Signature xmlns="{DS}"/>'.encode(),
        f'<Signature xmlns="{DS}"><SignedInfo/><SignatureValue/></Signature>'.encode(),
        f'<Signature xmlns="{DS}"><SignatureValue/><SignedInfo/></Signature>'.encode(),
    ],
)
def test_what_is_no_signature_is_invalid(content: bytes) -> None:
    assert fault_of(BODY.replace(b"<CHUKYDONVI>", b"<CHUKYDONVI>" + content)) is SignatureFault.FORM


def test_a_root_of_another_kind_is_not_signed_by_its_parts() -> None:
    body = signed(BODY).replace(b"CHUKYDONVI", b"chukydonvi")

    assert fault_of(body) is SignatureFault.FORM


@given(st.data())
def test_nothing_in_a_file_makes_verifying_raise_or_counts_by_accident(data: st.DataObject) -> None:
    good = signed(BODY)
    start = good.index(b"<CHUKYDONVI>") if data.draw(st.booleans()) else 0
    place = data.draw(st.integers(start, len(good) - 1))
    noise = data.draw(st.binary(max_size=6) | st.sampled_from([b"<x/>", b"&amp;", b"<!--x-->", b'Id="a"', b"]]>"]))
    body = good[:place] + noise + good[place + data.draw(st.integers(0, 6)) :]

    signature = verify(body, KNOWN, NOW)

    if signature.status is LegalStatus.SIGNED:
        before, after = visit_xml.read(good), visit_xml.read(body)
        assert (after.drafts, after.patient, after.facility) == (before.drafts, before.patient, before.facility)


def test_nothing_of_a_file_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        verify(signed(BODY), KNOWN, NOW)
        sign(BODY, key(), CERTIFICATE, now=NOW)
    finally:
        root.removeHandler(handler)
        root.setLevel(before)

    assert "NOIDUNGFILE" not in written.getvalue()
    assert "NOIDUNGFILE" not in caplog.text


def test_every_fault_has_words_in_both_languages() -> None:
    assert set(WORDS) == set(SignatureFault)


# Files that sign


def _files(folder: Path) -> Signer:
    own = generate_private_key(SECP256R1())
    (folder / "key.pem").write_bytes(own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "cert.pem").write_bytes(make_certificate(own, "Thử", NOW).public_bytes(Encoding.PEM))
    return Signer.load(folder / "key.pem", folder / "cert.pem")


def test_a_key_and_a_certificate_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    _files(tmp_path)
    (tmp_path / "other.pem").write_bytes(CERTIFICATE.public_bytes(Encoding.PEM))

    for key_file, certificate_file in (
        ("key.pem", "other.pem"),
        ("cert.pem", "cert.pem"),
        ("key.pem", "key.pem"),
        ("none.pem", "cert.pem"),
    ):
        with pytest.raises(Misconfigured):
            Signer.load(tmp_path / key_file, tmp_path / certificate_file)


def test_a_certificate_in_der_is_taken(tmp_path: Path) -> None:
    signer = _files(tmp_path)
    (tmp_path / "cert.der").write_bytes(signer.certificate.public_bytes(Encoding.DER))

    assert Signer.load(tmp_path / "key.pem", tmp_path / "cert.der").certificate == signer.certificate


@pytest.mark.parametrize("body", [b"", b"text", b"\xff\xfe"])
def test_what_is_no_xml_is_not_signed(body: bytes) -> None:
    with pytest.raises(NotAVisitFile):
        sign(body, key(), CERTIFICATE, now=NOW)
