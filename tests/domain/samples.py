"""Records and visits for domain tests: valid, small, and nothing in them that a test does not ask for."""

from __future__ import annotations

from typing import Any, cast

from ehb.domain.coding import CodeableConcept, Coding
from ehb.domain.identity import ANONYMOUS, Principal, PrincipalKind
from ehb.domain.records import AnyRecord, Encounter, Facility, Provenance, Record, Section
from ehb.domain.sensitivity import ICD10
from ehb.domain.submission import Draft, PatientDetails, VisitSummary
from tests.builders import FACILITY

PATIENT, STRANGER = b"p" * 16, b"s" * 16
CITIZEN = Principal(PrincipalKind.CITIZEN, patient_id=PATIENT, assurance_level=2, session="s-1")
SIGNING_IN = Principal(PrincipalKind.CITIZEN, assurance_level=2)
HOSPITAL = Principal(PrincipalKind.FACILITY, facility=FACILITY, client_id="99001")
NOBODY = ANONYMOUS


def provenance(facility: str = FACILITY, submitted_at: str = "2026-10-05T05:00:00.000+00:00") -> Provenance:
    return Provenance(facility=Facility(facility), submitted_at=submitted_at, source="QD4750")


def icd10(*codes: str, text: str | None = None) -> CodeableConcept:
    return CodeableConcept(tuple(Coding(ICD10, code) for code in codes), text)


def record(
    kind: type[Record] = Encounter,
    *,
    section: Section = Section.ENCOUNTERS,
    time: str = "2026-10-05T08:00:00+07:00",
    key: bytes = b"k" * 12,
    facility: str = FACILITY,
    **content: Any,
) -> Record:
    content.setdefault("provenance", provenance(facility))
    return kind(section=section, time=time, key=key, **content)


def draft(record: Record, identity: str = "encounter", table: str = "XML1", row: int | None = 1) -> Draft:
    return Draft(cast(AnyRecord, record), identity, table, row)


def visit(*drafts: Draft, **content: Any) -> VisitSummary:
    content = {
        "facility": FACILITY,
        "episode": "LK-1",
        "source": "QD4750",
        "problems": (),
        "content": b"same",
        **content,
    }
    content.setdefault("patient", PatientDetails())
    return VisitSummary(drafts=drafts, **content)
