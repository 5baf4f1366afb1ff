"""Compiled execution answers what stock execution answers, byte for byte: data, order, errors and their paths."""

from __future__ import annotations

import asyncio
import enum
import types
import typing
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any, cast

import msgspec
import orjson
import pytest
import strawberry
from graphql import GraphQLObjectType
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from strawberry.schema.config import StrawberryConfig

from ehb.domain import book as domain
from ehb.domain.identity import Patient
from ehb.domain.records import KINDS, Record, Section
from graphql_schema import records as shown
from graphql_schema.book import HealthBook
from graphql_schema.elements import COMPARATOR, DECIMAL, PARTIAL_DATE_TIME, Comparator, PartialDateTime
from graphql_schema.ids import OpaqueIds
from graphql_schema.schema import _Compiled, _NoSuggestions
from tests.graphql_schema.quiet import QuietSchema
from tests.graphql_schema.random_documents import CONDITIONS, FEW, documents

KEY = bytes(range(64))
NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


@strawberry.type
class Query:
    """Roots that give what a test made."""

    @strawberry.field(graphql_type=HealthBook)
    def book(self, info: strawberry.Info) -> Any:
        return info.context.book

    @strawberry.field(graphql_type=shown.Record | None)
    async def record(self, info: strawberry.Info) -> Any:
        return info.context.book.records[0]

    @strawberry.field(graphql_type=list[shown.Record])
    def records(self, info: strawberry.Info) -> Any:
        return list(info.context.book.records)


def schema(executor: Any) -> strawberry.Schema:
    return QuietSchema(
        query=Query,
        types=list(shown.RECORD_TYPES),
        execution_context_class=executor,
        config=StrawberryConfig(
            scalar_map={PartialDateTime: PARTIAL_DATE_TIME, Decimal: DECIMAL, Comparator: COMPARATOR}
        ),
    )


COMPILED, STOCK = schema(_Compiled), schema(_NoSuggestions)


def _odd(random: Random) -> Any:
    """What should not stand in a record, and once in a while might."""
    return random.choice(
        [None, 7, 1.5, True, "", ValueError("no"), object(), [], [None], (), ["a", None], strawberry.UNSET, b"bytes"]
    )


class Worlds:
    """Records of every kind, with an odd value here and there."""

    def __init__(self, seed: int, odd: float) -> None:
        self.random = Random(seed)
        self.odd = odd

    def value(self, hint: Any) -> Any:
        if self.odd and self.random.random() < self.odd:
            return _odd(self.random)
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin in (typing.Union, types.UnionType):
            return self.value(self.random.choice(arguments))
        if origin in (tuple, list, frozenset, typing.cast(Any, Iterator)):
            return tuple(self.value(arguments[0]) for _ in range(self.random.randrange(3)))
        if hint is type(None):
            return None
        if isinstance(hint, type) and issubclass(hint, enum.Enum):
            return self.random.choice(list(hint))
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            return self.struct(hint)
        made = {str: "chữ", int: 3, bool: True, bytes: b"k" * 16, Decimal: Decimal("5.60"), datetime: NOW}
        return made[hint]

    def struct(self, kind: type[Any], **fixed: Any) -> Any:
        hints = typing.get_type_hints(kind)
        return kind(**{name: fixed[name] if name in fixed else self.value(hint) for name, hint in hints.items()})

    def book(self, size: int) -> domain.HealthBook:
        kinds = [kind for kind in Record.__subclasses__() if kind.__name__ in KINDS]
        identity = {"patient_id": b"p" * 16, "time": "2026-11-20T08:00:00+07:00"}
        records = [
            self.struct(
                self.random.choice(kinds),
                **identity,
                key=bytes([number]) * 12,
                section=self.random.choice(list(Section)),
                ended=None,
            )
            for number in range(size)
        ]
        return domain.assemble(b"p" * 16, self.struct(Patient), records, opened=frozenset(Section), now=NOW)


def test_the_worlds_hold_every_kind() -> None:
    found = {type(record).__name__ for record in Worlds(1, 0).book(200).records}

    assert found == set(KINDS)


def answered(
    running: strawberry.Schema, document: str, world: domain.HealthBook, variables: dict[str, int | None]
) -> bytes:
    context = types.SimpleNamespace(
        book=world,
        ids=OpaqueIds(KEY),
        principal=types.SimpleNamespace(patient_id=b"p" * 16, facility=None),
    )
    result = asyncio.run(running.execute(document, variable_values=variables, context_value=cast(Any, context)))
    errors = [error.formatted for error in result.errors or ()]
    return orjson.dumps({"data": result.data, "errors": errors}, default=repr)


THOROUGH = settings(
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),  # to explain takes a trace of every line
)
DRAWN = given(
    document=documents(COMPILED._schema, cast(GraphQLObjectType, COMPILED._schema.query_type), 5),
    seed=st.integers(0, 10_000),
    odd=st.sampled_from([0, 0, 0.01, 0.1]),
    variables=st.fixed_dictionaries(
        {**dict.fromkeys(CONDITIONS, st.sampled_from([True, True, False, False, None])), FEW: st.integers(0, 2)}
    ),
)


@pytest.mark.timeout(300)
@settings(THOROUGH, max_examples=100)
@DRAWN
def test_a_random_document_is_answered_as_stock_execution_answers_it(
    document: str, seed: int, odd: float, variables: dict[str, int | None]
) -> None:
    compare(document, seed, odd, variables)


@pytest.mark.long
@pytest.mark.timeout(900)
@settings(THOROUGH, max_examples=1_000)
@DRAWN
def test_thousands_of_random_documents_are_answered_as_stock_execution_answers_them(
    document: str, seed: int, odd: float, variables: dict[str, int | None]
) -> None:
    compare(document, seed, odd, variables)


def compare(document: str, seed: int, odd: float, variables: dict[str, int | None]) -> None:
    world = Worlds(seed, odd).book(6)
    expected = answered(STOCK, document, world, variables)

    for _ in range(2):  # compiled the second time
        assert answered(COMPILED, document, world, variables) == expected
    other: dict[str, int | None] = {
        name: not value if value is None or isinstance(value, bool) else value + 1 for name, value in variables.items()
    }
    unlike = answered(STOCK, document, world, other)
    for _ in range(2):
        assert answered(COMPILED, document, world, other) == unlike
    assert answered(COMPILED, document, world, variables) == expected
