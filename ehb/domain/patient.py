"""What a book knows of its patient, and what a visit, a login or a steward may teach it.

Not responsible for: whose visit it is (`matching`), and writing. Invariant: a source never replaces what a stronger
source said, one facility never replaces what another said, and nothing that is known is emptied.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from ehb.domain.guardianship import Appointment
from ehb.domain.identity import (
    NATIONAL_ID,
    Assertion,
    ElectronicIdentity,
    HeldIdentifier,
    Identifier,
    Patient,
    Source,
)
from ehb.domain.matching import Agreement, Warned, compare_births, compare_names, is_other_spelling
from ehb.domain.submission import PatientDetails
from ehb.errors import Conflict

_IDENTIFYING = ("full_name", "birth_date", "sex")
_LAST_WORD_COUNTS = ("nationality", "ethnicity", "occupation", "address", "province", "commune", "phone")
MAX_ASSERTIONS = 30
"""Assertions of facilities about one person; further ones are warned about and not kept."""


def with_identifiers(
    held: tuple[HeldIdentifier, ...], fresh: Iterable[Identifier], now: datetime, source: Source
) -> tuple[HeldIdentifier, ...]:
    """The history with new identifiers; a new number in force ends the one before it, which stays in the history."""
    today = now.date().isoformat()
    since = {(one.system, one.value): one.since for one in held}
    added = tuple(
        HeldIdentifier(one.system, one.value, since.get((one.system, one.value), today), source=source) for one in fresh
    )
    held = without_identifiers(held, added)
    if any(one.system == NATIONAL_ID for one in added):
        held = tuple(
            msgspec.structs.replace(one, until=today) if one.system == NATIONAL_ID and one.until is None else one
            for one in held
        )
    return (*held, *added)


def without_identifiers(
    held: tuple[HeldIdentifier, ...], gone: Iterable[Identifier | HeldIdentifier]
) -> tuple[HeldIdentifier, ...]:
    """The history without some identifiers, such as those that turned out to be another person's."""
    values = {(one.system, one.value) for one in gone}
    return tuple(one for one in held if (one.system, one.value) not in values)


def vouched_by(identity: ElectronicIdentity, patient: Patient, now: datetime) -> Patient:
    """The patient with what the eID says of them; all its numbers are vouched for."""
    numbers = identity.identifiers()
    current = {(one.system, one.value) for one in patient.identifiers if one.source is Source.EID and one.until is None}
    fresh = [one for one in numbers if (one.system, one.value) not in current]
    return msgspec.structs.replace(
        patient,
        full_name=identity.full_name or patient.full_name,
        birth_date=identity.birth_date or patient.birth_date,
        vouched=patient.vouched or bool(identity.full_name),
        identifiers=with_identifiers(patient.identifiers, fresh, now, Source.EID),
    )


def described(
    patient: Patient, details: PatientDetails, facility: str, now: datetime
) -> tuple[Patient, frozenset[Warned]]:
    """The patient with what a facility may teach, and what of its description is not believed.

    Name, birth date and sex are kept as the first facility said them, until that facility says otherwise or a
    stronger source speaks. A facility that knows more precisely is believed.
    """
    given = {name: value for name in _IDENTIFYING if (value := getattr(details, name)) is not None}
    warned: set[Warned] = set()
    learned: dict[str, object] = {}
    for name, value in given.items():
        known = getattr(patient, name)
        if _is_believed(patient, name, known, value, facility):
            learned[name] = value
        elif name == "birth_date" and compare_births(known, value)[0] is Agreement.DIFFERENT:
            warned.add(Warned.BIRTH_DATE)
        elif name == "full_name" and is_other_spelling(known, value):
            warned.add(Warned.NAME)
    asserted = _with_assertions(patient.assertions, given, facility, now) if not patient.vouched else patient.assertions
    if Warned.BIRTH_DATE in warned:  # perhaps somebody else's visit: nothing in its description is believed
        return msgspec.structs.replace(patient, assertions=asserted), frozenset(warned)
    latest = {name: value for name in _LAST_WORD_COUNTS if (value := getattr(details, name)) is not None}
    return msgspec.structs.replace(patient, **learned, **latest, assertions=asserted), frozenset(warned)


def _is_believed(patient: Patient, name: str, known: str | None, value: str, facility: str) -> bool:
    """Whether a facility's word about a name, birth date or sex replaces what is known."""
    if patient.vouched and name != "sex":
        return known is None
    if known is None or known == value:
        return known is None
    said = [one for one in patient.assertions if one.attribute == name]
    if any(one.source is Source.STEWARD for one in said):
        return False
    if name == "birth_date" and compare_births(known, value)[0] is Agreement.SAME:
        return len(value[:10]) > len(known[:10])
    if name == "full_name" and compare_names(known, known) is Agreement.UNKNOWN:
        return compare_names(value, value) is Agreement.SAME  # a name replaces "Con bà …" of an unnamed newborn
    first = next((one.by for one in said if one.value == known), None)
    return first == facility


def _with_assertions(
    said: tuple[Assertion, ...], given: dict[str, str], facility: str, now: datetime
) -> tuple[Assertion, ...]:
    """The assertions with a facility's newest; one of each facility about each attribute."""
    today = now.date().isoformat()
    kept = list(said)
    for name, value in given.items():
        own = next((one for one in kept if (one.attribute, one.by) == (name, facility)), None)
        if own is not None and own.value == value:
            continue
        new = Assertion(name, value, Source.FACILITY, today, facility)
        if own is not None:
            kept[kept.index(own)] = new
        elif len(kept) < MAX_ASSERTIONS and not any((one.attribute, one.value) == (name, value) for one in kept):
            kept.append(new)
    return tuple(kept)


def proven_by(appointment: Appointment, patient: Patient, steward: str, now: datetime) -> Patient:
    """The patient with the name and the birth date that a steward saw on paper; the eID's word is never replaced."""
    if patient.vouched:
        return patient
    proven = {"full_name": appointment.name, "birth_date": appointment.birth_date}
    said = {name: value for name, value in proven.items() if value is not None}
    today = now.date().isoformat()
    proofs = tuple(Assertion(name, value, Source.STEWARD, today, steward) for name, value in said.items())
    others = tuple(one for one in patient.assertions if one.source is not Source.STEWARD or one.attribute not in said)
    return msgspec.structs.replace(patient, **said, assertions=(*others, *proofs))


def contradiction(appointment: Appointment, patient: Patient) -> Conflict | None:
    """Why a guardianship's paper is not about this person; None when it can be.

    The eID's birth date and every known name bind the steward. A birth date that a facility wrote does not.
    """
    if patient.vouched and compare_births(patient.birth_date, appointment.birth_date)[0] is Agreement.DIFFERENT:
        return Conflict(
            vi="Ngày sinh trên giấy khác với định danh điện tử.",
            en="The birth date on the paper differs from the electronic identity.",
        )
    if compare_names(patient.full_name, appointment.name) is Agreement.DIFFERENT:
        return Conflict(
            vi="Họ tên trên giấy khác với họ tên của người mang số này.",
            en="The name on the paper is not the name of the person with this number.",
        )
    return None
