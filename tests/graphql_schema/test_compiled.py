"""What compiled execution takes on, what it leaves to stock execution, and what it keeps."""

from __future__ import annotations

import asyncio
import enum
import gc
import itertools
import types
import weakref
from collections.abc import AsyncIterator, Generator, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast

import orjson
import pytest
import strawberry
from graphql import execute, parse
from strawberry.extensions import ParserCache, SchemaExtension
from strawberry.schema.config import StrawberryConfig

from graphql_schema.elements import COMPARATOR, DECIMAL, PARTIAL_DATE_TIME, Comparator, PartialDateTime
from graphql_schema.execution import CompiledExecution
from graphql_schema.schema import _Compiled, _NoSuggestions
from graphql_schema.subtree import pure
from tests.graphql_schema.quiet import QuietSchema


@strawberry.enum
class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


@strawberry.interface
class Animal:
    name: str

    @classmethod
    def is_type_of(cls, value: Any, _: Any) -> bool:
        return type(value).__name__ == cls.__name__

    @staticmethod
    def resolve_type(value: Any, *_: Any) -> str:
        return type(value).__name__


@strawberry.type
class Cat(Animal):
    lives: int
    colour: Colour | None = None


@strawberry.type
class Dog(Animal):
    weight: Decimal | None = None
    tricks: list[str] = strawberry.field(default_factory=list)


@strawberry.type
class Box:
    text: str | None = None
    number: int | None = None
    flag: bool | None = None
    real: float | None = None
    inner: Box | None = None
    boxes: list[Box] | None = None
    loose: list[Box | None] | None = None
    sure: str = ""
    animal: Animal | None = None

    @strawberry.field
    @pure
    def shout(self) -> str:
        return str(self.text).upper()

    @strawberry.field
    @pure
    def seen(self, info: strawberry.Info) -> str:
        return str(info.context.who)

    @strawberry.field
    async def slow(self) -> str:
        await asyncio.sleep(0)
        return "slow"

    @strawberry.field
    def with_argument(self, times: int = 2) -> str:
        return "x" * times

    @strawberry.field
    @pure
    def repeated(self, info: strawberry.Info, times: int = 2, among: list[str] | None = None) -> str:
        if times > 5:
            raise ValueError("too often")
        return "".join(among or [info.context.who]) * times


@strawberry.type
class Query:
    @strawberry.field
    def box(self, info: strawberry.Info) -> Box | None:
        return cast(Box, info.context.box)

    @strawberry.field
    def boxes(self, info: strawberry.Info) -> list[Box]:
        return [cast(Box, info.context.box)] * 2


def schema(executor: Any, *extensions: Any) -> strawberry.Schema:
    return QuietSchema(
        query=Query,
        types=[Cat, Dog],
        execution_context_class=executor,
        config=StrawberryConfig(
            scalar_map={PartialDateTime: PARTIAL_DATE_TIME, Decimal: DECIMAL, Comparator: COMPARATOR}
        ),
        extensions=[lambda: ParserCache(maxsize=8), *extensions],
    )


COMPILED, STOCK = schema(_Compiled), schema(_NoSuggestions)


@dataclass
class Loose:
    """A value that is no strawberry type, as the values of this API are none."""

    text: Any = "t"
    number: Any = 1
    flag: Any = True
    real: Any = 1.5
    inner: Any = None
    boxes: Any = field(default_factory=list)
    loose: Any = None
    sure: Any = "s"
    animal: Any = None


class Failing(Loose):
    @property
    def text(self) -> str:
        raise ValueError("the text fails")

    @text.setter
    def text(self, _: Any) -> None:
        """Nothing to keep."""


async def later(value: Any) -> Any:
    await asyncio.sleep(0)
    return value


