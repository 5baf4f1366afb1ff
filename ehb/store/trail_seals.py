"""Tamper evidence: the trail is sealed in batches, each a Merkle tree under a signed checkpoint, one after the other.

A chain for each person would make every line wait for the one before; a batch is made behind the lines, once they are
settled. The one invariant: a batch is written once, under the next number, by whoever is first.

A line is sealed when it is LAG old. One that comes later still (a worker that was held up) is taken into the next
batch if it is no older than LOOK_BACK; after that it counts as inserted.
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

LAG = timedelta(seconds=60)
LOOK_BACK = timedelta(minutes=10)
BATCH = 10_000
"""Lines of one batch: 64 bytes each, so its document stays far below the 16 MB of MongoDB."""
_PLACE = 32


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

    async def seal(self) -> int:
        """Seal all that is settled; how many batches that were."""
        batches = 0
        while await self._seal_one():
            batches += 1
        return batches

    async def latest(self) -> Batch | None:
        """The newest batch."""
        found = await self._seals.find_one(sort=[("_id", DESCENDING)])
        return Batch.of(found) if found else None

    async def _seal_one(self) -> bool:
        last, end = await self.latest(), _milliseconds(self._clock() - self._lag)
        begin = last.until if last else await self._first()
        if begin is None or begin >= end:
            return False
        late = await self._late(last) if last else []
        fresh = await self._events.find({"time": {"$gte": begin, "$lt": end}}).sort("time").limit(BATCH).to_list()
        if len(fresh) == BATCH:  # cut between two moments: what shares the last one goes into the next batch
            end = fresh[-1]["time"]
            whole = [one for one in fresh if one["time"] < end]
            if not whole:
                end += timedelta(milliseconds=1)
                whole = await self._events.find({"time": {"$gte": begin, "$lt": end}}).to_list()
            fresh = whole
        if not fresh and not late:
            return False
        return await self._write(last, begin, end, [*late, *fresh])

    async def _write(self, last: Batch | None, since: datetime, until: datetime, lines: list[Document]) -> bool:
        number = last.number + 1 if last else 1
        leaves = [leaf_of(one).hash for one in lines]
        head = root(leaves)
        checkpoint = self._signer.sign(
            CHECKPOINT, claims_of(number, since, until, head, len(leaves), last, self._clock())
        )
        blob = b"".join(bytes(one["_id"]) + leaf for one, leaf in zip(lines, leaves, strict=True))
        try:
            await self._seals.insert_one(
                {
                    "_id": number,
                    "since": since,
                    "until": until,
                    "leaves": Binary(blob),
                    "root": head,
                    "checkpoint": checkpoint,
                }
            )
        except DuplicateKeyError:  # another worker was first, with the same lines
            return False
        return True

    async def _first(self) -> datetime | None:
        found = await self._events.find_one(sort=[("time", ASCENDING)], projection={"time": 1})
        return found["time"] if found else None

    async def _late(self, last: Batch) -> list[Document]:
        """Lines from before the last batch's end that no batch has."""
        since = last.until - LOOK_BACK
        sealed: set[bytes] = set()
        async for kept in self._seals.find({"until": {"$gt": since}}):
            sealed.update(Batch.of(kept).lines)
        found = self._events.find({"time": {"$gte": since, "$lt": last.until}}, {"_id": 1}).sort("time")
        late = [bytes(one["_id"]) async for one in found if bytes(one["_id"]) not in sealed]
        return await self._events.find({"_id": {"$in": late[:BATCH]}}).to_list() if late else []


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


def _milliseconds(moment: datetime) -> datetime:
    """A moment as exact as the database keeps it."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def claims_of(
    number: int, since: datetime, until: datetime, head: bytes, size: int, last: Batch | None, now: datetime
) -> dict[str, Any]:
    """What a checkpoint says."""
    return {
        "batch": number,
        "size": size,
        "root": head.hex(),
        "since": since.isoformat(timespec="milliseconds"),
        "until": until.isoformat(timespec="milliseconds"),
        "previous": checkpoint_digest(last.checkpoint) if last else None,
        "iat": int(now.timestamp()),
    }
