"""Emergencies in GraphQL: a clinician opens a book that nobody can show, a colleague judges it afterwards."""

from __future__ import annotations

from typing import Annotated, cast

import strawberry

from ehb.domain import emergency as domain
from ehb.services import emergency as service
from graphql_schema.context import Info
from graphql_schema.elements import PartialDateTime, described, instant
from graphql_schema.whose import NOBODY, DonePayload, ForPatient, book_of

described(
    domain.Verdict,
    "What the review of an emergency found.",
    {"PROPER": "It was an emergency.", "MISUSE": "It was none: the person and the managing unit can act on it."},
)


@strawberry.type(description="A book that was opened to save life or health.")
class Emergency:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    patient: strawberry.ID = strawberry.field(
        description="Opaque id of the person: read with `healthBook(patient:, purpose: EMERGENCY_TREATMENT)`."
    )
    licence: str = strawberry.field(description="Practising licence of whoever opened it.")
    facility: str = strawberry.field(description="Code of the facility.")
    opened_at: PartialDateTime = strawberry.field(description="When it was opened.")
    declared_at: PartialDateTime | None = strawberry.field(description="When more than the summary was opened.")
    until: PartialDateTime = strawberry.field(description="Until when it is open.")
    reason: str = strawberry.field(description="Why, in the words of whoever opened it.")
    review_by: PartialDateTime = strawberry.field(description="When a review is overdue.")
    verdict: domain.Verdict | None = strawberry.field(description="What the review found; null while it waits.")
    reviewed_at: PartialDateTime | None = strawberry.field(description="When it was reviewed.")
    needs_steward: bool = strawberry.field(
        description="The two colleagues have judged each other: a steward of the managing unit confirms the verdict."
    )
    ended_at: PartialDateTime | None = strawberry.field(
        description="When the person or a verdict of MISUSE ended it; null while its own time runs."
    )


@strawberry.type(description="The emergencies of your facility, and how they were judged.")
class EmergencyReviews:
    emergencies: list[Emergency] = strawberry.field(description="The one that is due first before the others.")
    total: int = strawberry.field(description="All emergencies of the facility.")
    waiting: int = strawberry.field(description="Those that wait for a review.")
    overdue: int = strawberry.field(description="Those of them whose time for it is over.")
    proper: int = strawberry.field(description="Those that were emergencies.")
    misuse: int = strawberry.field(description="Those that were none.")
    unconfirmed: int = strawberry.field(description="Those proper ones that a steward has to confirm.")


EmergencyId = Annotated[strawberry.ID, strawberry.argument(description="Opaque id of the emergency.")]


def _shown(info: Info, patient_id: bytes, held: domain.HeldEmergency) -> Emergency:
    opened, reviewed, ids = held.emergency, held.reviewed, info.context.ids
    return Emergency(
        id=strawberry.ID(ids.grant(patient_id, opened.id)),
        patient=strawberry.ID(ids.patient(patient_id)),
        licence=opened.holder.licence,
        facility=opened.holder.facility,
        opened_at=instant(opened.opened_at),
        declared_at=instant(held.declared_at) if held.declared_at else None,
        until=instant(held.until),
        reason=opened.reason,
        review_by=instant(held.review_by),
        verdict=reviewed.verdict if reviewed else None,
        reviewed_at=instant(reviewed.at) if reviewed else None,
        needs_steward=reviewed.needs_steward if reviewed else False,
        ended_at=instant(held.ended_at) if held.ended_at else None,
    )


@strawberry.type
class EmergencyQuery:
    """What was opened, and what waits for a review."""

    @strawberry.field(description="Every emergency opening of a book, the newest first.")
    async def my_emergencies(self, info: Info, patient: ForPatient = None) -> list[Emergency]:
        book = book_of(info, patient)
        held = await info.context.custodian.emergencies.list(info.context.principal, book, path="myEmergencies")
        return [_shown(info, cast(bytes, book), one) for one in held]

    @strawberry.field(description="For a clinician: the emergencies of the facility you work for.")
    async def emergency_reviews(
        self,
        info: Info,
        waiting: Annotated[bool, strawberry.argument(description="Only those without a review.")] = True,
        first: Annotated[int, strawberry.argument(description="How many, 1 to 100.")] = 50,
    ) -> EmergencyReviews:
        queue = await service.reviews(
            info.context.custodian, info.context.principal, None, waiting=waiting, first=first, path="emergencyReviews"
        )
        counts = queue.counts
        return EmergencyReviews(
            emergencies=[_shown(info, patient_id, held) for patient_id, held in queue.emergencies],
            total=counts.total,
            waiting=counts.waiting,
            overdue=counts.overdue,
            proper=counts.proper,
            misuse=counts.misuse,
            unconfirmed=counts.unconfirmed,
        )


@strawberry.type
class EmergencyMutation:
    """Opening, opening more, ending, judging."""

    @strawberry.mutation(
        description="End an emergency opening of your book, from the next request on. It is reviewed all the same. "
        "NOT_FOUND when none is open under this id."
    )
    async def end_emergency(self, info: Info, id: EmergencyId) -> DonePayload:
        book, emergency = info.context.ids.grant_key(id) or (NOBODY, b"")
        await info.context.custodian.emergencies.end(info.context.principal, book, emergency, path="endEmergency")
        return DonePayload(id=id)

    @strawberry.mutation(
        description="For a clinician: open the summary of a book for 15 minutes, when nobody can be asked. "
        "The person is told at once, and a colleague reviews it. NOT_FOUND when nobody has this book."
    )
    async def open_in_emergency(
        self,
        info: Info,
        patient: Annotated[strawberry.ID, strawberry.argument(description="Opaque id of the person, by `bookId`.")],
        reason: Annotated[
            str,
            strawberry.argument(
                description="Why: ten letters or more, 1,000 characters at most; kept, and shown to the person."
            ),
        ],
    ) -> Emergency:
        book = info.context.ids.patient_key(patient) or NOBODY
        held = await service.open_book(
            info.context.custodian, info.context.principal, book, reason, path="openInEmergency"
        )
        return _shown(info, book, held)

    @strawberry.mutation(
        description="The second declaration: the summary is not enough. Opens the book, without sensitive records and "
        "those that the person hid, until four hours after the first."
    )
    async def declare_emergency(
        self,
        info: Info,
        id: EmergencyId,
        declared: Annotated[bool, strawberry.argument(description="true: you declare it, and answer for it.")],
    ) -> Emergency:
        book, emergency = info.context.ids.grant_key(id) or (NOBODY, b"")
        held = await service.declare(
            info.context.custodian,
            info.context.principal,
            book,
            emergency,
            declared=declared,
            path="declareEmergency",
        )
        return _shown(info, book, held)

    @strawberry.mutation(
        description="Judge a colleague's emergency, not one's own. CONFLICT when it was judged before, NOT_FOUND when "
        "it is none of your facility."
    )
    async def review_emergency_access(
        self,
        info: Info,
        id: EmergencyId,
        verdict: Annotated[domain.Verdict, strawberry.argument(description="What you found.")],
    ) -> Emergency:
        book, emergency = info.context.ids.grant_key(id) or (NOBODY, b"")
        held = await service.review(
            info.context.custodian, info.context.principal, book, emergency, verdict, path="reviewEmergencyAccess"
        )
        return _shown(info, book, held)
