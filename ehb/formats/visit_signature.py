"""The facility's signature of a visit file (CHUKYDONVI): is what was read what was signed, and by whom?

A signature covers the root, or by id each of its other children: THONGTINDONVI and THONGTINHOSO, the list of a
check-in file. So everything that is read is covered. Certificates are those that are registered for the facility,
pinned: no CA, no KeyInfo, no revocation list is asked; the registry withdraws a certificate. One that is not
registered is nobody's, so its signature is invalid; a facility without any certificate is told that nobody could
check (SIGNATURE_UNVERIFIED).

Decision: a certificate must be in force when we receive the file, and at the signing time too when one is
stated. A stated time is the signer's own word; without a time stamp our receipt is the first proof that the
signature existed (ETSI EN 319 102-1). We give up signatures of expired certificates that were never sent.

The one invariant: nothing in the bytes makes this module raise, read a file or open a connection.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256

from cryptography import x509
from lxml import etree

from ehb.domain.coding import VIETNAM
from ehb.domain.records import LegalStatus
from ehb.domain.registry import Certificate
from ehb.domain.signature import UNSIGNED, UNVERIFIED, Signature, SignatureFault, invalid
from ehb.formats.visit_reading import name_of, parser_for
from ehb.formats.xmldsig import Faulty, SignedDocument

PLACE = "CHUKYDONVI"
_CLOCK_SKEW = timedelta(minutes=10)


def verify(body: bytes, certificates: Sequence[Certificate], now: datetime) -> Signature:
    """What the signature of a visit file is worth, received now."""
    try:
        root = etree.fromstring(body, parser_for(body, whole=True))
    except (etree.XMLSyntaxError, ValueError):
        return UNSIGNED
    if not _signed(root):
        return UNSIGNED
    if not certificates:
        return UNVERIFIED
    try:
        return _verified(root, certificates, now)
    except Faulty as faulty:
        return invalid(faulty.fault)


def _signed(root: etree._Element) -> bool:
    """Anything at all in anything that a reader could take for CHUKYDONVI."""
    place = root.find(PLACE)
    if place is not None and len(place):
        return True
    return any(len(one) > 0 or (one.text or "").strip() for one in _places(root))


def _places(root: etree._Element) -> list[etree._Element]:
    """Whatever a reader could take for CHUKYDONVI, however it is spelled and wherever it stands."""
    return [one for one in root.iter(etree.Element) if name_of(one) == PLACE]


def _verified(root: etree._Element, certificates: Sequence[Certificate], now: datetime) -> Signature:
    if root.getroottree().docinfo.internalDTD is not None:
        raise Faulty(SignatureFault.FORM)
    places = _places(root)
    if len(places) != 1 or places[0].tag != PLACE:
        raise Faulty(SignatureFault.FORM)
    document = SignedDocument(root, PLACE)
    parts = [child for child in root.iterchildren(etree.Element) if child is not places[0]]
    if root not in document.covered and not all(part in document.covered for part in parts):
        raise Faulty(SignatureFault.COVERAGE)
    stated = _time(document.signing_time)
    if stated is not None and stated > now + _CLOCK_SKEW:
        raise Faulty(SignatureFault.TIME)
    in_force = [one for one in certificates if one.in_force(now)]
    if not in_force:
        raise Faulty(SignatureFault.CERTIFICATE)
    hint = _fingerprint(document.certificate)
    for one in sorted(in_force, key=lambda one: one.fingerprint != hint):
        if document.holds(_loaded(one.der), now):
            if stated is not None and not one.in_force(stated):
                raise Faulty(SignatureFault.TIME)
            signed_at = stated.isoformat(timespec="seconds") if stated else None
            return Signature(LegalStatus.SIGNED, one.signer or None, signed_at)
    known = {one.fingerprint for one in in_force}
    raise Faulty(SignatureFault.CERTIFICATE if hint is not None and hint not in known else SignatureFault.CHANGED)


def _time(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise Faulty(SignatureFault.TIME) from None
    return time if time.tzinfo else time.replace(tzinfo=VIETNAM)


def _fingerprint(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return sha256(base64.b64decode(text)).hexdigest()
    except ValueError:
        raise Faulty(SignatureFault.FORM) from None


@lru_cache(maxsize=1_024)
def _loaded(der: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(der)
