"""Papers and plans in words: compositions, documents, clinical notes, referrals, appointments.

Decision: the text of every section of a Composition is kept in the one record that the Composition becomes, also
where a section's entries are records of their own: the text is what a person wrote and signed, the entries are
how a machine reads it, and only the writer knows that they say the same.

The one invariant: no text of a paper is lost.
"""

from __future__ import annotations

import base64
import binascii
import unicodedata
from collections.abc import Iterator

from ehb.domain.records import Appointment, ClinicalImpression, Composition, Section, ServiceRequest
from ehb.formats.fhir_elements import Element, Resource, concept, concepts, period, words_of
from ehb.formats.fhir_visit import Visit
from ehb.formats.fhir_words import narrative, paragraphs, plain

_DISCHARGE = frozenset({"18842-5", "34105-7"})
"""LOINC: discharge summary, hospital discharge summary."""
_LARGEST_TEXT = 1_000_000


def composition(visit: Visit, resource: Resource) -> None:
    time, _ = visit.when(resource, "date")
    provenance = visit.provenance(resource, ("author",), ("attester", "custodian"))
    for attester in resource.each("attester"):
        attester.skip("mode", "time")
    code = concept(resource.one("type"))
    resource.skip("status", "confidentiality")
    category = visit.words.lines(resource, "category")
    texts = [text for section in resource.each("section") for text in _section(visit, section, 0)]
    event = resource.one("event")
    visit.keep(
        resource,
        Composition,
        section=_shelf(code.coding if code else ()),
        time=time,
        provenance=provenance,
        code=code,
        title=resource.text("title") or "",
        period=period(event.one("period")) if event is not None else None,
        document_number=visit.words.joined(resource, "identifier"),
        document_date=time,
        note=paragraphs([*category, *texts, visit.narrative(resource)]),
    )


def _shelf(codes: object) -> Section:
    held = {code.code for code in codes} if isinstance(codes, tuple) else set()
    return Section.DISCHARGE_PAPERS if held & _DISCHARGE else Section.RECORD_SUMMARIES


def _section(visit: Visit, section: Element, depth: int) -> Iterator[str]:
    """The title and text of a section and of those inside it; why it is empty, when it says so."""
    title = section.text("title") or words_of(section.one("code")) or ""
    text = section.one("text")
    empty = words_of(section.one("emptyReason"))
    for entry in section.each("entry"):
        if visit.bundle.resolve(entry) is not None:
            entry.skip("reference", "type", "identifier", "display")
    said = [narrative(text) if text is not None else "", f"({empty})" if empty else ""]
    if body := paragraphs(said):
        yield f"{'#' * min(depth + 1, 4)} {title}\n{body}"
    elif title and (section.given("entry") or section.given("section")):
        yield f"{'#' * min(depth + 1, 4)} {title}"
    for inner in section.each("section"):
        yield from _section(visit, inner, depth + 1)


def document(visit: Visit, resource: Resource) -> None:
    """A document by reference: its text when it is text; what cannot be shown as text stays unread, and is named."""
    time, lines = visit.when(resource, "date")
    provenance = visit.provenance(resource, ("author",), ("authenticator", "custodian"))
    code = concept(resource.one("type"))
    lines += visit.words.lines(resource, "category", "description")
    if resource.value.get("status") == "superseded":
        lines += visit.words.lines(resource, "status")
    resource.skip("status")
    if resource.value.get("docStatus") == "final":
        resource.skip("docStatus")
    titles, texts = [], []
    for content in resource.each("content"):
        attachment = content.one("attachment")
        if attachment is not None:
            titles.append(attachment.text("title"))
            texts.append(attached(attachment))
    context = resource.one("context")
    number = visit.words.joined(resource, "masterIdentifier") or visit.words.joined(resource, "identifier")
    visit.keep(
        resource,
        Composition,
        section=_shelf(code.coding if code else ()),
        time=time,
        provenance=provenance,
        code=code,
        title=next((title for title in titles if title), None) or (words_of(resource.one("type")) or ""),
        period=period(context.one("period")) if context is not None else None,
        document_number=number,
        note=paragraphs([*lines, *texts, visit.narrative(resource)]),
    )


