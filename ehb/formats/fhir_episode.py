"""Which episode a bundle tells about, and which facility it names.

The episode is what makes a resend a resend: Bundle.identifier, else the Composition's, else Bundle.id. A bundle
without any of them is known by its patient's best identifier (else the patient's own URL or id) and its first
encounter or, without one, its first resource that has a time. Not by URLs alone: a transaction invents them, and
two patients that one exporter both calls Patient/1 must never share an episode. We give up that a bundle without
identifier whose patient number was mended is known as the same one; who wants that sends Bundle.identifier.

The one invariant: two patients never share an episode that the sender did not name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator

from ehb.domain.submission import PatientDetails
from ehb.formats.fhir_bundle import Bundle
from ehb.formats.fhir_elements import Resource
from ehb.formats.fhir_json import dumped

_SID = "http://fhir.ehealth.gov.vn/core/sid/"
_FACILITY_CODE = re.compile(r"[0-9]{2}[0-9A-Z]{3}")
_LONGEST = 200


def named_facility(bundle: Bundle) -> str | None:
    """The facility code of who keeps the document or received the person, when the bundle says it."""
    for kind, name in (("Composition", "custodian"), ("Encounter", "serviceProvider")):
        for resource in bundle.of(kind):
            keeper = bundle.resolve(resource.one(name)) if not resource.faulty else None
            if keeper is None or keeper.kind != "Organization":
                continue
            for identifier in keeper.each("identifier"):
                system, value = identifier.value.get("system"), identifier.value.get("value")
                if str(system).startswith(_SID) and isinstance(value, str) and _FACILITY_CODE.fullmatch(value):
                    return value
    return None


def episode_of(bundle: Bundle, patient: Resource | None, details: PatientDetails, kinds: Collection[str]) -> str:
    """The episode code of a bundle; empty when it has neither a name nor a patient."""
    for holder in (bundle.value, *(one.value for one in bundle.of("Composition")[:1])):
        identifier = holder.get("identifier")
        if isinstance(identifier, dict) and isinstance(value := identifier.get("value"), str) and value.strip():
            system = identifier.get("system")
            return _short(f"{system}|{value}" if isinstance(system, str) else value)
    if isinstance(own := bundle.value.get("id"), str) and own.strip():
        return _short(own)
    if patient is None:
        return ""
    best = next((f"{one.system}|{one.value}" for one in (*details.identifiers, *details.cards)), patient.identity)
    return _hashed(dumped([best, _first(bundle, kinds)]))


def _first(bundle: Bundle, kinds: Collection[str]) -> list[str]:
    """The first encounter, by its own identifier or else its time; without one the first thing that has a time."""
    stays = [(str(stay.value.get("period")), stay) for stay in bundle.of("Encounter")]
    if stays:
        first = min(stays, key=lambda stay: (_start_of(stay[1]), stay[1].identity))[1]
        return [dumped(first.value.get("identifier")), _start_of(first)]
    times = [(time, one.kind) for one in bundle.resources if one.kind in kinds for time in _times(one)]
    return list(min(times, default=("", "")))


def _start_of(stay: Resource) -> str:
    period = stay.value.get("period")
    return str(period.get("start")) if isinstance(period, dict) else ""


def _times(resource: Resource) -> Iterator[str]:
    for name, field in resource.shape.fields.items():
        if field.kind in ("dateTime", "instant", "date") and isinstance(time := resource.value.get(name), str):
            yield time


def _short(episode: str) -> str:
    mended = episode.encode("utf-8", "replace").decode()  # broken text is refused, and its receipt still names it
    return mended if len(mended) <= _LONGEST else _hashed(mended)


def _hashed(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
