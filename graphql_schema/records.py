"""Records as GraphQL types: one type per kind, each naming the attributes of its domain value.

The one invariant: the id is the only field that is made; everything else is the record's own.
"""

from __future__ import annotations

from typing import Any

import strawberry

from ehb.domain import records as domain
from graphql_schema.context import Info
from graphql_schema.elements import (
    CodeableConcept,
    Coding,
    Ended,
    PartialDateTime,
    Period,
    Provenance,
    Quantity,
    Result,
)
from graphql_schema.subtree import pure


@strawberry.interface(description="What can be had again by its id alone (Relay).")
class Node:
    @strawberry.field(description="Opaque id, the same over all versions.")
    @pure
    def id(self, info: Info) -> strawberry.ID:
        return info.context.ids.record(self.patient_id, self.key)  # type: ignore

    @staticmethod
    def resolve_type(record: Any, *_: Any) -> str:
        return type(record).__name__


@strawberry.interface(description="What all records share.")
class Record(Node):
    section: domain.Section = strawberry.field(description="Where the record stands in the book.")
    time: PartialDateTime = strawberry.field(description="When it happened, as precise as it is known.")
    code: CodeableConcept | None = strawberry.field(description="What it is about.")
    provenance: Provenance = strawberry.field(description="Where it comes from.")
    labels: list[str] = strawberry.field(description="Sensitivity labels (HL7 v3-ActCode).")
    ended: Ended | None = strawberry.field(description="How this version ended; null while it counts.")


def _kind_of(kind: type[domain.Record]) -> Any:
    def is_type_of(record: Any, _: Any) -> bool:
        return type(record).__name__ == kind.__name__  # a part of it has its name (`ehb.store.payloads`)

    return staticmethod(is_type_of)


@strawberry.type(description="One visit, from arrival to discharge.")
class Encounter(Record):
    status: str = strawberry.field(description="FHIR encounter status.")
    category: Coding | None = strawberry.field(description="Type of care.")
    period: Period | None = strawberry.field(description="From arrival to discharge.")
    admission: PartialDateTime | None = strawberry.field(description="When treatment was ordered.")
    reason: str | None = strawberry.field(description="Why the person came.")
    admission_reason: str | None = strawberry.field(description="Why the person was admitted.")
    admission_diagnosis: str | None = strawberry.field(description="Diagnosis on arrival.")
    discharge_diagnosis: str | None = strawberry.field(description="Diagnosis at the end.")
    outcome: Coding | None = strawberry.field(description="Outcome of treatment.")
    discharge: Coding | None = strawberry.field(description="How the visit ended.")
    accident: Coding | None = strawberry.field(description="Kind of accident, when it was one.")
    department: str | None = strawberry.field(description="Department codes.")
    treatment: str | None = strawberry.field(description="Treatment, in words.")
    treatment_days: int | None = strawberry.field(description="Days of treatment.")
    referred_from: str | None = strawberry.field(description="Facility that referred the person here.")
    referred_to: str | None = strawberry.field(description="Facility the person was referred to.")
    weight: Quantity | None = strawberry.field(description="Body weight.")
    birth_weights: list[Quantity] = strawberry.field(description="Birth weights of newborns.")
    blood_group: str | None = strawberry.field(description="Blood group.")
    record_number: str | None = strawberry.field(description="The facility's medical record number.")
    note: str | None = strawberry.field(description="Remarks.")
    is_type_of = _kind_of(domain.Encounter)


@strawberry.type(description="A diagnosis.")
class Condition(Record):
    role: domain.ConditionRole = strawberry.field(description="Why it stands in the visit.")
    clinical_status: str | None = strawberry.field(description="FHIR clinical status.")
    note: str | None = strawberry.field(description="Remarks.")
    is_type_of = _kind_of(domain.Condition)


