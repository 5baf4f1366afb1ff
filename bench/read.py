"""Reading the 100 sealed records of one person: store to domain values, against the bare driver fetching them.

Floor: pymongo with the filter of the permit and `to_list()`, the documents as they lie there. The one invariant:
every turn opens another person's book, so none warms it for the next.
"""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Iterator

import httpx2
from pydantic import SecretStr

from bench.api import REDIRECT, WHOLE_BOOK, access_token
from bench.report import Row
from bench.rounds import Turn, in_turns, line, ratio
from bench.world import World, permit_of, reader
from ehb.app import create_app
from ehb.domain.access import AccessRequest, Action, Permit, Purpose
from ehb.domain.book import ReadQuery
from ehb.settings import EidSettings, Settings
from ehb.store.permitted import permitted

_WHOLE = ReadQuery()
_STRIDE = 611
"""Books apart, so that a turn does not read the neighbour of what was just read."""
_SIGNED_IN = 100


async def measure(world: World, *, people: int, records: int, rounds: int) -> list[Row]:
    """Fill the store, take turns, print."""
    await world.fill(people, records)
    lying = world.mongo.database["records"]
    size = (await world.mongo.database.command("collStats", "records"))["avgObjSize"]

    async def bare(permit: Permit, patient_id: bytes) -> int:
        return len(await lying.find(permitted(permit, patient_id, None, _WHOLE)).to_list())

    async def sealed_only(permit: Permit, patient_id: bytes) -> int:
        found = lying.find(permitted(permit, patient_id, None, _WHOLE), {"sealed": 1}).sort("_id", -1)
        return len(await found.to_list())

    async def store(permit: Permit, _: bytes) -> int:
        return len((await world.store.find(permit, _WHOLE))[1])

    async def custodian(permit: Permit, patient_id: bytes) -> int:
        opened = await world.custodian.read(permit.principal, patient_id, permit.purpose, _WHOLE, path="bench")
        return len(opened.records)

    permits = itertools.cycle([_permit(world.books[number * _STRIDE % people]) for number in range(people)])
    ways = {"bare": bare, "sealed": sealed_only, "store": store, "custodian": custodian}
    turns = {name: _turn(way, permits, records) for name, way in ways.items()}
    timed = await in_turns(turns, rounds=rounds, warm_up=max(3, rounds // 10))
    print(f"read: {records} records of one person, {people * records:,} records of {size} bytes in the store")
    print(line("bare driver, whole documents (the floor)", timed["bare"]))
    print(line("bare driver, newest first, sealed field only", timed["sealed"]))
    print(line("Store.find", timed["store"]))
    print(line("Custodian.read, with its durable trail", timed["custodian"]))
    print(await _over_http(world, rounds))
    against = ratio(timed["store"], timed["bare"])
    print(f"  ratio to the floor: {against}    reach: 1.5")
    return [Row("`read`: the store's time", timed["bare"].shown, timed["store"].shown, against, "1.5")]


async def _over_http(world: World, rounds: int) -> str:
    """The whole request, for information: HTTP, session, GraphQL, trail, read, answer."""
    settings = Settings(
        mongo_uri=SecretStr(world.uri),
        database=world.mongo.database.name,
        mobile_redirect_uris=(REDIRECT,),
        eid=EidSettings(issuer="https://eid.example.vn"),
        trusted_documents=False,
        person_points=1_000_000_000,
    )
    app = create_app(settings, world.keys)
    tokens = itertools.cycle([await access_token(world, book) for book in world.books[:_SIGNED_IN]])
    transport = httpx2.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as http,
    ):

        async def asked(_: int) -> None:
            headers = {"Authorization": f"Bearer {next(tokens)}"}
            answer = await http.post("/graphql", json={"query": WHOLE_BOOK}, headers=headers)
            assert "errors" not in answer.json(), answer.text

        timed = await in_turns({"http": asked}, rounds=max(5, rounds // 5), warm_up=3)
    return line("the whole GraphQL request of the whole book", timed["http"])


def _turn(way: Callable[[Permit, bytes], Awaitable[int]], permits: Iterator[Permit], records: int) -> Turn:
    async def turn(_: int) -> None:
        permit = next(permits)
        assert permit.patient_id is not None
        assert await way(permit, permit.patient_id) == records

    return turn


def _permit(patient_id: bytes) -> Permit:
    who = reader(patient_id)
    return permit_of(AccessRequest(who, Action.READ, Purpose.PATIENT_REQUEST, patient_id=patient_id))
