"""Emergency access: saying why, saying it again, and reviewing what others did."""

from __future__ import annotations

from ehb.custodian import Custodian
from ehb.custodian.emergencies import ReviewQueue
from ehb.domain.emergency import LONGEST_REASON, SHORTEST_REASON, HeldEmergency, Verdict
from ehb.domain.identity import Principal
from ehb.domain.reason import letters, visible
from ehb.errors import BadInput

MOST_REVIEWS = 100


async def open_book(
    custodian: Custodian, principal: Principal, patient_id: bytes | None, reason: str, *, path: str
) -> HeldEmergency:
    """Open a book in an emergency. Raises BadInput for a reason that is none, Forbidden and NotFound."""
    said = visible(reason)
    if letters(said) < SHORTEST_REASON or len(said) > LONGEST_REASON:
        await custodian.emergencies.may_open(principal, patient_id, path=path)
        raise BadInput(
            vi=f"Lý do phải có ít nhất {SHORTEST_REASON} chữ cái đọc được và nhiều nhất {LONGEST_REASON} ký tự.",
            en=f"The reason must have {SHORTEST_REASON} readable letters, and {LONGEST_REASON} characters at most.",
        )
    return await custodian.emergencies.open(principal, patient_id, said, path=path)


async def declare(
    custodian: Custodian, principal: Principal, patient_id: bytes | None, emergency: bytes, *, declared: bool, path: str
) -> HeldEmergency:
    """Open more of it. Raises BadInput when nothing is declared, Forbidden and NotFound."""
    if not declared:
        await custodian.emergencies.may_open(principal, patient_id, path=path)
        raise BadInput(
            vi="Cần cam kết rằng phần tóm tắt không đủ để cứu chữa.",
            en="Declare that the summary is not enough to save life or health.",
        )
    return await custodian.emergencies.declare(principal, patient_id, emergency, path=path)


async def reviews(
    custodian: Custodian, principal: Principal, facility: str | None, *, waiting: bool, first: int, path: str
) -> ReviewQueue:
    """A facility's emergencies, the one that is due first before the others. Raises Forbidden and BadInput."""
    if not 1 <= first <= MOST_REVIEWS:
        raise BadInput(vi=f"first: từ 1 đến {MOST_REVIEWS}.", en=f"first is 1 to {MOST_REVIEWS}.")
    return await custodian.emergencies.reviews(principal, facility, waiting=waiting, first=first, path=path)


async def review(
    custodian: Custodian,
    principal: Principal,
    patient_id: bytes | None,
    emergency: bytes,
    verdict: Verdict,
    *,
    path: str,
) -> HeldEmergency:
    """Say whether an emergency was one. Raises Forbidden, NotFound and Conflict."""
    return await custodian.emergencies.review(principal, patient_id, emergency, verdict, path=path)
