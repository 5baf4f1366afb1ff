"""Merges: two people who are one share a book, until a steward finds that they are two.

A merge rewrites no record and moves no number: it is a link between two people, kept with its reason, and each
person names those who share their book (`others`). What comes later under either number goes to that number's
own person. So undoing it takes away a link, and everybody has exactly what came under their own numbers.

The one invariant: `others` is what the merges in force say, because both change in one transaction.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime

from ehb.domain.access import Action, Permit
from ehb.errors import Forbidden
from ehb.store.mongo import Document, Mongo, Session
from ehb.store.people import Person

_REASON = b"merge\0"


class Merges:
    """The store of merges. A steward makes them and undoes them; a login makes one when the eID vouches for it."""

    def __init__(self, mongo: Mongo) -> None:
        self._merges = mongo.database["merges"]
        self._people = mongo.database["people"]

    async def merge(
        self, permit: Permit, one: Person, other: Person, reason: str, session: Session, *, now: datetime
    ) -> bool:
        """Let two people share a book. False when they do already."""
        _require(permit, Action.MERGE_PEOPLE, Action.SIGN_IN)
        if other.patient_id in (one.patient_id, *one.others):
            return False
        merge = os.urandom(16)
        link: Document = {
            "_id": merge,
            "people": [one.patient_id, other.patient_id],
            "merged": now,
            "by": permit.principal.session or permit.ground.value,
            "reason": one.data_key.seal(reason.encode(), _REASON + merge),
            "undone": None,
        }
        await self._merges.insert_one(link, session=session)
        await self._link({one.patient_id, other.patient_id, *one.others, *other.others}, session)
        return True

    async def undo(
        self, permit: Permit, one: Person, other: Person, reason: str, session: Session, *, now: datetime
    ) -> bool:
        """Part two people again. False when these two were not merged with each other."""
        _require(permit, Action.MERGE_PEOPLE)
        pair = {"people": {"$all": [one.patient_id, other.patient_id]}, "undone": None}
        found = await self._merges.find_one(pair, session=session)
        if found is None:
            return False
        undone: Document = {
            "undone": now,
            "undone_by": permit.principal.session,
            "undone_reason": one.data_key.seal(reason.encode(), _REASON + found["_id"]),
        }
        await self._merges.update_one({"_id": found["_id"]}, {"$set": undone}, session=session)
        await self._link({one.patient_id, *one.others}, session)
        return True

    async def _link(self, people: set[bytes], session: Session) -> None:
        """Write down for each of some people, who shared a book or begin to, with whom they share it now."""
        in_force = self._merges.find({"people": {"$in": list(people)}, "undone": None}, session=session)
        pairs = [tuple(bytes(person) for person in link["people"]) async for link in in_force]
        for person in people:
            others = sorted(_joined(person, pairs) - {person})
            await self._people.update_one({"_id": person}, {"$set": {"others": others}}, session=session)


def _joined(person: bytes, pairs: Iterable[tuple[bytes, ...]]) -> set[bytes]:
    joined, grown = {person}, True
    while grown:
        more = {other for pair in pairs if joined & set(pair) for other in pair}
        grown = not more <= joined
        joined |= more
    return joined


def _require(permit: Permit, *actions: Action) -> None:
    if permit.action not in actions:
        raise Forbidden
