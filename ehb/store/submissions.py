"""Submissions: what facilities sent, and the newest accepted version of each episode.

`episodes` has one document per (facility, source, episode code) and is what concurrent senders contend for:
a transaction that read an older one is run again. `submissions` keeps every receipt and, sealed, the bytes
as they came: under the person's data key when the person is known, else under a key of their own. An
episode sent as a file and one sent as typed input are two episodes: neither erases the other.

The one invariant: a receipt that says ACCEPTED was written in the transaction that wrote the records.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from isal import isal_zlib
from pymongo import ReturnDocument, UpdateOne

from ehb.domain.access import Action, Permit
from ehb.domain.records import LegalStatus
from ehb.domain.submission import Receipt, Status, VisitSummary
from ehb.errors import Forbidden
from ehb.store.mongo import Document, Mongo, Session
from ehb.store.people import Person
from ehb.store.receipts import CODE, WAITS, episode_id, receipt_key, require_own
from ehb.store.signposts import CARD, EPISODE, Signposts
from ehb.store.vault import Vault

_LEVEL = 1
"""Of compression by ISA-L: a fifth of zlib's time for the same size; what it makes is plain zlib for whoever reads."""
REJECTED_KEPT = timedelta(days=90)
_BODY, _VISIT = b"body\0", b"visit\0"
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(VisitSummary).decode


@dataclass(frozen=True, slots=True)
class Episode:
    """The newest version of one episode. `patient_id` is None while it waits for an identity."""

    id: bytes
    version: int
    digest: bytes
    """Of its content; empty once it was taken back, so that whatever comes next is a new version."""
    submission: bytes
    patient_id: bytes | None
    preliminary: bool = False
    """The visit has only been checked in."""
    disowned: bool = False
    """Its person said that it is somebody else's, and no steward has decided yet."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A submission that waits for an identity, opened. `body` is compressed as it lies."""

    submission: bytes
    episode: bytes
    received: datetime
    visit: VisitSummary
    body: bytes


