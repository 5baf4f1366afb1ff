"""Records: one sealed document per record version, one contiguous range per person.

`_id` is 38 bytes: person key (16), time in milliseconds (8, sortable), record key (12), version (2). It is
also the associated data of the seal, so a payload opens only in its own place. In clear stand only the
fields that a permit filters on. A correction inserts the next version and marks the one before it
`superseded`, a retraction marks what counts as `entered-in-error`; payloads are never rewritten.

A version is as closed as the newest version of its visit: a label that comes later is written to the earlier versions,
too. Invariant: what the permit does not open is not fetched.
"""

from __future__ import annotations

from asyncio import gather
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter

import msgspec

from ehb.domain.access import Action, Permit
from ehb.domain.book import ReadQuery, position_of
from ehb.domain.coding import instant_of
from ehb.domain.records import Ended, Ending, Provenance, Record, without_content
from ehb.errors import Forbidden, TooLarge
from ehb.store.mongo import Document, Mongo, Session
from ehb.store.payloads import Decode, encode, reading, whole
from ehb.store.people import People, Person
from ehb.store.permitted import CURRENT, DISOWNED, ENDED, MOVED, labels_behind, permitted, range_of, sortable, tokens
from ehb.store.vault import DataKey
from ehb.traces import span

LARGEST_RECORD = 4_000_000
"""Bytes: a whole visit of text, and far below what one MongoDB document and one command may hold."""
_STATE_OF = {ending: state for state, ending in ENDED.items()}
_REASON = b"reason\0"
_SEALED = itemgetter("sealed", "_id")
_PAYLOAD = {"sealed": 1}
_HISTORY = {"sealed": 1, "state": 1, "ended": 1, "reason": 1, "episode": 1, "labels": 1}


@dataclass(frozen=True, slots=True)
class _Version:
    id: bytes
    version: int
    digest: bytes
    current: bool
    misplaced: bool


