"""What was done for the person: procedures, devices, drugs, plans of care.

The one invariant: an order not to do something never stands among the things that were ordered; it becomes a note.
"""

from __future__ import annotations

from collections.abc import Iterator

from ehb.domain.records import CarePlan, MedicationRequest, Procedure, Section
from ehb.formats.fhir_elements import (
    Element,
    Resource,
    concept,
    concept_of_words,
    concepts,
    period,
    quantity,
    words_of,
)
from ehb.formats.fhir_visit import Visit
from ehb.formats.fhir_words import amount, paragraphs


def procedure(visit: Visit, resource: Resource) -> None:
    words = visit.words
    time, lines = visit.when(resource, "performed")
    provenance = visit.provenance(resource, ("performer",), ("recorder", "asserter"))
    for performer in resource.each("performer"):
        performer.skip("function")
    if resource.value.get("status") == "not-done":
        visit.negated(resource, "Không thực hiện", time, provenance, "statusReason", "reasonCode", "note")
        return
    category = concept(resource.one("category"))
    reasons = concepts(resource.each("reasonCode"))
    coded = tuple(code for code in reasons.coding if code.code) if reasons else ()
    if reasons and (reasons.text or not coded):
        lines.append(f"Lý do: {reasons.text or ''}")
    lines += words.lines(
        resource, "statusReason", "reasonReference", "location", "outcome", "complication", "complicationDetail",
        "followUp", "note",
    )  # fmt: skip
    visit.keep(
        resource,
        Procedure,
        section=Section.PROCEDURES,
        time=time,
        provenance=provenance,
        code=concept(resource.one("code")),
        status=resource.text("status") or "",
        category=category.coding[0] if category and category.coding else None,
        used=concepts(resource.each("usedCode")),
        body_site=words.joined(resource, "bodySite"),
        reason=coded,
        note=paragraphs([*lines, visit.narrative(resource)]),
    )


def device_use(visit: Visit, resource: Resource) -> None:
    """A device that the person carries: kept as a procedure, because that is how it came to them."""
    time, lines = visit.when(resource, "timing", "recordedOn")
    provenance = visit.provenance(resource, (), ("source",))
    device = visit.bundle.resolve(resource.one("device"))
    code = concept(device.one("type")) if device is not None and device.kind == "Device" else None
    used = visit.words.joined(resource, "device")
    lines += visit.words.lines(resource, "reasonCode", "reasonReference", "note")
    visit.keep(
        resource,
        Procedure,
        section=Section.PROCEDURES,
        time=time,
        provenance=provenance,
        code=code or concept_of_words(used),
        status=resource.text("status") or "",
        body_site=words_of(resource.one("bodySite")),
        note=paragraphs([f"Thiết bị: {used}" if code and used else None, *lines, visit.narrative(resource)]),
    )


def medication_request(visit: Visit, resource: Resource) -> None:
    words = visit.words
    time, lines = visit.when(resource, "authoredOn")
    provenance = visit.provenance(resource, ("performer",), ("requester", "recorder"))
    if resource.says("doNotPerform"):
        resource.skip("intent")
        drug = words.joined(resource, "medication")
        visit.negated(resource, f"Không dùng thuốc {drug or ''}".strip(), time, provenance, "reasonCode", "note")
        return
    resource.skip("doNotPerform")
    if resource.value.get("intent") != "order":
        lines += words.lines(resource, "intent")
    resource.skip("intent")
    supply = resource.one("dispenseRequest")
    names = ("statusReason", "priority", "reasonCode", "reasonReference", "note", "substitution")
    _drug(visit, resource, time, "dosageInstruction", supply, [*lines, *words.lines(resource, *names)], provenance)


def medication_statement(visit: Visit, resource: Resource) -> None:
    """A drug that the person takes, by their own or another's word; the instructions say that it is no prescription."""
    time, lines = visit.when(resource, "effective", "dateAsserted")
    provenance = visit.provenance(resource, (), ("informationSource",))
    names = ("statusReason", "category", "reasonCode", "reasonReference", "note")
    lines = ["Thuốc đang dùng theo lời khai, không phải đơn thuốc.", *lines, *visit.words.lines(resource, *names)]
    _drug(visit, resource, time, "dosage", None, lines, provenance)


def _drug(
    visit: Visit,
    resource: Resource,
    time: str,
    dosages: str,
    supply: Element | None,
    lines: list[str],
    provenance: object,
) -> None:
    drug = visit.bundle.resolve(resource.one("medication")) if resource.kind_of("medication") == "Reference" else None
    held = drug if drug is not None and drug.kind == "Medication" else None
    code = concept(resource.one("medication")) if resource.kind_of("medication") == "CodeableConcept" else None
    if held is not None:
        held.fold()
        code = concept(held.one("code"))
        held.skip("status")
    if resource.kind_of("medication") == "Reference":
        called = visit.words.joined(resource, "medication")
        code = code or concept_of_words(called)
    if code is None:
        rule = "fhir.reference_dangling" if resource.kind_of("medication") == "Reference" else "fhir.required"
        visit.found.report(rule, f"{resource.path}.{resource.given('medication')}")
    doses = [_dose(visit, one) for one in resource.each(dosages)]
    visit.keep(
        resource,
        MedicationRequest,
        section=Section.PRESCRIPTIONS,
        time=time,
        provenance=provenance,
        code=code,
        status=resource.text("status") or "",
        strength="; ".join(_strengths(visit, held)) or None if held is not None else None,
        form=words_of(held.one("form")) if held is not None else None,
        route="; ".join(dict.fromkeys(route for route, _, _ in doses if route)) or None,
        dosage="; ".join(dose for _, dose, _ in doses if dose) or None,
        instructions=paragraphs(
            [*(said for _, _, said in doses), *_supplied(supply), *lines, visit.narrative(resource)]
        ),
        quantity=quantity(supply.one("quantity")) if supply is not None else None,
    )