class Later:
    """The same, and nobody minds when it is not awaited."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __await__(self) -> Generator[Any, None, Any]:
        return later(self.value).__await__()


async def stream() -> AsyncIterator[Any]:
    yield Loose()


def items() -> Iterator[Any]:
    yield Loose()


def run(running: strawberry.Schema, document: str, box: Any, variables: dict[str, Any] | None = None) -> bytes:
    context = types.SimpleNamespace(box=box() if callable(box) else box, who="me")
    result = asyncio.run(running.execute(document, variable_values=variables, context_value=cast(Any, context)))
    errors = [error.formatted for error in result.errors or ()]
    return orjson.dumps({"data": result.data, "errors": errors}, default=repr)


ALL = """{ box { text number flag real sure shout: text inner { text boxes { sure } }
  boxes { text number } loose { sure }
  animal { __typename name ... on Cat { lives colour } ... on Dog { weight tricks } } } }"""
NOTHING = "{ box { inner { __typename } boxes { __typename } loose { __typename } animal { __typename } } }"
"""Asks for no attribute of the values, so that none of them says by itself that it is no such value."""


@pytest.mark.parametrize("document", [ALL, NOTHING], ids=["all", "nothing"])
@pytest.mark.parametrize(
    "box",
    [
        Loose,
        lambda: ValueError("the box itself is an error"),
        lambda: Loose(boxes=[Loose(), ValueError("an item of those that must be there")]),
        lambda: Loose(animal=ValueError("no animal")),
        lambda: Loose(inner=strawberry.UNSET),
        lambda: None,
        lambda: Loose(text=None),
        lambda: Loose(sure=None),
        lambda: Loose(boxes=[Loose(), Loose(sure=None)]),
        lambda: Loose(boxes=[Loose(number="no number")]),
        lambda: Loose(boxes=[None]),
        lambda: Loose(loose=[Loose(), None, Loose(sure=None), ValueError("an item fails")]),
        lambda: Loose(boxes=Loose()),
        lambda: Loose(boxes="text"),
        lambda: Loose(boxes=(Loose(),)),
        lambda: Loose(boxes=items()),
        lambda: Loose(boxes=stream()),
        lambda: Loose(text=Later("in a while")),
        lambda: Loose(inner=later(Loose())),
        lambda: Loose(loose=[later(Loose()), Loose()]),
        lambda: Loose(text=ValueError("a value that is an error")),
        lambda: Loose(text=strawberry.UNSET),
        lambda: Loose(inner=ValueError("an object that is an error")),
        lambda: Loose(number=2**40),
        lambda: Loose(number=True),
        lambda: Loose(number=3.0),
        lambda: Loose(text=7),
        lambda: Loose(text=True),
        lambda: Loose(flag="yes"),
        lambda: Loose(flag=1),
        lambda: Loose(real=2),
        lambda: Loose(real=float("nan")),
        lambda: Loose(real="2.5"),
        Failing,
        lambda: Loose(inner=Failing()),
        lambda: Loose(loose=[Failing(), Loose()]),
        lambda: Loose(animal=Cat(name="c", lives=9, colour=Colour.RED)),
        lambda: Loose(animal=Cat(name="c", lives=9, colour=cast(Any, "green"))),
        lambda: Loose(animal=Cat(name="c", lives=9, colour=cast(Any, "blue"))),
        lambda: Loose(animal=Cat(name="c", lives=9, colour=cast(Any, ["red"]))),
        lambda: Loose(animal=Dog(name="d", weight=Decimal("1.50"), tricks=["sit"])),
        lambda: Loose(animal=Dog(name="d", weight=cast(Any, "heavy"), tricks=cast(Any, [None]))),
        lambda: Loose(animal=Loose()),
        lambda: Loose(animal="Cat"),
        object,
    ],
)
def test_whatever_stands_in_a_value_is_answered_alike(box: Any, document: str) -> None:
    """Row G5."""
    expected = run(STOCK, document, box)

    assert run(COMPILED, document, box) == expected
    assert run(COMPILED, document, Loose) == run(STOCK, document, Loose)
    assert run(COMPILED, document, box) == expected  # once more, with what is remembered of the value's class


DOCUMENTS = [
    "{ box { a: text b: text text } }",
    "{ box { ...A inner { ...A } } } fragment A on Box { text ... { number } ... on Box { inner { sure } } }",
    "query($x: Boolean!) { box { text @skip(if: $x) number @include(if: $x) ... @skip(if: $x) { sure } } }",
    "query($x: Boolean!) { box { ...A @include(if: $x) sure } } fragment A on Box { inner { sure @skip(if: $x) } }",
    "{ box { inner { text } inner { number } } }",
    "{ box { slow text } boxes { text } }",
    "{ box { withArgument(times: 3) inner { text } } }",
    "{ box { shout seen } boxes { seen } }",
    '{ box { repeated inner { a: repeated(times: 3) b: repeated(times: null) c: repeated(among: ["a", "b"]) } } }',
    "query($n: Int! = 4) { box { repeated(times: $n) inner { text repeated(times: 6) } boxes { sure } } }",
    "query($n: Int) { box { repeated(times: $n) } }",
    "query($n: Int = 7) { box { sure inner { repeated(times: $n) } } }",
    'query($a: String! = "z") { box { repeated(among: [$a, "b"]) } }',
    "query Q($n: Int) { box { ...R } } fragment R on Box { repeated(times: $n, among: null) }",
    "{ box { animal { name } } }",
    "{ boxes { __typename kind: __typename boxes { __typename } } }",
    "{ boxes { animal { ... on Cat { name: lives } ... on Dog { name } } } }",
]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_whatever_is_asked_is_answered_alike(document: str) -> None:
    box = Loose(inner=Loose(text="inner"), animal=Cat(name="c", lives=9), boxes=[Loose(), Loose(text="two")])
    for value in (True, False, True):
        variables = {"x": value} if "$x" in document else None

        assert run(COMPILED, document, box, variables) == run(STOCK, document, box, variables)


def plans(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    made: list[str] = []
    pure_of = CompiledExecution._pure

    def watched(self: CompiledExecution, kind: Any, details: Any) -> Any:
        below = pure_of(self, kind, details)
        made.append(f"{details[0].node.name.value}: {'compiled' if below else 'left'}")
        return below

    monkeypatch.setattr(CompiledExecution, "_pure", watched)
    return made


def test_a_plan_is_made_once_for_each_document_and_each_set_of_conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    made = plans(monkeypatch)
    document = "query Once($x: Boolean!) { box { text @skip(if: $x) sure } }"
    running = schema(_Compiled)

    for value in (True, False, True, False):
        run(running, document, Loose, {"x": value})

    assert made == ["box: compiled", "box: compiled"]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("{ box { slow inner { text } } }", ["box: left", "inner: compiled"]),
        ("{ box { withArgument inner { text } } }", ["box: left", "inner: compiled"]),
        ("{ box { text shout seen inner { text } } }", ["box: compiled"]),
        ("query($n: Int = 3) { box { repeated(times: $n) inner { repeated(times: 1) } } }", ["box: compiled"]),
        ('query($a: String! = "z") { box { repeated(among: [$a]) inner { text } } }', ["box: left", "inner: compiled"]),
    ],
)
def test_what_is_not_pure_data_is_left_to_stock_execution(
    monkeypatch: pytest.MonkeyPatch, document: str, expected: list[str]
) -> None:
    made = plans(monkeypatch)
    running = schema(_Compiled)

    for _ in range(2):
        run(running, document, lambda: Loose(inner=Loose()))

    assert made == expected


def test_what_is_asked_once_is_not_compiled_however_many_values_it_is_asked_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Or whoever asks something else each time would cost ten times what they are charged for."""
    made: list[Any] = []
    monkeypatch.setattr("graphql_schema.execution.compiled", lambda kind, below: made.append(below))
    running = schema(_Compiled)
    many = Loose(boxes=[Loose() for _ in range(20)])

    run(running, "{ box { slow boxes { text } } }", many)
    assert made == []

    run(running, "{ box { slow boxes { text } } }", many)
    assert len(made) == 1