class Records:
    """The store of records."""

    def __init__(self, mongo: Mongo, people: People) -> None:
        self._records = mongo.database["records"]
        self._people = people

    async def find(
        self, permit: Permit, query: ReadQuery, people: Sequence[Person] = ()
    ) -> tuple[list[Person], list[Record]]:
        """Whose book it is and the records that both permit and query open, newest first; nobody's book is empty.

        One range scan for each of the people who share the book; they are looked up when they are not given.
        """
        if permit.action is not Action.READ or permit.patient_id is None:
            raise Forbidden
        patient_id, first = permit.patient_id, None
        if not people and permit.opens_all:  # then the filter needs no key, and both can be fetched at once
            people, first = await gather(self._people.sharing(patient_id), self._fetch(permit, patient_id, None, query))
        elif not people:
            people = await self._people.sharing(patient_id)
        if not people:
            return [], []
        missing = people if first is None else people[1:]
        ranges = await gather(*(self._fetch(permit, one.patient_id, one.data_key, query) for one in missing))
        lying = ranges if first is None else [first, *ranges]
        found = _opened(permit, people[0], lying[0], query)
        for other, theirs in zip(people[1:], lying[1:], strict=True):
            found += [
                msgspec.structs.replace(record, patient_id=patient_id)
                for record in _opened(permit, other, theirs, query)
            ]
        return list(people), sorted(found, key=_place, reverse=True) if len(people) > 1 else found

    async def _fetch(self, permit: Permit, patient_id: bytes, key: DataKey | None, query: ReadQuery) -> list[Document]:
        return await (
            self._records.find(permitted(permit, patient_id, key, query), _HISTORY if query.history else _PAYLOAD)
            .sort("_id", -1)
            .limit(query.window.first + 1 if query.window else 0)
            .batch_size(10_000)
            .to_list()
        )

    async def append(
        self, person: Person, episode: bytes, records: Iterable[Record], session: Session, *, now: datetime, new: bool
    ) -> None:
        """Make `records` the current state of an episode in this person's book.

        What is equal to the current version stays untouched; what changed becomes the next version; what the
        new state no longer has is superseded without a successor. `new` promises that the episode has no
        earlier version, which saves the look for one.
        """
        history = {} if new else await self._history(person.patient_id, episode, session)
        fresh: list[Document] = []
        kept = tuple(records)
        for record in kept:
            digest = _digest(person.data_key, record)
            before = history.get(record.key)
            if before is not None and before.current and before.digest == digest:
                del history[record.key]
                continue
            version = before.version + 1 if before is not None else 1
            fresh.append(_document(person, episode, record, version, digest))
        if not new:
            await self._label_earlier(person, episode, {label for one in kept for label in one.labels}, session)
        if any(one.misplaced for one in history.values()):
            await self._reclaim(person.patient_id, episode, session)
        ended = [one.id for one in history.values() if one.current]
        if ended:
            superseded = {"state": _STATE_OF[Ending.SUPERSEDED], "ended": now}
            await self._records.update_many({"_id": {"$in": ended}}, {"$set": superseded}, session=session)
        if fresh:
            await self._records.insert_many(fresh, session=session)

    def first(self, person: Person, episode: bytes, records: Iterable[Record]) -> list[Document]:
        """The records of an episode that has no earlier version, as they lie in this person's book."""
        return [_document(person, episode, record, 1, _digest(person.data_key, record)) for record in records]

    async def insert(self, documents: Sequence[Document], session: Session) -> None:
        """Add what `first` made, of as many people as there are."""
        if documents:
            await self._records.insert_many(documents, session=session)

    async def _history(self, patient_id: bytes, episode: bytes, session: Session) -> dict[bytes, _Version]:
        """The newest version of every record that the episode ever had in this book, by record key."""
        newest: dict[bytes, _Version] = {}
        found = self._records.find(
            {**range_of(patient_id), "episode": episode}, {"digest": 1, "state": 1}, session=session
        )
        async for document in found:
            place = bytes(document["_id"])
            key, version = place[24:36], int.from_bytes(place[36:], "big")
            if key not in newest or newest[key].version < version:
                state = document["state"]
                newest[key] = _Version(place, version, document["digest"], state == CURRENT, state == MOVED)
        return newest

    async def misplaced(self, patient_id: bytes, episode: bytes, session: Session, *, now: datetime) -> None:
        """Take all versions of an episode out of a book: the facility says now that they are another person's.

        The person finds there that it was so, and nothing of what the versions held.
        """
        await self._records.update_many(
            {**range_of(patient_id), "episode": episode}, {"$set": {"state": MOVED, "ended": now}}, session=session
        )

    async def _label_earlier(self, person: Person, episode: bytes, labels: set[str], session: Session) -> None:
        """Close the earlier versions of a visit by the labels that it has now."""
        if not labels:
            return
        named = tokens(sorted(labels), person.data_key)
        await self._records.update_many(
            {**range_of(person.patient_id), "episode": episode, "labels": {"$not": {"$all": named}}},
            {"$addToSet": {"labels": {"$each": named}}},
            session=session,
        )

    async def episode_of(self, permit: Permit, people: Iterable[bytes], key: bytes) -> tuple[bytes, bytes, str] | None:
        """Person, episode and facility of the record that counts under this key in the permit's book."""
        if permit.action is not Action.DISOWN_VISIT:
            raise Forbidden
        for patient_id in people:
            wanted = {**range_of(patient_id), "key": key, "state": CURRENT}
            found = await self._records.find_one(wanted, {"episode": 1, "facility": 1})
            if found is not None:
                return patient_id, bytes(found["episode"]), found["facility"]
        return None

    async def disown(self, patient_id: bytes, episode: bytes, session: Session, *, now: datetime) -> None:
        """Close all versions of a visit to everybody; what counted is remembered."""
        mine = {**range_of(patient_id), "episode": episode}
        await self._records.update_many({**mine, "state": CURRENT}, {"$set": {"counted": True}}, session=session)
        ended = {"state": DISOWNED, "ended": now}
        await self._records.update_many({**mine, "state": {"$ne": MOVED}}, {"$set": ended}, session=session)

    async def give_back(self, patient_id: bytes, episode: bytes, session: Session) -> None:
        """The visit is this person's after all."""
        mine = {**range_of(patient_id), "episode": episode, "state": DISOWNED}
        counted = {**mine, "counted": True}
        back = {"$set": {"state": CURRENT}, "$unset": {"ended": "", "counted": ""}}
        await self._records.update_many(counted, back, session=session)
        await self._records.update_many(mine, {"$set": {"state": _STATE_OF[Ending.SUPERSEDED]}}, session=session)

    async def hand_over(self, person: Person, episode: bytes, other: Person, session: Session, *, now: datetime) -> int:
        """Move what counts of a visit into another person's book; how many records that are.

        The first person keeps that the visit was there, without its content.
        """
        mine = {**range_of(person.patient_id), "episode": episode}
        counts = {**mine, "$or": [{"state": CURRENT}, {"state": DISOWNED, "counted": True}]}
        documents = await self._records.find(counts, session=session).to_list()
        records = opened(person.data_key, documents)
        await self.append(other, episode, records, session, now=now, new=False)
        await self.misplaced(person.patient_id, episode, session, now=now)
        return len(records)

    async def _reclaim(self, patient_id: bytes, episode: bytes, session: Session) -> None:
        """The episode is this person's after all: its versions here are history again."""
        await self._records.update_many(
            {**range_of(patient_id), "episode": episode, "state": MOVED},
            {"$set": {"state": _STATE_OF[Ending.SUPERSEDED]}},
            session=session,
        )

    async def retract(self, person: Person, episode: bytes, reason: str, session: Session, *, now: datetime) -> None:
        """Mark what counts of an episode as entered in error; the reason is sealed: it may be clinical."""
        ended = {
            "state": _STATE_OF[Ending.ENTERED_IN_ERROR],
            "ended": now,
            "reason": person.data_key.seal(reason.encode(), _REASON + episode),
        }
        await self._records.update_many(
            {**range_of(person.patient_id), "episode": episode, "state": CURRENT}, {"$set": ended}, session=session
        )


