"""Previews in GraphQL: what would this clinician, this facility, my guardian, an ambulance see of my book?"""

from __future__ import annotations

import enum
from typing import Annotated, Any

import strawberry

from ehb.custodian.preview import Viewer
from ehb.domain.provision import DenyReason
from ehb.errors import BadInput
from ehb.services import preview as service
from graphql_schema import records
from graphql_schema.book import HealthBook
from graphql_schema.context import Info
from graphql_schema.elements import described
from graphql_schema.whose import ForPatient, book_of


class ViewerKind(enum.Enum):
    """Through whose eyes."""

    PRACTITIONER = "PRACTITIONER"
    FACILITY = "FACILITY"
    GUARDIAN = "GUARDIAN"
    EMERGENCY = "EMERGENCY"
    EMERGENCY_DECLARED = "EMERGENCY_DECLARED"


described(
    ViewerKind,
    "Through whose eyes.",
    {
        "PRACTITIONER": "The holder of `licence`, at `facility` when they work for several.",
        "FACILITY": "Anybody who works for `facility` and is named in no consent.",
        "GUARDIAN": "The guardian of the guardianship `guardian`.",
        "EMERGENCY": "Anybody at `facility`, or the holder of `licence`, after saying why it is an emergency.",
        "EMERGENCY_DECLARED": "The same after the second declaration.",
    },
)
described(
    DenyReason,
    "Why not.",
    {
        "NOT_SIGNED_IN": "Nobody was signed in.",
        "NO_LEGAL_GROUND": "Nothing allows it.",
        "BLOCKED": "The person keeps it closed, or keeps them out.",
        "ROLE_NOT_IN_FORCE": "The registry does not know them as a practitioner of that facility today.",
        "USED_UP": "The openings that were allowed are used up.",
        "EXCEPTED": "The consent that would open it leaves it out.",
        "SENSITIVE": "It is labelled, and nothing that would open it names the label.",
        "NOT_PRESENTED": "It was not shown to them.",
        "WRONG_PASSCODE": "The passcode was wrong.",
        "STEP_UP": "The login is too weak or too long ago for this.",
        "TOO_OFTEN": "More in an hour than anybody needs.",
        "OWN_REVIEW": "Nobody reviews what they did themselves.",
        "DELEGATED": "A facility's system acts for a practitioner in treating somebody else, and in nothing more.",
        "OTHER_FACILITY": "It belongs to another facility.",
        "FACILITY_SUSPENDED": "The facility is not in force.",
        "DENIED": "It is denied.",
    },
)


@strawberry.input(description="Whose eyes.")
class ViewerInput:
    kind: ViewerKind = strawberry.field(description="What the viewer is.")
    licence: str | None = strawberry.field(description="Practising licence.", default=None)
    facility: str | None = strawberry.field(description="Facility code.", default=None)
    guardian: strawberry.ID | None = strawberry.field(
        description="Opaque id of a guardianship, of `myGuardians`.", default=None
    )


@strawberry.type(description="A record that the viewer would not get.")
class WithheldRecord:
    record: records.Record = strawberry.field(description="The record.")
    reason: DenyReason = strawberry.field(description="Why not.")
    source: strawberry.ID | None = strawberry.field(description="The consent that says so, when one does.")


@strawberry.type(description="What somebody else would see of a book at this moment.")
class Preview:
    permitted: bool = strawberry.field(description="Whether they would get anything at all.")
    rule: str = strawberry.field(description="The legal ground that would let them in, or the reason against it.")
    text: str = strawberry.field(description="The same in plain words.")
    book: HealthBook | None = strawberry.field(description="The book as they would get it; null when they would not.")
    withheld: list[WithheldRecord] = strawberry.field(description="What they would not get, and why.")


@strawberry.type
class PreviewQuery:
    """Through other eyes."""

    @strawberry.field(
        description="Exactly what this viewer would get, by the same decision and the same query. Leaves one line in "
        "the access log: that you looked at a preview.",
        graphql_type=Preview,
    )
    async def preview_book(
        self,
        info: Info,
        viewer: Annotated[ViewerInput, strawberry.argument(description="Whose eyes.")],
        patient: ForPatient = None,
    ) -> Any:
        context, book = info.context, book_of(info, patient)
        seen = await service.preview(
            context.custodian,
            context.principal,
            book,
            await _viewer(info, viewer, book),
            language=context.language,
            path="previewBook",
        )
        ids, owner = context.ids, seen.seen.patient_id
        return Preview(
            permitted=seen.book is not None,
            rule=seen.rule,
            text=seen.text,
            book=seen.book,  # type: ignore[arg-type]  # the domain's book; the schema reads its attributes
            withheld=[
                WithheldRecord(
                    record=record,  # type: ignore[arg-type]  # the same of a record
                    reason=why.reason,
                    source=strawberry.ID(ids.grant(owner, why.source)) if why.source is not None else None,
                )
                for record, why in seen.seen.withheld
            ],
        )


async def _viewer(info: Info, given: ViewerInput, book: bytes | None) -> Viewer:
    if given.kind is ViewerKind.GUARDIAN:
        opened = info.context.ids.grant_key(given.guardian or "")
        if opened is None:
            raise BadInput(vi="Hãy nêu người đại diện.", en="Name the guardianship.")
        return Viewer(guardianship=opened[1] if opened[0] == book else b"")
    licence = None if given.kind is ViewerKind.FACILITY else given.licence
    role = await service.role_of(info.context.practitioners, licence, given.facility)
    declared = given.kind is ViewerKind.EMERGENCY_DECLARED
    return Viewer(role, emergency=declared or given.kind is ViewerKind.EMERGENCY, declared=declared)
