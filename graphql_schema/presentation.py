"""Presentations in GraphQL: a citizen shows part of the book by a code, a clinician opens it."""

from __future__ import annotations

import base64
from typing import Annotated, cast

import strawberry

from ehb.custodian.presentations import Closed
from ehb.domain import presentation as domain
from ehb.domain.records import Section
from ehb.services import presentation as service
from graphql_schema.context import Info
from graphql_schema.elements import PartialDateTime, described, instant
from graphql_schema.whose import NOBODY, DonePayload, ForPatient, book_of

described(
    domain.NotOpened,
    "Why a presentation was not opened.",
    {
        "UNKNOWN": "No code of ours, or one of long ago.",
        "ENDED": "It is over.",
        "TAKEN": "Somebody else opened it first.",
        "PASSCODE_WRONG": "The passcode is wrong; `attemptsLeft` says how often it may be.",
        "LOCKED": "Too many wrong passcodes. Ask for a new code.",
    },
)


@strawberry.input(description="What to show.")
class PresentationInput:
    sections: list[Section] = strawberry.field(description="The sections to show.")
    minutes: int = strawberry.field(description="For how long, 1 to 240.", default=15)
    passcode: str | None = strawberry.field(
        description="4 to 12 digits that you tell the clinician. Five wrong ones in all, and it never opens.",
        default=None,
    )
    labels: list[str] | None = strawberry.field(
        description="Sensitivity labels of records to show too; none when left out.", default=None
    )


@strawberry.type(description="Part of a book that is shown, or was.")
class Presentation:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    sections: list[Section] = strawberry.field(description="What is shown.")
    labels: list[str] = strawberry.field(description="Sensitivity labels shown too.")
    begun_at: PartialDateTime = strawberry.field(description="Since when.")
    until: PartialDateTime = strawberry.field(description="Until when, unless ended before.")
    ended_at: PartialDateTime | None = strawberry.field(description="When you ended it.")
    opened_at: PartialDateTime | None = strawberry.field(description="When it was opened.")
    opened_by_licence: str | None = strawberry.field(description="The practising licence of whoever opened it.")
    opened_by_facility: str | None = strawberry.field(description="The code of the facility it was opened at.")
    passcode_attempts_left: int | None = strawberry.field(description="Wrong passcodes it still bears.")
    in_force: bool = strawberry.field(description="Whether it can be opened or read at this moment.")


@strawberry.type(description="What came of starting to show something.")
class StartPresentationPayload:
    presentation: Presentation = strawberry.field(description="What is shown.")
    code: str = strawberry.field(description="What the QR code holds: a secret, no personal data. Given once.")
    qr_svg: str = strawberry.field(description="The QR code as an SVG document.")
    qr_png: str = strawberry.field(description="The QR code as a PNG in base64.")


@strawberry.type(description="Why nothing was opened.")
class PresentationProblem:
    code: domain.NotOpened = strawberry.field(description="Why.")
    attempts_left: int | None = strawberry.field(description="For a wrong passcode: how many are left.")


@strawberry.type(description="What came of opening what is shown.")
class OpenPresentationPayload:
    patient: strawberry.ID | None = strawberry.field(
        description="Opaque id of the person: read with `healthBook(patient:, purpose: TREATMENT)`."
    )
    sections: list[Section] = strawberry.field(description="What is shown; empty when nothing was opened.")
    until: PartialDateTime | None = strawberry.field(description="Until when.")
    problems: list[PresentationProblem] = strawberry.field(description="Why nothing was opened; empty when it was.")


PresentationId = Annotated[strawberry.ID, strawberry.argument(description="Opaque id of the presentation.")]


def _shown(info: Info, patient_id: bytes, held: domain.HeldPresentation) -> Presentation:
    shown, holder = held.presentation, held.holder
    return Presentation(
        id=strawberry.ID(info.context.ids.grant(patient_id, shown.id)),
        sections=sorted(shown.sections),
        labels=sorted(shown.labels),
        begun_at=instant(shown.begun_at),
        until=instant(shown.until),
        ended_at=instant(held.ended_at) if held.ended_at else None,
        opened_at=instant(held.opened_at) if held.opened_at else None,
        opened_by_licence=holder.licence if holder else None,
        opened_by_facility=holder.facility if holder else None,
        passcode_attempts_left=held.attempts_left if shown.passcode is not None else None,
        in_force=held.in_force(info.context.clock()),
    )


@strawberry.type
class PresentationQuery:
    """What is shown."""

    @strawberry.field(description="What you showed in the last months and show now, the newest first.")
    async def my_presentations(self, info: Info, patient: ForPatient = None) -> list[Presentation]:
        book = book_of(info, patient)
        held = await info.context.custodian.presentations.list(info.context.principal, book, path="myPresentations")
        return [_shown(info, cast(bytes, book), one) for one in held]


@strawberry.type
class PresentationMutation:
    """Showing, ending, opening."""

    @strawberry.mutation(
        description="Show part of your book to the clinician in front of you, for some minutes. Without a passcode "
        "STEP_UP_REQUIRED when the login is too weak or too long ago."
    )
    async def start_presentation(
        self,
        info: Info,
        presentation: Annotated[PresentationInput, strawberry.argument(description="What to show.")],
        patient: ForPatient = None,
    ) -> StartPresentationPayload:
        book = book_of(info, patient)
        shown = await service.start(
            info.context.custodian,
            info.context.principal,
            book,
            sections=frozenset(presentation.sections),
            minutes=presentation.minutes,
            passcode=presentation.passcode,
            labels=frozenset(presentation.labels or ()),
            path="startPresentation",
        )
        return StartPresentationPayload(
            presentation=_shown(info, cast(bytes, book), shown.held),
            code=shown.code,
            qr_svg=service.qr_svg(shown.code),
            qr_png=base64.b64encode(service.qr_png(shown.code)).decode(),
        )

    @strawberry.mutation(description="End a showing at once. NOT_FOUND when none stands under this id.")
    async def end_presentation(self, info: Info, id: PresentationId) -> DonePayload:
        book, shown = info.context.ids.grant_key(id) or (NOBODY, b"")
        await info.context.custodian.presentations.end(info.context.principal, book, shown, path="endPresentation")
        return DonePayload(id=id)

    @strawberry.mutation(description="For a clinician: open what a patient shows. The first who does is the only one.")
    async def open_presentation(
        self,
        info: Info,
        code: Annotated[str, strawberry.argument(description="What the QR code holds.")],
        passcode: Annotated[str | None, strawberry.argument(description="The passcode that the patient told.")] = None,
    ) -> OpenPresentationPayload:
        opened = await service.open_presentation(
            info.context.custodian, info.context.principal, code, passcode, path="openPresentation"
        )
        if isinstance(opened, Closed):
            problem = PresentationProblem(code=opened.why, attempts_left=opened.attempts_left)
            return OpenPresentationPayload(patient=None, sections=[], until=None, problems=[problem])
        shown = opened.held.presentation
        return OpenPresentationPayload(
            patient=strawberry.ID(info.context.ids.patient(opened.patient_id)),
            sections=sorted(shown.sections),
            until=instant(shown.until),
            problems=[],
        )