def opened(key: DataKey, documents: Iterable[Document], decode: Decode = whole) -> list[Record]:
    """The records in sealed documents. Raises SealBroken for one that stands in a foreign place."""
    return [decode(payload) for payload in key.open_each(map(_SEALED, documents))]


def _opened(permit: Permit, person: Person, documents: list[Document], query: ReadQuery) -> list[Record]:
    with span("open records"):
        if permit.closes_fields:  # which asks the whole record
            found = [permit.shown(record) for record in opened(person.data_key, documents)]
        else:
            found = opened(person.data_key, documents, reading(query.fields))
        if not query.history:
            return found
        return [
            record if document["state"] == CURRENT else _with_end(record, person.data_key, document)
            for record, document in zip(found, documents, strict=True)
        ]


def _place(record: Record) -> tuple[datetime, bytes]:
    position = position_of(record)
    return position.instant, position.key


def _with_end(record: Record, key: DataKey, document: Document) -> Record:
    """An ended version: how it ended, and with the labels that the newest version of its visit has."""
    record = msgspec.structs.replace(record, labels=labels_behind(document["labels"], record.labels, key))
    if document["state"] in (MOVED, DISOWNED):
        record = without_content(record)
    reason = document.get("reason")
    ended = Ended(
        ENDED[document["state"]],
        document["ended"].isoformat(timespec="milliseconds"),
        key.open(reason, _REASON + document["episode"]).decode() if reason else None,
    )
    return msgspec.structs.replace(record, ended=ended)


def _document(person: Person, episode: bytes, record: Record, version: int, digest: bytes) -> Document:
    provenance = msgspec.structs.replace(record.provenance, version=version)
    record = msgspec.structs.replace(record, patient_id=person.patient_id, provenance=provenance)
    payload = encode(record)
    if len(payload) > LARGEST_RECORD:
        raise TooLarge(
            vi="Một bản ghi của lượt khám quá dài.", en="A record of the visit is too large: shorten its text."
        )
    place = person.patient_id + sortable(instant_of(record.time)) + record.key + version.to_bytes(2, "big")
    return {
        "_id": place,
        "kind": type(record).__name__,
        "section": record.section.value,
        "facility": record.provenance.facility.code,
        "state": CURRENT,
        "labels": tokens(record.labels, person.data_key),
        "key": record.key,
        "episode": episode,
        "digest": digest,
        "sealed": person.data_key.seal(payload, place),
    }


def _digest(key: DataKey, record: Record) -> bytes:
    """Equal for equal content, whenever and in whatever row it was sent."""
    provenance: Provenance = msgspec.structs.replace(record.provenance, submitted_at="", source_row=None)
    return key.token(b"digest\0" + encode(msgspec.structs.replace(record, provenance=provenance)))
