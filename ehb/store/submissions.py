"""Submissions: what facilities sent, and the newest accepted version of each episode.

`episodes` has one document per (facility, source, episode code) and is what concurrent senders contend for:
a transaction that read an older one is run again. `submissions` keeps every receipt and, sealed, the bytes
as they came: under the person's data key when the person is known, else under a key of their own. An
episode sent as a file and one sent as typed input are two episodes: neither erases the other.

The one invariant: a receipt that says ACCEPTED was written in the transaction that wrote the records.
"""

from __future__ import annotations

import base64
import binascii
import os
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from ehb.domain.access import Action, Permit
from ehb.domain.submission import Problem, Receipt, Status, VisitSummary
from ehb.errors import Forbidden
from ehb.store.mongo import Document, Mongo, Session
from ehb.store.people import People, Person
from ehb.store.vault import DataKey, Vault

REJECTED_KEPT = timedelta(days=90)


class _Sent(msgspec.Struct, frozen=True):
    """What stays sealed of a submission: the facility's own episode code and the bytes."""

    episode: str
    body: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Sent).decode


@dataclass(frozen=True, slots=True)
class Episode:
    """The newest version of one episode. `patient_id` is None while it waits for an identity."""

    id: bytes
    version: int
    digest: bytes
    submission: bytes
    patient_id: bytes | None


class Submissions:
    """The store of submissions. Every method takes the permit that allows it."""

    def __init__(self, mongo: Mongo, vault: Vault, people: People) -> None:
        self._episodes = mongo.database["episodes"]
        self._submissions = mongo.database["submissions"]
        self._vault = vault
        self._people = people

    def episode_id(self, visit: VisitSummary) -> bytes:
        """16 bytes that name an episode of a facility without telling its code."""
        return self._vault.blind_index("episode", visit.facility, visit.source, visit.episode)[:16]

    def record_key(self, episode: bytes, identity: str) -> bytes:
        """12 bytes that name one thing of an episode, the same in every version."""
        return self._vault.blind_index("record", episode.hex(), identity)[:12]

    def content_digest(self, visit: VisitSummary) -> bytes:
        """Equal for equal content."""
        return self._vault.blind_index("content", visit.content.hex())

    async def episode(self, permit: Permit, visit: VisitSummary, session: Session) -> Episode | None:
        """The episode as it stands now."""
        _require_own(permit, visit.facility)
        found = await self._episodes.find_one({"_id": self.episode_id(visit)}, session=session)
        if found is None:
            return None
        return Episode(found["_id"], found["version"], found["digest"], found["submission"], found["patient"])

    async def advance(
        self, permit: Permit, visit: VisitSummary, before: Episode | None, after: Episode, session: Session
    ) -> None:
        """Move an episode from `before` to `after`; a transaction that lost the race does not get past here."""
        _require_own(permit, visit.facility)
        document = {
            "version": after.version,
            "digest": after.digest,
            "submission": after.submission,
            "patient": after.patient_id,
        }
        if before is None:
            await self._episodes.insert_one({"_id": after.id, **document}, session=session)
        else:
            await self._episodes.update_one({"_id": after.id}, {"$set": document}, session=session)

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
        _require_own(permit, permit.facility)
        submission = receipt_key(receipt.id)
        if submission is None:
            raise ValueError("not a receipt id")
        key, wrapped = (person.data_key, None) if person else self._vault.new_data_key(submission)
        document: Document = {
            "_id": submission,
            "facility": permit.facility,
            "source": visit.source,
            "episode": self.episode_id(visit),
            "status": receipt.status.value,
            "version": receipt.version,
            "records": receipt.records,
            "problems": msgspec.to_builtins(receipt.problems),
            "received": now,
            "client": permit.principal.client_id,
            "patient": person.patient_id if person else None,
            "key": wrapped,
            "sealed": key.seal(_encode(_Sent(receipt.episode, zlib.compress(body, 1))), b"submission\0" + submission),
        }
        if receipt.status is Status.REJECTED:
            document["expires"] = now + REJECTED_KEPT
        await self._submissions.insert_one(document, session=session)

    async def adopt(self, permit: Permit, episode: Episode, person: Person, session: Session) -> None:
        """Seal under the person's key what was sent while nobody knew whose it was, so that erasing reaches it."""
        _require_own(permit, permit.facility)
        waiting = {"episode": episode.id, "facility": permit.facility, "patient": None, "expires": None}
        async for found in self._submissions.find(waiting, session=session):
            place = b"submission\0" + found["_id"]
            sent = self._vault.data_key(found["_id"], found["key"]).open(found["sealed"], place)
            sealed = {"patient": person.patient_id, "key": None, "sealed": person.data_key.seal(sent, place)}
            await self._submissions.update_one({"_id": found["_id"]}, {"$set": sealed}, session=session)

    async def receipt(self, permit: Permit, receipt_id: str, session: Session | None = None) -> Receipt | None:
        """A receipt of the permit's own facility, None for anything else."""
        _require_own(permit, permit.facility)
        submission = receipt_key(receipt_id)
        if submission is None:
            return None
        found = await self._submissions.find_one({"_id": submission, "facility": permit.facility}, session=session)
        if found is None:
            return None
        key = await self._key_of(found, session)
        sent = _decode(key.open(found["sealed"], b"submission\0" + submission)) if key else _Sent("", b"")
        return Receipt(
            receipt_id,
            Status(found["status"]),
            sent.episode,
            found["version"],
            found["records"],
            tuple(msgspec.convert(found["problems"], list[Problem])),
        )

    async def _key_of(self, found: Document, session: Session | None) -> DataKey | None:
        if found["key"] is not None:
            return self._vault.data_key(found["_id"], found["key"])
        return await self._people.data_key(found["patient"], session)


def new_receipt_id() -> str:
    """An unguessable receipt id: 16 random bytes, base64url."""
    return receipt_id_of(os.urandom(16))


def receipt_id_of(submission: bytes) -> str:
    return base64.urlsafe_b64encode(submission).decode().rstrip("=")


def receipt_key(receipt_id: str) -> bytes | None:
    """The document key of a receipt id, None when it cannot be one."""
    try:
        key = base64.b64decode(receipt_id + "==", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == 16 else None


def _require_own(permit: Permit, facility: str | None) -> None:
    if permit.action not in (Action.SUBMIT, Action.READ_RECEIPT) or not facility or permit.facility != facility:
        raise Forbidden
