"""The registry in GraphQL: facilities and practitioners, for everybody and without login.

Public master data (Decree 102/2025 Art 15; the law has licences and scopes of practice published). The one
invariant: a type here shows what is public and nothing else: no key, no certificate, no identity number.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from typing import Annotated, cast

import strawberry

from ehb.domain import registry as domain
from ehb.domain.book import Position
from ehb.domain.coding import VIETNAM
from ehb.errors import BadInput
from ehb.services import registry as service
from graphql_schema.connections import PAGE_CAP, PageInfo
from graphql_schema.context import Info
from graphql_schema.elements import Facility

_NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_NAME = 100


@strawberry.type(description="What a facility is called since a day.")
class FacilityName:
    name: str = strawberry.field(description="The name.")
    since: date | None = strawberry.field(description="Its first day; none when it is as old as our knowledge.")


@strawberry.type(description="A facility as the registry knows it.")
class RegisteredFacility:
    code: str = strawberry.field(description="Facility code of five characters.")
    gln: str | None = strawberry.field(description="Global Location Number of 13 digits.")
    name: str = strawberry.field(description="What it is called now.")
    names: list[FacilityName] = strawberry.field(description="All names that it had, the oldest first.")
    province: str | None = strawberry.field(description="Province code.")
    type: str | None = strawberry.field(description="Kind of facility, as the registry calls it.")
    valid_from: date | None = strawberry.field(description="Its first day.")
    valid_until: date | None = strawberry.field(description="Its last day.")
    in_force: bool = strawberry.field(description="Whether it is in force today: begun, not ended, not suspended.")


@strawberry.type(description="Somebody with a practising licence.")
class RegisteredPractitioner:
    licence: str = strawberry.field(description="Practising-licence number.")
    name: str = strawberry.field(description="Name.")
    facilities: list[Facility] = strawberry.field(description="Where they practise, by today's names.")
    scope: str | None = strawberry.field(description="Scope of practice.")
    valid_from: date | None = strawberry.field(description="First day of the licence.")
    valid_until: date | None = strawberry.field(description="Last day of the licence.")
    in_force: bool = strawberry.field(description="Whether the licence is in force today.")


@strawberry.type(description="One facility of a page.")
class FacilityEdge:
    cursor: str = strawberry.field(description="Where the facility stands, for `after`.")
    node: RegisteredFacility = strawberry.field(description="The facility.")


@strawberry.type(description="A page of facilities, in the order of their codes.")
class FacilityConnection:
    edges: list[FacilityEdge] = strawberry.field(description="The facilities with their cursors.")
    nodes: list[RegisteredFacility] = strawberry.field(description="The facilities without cursors.")
    page_info: PageInfo = strawberry.field(description="Where the page stands.")


_Code = Annotated[str, strawberry.argument(description="Facility code.")]
_Licence = Annotated[str, strawberry.argument(description="Practising-licence number; case and spaces do not matter.")]
_First = Annotated[int, strawberry.argument(description=f"How many facilities, 1 to {PAGE_CAP}.")]
_After = Annotated[str | None, strawberry.argument(description="Cursor of the facility before the page.")]
_Province = Annotated[str | None, strawberry.argument(description="Only this province code.")]
_Type = Annotated[str | None, strawberry.argument(description="Only this kind of facility.")]
_Name = Annotated[
    str | None,
    strawberry.argument(description="Only names, old ones too, with words that begin so; accents do not matter."),
]


@strawberry.type
class RegistryQuery:
    """Facilities and practitioners, for everybody."""

    @strawberry.field(description="A facility by its code, ended ones too. No login is needed.")
    async def facility(self, info: Info, code: _Code) -> RegisteredFacility | None:
        found = await service.facility(info.context.facilities, code)
        return _facility(found, _today(info)) if found else None

    @strawberry.field(description="Facilities in the order of their codes. No login is needed.")
    async def facilities(
        self,
        info: Info,
        first: _First = 20,
        after: _After = None,
        province: _Province = None,
        type: _Type = None,
        name: _Name = None,
    ) -> FacilityConnection:
        if not 1 <= first <= PAGE_CAP:
            raise BadInput(vi=f"first phải từ 1 đến {PAGE_CAP}.", en=f"first must be from 1 to {PAGE_CAP}.")
        if name is not None and len(name) > _LONGEST_NAME:
            raise BadInput(
                vi=f"name dài quá {_LONGEST_NAME} ký tự.", en=f"name has at most {_LONGEST_NAME} characters."
            )
        scope = hashlib.sha256(repr(("facilities", province, type, name)).encode()).digest()
        place = info.context.ids.position(after, scope) if after is not None else None
        if after is not None and place is None:
            raise BadInput(
                vi="Con trỏ không thuộc danh sách này.",
                en="The cursor was not made for this list; start without `after`.",
            )
        wanted = service.Wanted(first, place.key.decode() if place else None, province, type, name)
        found = await service.facilities(info.context.facilities, wanted)
        return _connection(info, found, scope, has_previous=after is not None)

    @strawberry.field(description="The holder of a practising licence, ended ones too. No login is needed.")
    async def practitioner(self, info: Info, licence: _Licence) -> RegisteredPractitioner | None:
        found = await service.practitioner(info.context.practitioners, info.context.facilities, licence)
        if found is None:
            return None
        holder, names = found
        return RegisteredPractitioner(
            licence=holder.licence,
            name=holder.name,
            facilities=[Facility(code=code, name=names.get(code)) for code in holder.facilities],
            scope=holder.scope,
            valid_from=holder.valid_from,
            valid_until=holder.valid_until,
            in_force=holder.in_force(_today(info)),
        )


def _connection(info: Info, found: service.FacilityPage, scope: bytes, *, has_previous: bool) -> FacilityConnection:
    today = _today(info)
    nodes = [_facility(one, today) for one in found.facilities]
    cursors = [info.context.ids.cursor(Position(_NO_TIME, one.code.encode()), scope) for one in found.facilities]
    return FacilityConnection(
        edges=[FacilityEdge(cursor=cursor, node=node) for cursor, node in zip(cursors, nodes, strict=True)],
        nodes=nodes,
        page_info=PageInfo(
            has_next_page=found.has_next,
            has_previous_page=has_previous,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[-1] if cursors else None,
        ),
    )


def _facility(found: domain.RegisteredFacility, today: date) -> RegisteredFacility:
    return RegisteredFacility(
        code=found.code,
        gln=found.gln,
        name=found.name_on(today),
        names=cast("list[FacilityName]", list(found.names)),
        province=found.province,
        type=found.type,
        valid_from=found.valid_from,
        valid_until=found.valid_until,
        in_force=found.in_force(today),
    )


def _today(info: Info) -> date:
    return info.context.clock().astimezone(VIETNAM).date()
