"""A viewer learns nothing of what is closed to them: their answers are the same, byte for byte, without it and with it.

The same book is asked on every path before and after a visit is added that this viewer's ground does not open. Only
the moment of the answer is made alike; ids and cursors are the same because the book is the same.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from graphql import GraphQLObjectType

from graphql_schema.ids import OpaqueIds
from graphql_schema.schema import make_schema
from tests.builders import FACILITY, NATIONAL_ID, visit_file
from tests.house import House
from tests.test_consent import given, permit, world

NODE = "__typename id section time labels code { text } provenance { facility { code name } submittedAt version }"
PAGE = f"{{ edges {{ cursor node {{ {NODE} }} }} nodes {{ id }} pageInfo {{ hasNextPage hasPreviousPage endCursor }} }}"
BOOK = "query($p: ID!) {{ healthBook(patient: $p, purpose: {purpose}) {{ {fields} }} }}"
TIMELINE = """query($p: ID!, $first: Int!, $after: String) { healthBook(patient: $p, purpose: TREATMENT) {
  timeline(first: $first, after: $after) {
    edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage endCursor } }
} }"""
ONE = f"query($id: ID!) {{ record(id: $id, purpose: TREATMENT) {{ {NODE} }} }}"
VERSIONS = f"query($id: ID!) {{ recordVersions(id: $id, purpose: TREATMENT) {{ {NODE} }} }}"
OTHERS = (
    "query($p: ID!) { myConsents(patient: $p) { id text } }",
    "query($p: ID!) { consentText(patient: $p, consent: {permit: false, granteeKind: ANYBODY}) { text } }",
    "query($p: ID!) { healthBook(patient: $p, purpose: TREATMENT) { timeline(first: 0) { nodes { id } } } }",
    'query($p: ID!) { healthBook(patient: $p, purpose: TREATMENT) { timeline(after: "x") { nodes { id } } } }',
    "{ me { kind abilities } }",
    f'{{ bookId(number: "{NATIONAL_ID}") }}',
)
ABOUT_A_RECORD = (
    ONE,
    VERSIONS,
    "query($id: ID!) { node(id: $id) { __typename id } }",
    "query($id: ID!) { nodes(ids: [$id]) { __typename id } }",
    ONE.replace("TREATMENT", "PATIENT_REQUEST"),
    VERSIONS.replace("TREATMENT", "EMERGENCY_TREATMENT"),
    "mutation($id: ID!) { restrictRecord(id: $id) { id } }",
    "mutation($id: ID!) { liftRestriction(id: $id) { id } }",
)
CLOSED_LATER = {"MA_LK": "LK-2", "NGAY_VAO": "202610060800", "NGAY_RA": "202610061100"}
AS_OF = re.compile(rb'"asOf":"[^"]*"')


def _paths() -> list[str]:
    """Everything that can be asked of a book, field by field: what the schema gains is asked as well."""
    types = make_schema()._schema.type_map
    book = types["HealthBook"]
    assert isinstance(book, GraphQLObjectType)
    found = [f"{name} {_below(str(field.type), types)}" for name, field in book.fields.items()]
    narrowed = (
        'facility: "99002"',
        'facility: "99001"',
        'from: "2026-10-06"',
        'to: "2026-01-01"',
        'kinds: ["Condition"]',
    )
    return [*found, *(f"timeline({one}) {PAGE}" for one in narrowed)]


def _below(type_: str, types: dict[str, Any]) -> str:
    kind = types[type_.strip("[]!")]
    if kind.name.endswith("Connection"):
        return PAGE
    if getattr(kind, "interfaces", None) or kind.name == "Record":
        return f"{{ {NODE} }}"
    if not isinstance(kind, GraphQLObjectType):
        return ""
    return f"{{ {' '.join(f'{name} {_below(str(field.type), types)}' for name, field in kind.fields.items())} }}"


async def answer(house: House, token: str, query: str, **variables: object) -> tuple[int, bytes]:
    """Status and bytes of an answer."""
    headers = {"Accept-Language": "en", "Authorization": f"Bearer {token}"}
    sent = await house.http.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
    return sent.status_code, AS_OF.sub(b'"asOf":"now"', sent.content)


async def everything(house: House, token: str, book: str) -> list[tuple[str, int, bytes]]:
    """What a viewer is answered on every path that a book has."""
    told: list[tuple[str, int, bytes]] = []
    for fields in _paths():
        for purpose in ("TREATMENT", "PATIENT_REQUEST", "EMERGENCY_TREATMENT"):
            query = BOOK.format(purpose=purpose, fields=fields)
            status, body = await answer(house, token, query, p=book)
            assert purpose != "TREATMENT" or b'"errors"' not in body, body
            told.append((query, status, body))
    for query in OTHERS:
        told.append((query, *await answer(house, token, query, **({"p": book} if "$p" in query else {}))))
    for first in (1, 2, 3):
        told += await walk(house, token, book, first)
    return told


async def walk(house: House, token: str, book: str, first: int) -> list[tuple[str, int, bytes]]:
    """Every page of the timeline, and every record of it on its own."""
    told: list[tuple[str, int, bytes]] = []
    after = None
    while True:
        status, body = await answer(house, token, TIMELINE, p=book, first=first, after=after)
        told.append((f"{first} after {after}", status, body))
        page = json.loads(body)["data"]["healthBook"]["timeline"]
        for edge in page["edges"]:
            for query in (ONE, VERSIONS):
                told.append((query, *await answer(house, token, query, id=edge["node"]["id"])))
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return told


async def own_ids(house: House, citizen: str) -> set[str]:
    found = await house.data(citizen, "{ myHealthBook { timeline(first: 100) { nodes { id } } } }")
    return {node["id"] for node in found["myHealthBook"]["timeline"]["nodes"]}


@pytest.mark.parametrize(
    ("terms", "sender", "visit", "hides"),
    [
        pytest.param({}, FACILITY, CLOSED_LATER, True, id="hidden by the citizen"),
        pytest.param({}, FACILITY, {**CLOSED_LATER, "MA_BENH_CHINH": "B20"}, False, id="labelled HIV"),
        pytest.param(
            {"exceptions": [{"facilities": ["99002"]}]}, "99002", CLOSED_LATER, False, id="of an excepted facility"
        ),
        pytest.param(
            {"select": {"until": "2026-10-06T00:00:00+07:00"}}, FACILITY, CLOSED_LATER, False, id="after the period"
        ),
        pytest.param(
            {"select": {"since": "2026-10-05T00:00:00+07:00"}},
            FACILITY,
            {**CLOSED_LATER, "NGAY_VAO": "202610040800", "NGAY_RA": "202610041100"},
            False,
            id="before the period",
        ),
        pytest.param({"select": {"sections": ["ALLERGIES"]}}, FACILITY, CLOSED_LATER, False, id="of other sections"),
        pytest.param(None, FACILITY, CLOSED_LATER, False, id="to a viewer without any ground"),
    ],
)
async def test_a_closed_visit_changes_no_answer(
    house: House, terms: dict[str, Any] | None, sender: str, visit: dict[str, str], hides: bool
) -> None:
    """Row E3."""
    citizen, token, book = await world(house)
    if terms is not None:
        await given(house, citizen, permit(**terms))
    known = await own_ids(house, citizen)
    before = await (everything(house, token, book) if terms is not None else refused(house, token, book))

    added = visit_file(visit, facility=sender, without=TABLES)
    assert (await house.submit(await house.facility(sender), added)).json()["status"] == "ACCEPTED"
    closed = await own_ids(house, citizen) - known
    for record in closed if hides else ():
        await house.data(citizen, "mutation($id: ID!) { restrictRecord(id: $id) { id } }", {"id": record})
    after = await (everything(house, token, book) if terms is not None else refused(house, token, book))

    assert len(closed) >= 2
    assert [one for one in after if one not in before] == []
    assert after == before
    for record in sorted(closed):
        for query in ABOUT_A_RECORD:
            real, made_up, torn = [
                await answer(house, token, query, id=id_) for id_ in (record, nobodys(house, book), "bWFkZSB1cA")
            ]
            assert real == made_up == torn
            assert b"errors" in real[1]


async def refused(house: House, token: str, book: str) -> list[tuple[str, int, bytes]]:
    return [
        (query, *await answer(house, token, query, p=book))
        for query in (BOOK.format(purpose="TREATMENT", fields=fields) for fields in _paths())
    ]


TABLES = ("XML2", "XML3", "XML4", "XML5", "XML8")


def nobodys(house: House, book: str) -> str:
    """The id of a record that this very book does not have."""
    ids = OpaqueIds(house.keys.opaque)
    patient = ids.patient_key(book)
    assert patient is not None
    return ids.record(patient, b"none" * 3)


async def test_an_open_visit_changes_the_answers_so_that_the_same_answers_say_something(house: House) -> None:
    citizen, token, book = await world(house)
    await given(house, citizen, permit())
    before = await everything(house, token, book)

    await house.submit(await house.facility(FACILITY), visit_file(CLOSED_LATER, without=TABLES))

    changed = {query for query, *told in await everything(house, token, book) if (query, *told) not in before}
    for name in ("timeline", "completeness", "treatment", "summary"):
        assert any(f"{{ {name} " in query for query in changed), name
