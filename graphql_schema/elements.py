"""The small types and the enums of the schema. Shapes only; the words are FHIR's."""

from __future__ import annotations

import enum
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import NewType

import strawberry
from graphql import GraphQLError

from ehb.domain import records as domain
from ehb.domain.access import Purpose
from ehb.domain.coding import VIETNAM
from ehb.domain.submission import Severity, Status

PartialDateTime = NewType("PartialDateTime", str)
PARTIAL_DATE_TIME = strawberry.scalar(
    name="PartialDateTime",
    description="A FHIR dateTime as precise as it is known: YYYY, YYYY-MM, YYYY-MM-DD or RFC 3339 with offset.",
    specified_by_url="https://hl7.org/fhir/R4/datatypes.html#dateTime",
    serialize=str,
    parse_value=str,
)


def instant(moment: datetime) -> PartialDateTime:
    """A moment as the schema writes it: in the time of Viet Nam."""
    return PartialDateTime(moment.astimezone(VIETNAM).isoformat(timespec="milliseconds"))


def _comparator(text: str) -> str:
    if text not in ("<", "<=", ">=", ">"):
        raise GraphQLError("Comparator is one of <, <=, >=, >.")
    return text


Comparator = NewType("Comparator", str)
COMPARATOR = strawberry.scalar(
    name="Comparator",
    description="One of <, <=, >=, >: the value is a limit.",
    specified_by_url="https://hl7.org/fhir/R4/valueset-quantity-comparator.html",
    serialize=str,
    parse_value=_comparator,
)


_DIGITS = 38


def _finite(given: str | int | float) -> Decimal:
    """A number as sent. Raises GraphQLError for NaN, Infinity and for what is no number: a request error."""
    try:
        text = "" if isinstance(given, bool) else str(given)
        number = Decimal(text if text.isascii() else "")
    except InvalidOperation:
        raise GraphQLError("Decimal takes a number as a string, with a decimal point.") from None
    if not number.is_finite():
        raise GraphQLError("Decimal takes finite numbers.")
    if len(number.as_tuple().digits) > _DIGITS or abs(number.adjusted()) > _DIGITS:
        raise GraphQLError(f"Decimal takes at most {_DIGITS} digits.")
    return number


DECIMAL = strawberry.scalar(
    name="Decimal",
    description="A decimal number as a string, with the digits it was given.",
    specified_by_url="https://www.w3.org/TR/xmlschema-2/#decimal",
    serialize=str,
    parse_value=_finite,
)


def described(kind: type[enum.Enum], description: str, values: dict[str, str]) -> None:
    """Show a domain enum in the schema, every value with its description."""
    strawberry.enum(kind, description=description)
    for value in kind.__strawberry_definition__.values:  # type: ignore[attr-defined]
        value.description = values[value.name]


described(
    domain.Book,
    "The three books of the health book.",
    {
        "PREVENTION": "Immunizations, screenings, health checks, risk factors.",
        "TREATMENT": "Visits, diagnoses, prescriptions, results, papers.",
        "CARE": "Care plans, home readings, maternal and child care, rehabilitation.",
    },
)
described(
    domain.Section,
    "A section of the book.",
    {
        "IMMUNIZATIONS": "Doses of vaccine.",
        "SCREENINGS": "Screening results.",
        "HEALTH_CHECKS": "Periodic health checks.",
        "RISK_FACTORS": "Habits and exposures that matter to health.",
        "ENCOUNTERS": "Visits to a facility.",
        "CONDITIONS": "Diagnoses.",
        "ALLERGIES": "Allergies and intolerances.",
        "PROCEDURES": "Operations, procedures, bed days and supplies.",
        "PRESCRIPTIONS": "Prescribed drugs.",
        "LABORATORY_RESULTS": "Laboratory reports.",
        "IMAGING_RESULTS": "Imaging and functional test reports.",
        "CLINICAL_NOTES": "Notes on the course of an illness.",
        "DISCHARGE_PAPERS": "Discharge papers and certificates: birth, leave, assessment.",
        "RECORD_SUMMARIES": "Summaries of a medical record.",
        "REFERRALS": "Referrals to another facility.",
        "REEXAMINATION_APPOINTMENTS": "Appointments for a re-examination.",
        "CARE_PLANS": "Plans of care.",
        "HOME_READINGS": "Measurements taken at home.",
        "MATERNAL_AND_CHILD_CARE": "Antenatal, postnatal and child care visits.",
        "REHABILITATION": "Rehabilitation.",
    },
)
described(
    domain.LegalStatus,
    "What a record is worth as a document.",
    {
        "SIGNED": "Signed by the facility; the signature was verified.",
        "SIGNATURE_UNVERIFIED": "Carries a signature that nobody could check: no certificate is registered.",
        "SIGNATURE_INVALID": "Carries a signature that does not verify.",
        "UNSIGNED": "Carries no signature.",
        "SELF_REPORTED": "Reported by the person.",
    },
)
described(
    domain.ConditionRole,
    "Why a diagnosis stands in a visit.",
    {
        "MAIN": "The main disease of the visit.",
        "SECONDARY": "An accompanying disease.",
        "TRADITIONAL_MEDICINE": "A diagnosis of traditional medicine.",
    },
)
described(
    Purpose,
    "Why somebody asks to see a book (HL7 v3-ActReason).",
    {
        "PATIENT_REQUEST": "The person reads their own book (PATRQT).",
        "FAMILY_REQUEST": "Family, or who represents the person, reads the book (FAMRQT).",
        "TREATMENT": "Care of this person (TREAT).",
        "EMERGENCY_TREATMENT": "Care in an emergency (ETREAT).",
        "PUBLIC_HEALTH": "A statutory public-health task (PUBHLTH).",
        "RESEARCH": "Research (HRESCH).",
        "PAYMENT": "Payment for care (HPAYMT).",
        "ADMINISTRATION": "Keeping identities and records in order (PATADMIN).",
    },
)
described(
    Severity,
    "Whether a problem refuses a submission.",
    {"ERROR": "The submission is refused.", "WARNING": "The submission is taken; the facility should look."},
)
described(
    Status,
    "What became of a submission.",
    {
        "ACCEPTED": "Stored by a majority and readable in the book now.",
        "UNCHANGED": "The same content was accepted before; nothing was stored.",
        "REJECTED": "Refused; the problems say why.",
        "WAITING_FOR_IDENTITY": "Kept sealed until it is known whose it is.",
    },
)


