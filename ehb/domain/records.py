"""Records: what happened to a person's health, in the words of FHIR R4.

Owns the record kinds, the sections that they stand in and the three books that the sections make up.
Leaves to others: where a record comes from (`ehb.formats`), who may see it (`access`), how it lies on disk
(`ehb.store.records`).

Decision: a record is one frozen value that carries its own provenance and is sealed as a whole; results
stand inside their report, because a report is what was signed, is labelled as one and is read as one. We
give up querying single results inside the database, which sealed payloads do not allow anyway.
Longer than most files because it is one table: a shape for each kind.
The one invariant: a record is never changed. A correction is a new version with the same `key`.
"""

from __future__ import annotations

import enum

import msgspec

from ehb.domain.coding import CodeableConcept, Coding, Period, Quantity


class Book(enum.StrEnum):
    """The three books of Decree 102/2025 Art 10.5: prevention, examination and treatment, care."""

    PREVENTION = "PREVENTION"
    TREATMENT = "TREATMENT"
    CARE = "CARE"


class Section(enum.StrEnum):
    """Where a record stands in the book. The order is the order of the book."""

    IMMUNIZATIONS = "IMMUNIZATIONS"
    SCREENINGS = "SCREENINGS"
    HEALTH_CHECKS = "HEALTH_CHECKS"
    RISK_FACTORS = "RISK_FACTORS"
    ENCOUNTERS = "ENCOUNTERS"
    CONDITIONS = "CONDITIONS"
    ALLERGIES = "ALLERGIES"
    PROCEDURES = "PROCEDURES"
    PRESCRIPTIONS = "PRESCRIPTIONS"
    LABORATORY_RESULTS = "LABORATORY_RESULTS"
    IMAGING_RESULTS = "IMAGING_RESULTS"
    CLINICAL_NOTES = "CLINICAL_NOTES"
    DISCHARGE_PAPERS = "DISCHARGE_PAPERS"
    RECORD_SUMMARIES = "RECORD_SUMMARIES"
    REFERRALS = "REFERRALS"
    REEXAMINATION_APPOINTMENTS = "REEXAMINATION_APPOINTMENTS"
    CARE_PLANS = "CARE_PLANS"
    HOME_READINGS = "HOME_READINGS"
    MATERNAL_AND_CHILD_CARE = "MATERNAL_AND_CHILD_CARE"
    REHABILITATION = "REHABILITATION"


_LAST_OF_BOOK = (
    (Section.RISK_FACTORS, Book.PREVENTION),
    (Section.REEXAMINATION_APPOINTMENTS, Book.TREATMENT),
)


def _books() -> dict[Section, Book]:
    order = list(Section)
    ends = [(order.index(last), book) for last, book in _LAST_OF_BOOK]
    return {section: next((book for end, book in ends if order.index(section) <= end), Book.CARE) for section in order}


BOOK_OF: dict[Section, Book] = _books()


class LegalStatus(enum.StrEnum):
    """What the record is worth as a document (QD 31/QD-BYT; domain facts §2.5)."""

    SIGNED = "SIGNED"
    SIGNATURE_UNVERIFIED = "SIGNATURE_UNVERIFIED"
    SIGNATURE_INVALID = "SIGNATURE_INVALID"
    UNSIGNED = "UNSIGNED"
    SELF_REPORTED = "SELF_REPORTED"


class Facility(msgspec.Struct, frozen=True, omit_defaults=True):
    """A facility as it was called on the day (QD 384/2019 code, 5 characters)."""

    code: str
    name: str | None = None


class Practitioner(msgspec.Struct, frozen=True, omit_defaults=True):
    """Somebody who ordered, did or signed: practising-licence number, and the name when it was given."""

    licence: str | None = None
    name: str | None = None


