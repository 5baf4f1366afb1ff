"""The roots that open a health book.

Only the roots decide: one root field is one decision and one audit event. A root looks ahead at its selection
(`graphql_schema.look_ahead`) and asks for just what that needs.
"""

from __future__ import annotations

from typing import Annotated, Any

import strawberry

from ehb.domain.access import Purpose
from ehb.services import book as service
from graphql_schema import records
from graphql_schema.book import HealthBook
from graphql_schema.context import Info
from graphql_schema.look_ahead import asked_of_book
from graphql_schema.whose import NOBODY

WhyYouAsk = Annotated[Purpose, strawberry.argument(description="Why you ask.")]


@strawberry.type
class BookQuery:
    """The roots that open a book."""

    @strawberry.field(description="The health book of the person who is signed in.", graphql_type=HealthBook)
    async def my_health_book(self, info: Info) -> Any:
        principal = info.context.principal
        return await service.read(
            info.context.custodian,
            principal,
            principal.patient_id,
            Purpose.PATIENT_REQUEST,
            asked_of_book(info, principal.patient_id),
            path="myHealthBook",
        )

    @strawberry.field(
        description="Somebody's health book, for a viewer with a legal ground. FORBIDDEN says nothing about existence.",
        graphql_type=HealthBook,
    )
    async def health_book(
        self,
        info: Info,
        patient: Annotated[strawberry.ID, strawberry.argument(description="Opaque id of the person.")],
        purpose: WhyYouAsk,
    ) -> Any:
        # A made-up id takes the same way as a stranger's: to the custodian, who refuses it and writes it down.
        patient_id = info.context.ids.patient_key(patient) or NOBODY
        return await service.read(
            info.context.custodian,
            info.context.principal,
            patient_id,
            purpose,
            asked_of_book(info, patient_id),
            path="healthBook",
        )

    @strawberry.field(
        description="One record again, by the same decision as its book. NOT_FOUND says nothing about existence.",
        graphql_type=records.Record | None,
    )
    async def record(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Opaque id of the record.")],
        purpose: WhyYouAsk = Purpose.PATIENT_REQUEST,
    ) -> Any:
        patient_id, key = info.context.ids.record_key(id) or (NOBODY, b"")
        return await service.record(
            info.context.custodian,
            info.context.principal,
            patient_id,
            key,
            purpose,
            path="record",
        )

    @strawberry.field(
        description="All versions of one record, newest first, those too that were corrected or taken back.",
        graphql_type=list[records.Record],
    )
    async def record_versions(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Opaque id of the record.")],
        purpose: WhyYouAsk = Purpose.PATIENT_REQUEST,
    ) -> Any:
        patient_id, key = info.context.ids.record_key(id) or (NOBODY, b"")
        return await service.versions(
            info.context.custodian,
            info.context.principal,
            patient_id,
            key,
            purpose,
            path="recordVersions",
        )
