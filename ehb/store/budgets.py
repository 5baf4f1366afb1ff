"""How often somebody did something within an hour, counted in the database so that it holds across workers.

The one invariant: a count never goes down within its hour, whatever else fails.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256

from pymongo import ReturnDocument

from ehb.store.mongo import Mongo, translated

WINDOW = timedelta(hours=1)


@translated
class Budgets:
    """Counts by actor, action and clock hour; each is gone an hour after its own."""

    def __init__(self, mongo: Mongo) -> None:
        self._budgets = mongo.database["budgets"]

    async def spend(self, actor: bytes, action: str, now: datetime) -> int:
        """Count once more; how many there are in this hour with it. Nothing tells from outside whose count it is."""
        hour = int(now.timestamp() // WINDOW.total_seconds())
        name = sha256(b"\0".join((actor, action.encode(), str(hour).encode()))).digest()
        found = await self._budgets.find_one_and_update(
            {"_id": name},
            {"$inc": {"count": 1}, "$setOnInsert": {"expires": now + 2 * WINDOW}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return int(found["count"]) if found else 1
