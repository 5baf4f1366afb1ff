"""Saying who may see one's book: checking terms, giving, approving, withdrawing, hiding a single record."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from ehb.custodian import Custodian
from ehb.custodian.consents import GivenPerson, OwnNumber, Shown
from ehb.domain.consent import READING, GranteeKind, HeldConsent
from ehb.domain.consent_terms import TOO_LONG, Terms, TermsProblem, problems_of
from ehb.domain.consent_words import VERSION, in_seconds, is_sayable, text_of
from ehb.domain.identity import OLD_NATIONAL_ID, Identifier, Principal, UnusableIdentifier, identifier_from
from ehb.domain.provision import Purpose
from ehb.domain.registry import folded_words, licence_key
from ehb.domain.selection import Selection
from ehb.errors import NotFound
from ehb.services.registry import Facilities, Practitioners


@dataclass(frozen=True, slots=True)
class Register:
    """The public registry, as far as consents name somebody in it."""

    facilities: Facilities
    practitioners: Practitioners


@dataclass(frozen=True, slots=True)
class Checked:
    """Terms as they will be kept, with the grantee's number for a person; the words for them; what is wrong."""

    terms: Terms
    number: Identifier | None
    text: str
    problems: tuple[TermsProblem, ...]
    ending: str = field(default="", repr=False)
    """How the grantee's number ends, for a person."""


async def check(register: Register, terms: Terms, *, language: str, now: datetime, own: bool = True) -> Checked:
    """What terms say in plain words, and everything that is wrong with them. Gives nothing.

    `own`: whoever proposes them speaks of their own book.
    """
    terms = in_seconds(terms)
    problems = problems_of(terms, now)
    if any(one.code in TOO_LONG for one in problems):
        return Checked(terms, None, "", tuple(problems))
    number, name, name_given, ending = None, terms.grantee, terms.grantee, ""
    match terms.grantee_kind:
        case GranteeKind.FACILITY:
            known = await register.facilities.facility(terms.grantee.strip().upper()) if terms.grantee else None
            terms = replace(terms, grantee=terms.grantee.strip().upper())
            if known is None and terms.grantee:
                problems.append(_unknown("FACILITY_UNKNOWN", "Không có cơ sở này.", "There is no such facility."))
            name = f"{known.name} ({known.code})" if known else name
        case GranteeKind.PRACTITIONER:
            found = await register.practitioners.practitioner(terms.grantee) if terms.grantee else None
            terms = replace(terms, grantee=licence_key(terms.grantee))
            if found is None and terms.grantee:
                problems.append(
                    _unknown("PRACTITIONER_UNKNOWN", "Không có giấy phép này.", "There is no such licence.")
                )
            name = f"{found.name} ({found.licence})" if found else name
        case GranteeKind.ROLE:
            terms = replace(terms, grantee=" ".join(folded_words(terms.grantee)))
            scopes = await register.practitioners.scopes()
            if name and terms.grantee not in scopes:
                problems.append(
                    _unknown("SCOPE_UNKNOWN", "Không có phạm vi hành nghề này.", "Unknown scope of practice.")
                )
            name = scopes.get(terms.grantee, name)
        case GranteeKind.PERSON:
            try:
                number = identifier_from(terms.grantee)
            except UnusableIdentifier:
                number = None
            if number is None and terms.grantee:
                problems.append(
                    _unknown("NUMBER_UNUSABLE", "Số định danh không hợp lệ.", "This is no personal number.")
                )
            if number is not None and number.system == OLD_NATIONAL_ID:
                problems.append(
                    _unknown(
                        "NUMBER_NOT_UNIQUE",
                        "Số chứng minh nhân dân 9 số có thể trùng; hãy dùng số định danh 12 số.",
                        "Two people may have one old nine-digit number: use the 12-digit number.",
                    )
                )
            name = person_words(terms.grantee_label.strip(), ending_of(terms.grantee), en=language == "en")
            terms = replace(terms, grantee="", grantee_label=terms.grantee_label.strip())
            ending = ending_of(name_given)
        case _:
            terms = replace(terms, grantee=terms.grantee.strip())
    codes = set().union(*(one.facilities or () for one in (terms.select, *terms.exceptions)))
    names: dict[str, str] = {}
    for code in sorted(codes):
        facility = await register.facilities.facility(code)
        if facility is None:
            problems.append(
                TermsProblem("FACILITY_UNKNOWN", "select", "Không có cơ sở này.", "There is no such facility.")
            )
        else:
            names[code] = facility.name
    if any(one.code in UNSAYABLE for one in problems):
        return Checked(terms, number, "", tuple(problems), ending)
    if not is_sayable(terms):
        problems.append(
            TermsProblem(
                "TERMS_NOT_SAYABLE", "select", "Không thể diễn đạt bằng lời.", "These terms cannot be said in words."
            )
        )
        return Checked(terms, number, "", tuple(problems), ending)
    text = text_of(terms, language, grantee_name=name, facilities=names, own=own)
    return Checked(terms, number, text, tuple(problems), ending)


