"""Coming and going: a login finds or opens the person's book; a caller asks who they are."""

from __future__ import annotations

from ehb.custodian import Custodian
from ehb.domain.access import Purpose
from ehb.domain.book import ReadQuery
from ehb.domain.identity import (
    ElectronicIdentity,
    Patient,
    Principal,
    SignedIn,
    UnusableIdentifier,
    identifier_from,
)


async def sign_in(custodian: Custodian, identity: ElectronicIdentity) -> SignedIn:
    """The person whom the eID vouched for. Records that came before the first login are theirs at once."""
    return await custodian.sign_in(identity, path="GET /auth/callback")


async def own_details(custodian: Custodian, principal: Principal) -> Patient:
    """The signed-in person as the book knows them, without a single record."""
    opened = await custodian.read(
        principal, principal.patient_id, Purpose.PATIENT_REQUEST, ReadQuery(sections=frozenset()), path="me"
    )
    return opened.patient


async def find_book(custodian: Custodian, principal: Principal, number: str, *, path: str) -> bytes:
    """The key of the book that a number names, whether or not there is one. Raises BadInput for what is no number."""
    try:
        identifier = identifier_from(number)
    except UnusableIdentifier:
        identifier = None
    return await custodian.consents.find_book(principal, identifier, path=path)
