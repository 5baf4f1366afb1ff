"""Practitioners on disk: one document per licence (Decree 102/2025 Art 15: public master data).

The one invariant: an identity number is kept as a keyed blind index and in no other form, in a context of its
own, so that nobody can see from the database which practitioner is which patient.
"""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date

from pymongo import UpdateOne

from ehb.domain.identity import PractitionerRole
from ehb.domain.registry import RegisteredPractitioner, folded_words, licence_key
from ehb.store.mongo import Document, Mongo, translated
from ehb.store.remembered import Remembered
from ehb.store.vault import Vault

_SCOPES_SECONDS = 60.0


@translated
class Practitioners:
    """The register of practising licences."""

    def __init__(self, mongo: Mongo, vault: Vault) -> None:
        self._practitioners = mongo.database["practitioners"]
        self._vault = vault
        self._cache = Remembered[RegisteredPractitioner]()
        self._scopes: tuple[float, Mapping[str, str]] = (-math.inf, {})

    def number_index(self, national_id: str) -> bytes:
        """The keyed blind index of a number; other than the one that finds the same person's book."""
        return self._vault.blind_index("practitioner", national_id)

    async def practitioner(self, licence: str) -> RegisteredPractitioner | None:
        """The holder of a licence, in force or not."""
        return (await self.find([licence_key(licence)])).get(licence_key(licence))

    async def find(self, licences: Sequence[str]) -> dict[str, RegisteredPractitioner]:
        """Practitioners by the key of their licence."""
        found = self._practitioners.find({"_id": {"$in": list(licences)}})
        return {one["_id"]: _practitioner(one) async for one in found}

    async def find_by_number(self, national_id: str) -> list[RegisteredPractitioner]:
        """All licences of the person with this number: how a clinician who signs in is recognised."""
        found = self._practitioners.find({"number": self.number_index(national_id)}).sort("_id")
        return [_practitioner(one) async for one in found]

    async def roles(self, national_id: str, day: date) -> tuple[PractitionerRole, ...]:
        """All that the person with this number may work as on a day, by the registry."""
        licences = await self.find_by_number(national_id) if national_id else []
        return tuple(
            PractitionerRole(licence_key(one.licence), facility, _scope(one), one.number or b"")
            for one in licences
            if one.in_force(day)
            for facility in one.facilities
        )

    async def in_force(self, role: PractitionerRole, day: date) -> bool:
        """Whether the register has this role on a day: the licence valid, its holder, scope and facility the same.

        What the register says is at most ten seconds old.
        """
        found = self._cache.get(role.licence)
        if found is None:
            found = await self.practitioner(role.licence)
            if found is not None:
                self._cache.keep(role.licence, found)
        return (
            found is not None
            and found.in_force(day)
            and role.facility in found.facilities
            and role.scope == _scope(found)
            and role.owner == (found.number or b"")
        )

    async def scopes(self) -> Mapping[str, str]:
        """The scopes in the register, as written, by the form in which they are compared; a minute old at most."""
        asked, known = self._scopes
        if time.monotonic() - asked > _SCOPES_SECONDS:
            found = await self._practitioners.distinct("scope")
            known = {" ".join(folded_words(one)): one for one in sorted(one for one in found if one)}
            self._scopes = (time.monotonic(), known)
        return known

    async def save(self, practitioners: Sequence[RegisteredPractitioner]) -> None:
        """Write practitioners as they are given."""
        if practitioners:
            await self._practitioners.bulk_write(
                [
                    UpdateOne({"_id": licence_key(one.licence)}, {"$set": _document(one)}, upsert=True)
                    for one in practitioners
                ],
                ordered=False,
            )
        for one in practitioners:
            self._cache.forget(licence_key(one.licence))
        self._scopes = (-math.inf, {})

    async def keys_in_force(self, day: date) -> AsyncIterator[str]:
        """The licences that have not ended."""
        ended = {"valid_until": {"$lt": day.isoformat()}}
        async for found in self._practitioners.find({"$nor": [ended]}, {"_id": 1}):
            yield found["_id"]

    async def end(self, keys: Sequence[str], last_day: date) -> None:
        """Give licences their last day."""
        last = {"$set": {"valid_until": last_day.isoformat()}}
        await self._practitioners.update_many({"_id": {"$in": list(keys)}}, last)
        for key in keys:
            self._cache.forget(key)


def _scope(practitioner: RegisteredPractitioner) -> str:
    return " ".join(folded_words(practitioner.scope or ""))


def _practitioner(found: Document) -> RegisteredPractitioner:
    return RegisteredPractitioner(
        licence=found["licence"],
        name=found["name"],
        facilities=tuple(found["facilities"]),
        scope=found["scope"],
        valid_from=date.fromisoformat(found["valid_from"]) if found["valid_from"] else None,
        valid_until=date.fromisoformat(found["valid_until"]) if found["valid_until"] else None,
        number=bytes(found["number"]) if found.get("number") else None,
    )


def _document(practitioner: RegisteredPractitioner) -> Document:
    return {
        "licence": practitioner.licence,
        "name": practitioner.name,
        "facilities": list(practitioner.facilities),
        "scope": practitioner.scope,
        "valid_from": practitioner.valid_from.isoformat() if practitioner.valid_from else None,
        "valid_until": practitioner.valid_until.isoformat() if practitioner.valid_until else None,
        "number": practitioner.number,
    }
