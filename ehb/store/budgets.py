"""How much of a budget somebody has spent, counted in the database so that it holds across workers.

The one invariant: a count never goes down within its window, whatever else fails.
"""

from __future__ import annotations

from collections.abc import Sequence
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
        name = _name(actor, budget, now)
        found = await self._budgets.find_one_and_update(
            {"_id": name},
            {"$inc": {"count": amount}, "$setOnInsert": {"expires": now + 2 * budget.window}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        return int(found["count"]) if found else amount

    async def find_spent(self, actors: Sequence[bytes], budget: Budget, now: datetime) -> dict[bytes, int]:
        """How much these have spent in this window; nothing for those who have not."""
        names = {_name(actor, budget, now): actor for actor in actors}
        found = self._budgets.find({"_id": {"$in": list(names)}})
        return {names[bytes(one["_id"])]: int(one["count"]) async for one in found}


def _name(actor: bytes, budget: Budget, now: datetime) -> bytes:
    window = str(budget.window_at(now)).encode()
    return sha256(b"\0".join((actor, budget.name.encode(), window))).digest()
