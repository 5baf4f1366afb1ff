"""Cost: known before anything runs, from page sizes, whoever gives them and however (row L3)."""

from __future__ import annotations

import time
from typing import Any

import pytest
from graphql import parse, validate

from graphql_schema.cost import (
    INPUT,
    LIST,
    MAX_COST,
    MAX_COST_ANONYMOUS,
    OBJECT,
    PAGE,
    READ,
    VALUE,
    WRITE,
    cost,
    sizes,
    sizing,
    weight,
)
from graphql_schema.schema import make_schema
from tests.builders import NATIONAL_ID
from tests.house import House

SCHEMA = make_schema()._schema
TIMELINE = "myHealthBook {{ timeline{} {{ nodes {{ id }} }} }}"
BOOK = READ + OBJECT + PAGE + OBJECT  # the root, the book and the connection
ITEM = OBJECT + VALUE
BY_VARIABLE = f"query($n: Int! = 7) {{ {TIMELINE.format('(first: $n)')} }}"


def points(query: str, name: str | None = None, **variables: Any) -> int:
    document = parse(query)
    assert not validate(SCHEMA, document)
    return cost(SCHEMA, document, name, sizes(sizing(document), variables))


@pytest.mark.parametrize(
    ("query", "variables", "expected"),
    [
        ("{ me { kind } }", {}, READ + OBJECT + VALUE),
        ("mutation { approveConsent(id: 1) { id } }", {}, WRITE + OBJECT + VALUE),
        ("{ __typename }", {}, VALUE),
        ("{ __schema { types { fields { name } } } }", {}, READ),
        (f"{{ {TIMELINE.format('(first: 3)')} }}", {}, BOOK + 3 * ITEM),
        (f"{{ {TIMELINE.format('')} }}", {}, BOOK + 50 * ITEM),
        (BY_VARIABLE, {}, BOOK + 7 * ITEM),
        (BY_VARIABLE, {"n": 9}, BOOK + 9 * ITEM),
        (BY_VARIABLE, {"n": 9.0}, BOOK + 9 * ITEM),
        (BY_VARIABLE, {"n": 0}, BOOK + ITEM),
        (BY_VARIABLE, {"n": -100}, BOOK + ITEM),
        (BY_VARIABLE, {"n": None}, BOOK + 7 * ITEM),
        (BY_VARIABLE, {"n": True}, BOOK + 7 * ITEM),
        (BY_VARIABLE, {"n": "9"}, BOOK + 7 * ITEM),
        (BY_VARIABLE, {"n": float("inf")}, BOOK + 7 * ITEM),
        (BY_VARIABLE, {"n": 10**12}, BOOK + 2**31 * ITEM),
        (BY_VARIABLE, {"n": 1e300}, BOOK + 2**31 * ITEM),
        (f"{{ {TIMELINE.format('(first: -2147483648)')} }}", {}, BOOK + ITEM),
        ('{ nodes(ids: ["a", "b"]) { id } }', {}, 2 * (READ + ITEM)),
        ("query($x: [ID!]!) { nodes(ids: $x) { id } }", {"x": ["a"] * 40}, 40 * (READ + ITEM)),
        ("query($x: [ID!]!) { nodes(ids: $x) { id } }", {"x": "a"}, READ + ITEM),
        ("{ myConsents { id } }", {}, READ + LIST * ITEM),
        ("{ myHealthBook { timeline(first: 5) { nodes { labels } } } }", {}, BOOK + 5 * (OBJECT + LIST * VALUE)),
    ],
)
def test_a_page_counts_as_often_as_it_has_items(query: str, variables: dict[str, Any], expected: int) -> None:
    assert points(query, **variables) == expected


def test_lists_of_a_fragment_on_a_connection_count_by_the_page_that_spreads_it() -> None:
    fragment = "fragment page on RecordConnection { edges { node { id } } }"

    small, large = (
        points(f"{{ myHealthBook {{ timeline(first: {first}) {{ ...page }} }} }} {fragment}") for first in (1, 100)
    )

    assert large - small == 99 * (OBJECT + ITEM)


def test_of_the_kinds_that_a_record_may_be_the_dearest_counts() -> None:
    kinds = "... on Encounter { id reason } ... on Procedure { id } ... on Record { time }"

    found = points(f"{{ myHealthBook {{ timeline(first: 10) {{ nodes {{ {kinds} }} }} }} }}")

    assert found == BOOK + 10 * (OBJECT + 3 * VALUE)


def test_one_of_several_operations_is_reckoned_by_its_name() -> None:
    query = f"query A {{ me {{ kind }} }} query B {{ {TIMELINE.format('(first: 100)')} }}"

    assert points(query, "A") == READ + OBJECT + VALUE
    assert points(query, "B") == BOOK + 100 * ITEM


def test_what_an_include_may_leave_out_counts() -> None:
    assert points("query($x: Boolean!) { me { kind name @include(if: $x) } }", x=False) == READ + OBJECT + 2 * VALUE


def test_fragments_that_spread_each_other_twice_are_reckoned_at_once() -> None:
    doubling = " ".join(f"fragment f{n} on Me {{ ...f{n + 1} ...f{n + 1} }}" for n in range(200))
    document = parse(f"{{ me {{ ...f0 }} }} {doubling} fragment f200 on Me {{ kind }}")

    start = time.process_time()
    found = cost(SCHEMA, document, None)

    assert found > 2**200
    assert time.process_time() - start < 5  # not a figure of speed: walking it would outlast the universe


