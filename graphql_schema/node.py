"""`node` and `nodes`: any record again by its id alone, as Relay clients ask (Global Object Identification; row R1).

The one invariant: it is the decision of the book in which the record stands; an id opens nothing by being known.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import strawberry

from ehb.domain.identity import Principal
from ehb.domain.provision import Purpose
from ehb.errors import BadInput, NotFound
from ehb.services import book as service
from graphql_schema.context import Info
from graphql_schema.records import Node
from graphql_schema.whose import NOBODY

MOST = 100
Why = Annotated[
    Purpose | None,
    strawberry.argument(
        description="Why you ask. Left out: PATIENT_REQUEST for your own book, TREATMENT for a clinician at work, "
        "FAMILY_REQUEST for anybody else."
    ),
]


@strawberry.type
class NodeQuery:
    """Records by their ids."""

    @strawberry.field(
        description="A record again, by the same decision as its book. NOT_FOUND says nothing about existence.",
        graphql_type=Node | None,
    )
    async def node(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Opaque id of the record.")],
        purpose: Why = None,
    ) -> Any:
        return await _record(info, id, purpose, "node")

    @strawberry.field(
        description="Several at once, in the order of their ids; null, and NOT_FOUND, for each that is not open.",
        graphql_type=list[Node | None],
    )
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="Opaque ids of records, 100 at most.")],
        purpose: Why = None,
    ) -> Any:
        if len(ids) > MOST:
            raise BadInput(vi="ids: tối đa 100.", en="ids: 100 at most.")
        found = await asyncio.gather(*(_record(info, id, purpose, "nodes") for id in ids), return_exceptions=True)
        unknown = next((one for one in found if isinstance(one, BaseException) and not isinstance(one, NotFound)), None)
        if unknown is not None:
            raise unknown
        return found


async def _record(info: Info, id: strawberry.ID, purpose: Purpose | None, path: str) -> Any:
    context = info.context
    patient_id, key = context.ids.record_key(id) or (NOBODY, b"")
    why = purpose or _why(context.principal, patient_id)
    return await service.record(context.custodian, context.principal, patient_id, key, why, path=path)


def _why(principal: Principal, patient_id: bytes | None) -> Purpose:
    if patient_id is None or patient_id == principal.patient_id:
        return Purpose.PATIENT_REQUEST
    return Purpose.TREATMENT if principal.role is not None else Purpose.FAMILY_REQUEST
