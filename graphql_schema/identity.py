"""`me`: who is calling, as far as we know, and what they may do here."""

from __future__ import annotations

import enum

import strawberry

from ehb.domain.identity import PrincipalKind
from ehb.services import identity as service
from graphql_schema.context import Info
from graphql_schema.elements import described


class Ability(enum.Enum):
    """What a caller may do in this API at all."""

    READ_OWN_BOOK = "READ_OWN_BOOK"
    SUBMIT_VISITS = "SUBMIT_VISITS"


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
    {"READ_OWN_BOOK": "Read the own health book.", "SUBMIT_VISITS": "Submit visits and read their receipts."},
)

_ABILITIES = {
    PrincipalKind.ANONYMOUS: [],
    PrincipalKind.CITIZEN: [Ability.READ_OWN_BOOK],
    PrincipalKind.FACILITY: [Ability.SUBMIT_VISITS],
    PrincipalKind.STEWARD: [],
}


@strawberry.type(description="The caller.")
class Me:
    kind: PrincipalKind = strawberry.field(description="What kind of caller you are.")
    name: str | None = strawberry.field(description="Your name, for a person.")
    assurance_level: int = strawberry.field(description="Level of the electronic identity, 0 to 4.")
    patient_id: strawberry.ID | None = strawberry.field(description="Opaque id of your own book, for a person.")
    facility: str | None = strawberry.field(description="Facility code, for a facility.")
    abilities: list[Ability] = strawberry.field(description="What you may do.")


@strawberry.type
class IdentityQuery:
    """Who am I."""

    @strawberry.field(description="Who is calling.")
    async def me(self, info: Info) -> Me:
        principal = info.context.principal
        name = None
        if principal.kind is PrincipalKind.CITIZEN:
            name = (await service.own_details(info.context.custodian, principal)).full_name
        patient_id = info.context.ids.patient(principal.patient_id) if principal.patient_id else None
        return Me(
            kind=principal.kind,
            name=name,
            assurance_level=principal.assurance_level,
            patient_id=strawberry.ID(patient_id) if patient_id else None,
            facility=principal.facility,
            abilities=_ABILITIES[principal.kind],
        )
