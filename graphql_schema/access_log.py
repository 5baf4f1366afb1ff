"""The access log in GraphQL: who asked for the book, why, and which rule let them in or kept them out."""

from __future__ import annotations

import enum
from datetime import date
from typing import Annotated

import strawberry

from ehb.domain.access import Action, Purpose
from ehb.domain.book import Position
from ehb.domain.records import Section
from ehb.domain.trail import TrailQuery
from ehb.errors import BadInput
from ehb.services import trail as service
from graphql_schema.connections import PageInfo, day_after, start_of
from graphql_schema.context import Info
from graphql_schema.elements import PartialDateTime, described, instant
from graphql_schema.whose import NOBODY, DonePayload, ForPatient, book_of


class WhoKind(enum.Enum):
    """Who stands in a line."""

    YOURSELF = "YOURSELF"
    REPRESENTATIVE = "REPRESENTATIVE"
    PRACTITIONER = "PRACTITIONER"
    PERSON = "PERSON"
    FACILITY = "FACILITY"
    STEWARD = "STEWARD"
    NOBODY = "NOBODY"


class Outcome(enum.Enum):
    """What the decision was."""

    PERMIT = "PERMIT"
    DENY = "DENY"


described(
    WhoKind,
    "Who stands in a line of the access log.",
    {
        "YOURSELF": "The person whose book it is.",
        "REPRESENTATIVE": "Their legal representative.",
        "PRACTITIONER": "Somebody who works at a facility.",
        "PERSON": "Another private person.",
        "FACILITY": "The system of a facility.",
        "STEWARD": "The data-managing unit.",
        "NOBODY": "Not known.",
    },
)
described(Outcome, "What the decision was.", {"PERMIT": "They were let in.", "DENY": "They were refused."})
described(
    Action,
    "What somebody asked to do.",
    {
        "READ": "Open records of one person's book.",
        "DOWNLOAD": "Take records of one person's book away as a file.",
        "RESHARE": "Pass records on to somebody else.",
        "PREVIEW": "See what somebody else would be shown of the own book.",
        "SIGN_IN": "Find or open the book of the person whom the eID just vouched for.",
        "GIVE_CONSENT": "Say who may see what, or may not.",
        "WITHDRAW_CONSENT": "Take back what was said.",
        "READ_CONSENTS": "See what was said about a book.",
        "PRESENT": "Show part of the own book to the clinician in front of one, see the showings, end one.",
        "OPEN_PRESENTATION": "Open what is being shown.",
        "OPEN_EMERGENCY": "Open a book to save life or health.",
        "DISOWN_VISIT": "Say that a visit in the own book is somebody else's.",
        "END_EMERGENCY": "End an emergency opening of the own book.",
        "REVIEW_EMERGENCY": "Judge emergency openings afterwards.",
        "APPOINT_GUARDIAN": "Enter or end a guardianship that was proven.",
        "READ_TRAIL": "See who asked for a book.",
        "DISPUTE": "Object to a line of the trail.",
        "LIST_DISPUTES": "See which lines of the trail people object to.",
        "FIND_PATIENT": "Turn a number into the id of a book, whether or not there is one; opens nothing.",
        "SUBMIT": "Append records that a facility made; opens nothing.",
        "RETRACT": "Take back an own submission that was entered in error.",
        "READ_RECEIPT": "See the outcome of own submissions.",
        "LIST_WAITING": "See which submissions wait for an identity; opens nothing of them.",
        "RESOLVE_IDENTITY": "Say whose a waiting submission is.",
        "MERGE_PEOPLE": "Let two people who are one share a book, or undo it.",
    },
)


@strawberry.type(
    description="One line of the access log: an access, or equal ones of one day. But for `reason`, nothing clinical "
    "stands in it."
)
class AccessLine:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    time: PartialDateTime = strawberry.field(description="When; of several equal accesses the last.")
    count: int = strawberry.field(description="How many equal accesses of one day this line stands for.")
    first_time: PartialDateTime = strawberry.field(description="When the first of them was.")
    text: str = strawberry.field(description="The whole line in plain words, in your language.")
    outcome: Outcome = strawberry.field(description="What the decision was.")
    action: Action = strawberry.field(description="What was asked.")
    purpose: Purpose = strawberry.field(description="For which purpose.")
    who: WhoKind = strawberry.field(description="Who asked.")
    name: str | None = strawberry.field(
        description="The name, of a practitioner by the registry, or of somebody whom you know: a representative, "
        "a person whom you let in."
    )
    licence: str | None = strawberry.field(description="The practising licence, for a practitioner.")
    system: str | None = strawberry.field(
        description="The facility's system that a practitioner asked through, when they did not ask themselves."
    )
    facility: str | None = strawberry.field(description="Code of the facility.")
    facility_name: str | None = strawberry.field(description="What the facility is called.")
    sections: list[Section] = strawberry.field(description="Sections that were asked for and open.")
    rule: str = strawberry.field(description="The legal ground that let them in, or the reason that kept them out.")
    source: strawberry.ID | None = strawberry.field(
        description="The consent, presentation, emergency or guardianship by which they were let in or kept out."
    )
    reason: str | None = strawberry.field(
        description="For an emergency: why, in the words of whoever opened it. They may name what the person had."
    )
    disputed: bool = strawberry.field(description="Whether you objected to it.")


@strawberry.type(description="A page of the access log, newest first.")
class AccessLog:
    nodes: list[AccessLine] = strawberry.field(description="The lines.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")


