"""Doubts on disk: people whom the eID's numbers put in question, and visits that their person calls another's.

The same doubt is noted once and stays until a steward closes it. Not responsible for visits that wait for an identity
(`ehb.store.receipts`). Invariant: nothing of a record is shown to a steward.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from ehb.domain.access import Action, Permit
from ehb.domain.doubt import DoubtfulBook, DoubtKind, OpenDoubt, side_of, suspicions
from ehb.errors import Forbidden
from ehb.store.mongo import Document, Mongo, Session
from ehb.store.people import People, Person


class Doubts:
    """The store of doubts about who is who. Every method takes the permit that allows it."""

    def __init__(self, mongo: Mongo, people: People) -> None:
        self._doubts = mongo.database["doubts"]
        self._people = people

    async def note(
        self, permit: Permit, person: Person, others: Sequence[Person], *, now: datetime, session: Session
    ) -> None:
        """Keep that a login named people who do not fit its person."""
        if permit.action is not Action.SIGN_IN:
            raise Forbidden
        for other in others:
            pair = [person.patient_id, other.patient_id]
            doubt = {"kind": DoubtKind.LOGIN.value, "people": pair, "at": now, "closed": None}
            await self._insert(b"".join(pair), doubt, session)

    async def note_visit(
        self, permit: Permit, person: Person, episode: bytes, facility: str, *, now: datetime, session: Session
    ) -> None:
        """Keep that a person calls a visit another's."""
        if permit.action is not Action.DISOWN_VISIT:
            raise Forbidden
        doubt = {
            "kind": DoubtKind.NOT_MINE.value,
            "people": [person.patient_id],
            "episode": episode,
            "facility": facility,
            "at": now,
            "closed": None,
        }
        await self._insert(person.patient_id + episode, doubt, session)

    async def _insert(self, key: bytes, doubt: Document, session: Session) -> None:
        place = {"_id": hashlib.sha256(b"doubt\0" + key).digest()[:16]}
        await self._doubts.update_one(place, {"$setOnInsert": doubt}, upsert=True, session=session)

    async def open(self, permit: Permit, first: int) -> list[OpenDoubt]:
        """The doubts that no steward has closed, the oldest first, with both sides."""
        _require_steward(permit)
        found = await self._doubts.find({"closed": None}).sort("at", 1).limit(first).to_list()
        return [await self._opened(permit, one) for one in found]

    async def _opened(self, permit: Permit, document: Document) -> OpenDoubt:
        people = [await self._people.for_steward(permit, bytes(one)) for one in document["people"]]
        return OpenDoubt(
            bytes(document["_id"]),
            DoubtKind(document["kind"]),
            document["at"],
            tuple(side_of(one.patient_id, one.patient()) for one in people if one is not None),
            document.get("episode"),
            document.get("facility"),
        )

    async def close(self, permit: Permit, doubt: bytes, *, now: datetime, session: Session) -> bool:
        """Close a doubt; False when it is not open."""
        if permit.action is not Action.RESOLVE_IDENTITY:
            raise Forbidden
        done = await self._doubts.update_one(
            {"_id": doubt, "closed": None}, {"$set": {"closed": now, "by": permit.principal.session}}, session=session
        )
        return done.modified_count == 1

    async def close_of_visit(self, permit: Permit, episode: bytes, *, now: datetime, session: Session) -> None:
        """Close what was doubtful about a visit that a steward has put right."""
        if permit.action is not Action.RESOLVE_IDENTITY:
            raise Forbidden
        closed = {"closed": now, "by": permit.principal.session}
        await self._doubts.update_many({"episode": episode, "closed": None}, {"$set": closed}, session=session)

    async def doubtful(self, permit: Permit) -> AsyncIterator[DoubtfulBook | None]:
        """Books that may be those of two people, of all books; None for each thousand that were looked at."""
        _require_steward(permit)
        accounts: Counter[bytes] = Counter()
        async for key, count in self._people.accounts(permit):
            accounts[key] = count
        looked_at = 0
        async for person in self._people.everybody(permit):
            patient = person.patient()
            if why := suspicions(patient, accounts[person.patient_id]):
                yield DoubtfulBook(side_of(person.patient_id, patient), why)
            looked_at += 1
            if looked_at % 1_000 == 0:
                yield None


def _require_steward(permit: Permit) -> None:
    if permit.action is not Action.LIST_WAITING:
        raise Forbidden
