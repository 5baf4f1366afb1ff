"""Tamper evidence: the trail is sealed in batches, each a Merkle tree under a signed checkpoint, one after the other.

A chain for each person would make every line wait for the one before; a batch is made behind the lines, once they are
settled. The one invariant: a batch is written once, under the next number, by whoever is first.

A line is sealed when it is LAG old. One that comes later still (a worker that was held up) is taken into the next
batch if it is no older than LOOK_BACK; after that it counts as inserted. Whether any came late is a matter of counting:
a batch keeps how many lines it found in its own time, and which ones were late. Only where the numbers differ are the
lines themselves looked at. Reading every line of ten minutes for it took thirty megabytes each half minute.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bson.binary import Binary
from pymongo import ASCENDING, DESCENDING
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern

from ehb.domain.merkle import inclusion_path, root
from ehb.domain.trail_seal import Proof, checkpoint_digest, leaf_of
from ehb.signing import CHECKPOINT, Signer
from ehb.store.mongo import Document, Mongo, translated
from ehb.store.permitted import sortable

LAG = timedelta(seconds=60)
LOOK_BACK = timedelta(minutes=10)
BATCH = 10_000
"""Lines of one batch: 64 bytes each, so its document stays far below the 16 MB of MongoDB."""
_PLACE = 32
_AT_ONCE = 500
_WHEN = slice(16, 24)
"""Where a place has its time."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One sealed batch as it lies. `lines` are places, `leaves` their hashes, in the order of the tree."""

    number: int
    since: datetime
    until: datetime
    lines: tuple[bytes, ...]
    leaves: tuple[bytes, ...]
    root: bytes
    checkpoint: str

    @staticmethod
    def of(document: Document) -> Batch:
        blob = bytes(document["leaves"])
        rows = [blob[place : place + 2 * _PLACE] for place in range(0, len(blob), 2 * _PLACE)]
        return Batch(
            document["_id"],
            document["since"],
            document["until"],
            tuple(row[:_PLACE] for row in rows),
            tuple(row[_PLACE:] for row in rows),
            bytes(document["root"]),
            document["checkpoint"],
        )


@dataclass(frozen=True, slots=True)
class _Line:
    """What a batch takes of a line."""

    place: bytes
    leaf: bytes
    time: datetime


