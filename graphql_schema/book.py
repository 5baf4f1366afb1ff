"""The health book in GraphQL: the roots that open one, and how it is laid out.

Only the roots decide: one root field is one decision and one audit event. A root looks ahead at its selection,
asks for just those sections, and everything below is attributes and pages of what came back.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, TypeVar, cast

import strawberry
from strawberry.types.nodes import FragmentSpread, InlineFragment, SelectedField

from ehb.domain import book as domain
from ehb.domain.access import Purpose
from ehb.domain.identity import NATIONAL_ID
from ehb.domain.records import Book, Section
from ehb.services import book as service
from graphql_schema import connections as page
from graphql_schema import records
from graphql_schema.connections import Connection, Narrowing, connection
from graphql_schema.context import Info
from graphql_schema.elements import CodeableConcept, Coding, PartialDateTime, Provenance, Quantity

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
        description="The moment the book shows.", resolver=lambda root: root.as_of.isoformat(timespec="milliseconds")
    )
    patient: Patient = strawberry.field(description="The person.")
    withheld: list[Section] = strawberry.field(description="Sections that this viewer's legal ground does not open.")

    @strawberry.field(description="Opaque id of the person, for `healthBook(patient:)`.")
    def patient_id(self, info: Info) -> strawberry.ID:
        return strawberry.ID(info.context.ids.patient(cast(domain.HealthBook, self).patient_id))

    @strawberry.field(description="What a clinician asks first.", graphql_type=Summary)
    def summary(self) -> Any:
        return domain.summary(cast(domain.HealthBook, self))

    @strawberry.field(description="The book of prevention.", graphql_type=PreventionBook)
    def prevention(self) -> Any:
        return self

    @strawberry.field(description="The book of examination and treatment.", graphql_type=TreatmentBook)
    def treatment(self) -> Any:
        return self

    @strawberry.field(description="The book of care.", graphql_type=CareBook)
    def care(self) -> Any:
        return self

    @strawberry.field(description="All records, newest first.", graphql_type=Connection[records.Record])
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
    def completeness(self) -> list[Freshness]:
        return cast("list[Freshness]", list(domain.completeness(cast(domain.HealthBook, self))))


@strawberry.type
class BookQuery:
    """The roots that open a book."""

    @strawberry.field(description="The health book of the person who is signed in.", graphql_type=HealthBook)
    async def my_health_book(self, info: Info) -> Any:
        principal = info.context.principal
        return await service.read(
            info.context.custodian,
            principal,
            principal.patient_id,
            Purpose.PATIENT_REQUEST,
            _query(info),
            path="myHealthBook",
        )

    @strawberry.field(
        description="Somebody's health book, for a viewer with a legal ground. FORBIDDEN says nothing about existence.",
        graphql_type=HealthBook,
    )
    async def health_book(
        self,
        info: Info,
        patient: Annotated[strawberry.ID, strawberry.argument(description="Opaque id of the person.")],
        purpose: Annotated[Purpose, strawberry.argument(description="Why you ask.")],
    ) -> Any:
        # A made-up id takes the same way as a stranger's: to the custodian, who refuses it and writes it down.
        patient_id = info.context.ids.patient_key(patient)
        return await service.read(
            info.context.custodian,
            info.context.principal,
            patient_id,
            purpose,
            _query(info),
            path="healthBook",
        )

    @strawberry.field(
        description="One record again, by the same decision as its book. NOT_FOUND says nothing about existence.",
        graphql_type=records.Record | None,
    )
    async def record(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Opaque id of the record.")],
    ) -> Any:
        patient_id, key = info.context.ids.record_key(id) or (None, b"")
        return await service.record(
            info.context.custodian,
            info.context.principal,
            patient_id,
            key,
            Purpose.PATIENT_REQUEST,
            path="record",
        )

    @strawberry.field(
        description="All versions of one record, newest first, those too that were corrected or taken back.",
        graphql_type=list[records.Record],
    )
    async def record_versions(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Opaque id of the record.")],
    ) -> Any:
        patient_id, key = info.context.ids.record_key(id) or (None, b"")
        return await service.versions(
            info.context.custodian,
            info.context.principal,
            patient_id,
            key,
            Purpose.PATIENT_REQUEST,
            path="recordVersions",
        )


_SECTIONS_OF_FIELD: dict[str, frozenset[Section]] = {
    "summary": domain.SUMMARY_SECTIONS,
    "timeline": frozenset(Section),
    "corrections": frozenset(Section),
    "completeness": frozenset(Section),
}
_SECTION_OF_FIELD: dict[str, Section] = {
    "".join(word.capitalize() if number else word.lower() for number, word in enumerate(section.split("_"))): section
    for section in Section
}
_BOOKS = {book.value.lower(): book for book in Book}


def _query(info: Info) -> domain.ReadQuery:
    """What the selection below a root needs."""
    wanted: set[Section] = set()
    history = False
    for root in info.selected_fields:
        for chosen in _fields(root.selections):
            history = history or chosen.name == "corrections"
            wanted |= _SECTIONS_OF_FIELD.get(chosen.name, frozenset())
            if chosen.name in _BOOKS:
                wanted |= {
                    section
                    for inner in _fields(chosen.selections)
                    if (section := _SECTION_OF_FIELD.get(inner.name)) is not None
                }
    return domain.ReadQuery(sections=frozenset(wanted), history=history)


def _fields(selections: Iterable[Any]) -> Iterable[SelectedField]:
    for selection in selections:
        if isinstance(selection, SelectedField):
            yield selection
        elif isinstance(selection, InlineFragment | FragmentSpread):
            yield from _fields(selection.selections)