def attached(attachment: Element) -> str | None:
    """The text inside an attachment; None for another kind of file."""
    kind, _, charset = str(attachment.value.get("contentType", "")).partition(";")
    data = attachment.value.get("data")
    if not isinstance(data, str) or kind.strip().lower() not in ("text/plain", "text/html", "application/xhtml+xml"):
        return None
    if ("charset" in charset.lower() and "utf-8" not in charset.lower()) or len(data) > _LARGEST_TEXT:
        return None
    try:
        text = base64.b64decode("".join(data.split()), validate=True).decode("utf-8-sig")
    except (binascii.Error, ValueError):
        return None
    attachment.skip("contentType", "data", "size", "hash", "language")
    return unicodedata.normalize("NFC", plain(text) if "html" in kind else text)


def clinical_impression(visit: Visit, resource: Resource) -> None:
    words = visit.words
    time, lines = visit.when(resource, "effective", "date")
    provenance = visit.provenance(resource, ("assessor",))
    status = resource.value.get("status")
    if status == "completed":
        resource.skip("status")
    lines += words.lines(resource, "statusReason", "code", "status")
    said = words.joined(resource, "description", "summary")
    found = words.joined(resource, "problem", "finding", "prognosisCodeableConcept", "prognosisReference", "note")
    visit.keep(
        resource,
        ClinicalImpression,
        section=Section.CLINICAL_NOTES,
        time=time,
        provenance=provenance,
        code=concept(resource.one("code")),
        description=paragraphs([said, found, *lines, visit.narrative(resource)]) or "",
    )


def service_request(visit: Visit, resource: Resource) -> None:
    words = visit.words
    time, lines = visit.when(resource, "authoredOn", "occurrence")
    provenance = visit.provenance(resource, (), ("requester",))
    code = concept(resource.one("code"))
    if resource.says("doNotPerform"):
        resource.skip("intent")
        visit.negated(resource, "Không thực hiện", time, provenance, "reasonCode", "note")
        return
    if resource.value.get("intent") == "order":
        resource.skip("intent")
    resource.skip("doNotPerform")
    reasons = concepts(resource.each("reasonCode"))
    performers = words.joined(resource, "performer", "locationCode", "locationReference")
    plan = words.lines(resource, "category", "intent", "priority", "bodySite", "specimen", "asNeeded", "supportingInfo")
    visit.keep(
        resource,
        ServiceRequest,
        section=Section.REFERRALS,
        time=time,
        provenance=provenance,
        code=code,
        status=resource.text("status") or "",
        referred_to=performers,
        reason=reasons.coding[0] if reasons and reasons.coding and reasons.coding[0].code else None,
        diagnosis=paragraphs([reasons.text if reasons else None, words.joined(resource, "reasonReference")]),
        services=words.joined(resource, "orderDetail", "quantity"),
        plan=paragraphs(
            [*lines, *plan, *words.lines(resource, "note", "patientInstruction"), visit.narrative(resource)]
        ),
        document_number=words.joined(resource, "requisition") or words.joined(resource, "identifier"),
    )


def appointment(visit: Visit, resource: Resource) -> None:
    words = visit.words
    time, _ = visit.when(resource, "start", "requestedPeriod")
    provenance = visit.provenance(resource, ("participant",))
    for participant in resource.each("participant"):
        participant.skip("status", "required", "type")
    code = concepts([*resource.each("appointmentType"), *resource.each("serviceType")])
    reasons = words.joined(resource, "reasonCode", "reasonReference", "description")
    visit.keep(
        resource,
        Appointment,
        section=Section.REEXAMINATION_APPOINTMENTS,
        time=time,
        provenance=provenance,
        code=code,
        status=resource.text("status") or "",
        diagnosis=paragraphs(
            [reasons, *words.lines(resource, "comment", "patientInstruction"), visit.narrative(resource)]
        ),
        document_number=words.joined(resource, "identifier"),
        issued=resource.time("created"),
    )
