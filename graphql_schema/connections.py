"""Relay connections over records: keyset cursors, pages of at most 100.

A cursor is bound to the viewer, the book and the narrowed list it was made for (standards row R4). The one
invariant: a page is cut from what the root's permit opened, never fetched around it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Generic, TypeVar, cast

import strawberry

from ehb.domain import records as domain
from ehb.domain.book import Filter, Page, Window, page, position_of
from ehb.domain.coding import VIETNAM
from ehb.errors import BadInput
from graphql_schema.context import Context, Info

PAGE_CAP = 100

First = Annotated[int, strawberry.argument(description=f"How many records, 1 to {PAGE_CAP}.")]
After = Annotated[str | None, strawberry.argument(description="Cursor of the record before the page.")]
From = Annotated[date | None, strawberry.argument(name="from", description="First day, in Vietnam's time.")]
To = Annotated[date | None, strawberry.argument(description="Last day, in Vietnam's time.")]
FacilityCode = Annotated[str | None, strawberry.argument(description="Only records of this facility code.")]
Kinds = Annotated[list[str] | None, strawberry.argument(description="Only these GraphQL type names of records.")]

N = TypeVar("N")


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more follows.")
    has_previous_page: bool = strawberry.field(description="Whether anything comes before.")
    start_cursor: str | None = strawberry.field(description="Cursor of the first one of the page.")
    end_cursor: str | None = strawberry.field(description="Cursor of the last one of the page.")


@strawberry.type(description="One record of a page.")
class Edge(Generic[N]):
    cursor: str = strawberry.field(description="Where the record stands, for `after`.")
    node: N = strawberry.field(description="The record.")


@strawberry.type(description="A page of records, newest first.")
class Connection(Generic[N]):
    edges: list[Edge[N]] = strawberry.field(description="The records with their cursors.")
    nodes: list[N] = strawberry.field(description="The records without cursors.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")


@dataclass(frozen=True, slots=True)
class Narrowing:
    """The arguments of a list, as they came."""

    first: int
    after: str | None = None
    from_: date | None = None
    to: date | None = None
    facility: str | None = None
    kinds: tuple[str, ...] | None = None

    def filter(self) -> Filter:
        """The domain's words for it. Raises BadInput for a kind that there is not."""
        if self.kinds is not None and not set(self.kinds) <= set(domain.KINDS):
            raise BadInput(
                vi="kinds chứa tên không có trong sổ.", en=f"kinds must be among: {', '.join(domain.KINDS)}."
            )
        return Filter(
            since=start_of(self.from_) if self.from_ else None,
            until=start_of(day_after(self.to)) if self.to else None,
            facility=self.facility,
            kinds=frozenset(self.kinds) if self.kinds is not None else None,
        )


def connection(
    info: Info, patient_id: bytes, name: str, records: Sequence[domain.Record], narrowing: Narrowing
) -> Connection[N]:
    """A page of `records`. Raises BadInput for a page size out of range and for a cursor from elsewhere."""
    found = page(records, window(info.context, patient_id, name, narrowing))
    return cast("Connection[N]", _Shown(found, info.context, patient_id, name, narrowing))


def window(context: Context, patient_id: bytes, name: str, narrowing: Narrowing) -> Window:
    """The page that the arguments of the list `name` ask for. Raises BadInput as `connection` does."""
    if not 1 <= narrowing.first <= PAGE_CAP:
        raise BadInput(vi=f"first phải từ 1 đến {PAGE_CAP}.", en=f"first must be from 1 to {PAGE_CAP}.")
    after = None
    if narrowing.after is not None:
        after = context.ids.position(narrowing.after, _scope(context, patient_id, name, narrowing))
    if narrowing.after is not None and after is None:
        raise BadInput(
            vi="Con trỏ không thuộc danh sách này.", en="The cursor was not made for this list; start without `after`."
        )
    return Window(narrowing.first, narrowing.filter(), after)


@dataclass(frozen=True, slots=True)
class _Shown:
    """A page as `Connection` shows it. A cursor is made when it is asked for: sealing a hundred takes a millisecond."""

    page: Page[domain.Record]
    context: Context
    patient_id: bytes
    name: str
    narrowing: Narrowing

    @property
    def nodes(self) -> Sequence[domain.Record]:
        return self.page.records

    @property
    def edges(self) -> list[Edge[domain.Record]]:
        scope = self._scope
        return [Edge(cursor=self._cursor(record, scope), node=record) for record in self.page.records]

    @property
    def page_info(self) -> PageInfo:
        records, scope = self.page.records, self._scope
        return PageInfo(
            has_next_page=self.page.has_next,
            has_previous_page=self.page.has_previous,
            start_cursor=self._cursor(records[0], scope) if records else None,
            end_cursor=self._cursor(records[-1], scope) if records else None,
        )

    @property
    def _scope(self) -> bytes:
        return _scope(self.context, self.patient_id, self.name, self.narrowing)

    def _cursor(self, record: domain.Record, scope: bytes) -> str:
        return self.context.ids.cursor(position_of(record), scope)


def _scope(context: Context, patient_id: bytes, name: str, narrowing: Narrowing) -> bytes:
    principal = context.principal
    viewer = principal.patient_id or (principal.facility or "").encode()
    narrowed = (name, narrowing.from_, narrowing.to, narrowing.facility, narrowing.kinds)
    return hashlib.sha256(viewer + b"\0" + patient_id + b"\0" + repr(narrowed).encode()).digest()


def day_after(day: date) -> date:
    """Raises BadInput on the last day of the calendar."""
    try:
        return day + timedelta(days=1)
    except OverflowError:
        raise BadInput(vi="Ngày nằm ngoài lịch.", en="The day is outside the calendar.") from None


def start_of(day: date) -> datetime:
    return datetime.combine(day, time(), VIETNAM)
