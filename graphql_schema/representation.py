"""Guardians in GraphQL: whom I represent, and who represents me. Stewards enter what was proven (`ehb people`)."""

from __future__ import annotations

from typing import Any

import strawberry

from ehb.domain import guardianship as domain
from graphql_schema.context import Info
from graphql_schema.elements import PartialDateTime, described, instant
from graphql_schema.whose import NOBODY, ForPatient, book_of

described(
    domain.Relation,
    "What a guardian is to the person.",
    {
        "PARENT": "Mother or father.",
        "ADOPTIVE_PARENT": "Mother or father by adoption.",
        "GRANDPARENT": "Grandmother or grandfather.",
        "APPOINTED_GUARDIAN": "Appointed for a minor by the authority that the law names.",
        "GUARDIAN_OF_WARD": "Appointed by a court for an adult who cannot act.",
    },
)


@strawberry.type(description="Somebody whom you represent at this moment.")
class Ward:
    patient: strawberry.ID = strawberry.field(
        description="Opaque id: read with `healthBook(patient:, purpose: FAMILY_REQUEST)`, act with `patient:`."
    )
    name: str | None = strawberry.field(description="Full name.")
    birth_date: PartialDateTime | None = strawberry.field(description="Birth date.")
    relation: domain.Relation = strawberry.field(description="What you are to them.")
    since: PartialDateTime = strawberry.field(description="First day.")
    until: PartialDateTime | None = strawberry.field(
        description="Last day, when the proof names one. For a minor it ends at 18 in any case."
    )


@strawberry.type(description="Somebody who represents a person, or did.")
class Guardian:
    id: strawberry.ID = strawberry.field(description="Opaque id of the guardianship.")
    name: str | None = strawberry.field(description="Full name.")
    relation: domain.Relation = strawberry.field(description="What they are to the person.")
    since: PartialDateTime = strawberry.field(description="First day.")
    until: PartialDateTime | None = strawberry.field(description="Last day, when the proof names one.")
    ended_at: PartialDateTime | None = strawberry.field(description="When a steward ended it.")


@strawberry.type
class RepresentationQuery:
    """Who speaks for whom."""

    @strawberry.field(description="Whom you represent.")
    async def my_wards(self, info: Info) -> list[Ward]:
        found = await info.context.custodian.guardians.wards(info.context.principal, path="myWards")
        return [
            Ward(
                patient=strawberry.ID(info.context.ids.patient(one.patient_id)),
                name=one.name,
                birth_date=PartialDateTime(one.birth_date) if one.birth_date else None,
                **_terms(one.held),
            )
            for one in found
        ]

    @strawberry.field(description="Who represents you, and did.")
    async def my_guardians(self, info: Info, patient: ForPatient = None) -> list[Guardian]:
        custodian, principal = info.context.custodian, info.context.principal
        book = book_of(info, patient) or NOBODY
        found = await custodian.guardians.guardians(principal, book, path="myGuardians")
        return [
            Guardian(
                id=strawberry.ID(info.context.ids.grant(book, one.held.guardianship.id)),
                name=one.name,
                ended_at=instant(one.held.ended_at) if one.held.ended_at else None,
                **_terms(one.held),
            )
            for one in found
        ]


def _terms(held: domain.HeldGuardianship) -> dict[str, Any]:
    said = held.guardianship
    until = PartialDateTime(said.until.isoformat()) if said.until else None
    return {"relation": said.relation, "since": PartialDateTime(said.since.isoformat()), "until": until}
