"""What a book knows of its patient, and what a visit or a login may teach it.

Leaves to `ehb.store.people` who is found by which number, and what is written. The one invariant: what the eID vouched
for is never replaced by what a facility wrote, and nothing that is known is emptied.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from ehb.domain.identity import NATIONAL_ID, HeldIdentifier, Identifier, Patient
from ehb.domain.submission import PatientDetails


def with_identifiers(
    held: tuple[HeldIdentifier, ...], fresh: Iterable[Identifier], now: datetime
) -> tuple[HeldIdentifier, ...]:
    """The history with new identifiers; a new number in force ends the one before it, which stays in the history."""
    today = now.date().isoformat()
    added = tuple(HeldIdentifier(one.system, one.value, today) for one in fresh)
    if any(one.system == NATIONAL_ID for one in added):
        held = tuple(
            msgspec.structs.replace(one, until=today) if one.system == NATIONAL_ID and one.until is None else one
            for one in held
        )
    return (*held, *added)


def same_person(patient: Patient, details: PatientDetails) -> bool:
    """Whether a card may stand for this person: a veto by birth date and by a second number, never a match by them."""
    if any(one.system == NATIONAL_ID for one in details.identifiers) and patient.identifier(NATIONAL_ID):
        return False
    return patient.birth_date is not None and patient.birth_date[:10] == (details.birth_date or "")[:10]


def born_otherwise(patient: Patient, details: PatientDetails) -> bool:
    """Two birth dates that cannot both be true, each as precise as it is."""
    known, given = (patient.birth_date or "")[:10], (details.birth_date or "")[:10]
    return not known.startswith(given) and not given.startswith(known)


def described(patient: Patient, details: PatientDetails) -> Patient:
    """The patient with what a facility knows better: everything but what the eID vouched for, nothing emptied."""
    vouched = {"full_name", "birth_date"} if patient.vouched else set()
    known = {
        name: value
        for name in Patient.__struct_fields__
        if name not in vouched and (value := getattr(details, name, None)) is not None and name != "identifiers"
    }
    return msgspec.structs.replace(patient, **known)
