"""Coming and going: a login finds or opens the person's book; a caller asks who they are."""

from __future__ import annotations

from ehb.custodian import Custodian
from ehb.domain.access import Purpose
from ehb.domain.book import ReadQuery
from ehb.domain.identity import ElectronicIdentity, Patient, Principal


async def sign_in(custodian: Custodian, identity: ElectronicIdentity) -> bytes:
    """The key of the person whom the eID vouched for. Records that came before the first login are theirs at once."""
    return await custodian.sign_in(identity, path="GET /auth/callback")


async def own_details(custodian: Custodian, principal: Principal) -> Patient:
    """The signed-in person as the book knows them, without a single record."""
    opened = await custodian.read(
        principal, principal.patient_id, Purpose.PATIENT_REQUEST, ReadQuery(sections=frozenset()), path="me"
    )
    return opened.patient
