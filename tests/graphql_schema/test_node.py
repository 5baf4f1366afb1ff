"""`node` and `nodes`: a record by its id alone, by the decision of its book, for each caller in their own capacity."""

from __future__ import annotations

from typing import Any

from tests.house import House
from tests.test_consent import given, permit, seen, world

NODE = "query($id: ID!) { node(id: $id) { __typename id ... on Encounter { time } } }"
NODES = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
OWN = "{ myHealthBook { timeline(first: 100) { nodes { id } } } }"


async def own(house: House, token: str) -> list[str]:
    found = await house.data(token, OWN)
    return [node["id"] for node in found["myHealthBook"]["timeline"]["nodes"]]


def code(answer: dict[str, Any]) -> str:
    return str(answer["errors"][0]["extensions"]["code"])


async def test_the_owner_and_a_clinician_let_in_have_it_and_nobody_else(house: House) -> None:
    """Row R1."""
    citizen, doctor, book = await world(house)
    stranger = await house.citizen("999185900009", "Lê Thị Lạ")
    record, *_ = await own(house, citizen)

    assert (await house.data(citizen, NODE, {"id": record}))["node"]["id"] == record
    assert code(await house.ask(doctor, NODE, {"id": record})) == "NOT_FOUND"
    await given(house, citizen, permit())
    assert await seen(house, doctor, book)
    assert (await house.data(doctor, NODE, {"id": record}))["node"]["id"] == record
    refused = await house.ask(stranger, NODE, {"id": record})
    made_up = await house.ask(stranger, NODE, {"id": "x"})
    assert refused == made_up
    assert refused["data"] == {"node": None}


async def test_several_come_in_their_order_with_null_for_what_is_closed(house: House) -> None:
    """Row R1."""
    citizen, *_ = await world(house)
    first, second, *_ = await own(house, citizen)

    answer = await house.ask(citizen, NODES, {"ids": [second, "x", first]})

    assert [node and node["id"] for node in answer["data"]["nodes"]] == [second, None, first]
    assert [one["path"] for one in answer["errors"]] == [["nodes", 1]]
    assert code(answer) == "NOT_FOUND"


async def test_not_more_than_a_hundred(house: House) -> None:
    citizen = await house.citizen("999185900009", "Lê Thị Lạ")

    assert code(await house.ask(citizen, NODES, {"ids": ["x"] * 101})) == "BAD_USER_INPUT"


async def test_the_log_says_that_it_was_one_record(house: House) -> None:
    citizen, *_ = await world(house)
    record, *_ = await own(house, citizen)
    await house.data(citizen, NODE, {"id": record})

    _, line = (await house.data(citizen, "{ myAccessLog(first: 2) { nodes { text } } }"))["myAccessLog"]["nodes"]

    assert "one record of the health book" in line["text"]