@strawberry.type(description="What the person does not tolerate.")
class AllergyIntolerance(Record):
    clinical_status: str = strawberry.field(description="FHIR clinical status.")
    criticality: str | None = strawberry.field(description="low, high or unable-to-assess.")
    reaction: str | None = strawberry.field(description="What happens.")
    note: str | None = strawberry.field(description="Remarks.")
    is_type_of = _kind_of(domain.AllergyIntolerance)


@strawberry.type(description="A service, operation, bed day or supply.")
class Procedure(Record):
    status: str = strawberry.field(description="FHIR procedure status.")
    category: Coding | None = strawberry.field(description="Group of services.")
    used: CodeableConcept | None = strawberry.field(description="The medical supply, when the row is one.")
    ordered: PartialDateTime | None = strawberry.field(description="When it was ordered.")
    quantity: Quantity | None = strawberry.field(description="How much or how often.")
    anaesthesia: Coding | None = strawberry.field(description="Anaesthesia.")
    body_site: str | None = strawberry.field(description="Body-site code.")
    reason: list[Coding] = strawberry.field(description="Diagnoses it was done for.")
    note: str | None = strawberry.field(description="Remarks.")
    is_type_of = _kind_of(domain.Procedure)


@strawberry.type(description="A prescribed drug.")
class MedicationRequest(Record):
    status: str = strawberry.field(description="FHIR request status.")
    strength: str | None = strawberry.field(description="Strength.")
    form: str | None = strawberry.field(description="Dosage form.")
    route: str | None = strawberry.field(description="Route of administration code.")
    dosage: str | None = strawberry.field(description="Dose as written.")
    instructions: str | None = strawberry.field(description="Instructions as written.")
    quantity: Quantity | None = strawberry.field(description="Quantity dispensed.")
    registration_number: str | None = strawberry.field(description="Marketing registration number.")
    given: PartialDateTime | None = strawberry.field(description="When the order was carried out.")
    is_type_of = _kind_of(domain.MedicationRequest)


@strawberry.type(description="Results that belong together.")
class DiagnosticReport(Record):
    status: str = strawberry.field(description="FHIR report status; `registered` has no result yet.")
    category: Coding | None = strawberry.field(description="Group of services.")
    ordered: PartialDateTime | None = strawberry.field(description="When it was ordered.")
    results: list[Result] = strawberry.field(description="The single results.")
    conclusion: str | None = strawberry.field(description="The reader's conclusion.")
    is_type_of = _kind_of(domain.DiagnosticReport)


@strawberry.type(description="One observation on its own.")
class Observation(Record):
    value: Quantity | None = strawberry.field(description="The value, when it is a number.")
    text: str | None = strawberry.field(description="The value as written, when it is no number.")
    components: list[Result] = strawberry.field(description="Parts, such as systolic and diastolic pressure.")
    note: str | None = strawberry.field(description="Remarks.")
    is_type_of = _kind_of(domain.Observation)


@strawberry.type(description="A note on the course of an illness.")
class ClinicalImpression(Record):
    description: str = strawberry.field(description="The note as written.")
    stage: str | None = strawberry.field(description="Stage of the disease.")
    consultation: str | None = strawberry.field(description="Result of a consultation.")
    operation: str | None = strawberry.field(description="Description of an operation.")
    vital_signs: list[Result] = strawberry.field(description="Vital signs that stood in the note.")
    is_type_of = _kind_of(domain.ClinicalImpression)


