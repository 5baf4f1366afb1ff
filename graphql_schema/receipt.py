"""Receipts in GraphQL: what became of one submission, and of all that a facility sent."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Annotated, Any, cast

import strawberry

from ehb.domain import submission as domain
from ehb.domain.book import Position
from ehb.errors import BadInput
from ehb.services import submission as service
from graphql_schema.connections import PAGE_CAP, After, From, PageInfo, To, day_after, start_of
from graphql_schema.context import Info
from graphql_schema.elements import PartialDateTime


@strawberry.type(name="Problem", description="One thing wrong with a submission.")
class ProblemType:
    severity: domain.Severity = strawberry.field(description="Whether it refuses the submission.")
    rule: str = strawberry.field(description="Stable name of the rule.")
    table: str | None = strawberry.field(description="Table of a file, or list of an input.")
    row: int | None = strawberry.field(description="Row, counted from 1.")
    field: str | None = strawberry.field(description="Field.")
    message_vi: str = strawberry.field(description="Message in Vietnamese.")
    message_en: str = strawberry.field(description="Message in English.")


@strawberry.type(name="Receipt", description="What became of a submission.")
class ReceiptType:
    id: strawberry.ID = strawberry.field(description="Id of the receipt.")
    status: domain.Status = strawberry.field(description="What became of it.")
    episode: str = strawberry.field(description="The facility's own code of the episode.")
    version: int = strawberry.field(description="Accepted version of the episode, 0 when refused.")
    records: int = strawberry.field(description="How many records this version of the episode holds.")
    problems: list[ProblemType] = strawberry.field(description="Everything that is wrong, at once.")
    received_at: PartialDateTime = strawberry.field(description="When it came.")
    replaced_by: strawberry.ID | None = strawberry.field(description="Receipt of the version that came after it.")
    retracted_at: PartialDateTime | None = strawberry.field(description="Since when the visit is taken back.")


@strawberry.type(description="How many submissions have one status.")
class StatusCount:
    status: domain.Status = strawberry.field(description="The status.")
    count: int = strawberry.field(description="How many.")


@strawberry.type(description="One receipt of a page.")
class ReceiptEdge:
    cursor: str = strawberry.field(description="Where the receipt stands, for `after`.")
    node: ReceiptType = strawberry.field(description="The receipt.")


@strawberry.type(description="A page of receipts, newest first.")
class ReceiptConnection:
    edges: list[ReceiptEdge] = strawberry.field(description="The receipts with their cursors.")
    nodes: list[ReceiptType] = strawberry.field(description="The receipts without cursors.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")
    counts: list[StatusCount] = strawberry.field(
        description="How many there are of each status, on all pages and whatever status was asked for."
    )


ReceiptsFirst = Annotated[int, strawberry.argument(description=f"How many receipts, 1 to {PAGE_CAP}.")]
ReceiptStatus = Annotated[domain.Status | None, strawberry.argument(description="Only receipts with this status.")]
EpisodeCode = Annotated[str | None, strawberry.argument(description="Only this episode: MA_LK of the file.")]


@strawberry.type
class ReceiptQuery:
    """Receipts again."""

    @strawberry.field(
        description="A receipt of your own facility. NOT_FOUND for any other.", graphql_type=ReceiptType | None
    )
    async def submission(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Id of the receipt.")]
    ) -> Any:
        return await service.receipt(info.context.custodian, info.context.principal, id, path="submission")

    @strawberry.field(description="What your facility sent, newest first.", graphql_type=ReceiptConnection)
    async def my_submissions(
        self,
        info: Info,
        first: ReceiptsFirst = 50,
        after: After = None,
        status: ReceiptStatus = None,
        episode: EpisodeCode = None,
        from_: From = None,
        to: To = None,
    ) -> Any:
        if not 1 <= first <= PAGE_CAP:
            raise BadInput(vi=f"first phải từ 1 đến {PAGE_CAP}.", en=f"first must be from 1 to {PAGE_CAP}.")
        scope = _scope(info, status, episode, from_, to)
        place = info.context.ids.position(after, scope) if after is not None else None
        if after is not None and place is None:
            raise BadInput(
                vi="Con trỏ không thuộc danh sách này.",
                en="The cursor was not made for this list; start without `after`.",
            )
        found = await service.receipts(
            info.context.custodian,
            info.context.principal,
            domain.ReceiptQuery(
                first=first,
                after=(place.instant, place.key) if place else None,
                status=status,
                episode=episode,
                since=start_of(from_) if from_ else None,
                until=start_of(day_after(to)) if to else None,
            ),
            path="mySubmissions",
        )
        return _connection(info, found, scope, has_previous=after is not None)


def _connection(info: Info, found: domain.Receipts, scope: bytes, *, has_previous: bool) -> ReceiptConnection:
    cursors = [info.context.ids.cursor(Position(*place), scope) for place in found.places]
    nodes = cast("list[ReceiptType]", list(found.receipts))
    return ReceiptConnection(
        edges=[ReceiptEdge(cursor=cursor, node=node) for cursor, node in zip(cursors, nodes, strict=True)],
        nodes=nodes,
        page_info=PageInfo(
            has_next_page=found.has_next,
            has_previous_page=has_previous,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[-1] if cursors else None,
        ),
        counts=[StatusCount(status=status, count=found.counts.get(status, 0)) for status in _STORED],
    )


_STORED = (domain.Status.ACCEPTED, domain.Status.WAITING_FOR_IDENTITY, domain.Status.REJECTED)
"""UNCHANGED stores nothing, so it counts nothing."""


def _scope(info: Info, status: domain.Status | None, episode: str | None, since: date | None, to: date | None) -> bytes:
    narrowed = ("mySubmissions", info.context.principal.facility, status, episode, since, to)
    return hashlib.sha256(repr(narrowed).encode()).digest()
