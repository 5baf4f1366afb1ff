"""Documents or pages: a person's records as a sealed document each, as a page for each section, as one block.

A page is what the records of one person and section would be if they were sealed together: payloads behind one another
under one seal, decoded as a list. What is measured is the whole of a read below the permit: fetch, open, decode. The
one invariant: all three give the same records.
"""

from __future__ import annotations

import itertools
from collections import defaultdict

import msgspec

from bench.report import Row
from bench.rounds import Turn, in_turns, line, ratio
from bench.world import World, permit_of, reader
from ehb.domain.access import AccessRequest, Action, Permit, Purpose
from ehb.domain.book import ReadQuery
from ehb.domain.records import AnyRecord, Record
from ehb.store.people import People, Person
from ehb.store.permitted import permitted
from ehb.store.vault import Vault

_WHOLE = ReadQuery()
_WAYS = ("pages", "block")
_one = msgspec.msgpack.Decoder(AnyRecord).decode
_many = msgspec.msgpack.Decoder(list[AnyRecord]).decode


async def measure(world: World, *, people: int, records: int, rounds: int) -> list[Row]:
    """Fill, seal together what lies there, take turns, print."""
    await world.fill(people, records)
    store = People(world.mongo, Vault(world.keys))
    known = {book: (await store.sharing(book))[0] for book in world.books}
    pages = [await _seal_together(world, person) for person in known.values()]
    lying = world.mongo.database["records"]

    async def documents(person: Person) -> list[Record]:
        permit = _permit(person.patient_id)
        cursor = lying.find(permitted(permit, person.patient_id, None, _WHOLE), {"sealed": 1}).sort("_id", -1)
        found = await cursor.batch_size(10_000).to_list()
        return [_one(person.data_key.open(one["sealed"], one["_id"])) for one in found]

    async def together(name: str, person: Person) -> list[Record]:
        found = await world.mongo.database[name].find({"person": person.patient_id}).batch_size(10_000).to_list()
        return [record for one in found for record in _many(person.data_key.open(one["sealed"], one["_id"]))]

    for person in itertools.islice(known.values(), 3):
        expected = sorted(await documents(person), key=_key)
        for name in _WAYS:
            assert sorted(await together(name, person), key=_key) == expected
    turning = itertools.cycle(known.values())
    turns: dict[str, Turn] = {
        "documents": lambda _: documents(next(turning)),
        "pages": lambda _: together("pages", next(turning)),
        "block": lambda _: together("block", next(turning)),
    }
    timed = await in_turns(turns, rounds=rounds, warm_up=max(3, rounds // 10))
    print(f"granularity: {records} records of one person fetched, opened and decoded; {people} people")
    print(line("a document for each record", timed["documents"]))
    print(line(f"a page for each section ({sum(pages) / len(pages):.0f} of them)", timed["pages"]))
    print(line("one block", timed["block"]))
    for name in _WAYS:
        print(f"  documents to {name}: {ratio(timed['documents'], timed[name])}")
    floor, ours = timed["documents"], timed["pages"]
    return [Row("`granularity`: documents to pages", ours.shown, floor.shown, ratio(floor, ours), "1.5 to keep pages")]


async def _seal_together(world: World, person: Person) -> int:
    """Write the records of a person as pages and as one block; how many pages there are."""
    permit = _permit(person.patient_id)
    found = await world.mongo.database["records"].find(permitted(permit, person.patient_id, None, _WHOLE)).to_list()
    by_section: defaultdict[str, list[msgspec.Raw]] = defaultdict(list)
    for one in found:
        by_section[one["section"]].append(msgspec.Raw(person.data_key.open(one["sealed"], one["_id"])))
    whole = [payload for payloads in by_section.values() for payload in payloads]
    for name, groups in (("pages", list(by_section.values())), ("block", [whole])):
        documents = []
        for number, payloads in enumerate(groups):
            place = person.patient_id + number.to_bytes(2, "big")
            sealed = person.data_key.seal(msgspec.msgpack.encode(payloads), place)
            documents.append({"_id": place, "person": person.patient_id, "sealed": sealed})
        await world.mongo.database[name].create_index("person")
        await world.mongo.database[name].insert_many(documents)
    return len(by_section)


def _permit(patient_id: bytes) -> Permit:
    request = AccessRequest(reader(patient_id), Action.READ, Purpose.PATIENT_REQUEST, patient_id=patient_id)
    return permit_of(request)


def _key(record: Record) -> tuple[bytes, str]:
    return record.key, type(record).__name__
