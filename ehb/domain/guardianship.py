"""Guardianships: who reads and speaks for somebody who cannot yet, or cannot any more.

By age (Law 91/2025 Art 24, HIV law, domain facts §4.3): under 7 the guardian speaks alone; from 7 the child must
agree as well; from 15 what is sensitive is closed to the guardian unless the child opens it; at 18 it ends by
itself, but not for a ward whom a court gave a guardian. It owns no access rule; it yields provisions.

The one invariant: an age that is not known opens nothing.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import date, datetime

from ehb.domain.coding import VIETNAM
from ehb.domain.identity import Patient, PrincipalKind
from ehb.domain.provision import AccessRequest, Ground, Provision, Purpose
from ehb.errors import Conflict

ASSENT_FROM, SENSITIVE_FROM, OF_AGE = 7, 15, 18


class Relation(enum.StrEnum):
    """What the guardian is to the person."""

    PARENT = "PARENT"
    ADOPTIVE_PARENT = "ADOPTIVE_PARENT"
    GRANDPARENT = "GRANDPARENT"
    APPOINTED_GUARDIAN = "APPOINTED_GUARDIAN"
    """Appointed by the authority that the law names, for a minor."""
    GUARDIAN_OF_WARD = "GUARDIAN_OF_WARD"
    """Appointed by a court, for an adult who cannot act."""


@dataclass(frozen=True, slots=True)
class Guardianship:
    """A guardianship that was proven. `until` is its last day, when the proof names one."""

    id: bytes
    guardian: bytes
    """Key of the person who speaks."""
    relation: Relation
    proof: str = field(repr=False)
    """The paper it was proven by: kind and number."""
    since: date
    until: date | None = None
    birth_date: str | None = field(default=None, repr=False)
    """The birth date of the person who is represented, by the paper or as it was known that day."""


@dataclass(frozen=True, slots=True)
class Appointment:
    """What a steward enters: the relation, the paper it was proven by, when it holds, and the ward's birth date."""

    relation: Relation
    proof: str = field(repr=False)
    since: date
    until: date | None = None
    birth_date: str | None = field(default=None, repr=False)
    """The ward's, as the paper has it (YYYY-MM-DD); None where the steward did not say."""
    name: str | None = field(default=None, repr=False)
    """The ward's name, as the paper has it."""


@dataclass(frozen=True, slots=True)
class HeldGuardianship:
    """A guardianship as it stands."""

    guardianship: Guardianship
    ended_at: datetime | None = None

    def in_force(self, now: datetime, birth_date: str | None) -> bool:
        """Begun, not over, not ended, and the person still needs a guardian."""
        today, held = now.astimezone(VIETNAM).date(), self.guardianship
        if self.ended_at is not None or today < held.since or (held.until is not None and today > held.until):
            return False
        if held.relation is Relation.GUARDIAN_OF_WARD:
            return True
        years = age(birth_date, today)
        return years is not None and years < OF_AGE


def age(birth_date: str | None, today: date) -> int | None:
    """Completed years. A birth date without day or month counts from the earliest day that it can mean.

    None for a day to come as well: it is a typing error, and nobody's age.
    """
    if birth_date is None or not birth_date[:4].isdigit():
        return None
    parts = [int(part) for part in birth_date[:10].split("-")]
    year, month, day = (*parts, *(1, 1, 1)[len(parts) :])
    years = today.year - year - ((today.month, today.day) < (month, day))
    return years if year >= 1 and years >= 0 else None


def objection(relation: Relation, ward_born: str | None, guardian: Patient, now: datetime) -> Conflict | None:
    """Why the law knows no such guardianship; None when it does. `ward_born` is the birth date that decides."""
    today = now.astimezone(VIETNAM).date()
    minor, adult = age(ward_born, today), age(guardian.birth_date, today)
    if adult is not None and adult < OF_AGE:
        return Conflict(vi="Người giám hộ phải đủ 18 tuổi.", en="A guardian is 18 or older.")
    if relation is Relation.GUARDIAN_OF_WARD:
        return None
    if minor is None:
        return Conflict(vi="Không rõ ngày sinh của người được giám hộ.", en="The birth date of the ward is not known.")
    if minor >= OF_AGE:
        return Conflict(
            vi="Người đủ 18 tuổi chỉ có người giám hộ theo quyết định của tòa án.",
            en="From 18 on only a court appoints a guardian (GUARDIAN_OF_WARD).",
        )
    return None


def speaks(held: HeldGuardianship, birth_date: str | None, request: AccessRequest) -> bool:
    """Whether the caller is the guardian, comes as one, and may."""
    return (
        request.now is not None
        and request.purpose is Purpose.FAMILY_REQUEST
        and request.principal.kind is PrincipalKind.CITIZEN
        and request.principal.patient_id == held.guardianship.guardian
        and held.in_force(request.now, birth_date)
    )


def reading(held: HeldGuardianship, birth_date: str | None, now: datetime | None) -> Provision:
    """What a guardian may read: the book; from 15 without what is sensitive."""
    years = None if now is None else age(birth_date, now.astimezone(VIETNAM).date())
    ward = held.guardianship.relation is Relation.GUARDIAN_OF_WARD
    all_labels = ward or (years is not None and years < SENSITIVE_FROM)
    labels = None if all_labels else frozenset[str]()
    return Provision(True, Ground.REPRESENTATION, labels=labels, source=held.guardianship.id)
