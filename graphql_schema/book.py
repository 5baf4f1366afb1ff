"""How the health book is laid out in GraphQL: the person, the three books, the summary, the lists.

Everything here is attributes and pages of what a root (`graphql_schema.book_roots`) opened; nothing fetches.
"""

from __future__ import annotations

from typing import Any, TypeVar, cast

import strawberry

from ehb.domain import book as domain
from ehb.domain.identity import NATIONAL_ID
from ehb.domain.records import Section
from graphql_schema import connections as page
from graphql_schema import records
from graphql_schema.connections import Connection, Narrowing, connection
from graphql_schema.context import Info
from graphql_schema.elements import CodeableConcept, Coding, PartialDateTime, Provenance, Quantity
from graphql_schema.subtree import pure

N = TypeVar("N")


@strawberry.type(description="A number that the person has or had.")
class HeldIdentifier:
    system: str = strawberry.field(description="Who issues such numbers, as a URI.")
    value: str = strawberry.field(description="The number.")
    since: PartialDateTime = strawberry.field(description="Since when the book knows it.")
    until: PartialDateTime | None = strawberry.field(description="Until when it was the person's; null while it is.")


@strawberry.type(description="The person of a book.")
class Patient:
    full_name: str | None = strawberry.field(description="Full name.")
    birth_date: PartialDateTime | None = strawberry.field(description="Birth date, as precise as it is known.")
    sex: str | None = strawberry.field(description="FHIR administrative gender.")
    nationality: str | None = strawberry.field(description="Nationality code.")
    ethnicity: Coding | None = strawberry.field(description="Ethnic group.")
    occupation: str | None = strawberry.field(description="Occupation code.")
    address: str | None = strawberry.field(description="Residence, as written.")
    province: Coding | None = strawberry.field(description="Province of residence.")
    commune: Coding | None = strawberry.field(description="Commune of residence.")
    phone: str | None = strawberry.field(description="Contact phone.")
    identifiers: list[HeldIdentifier] = strawberry.field(description="All numbers, those of the past too.")

    @strawberry.field(description="Personal identification number in force.")
    @pure
    def national_id(self) -> str | None:
        return cast(Any, self).identifier(NATIONAL_ID)  # type: ignore[no-any-return]


@strawberry.type(description="The newest value of one test.")
class LatestResult:
    code: CodeableConcept = strawberry.field(description="What was tested.")
    value: Quantity | None = strawberry.field(description="The value, when it is a number.")
    text: str | None = strawberry.field(description="The value as written, when it is no number.")
    time: PartialDateTime = strawberry.field(description="When.")
    provenance: Provenance = strawberry.field(description="Where it comes from.")


@strawberry.type(description="The International Patient Summary view: what a clinician asks first.")
class Summary:
    problems: list[records.Condition] = strawberry.field(description="Each diagnosis once, the newest.")
    allergies: list[records.AllergyIntolerance] = strawberry.field(description="Allergies and intolerances.")
    medications: list[records.MedicationRequest] = strawberry.field(
        description="Each drug prescribed in the last 90 days once, the newest."
    )
    immunizations: list[records.Immunization] = strawberry.field(description="Doses of vaccine.")
    results: list[LatestResult] = strawberry.field(description="The newest value of each laboratory test.")


@strawberry.type(description="How complete a section may be.")
class Freshness:
    section: Section = strawberry.field(description="The section.")
    records: int = strawberry.field(description="How many records it holds.")
    newest_record: PartialDateTime | None = strawberry.field(description="When its newest record happened.")
    newest_received: PartialDateTime | None = strawberry.field(description="When a facility last sent one.")
    facilities: int = strawberry.field(description="From how many facilities its records come.")


def _listed(node: Any, section: Section, description: str) -> Any:
    """A field that pages through one section."""

    @pure
    def resolve(
        root: Any,
        info: Info,
        first: page.First = 50,
        after: page.After = None,
        from_: page.From = None,
        to: page.To = None,
        facility: page.FacilityCode = None,
    ) -> Any:
        book = cast(domain.HealthBook, root)
        narrowing = Narrowing(first, after, from_, to, facility)
        return connection(info, book.patient_id, section.value, book.by_section.get(section, ()), narrowing)

    return strawberry.field(resolver=resolve, graphql_type=Connection[node], description=description)


# The three books are views on the whole: their fields page through its sections.


@strawberry.type(description="Prevention: what keeps the person healthy.")
class PreventionBook:
    immunizations = _listed(records.Immunization, Section.IMMUNIZATIONS, "Doses of vaccine.")
    screenings = _listed(records.DiagnosticReport, Section.SCREENINGS, "Screening results.")
    health_checks = _listed(records.DiagnosticReport, Section.HEALTH_CHECKS, "Periodic health checks.")
    risk_factors = _listed(records.Observation, Section.RISK_FACTORS, "Habits and exposures.")


