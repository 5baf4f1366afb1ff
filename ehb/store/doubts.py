"""Doubts: pairs of people whom the eID's numbers or a person's own word put in question, for a steward.

One document per ordered pair; the same doubt is noted once and stays until a steward closes it.
Not responsible for: visits that wait for an identity (`ehb.store.receipts`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from ehb.domain.access import Action, Permit
from ehb.errors import Forbidden
from ehb.store.mongo import Mongo, Session
from ehb.store.people import Person


class Doubts:
    """The store of doubts about who is who."""

    def __init__(self, mongo: Mongo) -> None:
        self._doubts = mongo.database["doubts"]

    async def note(
        self, permit: Permit, person: Person, others: Sequence[Person], *, now: datetime, session: Session
    ) -> None:
        """Keep that a login named people who do not fit its person."""
        if permit.action is not Action.SIGN_IN:
            raise Forbidden
        for other in others:
            pair = hashlib.sha256(b"doubt\0" + person.patient_id + other.patient_id).digest()[:16]
            doubt = {"people": [person.patient_id, other.patient_id], "at": now, "closed": None}
            await self._doubts.update_one({"_id": pair}, {"$setOnInsert": doubt}, upsert=True, session=session)
