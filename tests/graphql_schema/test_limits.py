"""Limits: a document is measured in one pass, however often it spreads its fragments, and before anything else."""

from __future__ import annotations

import time

import pytest
from graphql import parse

from graphql_schema.limits import (
    MAX_ALIASES,
    MAX_DEPTH,
    MAX_DIRECTIVES,
    MAX_FIELDS,
    MAX_ROOTS,
    Judge,
    Measure,
    measures,
)
from graphql_schema.schema import make_schema
from tests.house import House

RESPONSE = {"Accept": "application/graphql-response+json", "Accept-Language": "en"}


def _doubling(levels: int) -> str:
    """A document whose last fragment is spread 2 ** levels times."""
    fragments = [f"fragment f{level} on Query {{ ...f{level + 1} ...f{level + 1} }}" for level in range(levels)]
    return " ".join(["{ ...f0 }", *fragments, f"fragment f{levels} on Query {{ me {{ kind }} }}"])


def test_a_fragment_is_measured_wherever_it_is_spread() -> None:
    """Row L1."""
    document = parse(
        "{ a: me { kind } ...x } fragment x on Query { b: me { ... { kind } } __schema { types { name } } }"
    )

    assert list(measures(document)) == [Measure(depth=2, fields=8, roots=3, aliases=2, introspections=1)]


def test_a_document_that_doubles_itself_is_measured_at_once() -> None:
    start = time.process_time()
    [found] = measures(parse(_doubling(300)))

    assert found.fields > 2**300
    assert time.process_time() - start < 5  # not a figure of speed: walking it would outlast the universe


def test_a_fragment_that_spreads_itself_has_an_end() -> None:
    assert [one.depth for one in measures(parse("{ ...a } fragment a on Query { me { kind } ...a }"))] == [2]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (_doubling(18), f"{MAX_FIELDS} fields"),
        (_doubling(200), "2000 tokens"),
        ("{ a" * 600 + " }" * 600, "too deeply"),
        ("{ " + "a { " * MAX_DEPTH + "b" + " }" * (MAX_DEPTH + 1), f"{MAX_DEPTH} levels"),
        ("{ " + " ".join(f"a{n}: me {{ kind }}" for n in range(MAX_ALIASES + 1)) + " }", f"{MAX_ALIASES} aliases"),
        ("{ " + " ".join(f"a{n}: __schema {{ types {{ name }} }}" for n in range(3)) + " }", "2 introspection"),
        ("{ " + " ".join(["me { kind }"] * (MAX_ROOTS + 1)) + " }", f"{MAX_ROOTS} root fields"),
        (
            "{ ...x } fragment x on Query { " + "...y " * 6 + "} fragment y on Query { me { kind } bookId }",
            "root fields",
        ),
        ("{ me " + "@include(if: true) " * (MAX_DIRECTIVES + 1) + "{ kind } }", f"{MAX_DIRECTIVES} directives"),
    ],
    ids=[
        "doubling",
        "doubling for ever",
        "deeper than Python",
        "deep",
        "aliases",
        "introspection",
        "roots",
        "roots in fragments",
        "directives",
    ],
)
async def test_a_document_that_is_too_large_is_refused_in_words(house: House, query: str, said: str) -> None:
    """Row L2."""
    answer = await house.http.post("/graphql", json={"query": query}, headers=RESPONSE)

    assert answer.status_code == 400
    assert said in answer.json()["errors"][0]["message"]
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    "asked",
    [
        {"query": ""},
        {"query": "  "},
        {"query": "{ me { kind } }", "operationName": "Nothing"},
        {"query": "query A { me { kind } } query B { me { kind } }"},
        {"query": "query A { me { kind } } query B { me { kind } }", "operationName": "C"},
        {"query": "fragment f on Query { me { kind } }"},
    ],
)
async def test_an_operation_that_is_not_there_is_the_callers_mistake(house: House, asked: dict[str, str]) -> None:
    answer = await house.http.post("/graphql", json=asked, headers=RESPONSE)

    assert answer.status_code == 400
    assert "INTERNAL" not in answer.text


async def test_one_of_several_operations_is_run_by_its_name(house: House) -> None:
    asked = {"query": "query A { me { kind } } query B { other: me { kind } }", "operationName": "B"}

    answer = await house.http.post("/graphql", json=asked, headers=RESPONSE)

    assert answer.json() == {"data": {"other": {"kind": "ANONYMOUS"}}}


async def test_a_faulty_document_is_said_in_the_callers_language(house: House) -> None:
    answers = [
        (await house.ask(None, "{ nothing }", language=language))["errors"][0]["message"] for language in ("vi", "en")
    ]

    assert answers[0].startswith("Yêu cầu GraphQL không hợp lệ: ")
    assert answers[1].startswith("Cannot query field")


@pytest.mark.parametrize("value", ['"000İ"', "000İ", '"PRACTITIONERS"', "PRACTITIONE"])
async def test_row_e6_a_literal_of_no_enum_value_is_refused_without_a_guess(house: House, value: str) -> None:
    query = f"mutation {{ giveConsent(consent: {{permit: false, granteeKind: {value}}}) {{ problems {{ code }} }} }}"

    answer = await house.ask(None, query)

    assert {one["extensions"]["code"] for one in answer["errors"]} == {"BAD_USER_INPUT"}
    assert "Did you mean" not in str(answer)


def test_each_document_is_judged_once_and_the_oldest_is_forgotten() -> None:
    judge, schema = Judge(introspection=True), make_schema()._schema

    first = judge.judged(schema, "{ me { kind } }")
    again = judge.judged(schema, "{ me { kind } }")
    for number in range(300):
        judge.cost(schema, judge.judged(schema, f"query A{number} {{ me {{ kind }} }}"), None)

    assert first is again
    assert judge.judged(schema, "{ me { kind } }") is not first
    assert judge.judged.cache_info().currsize == 128
