"""One page of one list is all that is fetched for it, and is the page of the whole book."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLOutputType, get_named_type
from pymongo.monitoring import CommandFailedEvent, CommandSucceededEvent

from ehb.domain.records import KINDS
from ehb.services import stewardship
from graphql_schema import look_ahead
from graphql_schema.schema import make_schema
from tests.builders import NATIONAL_ID, visit_file
from tests.hearing import Hearing, heard
from tests.house import House
from tests.stewards import PATH, STEWARD, stewards_door
from tests.test_consent import given, permit, world

SCHEMA = make_schema()._schema
OTHER = "999185900055"
DAYS = ("20261001", "20261002", "20261002", "20261003")
ARGUMENTS = (
    "first: 1",
    "first: 3",
    "first: 7",
    "first: 100",
    'first: 4, facility: "99002"',
    'first: 3, kinds: ["Observation", "MedicationRequest", "Encounter"]',
    'first: 2, kinds: ["Condition"], facility: "99001"',
    'first: 3, from: "2026-10-02", to: "2026-10-02"',
    'first: 3, to: "2026-10-02"',
    'first: 3, from: "2030-01-01"',
    "first: 3, kinds: []",
)
PAGE = "{ nodes { id __typename time } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }"


class Fetched(Hearing):
    """How many records each look into the collection of records gave."""

    def __init__(self) -> None:
        self.counts: list[int] = []

    def succeeded(self, event: CommandSucceededEvent) -> None:
        cursor = event.reply.get("cursor", {})
        if str(cursor.get("ns", "")).endswith(".records"):
            self.counts.append(len(cursor["firstBatch"]))

    def failed(self, event: CommandFailedEvent) -> None:
        raise AssertionError(event.failure)


@pytest.fixture(autouse=True)
def fetched() -> Iterator[Fetched]:
    with heard(Fetched()) as fetched:
        yield fetched


@pytest.fixture
async def book(house: House) -> tuple[str, str, str]:
    """A book of two merged people with visits of two facilities, some at one moment; its owner, a doctor, its id."""
    citizen, doctor, book = await world(house)
    for number, day in enumerate(DAYS):
        facility = ("99001", "99002")[number % 2]
        number_of = (NATIONAL_ID, OTHER)[number // 2]
        visit = {
            "MA_LK": f"LK-{number}",
            "SO_CCCD": number_of,
            "NGAY_VAO": f"{day}0800",
            "NGAY_RA": f"{day}1100",
        }
        sent = await house.submit(await house.facility(facility), visit_file(visit, facility=facility))
        assert sent.json()["status"] == "ACCEPTED", sent.json()
    await stewardship.merge(stewards_door(house), STEWARD, NATIONAL_ID, OTHER, "cùng một người", path=PATH)
    await given(house, citizen, permit())
    return citizen, doctor, book


async def pages(house: House, token: str, root: str, arguments: str, more: str) -> list[Any]:
    """Every page of a timeline, one after the other; `more` is what else is asked of the book."""
    query = f"query($after: String) {{ {root} {{ timeline({arguments}, after: $after) {PAGE} {more} }} }}"
    found: list[Any] = []
    after = None
    while True:
        [book] = (await house.data(token, query, {"after": after})).values()
        found.append(book["timeline"])
        if not book["timeline"]["pageInfo"]["hasNextPage"]:
            return found
        after = book["timeline"]["pageInfo"]["endCursor"]


@pytest.mark.parametrize("arguments", ARGUMENTS)
async def test_the_pages_are_those_of_the_whole_book(
    house: House, fetched: Fetched, book: tuple[str, str, str], arguments: str
) -> None:
    """`completeness` needs every record, so beside it the whole book is fetched and the pages are cut from that."""
    citizen, doctor, patient = book
    theirs = f'healthBook(patient: "{patient}", purpose: TREATMENT)'
    for token, root in ((citizen, "myHealthBook"), (doctor, theirs)):
        fetched.counts.clear()
        alone = await pages(house, token, root, arguments, "")
        most = max(fetched.counts, default=0)
        fetched.counts.clear()
        cut = await pages(house, token, root, arguments, "completeness { section }")

        assert alone == cut
        assert most <= int(arguments.split()[1].rstrip(",")) + 1
        assert set(fetched.counts) == {18, 12}  # of each of the two people all there is


async def test_a_section_is_paged_like_the_timeline(house: House, fetched: Fetched, book: tuple[str, str, str]) -> None:
    query = f"""query($n: Int!, $after: String) {{
      myHealthBook {{ asOf patient {{ fullName }} ... on HealthBook {{ treatment {{ ...T }} }} }} }}
      fragment T on TreatmentBook {{ prescriptions(first: $n, after: $after) {PAGE} }}"""
    fetched.counts.clear()
    first = (await house.data(book[0], query, {"n": 2}))["myHealthBook"]["treatment"]["prescriptions"]
    once = list(fetched.counts)
    fetched.counts.clear()
    after = first["pageInfo"]["endCursor"]
    second = (await house.data(book[0], query, {"n": 2, "after": after}))["myHealthBook"]["treatment"]["prescriptions"]

    # Three at most of each of the two people, in any order, then the three that are left: whose the newest at one
    # moment is decided by their random keys, so the second page takes either two and one or three and none.
    assert (sorted(once), len(fetched.counts), sum(fetched.counts)) == ([2, 3], 2, 3)
    assert len({node["id"] for page in (first, second) for node in page["nodes"]}) == 4
    assert {node["__typename"] for page in (first, second) for node in page["nodes"]} == {"MedicationRequest"}


@pytest.mark.parametrize(
    "selection",
    [
        "a: timeline(first: 1) { nodes { id } } b: timeline(first: 20) { nodes { id } }",
        "timeline(first: 1) { nodes { id } } treatment { encounters(first: 5) { nodes { id } } }",
        "timeline(first: 1) { nodes { id } } summary { problems { id } }",
        "timeline(first: 1) { nodes { id } } corrections(first: 1) { nodes { id } }",
        "treatment { encounters(first: 5) { nodes { id } } conditions(first: 9) { nodes { id } } }",
        "summary { problems { id } }",
    ],
)
async def test_with_more_than_one_list_all_of_them_are_whole(
    house: House, book: tuple[str, str, str], selection: str
) -> None:
    mine = await house.data(book[0], f"{{ myHealthBook {{ {selection} }} }}")
    whole = await house.data(book[0], f"{{ myHealthBook {{ {selection} completeness {{ section }} }} }}")

    del whole["myHealthBook"]["completeness"]
    assert mine == whole


@pytest.mark.parametrize("arguments", ["first: 0", "first: 101", 'first: 5, after: "x"', 'first: 5, kinds: ["X"]'])
async def test_what_a_list_refuses_it_refuses_in_its_own_words(house: House, arguments: str) -> None:
    citizen, _, _ = await world(house)

    answer = await house.ask(citizen, f"{{ myHealthBook {{ timeline({arguments}) {{ nodes {{ id }} }} }} }}")

    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert answer["errors"][0]["path"] == ["myHealthBook", "timeline"]


def _of_record(name: str) -> GraphQLInterfaceType | GraphQLObjectType:
    kind = SCHEMA.get_type(name)
    assert isinstance(kind, GraphQLInterfaceType | GraphQLObjectType)
    return kind


def _selected(kind: GraphQLOutputType, depth: int = 5) -> str:
    """Everything below a field, in braces; nothing for a leaf."""
    of = get_named_type(kind)
    if not isinstance(of, GraphQLObjectType):
        return ""
    inner = (f"{name} {_selected(one.type, depth - 1)}" for name, one in of.fields.items())
    return "{ " + " ".join(inner) + " }" if depth else "{ __typename }"


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_a_record_is_an_attribute_that_is_looked_for(kind: str) -> None:
    """But for the id, which is made of what all records share."""
    assert set(_of_record(kind).fields) - {"id"} <= set(look_ahead._ATTRIBUTES)


@pytest.mark.parametrize(
    "around",
    ["timeline {{ nodes {{ {} }} }}", "timeline(first: 2) {{ all: edges {{ cursor one: node {{ {} }} }} }}"],
)
@pytest.mark.parametrize("spread", [False, True])
async def test_what_is_asked_of_records_is_what_the_whole_records_have(
    house: House, book: tuple[str, str, str], around: str, *, spread: bool
) -> None:
    """Beside `completeness` the records are decoded as a whole, alone only as far as they are asked for."""
    shared = set(_of_record("Record").fields)
    for kind in ("Encounter", "Condition", "Procedure", "MedicationRequest", "DiagnosticReport", "ClinicalImpression"):
        own = (
            f"{kind}_{name}: {name} {_selected(field.type)}"
            for name, field in _of_record(kind).fields.items()
            if name not in shared
        )
        inner = f"id ... on {kind} {{ {' '.join(own)} }}"
        fragment = f"fragment F on Record {{ {inner} }}" if spread else ""
        asked = around.format("...F" if spread else inner)

        alone = await house.data(book[0], f"{{ myHealthBook {{ {asked} }} }} {fragment}")
        whole = await house.data(book[0], f"{{ myHealthBook {{ {asked} completeness {{ section }} }} }} {fragment}")

        assert alone["myHealthBook"]["timeline"] == whole["myHealthBook"]["timeline"]


async def test_a_page_never_holds_what_a_permit_closes(house: House, fetched: Fetched) -> None:
    """The limit counts what is permitted: closed records neither shorten a page nor show by it."""
    citizen, doctor, patient = await world(house)
    query = "query($p: ID!) { healthBook(patient: $p, purpose: TREATMENT) { timeline(first: 4) " + PAGE + " } }"
    await given(house, citizen, permit())
    before = (await house.data(doctor, query, {"p": patient}))["healthBook"]["timeline"]
    closed = before["nodes"][0]["id"]
    await house.data(citizen, "mutation($id: ID!) { restrictRecord(id: $id) { id } }", {"id": closed})

    after = (await house.data(doctor, query, {"p": patient}))["healthBook"]["timeline"]

    assert [node["id"] for node in after["nodes"][:3]] == [node["id"] for node in before["nodes"][1:]]
    assert len(after["nodes"]) == 4
