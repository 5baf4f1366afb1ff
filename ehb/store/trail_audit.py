"""Verifying the trail: every sealed line is where it was and as it was, and no line stands there that was not sealed.

Reads ranges, batch by batch, so it takes as much memory for a hundred million lines as for one batch. The one
invariant: it trusts nothing in the database but what a signature of ours says.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

from pymongo import ASCENDING

from ehb.domain.merkle import root
from ehb.domain.trail_seal import Finding, checkpoint_digest, leaf_of
from ehb.signing import CHECKPOINT, NotSigned, Signer
from ehb.store.mongo import Mongo
from ehb.store.trail_seals import LOOK_BACK, Batch

_AT_ONCE = 1_000


class TrailAudit:
    """Looks whether the trail is as it was sealed."""

    def __init__(self, mongo: Mongo, signer: Signer) -> None:
        self._events = mongo.database["audit_events"]
        self._seals = mongo.database["audit_seals"]
        self._signer = signer

    async def verify(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        kept: str | None = None,
        progress: Callable[[int], None] = lambda _: None,
    ) -> AsyncIterator[Finding]:
        """Everything that is not as it was sealed, in the order of batches.

        `since` and `until` choose the batches; `kept` is a checkpoint that was kept elsewhere, against which the end of
        the trail is held; `progress` hears how many lines were looked at. Raises NotSigned for a `kept` that is none of
        ours.
        """
        if kept is not None:
            async for finding in self._against(kept):
                yield finding
        window: dict[str, Any] = {}
        if since is not None:
            window["until"] = {"$gt": since}
        if until is not None:
            window["since"] = {"$lt": until}
        previous: Batch | None = None
        unsealed: dict[bytes, tuple[int, datetime]] = {}
        early: set[bytes] = set()
        first: datetime | None = None
        begun = since is not None
        async for document in self._seals.find(window).sort("_id", ASCENDING):
            batch = Batch.of(document)
            if begun and batch.number > 1 and previous is None:
                before = await self._seals.find_one({"_id": batch.number - 1})
                previous = Batch.of(before) if before else None
                begun = False
            for finding in self._checked(batch, previous, first=previous is None and since is None):
                yield finding
            async for finding in self._lines(batch):
                yield finding
            for line in batch.lines:
                unsealed.pop(line, None)
            first = first or batch.since
            if batch.since < first + LOOK_BACK:
                early.update(line for line in batch.lines if _time_of(line) < first)
            async for line, time in self._strangers(batch):
                unsealed[line] = (batch.number, time)
            for line, (number, time) in [*unsealed.items()]:
                if time < batch.since - LOOK_BACK:
                    del unsealed[line]
                    yield Finding("INSERTED", number, line.hex(), time)
            progress(len(batch.lines))
            previous = batch
        if since is None and until is None:
            async for finding in self._outside(early):
                yield finding
        last = await self._seals.find_one(sort=[("_id", -1)])
        for line, (number, time) in unsealed.items():
            if last is None or time < Batch.of(last).until - LOOK_BACK:
                yield Finding("INSERTED", number, line.hex(), time)

    def _checked(self, batch: Batch, previous: Batch | None, *, first: bool) -> list[Finding]:
        number = batch.number
        expected = previous.number + 1 if previous else (1 if first else number)
        found = [Finding("BATCH_REMOVED", gone) for gone in range(expected, number)]
        try:
            claims = self._signer.verify(CHECKPOINT, batch.checkpoint)
        except NotSigned:
            return [*found, Finding("BAD_SIGNATURE", number)]
        head, window = root(batch.leaves), (_moment(claims["since"]), _moment(claims["until"]))
        whole = (claims["batch"], claims["size"], claims["root"]) == (number, len(batch.leaves), head.hex())
        if not whole or window != (batch.since, batch.until) or batch.root != head:
            found.append(Finding("BATCH_CHANGED", number))
        if previous is not None and not found and claims["previous"] != checkpoint_digest(previous.checkpoint):
            found.append(Finding("BROKEN_CHAIN", number))
        return found

    async def _lines(self, batch: Batch) -> AsyncIterator[Finding]:
        for begin in range(0, len(batch.lines), _AT_ONCE):
            places = batch.lines[begin : begin + _AT_ONCE]
            documents = {bytes(one["_id"]): one async for one in self._events.find({"_id": {"$in": list(places)}})}
            for place, leaf in zip(places, batch.leaves[begin : begin + _AT_ONCE], strict=True):
                document = documents.get(place)
                if document is None:
                    yield Finding("REMOVED", batch.number, place.hex(), _time_of(place))
                elif leaf_of(document).hash != leaf or _time_of(place) != document["time"]:
                    yield Finding("CHANGED", batch.number, place.hex(), _time_of(place))

    async def _strangers(self, batch: Batch) -> AsyncIterator[tuple[bytes, datetime]]:
        """Lines in a batch's time that it does not have."""
        own = set(batch.lines)
        window = {"time": {"$gte": batch.since, "$lt": batch.until}}
        async for one in self._events.find(window, {"time": 1}).sort("time"):
            if bytes(one["_id"]) not in own:
                yield bytes(one["_id"]), one["time"]

    async def _outside(self, sealed: set[bytes]) -> AsyncIterator[Finding]:
        """Lines that lie where no batch can ever be: before the first, or without a time.

        Not `sealed` ones, which came late for the first batch and stand in a later one, nor those that yet may.
        """
        first = await self._seals.find_one(sort=[("_id", 1)])
        last = await self._seals.find_one(sort=[("_id", -1)])
        if first is None or last is None:
            return
        before = {"$lt": min(first["since"], last["until"] - LOOK_BACK)}
        for outside in ({"time": before}, {"time": {"$not": {"$type": "date"}}}):
            async for one in self._events.find(outside, {"_id": 1}):
                if (place := bytes(one["_id"])) not in sealed:
                    yield Finding("INSERTED", None, place.hex())

    async def _against(self, kept: str) -> AsyncIterator[Finding]:
        number = self._signer.verify(CHECKPOINT, kept)["batch"]
        found = await self._seals.find_one({"_id": number}, {"checkpoint": 1})
        if found is None:
            yield Finding("BATCH_REMOVED", number)
        elif found["checkpoint"] != kept:
            yield Finding("BATCH_CHANGED", number)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _time_of(place: bytes) -> datetime:
    millis = int.from_bytes(place[16:24], "big") - 2**63
    return datetime.fromtimestamp(millis / 1000, UTC)
