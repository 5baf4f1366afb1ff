"""What was measured and seen: observations, reports, imaging studies.

Decision: a laboratory Observation that no report names becomes a report with one result, because the summary of
the book reads results from reports, and so do its readers. An Observation of the social history is a risk factor;
one that the person took is a home reading; a survey is a screening; every other (vital signs, examination) is a
health-check report. Members of a laboratory panel stand inside its report. We give up that each of them can be
labelled on its own.

The one invariant: a number keeps its digits, and a value that is no number keeps its words.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from decimal import Decimal

from ehb.domain.coding import CodeableConcept, Coding, Quantity
from ehb.domain.records import DiagnosticReport, Observation, Result, Section
from ehb.formats.fhir_elements import Element, Resource, coding, concept, concepts, name_of, quantity, words_of
from ehb.formats.fhir_visit import Visit
from ehb.formats.fhir_words import paragraphs

_IMAGING = frozenset(
    {
        "RAD", "RX", "CT", "NMR", "MR", "RUS", "OUS", "VUS", "CUS", "CTH", "NRS", "XRC", "NMS", "EC", "imaging",
        "LP29684-5", "18726-0", "18748-4",
    }
)  # fmt: skip
_OTHER_SECTIONS = {"social-history": Section.RISK_FACTORS, "survey": Section.SCREENINGS}
_LABORATORY = frozenset({"laboratory", "LAB"})


def folded_observations(visit: Visit) -> set[int]:
    """Ids of the Observations that stand inside a report: what a report names, and the members of laboratory panels."""
    waiting = [
        (one, name)
        for kind, name in (("DiagnosticReport", "result"), ("Observation", "hasMember"))
        for one in visit.bundle.of(kind)
        if not one.faulty
        and one.value.get("status") != "entered-in-error"
        and (kind == "DiagnosticReport" or _LABORATORY & _categories(one))
    ]
    found: set[int] = set()
    while waiting:
        owner, name = waiting.pop()
        for member in _named(visit, owner, name):
            if member is not owner and id(member) not in found:
                found.add(id(member))
                waiting.append((member, "hasMember"))
    return found


def _named(visit: Visit, owner: Resource, name: str) -> Iterator[Resource]:
    for element in owner.each(name):
        member = visit.bundle.resolve(element)
        if member is not None and member.kind == "Observation":
            yield member


def _members(visit: Visit, resource: Resource, name: str) -> list[Resource]:
    """The Observations that a report or a panel names, then those of panels among them; none twice, in order.

    A panel that stands in another report already is not opened again: its members are there.
    """
    held, found = {id(resource)}, []
    waiting = deque([(resource, name)])
    while waiting:
        owner, named = waiting.popleft()
        for member in _named(visit, owner, named):
            if id(member) not in held:
                held.add(id(member))
                found.append(member)
                if member.became is None:
                    waiting.append((member, "hasMember"))
    return found


def report(visit: Visit, resource: Resource) -> None:
    provenance = visit.provenance(resource, ("performer",), ("resultsInterpreter",))
    time, lines = visit.when(resource, "effective", "issued")
    category = resource.each("category")
    codes = {code.code for one in category if (said := concept(one)) for code in said.coding}
    imaging = bool(codes & _IMAGING) or bool(resource.given("imagingStudy"))
    lines += visit.words.lines(resource, "specimen")
    visit.keep(
        resource,
        DiagnosticReport,
        section=Section.IMAGING_RESULTS if imaging else Section.LABORATORY_RESULTS,
        time=time,
        provenance=provenance,
        code=concept(resource.one("code")),
        status=resource.text("status") or "",
        category=_category(category),
        results=tuple(_results(visit, resource, "result")),
        conclusion=paragraphs(
            [
                resource.text("conclusion"),
                *visit.words.lines(resource, "conclusionCode"),
                *lines,
                visit.narrative(resource),
            ]
        ),
    )


def _results(visit: Visit, resource: Resource, name: str) -> Iterator[Result]:
    """The results that a report names; of one that is not in the bundle only its display."""
    for element in resource.each(name):
        found = visit.bundle.resolve(element)
        if found is not None and found.kind == "Observation":
            element.skip("reference", "type", "identifier", "display")
        elif display := element.text("display"):
            yield Result(code=CodeableConcept(text=display))
    for one in _members(visit, resource, name):
        if not visit.in_error(one):
            yield from _result(visit, one, resource)
            one.fold()


def _result(visit: Visit, resource: Resource, report: Resource) -> Iterator[Result]:
    """An Observation inside a report: itself, then its components. What is as in the report is not said again."""
    resource.skip("category", "hasMember")
    for name in ("effective", "issued", "performer", "encounter"):
        if (given := resource.given(name)) and resource.value[given] == report.value.get(given):
            resource.skip(name)
    if resource.value.get("status") in ("final", report.value.get("status")):
        resource.skip("status")
    names = [name for name in ("status", "effective", "issued", "performer") if not resource.was_read(name)]
    yield _measured(visit, resource, visit.words.lines(resource, *names, "specimen", "device", "note"))
    for component in resource.each("component"):
        yield _measured(visit, component)


def _measured(visit: Visit, element: Element, lines: list[str] | None = None) -> Result:
    """The value of an Observation or a component. `note` holds what has no place of its own."""
    value = quantity(element.one("value")) if element.kind_of("value") == "Quantity" else None
    if element.kind_of("value") == "integer":
        value = Quantity(Decimal(element.text("value") or "0"))
    said = visit.words.joined(element, "value") if value is None else None
    notes = [*(lines or []), *visit.words.lines(element, "dataAbsentReason", "referenceRange")]
    if "method" in element.shape.names:
        notes += visit.words.lines(element, "method", "bodySite")
    return Result(
        code=concept(element.one("code")) or CodeableConcept(),
        value=value,
        text=said,
        interpretation=name_of(concepts(element.each("interpretation"))),
        note=paragraphs(notes),
    )


def observation(visit: Visit, resource: Resource) -> None:
    """An Observation that no report names."""
    time, lines = visit.when(resource, "effective", "issued")
    categories = _categories(resource)
    provenance = visit.provenance(resource, ("performer",))
    said = _measured(visit, resource, [*lines, *visit.words.lines(resource, "specimen", "device", "note")])
    parts = tuple(_measured(visit, one) for one in resource.each("component"))
    by_person = any(isinstance(one, Resource) and one.kind == "Patient" for one in visit.people(resource, "performer"))
    section = Section.HOME_READINGS if by_person else Section.HEALTH_CHECKS
    section = next((_OTHER_SECTIONS[one] for one in sorted(categories) if one in _OTHER_SECTIONS), section)
    if categories & _LABORATORY:
        section = Section.LABORATORY_RESULTS
    elif categories & _IMAGING:
        section = Section.IMAGING_RESULTS
    status = resource.text("status") or ""
    if section in (Section.RISK_FACTORS, Section.HOME_READINGS):
        unfinished = [f"Trạng thái: {status}"] if status not in ("final", "amended", "corrected") else []
        members = visit.words.lines(resource, "hasMember")
        visit.keep(
            resource,
            Observation,
            section=section,
            time=time,
            provenance=provenance,
            code=said.code,
            value=said.value,
            text=said.text,
            components=parts,
            note=paragraphs([said.interpretation, said.note, *members, *unfinished, visit.narrative(resource)]),
        )
        return
    inside = tuple(_results(visit, resource, "hasMember")) if section is Section.LABORATORY_RESULTS else ()
    named = visit.words.lines(resource, "hasMember") if not inside else []
    own = (said,) if said.value or said.text or said.note or not (parts or inside) else ()
    visit.keep(
        resource,
        DiagnosticReport,
        section=section,
        time=time,
        provenance=provenance,
        code=said.code,
        status=status,
        category=_category(resource.each("category")),
        results=(*own, *parts, *inside),
        conclusion=paragraphs([*named, visit.narrative(resource)]),
    )


def imaging_study(visit: Visit, resource: Resource) -> None:
    words = visit.words
    time, _ = visit.when(resource, "started")
    provenance = visit.provenance(resource, ("interpreter",), ("referrer",))
    modality = concepts(resource.each("modality"))
    results = []
    for series in resource.each("series"):
        seen = " ".join(part for part in (words_of(series.one("bodySite")), words.joined(series, "laterality")) if part)
        images = series.text("numberOfInstances")
        text = "; ".join(part for part in (seen, series.text("description"), f"{images} ảnh" if images else "") if part)
        series.skip("number", "started")
        results.append(Result(code=concept(series.one("modality")) or CodeableConcept(), text=text or None))
    counted = [
        f"{label}: {count}"
        for label, name in (("Số loạt ảnh", "numberOfSeries"), ("Số ảnh", "numberOfInstances"))
        if (count := resource.text(name))
    ]
    visit.keep(
        resource,
        DiagnosticReport,
        section=Section.IMAGING_RESULTS,
        time=time,
        provenance=provenance,
        code=concepts(resource.each("procedureCode")) or modality or (results[0].code if results else None),
        status=resource.text("status") or "",
        results=tuple(results),
        conclusion=paragraphs(
            [
                resource.text("description"),
                *counted,
                *words.lines(resource, "reasonCode", "reasonReference", "location", "note"),
                visit.narrative(resource),
            ]
        ),
    )


def _categories(resource: Resource) -> set[str]:
    return {
        code for one in resource.each("category") for held in one.each("coding") if (code := held.value.get("code"))
    }


def _category(categories: list[Element]) -> Coding | None:
    """The first code of the first category; the others were read for the section."""
    found = [code for one in categories for held in one.each("coding") if (code := coding(held))]
    for one in categories:
        one.skip("text")
    return found[0] if found else None
