"""Builders of FHIR bundles: valid things with sensible defaults, and the published samples."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ehb.domain.identity import NATIONAL_ID as NATIONAL_ID_SYSTEM
from ehb.domain.records import Record
from ehb.domain.submission import VisitSummary
from ehb.formats.fhir import read
from tests.builders import FACILITY, NATIONAL_ID

SAMPLES = Path(__file__).parent / "data" / "fhir"
SYNTHEA = ("carla_echevarria", "dino_barton", "hyacinth_bins", "jorge_brekke", "leonor_trujillo")
IPS = (
    "aups-basicsummary",
    "aups-provider-summary",
    "ips-official-01",
    "ips-official-immunization",
    "ips-official-minimal",
)
PATIENT_URL = "urn:uuid:00000000-0000-4000-8000-000000000001"
ABOUT = {"reference": PATIENT_URL}
LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
TIME = "2026-10-05T08:00:00+07:00"

Resource = dict[str, Any]


def sample(name: str) -> bytes:
    """A published bundle, byte for byte."""
    return gzip.decompress((SAMPLES / f"{name}.json.gz").read_bytes())


def with_number(body: bytes, number: str = NATIONAL_ID) -> bytes:
    """The bundle with a national number added to its Patient; every other byte of text stays."""
    first = body.index(b'"resourceType": "Patient"') + len(b'"resourceType": "Patient"')
    assert b'"identifier"' in body
    held = body.index(b'"identifier": [', first) + len(b'"identifier": [')
    added = f'{{"system": "{NATIONAL_ID_SYSTEM}", "value": "{number}"}},'
    return body[:held] + added.encode() + body[held:]


def patient(**content: Any) -> Resource:
    """An invented person with a national number."""
    identifier = [{"system": NATIONAL_ID_SYSTEM, "value": NATIONAL_ID}]
    name = [{"family": "Nguyễn", "given": ["Thị", "Thử"]}]
    return {"resourceType": "Patient", "identifier": identifier, "name": name, **content}


def resource(kind: str, **content: Any) -> Resource:
    """A resource with what its type cannot do without."""
    return {"resourceType": kind, **_NEEDED.get(kind, {}), **content}


def code(text: str, value: str = "1", system: str = SNOMED) -> Resource:
    return {"coding": [{"system": system, "code": value, "display": text}]}


def bundle(*resources: Resource, of: Resource | None = None, **content: Any) -> Resource:
    """A transaction about one person; the resources come as urn:uuid:r-1, r-2 …, or under their own `_url`."""
    person = patient() if of is None else of
    entries = [{"fullUrl": PATIENT_URL, "resource": person}]
    for number, one in enumerate(resources, start=1):
        held = dict(one)
        entries.append({"fullUrl": held.pop("_url", f"urn:uuid:r-{number}"), "resource": held})
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "identifier": {"system": "urn:test", "value": "B-1"},
        "entry": entries,
        **content,
    }


def document(composition: Mapping[str, Any], *resources: Resource, **content: Any) -> Resource:
    """A document that begins with this Composition."""
    held = bundle(*resources, **{"type": "document", "timestamp": TIME, **content})
    first = {"fullUrl": "urn:uuid:composition", "resource": resource("Composition", **composition)}
    held["entry"].insert(0, first)
    return held


def body_of(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def visit_of(value: object, facility: str = FACILITY) -> VisitSummary:
    return read(value if isinstance(value, bytes) else body_of(value), facility)


def records_of(*resources: Resource, of: Resource | None = None) -> list[Any]:
    """The records that a bundle of these resources becomes; nothing in it may be refused."""
    visit = visit_of(bundle(*resources, of=of))
    assert [one for one in visit.problems if one.severity == "ERROR"] == []
    return [draft.record for draft in visit.drafts]


def record_of(*resources: Resource, of: Resource | None = None) -> Any:
    """The only record of a bundle."""
    (record,) = records_of(*resources, of=of)
    assert isinstance(record, Record)
    return record


def clean_record_of(*resources: Resource) -> Any:
    """The only record of a bundle of which nothing had to be named."""
    visit = visit_of(bundle(*resources))
    assert [(one.rule, one.table, one.field) for one in visit.problems] == []
    (draft,) = visit.drafts
    return draft.record


def places(visit: VisitSummary, rule: str) -> list[tuple[str | None, str | None]]:
    """Where a rule is broken: (table, field)."""
    return [(one.table, one.field) for one in visit.problems if one.rule == rule]


_NEEDED: dict[str, Resource] = {
    "AllergyIntolerance": {"patient": ABOUT, "code": code("Penicillin"), "recordedDate": TIME},
    "Appointment": {"status": "booked", "start": TIME, "participant": [{"actor": ABOUT, "status": "accepted"}]},
    "CarePlan": {"subject": ABOUT, "status": "active", "intent": "plan", "created": TIME},
    "ClinicalImpression": {"subject": ABOUT, "status": "completed", "date": TIME},
    "Composition": {
        "subject": ABOUT,
        "status": "final",
        "type": code("Patient summary", "60591-5", LOINC),
        "date": TIME,
        "title": "Tóm tắt",
        "author": [{"display": "BS. Thử"}],
    },
    "Condition": {"subject": ABOUT, "code": code("Asthma"), "onsetDateTime": TIME},
    "DeviceUseStatement": {"subject": ABOUT, "status": "active", "recordedOn": TIME},
    "DiagnosticReport": {
        "subject": ABOUT,
        "status": "final",
        "code": code("Panel", "24323-8", LOINC),
        "effectiveDateTime": TIME,
    },
    "DocumentReference": {"subject": ABOUT, "status": "current", "date": TIME, "content": [{"attachment": {}}]},
    "Encounter": {"subject": ABOUT, "status": "finished", "class": {"code": "AMB"}, "period": {"start": TIME}},
    "ImagingStudy": {"subject": ABOUT, "status": "available", "started": TIME},
    "Immunization": {
        "patient": ABOUT,
        "status": "completed",
        "vaccineCode": code("BCG"),
        "occurrenceDateTime": TIME,
    },
    "MedicationRequest": {
        "subject": ABOUT,
        "status": "active",
        "intent": "order",
        "authoredOn": TIME,
        "medicationCodeableConcept": code("Amlodipin 5mg"),
    },
    "MedicationStatement": {
        "subject": ABOUT,
        "status": "active",
        "effectiveDateTime": TIME,
        "medicationCodeableConcept": code("Amlodipin 5mg"),
    },
    "Observation": {
        "subject": ABOUT,
        "status": "final",
        "code": code("Weight", "29463-7", LOINC),
        "effectiveDateTime": TIME,
    },
    "Procedure": {"subject": ABOUT, "status": "completed", "code": code("Colonoscopy"), "performedDateTime": TIME},
    "ServiceRequest": {"subject": ABOUT, "status": "active", "intent": "order", "authoredOn": TIME},
}