@strawberry.type(
    description="A paper of a visit: discharge paper, record summary, certificate of birth, leave or assessment."
)
class Composition(Record):
    title: str = strawberry.field(description="What the paper is called.")
    period: Period | None = strawberry.field(description="The visit's time.")
    admission_diagnosis: str | None = strawberry.field(description="Diagnosis on arrival.")
    discharge_diagnosis: str | None = strawberry.field(description="Diagnosis at the end.")
    course: str | None = strawberry.field(description="Course of the illness.")
    results_summary: str | None = strawberry.field(description="Results that mattered.")
    treatment: str | None = strawberry.field(description="Treatment, in words.")
    outcome: Coding | None = strawberry.field(description="Outcome of treatment.")
    gestational_age_weeks: int | None = strawberry.field(description="Gestational age in weeks.")
    pregnancy_ended: bool = strawberry.field(description="Whether a pregnancy was ended.")
    pregnancy_end_cause: str | None = strawberry.field(description="Why.")
    pregnancy_end_time: PartialDateTime | None = strawberry.field(description="When.")
    leave: Period | None = strawberry.field(description="Days of leave after discharge.")
    document_number: str | None = strawberry.field(description="The paper's number.")
    document_date: PartialDateTime | None = strawberry.field(description="The paper's date.")
    note: str | None = strawberry.field(description="Remarks.")
    details: list[Result] = strawberry.field(description="What the paper states besides, item by item.")
    is_type_of = _kind_of(domain.Composition)


@strawberry.type(description="A referral to another facility.")
class ServiceRequest(Record):
    status: str = strawberry.field(description="FHIR request status.")
    referred_from: str | None = strawberry.field(description="Facility that referred the person before.")
    referred_to: str | None = strawberry.field(description="Facility the person is referred to.")
    reason: Coding | None = strawberry.field(description="Reason of the referral.")
    clinical_signs: str | None = strawberry.field(description="Clinical signs.")
    diagnosis: str | None = strawberry.field(description="Diagnosis.")
    course: str | None = strawberry.field(description="Course of the illness.")
    results_summary: str | None = strawberry.field(description="Results that mattered.")
    treatment: str | None = strawberry.field(description="Treatment so far.")
    services: str | None = strawberry.field(description="Services so far.")
    medications: str | None = strawberry.field(description="Drugs so far.")
    plan: str | None = strawberry.field(description="What should be done next.")
    transport: str | None = strawberry.field(description="Means of transport.")
    document_number: str | None = strawberry.field(description="The paper's number.")
    is_type_of = _kind_of(domain.ServiceRequest)


@strawberry.type(description="An appointment for a re-examination.")
class Appointment(Record):
    status: str = strawberry.field(description="FHIR appointment status.")
    diagnosis: str | None = strawberry.field(description="Diagnosis.")
    document_number: str | None = strawberry.field(description="The slip's number.")
    issued: PartialDateTime | None = strawberry.field(description="The slip's date.")
    is_type_of = _kind_of(domain.Appointment)


@strawberry.type(description="A dose of a vaccine.")
class Immunization(Record):
    status: str = strawberry.field(description="FHIR immunization status.")
    dose_number: int | None = strawberry.field(description="Which dose of the series.")
    lot_number: str | None = strawberry.field(description="Lot number.")
    manufacturer: str | None = strawberry.field(description="Manufacturer.")
    site: str | None = strawberry.field(description="Body site.")
    reaction: str | None = strawberry.field(description="Reaction after the dose.")
    note: str | None = strawberry.field(description="Remarks.")
    is_type_of = _kind_of(domain.Immunization)


@strawberry.type(description="A plan of care.")
class CarePlan(Record):
    status: str = strawberry.field(description="FHIR plan status.")
    title: str = strawberry.field(description="What the plan is called.")
    period: Period | None = strawberry.field(description="From when to when.")
    goals: list[str] = strawberry.field(description="What is to be reached.")
    activities: list[str] = strawberry.field(description="What is to be done.")
    note: str | None = strawberry.field(description="Remarks.")
    details: list[Result] = strawberry.field(description="What the plan rests on, item by item.")
    is_type_of = _kind_of(domain.CarePlan)


RECORD_TYPES: tuple[type[Record], ...] = (
    Encounter,
    Condition,
    AllergyIntolerance,
    Procedure,
    MedicationRequest,
    DiagnosticReport,
    Observation,
    ClinicalImpression,
    Composition,
    ServiceRequest,
    Appointment,
    Immunization,
    CarePlan,
)
