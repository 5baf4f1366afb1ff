"""What is about a person is looked for by its `_id` or a range of it: one shard is asked (docs/scale.md)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from pymongo.monitoring import CommandStartedEvent

from ehb.services import stewardship
from ehb.store.migrations import SCHEMA_VERSION, migrate
from ehb.store.signposts import CARD, EPISODE, GUARDIAN, SECRET, Signposts
from tests.builders import FACILITY, NATIONAL_ID, visit_file
from tests.hearing import Hearing, heard
from tests.house import CLIENT, House
from tests.stewards import PATH, STEWARD, appoint, stewards_door
from tests.test_consent import given, permit, world
from tests.test_guardians import CHILD, child, wards
from tests.test_presentation import opened, show

INSURED = "GD4999912345678"
PERSONAL = {
    "people",
    "identifiers",
    "records",
    "episodes",
    "submissions",
    "grants",
    "audit_events",
    "disputes",
    "signposts",
}
"""Collections that grow with people and are spread by `_id`."""


class Asked(Hearing):
    """What was looked for, changed or deleted in these collections without saying where it lies."""

    def __init__(self) -> None:
        self.everywhere: list[str] = []
        self.there = 0

    def started(self, event: CommandStartedEvent) -> None:
        collection = str(event.command.get(event.command_name))
        if collection not in PERSONAL:
            return
        for wanted in _filters(event.command_name, event.command):
            if _says_where(wanted):
                self.there += 1
            else:
                self.everywhere.append(f"{event.command_name} {collection} by {sorted(wanted)}")


def _filters(name: str, command: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    match name:
        case "find":
            return [command["filter"]]
        case "findAndModify":
            return [command["query"]]
        case "update":
            return [one["q"] for one in command["updates"]]
        case "delete":
            return [one["q"] for one in command["deletes"]]
        case "aggregate":
            return [command["pipeline"][0].get("$match", {})]
    return []


def _says_where(wanted: Mapping[str, Any]) -> bool:
    one_of, all_of = wanted.get("$or", ()), wanted.get("$and", ())
    return "_id" in wanted or any(map(_says_where, all_of)) or (bool(one_of) and all(map(_says_where, one_of)))


@pytest.fixture(autouse=True)
def asked() -> Iterator[Asked]:
    with heard(Asked()) as asked:
        yield asked


async def presented(house: House) -> None:
    citizen, doctor, _ = await world(house)
    shown = await show(house, citizen)
    assert (await opened(house, doctor, shown["code"]))["problems"] == []
    over = await house.http.post("/auth/logout", data={"token": citizen, "client_id": CLIENT})
    assert over.status_code == 200, over.text
    assert (await opened(house, doctor, shown["code"]))["problems"][0]["code"] == "ENDED"


async def consented(house: House) -> None:
    citizen, doctor, book = await world(house)
    await given(house, citizen, permit())
    read = "query($p: ID!) { healthBook(patient: $p, purpose: TREATMENT) { timeline { nodes { id } } } }"
    assert (await house.data(doctor, read, {"p": book}))["healthBook"]["timeline"]["nodes"]
    assert (await house.data(citizen, "{ myAccessLog { nodes { id } } }"))["myAccessLog"]["nodes"]


async def represented(house: House) -> None:
    parent = await child(house, 5)
    await appoint(house, CHILD, NATIONAL_ID)
    assert len(await wards(house, parent)) == 1
    await stewardship.end_guardian(stewards_door(house), STEWARD, CHILD, NATIONAL_ID, path=PATH)
    assert await wards(house, parent) == []


async def joined(house: House) -> None:
    token = await house.facility(FACILITY)
    waiting = {"SO_CCCD": "", "MA_THE_BHYT": INSURED}
    for reason in ("Sốt", "Ho"):
        sent = await house.submit(token, visit_file({**waiting, "LY_DO_VV": reason}))
        assert sent.json()["status"] == "WAITING_FOR_IDENTITY"
    await house.submit(token, visit_file({"MA_LK": "LK-2", "MA_THE_BHYT": INSURED}))
    mine = await house.data(await house.citizen(NATIONAL_ID), "{ myHealthBook { timeline { nodes { id } } } }")
    assert len(mine["myHealthBook"]["timeline"]["nodes"]) == 12


async def numbered(house: House) -> None:
    token = await house.facility(FACILITY)
    await house.submit(token, visit_file({"SO_CCCD": ""}))
    assert (await house.submit(token, visit_file())).json()["version"] == 2


@pytest.mark.parametrize("way", [presented, consented, represented, joined, numbered])
async def test_nobody_is_looked_for_on_all_shards(house: House, asked: Asked, way: Any) -> None:
    await way(house)

    assert asked.everywhere == []
    assert asked.there > 5


@pytest.mark.parametrize("way", [represented, joined, numbered])
async def test_no_signpost_is_left_of_what_is_settled_or_over(house: House, way: Any) -> None:
    await way(house)

    assert await house.mongo.database["signposts"].count_documents({"times": {"$exists": False}}) == 0


async def test_every_version_that_waited_is_sealed_under_the_key_of_whom_it_is(house: House) -> None:
    await joined(house)

    sent = await house.mongo.database["submissions"].find().to_list()

    assert len(sent) == 3
    assert {one["key"] for one in sent} == {None}
    assert len({one["patient"] for one in sent}) == 1


async def test_a_signpost_leads_to_its_own_things_and_to_nobody_elses(house: House) -> None:
    posts, here, there = Signposts(house.mongo), b"h" * 32, b"t" * 32

    async with house.mongo.client.start_session() as session:
        await posts.put(SECRET, [b"one", b"two"], here, session)
        await posts.put(SECRET, [b"two"], there, session)
        await posts.put(GUARDIAN, [b"three"], there, session)
        await posts.put(CARD, [b"one"], b"s" * 16, session)
        before = [await posts.places(SECRET, [key]) for key in (b"one", b"two", b"three", b"on", b"")]
        await posts.remove(SECRET, [b"two"], here, session)

    assert before == [[here], [here, there], [], [], []]
    assert await posts.places(SECRET, [b"one", b"two"]) == [here, there]
    assert await posts.places(CARD, [b"one"]) == [b"s" * 16]
    assert await posts.places(CARD, []) == []


async def test_what_layout_1_holds_is_found_by_signposts(house: House) -> None:
    citizen, doctor, _ = await world(house)
    shown = await show(house, citizen)
    parent = await child(house, 5)
    await appoint(house, CHILD, NATIONAL_ID)
    token = await house.facility(FACILITY)
    await house.submit(token, visit_file({"MA_LK": "LK-9", "SO_CCCD": "", "MA_THE_BHYT": INSURED}))
    database = house.mongo.database
    await database["signposts"].delete_many({})
    await database["grants"].create_index("secret", unique=True, sparse=True)
    await database["schema"].update_one({"_id": "version"}, {"$set": {"version": 1}})
    lost = await wards(house, parent)

    assert {*await asyncio.gather(*(migrate(house.mongo) for _ in range(6)))} == {SCHEMA_VERSION}
    assert await migrate(house.mongo) == SCHEMA_VERSION

    assert (lost, len(await wards(house, parent))) == ([], 1)
    assert (await opened(house, doctor, shown["code"]))["problems"] == []
    assert "secret_1" not in await database["grants"].index_information()
    [waiting] = await database["submissions"].find({"patient": None}).to_list()
    posts = Signposts(house.mongo)
    assert await posts.places(EPISODE, [waiting["episode"]]) == [waiting["_id"]]
    assert await posts.places(CARD, waiting["waits_for"]) == [waiting["_id"]]