@pytest.mark.parametrize("first", [10**6, 2**31 - 1])
@pytest.mark.parametrize("by_variable", [False, True])
async def test_too_much_is_refused_with_its_cost_before_anything_is_read(
    house: House, first: int, by_variable: bool
) -> None:
    """Row L3."""
    token = await house.citizen(NATIONAL_ID)
    before = await house.mongo.database["audit_events"].count_documents({})

    answer = await house.http.post(
        "/graphql",
        json={
            "query": BY_VARIABLE if by_variable else f"{{ {TIMELINE.format(f'(first: {first})')} }}",
            "variables": {"n": first} if by_variable else {},
        },
        headers={"Authorization": f"Bearer {token}", "Accept": "application/graphql-response+json"},
    )

    assert answer.status_code == 400
    assert "data" not in answer.json()
    [error] = answer.json()["errors"]
    assert error["extensions"] == {
        "code": "COST_EXCEEDED",
        "cost": BOOK + first * ITEM + by_variable * VALUE,
        "limit": MAX_COST,
    }
    assert await house.mongo.database["audit_events"].count_documents({}) == before


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        (None, 0),
        ({}, 0),
        ({"a": 1, "b": None}, 2 * VALUE),
        ({"a": [1, 2, [3]]}, 5 * VALUE),
        ({"a": {"b": {}, "c": [{}]}}, 3 * INPUT + 4 * VALUE),
        ({"a": [{}] * 10**6}, 100),
        ({"a": [1] * 10**6}, 100),
    ],
)
def test_what_the_variables_hold_is_weighed_and_no_further_than_need_be(variables: Any, expected: int) -> None:
    assert min(weight(variables, 100), 100) == min(expected, 100)


@pytest.mark.parametrize("items", [[{}] * 10_000, ["x"] * 50_000, [[{}]] * 5_000], ids=["objects", "texts", "lists"])
@pytest.mark.parametrize(("kind", "root"), [("query", "consentText"), ("mutation", "giveConsent")])
async def test_a_flood_of_values_is_refused_before_it_is_made_into_anything(
    house: House, kind: str, root: str, items: list[Any]
) -> None:
    """Row L3: a document of ten fields can carry half a million values."""
    terms = {"permit": True, "granteeKind": "ANYBODY", "exceptions": items}
    query = f"{kind}($t: ConsentInput!) {{ {root}(consent: $t) {{ __typename }} }}"

    started = time.process_time()
    answer = await house.ask(None, query, {"t": terms})

    assert [error["extensions"]["code"] for error in answer["errors"]] == ["COST_EXCEEDED"]
    assert time.process_time() - started < 1  # not a figure of speed: made into objects they take fifteen seconds


async def test_too_many_exceptions_are_one_problem(house: House) -> None:
    terms = {"permit": True, "granteeKind": "ANYBODY", "exceptions": [{}] * 100}
    query = "query($t: ConsentInput!) { consentText(consent: $t) { problems { code } } }"

    answer = await house.ask(await house.citizen(NATIONAL_ID), query, {"t": terms})

    assert [one["code"] for one in answer["data"]["consentText"]["problems"]].count("TOO_MANY_EXCEPTIONS") == 1
    assert len(answer["data"]["consentText"]["problems"]) < 6


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json", "text/event-stream"])
@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("query($n: Int) { myAccessLog(first: $n) { nodes { time } } }", {"n": 99999999999999999999}),
        ("query($n: Int) { myAccessLog(first: $n) { nodes { time } } }", {"n": 1e300}),
        ("{ myAccessLog(first: " + "9" * 5_000 + ") { nodes { time } } }", {}),
        ("{ myAccessLog(first: -" + "9" * 5_000 + ") { nodes { time } } }", {}),
        ("{ facility(code: " + "9" * 5_000 + ") { code } }", {}),
    ],
)
async def test_a_number_that_nothing_holds_is_no_bug(
    house: House, query: str, variables: dict[str, Any], accept: str
) -> None:
    token = await house.citizen(NATIONAL_ID)

    answer = await house.http.post(
        "/graphql",
        json={"query": query, "variables": variables},
        headers={"Authorization": f"Bearer {token}", "Accept": accept},
    )

    assert answer.status_code in (200, 400)
    assert '"code":"BAD_USER_INPUT"' in answer.text or '"code":"COST_EXCEEDED"' in answer.text
    assert "INTERNAL" not in answer.text


async def test_whoever_is_not_signed_in_has_a_limit_of_a_few_questions(house: House) -> None:
    few = "{ " + " ".join(f"a{n}: me {{ kind }}" for n in range(9)) + " }"
    many = "{ " + " ".join(f"a{n}: me {{ kind }}" for n in range(10)) + " }"

    assert "errors" not in await house.ask(None, few)
    [error] = (await house.ask(None, many))["errors"]
    assert error["extensions"]["limit"] == MAX_COST_ANONYMOUS
    assert "errors" not in await house.ask(await house.citizen(NATIONAL_ID), many)


async def test_the_cost_is_not_told_to_whoever_stays_below_it(house: House) -> None:
    assert await house.ask(None, "{ me { kind } }") == {"data": {"me": {"kind": "ANONYMOUS"}}}
