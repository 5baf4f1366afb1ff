"""The roots that open a health book.

Only the roots decide: one root field is one decision and one audit event. A root looks ahead at its selection and
asks for just those sections, and for the history only when it is wanted.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import strawberry
from strawberry.types.nodes import FragmentSpread, InlineFragment, SelectedField

from ehb.domain import book as domain
from ehb.domain.access import Purpose
from ehb.domain.records import Book, Section
from ehb.services import book as service
from graphql_schema import records
from graphql_schema.book import HealthBook
from graphql_schema.context import Info
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
            _query(info),
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
            _query(info),
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


_SECTIONS_OF_FIELD: dict[str, frozenset[Section]] = {
    "summary": domain.SUMMARY_SECTIONS,
    "timeline": frozenset(Section),
    "corrections": frozenset(Section),
    "completeness": frozenset(Section),
}
_SECTION_OF_FIELD: dict[str, Section] = {
    "".join(word.capitalize() if number else word.lower() for number, word in enumerate(section.split("_"))): section
    for section in Section
}
_BOOKS = {book.value.lower(): book for book in Book}


def _query(info: Info) -> domain.ReadQuery:
    """What the selection below a root needs."""
    wanted: set[Section] = set()
    history = False
    for root in info.selected_fields:
        for chosen in _fields(root.selections):
            history = history or chosen.name == "corrections"
            wanted |= _SECTIONS_OF_FIELD.get(chosen.name, frozenset())
            if chosen.name in _BOOKS:
                wanted |= {
                    section
                    for inner in _fields(chosen.selections)
                    if (section := _SECTION_OF_FIELD.get(inner.name)) is not None
                }
    return domain.ReadQuery(sections=frozenset(wanted), history=history)


def _fields(selections: Iterable[Any]) -> Iterable[SelectedField]:
    for selection in selections:
        if isinstance(selection, SelectedField):
            yield selection
        elif isinstance(selection, InlineFragment | FragmentSpread):
            yield from _fields(selection.selections)
