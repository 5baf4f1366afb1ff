"""What the GraphQL specification of September 2025 asks of an answer (standards rows G3 to G7)."""

from __future__ import annotations

from typing import Any

import pytest
import strawberry
from graphql import resolve_schema_coordinate

from graphql_schema.schema import make_schema
from tests.builders import FACILITY, NATIONAL_ID, visit_file
from tests.house import House

OWN = {"code", "correlationId", "acrValues", "maxAge", "cost", "limit", "retryAfter"}


async def test_an_error_of_execution_says_where_and_keeps_what_is_ours_under_extensions(house: House) -> None:
    """Row G3."""
    citizen = await house.citizen(NATIONAL_ID)

    answer = await house.ask(citizen, '{\n  mine: record(id: "nobody\'s") { id }\n}')

    [error] = answer["errors"]
    assert (error["path"], error["locations"]) == (["mine"], [{"line": 2, "column": 3}])
    assert set(error) == {"message", "path", "locations", "extensions"}
    assert set(error["extensions"]) <= OWN


async def test_an_executable_document_may_be_described(house: House) -> None:
    """Row G4: descriptions of September 2025."""
    citizen = await house.citizen(NATIONAL_ID)

    answer = await house.ask(citizen, '"""What I am."""\nquery Me { me { kind } }')

    assert answer == {"data": {"me": {"kind": "CITIZEN"}}}


@pytest.mark.parametrize("coordinate", ["Query.myHealthBook", "HealthBook.timeline(first:)", "Section.CONDITIONS"])
def test_schema_coordinates_resolve(coordinate: str) -> None:
    """Row G4."""
    assert resolve_schema_coordinate(make_schema()._schema, coordinate) is not None


async def test_a_null_rises_to_the_nearest_field_that_may_be_null(house: House) -> None:
    """Row G5: `node` may be null, so its neighbours are answered; `myHealthBook` may not, so nothing is."""
    await house.submit(await house.facility(FACILITY), visit_file())
    citizen = await house.citizen(NATIONAL_ID)
    [found] = (await house.data(citizen, "{ myHealthBook { timeline(first: 1) { nodes { id } } } }"))["myHealthBook"][
        "timeline"
    ]["nodes"]

    beside = await house.ask(citizen, f'{{ me {{ kind }} node(id: "{found["id"]}x") {{ id }} }}')
    above = await house.ask(citizen, "{ me { kind } myHealthBook { timeline(first: 0) { nodes { id } } } }")

    assert beside["data"]["me"] == {"kind": "CITIZEN"}
    assert beside["data"]["node"] is None
    assert above["data"] is None
    assert above["errors"][0]["path"] == ["myHealthBook", "timeline"]


@pytest.mark.parametrize(
    "document",
    [
        "subscription { accessEvents { text } bookChanged { records } }",
        "subscription { ...Both } fragment Both on Subscription { accessEvents { text } bookChanged { records } }",
        "subscription($x: Boolean!) { accessEvents @skip(if: $x) { text } bookChanged @include(if: $x) { records } }",
    ],
)
async def test_a_subscription_has_one_root(house: House, document: str) -> None:
    """Row G6."""
    citizen = await house.citizen(NATIONAL_ID)
    headers = {"Authorization": f"Bearer {citizen}", "Accept": "text/event-stream", "Accept-Language": "en"}

    answer = await house.http.post("/graphql", json={"query": document, "variables": {"x": True}}, headers=headers)

    assert "errors" in answer.text
    assert '"data"' not in answer.text


def test_every_scalar_of_ours_says_what_specifies_it() -> None:
    """Row G7."""
    schema = make_schema()._schema
    standard = {"String", "Int", "Float", "Boolean", "ID", "Date", "DateTime"}
    ours = {
        name: kind
        for name, kind in schema.type_map.items()
        if type(kind).__name__ == "GraphQLScalarType" and name not in standard
    }

    assert ours
    assert [name for name, kind in ours.items() if not getattr(kind, "specified_by_url", None)] == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ('from: "yesterday"', "BAD_USER_INPUT"),
        ('from: "2026-02-30"', "BAD_USER_INPUT"),
        ("from: 20260230", "BAD_USER_INPUT"),
        ('first: "ten"', "BAD_USER_INPUT"),
        ("first: 99999999999", "BAD_USER_INPUT"),
        ("kinds: [1]", "BAD_USER_INPUT"),
    ],
)
async def test_a_literal_that_is_no_value_of_its_type_is_the_requests_fault(
    house: House, arguments: str, code: str
) -> None:
    """Row G7: a request error, never a 500."""
    citizen = await house.citizen(NATIONAL_ID)

    answer: dict[str, Any] = await house.ask(
        citizen, f"{{ myHealthBook {{ timeline({arguments}) {{ nodes {{ id }} }} }} }}"
    )

    assert "data" not in answer
    assert {error["extensions"]["code"] for error in answer["errors"]} == {code}


def test_no_input_of_ours_takes_one_of_several_by_chance() -> None:
    """Row G1: an input of which exactly one member counts would be a oneOf; there is none, and none pretends to be."""
    schema: strawberry.Schema = make_schema()

    assert [name for name, kind in schema._schema.type_map.items() if getattr(kind, "is_one_of", False)] == []
