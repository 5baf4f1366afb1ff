"""`me`: who is calling, as far as we know, and what they may do here."""

from __future__ import annotations

import enum
from typing import Annotated

import strawberry

from ehb.domain.identity import PrincipalKind
from ehb.services import identity as service
from graphql_schema.context import Info
from graphql_schema.elements import described


class Ability(enum.Enum):
    """What a caller may do in this API at all."""

    READ_OWN_BOOK = "READ_OWN_BOOK"
    SUBMIT_VISITS = "SUBMIT_VISITS"
    TREAT = "TREAT"


described(
    PrincipalKind,
    "The kinds of caller.",
    {
        "ANONYMOUS": "Nobody signed in.",
        "CITIZEN": "A person with an electronic identity.",
        "FACILITY": "A facility.",
        "STEWARD": "Somebody of the managing unit who keeps identities right.",
    },
)
described(
    Ability,
    "What a caller may do.",
    {
        "READ_OWN_BOOK": "Read the own health book.",
        "SUBMIT_VISITS": "Submit visits and read their receipts.",
        "TREAT": "Open what patients present or consented to, for the facility of your role.",
    },
)

_ABILITIES = {
    PrincipalKind.ANONYMOUS: [],
    PrincipalKind.CITIZEN: [Ability.READ_OWN_BOOK],
    PrincipalKind.FACILITY: [Ability.SUBMIT_VISITS],
    PrincipalKind.STEWARD: [],
}


@strawberry.type(description="What a practitioner works as.")
class Role:
    licence: str = strawberry.field(description="The practising licence.")
    facility: str = strawberry.field(description="Code of the facility.")


@strawberry.type(description="The caller.")
class Me:
    kind: PrincipalKind = strawberry.field(description="What kind of caller you are.")
    name: str | None = strawberry.field(description="Your name, for a person.")
    assurance_level: int = strawberry.field(description="Level of the electronic identity, 0 to 4.")
    patient_id: strawberry.ID | None = strawberry.field(description="Opaque id of your own book, for a person.")
    facility: str | None = strawberry.field(description="Facility code, for a facility.")
    roles: list[Role] = strawberry.field(description="For a practitioner: all that you may work as, by the registry.")
    role: Role | None = strawberry.field(
        description="The one you work as now: the only one, or the one of the facility in the header `EHB-Facility`."
    )
    system: str | None = strawberry.field(
        description="The facility's system that acts for the practitioner, by token exchange; null for themselves."
    )
    abilities: list[Ability] = strawberry.field(description="What you may do.")


@strawberry.type
class IdentityQuery:
    """Who am I, and whose book do I mean."""

    @strawberry.field(
        description="The opaque id of the book of the person with this number, for `healthBook(patient:)`. "
        "Every number has an answer, also one that nobody has: it says nothing about existence."
    )
    async def book_id(
        self, info: Info, number: Annotated[str, strawberry.argument(description="Personal number.")]
    ) -> strawberry.ID:
        found = await service.find_book(info.context.custodian, info.context.principal, number, path="bookId")
        return strawberry.ID(info.context.ids.patient(found))

    @strawberry.field(description="Who is calling.")
    async def me(self, info: Info) -> Me:
        principal = info.context.principal
        name, delegated = None, principal.actor is not None  # a system acts for a clinician, not for a citizen
        if principal.kind is PrincipalKind.CITIZEN and not delegated:
            name = (await service.own_details(info.context.custodian, principal)).full_name
        own = principal.patient_id if not delegated else None
        patient_id = info.context.ids.patient(own) if own else None
        return Me(
            kind=principal.kind,
            name=name,
            assurance_level=principal.assurance_level,
            patient_id=strawberry.ID(patient_id) if patient_id else None,
            facility=principal.facility,
            roles=[Role(licence=one.licence, facility=one.facility) for one in principal.roles],
            role=Role(licence=principal.role.licence, facility=principal.role.facility) if principal.role else None,
            system=principal.actor,
            abilities=([] if delegated else _ABILITIES[principal.kind]) + ([Ability.TREAT] if principal.role else []),
        )