class Provenance(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Where a record comes from and what it is worth (standards row C6)."""

    facility: Facility
    practitioner: Practitioner | None = None
    author: Practitioner | None = None
    organization: str | None = None
    """Who the source says did it, in its own words; `facility` is who sent it."""
    submitted_at: str
    """RFC 3339, when we received it."""
    source: str
    """Source system and format, such as "QD4750" or "GraphQL"."""
    source_row: str | None = None
    """Table and row in the source, such as "XML4#3"."""
    signed: bool = False
    legal_status: LegalStatus = LegalStatus.UNSIGNED
    signer: str | None = None
    """Whom the certificate of a good signature names."""
    signed_at: str | None = None
    """RFC 3339, when the signer says that it was signed."""
    version: int = 1
    """1 for the first, one more for each correction of this record."""


class Ending(enum.StrEnum):
    """Why a version of a record is no longer what counts."""

    SUPERSEDED = "SUPERSEDED"
    """The facility sent a later version, or a visit without it."""
    ENTERED_IN_ERROR = "ENTERED_IN_ERROR"
    """The facility took the visit back (FHIR entered-in-error)."""
    MOVED = "MOVED"
    """The visit was sent again as another person's, or a steward put it into another person's book."""
    DISOWNED = "DISOWNED"
    """The person said that the visit is somebody else's."""


class Ended(msgspec.Struct, frozen=True):
    """How a version ended: why, when (RFC 3339), and the facility's own words when it took the visit back."""

    why: Ending
    at: str
    reason: str | None = None


class Record(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="kind"):
    """What all records share. `time` is a FHIR dateTime as precise as it was given."""

    patient_id: bytes = b""
    """16 bytes, the person whose book it stands in; set when it is stored."""
    key: bytes = b""
    """12 bytes, the same over all versions; unique inside one person's book."""
    section: Section
    time: str
    code: CodeableConcept | None = None
    provenance: Provenance
    labels: tuple[str, ...] = ()
    """Sensitivity codes (v3-ActCode)."""
    ended: Ended | None = None
    """None while the version counts. Known from how the record lies in the store, never part of what is sealed."""


class Result(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One observation inside a report or a note (FHIR Observation without a life of its own)."""

    code: CodeableConcept
    value: Quantity | None = None
    text: str | None = None
    """The value when it is no number, as written."""
    concept: CodeableConcept | None = None
    """The value when it is a code (FHIR valueCodeableConcept)."""
    interpretation: str | None = None
    note: str | None = None


class Encounter(Record, frozen=True, tag="Encounter"):
    """One visit, from arrival to discharge (XML1)."""

    status: str = "finished"
    category: Coding | None = None
    """Type of care (MA_LOAI_KCB)."""
    period: Period | None = None
    admission: str | None = None
    reason: str | None = None
    admission_reason: str | None = None
    admission_diagnosis: str | None = None
    discharge_diagnosis: str | None = None
    outcome: Coding | None = None
    discharge: Coding | None = None
    accident: Coding | None = None
    department: str | None = None
    treatment: str | None = None
    treatment_days: int | None = None
    referred_from: str | None = None
    referred_to: str | None = None
    weight: Quantity | None = None
    birth_weights: tuple[Quantity, ...] = ()
    blood_group: str | None = None
    record_number: str | None = None
    note: str | None = None


class ConditionRole(enum.StrEnum):
    """Why the diagnosis stands in the visit."""

    MAIN = "MAIN"
    SECONDARY = "SECONDARY"
    TRADITIONAL_MEDICINE = "TRADITIONAL_MEDICINE"


class Condition(Record, frozen=True, tag="Condition"):
    """A diagnosis (MA_BENH_CHINH, MA_BENH_KT, MA_BENH_YHCT)."""

    role: ConditionRole = ConditionRole.MAIN
    clinical_status: str | None = None
    note: str | None = None


class AllergyIntolerance(Record, frozen=True, tag="AllergyIntolerance"):
    """What the person does not tolerate."""

    clinical_status: str = "active"
    criticality: str | None = None
    reaction: str | None = None
    note: str | None = None


class Procedure(Record, frozen=True, tag="Procedure"):
    """A service, operation, bed day or supply that the person received (XML3)."""

    status: str = "completed"
    category: Coding | None = None
    used: CodeableConcept | None = None
    """The medical supply used, when the row is one (FHIR usedCode)."""
    ordered: str | None = None
    quantity: Quantity | None = None
    anaesthesia: Coding | None = None
    body_site: str | None = None
    reason: tuple[Coding, ...] = ()
    note: str | None = None


class MedicationRequest(Record, frozen=True, tag="MedicationRequest"):
    """A drug that was prescribed (XML2); `dosage` and `instructions` as written."""

    status: str = "completed"
    strength: str | None = None
    form: str | None = None
    route: str | None = None
    dosage: str | None = None
    instructions: str | None = None
    quantity: Quantity | None = None
    registration_number: str | None = None
    given: str | None = None


class DiagnosticReport(Record, frozen=True, tag="DiagnosticReport"):
    """Results that belong together: laboratory, imaging, a screening, a health check, an antenatal visit."""

    status: str = "final"
    category: Coding | None = None
    ordered: str | None = None
    results: tuple[Result, ...] = ()
    conclusion: str | None = None


class Observation(Record, frozen=True, tag="Observation"):
    """One observation on its own: a home reading, a risk factor."""

    value: Quantity | None = None
    text: str | None = None
    components: tuple[Result, ...] = ()
    note: str | None = None


class ClinicalImpression(Record, frozen=True, tag="ClinicalImpression"):
    """A note on the course of the illness (XML5), with the vital signs that stood in it."""

    description: str = ""
    stage: str | None = None
    consultation: str | None = None
    operation: str | None = None
    vital_signs: tuple[Result, ...] = ()


class Composition(Record, frozen=True, tag="Composition"):
    """A paper of a visit: discharge paper (XML7), record summary (XML8), certificates (XML9 to XML12)."""

    title: str = ""
    period: Period | None = None
    admission_diagnosis: str | None = None
    discharge_diagnosis: str | None = None
    course: str | None = None
    results_summary: str | None = None
    treatment: str | None = None
    outcome: Coding | None = None
    gestational_age_weeks: int | None = None
    pregnancy_ended: bool = False
    pregnancy_end_cause: str | None = None
    pregnancy_end_time: str | None = None
    leave: Period | None = None
    document_number: str | None = None
    document_date: str | None = None
    note: str | None = None
    details: tuple[Result, ...] = ()
    """What the paper states besides, item by item."""


class ServiceRequest(Record, frozen=True, tag="ServiceRequest"):
    """A referral to another facility (XML13)."""

    status: str = "active"
    referred_from: str | None = None
    referred_to: str | None = None
    reason: Coding | None = None
    clinical_signs: str | None = None
    diagnosis: str | None = None
    course: str | None = None
    results_summary: str | None = None
    treatment: str | None = None
    services: str | None = None
    medications: str | None = None
    plan: str | None = None
    transport: str | None = None
    document_number: str | None = None


class Appointment(Record, frozen=True, tag="Appointment"):
    """A re-examination appointment (XML14, NGAY_TAI_KHAM)."""

    status: str = "booked"
    diagnosis: str | None = None
    document_number: str | None = None
    issued: str | None = None


class Immunization(Record, frozen=True, tag="Immunization"):
    """A dose of a vaccine."""

    status: str = "completed"
    dose_number: int | None = None
    lot_number: str | None = None
    manufacturer: str | None = None
    site: str | None = None
    reaction: str | None = None
    note: str | None = None


class CarePlan(Record, frozen=True, tag="CarePlan"):
    """What is planned for the person's care, and by whom."""

    status: str = "active"
    title: str = ""
    period: Period | None = None
    goals: tuple[str, ...] = ()
    activities: tuple[str, ...] = ()
    note: str | None = None
    details: tuple[Result, ...] = ()
    """What the plan rests on, item by item (FHIR supportingInfo)."""


AnyRecord = (
    Encounter
    | Condition
    | AllergyIntolerance
    | Procedure
    | MedicationRequest
    | DiagnosticReport
    | Observation
    | ClinicalImpression
    | Composition
    | ServiceRequest
    | Appointment
    | Immunization
    | CarePlan
)
RECORD_TYPES: tuple[type[Record], ...] = AnyRecord.__args__
KINDS: tuple[str, ...] = tuple(kind.__name__ for kind in RECORD_TYPES)


def without_content(record: Record) -> Record:
    """That a record was there: kind, section, time, facility and version; nothing about anybody's health."""
    defaults = {
        field.name: field.default for field in msgspec.structs.fields(type(record)) if field.name not in _SHARED
    }
    said = record.provenance
    provenance = Provenance(
        facility=said.facility, submitted_at=said.submitted_at, source=said.source, version=said.version
    )
    return msgspec.structs.replace(record, **defaults, code=None, provenance=provenance)


_SHARED = frozenset(Record.__struct_fields__)

KIND_OF: dict[Section, str] = {
    Section.IMMUNIZATIONS: "Immunization",
    Section.SCREENINGS: "DiagnosticReport",
    Section.HEALTH_CHECKS: "DiagnosticReport",
    Section.RISK_FACTORS: "Observation",
    Section.ENCOUNTERS: "Encounter",
    Section.CONDITIONS: "Condition",
    Section.ALLERGIES: "AllergyIntolerance",
    Section.PROCEDURES: "Procedure",
    Section.PRESCRIPTIONS: "MedicationRequest",
    Section.LABORATORY_RESULTS: "DiagnosticReport",
    Section.IMAGING_RESULTS: "DiagnosticReport",
    Section.CLINICAL_NOTES: "ClinicalImpression",
    Section.DISCHARGE_PAPERS: "Composition",
    Section.RECORD_SUMMARIES: "Composition",
    Section.REFERRALS: "ServiceRequest",
    Section.REEXAMINATION_APPOINTMENTS: "Appointment",
    Section.CARE_PLANS: "CarePlan",
    Section.HOME_READINGS: "Observation",
    Section.MATERNAL_AND_CHILD_CARE: "DiagnosticReport",
    Section.REHABILITATION: "Procedure",
}
"""The one kind of record that a section holds."""
