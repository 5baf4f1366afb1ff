"""The registry on disk: facilities, the keys of their systems, the certificates of their signatures.

Public master data (Decree 102/2025 Art 15), so no permit is asked. Every intake asks for its facility, so
`facility` remembers what it found (`remembered.py`): a suspension, a new name or a new certificate is in force
everywhere ten seconds after it was saved. We give up those ten seconds for one round trip less per visit.

The one invariant: a client speaks for exactly one facility.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime

from pymongo import UpdateOne

from ehb.domain.coding import VIETNAM
from ehb.domain.registry import Certificate, FacilityName, RegisteredFacility, folded_words, renamed
from ehb.domain.session import FacilityClient
from ehb.errors import Conflict
from ehb.store.mongo import Document, Mongo, translated
from ehb.store.remembered import Remembered

_MOST_WORDS = 8


@translated
class Registry:
    """Facilities, their clients and their certificates."""

    def __init__(self, mongo: Mongo) -> None:
        self._facilities = mongo.database["facilities"]
        self._clients = mongo.database["facility_clients"]
        self._cache = Remembered[RegisteredFacility]()

    async def facility(self, code: str) -> RegisteredFacility | None:
        """A facility as it stood at most ten seconds ago, without its clients."""
        kept = self._cache.get(code)
        if kept is not None:
            return kept
        found = await self._facilities.find_one({"_id": code})
        if found is None:
            return None
        facility = _facility(found)
        self._cache.keep(code, facility)
        return facility

    async def facility_name(self, code: str, day: date | None = None) -> str | None:
        """What a facility was called on a day, today when none is given; at most ten seconds old."""
        facility = await self.facility(code)
        return facility.name_on(day or _today()) if facility else None

    async def find_client(self, client_id: str) -> FacilityClient | None:
        """A registered client, active or not: not when it, or its facility, is suspended or ended."""
        found = await self._clients.find_one({"_id": client_id})
        if found is None:
            return None
        facility = await self.facility(found["facility"])
        standing = facility is not None and facility.in_force(_today())
        return dataclasses.replace(_client(found), active=found["active"] and standing)

    async def register(
        self, code: str, name: str, client_id: str, jwks: Sequence[Document] = (), jwks_uri: str | None = None
    ) -> None:
        """Add a facility, or rename it as of today, and replace the keys of this client, or where it publishes them.

        Raises Conflict for a client of another facility.
        """
        owner = (await self.owners([client_id])).get(client_id, code)
        if owner != code:
            raise Conflict(vi="client_id này thuộc cơ sở khác.", en="This client_id belongs to another facility.")
        stored = (await self.find([code])).get(code, RegisteredFacility(code))
        client = FacilityClient(client_id, code, tuple(jwks), jwks_uri=jwks_uri)
        names = renamed(stored.names, name, _today() if stored.names else None, stated=False)
        others = (one for one in stored.clients if one.client_id != client_id)
        await self.save([dataclasses.replace(stored, names=names, clients=(*others, client))])

    async def find(self, codes: Sequence[str]) -> dict[str, RegisteredFacility]:
        """Facilities with their clients, fresh from the database."""
        clients: dict[str, list[FacilityClient]] = {}
        async for found in self._clients.find({"facility": {"$in": list(codes)}}).sort("_id"):
            clients.setdefault(found["facility"], []).append(_client(found))
        return {
            found["_id"]: dataclasses.replace(_facility(found), clients=tuple(clients.get(found["_id"], ())))
            async for found in self._facilities.find({"_id": {"$in": list(codes)}})
        }

    async def owners(self, client_ids: Sequence[str]) -> dict[str, str]:
        """Client id → the facility that it speaks for."""
        found = self._clients.find({"_id": {"$in": list(client_ids)}}, {"facility": 1})
        return {one["_id"]: one["facility"] async for one in found}

    async def save(self, facilities: Sequence[RegisteredFacility]) -> None:
        """Write facilities as they are given; clients are added and replaced, never taken away.

        The facility goes first: a client without one cannot sign in.
        """
        if not facilities:
            return
        await self._facilities.bulk_write(
            [UpdateOne({"_id": one.code}, {"$set": _document(one)}, upsert=True) for one in facilities], ordered=False
        )
        clients = [
            UpdateOne({"_id": client.client_id}, {"$set": _client_document(client)}, upsert=True)
            for facility in facilities
            for client in facility.clients
        ]
        if clients:
            await self._clients.bulk_write(clients, ordered=False)
        for one in facilities:
            self._cache.forget(one.code)

    async def keys_in_force(self, day: date) -> AsyncIterator[str]:
        """The codes of all facilities that have not ended."""
        ended = {"valid_until": {"$lt": day.isoformat()}}
        async for found in self._facilities.find({"$nor": [ended]}, {"_id": 1}):
            yield found["_id"]

    async def end(self, codes: Sequence[str], last_day: date) -> None:
        """Give facilities their last day."""
        last = {"$set": {"valid_until": last_day.isoformat()}}
        await self._facilities.update_many({"_id": {"$in": list(codes)}}, last)
        for code in codes:
            self._cache.forget(code)

    async def page(
        self, *, first: int, after: str | None, province: str | None, type: str | None, words: Sequence[str]
    ) -> list[RegisteredFacility]:
        """At most `first` facilities by code, behind `after`; each word begins a word of a name it has or had."""
        wanted: Document = {"_id": {"$gt": after}} if after is not None else {}
        wanted |= {name: value for name, value in (("province", province), ("type", type)) if value is not None}
        begins = [{"words": re.compile(f"^{re.escape(word)}")} for word in words[:_MOST_WORDS]]
        found = self._facilities.find(wanted | ({"$and": begins} if begins else {})).sort("_id").limit(first)
        return [_facility(one) async for one in found]


def _today() -> date:
    return datetime.now(UTC).astimezone(VIETNAM).date()


def _facility(found: Document) -> RegisteredFacility:
    names = found.get("names") or [{"name": found["name"], "since": None}]
    return RegisteredFacility(
        code=found["_id"],
        names=tuple(FacilityName(one["name"], _day(one["since"])) for one in names),
        gln=found.get("gln"),
        province=found.get("province"),
        type=found.get("type"),
        valid_from=_day(found.get("valid_from")),
        valid_until=_day(found.get("valid_until")),
        active=found.get("active", True),
        certificates=tuple(
            Certificate(
                one["fingerprint"],
                bytes(one["der"]),
                one["signer"],
                one["not_before"],
                one["not_after"],
                _day(one["withdrawn"]),
            )
            for one in found.get("certificates", ())
        ),
    )


def _document(facility: RegisteredFacility) -> Document:
    words = {word for one in facility.names for word in folded_words(one.name)}
    return {
        "name": facility.name,
        "names": [{"name": one.name, "since": _text(one.since)} for one in facility.names],
        "words": sorted(words),
        "gln": facility.gln,
        "province": facility.province,
        "type": facility.type,
        "valid_from": _text(facility.valid_from),
        "valid_until": _text(facility.valid_until),
        "active": facility.active,
        "certificates": [
            {**dataclasses.asdict(one), "withdrawn": _text(one.withdrawn)} for one in facility.certificates
        ],
    }


def _client(found: Document) -> FacilityClient:
    jwks, uri = tuple(found["jwks"]), found.get("jwks_uri")
    return FacilityClient(found["_id"], found["facility"], jwks, found["active"], uri)


def _client_document(client: FacilityClient) -> Document:
    return {
        "facility": client.facility,
        "jwks": [dict(one) for one in client.jwks],
        "jwks_uri": client.jwks_uri,
        "active": client.active,
    }


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _text(day: date | None) -> str | None:
    return day.isoformat() if day else None
