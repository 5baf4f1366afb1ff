"""How much of a budget somebody has spent, counted in the database so that it holds across workers.

The one invariant: a count never goes down within its window, whatever else fails.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from pymongo import ReturnDocument

from ehb.domain.budget import Budget
from ehb.store.mongo import Mongo, translated


@translated
class Budgets:
    """Counts by actor, budget and window; each is gone a window after its own."""

    def __init__(self, mongo: Mongo) -> None:
        self._budgets = mongo.database["budgets"]

    async def spend(self, actor: bytes, budget: Budget, amount: int, now: datetime) -> int:
        """Count so much more; how much it is in this window with it. Nothing tells from outside whose count it is."""
        window = str(budget.window_at(now)).encode()
        name = sha256(b"\0".join((actor, budget.name.encode(), window))).digest()
        found = await self._budgets.find_one_and_update(
            {"_id": name},
            {"$inc": {"count": amount}, "$setOnInsert": {"expires": now + 2 * budget.window}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return int(found["count"]) if found else amount
