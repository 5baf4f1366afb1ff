"""Stewardship: the managing unit keeps identities and guardianships right. It opens no book and sees no record."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from ehb.custodian import Custodian
from ehb.domain.doubt import OpenDoubt
from ehb.domain.guardianship import Appointment
from ehb.domain.identity import Identifier, Principal, UnusableIdentifier, card_from, identifier_from
from ehb.domain.submission import Receipt, Waiting
from ehb.errors import BadInput

LONGEST_REASON = 1_000


async def waiting(custodian: Custodian, principal: Principal, *, first: int, path: str) -> list[Waiting]:
    """The submissions that wait for an identity, the oldest first."""
    return await custodian.waiting(principal, first, path=path)


async def resolve(custodian: Custodian, principal: Principal, receipt_id: str, number: str, *, path: str) -> Receipt:
    """Say whose a waiting submission is; its records are in that person's book at once.

    Raises BadInput for a number that can be none, NotFound for a submission that does not wait.
    """
    return await custodian.resolve(principal, receipt_id, _identifier(number), path=path)


async def doubts(custodian: Custodian, principal: Principal, *, first: int, path: str) -> list[OpenDoubt]:
    """Doubts about who is who, the oldest first, with both sides."""
    return await custodian.doubts(principal, first, path=path)


async def hand_over(custodian: Custodian, principal: Principal, episode: bytes, number: str, *, path: str) -> int:
    """Put a visit into the book of this number; how many records moved. Raises BadInput and NotFound."""
    return await custodian.decide_visit(principal, episode, _identifier(number), path=path)


async def give_back(custodian: Custodian, principal: Principal, episode: bytes, *, path: str) -> None:
    """A visit that its person called another's is theirs after all. Raises NotFound."""
    await custodian.decide_visit(principal, episode, None, path=path)


async def merge(custodian: Custodian, principal: Principal, one: str, other: str, reason: str, *, path: str) -> None:
    """Let the people behind two numbers share a book, as one person.

    Raises BadInput without a reason or for a number that can be none, NotFound for one that nobody has,
    Conflict when they share a book already.
    """
    await custodian.merge(principal, _identifier(one), _identifier(other), _reason(reason), path=path)


async def unmerge(custodian: Custodian, principal: Principal, one: str, other: str, reason: str, *, path: str) -> None:
    """Part them again: everybody keeps what came under their own numbers. Raises as `merge` does."""
    await custodian.unmerge(principal, _identifier(one), _identifier(other), _reason(reason), path=path)


async def appoint(
    custodian: Custodian, principal: Principal, ward: str, guardian: str, appointment: Appointment, *, path: str
) -> None:
    """Enter a guardianship that was proven.

    Raises BadInput without a proof, for an end before the begin and for a number that can be none; NotFound for one
    that nobody has; Conflict for what the law does not know.
    """
    if appointment.until is not None and appointment.until < appointment.since:
        raise BadInput(vi="Ngày kết thúc trước ngày bắt đầu.", en="It would end before it begins.")
    proven = replace(appointment, proof=_reason(appointment.proof), birth_date=_day(appointment.birth_date))
    await custodian.guardians.appoint(principal, _identifier(ward), _identifier(guardian), proven, path=path)


async def end_guardian(custodian: Custodian, principal: Principal, ward: str, guardian: str, *, path: str) -> None:
    """End a guardianship. Raises BadInput and NotFound."""
    await custodian.guardians.end(principal, _identifier(ward), _identifier(guardian), path=path)


def _identifier(number: str) -> Identifier:
    found = card_from(number)
    try:
        found = found or identifier_from(number)
    except UnusableIdentifier:
        found = None
    if found is None:
        raise BadInput(
            vi="Số phải là số định danh 12 số, số cũ 9 số, số hộ chiếu, mã tài khoản hoặc thẻ BHYT.",
            en="The number must have 12 digits or 9, or be a passport number, an account code or an insurance card.",
        )
    return found


def _day(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise BadInput(
            vi="Ngày sinh trên giấy phải có dạng YYYY-MM-DD.", en="The birth date on the paper must be YYYY-MM-DD."
        ) from None


def _reason(text: str) -> str:
    said = " ".join(text.split())
    if not 3 <= len(said) <= LONGEST_REASON:
        raise BadInput(
            vi=f"Lý do phải có từ 3 đến {LONGEST_REASON} ký tự.",
            en=f"The reason must have 3 to {LONGEST_REASON} characters.",
        )
    return said
