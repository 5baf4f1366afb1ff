"""What can be followed: lines of the access log as they come, and that the book changed."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

import strawberry

from ehb.domain.access import Action
from ehb.services import trail as service
from graphql_schema.access_log import AccessLine, line_of
from graphql_schema.context import Info
from graphql_schema.elements import PartialDateTime, instant
from graphql_schema.whose import ForPatient, book_of

_CHANGES = frozenset({Action.SUBMIT.value, Action.RETRACT.value, Action.RESOLVE_IDENTITY.value})


@strawberry.type(description="The book changed: ask for what you show of it again.")
class BookChange:
    time: PartialDateTime = strawberry.field(description="When.")
    facility: str | None = strawberry.field(description="Code of the facility that sent something or took it back.")
    facility_name: str | None = strawberry.field(description="What it is called.")


def _lines(info: Info, patient: strawberry.ID | None, path: str) -> AsyncGenerator[service.Told]:
    context = info.context
    names = service.Names(context.facilities, context.practitioners)
    return service.follow(
        context.custodian, names, context.principal, book_of(info, patient), language=context.language, path=path
    )


@strawberry.type
class StreamSubscription:
    """What can be followed."""

    @strawberry.subscription(description="Lines of your access log as they come: who opens what you show, at once.")
    async def access_events(self, info: Info, patient: ForPatient = None) -> AsyncGenerator[AccessLine]:
        async with aclosing(_lines(info, patient, "accessEvents")) as lines:
            async for line in lines:
                yield line_of(info, line)

    @strawberry.subscription(description="That a facility sent something to your book, or took it back.")
    async def book_changed(self, info: Info, patient: ForPatient = None) -> AsyncGenerator[BookChange]:
        async with aclosing(_lines(info, patient, "bookChanged")) as lines:
            async for one in lines:
                event = one.line.event
                if event.action in _CHANGES and event.outcome == "PERMIT" and event.detail != "REHEARSED":
                    yield BookChange(
                        time=instant(event.time), facility=event.agent_facility, facility_name=one.who.facility_name
                    )
