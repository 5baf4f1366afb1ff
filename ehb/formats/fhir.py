"""A FHIR R4 Bundle: bytes → VisitSummary, by way of the same records as the national visit file.

Owns the way through: JSON, shape, bundle, person, mapping, account. Each step has a file of its own
(`fhir_json`, `fhir_shapes`, `fhir_bundle`, `fhir_patient`, `fhir_history`, `fhir_results`, `fhir_treatment`,
`fhir_papers`).

The one invariant: nothing in the bytes can make this module raise, and each resource is a record, part of one, or
counted in a problem.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from ehb.domain.matching import Agreement, compare_names
from ehb.domain.records import Composition, LegalStatus
from ehb.domain.submission import Draft, PatientDetails, VisitSummary
from ehb.formats import fhir_history, fhir_papers, fhir_results, fhir_treatment
from ehb.formats.fhir_bundle import BILLING, Bundle
from ehb.formats.fhir_elements import Element, Entangled, Fate, Resource
from ehb.formats.fhir_episode import episode_of, named_facility
from ehb.formats.fhir_json import Unreadable, canonical, code_labels, faults, parsed
from ehb.formats.fhir_patient import PERSON_SYSTEMS, patient_from
from ehb.formats.fhir_problems import Enough, Found
from ehb.formats.fhir_shapes import element_names
from ehb.formats.fhir_visit import Visit, label_of
from ehb.formats.fhir_words import Words

SOURCE = "FHIR"
_NAMED_KIND = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)(?:/[^/]+(?:/_history/[^/]+)?|\?.*)$")
"""The type of resource that a literal reference names."""
_MAPPINGS: dict[str, Callable[[Visit, Resource], None]] = {
    "Encounter": fhir_history.encounter,
    "Condition": fhir_history.condition,
    "AllergyIntolerance": fhir_history.allergy,
    "Immunization": fhir_history.immunization,
    "Observation": fhir_results.observation,
    "DiagnosticReport": fhir_results.report,
    "ImagingStudy": fhir_results.imaging_study,
    "Procedure": fhir_treatment.procedure,
    "DeviceUseStatement": fhir_treatment.device_use,
    "MedicationRequest": fhir_treatment.medication_request,
    "MedicationStatement": fhir_treatment.medication_statement,
    "CarePlan": fhir_treatment.care_plan,
    "Composition": fhir_papers.composition,
    "DocumentReference": fhir_papers.document,
    "ClinicalImpression": fhir_papers.clinical_impression,
    "ServiceRequest": fhir_papers.service_request,
    "Appointment": fhir_papers.appointment,
}
_WHO_AND_WHERE = frozenset({"Organization", "Practitioner", "PractitionerRole", "Location"})
"""Folded by name and licence; the rest of them is not about the person."""


def read(body: bytes, facility: str) -> VisitSummary:
    """One bundle that `facility` sends. Never raises: what cannot be read comes back as problems of an empty visit."""
    found = Found()
    try:
        tree = parsed(body)
    except Unreadable as unreadable:
        found.report(unreadable.rule, None)
        return _refused(facility, found, body)
    try:
        return _read(tree, body, facility, found)
    except Enough:
        return _refused(facility, found, body)


def _read(tree: Any, body: bytes, facility: str, found: Found) -> VisitSummary:
    for rule, path in faults(tree, "Bundle", element_names()):
        found.report(rule, path)
    if any(one.rule == "fhir.deep" for one in found.problems):
        return _refused(facility, found, body)
    if not isinstance(tree, dict) or tree.get("resourceType") != "Bundle":
        found.report("fhir.not_bundle", "resourceType")
        return _refused(facility, found, body)
    return _visit(tree, facility, found)


def _refused(facility: str, found: Found, body: bytes) -> VisitSummary:
    return VisitSummary(facility, "", SOURCE, PatientDetails(), (), tuple(found.problems), body)


def _visit(tree: dict[str, Any], facility: str, found: Found) -> VisitSummary:
    bundle = Bundle(tree)
    bundle.read(found.report)
    patient = _patient(bundle, found)
    _check_references(bundle, patient, found)
    visit = Visit(bundle, facility, found, Words(bundle))
    details = patient_from(patient, found) if patient is not None and not patient.faulty else PatientDetails()
    drafts: tuple[Draft, ...] = ()
    try:
        _map(visit)
        drafts = visit.drafts()
        _account(visit)
    except Entangled:
        found.report("fhir.too_many", None)
    return VisitSummary(
        facility=named_facility(bundle) or facility,
        episode=episode_of(bundle, patient, details, _MAPPINGS),
        source=SOURCE,
        patient=details,
        drafts=drafts,
        problems=tuple(found.problems),
        content=b"\n".join([canonical(tree), *_hidden_texts(drafts)]),
        signature=LegalStatus.SIGNATURE_UNVERIFIED if tree.get("signature") else LegalStatus.UNSIGNED,
        labels=_labels(visit, tree),
    )


def _hidden_texts(drafts: tuple[Draft, ...]) -> Iterator[bytes]:
    """The texts that stand in the bundle as base64 only: who looks for words in the content must find them."""
    for draft in drafts:
        if draft.table == "DocumentReference" and isinstance(draft.record, Composition) and draft.record.note:
            yield draft.record.note.encode("utf-8", "surrogatepass")


def _patient(bundle: Bundle, found: Found) -> Resource | None:
    """The one person that the bundle tells about."""
    patients = bundle.of("Patient")
    if not patients:
        found.report("fhir.patient_missing", "Bundle.entry")
        return None
    for other in patients[1:]:
        found.report("fhir.patient_count", other.path)
    patients[0].became = Fate.PART
    return patients[0]


def _check_references(bundle: Bundle, patient: Resource | None, found: Found) -> None:
    """Every resource is about this person, and references lead somewhere."""
    outside: Counter[tuple[str, str]] = Counter()
    for resource, path, plain, inside in bundle.dangling():
        if plain in ("subject", "patient") or inside:
            found.report("fhir.reference_dangling", path)
        else:
            outside[resource.kind, plain] += 1
    for (kind, plain), count in sorted(outside.items()):
        found.count("fhir.reference_unresolved", kind, count, plain)
    for resource in bundle.resources:
        for name in ("subject", "patient"):
            if resource.kind not in _MAPPINGS or name not in resource.shape.names or resource.faulty:
                continue
            subject = resource.one(name)
            if _is_of_another(subject, bundle, patient):
                found.report("fhir.patient_other", f"{resource.path}.{name}")
            elif _is_named_otherwise(subject, patient):
                found.report("fhir.subject_name", f"{resource.path}.{name}.display")


def _is_of_another(subject: Element | None, bundle: Bundle, patient: Resource | None) -> bool:
    """Whether a reference names somebody else than the bundle's person: by place, by type, or by a number.

    A number counts when it is one of ours, or of a system of which the Patient names another (R4 2.3.0.2, logical
    references). Words alone (`display`) do not.
    """
    if subject is None or subject.kind != "Reference":
        return False
    about, literal = bundle.resolve(subject), subject.value.get("reference")
    if about is not None:
        return about is not patient
    if isinstance(literal, str) and (kind := _NAMED_KIND.search(literal)) is not None and kind[1] != "Patient":
        return True
    number = subject.value.get("identifier")
    if patient is None or not isinstance(number, dict):
        return False
    own = {(one.value.get("system"), _plain(one.value.get("value"))) for one in patient.each("identifier")}
    system = number.get("system")
    is_known = system in PERSON_SYSTEMS or any(system == other for other, _ in own)
    return is_known and (system, _plain(number.get("value"))) not in own


def _is_named_otherwise(subject: Element | None, patient: Resource | None) -> bool:
    """Whether a subject is told by words alone, and they are not the Patient's name."""
    if subject is None or patient is None or subject.value.keys() & {"reference", "identifier"}:
        return False
    given = patient.value.get("name")
    names = [_whole_name(one) for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    display = _plain_text(subject.value.get("display"))
    return bool(names) and all(compare_names(one, display) is Agreement.DIFFERENT for one in names)


def _whole_name(name: dict[str, Any]) -> str:
    """A HumanName, read without counting it as kept."""
    given = name.get("given")
    parts = [name.get("family"), *(given if isinstance(given, list) else ())]
    return _plain_text(name.get("text")) or " ".join(map(_plain_text, parts))


def _plain_text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _plain(value: Any) -> str:
    return "".join(str(value).split()).casefold()


def _map(visit: Visit) -> None:
    fhir_history.rank(visit)
    inside = fhir_results.folded_observations(visit)
    for resource in visit.bundle.resources:
        if id(resource) not in inside:
            _map_one(visit, resource)
    for resource in visit.bundle.of("Observation"):  # panels that name each other: neither is inside a report
        if resource.became is None:
            _map_one(visit, resource)


def _map_one(visit: Visit, resource: Resource) -> None:
    mapping = _MAPPINGS.get(resource.kind)
    if mapping is not None and not resource.faulty and not visit.in_error(resource):
        mapping(visit, resource)


def _account(visit: Visit) -> None:
    """Count what became no record, and name what no record has a place for."""
    bundle, found = visit.bundle, visit.found
    whole = [one for one in bundle.resources if not one.faulty]
    erroneous = Counter(one.kind for one in whole if one.became is Fate.ERROR)
    unkept = Counter([*bundle.others, *(one.kind for one in whole if one.became is None)])
    for kind, count in sorted(erroneous.items()):
        found.count("fhir.entered_in_error", kind, count)
    for kind, count in sorted(unkept.items()):
        found.count("fhir.billing_not_kept" if kind in BILLING else "fhir.not_kept", kind, count)
    several = len(bundle.of("Encounter")) > 1
    fields: Counter[tuple[str, str]] = Counter()
    for resource in whole:
        for held in (resource, *resource.contained.values()):
            if held.became in (Fate.RECORD, Fate.PART) and held.kind not in _WHO_AND_WHERE:
                fields.update({(held.kind, path) for path in _unread(held, several)})
    for (kind, path), count in sorted(fields.items()):
        found.count("fhir.field_not_kept", kind, count, path)


def _unread(resource: Resource, several_encounters: bool) -> Iterator[str]:
    """What of a resource stands in no record and is about the person."""
    resource.skip("id", "language")
    if (meta := resource.one("meta")) is not None:
        meta.skip("profile", "lastUpdated", "versionId", "source", "tag")
    for name in ("subject", "patient"):
        if name in resource.shape.names:
            resource.skip(name)
    if "encounter" in resource.shape.names and not several_encounters:
        resource.skip("encounter")
    if (text := resource.value.get("text")) and isinstance(text, dict) and text.get("status") != "additional":
        resource.skip("text")
    if all(held.became is not None for held in resource.contained.values()):
        resource.skip("contained")
    return resource.unread()


def _labels(visit: Visit, tree: dict[str, Any]) -> frozenset[str]:
    """The labels of the visit as a whole: of its codes, of every resource, of the bundle and its document."""
    found = set(code_labels(tree))
    for resource in visit.bundle.resources:
        if not resource.faulty:
            found.update(visit.labels(resource))
    for paper in visit.bundle.of("Composition"):
        if (level := paper.value.get("confidentiality")) in ("R", "V"):
            found.add(str(level))
    meta = tree.get("meta")
    securities = meta.get("security") if isinstance(meta, dict) else None
    for security in securities if isinstance(securities, list) else ():
        if isinstance(security, dict) and (label := label_of(security)):
            found.add(label)
    return frozenset(found)
