"""What happened to the person: encounters, conditions, allergies, doses of vaccine.

The one invariant: a thing that the sender says is not so (refuted, not done) never stands in a list of things
that are; it becomes a note.
"""

from __future__ import annotations

from ehb.domain.coding import Coding
from ehb.domain.records import (
    AllergyIntolerance,
    Appointment,
    Condition,
    ConditionRole,
    Encounter,
    Immunization,
    Section,
)
from ehb.formats.fhir_elements import Element, Resource, coding, concept, concepts, period, words_of
from ehb.formats.fhir_visit import Visit
from ehb.formats.fhir_words import paragraphs


def encounter(visit: Visit, resource: Resource) -> None:
    words = visit.words
    stay = resource.one("hospitalization")
    time, _ = visit.when(resource, "period")
    provenance = visit.provenance(resource, ("participant",), ("serviceProvider",))
    for participant in resource.each("participant"):
        participant.skip("type", "period")
    lines = words.lines(resource, "priority", "length", "diagnosis")
    department = words.joined(resource, "serviceType", "location")
    if resource.value.get("status") == "planned":  # not a visit yet, and it may lie ahead
        reasons = words.joined(resource, "reasonCode", "reasonReference")
        resource.skip("class")
        visit.keep(
            resource,
            Appointment,
            section=Section.REEXAMINATION_APPOINTMENTS,
            time=time,
            provenance=provenance,
            code=concepts(resource.each("type")),
            status=resource.text("status") or "",
            diagnosis=paragraphs([reasons, department, *lines, visit.narrative(resource)]),
        )
        return
    visit.keep(
        resource,
        Encounter,
        section=Section.ENCOUNTERS,
        time=time,
        provenance=provenance,
        code=concepts(resource.each("type")),
        status=resource.text("status") or "",
        category=_coded(resource.one("class")),
        period=period(resource.one("period")),
        reason=words.joined(resource, "reasonCode", "reasonReference"),
        discharge=_first_code(stay.one("dischargeDisposition")) if stay else None,
        referred_from=words.joined(stay, "origin") if stay else None,
        referred_to=words.joined(stay, "destination") if stay else None,
        department=department,
        note=paragraphs([*lines, visit.narrative(resource)]),
    )


def condition(visit: Visit, resource: Resource) -> None:
    verified = _code(resource.one("verificationStatus"))
    time, lines = visit.when(resource, "onset", "recordedDate")
    lines += visit.words.lines(resource, "abatement", "severity", "bodySite", "stage", "evidence", "note")
    provenance = visit.provenance(resource, ("asserter",), ("recorder",))
    if verified == "refuted":
        resource.skip("clinicalStatus", "category")
        visit.negated(resource, "Đã loại trừ", time, provenance, "severity", "bodySite", "note")
        return
    if verified not in ("confirmed", None):
        lines += visit.words.lines(resource, "verificationStatus")
    for category in resource.each("category"):
        words_of(category)  # problem list or encounter: the section says it
    visit.keep(
        resource,
        Condition,
        section=Section.CONDITIONS,
        time=time,
        provenance=provenance,
        code=concept(resource.one("code")),
        role=ConditionRole.MAIN if id(resource) in visit.main else ConditionRole.SECONDARY,
        clinical_status=_code(resource.one("clinicalStatus")),
        note=paragraphs([*lines, visit.narrative(resource)]),
    )


def rank(visit: Visit) -> None:
    """Find the diagnoses that encounters rank first; the only diagnosis of a bundle is one, too."""
    for stay in visit.bundle.of("Encounter"):
        for diagnosis in stay.each("diagnosis") if not stay.faulty else ():
            main = visit.bundle.resolve(diagnosis.one("condition")) if diagnosis.value.get("rank") == 1 else None
            if main is not None:
                visit.main.add(id(main))
    if len(alone := visit.bundle.of("Condition")) == 1:
        visit.main.add(id(alone[0]))


def allergy(visit: Visit, resource: Resource) -> None:
    verified = _code(resource.one("verificationStatus"))
    time, lines = visit.when(resource, "onset", "recordedDate", "lastOccurrence")
    provenance = visit.provenance(resource, ("asserter",), ("recorder",))
    if verified == "refuted":
        resource.skip("clinicalStatus")
        visit.negated(resource, "Đã loại trừ dị ứng", time, provenance, "type", "category", "note")
        return
    if verified not in ("confirmed", None):
        lines += visit.words.lines(resource, "verificationStatus")
    lines += visit.words.lines(resource, "type", "category", "note")
    visit.keep(
        resource,
        AllergyIntolerance,
        section=Section.ALLERGIES,
        time=time,
        provenance=provenance,
        code=concept(resource.one("code")),
        clinical_status=_code(resource.one("clinicalStatus")) or "active",
        criticality=resource.text("criticality"),
        reaction="; ".join(one for one in visit.words.of(resource, "reaction") if one) or None,
        note=paragraphs([*lines, visit.narrative(resource)]),
    )


def immunization(visit: Visit, resource: Resource) -> None:
    words = visit.words
    provenance = visit.provenance(resource, ("performer",), ())
    time, lines = visit.when(resource, "occurrence", "recorded")
    if resource.value.get("status") == "not-done":
        visit.negated(resource, "Không tiêm", time, provenance, "statusReason", "note")
        return
    for performer in resource.each("performer"):
        performer.skip("function")
    if resource.says("primarySource"):
        resource.skip("primarySource")
    lines += words.lines(resource, "doseQuantity", "route", "reportOrigin", "location", "expirationDate")
    if resource.says("isSubpotent"):
        lines.append("Liều không đủ hiệu lực")
    resource.skip("isSubpotent")
    number = _protocol(visit, resource, lines)
    visit.keep(
        resource,
        Immunization,
        section=Section.IMMUNIZATIONS,
        time=time,
        provenance=provenance,
        code=concept(resource.one("vaccineCode")),
        status=resource.text("status") or "",
        dose_number=number,
        lot_number=resource.text("lotNumber"),
        manufacturer=words.joined(resource, "manufacturer"),
        site=words_of(resource.one("site")),
        reaction=words.joined(resource, "reaction"),
        note=paragraphs(
            [*lines, *words.lines(resource, "reasonCode", "reasonReference", "note"), visit.narrative(resource)]
        ),
    )


def _protocol(visit: Visit, resource: Resource, lines: list[str]) -> int | None:
    """The number of the dose; the rest of each protocol goes into `lines`."""
    numbers: list[int] = []
    for protocol in resource.each("protocolApplied"):
        number = protocol.whole("doseNumberPositiveInt")
        if number is not None:
            numbers.append(number)
        against = visit.words.joined(protocol, "targetDisease")
        series = visit.words.joined(protocol, "series", "seriesDoses")
        dose = protocol.text("doseNumber") if number is None else None
        said = (("Mũi", dose), ("Phòng bệnh", against), ("Phác đồ", series))
        lines += [f"{label}: {words}" for label, words in said if words]
    return numbers[0] if numbers else None


def _code(element: Element | None) -> str | None:
    """The code of a status."""
    if element is None:
        return None
    found = element.one("coding")
    if found is None:
        return element.text("text")
    found.skip("system", "display", "version")
    element.skip("text")
    return found.text("code")


def _coded(element: Element | None) -> Coding | None:
    return coding(element) if element is not None else None


def _first_code(element: Element | None) -> Coding | None:
    """The first code of a concept, its words as the label."""
    said = concept(element)
    if said is None:
        return None
    if not said.coding:
        return Coding("", "", said.text)
    first = said.coding[0]
    return Coding(first.system, first.code, first.display or said.text, first.version)