@translated
class TrailSeals:
    """Seals the trail."""

    def __init__(self, mongo: Mongo, signer: Signer, clock: Callable[[], datetime], *, lag: timedelta = LAG) -> None:
        durable = ReadConcern("majority")
        self._events = mongo.database.get_collection("audit_events", read_concern=durable)
        self._seals = mongo.database.get_collection("audit_seals", read_concern=durable)
        self._signer = signer
        self._clock = clock
        self._lag = lag

    async def seal(self, *, at_least: timedelta = timedelta()) -> int:
        """Seal all that is settled, if it is of so long a time at least; how many batches that were.

        Of many workers that look now and then only one finds so long a time unsealed.
        """
        batches = 0
        while await self._seal_one(at_least):
            batches += 1
        return batches

    async def latest(self) -> Batch | None:
        """The newest batch."""
        found = await self._seals.find_one(sort=[("_id", DESCENDING)])
        return Batch.of(found) if found else None

    async def _seal_one(self, at_least: timedelta) -> bool:
        last = await self._seals.find_one({}, {"leaves": 0}, sort=[("_id", DESCENDING)])
        end = _milliseconds(self._clock() - self._lag)
        begin = last["until"] if last else await self._first()
        if begin is None or begin >= end or begin > end - at_least:
            return False
        late = await self._late(last["until"]) if last else []
        fresh = await self._lines({"time": {"$gte": begin, "$lt": end}}, BATCH)
        if len(fresh) == BATCH:  # cut between two moments: what shares the last one goes into the next batch
            end = fresh[-1].time
            whole = [one for one in fresh if one.time < end]
            if not whole:
                end += timedelta(milliseconds=1)
                whole = await self._lines({"time": {"$gte": begin, "$lt": end}})
            fresh = whole
        if not fresh and not late:
            return False
        return await self._write(last, begin, end, fresh, late)

    async def _lines(self, wanted: Document, most: int = 0) -> list[_Line]:
        """Lines in the order of their times, a few read at once: many people's requests wait meanwhile."""
        found = self._events.find(wanted).sort("time").limit(most).batch_size(_AT_ONCE)
        return [_Line(bytes(one["_id"]), leaf_of(one).hash, one["time"]) async for one in found]

    async def _write(
        self, last: Document | None, since: datetime, until: datetime, fresh: list[_Line], late: list[_Line]
    ) -> bool:
        number = last["_id"] + 1 if last else 1
        lines = [*late, *fresh]
        head = root([one.leaf for one in lines])
        previous = last["checkpoint"] if last else None
        checkpoint = self._signer.sign(
            CHECKPOINT, claims_of(number, since, until, head, len(lines), previous, self._clock())
        )
        blob = b"".join(one.place + one.leaf for one in lines)
        try:
            await self._seals.insert_one(
                {
                    "_id": number,
                    "since": since,
                    "until": until,
                    "leaves": Binary(blob),
                    "root": head,
                    "checkpoint": checkpoint,
                    "fresh": len(fresh),
                    "late": [one.place for one in late],
                }
            )
        except DuplicateKeyError:  # another worker was first, with the same lines
            return False
        return True

    async def _first(self) -> datetime | None:
        found = await self._events.find_one(sort=[("time", ASCENDING)], projection={"time": 1})
        return found["time"] if found else None

    async def _late(self, until: datetime) -> list[_Line]:
        """Lines from before the last batch's end that no batch has."""
        since = until - LOOK_BACK
        kept = await self._seals.find({"until": {"$gt": since}}, {"leaves": 0}).sort("_id", ASCENDING).to_list()
        kept = [one if "fresh" in one else await self._counted(one) for one in kept]
        taken = {bytes(place) for one in kept for place in one["late"]}
        begin, end = min(since, kept[0]["since"]), kept[-1]["until"]  # before the very first batch there may be some
        there: int = await self._events.count_documents({"time": {"$gte": begin, "$lt": end}})
        if there == sum(one["fresh"] for one in kept) + sum(_is_between(place, begin, end) for place in taken):
            return []
        begins = [begin, *(one["since"] for one in kept[1:])]
        missed = [await self._missed(one, max(since, at), taken) for one, at in zip(kept, begins, strict=True)]
        return [line for some in missed for line in some][:BATCH]

    async def _counted(self, batch: Document) -> Document:
        """A batch that was sealed before batches kept their numbers, with them."""
        whole = await self._seals.find_one({"_id": batch["_id"]})
        lines = Batch.of(whole).lines if whole else ()
        late = [place for place in lines if not _is_between(place, batch["since"], batch["until"])]
        return {**batch, "fresh": len(lines) - len(late), "late": late}

    async def _missed(self, batch: Document, since: datetime, taken: set[bytes]) -> list[_Line]:
        """Lines from `since` on to the end of a batch that neither it nor a later one has."""
        whole = await self._seals.find_one({"_id": batch["_id"]})
        known = set(Batch.of(whole).lines) | taken if whole else taken
        window = {"time": {"$gte": since, "$lt": batch["until"]}}
        missed = [
            place async for one in self._events.find(window, {"_id": 1}) if (place := bytes(one["_id"])) not in known
        ]
        return await self._lines({"_id": {"$in": missed[:BATCH]}}) if missed else []


@translated
class TrailProofs:
    """Finds the proof that a line is sealed; needs no key."""

    def __init__(self, mongo: Mongo) -> None:
        durable = ReadConcern("majority")
        self._events = mongo.database.get_collection("audit_events", read_concern=durable)
        self._seals = mongo.database.get_collection("audit_seals", read_concern=durable)

    async def proof(self, line: bytes) -> Proof | None:
        """That a line is sealed; None while it is not, or when there is no such line."""
        document = await self._events.find_one({"_id": line})
        if document is None:
            return None
        # A line that came late stands in a batch after its own time, never in one before it.
        after = {"until": {"$gt": document["time"]}, "since": {"$lt": document["time"] + 2 * LOOK_BACK}}
        async for kept in self._seals.find(after).sort("_id", ASCENDING):
            batch = Batch.of(kept)
            if line in batch.lines:
                index = batch.lines.index(line)
                path = tuple(inclusion_path(batch.leaves, index))
                return Proof(leaf_of(document), index, len(batch.leaves), path, batch.checkpoint)
        return None


def _is_between(place: bytes, since: datetime, until: datetime) -> bool:
    return sortable(since) <= place[_WHEN] < sortable(until)


def _milliseconds(moment: datetime) -> datetime:
    """A moment as exact as the database keeps it."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def claims_of(
    number: int, since: datetime, until: datetime, head: bytes, size: int, previous: str | None, now: datetime
) -> dict[str, Any]:
    """What a checkpoint says."""
    return {
        "batch": number,
        "size": size,
        "root": head.hex(),
        "since": since.isoformat(timespec="milliseconds"),
        "until": until.isoformat(timespec="milliseconds"),
        "previous": checkpoint_digest(previous) if previous else None,
        "iat": int(now.timestamp()),
    }