class Submissions:
    """The store of submissions. Every method takes the permit that allows it."""

    def __init__(self, mongo: Mongo, vault: Vault) -> None:
        self._episodes = mongo.database["episodes"]
        self._submissions = mongo.database["submissions"]
        self._signposts = Signposts(mongo)
        self._vault = vault

    def episode_id(self, permit: Permit, visit: VisitSummary) -> bytes:
        """The key of a visit's episode in the permit's own facility."""
        return episode_id(self._vault, require_own(permit), visit.source, visit.episode)

    def record_key(self, episode: bytes, identity: str) -> bytes:
        """12 bytes that name one thing of an episode, the same in every version."""
        return self._vault.blind_index("record", episode.hex(), identity)[:12]

    def content_digest(self, visit: VisitSummary, *, signature: LegalStatus | None = None) -> bytes:
        """Equal for equal content with a signature of the same worth; `signature` asks as if it were worth that."""
        return self._vault.blind_index("content", visit.content.hex(), signature or visit.signature)

    async def claim(self, permit: Permit, episode: Episode, session: Session) -> Episode | None:
        """Make an episode that is not there yet; one that is stays as it is and is given back."""
        require_own(permit)
        found = await self._episodes.find_one_and_update(
            {"_id": episode.id},
            {"$setOnInsert": _fields(episode)},
            upsert=True,
            return_document=ReturnDocument.BEFORE,
            session=session,
        )
        return _episode(found) if found else None

    async def claim_all(self, claims: Sequence[tuple[Permit, Episode]], session: Session) -> list[bool]:
        """Of many different ones: which were not there, and are made now. The others stay as they are."""
        if not claims:
            return []
        for permit, _ in claims:
            require_own(permit)
        made = await self._episodes.bulk_write(
            [UpdateOne({"_id": one.id}, {"$setOnInsert": _fields(one)}, upsert=True) for _, one in claims],
            session=session,
        )
        return [number in (made.upserted_ids or {}) for number in range(len(claims))]

    async def advance(self, permit: Permit, before: Episode, after: Episode, session: Session) -> None:
        """Move an episode from `before` to `after`; a transaction that lost the race does not get past here."""
        require_own(permit)
        await self._episodes.update_one({"_id": after.id}, {"$set": _fields(after)}, session=session)
        await self._waits_no_more(before.submission, session, replaced_by=after.submission)

    async def store(
        self,
        permit: Permit,
        visit: VisitSummary,
        body: bytes,
        receipt: Receipt,
        person: Person | None,
        waits_for: Sequence[bytes] = (),
        *,
        now: datetime,
        session: Session,
    ) -> None:
        """Keep a receipt and the sealed bytes; rejected ones for 90 days.

        What waits for an identity keeps its visit too, as it was read that day, and the blind indexes of the
        numbers and insurance cards that may tell later whose it is.
        """
        document = self.document(permit, visit, body, receipt, person, now=now)
        submission: bytes = document["_id"]
        if receipt.status is Status.WAITING_FOR_IDENTITY:
            key = self._vault.data_key(submission, document["key"])
            document["visit"] = key.seal(isal_zlib.compress(_encode(visit), _LEVEL), _VISIT + submission)
            document["waits_for"] = list(waits_for)
            await self._signposts.meet(CARD, waits_for, session, now=now)
            await self._signposts.put(CARD, waits_for, submission, session)
            await self._signposts.put(EPISODE, [document["episode"]], submission, session)
        if receipt.status is Status.REJECTED:
            document["expires"] = now + REJECTED_KEPT
        await self._submissions.insert_one(document, session=session)

    async def insert(self, documents: Sequence[Document], session: Session) -> None:
        """Keep what `document` made."""
        if documents:
            await self._submissions.insert_many(documents, session=session)

    def document(
        self,
        permit: Permit,
        visit: VisitSummary,
        body: bytes,
        receipt: Receipt,
        person: Person | None,
        *,
        now: datetime,
    ) -> Document:
        """A receipt and the sealed bytes as they lie, under the key of their person or one of their own."""
        facility = require_own(permit)
        submission = receipt_key(receipt.id)
        if submission is None:
            raise ValueError("not a receipt id")
        key, wrapped = (person.data_key, None) if person else self._vault.new_data_key(submission)
        return {
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
            "sealed": key.seal(isal_zlib.compress(body, _LEVEL), _BODY + submission),
        }

    async def adopt(self, permit: Permit, episode: bytes, person: Person, session: Session) -> None:
        """Seal under the person's key what was sent while nobody knew whose it was, so that erasing reaches it."""
        _require(permit, Action.SUBMIT, Action.RESOLVE_IDENTITY, Action.SIGN_IN)
        for submission in await self._signposts.places(EPISODE, [episode], session):
            await self._signposts.remove(EPISODE, [episode], submission, session)
            waiting = {"_id": submission, "episode": episode, "patient": None}
            found = await self._submissions.find_one(waiting, session=session)
            if found is not None:
                own = self._vault.data_key(submission, found["key"])
                sealed = {
                    name: person.data_key.seal(own.open(found[name], place + submission), place + submission)
                    for name, place in (("code", CODE), ("sealed", _BODY))
                }
                await self._owned(submission, person, session, **sealed)

    async def mark_disowned(self, permit: Permit, episode: bytes, session: Session, *, disowned: bool) -> None:
        """Note that the person of a visit calls it another's, or that a steward has decided."""
        _require(permit, Action.DISOWN_VISIT, Action.RESOLVE_IDENTITY)
        await self._episodes.update_one({"_id": episode}, {"$set": {"disowned": disowned}}, session=session)

    async def person_of(self, permit: Permit, episode: bytes, session: Session) -> bytes | None:
        """The key of the person in whose book a visit stands."""
        _require(permit, Action.RESOLVE_IDENTITY)
        found = await self._episodes.find_one({"_id": episode}, {"patient": 1}, session=session)
        return bytes(found["patient"]) if found and found["patient"] is not None else None

    async def hand_over(self, permit: Permit, episode: bytes, person: Person, other: Person, session: Session) -> None:
        """Seal under another person's key what was sent for a visit, so that erasing reaches it there."""
        _require(permit, Action.RESOLVE_IDENTITY)
        async for found in self._submissions.find({"episode": episode, "patient": person.patient_id}, session=session):
            place = bytes(found["_id"])
            sealed = {
                name: other.data_key.seal(person.data_key.open(found[name], at + place), at + place)
                for name, at in (("code", CODE), ("sealed", _BODY))
            }
            await self._submissions.update_one(
                {"_id": place}, {"$set": {"patient": other.patient_id, **sealed}}, session=session
            )
        owner = {"$set": {"patient": other.patient_id, "disowned": False}}
        await self._episodes.update_one({"_id": episode}, owner, session=session)

    async def waiting(self, permit: Permit, submission: bytes, session: Session) -> Kept | None:
        """A submission that waits for an identity, with its visit; None for any other."""
        _require(permit, Action.RESOLVE_IDENTITY)
        found = await self._submissions.find_one({"_id": submission, **WAITS}, session=session)
        return self._kept(found) if found else None

    async def awaited(
        self, permits: Iterable[Permit], blind: Sequence[bytes], session: Session, *, now: datetime
    ) -> bool:
        """Whether anything may wait for one of these insurance cards, which the book is about to know."""
        for permit in permits:
            _require(permit, Action.SUBMIT)
        await self._signposts.meet(CARD, blind, session, now=now)
        return bool(await self._signposts.places(CARD, blind, session))

    async def waiting_for(
        self, permit: Permit, blind: Sequence[bytes], session: Session, *, now: datetime
    ) -> list[Kept]:
        """The submissions that wait for one of these numbers or cards, which the book is about to know."""
        _require(permit, Action.SUBMIT, Action.SIGN_IN)
        await self._signposts.meet(CARD, blind, session, now=now)
        places = await self._signposts.places(CARD, blind, session)
        waiting = {"_id": {"$in": places}, "waits_for": {"$in": list(blind)}, **WAITS}
        return [self._kept(one) async for one in self._submissions.find(waiting, session=session)] if places else []

    async def settle(self, permit: Permit, kept: Kept, person: Person, records: int, session: Session) -> None:
        """What waited is this person's, accepted and sealed under their key."""
        _require(permit, Action.SUBMIT, Action.RESOLVE_IDENTITY, Action.SIGN_IN)
        place = kept.submission
        sealed = {
            "code": person.data_key.seal(kept.visit.episode.encode(), CODE + place),
            "sealed": person.data_key.seal(kept.body, _BODY + place),
        }
        await self._owned(place, person, session, status=Status.ACCEPTED.value, records=records, **sealed)
        owner = {"$set": {"patient": person.patient_id}}
        await self._episodes.update_one({"_id": kept.episode}, owner, session=session)
        await self.adopt(permit, kept.episode, person, session)

    async def _owned(self, submission: bytes, person: Person, session: Session, **fields: object) -> None:
        await self._waits_no_more(submission, session, patient=person.patient_id, key=None, **fields)

    async def _waits_no_more(self, submission: bytes, session: Session, **fields: object) -> None:
        """Set these fields of a submission, and let no card lead to it."""
        found = await self._submissions.find_one_and_update(
            {"_id": submission},
            {"$set": fields, "$unset": {"waits_for": "", "visit": ""}},
            {"waits_for": 1},
            session=session,
        )
        await self._signposts.remove(CARD, (found or {}).get("waits_for", ()), submission, session)

    def _kept(self, found: Document) -> Kept:
        submission = bytes(found["_id"])
        key = self._vault.data_key(submission, found["key"])
        visit = _decode(zlib.decompress(key.open(found["visit"], _VISIT + submission)))
        body = key.open(found["sealed"], _BODY + submission)
        return Kept(submission, bytes(found["episode"]), found["received"], visit, body)

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


def _require(permit: Permit, *actions: Action) -> None:
    if permit.action not in actions:
        raise Forbidden


def _fields(episode: Episode) -> Document:
    return {
        "version": episode.version,
        "digest": episode.digest,
        "submission": episode.submission,
        "patient": episode.patient_id,
        "preliminary": episode.preliminary,
    }


def _episode(found: Document) -> Episode:
    return Episode(
        found["_id"],
        found["version"],
        found["digest"],
        found["submission"],
        found["patient"],
        found.get("preliminary", False),
        found.get("disowned", False),
    )