def test_documents_that_take_turns_are_compiled_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked first is known by its whole, not by each part of it: or the parts would push the others out."""
    monkeypatch.setattr("graphql_schema.by_nodes.KEPT", 16)
    made: list[Any] = []
    monkeypatch.setattr("graphql_schema.execution.compiled", lambda kind, below: made.append(below))
    running = schema(_Compiled)
    documents = [f"{{ box {{ a{number}: text inner {{ text boxes {{ text }} }} }} }}" for number in range(8)]

    for document in documents * 2:
        run(running, document, lambda: Loose(inner=Loose(boxes=[Loose()])))

    assert len(made) == len(documents)


def test_a_selection_of_very_many_fields_is_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphql_schema.subtree.MOST", 4)
    made = plans(monkeypatch)
    running = schema(_Compiled)
    document = "{ box { text inner { a: text b: text c: text } } }"

    answers = [run(running, document, lambda: Loose(inner=Loose())) for _ in range(3)]

    assert made == ["box: left", "inner: compiled"]
    assert set(answers) == {run(STOCK, document, lambda: Loose(inner=Loose()))}


@pytest.mark.parametrize(
    "document",
    [
        "query($x: Boolean = true) { box { sure boxes { text number @include(if: $x) } } }",
        "query($x: Boolean = true) { box { inner { text sure @skip(if: $x) } } }",
        "query($x: Boolean = true) { box { inner @skip(if: $x) { text } } }",
    ],
)
@pytest.mark.parametrize("box", [Loose(), Loose(inner=Loose(), boxes=[Loose()])], ids=["empty", "full"])
def test_a_condition_that_is_null_is_answered_alike(document: str, box: Loose) -> None:
    """A variable with a default may stand there, and be null all the same."""
    for value in (None, True, None, True):
        assert run(COMPILED, document, box, {"x": value}) == run(STOCK, document, box, {"x": value})


def test_what_watches_every_resolver_sees_every_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    made = plans(monkeypatch)
    seen: list[str] = []

    class Watching(SchemaExtension):
        def resolve(self, _next: Any, root: Any, info: Any, *arguments: Any, **named: Any) -> Any:
            seen.append(info.field_name)
            return _next(root, info, *arguments, **named)

    run(schema(_Compiled, Watching), "{ box { text sure } }", Loose)

    assert seen == ["box", "text", "sure"]
    assert made == []


def test_nothing_of_a_request_is_kept_with_a_plan() -> None:
    class Content(Loose):
        """Somebody's."""

    context = types.SimpleNamespace(box=Content(inner=Content()), who="me")
    gone = [weakref.ref(context.box), weakref.ref(context.box.inner)]
    document, running = "{ box { text inner { text seen } } }", schema(_Compiled)
    run(running, document, Loose)
    asyncio.run(running.execute(document, context_value=cast(Any, context)))

    del context
    gc.collect()

    assert [one() for one in gone] == [None, None]


