"""Records: one sealed document per record version, one contiguous range per person.

`_id` is 38 bytes: person key (16), time in milliseconds (8, sortable), record key (12), version (2). It is
also the associated data of the seal, so a payload opens only in its own place. In clear stand only the
fields that a permit filters on. A correction inserts the next version and marks the one before it
`superseded`; payloads are never rewritten.

The one invariant: what the permit does not open is not fetched.
"""

from __future__ import annotations

from asyncio import gather
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import msgspec
from bson.binary import Binary

from ehb.domain.access import Action, Permit
from ehb.domain.book import ReadQuery
from ehb.domain.coding import instant_of
from ehb.domain.records import AnyRecord, Provenance, Record, Section
from ehb.errors import Forbidden
from ehb.store.mongo import Document, Mongo, Session
from ehb.store.people import People, Person
from ehb.store.vault import DataKey

CURRENT, SUPERSEDED = "current", "superseded"
_LOW, _HIGH = b"\x00", b"\xff"
_ID_SIZE = 38
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(AnyRecord).decode


@dataclass(frozen=True, slots=True)
class _Version:
    id: bytes
    version: int
    digest: bytes
    current: bool


class Records:
    """The store of records."""

    def __init__(self, mongo: Mongo, people: People) -> None:
        self._records = mongo.database["records"]
        self._people = people

    async def find(self, permit: Permit, query: ReadQuery) -> tuple[Person | None, list[Record]]:
        """The person and their current records that both permit and query open, newest first. One range scan."""
        if permit.action is not Action.READ or permit.patient_id is None:
            raise Forbidden
        person, documents = await gather(self._people.find(permit), self._fetch(permit, permit.patient_id, query))
        if person is None:
            return None, []
        return person, opened(person.data_key, documents)

    async def _fetch(self, permit: Permit, patient_id: bytes, query: ReadQuery) -> list[Document]:
        return await (
            self._records.find(permitted(permit, patient_id, query), {"sealed": 1})
            .sort("_id", -1)
            .batch_size(10_000)
            .to_list()
        )

    async def append(
        self, person: Person, episode: bytes, records: Iterable[Record], session: Session, *, new: bool
    ) -> None:
        """Make `records` the current state of an episode in this person's book.

        What is equal to the current version stays untouched; what changed becomes the next version; what the
        new state no longer has is superseded without a successor. `new` promises that the episode has no
        earlier version, which saves the look for one.
        """
        history = {} if new else await self._history(person.patient_id, episode, session)
        fresh: list[Document] = []
        for record in records:
            digest = _digest(person.data_key, record)
            before = history.get(record.key)
            if before is not None and before.current and before.digest == digest:
                del history[record.key]
                continue
            version = before.version + 1 if before is not None else 1
            fresh.append(_document(person, episode, record, version, digest))
        ended = [one.id for one in history.values() if one.current]
        if ended:
            await self._records.update_many({"_id": {"$in": ended}}, {"$set": {"state": SUPERSEDED}}, session=session)
        if fresh:
            await self._records.insert_many(fresh, session=session)

    async def _history(self, patient_id: bytes, episode: bytes, session: Session) -> dict[bytes, _Version]:
        """The newest version of every record that the episode ever had in this book, by record key."""
        newest: dict[bytes, _Version] = {}
        found = self._records.find(
            {**_range(patient_id), "episode": episode}, {"digest": 1, "state": 1}, session=session
        )
        async for document in found:
            place = bytes(document["_id"])
            key, version = place[24:36], int.from_bytes(place[36:], "big")
            if key not in newest or newest[key].version < version:
                newest[key] = _Version(place, version, document["digest"], document["state"] == CURRENT)
        return newest

    async def withdraw(self, patient_id: bytes, episode: bytes, session: Session) -> None:
        """Supersede an episode in a book that turned out to be the wrong one."""
        await self._records.update_many(
            {**_range(patient_id), "episode": episode, "state": CURRENT},
            {"$set": {"state": SUPERSEDED}},
            session=session,
        )


def permitted(permit: Permit, patient_id: bytes, query: ReadQuery) -> Document:
    """The Mongo filter that a permit and a query make together."""
    wanted = permit.sections if query.sections is None else permit.sections & query.sections
    condition: Document = {**_range(patient_id, query.since, query.until), "state": CURRENT}
    if wanted != frozenset(Section):
        condition["section"] = {"$in": sorted(wanted)}
    if query.key is not None:
        condition["key"] = query.key
    return condition


def opened(key: DataKey, documents: Iterable[Document]) -> list[Record]:
    """The records in sealed documents. Raises SealBroken for one that stands in a foreign place."""
    return [_decode(key.open(document["sealed"], document["_id"])) for document in documents]


def _range(patient_id: bytes, since: datetime | None = None, until: datetime | None = None) -> Document:
    low = patient_id + (_sortable(since) if since else b"")
    high = patient_id + (_sortable(until) if until else b"")
    bounds: Document = {"$gte": Binary(low.ljust(_ID_SIZE, _LOW))}
    bounds["$lt" if until else "$lte"] = Binary(high.ljust(_ID_SIZE, _LOW if until else _HIGH))
    return {"_id": bounds}


def _sortable(moment: datetime) -> bytes:
    return (int(moment.timestamp() * 1000) + 2**63).to_bytes(8, "big")


def _document(person: Person, episode: bytes, record: Record, version: int, digest: bytes) -> Document:
    provenance = msgspec.structs.replace(record.provenance, version=version)
    record = msgspec.structs.replace(record, patient_id=person.patient_id, provenance=provenance)
    place = person.patient_id + _sortable(instant_of(record.time)) + record.key + version.to_bytes(2, "big")
    return {
        "_id": place,
        "kind": type(record).__name__,
        "section": record.section.value,
        "facility": record.provenance.facility.code,
        "state": CURRENT,
        "labels": [person.data_key.token(label.encode()) for label in record.labels],
        "key": record.key,
        "episode": episode,
        "digest": digest,
        "sealed": person.data_key.seal(_encode(record), place),
    }


def _digest(key: DataKey, record: Record) -> bytes:
    """Equal for equal content, whenever and in whatever row it was sent."""
    provenance: Provenance = msgspec.structs.replace(record.provenance, submitted_at="", source_row=None)
    return key.token(b"digest\0" + _encode(msgspec.structs.replace(record, provenance=provenance)))
