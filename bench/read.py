"""Reading the 100 sealed records of one person, store to domain values, against the bare driver fetching them.

Floor: pymongo, the same filter and order, `to_list()`, the documents as they lie there. Each turn opens another
person's book. The one invariant: contestants of one round never read the same book, so none warms it for another.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bench.rounds import interleaved, ratio
from bench.world import World, permit_of, reader
from ehb.domain.access import AccessRequest, Action, Permit, Purpose
from ehb.domain.book import ReadQuery
from ehb.store.records import permitted

WHOLE = ReadQuery()


async def measure(world: World, *, people: int, records: int, rounds: int) -> None:
    """Fill the store, take turns, print."""
    await world.fill(people, records)
    lying = world.mongo.database["records"]
    size = (await world.mongo.database.command("collStats", "records"))["avgObjSize"]
    books = _rotation(world.books)

    async def bare(patient_id: bytes) -> int:
        return len(await lying.find(permitted(_permit(patient_id), patient_id, WHOLE)).sort("_id", -1).to_list())

    async def bare_sealed_only(patient_id: bytes) -> int:
        found = lying.find(permitted(_permit(patient_id), patient_id, WHOLE), {"sealed": 1}).sort("_id", -1)
        return len(await found.to_list())

    async def store(patient_id: bytes) -> int:
        return len((await world.store.find(_permit(patient_id), WHOLE))[1])

    async def custodian(patient_id: bytes) -> int:
        asked = await world.custodian.read(
            reader(patient_id), patient_id, Purpose.PATIENT_REQUEST, WHOLE, path="myHealthBook"
        )
        return len(asked.records)

    def turn(way: Callable[[bytes], Awaitable[int]]) -> Callable[[int], Awaitable[object]]:
        async def taken(_: int) -> None:
            assert await way(next(books)) == records

        return taken

    turns = {"bare": turn(bare), "sealed": turn(bare_sealed_only), "store": turn(store), "custodian": turn(custodian)}
    timed = await interleaved(turns, rounds=rounds, warm_up=max(3, rounds // 10))
    print(f"read: {records} records of one person, {people * records:,} in the store, {size} bytes each")
    print(f"  bare driver, whole documents    {timed['bare'].milliseconds:7.2f} ms")
    print(f"  bare driver, sealed field only  {timed['sealed'].milliseconds:7.2f} ms")
    print(f"  Store.find                      {timed['store'].milliseconds:7.2f} ms")
    print(f"  Custodian.read, with its trail  {timed['custodian'].milliseconds:7.2f} ms")
    print(f"  ratio store : bare driver       {ratio(timed['store'], timed['bare'])}")
    print(f"  ratio store : sealed field only {ratio(timed['store'], timed['sealed'])}")


def _permit(patient_id: bytes) -> Permit:
    return permit_of(
        AccessRequest(reader(patient_id), Action.READ, Purpose.PATIENT_REQUEST, patient_id=patient_id)
    )


def _rotation(books: list[bytes]):  # type: ignore[no-untyped-def]
    """All books over and over, in a stride that leaves neighbours apart."""
    number = 0
    while True:
        number += 611
        yield books[number % len(books)]
