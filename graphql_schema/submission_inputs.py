"""The typed input of a visit, in the words of the records it becomes.

An input names the attributes of its domain value, so one function translates them all. The one invariant:
what has a field here arrives in the record unchanged.
"""

from __future__ import annotations

import dataclasses
import enum
from decimal import Decimal
from typing import Any

import strawberry
from strawberry import UNSET

from ehb.domain import coding, records
from graphql_schema.elements import Comparator, PartialDateTime, described


class Sex(enum.StrEnum):
    """FHIR administrative gender."""

    male = "male"
    female = "female"
    other = "other"
    unknown = "unknown"


described(Sex, "FHIR administrative gender.", {"male": "Male.", "female": "Female.", "other": "Other.", "unknown": "-"})


def _said(text: str, **options: Any) -> Any:
    return strawberry.field(description=text, **options)


def _maybe(text: str) -> Any:
    return strawberry.field(description=text, default=None)


def _some(text: str) -> Any:
    return strawberry.field(description=text, default_factory=list)


@strawberry.input(description="A code of a list.")
class CodingInput:
    system: str = _said("The list, as a URI.")
    code: str = _said("The code.")
    display: str | None = _maybe("The label.")
    version: str | None = _maybe("The version of the list.")


@strawberry.input(description="Something said in codes, in words, or both.")
class CodeableConceptInput:
    coding: list[CodingInput] = _some("The codes.")
    text: str | None = _maybe("The words.")


@strawberry.input(description="A measured amount.")
class QuantityInput:
    value: Decimal = _said("The number, as a string to keep its digits.")
    unit: str | None = _maybe("The unit.")
    comparator: Comparator | None = _maybe("When the value is a limit.")


@strawberry.input(description="From and to.")
class PeriodInput:
    start: PartialDateTime | None = _maybe("When it began.")
    end: PartialDateTime | None = _maybe("When it ended.")


@strawberry.input(description="One observation inside a report.")
class ResultInput:
    code: CodeableConceptInput = _said("What was observed.")
    value: QuantityInput | None = _maybe("The value, when it is a number.")
    text: str | None = _maybe("The value, when it is no number.")
    concept: CodeableConceptInput | None = _maybe("The value, when it is a code.")
    interpretation: str | None = _maybe("High, low, normal …")
    note: str | None = _maybe("Description.")


@strawberry.input(description="The person of the visit.")
class PatientInput:
    identifier: str | None = _maybe("12-digit number, old 9-digit number, passport or account code.")
    nationality: str | None = _maybe("Nationality code; 000 or empty is Viet Nam.")
    full_name: str | None = _maybe("Full name.")
    birth_date: PartialDateTime | None = _maybe("Birth date, as precise as it is known.")
    sex: Sex | None = _maybe("Administrative gender.")
    address: str | None = _maybe("Residence.")
    phone: str | None = _maybe("Contact phone.")


@strawberry.input(description="What every entry of a visit may say.")
class EntryInput:
    time: PartialDateTime = _said("When it happened, as precise as it is known.")
    code: CodeableConceptInput | None = _maybe("What it is about.")
    practitioner: str | None = _maybe("Practising-licence number of who carried it out.")
    labels: list[str] = _some("Sensitivity labels (HL7 v3-ActCode) that the facility puts on it.")


@strawberry.input(description="The visit itself.")
class EncounterInput(EntryInput):
    period: PeriodInput | None = _maybe("From arrival to discharge.")
    reason: str | None = _maybe("Why the person came.")
    admission_diagnosis: str | None = _maybe("Diagnosis on arrival.")
    discharge_diagnosis: str | None = _maybe("Diagnosis at the end.")
    treatment: str | None = _maybe("Treatment, in words.")
    weight: QuantityInput | None = _maybe("Body weight.")
    blood_group: str | None = _maybe("Blood group.")
    note: str | None = _maybe("Remarks.")


@strawberry.input(description="A diagnosis.")
class ConditionInput(EntryInput):
    role: records.ConditionRole = _said("Why it stands in the visit.", default=records.ConditionRole.MAIN)
    clinical_status: str | None = _maybe("FHIR clinical status.")
    note: str | None = _maybe("Remarks.")


@strawberry.input(description="An allergy or intolerance.")
class AllergyInput(EntryInput):
    criticality: str | None = _maybe("low, high or unable-to-assess.")
    reaction: str | None = _maybe("What happens.")
    note: str | None = _maybe("Remarks.")


@strawberry.input(description="A procedure, service or rehabilitation session.")
class ProcedureInput(EntryInput):
    quantity: QuantityInput | None = _maybe("How much or how often.")
    body_site: str | None = _maybe("Body site.")
    note: str | None = _maybe("Remarks.")


@strawberry.input(description="A prescribed drug.")
class MedicationRequestInput(EntryInput):
    strength: str | None = _maybe("Strength.")
    form: str | None = _maybe("Dosage form.")
    route: str | None = _maybe("Route.")
    dosage: str | None = _maybe("Dose.")
    instructions: str | None = _maybe("Instructions.")
    quantity: QuantityInput | None = _maybe("Quantity.")
    registration_number: str | None = _maybe("Marketing registration number.")


@strawberry.input(description="Results that belong together: laboratory, imaging, screening, health check, antenatal.")
class ReportInput(EntryInput):
    status: str = _said("FHIR report status.", default="final")
    results: list[ResultInput] = _some("The single results.")
    conclusion: str | None = _maybe("Conclusion.")


@strawberry.input(description="One observation: a home reading, a risk factor.")
class ObservationInput(EntryInput):
    value: QuantityInput | None = _maybe("The value, when it is a number.")
    text: str | None = _maybe("The value, when it is no number.")
    concept: CodeableConceptInput | None = _maybe("The value, when it is a code.")
    components: list[ResultInput] = _some("Parts, such as systolic and diastolic pressure.")
    note: str | None = _maybe("Remarks.")


