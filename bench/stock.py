"""A schema of strawberry over plain documents, as its documentation has it: the floor of GraphQL in Python.

The caches of parser and validation are on. Documents are handed out as they came from the driver (`default_resolver`
takes a field by its key), which spares the objects that most schemas make. The view is strawberry's own.

The one invariant: the question that ours is asked is answered here with the same words.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from operator import getitem
from typing import Any

import strawberry
from starlette.routing import BaseRoute, Route
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig

PERSON = "x-person"
"""The header that says whose book it is, in hexadecimal digits."""
Find = Callable[[bytes, int], Awaitable[list[dict[str, Any]]]]
"""So many of the newest documents of one person."""
_KINDS = (
    "Encounter",
    "Condition",
    "AllergyIntolerance",
    "Procedure",
    "MedicationRequest",
    "DiagnosticReport",
    "Observation",
    "ClinicalImpression",
    "Composition",
    "ServiceRequest",
    "Appointment",
    "Immunization",
    "CarePlan",
)


@strawberry.type
class Coding:
    system: str
    code: str
    display: str | None
    version: str | None


@strawberry.type
class CodeableConcept:
    text: str | None
    coding: list[Coding]


@strawberry.type
class Facility:
    code: str
    name: str | None


@strawberry.type
class Practitioner:
    licence: str | None


@strawberry.type
class Provenance:
    """Attributes are the keys of the documents."""

    facility: Facility
    practitioner: Practitioner | None
    author: Practitioner | None
    submittedAt: str
    source: str
    sourceRow: str | None
    signed: bool
    version: int
    legalStatus: str


@strawberry.interface
class Record:
    id: strawberry.ID
    section: str
    time: str
    code: CodeableConcept | None
    provenance: Provenance
    labels: list[str]

    @classmethod
    def resolve_type(cls, document: dict[str, Any], *_: Any) -> str:
        return str(document["__typename"])

    @classmethod
    def is_type_of(cls, *_: Any) -> bool:
        return True


@strawberry.type
class Timeline:
    nodes: list[Record]


@strawberry.type
class HealthBook:
    @strawberry.field
    async def timeline(self, info: strawberry.Info, first: int) -> Timeline:
        context = info.context
        patient_id = bytes.fromhex(context["request"].headers[PERSON])
        found: Any = {"nodes": await context["find"](patient_id, first)}
        return found  # type: ignore[no-any-return]


@strawberry.type
class Query:
    @strawberry.field
    def my_health_book(self) -> HealthBook:
        return HealthBook()


def graphql(find: Find) -> BaseRoute:
    """`POST /graphql`."""
    schema = strawberry.Schema(
        Query,
        types=[strawberry.type(type(name, (Record,), {"__annotations__": {}})) for name in _KINDS],
        config=StrawberryConfig(default_resolver=getitem),
        extensions=[lambda: ParserCache(maxsize=512), lambda: ValidationCache(maxsize=512)],
    )

    class View(GraphQL[dict[str, Any], None]):
        async def get_context(self, request: Any, response: Any) -> dict[str, Any]:
            return {"request": request, "response": response, "find": find}

    return Route("/graphql", View(schema, graphql_ide=None))
