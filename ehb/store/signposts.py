"""Signposts: how what lies under a person's key is found by another key, on one shard of a cluster.

A code leads to the presentation that it opens, a login to what it shows, a guardian to the wards, an insurance card
and an episode to the submissions that wait for somebody. `_id` is 16 bytes of a hash of what is looked for, then the
place that it leads to; so all that one key leads to is one range, and an insert on no shard but its own.

The one invariant: a signpost only says where to look. Whoever follows one asks there for what they looked for, so a
signpost that stands longer than it should leads to nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bson.binary import Binary
from pymongo import UpdateOne

from ehb.store.mongo import Document, Mongo, Session

_KEY_SIZE = 16


@dataclass(frozen=True, slots=True)
class Kind:
    """What is looked for, and how many bytes the places have that it leads to."""

    name: str
    size: int

    def of(self, key: bytes) -> bytes:
        """The beginning of all signposts with this key."""
        return hashlib.sha256(self.name.encode() + b"\0" + key).digest()[:_KEY_SIZE]

    def range_of(self, key: bytes) -> Document:
        start, size = self.of(key), _KEY_SIZE + self.size  # MongoDB sorts by length first
        return {"_id": {"$gte": Binary(start.ljust(size, b"\x00")), "$lte": Binary(start.ljust(size, b"\xff"))}}


SECRET, LOGIN, GUARDIAN = Kind("secret", 32), Kind("login", 32), Kind("guardian", 32)
"""To grants."""
CARD, EPISODE = Kind("card", 16), Kind("episode", 16)
"""To submissions."""
_MEETING = Kind("meeting", 0)
"""To nothing: where two transactions write that must not both succeed."""
_MEETINGS_KEPT = timedelta(hours=1)


class Signposts:
    """The store of signposts; for the other rooms of this floor, which ask for the permit."""

    def __init__(self, mongo: Mongo) -> None:
        self._posts = mongo.database["signposts"]

    async def put(
        self, kind: Kind, keys: Iterable[bytes], place: bytes, session: Session, *, expires: datetime | None = None
    ) -> None:
        """Let these keys lead to `place`, until `expires` when it is given."""
        until = {} if expires is None else {"expires": expires}
        if posts := [{"_id": kind.of(key) + place, **until} for key in {*keys}]:
            await self._posts.insert_many(posts, session=session)

    async def meet(self, kind: Kind, keys: Iterable[bytes], session: Session, *, now: datetime) -> None:
        """Of two transactions at once, of which one puts up a signpost that the other does not find, one begins again.

        Each sees what was there when it began (snapshot isolation): without a document that both write, whoever waits
        for a card and whoever brings it would miss each other for good.
        """
        met = {"$set": {"expires": now + _MEETINGS_KEPT}, "$inc": {"times": 1}}
        if posts := [UpdateOne({"_id": _MEETING.of(kind.of(key))}, met, upsert=True) for key in sorted({*keys})]:
            await self._posts.bulk_write(posts, session=session)

    async def places(self, kind: Kind, keys: Iterable[bytes], session: Session | None = None) -> list[bytes]:
        """Where these keys lead to, each place once and in order."""
        ranges = [kind.range_of(key) for key in {*keys}]
        if not ranges:
            return []
        found = await self._posts.find({"$or": ranges}, {"_id": 1}, session=session).batch_size(10_000).to_list()
        return sorted({bytes(one["_id"])[_KEY_SIZE:] for one in found})

    async def remove(self, kind: Kind, keys: Iterable[bytes], place: bytes, session: Session) -> None:
        """These keys lead to `place` no more."""
        if posts := [kind.of(key) + place for key in {*keys}]:
            await self._posts.delete_many({"_id": {"$in": posts}}, session=session)