@strawberry.input(description="A clinical note.")
class NoteInput(EntryInput):
    description: str = _said("The note.", default="")
    consultation: str | None = _maybe("Result of a consultation.")


@strawberry.input(description="A paper: discharge paper or record summary.")
class CompositionInput(EntryInput):
    title: str = _said("What the paper is called.", default="")
    period: PeriodInput | None = _maybe("The visit's time.")
    admission_diagnosis: str | None = _maybe("Diagnosis on arrival.")
    discharge_diagnosis: str | None = _maybe("Diagnosis at the end.")
    course: str | None = _maybe("Course of the illness.")
    results_summary: str | None = _maybe("Results that mattered.")
    treatment: str | None = _maybe("Treatment.")
    document_number: str | None = _maybe("The paper's number.")
    document_date: PartialDateTime | None = _maybe("The paper's date.")


@strawberry.input(description="A referral to another facility.")
class ReferralInput(EntryInput):
    referred_to: str | None = _maybe("Facility the person is referred to.")
    clinical_signs: str | None = _maybe("Clinical signs.")
    diagnosis: str | None = _maybe("Diagnosis.")
    plan: str | None = _maybe("What should be done next.")
    document_number: str | None = _maybe("The paper's number.")


@strawberry.input(description="An appointment for a re-examination; `time` is the appointed time.")
class AppointmentInput(EntryInput):
    diagnosis: str | None = _maybe("Diagnosis.")
    document_number: str | None = _maybe("The slip's number.")
    issued: PartialDateTime | None = _maybe("The slip's date.")


@strawberry.input(description="A dose of a vaccine.")
class ImmunizationInput(EntryInput):
    dose_number: int | None = _maybe("Which dose of the series.")
    lot_number: str | None = _maybe("Lot number.")
    manufacturer: str | None = _maybe("Manufacturer.")
    site: str | None = _maybe("Body site.")
    reaction: str | None = _maybe("Reaction after the dose.")
    note: str | None = _maybe("Remarks.")


@strawberry.input(description="A plan of care.")
class CarePlanInput(EntryInput):
    status: str = _said("FHIR plan status.", default="active")
    title: str = _said("What the plan is called.", default="")
    period: PeriodInput | None = _maybe("From when to when.")
    goals: list[str] = _some("What is to be reached.")
    activities: list[str] = _some("What is to be done.")
    note: str | None = _maybe("Remarks.")


@strawberry.input(description="One visit, or what a facility knows besides its visit files.")
class VisitSummaryInput:
    episode: str = _said("The facility's own code of the episode; the same code again is a new version.")
    patient: PatientInput = _said("The person.")
    encounter: EncounterInput | None = _maybe("The visit.")
    conditions: list[ConditionInput] = _some("Diagnoses.")
    allergies: list[AllergyInput] = _some("Allergies and intolerances.")
    procedures: list[ProcedureInput] = _some("Procedures and services.")
    prescriptions: list[MedicationRequestInput] = _some("Prescribed drugs.")
    laboratory_results: list[ReportInput] = _some("Laboratory reports.")
    imaging_results: list[ReportInput] = _some("Imaging and functional tests.")
    clinical_notes: list[NoteInput] = _some("Clinical notes.")
    discharge_papers: list[CompositionInput] = _some("Discharge papers.")
    record_summaries: list[CompositionInput] = _some("Record summaries.")
    referrals: list[ReferralInput] = _some("Referrals.")
    reexamination_appointments: list[AppointmentInput] = _some("Re-examination appointments.")
    immunizations: list[ImmunizationInput] = _some("Doses of vaccine.")
    screenings: list[ReportInput] = _some("Screening results.")
    health_checks: list[ReportInput] = _some("Health checks.")
    risk_factors: list[ObservationInput] = _some("Risk factors.")
    care_plans: list[CarePlanInput] = _some("Plans of care.")
    home_readings: list[ObservationInput] = _some("Measurements taken at home.")
    maternal_and_child_care: list[ReportInput] = _some("Antenatal, postnatal and child care.")
    rehabilitation: list[ProcedureInput] = _some("Rehabilitation.")


RECORD_OF: dict[type[EntryInput], type[records.Record]] = {
    EncounterInput: records.Encounter,
    ConditionInput: records.Condition,
    AllergyInput: records.AllergyIntolerance,
    ProcedureInput: records.Procedure,
    MedicationRequestInput: records.MedicationRequest,
    ReportInput: records.DiagnosticReport,
    ObservationInput: records.Observation,
    NoteInput: records.ClinicalImpression,
    CompositionInput: records.Composition,
    ReferralInput: records.ServiceRequest,
    AppointmentInput: records.Appointment,
    ImmunizationInput: records.Immunization,
    CarePlanInput: records.CarePlan,
}
_ELEMENT_OF: dict[type, type] = {
    CodingInput: coding.Coding,
    CodeableConceptInput: coding.CodeableConcept,
    QuantityInput: coding.Quantity,
    PeriodInput: coding.Period,
    ResultInput: records.Result,
}


def attributes(value: Any) -> dict[str, Any]:
    """The attributes of an input as domain values; what was not given is left out."""
    return {
        field.name: element(given)
        for field in dataclasses.fields(value)
        if (given := getattr(value, field.name)) is not None and given is not UNSET
    }


def element(value: Any) -> Any:
    """An input as its domain value; lists become tuples."""
    if isinstance(value, list):
        return tuple(element(item) for item in value)
    kind = _ELEMENT_OF.get(type(value))
    return value if kind is None else kind(**attributes(value))