def _dose(visit: Visit, element: Element) -> tuple[str | None, str | None, str | None]:
    """Route, dose and advice of one dosage; the dose as written, else from its parts."""
    words = visit.words
    element.skip("sequence")
    amounts = [size for one in element.each("doseAndRate") if (size := _amount(visit, one))]
    needed = element.kind_of("asNeeded")
    parts = [
        element.text("text"),
        *amounts,
        words.joined(element, "timing"),
        words_of(element.one("method")),
        words_of(element.one("site")),
        f"khi cần: {words_of(element.one('asNeeded'))}" if needed == "CodeableConcept" else None,
        "khi cần" if element.says("asNeeded") else None,
        *(
            f"tối đa {most}"
            for name in ("maxDosePerPeriod", "maxDosePerAdministration", "maxDosePerLifetime")
            if (most := words.joined(element, name))
        ),
    ]
    advice = words.joined(element, "additionalInstruction", "patientInstruction")
    return words_of(element.one("route")), ", ".join(part for part in parts if part) or None, advice


def _amount(visit: Visit, element: Element) -> str:
    """A dose or rate, with its kind unless it is what was ordered."""
    kind, size = words_of(element.one("type")), visit.words.joined(element, "dose", "rate")
    if not size:
        return ""
    return f"{kind}: {size}" if kind and kind.lower() != "ordered" else size


def _strengths(visit: Visit, drug: Resource) -> Iterator[str]:
    """What a drug is made of, each with its strength, and the amount of a package."""
    for ingredient in drug.each("ingredient"):
        name = visit.words.joined(ingredient, "item")
        strength = visit.words.joined(ingredient, "strength")
        ingredient.skip("isActive")
        if name or strength:
            yield " ".join(part for part in (name, strength) if part)
    if size := visit.words.joined(drug, "amount"):
        yield size


def _supplied(supply: Element | None) -> Iterator[str]:
    if supply is None:
        return
    if (again := supply.text("numberOfRepeatsAllowed")) and again != "0":
        yield f"Được cấp lại {again} lần"
    lasting = supply.one("expectedSupplyDuration")
    if lasting is not None:
        yield f"Đủ dùng {amount(lasting)}"
    valid = period(supply.one("validityPeriod"))
    if valid is not None:
        yield f"Hiệu lực: {valid.start or '…'} – {valid.end or '…'}"


def care_plan(visit: Visit, resource: Resource) -> None:
    words = visit.words
    time = visit.when(resource, "created")[0] or visit.when(resource, "period")[0]
    provenance = visit.provenance(resource, (), ("author", "contributor"))
    goals = tuple(said for element in resource.each("goal") if (said := _goal(visit, element)))
    activities = tuple(said for one in resource.each("activity") if (said := _activity(visit, one)))
    code = concepts(resource.each("category"))
    lines = words.lines(resource, "addresses", "supportingInfo", "note")
    if team := words.joined(resource, "careTeam"):
        lines.append(f"Nhóm chăm sóc: {team}")
    if resource.value.get("intent") in ("plan", "order"):
        resource.skip("intent")
    lines += words.lines(resource, "intent")
    visit.keep(
        resource,
        CarePlan,
        section=Section.CARE_PLANS,
        time=time,
        provenance=provenance,
        code=code,
        status=resource.text("status") or "",
        title=resource.text("title") or (code.text if code else None) or "",
        period=period(resource.one("period")),
        goals=goals,
        activities=activities,
        note=paragraphs([resource.text("description"), *lines, visit.narrative(resource)]),
    )


def _goal(visit: Visit, element: Element) -> str:
    """A goal: what is to be reached, how far it is, by when."""
    goal = visit.bundle.resolve(element)
    if goal is None or goal.kind != "Goal":
        return visit.words.referred(element)
    element.skip("reference", "type", "identifier", "display")
    goal.fold()
    said = words_of(goal.one("description")) or ""
    state = [goal.text("lifecycleStatus"), words_of(goal.one("achievementStatus"))]
    targets = visit.words.joined(goal, "target")
    details = ", ".join(part for part in (*state, targets) if part)
    notes = visit.words.joined(goal, "priority", "start", "note", "addresses")
    return "; ".join(part for part in (f"{said} ({details})" if details else said, notes) if part)


def _activity(visit: Visit, element: Element) -> str:
    """An activity: what is to be done, when, and how far it is."""
    words = visit.words
    detail = element.one("detail")
    parts = [words.joined(element, "reference", "outcomeCodeableConcept", "outcomeReference", "progress")]
    if detail is not None:
        what = words.joined(detail, "code", "description", "product")
        how = words.joined(
            detail, "status", "statusReason", "scheduled", "location", "performer", "dailyAmount", "quantity", "goal"
        )
        forbidden = "KHÔNG: " if detail.says("doNotPerform") else ""
        detail.skip("doNotPerform")
        parts.append(f"{forbidden}{what or ''}{f' ({how})' if how else ''}")
    return "; ".join(part for part in parts if part)