UNSAYABLE = frozenset({"KIND_UNKNOWN", "FIELD_UNKNOWN", "ACTION_UNKNOWN"})
"""Problems of terms that name what there are no words for."""


def ending_of(number: str) -> str:
    """The last four characters of a number as it was given: enough to know one's own people again."""
    return "".join(number.split())[-4:]


def person_words(label: str, ending: str, *, en: bool) -> str:
    """The giver's words for a person, and how their number ends."""
    number = f"number …{ending}" if en else f"số …{ending}"
    return f"{label} ({number})" if label else f"({number})"


def _unknown(code: str, vi: str, en: str) -> TermsProblem:
    return TermsProblem(code, "grantee", vi, en)


async def give(
    custodian: Custodian,
    register: Register,
    principal: Principal,
    patient_id: bytes | None,
    terms: Terms,
    *,
    language: str,
    child_agrees: bool,
    now: datetime,
    path: str,
) -> HeldConsent | tuple[TermsProblem, ...]:
    """Give a consent, or say everything that is wrong with its terms. Raises Forbidden and Conflict."""
    own = patient_id == principal.patient_id
    checked = await check(register, terms, language=language, now=now, own=own)
    if checked.problems:
        await custodian.consents.may_give(principal, patient_id, path=path)
        return checked.problems
    shown = Shown(checked.text, VERSION, language)
    whom = GivenPerson(checked.number, checked.ending) if checked.number is not None else None
    try:
        return await custodian.consents.give(
            principal, patient_id, checked.terms, whom, shown, child_agrees=child_agrees, path=path
        )
    except OwnNumber as error:
        return (_unknown("GRANTEE_IS_SELF", error.vi, error.en),)


async def restrict(
    custodian: Custodian, principal: Principal, patient_id: bytes, key: bytes, *, language: str, path: str
) -> HeldConsent:
    """Hide one record from everybody else, on every path, also in an emergency; what stands when it is hidden already.

    Raises NotFound for a record that is not the caller's to hide, and Conflict.
    """
    terms = Terms(
        permit=False,
        grantee_kind=GranteeKind.ANYBODY,
        purposes=frozenset(Purpose) - {Purpose.PATIENT_REQUEST},
        select=Selection(records=frozenset({key})),
        actions=READING,
    )
    own = patient_id == principal.patient_id
    shown = Shown(text_of(terms, language, grantee_name="", facilities={}, own=own), VERSION, language)
    return await custodian.consents.give(principal, patient_id, terms, None, shown, child_agrees=False, path=path)


async def lift(custodian: Custodian, principal: Principal, patient_id: bytes, key: bytes, *, path: str) -> None:
    """Show a hidden record again to whom it would be open. Raises NotFound when it is not hidden, or not theirs."""
    held = await custodian.consents.list(principal, patient_id, path=path, otherwise=NotFound)
    hiding = [
        one.consent.id
        for one in held
        if one.ended_at is None and one.consent.hides_records and one.consent.select.records == frozenset({key})
    ]
    if not hiding:
        raise NotFound
    for consent in hiding:
        await custodian.consents.withdraw(principal, patient_id, consent, path=path)
