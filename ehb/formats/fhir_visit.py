"""A FHIR bundle on its way to records: what all mappings share.

Owns provenance, times, labels and the account of what became of each resource. The mappings (`fhir_history`,
`fhir_results`, `fhir_medication`, `fhir_papers`) own what a resource means. The one invariant: a resource becomes
a record, becomes part of one, or is counted in a problem.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ehb.domain.coding import instant_of
from ehb.domain.records import (
    AnyRecord,
    Appointment,
    ClinicalImpression,
    Encounter,
    Facility,
    Practitioner,
    Provenance,
    Section,
)
from ehb.domain.submission import Draft
from ehb.formats.fhir_bundle import Bundle
from ehb.formats.fhir_elements import Element, Fate, Resource
from ehb.formats.fhir_labels import LABELS
from ehb.formats.fhir_problems import Found
from ehb.formats.fhir_shapes import is_time, read_time
from ehb.formats.fhir_words import Words, paragraphs, person_name

LICENCE = "http://fhir.ehealth.gov.vn/core/sid/provider-medical-license-number"
_CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
_NO_LABELS = frozenset(
    f"http://terminology.hl7.org/CodeSystem/{name}" for name in ("v3-ActReason", "v3-ObservationValue")
)
"""Security codes that say what for and how good, not how sensitive."""
_ORDINARY = frozenset({"N", "M", "L", "U"})


@dataclass(slots=True)
class Visit:
    """What is understood of a bundle so far."""

    bundle: Bundle
    facility: str
    found: Found
    words: Words
    patient: Resource | None = None
    kept: list[tuple[Resource, AnyRecord]] = field(default_factory=list)
    main: set[int] = field(default_factory=set)
    """Ids of the Conditions that an encounter ranks first."""

    # Who

    def people(self, resource: Element, *names: str) -> list[Resource | str]:
        """Whom references under some names mean: a resource, or the display of one that is not here."""
        found: list[Resource | str] = []
        for name in names:
            for element in resource.each(name):
                reference = element if element.kind == "Reference" else _actor(element)
                resolved = self.bundle.resolve(reference)
                if reference is not None and resolved is not None:
                    reference.skip("reference", "type", "identifier", "display")
                    found.append(resolved)
                elif reference is not None and (display := reference.text("display")):
                    found.append(display)
        return found

    def provenance(self, resource: Resource, did: tuple[str, ...] = (), wrote: tuple[str, ...] = ()) -> Provenance:
        """Who did it and who ordered or wrote it; an organization among them is where it was done."""
        doers, writers = self.people(resource, *did), self.people(resource, *wrote)
        organizations = [name for one in (*doers, *writers) if (name := self._organization(one))]
        doing = [person for one in doers if (person := self._practitioner(one))]
        writing = [person for one in writers if (person := self._practitioner(one))]
        return Provenance(
            facility=Facility(self.facility),
            practitioner=doing[0] if doing else None,
            author=writing[0] if writing else None,
            organization=organizations[0] if organizations else None,
            submitted_at="",
            source="",
        )

    def _practitioner(self, one: Resource | str) -> Practitioner | None:
        if isinstance(one, str):
            return Practitioner(name=one)
        one.fold()
        if one.kind == "PractitionerRole":
            found = [person for person in self.people(one, "practitioner") if not _is(person, "PractitionerRole")]
            return self._practitioner(found[0]) if found else None
        if one.kind == "Practitioner":
            name = one.one("name")
            title = " ".join(name.primitives("prefix")) if name else ""
            return Practitioner(_licence(one), f"{title} {person_name(name)}".strip() if name else None)
        return Practitioner(name="Người bệnh") if one.kind == "Patient" else None

    def _organization(self, one: Resource | str) -> str | None:
        if isinstance(one, str):
            return None
        one.fold()
        if one.kind == "PractitionerRole":
            found = [held for held in self.people(one, "organization") if not _is(held, "PractitionerRole")]
            return self._organization(found[0]) if found else None
        return self.words.called(one) if one.kind in ("Organization", "Location") else None

    # When

    def when(self, resource: Resource, *names: str) -> tuple[str, list[str]]:
        """The first of some elements that is a time, and a line for each of the others; ("", lines) for none."""
        time = ""
        lines: list[str] = []
        for name in names:
            found = _start(resource, name) if not time else None
            if found:
                time = found
                if end := _end(resource, name):
                    lines.append(f"{LABELS['abatement']}: {end}")
            elif resource.time(name) != time:
                lines += self.words.lines(resource, name)
        return time, lines

    # What becomes of a resource

    def keep(self, resource: Resource, kind: Callable[..., AnyRecord], **content: Any) -> None:
        """This resource is one record of this kind."""
        resource.became = Fate.RECORD
        self.kept.append((resource, kind(labels=self.labels(resource), **content)))

    def negated(self, resource: Resource, said: str, time: str, provenance: Provenance, *names: str) -> None:
        """Something that is not so, or was not done: a note that says it, for in a list it would read as if it were."""
        lines = [f"{said}: {self.words.called(resource) or '…'}", *self.words.lines(resource, *names)]
        if "status" in resource.shape.names:
            resource.skip("status")
        self.keep(
            resource,
            ClinicalImpression,
            section=Section.CLINICAL_NOTES,
            time=time,
            provenance=provenance,
            description=paragraphs(lines) or "",
        )

    def in_error(self, resource: Resource) -> bool:
        """Whether a resource says of itself that it should not be there; then it is counted as such."""
        status = resource.value.get("status")
        verification = resource.one("verificationStatus") if "verificationStatus" in resource.shape.names else None
        codes = [one.value.get("code") for one in verification.each("coding")] if verification else []
        if "entered-in-error" not in (status, *codes):
            return False
        resource.became = Fate.ERROR
        return True

    def labels(self, resource: Resource) -> tuple[str, ...]:
        """The sensitivity labels that the sender put on a resource."""
        meta = resource.one("meta")
        found: set[str] = set()
        for security in meta.each("security") if meta else ():
            label = label_of(security.value)
            if label is not None:
                security.skip("system", "code", "display", "version")
                found.add(label)
        return tuple(sorted(found - {""}))

    def narrative(self, resource: Resource) -> str | None:
        """The text of a resource that holds more than its elements; what was generated from them says nothing new."""
        text = resource.one("text")
        if text is None or text.value.get("status") != "additional":
            resource.skip("text")
            return None
        return self.words.joined(resource, "text")

    # The end

    def drafts(self) -> tuple[Draft, ...]:
        """The records with their times; what says none takes the encounter's, or the document's."""
        assumed: Counter[str] = Counter()
        whole = [paper for paper in self.bundle.of("Composition") if not paper.faulty]
        papers = [time for paper in whole if (time := paper.time("date"))]
        known = [record.time for _, record in self.kept if record.time]
        latest = max(known, key=instant_of, default=None)
        stamped = self.bundle.value.get("timestamp")
        stamped = read_time(stamped) if isinstance(stamped, str) and is_time(stamped) else None
        drafts = []
        for resource, record in self.kept:
            if not record.time:
                time = next(iter((*self._encounter_times(resource), *papers)), None) or latest or stamped
                if time is None:
                    self.found.report("fhir.time_missing", resource.path)
                    continue
                assumed[resource.kind] += 1
                record = _without_time(record, time)
            drafts.append(Draft(record, resource.identity, resource.kind, _position(resource)))
        for kind, count in sorted(assumed.items()):
            self.found.count("fhir.time_assumed", kind, count)
        return _newest_first(drafts)

    def _encounter_times(self, resource: Resource) -> Iterator[str]:
        for name in ("encounter", "context"):
            if name in resource.shape.names and resource.kind_of(name) == "Reference":
                encounter = self.bundle.resolve(resource.one(name))
                if encounter is not None and encounter.kind == "Encounter" and (time := _start(encounter, "period")):
                    yield time


def _newest_first(drafts: list[Draft]) -> tuple[Draft, ...]:
    """The newest encounter (else the newest record) in front: a visit is of the day of its first, and a bundle may
    hold a whole life, of which the day of birth is the wrong one to judge it by."""
    stays = [draft for draft in drafts if isinstance(draft.record, Encounter)]
    if not (candidates := stays or [draft for draft in drafts if not isinstance(draft.record, Appointment)]):
        return tuple(drafts)
    newest = max(candidates, key=lambda draft: instant_of(draft.record.time))
    return (newest, *(draft for draft in drafts if draft is not newest))


def label_of(security: dict[str, Any]) -> str | None:
    """The label of one meta.security: empty for ordinary confidentiality, None for what is no label.

    A label that we do not know is one all the same: it is kept, and the domain names it.
    """
    system, code = security.get("system"), security.get("code")
    if not isinstance(code, str) or not code.strip() or system in _NO_LABELS:
        return None
    if system == _CONFIDENTIALITY and code not in ("R", "V"):
        return "" if code in _ORDINARY else None
    return code


def _actor(element: Element) -> Element | None:
    """The Reference inside a performer, participant, attester …"""
    for name in ("actor", "individual", "party", "onBehalfOf"):
        if name in element.shape.names and (found := element.one(name)) is not None:
            return found
    return None


def _is(one: Resource | str, kind: str) -> bool:
    return isinstance(one, Resource) and one.kind == kind


def _licence(practitioner: Resource) -> str | None:
    """The practising-licence number: by our guide's system, or an identifier that calls itself one (v2-0203 MD)."""
    for identifier in practitioner.each("identifier"):
        kind = identifier.one("type")
        codes = {one.value.get("code") for one in kind.each("coding")} if kind else set()
        if identifier.value.get("system") == LICENCE or "MD" in codes:
            return identifier.text("value")
    return None


def _start(element: Element, name: str) -> str | None:
    if (time := element.time(name)) is not None:
        return time
    found = element.one(name) if element.kind_of(name) in ("Period", "Timing") else None
    if found is None:
        return None
    if found.kind == "Period":
        return found.time("start") or found.time("end")
    events = found.primitives("event")
    return events[0] if events else None


def _end(element: Element, name: str) -> str | None:
    found = element.one(name) if element.kind_of(name) == "Period" else None
    return found.time("end") if found is not None and found.value.get("start") else None


def _position(resource: Resource) -> int:
    """The row of a resource: its entry, counted from 1 as rows are."""
    return int(resource.path.removeprefix("Bundle.entry[").partition("]")[0]) + 1


def _without_time(record: AnyRecord, time: str) -> AnyRecord:
    said = "Không ghi thời điểm; xếp theo lượt khám hoặc ngày của giấy."
    if "note" not in record.__struct_fields__:
        return msgspec.structs.replace(record, time=time)
    return msgspec.structs.replace(record, time=time, note=paragraphs([getattr(record, "note", None), said]))
