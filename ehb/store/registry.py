"""The registry on disk: facilities and the keys of their systems.

Public master data (Decree 102/2025 Art 15), so no permit is asked. The one invariant: a client speaks for
exactly one facility.
"""

from __future__ import annotations

from collections.abc import Sequence

from ehb.domain.session import FacilityClient
from ehb.store.mongo import Document, Mongo, Session, answering


class Registry:
    """Facilities and their clients."""

    def __init__(self, mongo: Mongo) -> None:
        self._facilities = mongo.database["facilities"]
        self._clients = mongo.database["facility_clients"]

    async def register(self, code: str, name: str, client_id: str, jwks: Sequence[Document]) -> None:
        """Add a facility, or replace its name and the keys of this client."""
        await self._facilities.update_one({"_id": code}, {"$set": {"name": name}}, upsert=True)
        await self._clients.update_one(
            {"_id": client_id}, {"$set": {"facility": code, "jwks": list(jwks), "active": True}}, upsert=True
        )

    async def facility_name(self, code: str, session: Session | None = None) -> str | None:
        """What a facility is called today."""
        found = await self._facilities.find_one({"_id": code}, session=session)
        return found["name"] if found else None

    @answering
    async def find_client(self, client_id: str) -> FacilityClient | None:
        """A registered client, active or not."""
        found = await self._clients.find_one({"_id": client_id})
        if found is None:
            return None
        return FacilityClient(client_id, found["facility"], tuple(found["jwks"]), found["active"])
