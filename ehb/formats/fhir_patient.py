"""The person of a bundle: identifiers of our guide, name, birth date as precise as it is, where they live.

The one invariant: an identifier counts under the system it was given with; a number of a system that we do not
know a person by is never tried as another.
"""

from __future__ import annotations

import unicodedata

from ehb.domain.identity import (
    INSURANCE,
    NATIONAL_ID,
    OLD_NATIONAL_ID,
    PASSPORT,
    PLACEHOLDER_NUMBERS,
    Identifier,
    PlaceholderNumber,
    UnusableIdentifier,
    identifier_from,
)
from ehb.domain.submission import PatientDetails
from ehb.formats.fhir_elements import Element, Resource
from ehb.formats.fhir_problems import Found
from ehb.formats.fhir_words import address, person_name

_TRUSTED = (NATIONAL_ID, OLD_NATIONAL_ID, PASSPORT)
PERSON_SYSTEMS = frozenset({*_TRUSTED, INSURANCE})
"""Systems whose identifiers tell who somebody is."""
_RETIRED = "old"


def patient_from(patient: Resource, found: Found) -> PatientDetails:
    """The person as the sender knows them; what is wrong with their numbers is reported."""
    identifiers: list[Identifier] = []
    cards: list[Identifier] = []
    unknown = 0
    faults = 0
    for number, element in enumerate(patient.each("identifier")):
        system, value = element.value.get("system"), element.text("value")
        element.skip("system", "use", "type", "period", "assigner")
        if system not in (*_TRUSTED, INSURANCE):
            unknown += 1
            continue
        if value is None or (element.value.get("use") == _RETIRED and system != OLD_NATIONAL_ID):
            continue
        try:
            one = _card(value) if system == INSURANCE else _number(str(system), value)
        except PlaceholderNumber:
            faults += 1
            found.report("fhir.identifier_placeholder", f"{patient.path}.identifier[{number}].value")
            continue
        if one is None:
            faults += system != INSURANCE
            rule = "fhir.card_format" if system == INSURANCE else "fhir.identifier_format"
            found.report(rule, f"{patient.path}.identifier[{number}].value")
        else:
            (cards if system == INSURANCE else identifiers).append(one)
    if unknown:
        found.count("fhir.identifier_unknown", "Patient", unknown, "identifier")
    if not identifiers and not cards and not faults:
        found.count("fhir.identifier_missing", "Patient", 1, "identifier")
    identifiers.sort(key=lambda one: _TRUSTED.index(one.system))
    name = _preferred(patient.each("name"), "official")
    home = _preferred(patient.each("address"), "home")
    return PatientDetails(
        identifiers=tuple(dict.fromkeys(identifiers)),
        cards=tuple(dict.fromkeys(cards)),
        full_name=(person_name(name) or None) if name is not None else None,
        birth_date=patient.time("birthDate"),
        sex=patient.text("gender"),
        address=(address(home) or None) if home is not None else None,
        phone=_phone(patient),
    )


def _number(system: str, value: str) -> Identifier | None:
    """A number of one system; None when it is none of that kind.

    A passport of another country comes as the country and the number ("USA:123456789", as `identifier_from` makes
    it of MA_QUOCTICH), for a passport number is only unique inside its country. Raises PlaceholderNumber.
    """
    country, colon, rest = value.partition(":")
    try:
        found = identifier_from(rest, nationality=country) if system == PASSPORT and colon else identifier_from(value)
    except PlaceholderNumber:
        raise
    except UnusableIdentifier:
        return None
    return found if found is not None and found.system == system else None


def _card(value: str) -> Identifier | None:
    """An insurance number; its last ten characters are the social-insurance number, on the old and the new card."""
    number = "".join(unicodedata.normalize("NFKC", value).upper().split()).replace("-", "")
    if not (len(number) in (10, 15) and number[-10:].isdigit() and number.isascii()):
        return None
    return None if number[-10:] in PLACEHOLDER_NUMBERS else Identifier(INSURANCE, number[-10:])


def _preferred(elements: list[Element], use: str) -> Element | None:
    """The one of a use, else the first that is still in use."""
    living = [one for one in elements if one.value.get("use") not in ("old", "maiden")]
    return next((one for one in living if one.value.get("use") == use), None) or (living[0] if living else None)


def _phone(patient: Resource) -> str | None:
    for telecom in patient.each("telecom"):
        if telecom.value.get("system") in ("phone", "sms") and telecom.value.get("use") != "old":
            telecom.skip("system", "use", "rank")
            return telecom.text("value")
    return None