@strawberry.type(
    description="That a line is in the sealed trail. The leaf is SHA-256(readable) followed by `rest`; hashed as "
    "RFC 9162 says it leads by `path` to the `root` that `checkpoint` names, which our public key at "
    "/.well-known/jwks.json verifies."
)
class AccessProof:
    readable: str = strawberry.field(description="The line as it was sealed, as JSON.")
    rest: str = strawberry.field(description="Digest of the random keys that belong to the line, hexadecimal.")
    index: int = strawberry.field(description="Place of the leaf in the tree.")
    size: int = strawberry.field(description="Leaves of the tree.")
    path: list[str] = strawberry.field(description="Hashes from the leaf to the root, hexadecimal.")
    checkpoint: str = strawberry.field(description="Signed (JWS): number, size and root of the batch.")


def line_of(info: Info, told: service.Told) -> AccessLine:
    """A line as the schema has it."""
    line, event, ids = told.line, told.line.event, info.context.ids
    owner, source = line.id[:16], event.source
    named = source is not None and len(source) == 16
    return AccessLine(
        id=strawberry.ID(ids.line(line.id)),
        time=instant(event.time),
        count=line.count,
        first_time=instant(line.first or event.time),
        text=told.text,
        outcome=Outcome(event.outcome),
        action=Action(event.action),
        purpose=Purpose(event.purpose),
        who=WhoKind(told.who.kind),
        name=told.who.name,
        licence=event.agent_licence,
        system=event.agent_actor,
        facility=event.agent_facility,
        facility_name=told.who.facility_name,
        sections=list(event.sections),
        rule=event.rule,
        source=strawberry.ID(ids.grant(owner, source)) if named and source is not None else None,
        reason=line.reason,
        disputed=line.disputed,
    )


@strawberry.type
class AccessLogQuery:
    """Who looked."""

    @strawberry.field(description="Everybody who asked for your book: who, when, what, why, and by which rule.")
    async def my_access_log(
        self,
        info: Info,
        first: Annotated[int, strawberry.argument(description="How many lines, 1 to 100.")] = 50,
        after: Annotated[str | None, strawberry.argument(description="Cursor of the line before the page.")] = None,
        from_: Annotated[date | None, strawberry.argument(name="from", description="First day, in Vietnam.")] = None,
        to: Annotated[date | None, strawberry.argument(description="Last day, in Vietnam.")] = None,
        outcome: Annotated[Outcome | None, strawberry.argument(description="Only these decisions.")] = None,
        actions: Annotated[list[Action] | None, strawberry.argument(description="Only these actions.")] = None,
        facility: Annotated[str | None, strawberry.argument(description="Only this facility code.")] = None,
        others: Annotated[bool, strawberry.argument(description="Only what somebody else did.")] = False,
        patient: ForPatient = None,
    ) -> AccessLog:
        book = book_of(info, patient)
        scope = b"log\0" + (info.context.principal.patient_id or b"") + (book or b"")
        place = info.context.ids.position(after, scope) if after is not None else None
        if after is not None and place is None:
            raise BadInput(vi="Con trỏ không hợp lệ.", en="This cursor was not made for this list.")
        query = TrailQuery(
            first,
            after=place.key if place else None,
            since=start_of(from_) if from_ else None,
            until=start_of(day_after(to)) if to else None,
            refused=None if outcome is None else outcome is Outcome.DENY,
            actions=None if actions is None else frozenset(one.value for one in actions),
            facility=facility,
            others=others,
        )
        context, ids = info.context, info.context.ids
        told, found = await service.lines(
            context.custodian,
            service.Names(context.facilities, context.practitioners),
            context.principal,
            book,
            query,
            language=context.language,
            path="myAccessLog",
        )
        nodes = [line_of(info, one) for one in told]
        ends = (told[0].line.id, found.end) if told else (None, None)
        start, end = (ids.cursor(Position(told[0].line.event.time, one), scope) if one else None for one in ends)
        page = PageInfo(
            has_next_page=found.has_next,
            has_previous_page=after is not None,
            start_cursor=start,
            end_cursor=end,
        )
        return AccessLog(nodes=nodes, page_info=page)

    @strawberry.field(
        description="The proof that a line is in the sealed trail; null in the first minutes, while it is not."
    )
    async def access_proof(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Opaque id of the line.")],
        patient: ForPatient = None,
    ) -> AccessProof | None:
        line = info.context.ids.line_key(id) or NOBODY
        trail, principal = info.context.custodian.trail, info.context.principal
        proof = await trail.proof(principal, book_of(info, patient), line, path="accessProof")
        if proof is None:
            return None
        return AccessProof(
            readable=proof.leaf.readable.decode(),
            rest=proof.leaf.rest.hex(),
            index=proof.index,
            size=proof.size,
            path=[one.hex() for one in proof.path],
            checkpoint=proof.checkpoint,
        )


@strawberry.type
class AccessLogMutation:
    """Objecting."""

    @strawberry.mutation(description="Object to a line: the managing unit looks into it. CONFLICT for a second time.")
    async def dispute_access(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Opaque id of the line.")],
        reason: Annotated[str, strawberry.argument(description="Why; kept sealed.")],
        patient: ForPatient = None,
    ) -> DonePayload:
        line = info.context.ids.line_key(id) or NOBODY
        await service.dispute(
            info.context.custodian,
            info.context.principal,
            book_of(info, patient),
            line,
            reason,
            path="disputeAccess",
        )
        return DonePayload(id=id)
