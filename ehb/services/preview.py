"""Previewing a book: through the eyes of a practitioner, a facility, a guardian, or somebody in an emergency."""

from __future__ import annotations

from dataclasses import dataclass

from ehb.custodian import Custodian
from ehb.custodian.preview import Previewed, Viewer
from ehb.domain.access import Permit
from ehb.domain.book import HealthBook, assemble
from ehb.domain.identity import PractitionerRole, Principal
from ehb.domain.registry import folded_words, licence_key
from ehb.domain.trail_words import GROUNDS, REASONS
from ehb.errors import BadInput
from ehb.services.registry import Practitioners


@dataclass(frozen=True, slots=True)
class Preview:
    """What the viewer would get, the book as they would get it, and the rule in plain words."""

    seen: Previewed
    book: HealthBook | None
    rule: str
    text: str


async def role_of(practitioners: Practitioners, licence: str | None, facility: str | None) -> PractitionerRole:
    """The role a preview is about. Raises BadInput when it names nobody that the registry knows."""
    code = facility.strip().upper() if facility else ""
    if not licence:
        if not code:
            raise BadInput(vi="Hãy nêu cơ sở hoặc giấy phép hành nghề.", en="Name a facility or a practising licence.")
        return PractitionerRole("", code)
    known = await practitioners.practitioner(licence)
    if known is None:
        raise BadInput(vi="Không có giấy phép này.", en="There is no such licence.")
    if not code and len(known.facilities) != 1:
        raise BadInput(vi="Hãy nêu cơ sở.", en="Name the facility: the registry knows several, or none.")
    return PractitionerRole(
        licence_key(known.licence),
        code or known.facilities[0],
        " ".join(folded_words(known.scope or "")),
        known.number or b"",
    )


async def preview(
    custodian: Custodian, principal: Principal, patient_id: bytes | None, viewer: Viewer, *, language: str, path: str
) -> Preview:
    """What the viewer would see at this moment, and what not, and why. Raises Forbidden and NotFound."""
    seen = await custodian.previews.preview(principal, patient_id, viewer, path=path)
    en, decision = language == "en", seen.decision
    if not isinstance(decision, Permit):
        return Preview(seen, None, decision.reason.value, REASONS[decision.reason][en])
    book = assemble(seen.patient_id, seen.patient, seen.records, opened=seen.sections, now=seen.now)
    return Preview(seen, book, decision.ground.value, GROUNDS[decision.ground][en])
