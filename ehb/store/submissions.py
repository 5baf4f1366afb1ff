"""Submissions: what facilities sent, and the newest accepted version of each episode.

`episodes` has one document per (facility, source, episode code) and is what concurrent senders contend for:
a transaction that read an older one is run again. `submissions` keeps every receipt and, sealed, the bytes
as they came: under the person's data key when the person is known, else under a key of their own. An
episode sent as a file and one sent as typed input are two episodes: neither erases the other.

The one invariant: a receipt that says ACCEPTED was written in the transaction that wrote the records.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from ehb.domain.access import Permit
from ehb.domain.submission import Receipt, Status, VisitSummary
from ehb.store.mongo import Document, Mongo, Session
from ehb.store.people import Person
from ehb.store.receipts import CODE, episode_id, receipt_key, require_own
from ehb.store.vault import Vault

REJECTED_KEPT = timedelta(days=90)
_BODY = b"body\0"


@dataclass(frozen=True, slots=True)
class Episode:
    """The newest version of one episode. `patient_id` is None while it waits for an identity."""

    id: bytes
    version: int
    digest: bytes
    """Of its content; empty once it was taken back, so that whatever comes next is a new version."""
    submission: bytes
    patient_id: bytes | None


class Submissions:
    """The store of submissions. Every method takes the permit that allows it."""

    def __init__(self, mongo: Mongo, vault: Vault) -> None:
        self._episodes = mongo.database["episodes"]
        self._submissions = mongo.database["submissions"]
        self._vault = vault

    def episode_id(self, permit: Permit, visit: VisitSummary) -> bytes:
        """The key of a visit's episode in the permit's own facility."""
        return episode_id(self._vault, require_own(permit), visit.source, visit.episode)

    def record_key(self, episode: bytes, identity: str) -> bytes:
        """12 bytes that name one thing of an episode, the same in every version."""
        return self._vault.blind_index("record", episode.hex(), identity)[:12]

    def content_digest(self, visit: VisitSummary) -> bytes:
        """Equal for equal content."""
        return self._vault.blind_index("content", visit.content.hex())

    async def episode(self, permit: Permit, episode: bytes, session: Session) -> Episode | None:
        """An episode of the permit's own facility as it stands now."""
        require_own(permit)
        found = await self._episodes.find_one({"_id": episode}, session=session)
        return _episode(found) if found else None

    async def advance(self, permit: Permit, before: Episode | None, after: Episode, session: Session) -> None:
        """Move an episode from `before` to `after`; a transaction that lost the race does not get past here."""
        require_own(permit)
        document = {
            "version": after.version,
            "digest": after.digest,
            "submission": after.submission,
            "patient": after.patient_id,
        }
        if before is None:
            await self._episodes.insert_one({"_id": after.id, **document}, session=session)
            return
        await self._episodes.update_one({"_id": after.id}, {"$set": document}, session=session)
        if before.submission != after.submission:
            replaced = {"$set": {"replaced_by": after.submission}}
            await self._submissions.update_one({"_id": before.submission}, replaced, session=session)

    async def store(
        self,
        permit: Permit,
        visit: VisitSummary,
        body: bytes,
        receipt: Receipt,
        person: Person | None,
        *,
        now: datetime,
        session: Session | None = None,
    ) -> None:
        """Keep a receipt and the sealed bytes; rejected ones for 90 days."""
        facility = require_own(permit)
        submission = receipt_key(receipt.id)
        if submission is None:
            raise ValueError("not a receipt id")
        key, wrapped = (person.data_key, None) if person else self._vault.new_data_key(submission)
        document: Document = {
            "_id": submission,
            "facility": facility,
            "source": visit.source,
            "episode": self.episode_id(permit, visit),
            "status": receipt.status.value,
            "version": receipt.version,
            "records": receipt.records,
            "problems": msgspec.to_builtins(receipt.problems),
            "received": now,
            "client": permit.principal.client_id,
            "patient": person.patient_id if person else None,
            "key": wrapped,
            "code": key.seal(receipt.episode.encode(), CODE + submission),
            "sealed": key.seal(zlib.compress(body, 1), _BODY + submission),
        }
        if receipt.status is Status.REJECTED:
            document["expires"] = now + REJECTED_KEPT
        await self._submissions.insert_one(document, session=session)

    async def adopt(self, permit: Permit, episode: Episode, person: Person, session: Session) -> None:
        """Seal under the person's key what was sent while nobody knew whose it was, so that erasing reaches it."""
        facility = require_own(permit)
        waiting = {"episode": episode.id, "facility": facility, "patient": None, "expires": None}
        async for found in self._submissions.find(waiting, session=session):
            own = self._vault.data_key(found["_id"], found["key"])
            sealed = {
                name: person.data_key.seal(own.open(found[name], place + found["_id"]), place + found["_id"])
                for name, place in (("code", CODE), ("sealed", _BODY))
            }
            update = {"$set": {"patient": person.patient_id, "key": None, **sealed}}
            await self._submissions.update_one({"_id": found["_id"]}, update, session=session)

    async def newest(self, permit: Permit, receipt_id: str, session: Session) -> Episode | None:
        """The episode whose newest version this receipt is; None for a refused one and for an older version."""
        mine = {"_id": receipt_key(receipt_id), "facility": require_own(permit)}
        sent = await self._submissions.find_one(mine, {"episode": 1}, session=session)
        if sent is None:
            return None
        found = await self._episodes.find_one({"_id": sent["episode"], "submission": sent["_id"]}, session=session)
        return _episode(found) if found else None

    async def retract(self, permit: Permit, episode: Episode, session: Session, *, now: datetime) -> None:
        """Say on the newest receipt of an episode that the visit is taken back, and let anything follow it."""
        require_own(permit)
        await self._episodes.update_one({"_id": episode.id}, {"$set": {"digest": b""}}, session=session)
        await self._submissions.update_one({"_id": episode.submission}, {"$set": {"retracted": now}}, session=session)


def _episode(found: Document) -> Episode:
    return Episode(found["_id"], found["version"], found["digest"], found["submission"], found["patient"])