@strawberry.type(description="Examination and treatment: what happened at facilities.")
class TreatmentBook:
    encounters = _listed(records.Encounter, Section.ENCOUNTERS, "Visits.")
    conditions = _listed(records.Condition, Section.CONDITIONS, "Diagnoses.")
    allergies = _listed(records.AllergyIntolerance, Section.ALLERGIES, "Allergies and intolerances.")
    procedures = _listed(records.Procedure, Section.PROCEDURES, "Operations, procedures, bed days, supplies.")
    prescriptions = _listed(records.MedicationRequest, Section.PRESCRIPTIONS, "Prescribed drugs.")
    laboratory_results = _listed(records.DiagnosticReport, Section.LABORATORY_RESULTS, "Laboratory reports.")
    imaging_results = _listed(records.DiagnosticReport, Section.IMAGING_RESULTS, "Imaging and functional tests.")
    clinical_notes = _listed(records.ClinicalImpression, Section.CLINICAL_NOTES, "Notes on the course of an illness.")
    discharge_papers = _listed(records.Composition, Section.DISCHARGE_PAPERS, "Discharge papers.")
    record_summaries = _listed(records.Composition, Section.RECORD_SUMMARIES, "Summaries of a medical record.")
    referrals = _listed(records.ServiceRequest, Section.REFERRALS, "Referrals.")
    reexamination_appointments = _listed(
        records.Appointment, Section.REEXAMINATION_APPOINTMENTS, "Appointments for a re-examination."
    )


@strawberry.type(description="Care: what goes on at home, in the family and after an illness.")
class CareBook:
    care_plans = _listed(records.CarePlan, Section.CARE_PLANS, "Plans of care.")
    home_readings = _listed(records.Observation, Section.HOME_READINGS, "Measurements taken at home.")
    maternal_and_child_care = _listed(
        records.DiagnosticReport, Section.MATERNAL_AND_CHILD_CARE, "Antenatal, postnatal and child care visits."
    )
    rehabilitation = _listed(records.Procedure, Section.REHABILITATION, "Rehabilitation.")


@strawberry.type(description="One person's health book, as far as the viewer's legal ground opens it.")
class HealthBook:
    as_of: PartialDateTime = strawberry.field(
        description="The moment the book shows.",
        resolver=pure(lambda root: root.as_of.isoformat(timespec="milliseconds")),
    )
    patient: Patient = strawberry.field(description="The person.")
    withheld: list[Section] = strawberry.field(description="Sections that this viewer's legal ground does not open.")

    @strawberry.field(description="Opaque id of the person, for `healthBook(patient:)`.")
    @pure
    def patient_id(self, info: Info) -> strawberry.ID:
        return strawberry.ID(info.context.ids.patient(cast(domain.HealthBook, self).patient_id))

    @strawberry.field(description="What a clinician asks first.", graphql_type=Summary)
    @pure
    def summary(self) -> Any:
        return domain.summary(cast(domain.HealthBook, self))

    @strawberry.field(description="The book of prevention.", graphql_type=PreventionBook)
    @pure
    def prevention(self) -> Any:
        return self

    @strawberry.field(description="The book of examination and treatment.", graphql_type=TreatmentBook)
    @pure
    def treatment(self) -> Any:
        return self

    @strawberry.field(description="The book of care.", graphql_type=CareBook)
    @pure
    def care(self) -> Any:
        return self

    @strawberry.field(description="All records, newest first.", graphql_type=Connection[records.Record])
    @pure
    def timeline(
        self,
        info: Info,
        first: page.First = 50,
        after: page.After = None,
        from_: page.From = None,
        to: page.To = None,
        facility: page.FacilityCode = None,
        kinds: page.Kinds = None,
    ) -> Any:
        book = cast(domain.HealthBook, self)
        narrowing = Narrowing(first, after, from_, to, facility, tuple(kinds) if kinds is not None else None)
        return connection(info, book.patient_id, "timeline", book.records, narrowing)

    @strawberry.field(
        description="Versions of records that facilities corrected or took back, newest first.",
        graphql_type=Connection[records.Record],
    )
    @pure
    def corrections(
        self,
        info: Info,
        first: page.First = 50,
        after: page.After = None,
        from_: page.From = None,
        to: page.To = None,
        facility: page.FacilityCode = None,
        kinds: page.Kinds = None,
    ) -> Any:
        book = cast(domain.HealthBook, self)
        narrowing = Narrowing(first, after, from_, to, facility, tuple(kinds) if kinds is not None else None)
        return connection(info, book.patient_id, "corrections", book.corrections, narrowing)

    @strawberry.field(description="For each section: how new, and from how many facilities.")
    @pure
    def completeness(self) -> list[Freshness]:
        return cast("list[Freshness]", list(domain.completeness(cast(domain.HealthBook, self))))