@strawberry.type(description="A code of a list, with the list's version and the label on the day it was used.")
class Coding:
    system: str = strawberry.field(description="The list, as a URI.")
    code: str = strawberry.field(description="The code as sent.")
    display: str | None = strawberry.field(description="The label of the day, when the list has one.")
    version: str | None = strawberry.field(description="The version of the list in force on the day.")


@strawberry.type(description="Something said in codes, in words, or both.")
class CodeableConcept:
    coding: list[Coding] = strawberry.field(description="The codes.")
    text: str | None = strawberry.field(description="The words as written.")


@strawberry.type(description="A measured amount.")
class Quantity:
    value: Decimal = strawberry.field(description="The number, with the digits it was given.")
    unit: str | None = strawberry.field(description="The unit as written.")
    comparator: Comparator | None = strawberry.field(description="When the value is a limit.")


@strawberry.type(description="From and to.")
class Period:
    start: PartialDateTime | None = strawberry.field(description="When it began.")
    end: PartialDateTime | None = strawberry.field(description="When it ended.")


@strawberry.type(description="A health facility as it was called on the day.")
class Facility:
    code: str = strawberry.field(description="Facility code of five characters.")
    name: str | None = strawberry.field(description="Name on the day.")


@strawberry.type(description="Somebody who ordered, did or signed.")
class Practitioner:
    licence: str | None = strawberry.field(description="Practising-licence number.")
    name: str | None = strawberry.field(description="Name, when it was given.")


@strawberry.type(description="Where a record comes from and what it is worth.")
class Provenance:
    facility: Facility = strawberry.field(description="The facility that made the record.")
    practitioner: Practitioner | None = strawberry.field(description="Who carried it out.")
    author: Practitioner | None = strawberry.field(description="Who ordered, wrote or signed it.")
    organization: str | None = strawberry.field(
        description="Who did it in the words of the source, when a facility sends what another one did."
    )
    submitted_at: PartialDateTime = strawberry.field(description="When we received it.")
    source: str = strawberry.field(description="The format it came in.")
    source_row: str | None = strawberry.field(description="Table and row in the source.")
    signed: bool = strawberry.field(description="Whether the facility's signature was verified.")
    version: int = strawberry.field(description="1, and one more for each correction.")
    legal_status: domain.LegalStatus = strawberry.field(description="What it is worth as a document.")
    signer: str | None = strawberry.field(description="Whom the certificate of a good signature names.")
    signed_at: PartialDateTime | None = strawberry.field(description="When it was signed, as the signer says.")


described(
    domain.Ending,
    "Why a version of a record is no longer what counts.",
    {
        "SUPERSEDED": "The facility sent a later version, or the visit without it.",
        "ENTERED_IN_ERROR": "The facility took the visit back.",
        "MOVED": "The visit turned out to be another person's; nothing of its content is shown any more.",
        "DISOWNED": "The person said that the visit is somebody else's; nothing of its content is shown any more.",
    },
)


@strawberry.type(description="How a version of a record ended.")
class Ended:
    why: domain.Ending = strawberry.field(description="Why.")
    at: PartialDateTime = strawberry.field(description="When.")
    reason: str | None = strawberry.field(description="The facility's words, when it took the visit back.")


@strawberry.type(description="One observation inside a report or a note.")
class Result:
    code: CodeableConcept = strawberry.field(description="What was observed.")
    value: Quantity | None = strawberry.field(description="The value, when it is a number.")
    text: str | None = strawberry.field(description="The value as written, when it is no number.")
    concept: CodeableConcept | None = strawberry.field(description="The value, when it is a code.")
    interpretation: str | None = strawberry.field(description="High, low, normal … as reported.")
    note: str | None = strawberry.field(description="The reader's description.")