def test_a_request_is_gone_once_it_is_answered_without_the_garbage_collector() -> None:
    """Or memory grows between its rounds by what hundreds of people were answered."""
    running = schema(_Compiled)
    context: Any = Loose()
    context.box, context.who = Loose(inner=Loose()), "me"
    gone = weakref.ref(context)
    document = parse("{ box { slow inner { text seen } } }")

    async def run_it() -> Any:  # as `graphql_schema.operations` does; strawberry's own way leaves some
        return await execute(running._schema, document, context_value=context, executor_class=_Compiled)  # type: ignore

    gc.disable()
    try:
        assert not asyncio.run(run_it()).errors
        context = None

        assert gone() is None
    finally:
        gc.enable()


def test_plans_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphql_schema.by_nodes.KEPT", 5)
    running = schema(_Compiled)
    CompiledExecution._plans.clear()

    for number in range(20):
        run(running, f"{{ box {{ a{number}: text }} }}", Loose)

    assert len(CompiledExecution._plans) == 5


def test_the_fields_of_all_plans_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphql_schema.execution._FIELDS", 10)
    running = schema(_Compiled)
    CompiledExecution._plans.clear()

    for number in range(20):
        for _ in range(2):
            answer = orjson.loads(run(running, f"{{ box {{ a{number}: text number sure }} }}", Loose))
            assert answer["data"]["box"] == {f"a{number}": "t", "number": 1, "sure": "s"}

    kept = [plan for _, plan in CompiledExecution._plans.values()]
    assert [plan.below.size for plan in kept if plan.below is not None] == [3, 3, 3]
    assert all(plan.function is not None for plan in kept)


def test_plans_of_one_selection_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six variables in directives are sixty-four ways to read one document."""
    monkeypatch.setattr("graphql_schema.by_nodes.KEPT", 16)
    running = schema(_Compiled)
    CompiledExecution._plans.clear()
    names = [f"v{number}" for number in range(6)]
    document = (
        f"query({', '.join(f'${name}: Boolean!' for name in names)}) "
        f"{{ box {{ sure {' '.join(f'{name}: text @skip(if: ${name})' for name in names)} }} }}"
    )

    for values in itertools.product([True, False], repeat=6):
        answer = orjson.loads(run(running, document, Loose, dict(zip(names, values, strict=True))))
        assert answer["data"]["box"].keys() == {"sure", *itertools.compress(names, [not one for one in values])}

    assert len(CompiledExecution._plans) == 16
