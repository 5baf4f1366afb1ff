"""Grants: all that stands about a book, one sealed document for each thing that was said.

Consents, presentations, emergencies and guardianships lie in one collection, one contiguous range per person, so
that a decision needs one read. What was said is sealed with the person's data key and never rewritten; beside it
stand, in clear, only when it is over and what happens to it: uses, approvals, who opened it.

The one invariant: `standing` gives everything that could speak about a book at this moment, and nothing that ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from bson.binary import Binary
from pymongo import ReturnDocument

from ehb.domain.access import Permit, Standing
from ehb.domain.consent import Consent, GranteeKind, HeldConsent, Party
from ehb.domain.emergency import Emergency, HeldEmergency, Reviewed, Verdict
from ehb.domain.guardianship import Guardianship, HeldGuardianship
from ehb.domain.matching import closing_birth_date
from ehb.domain.presentation import ATTEMPTS, HeldPresentation, Holder, Presentation
from ehb.errors import Conflict, Forbidden
from ehb.store.mongo import Document, Mongo, Session
from ehb.store.people import People, Person
from ehb.store.vault import DataKey

Said = Consent | Presentation | Emergency | Guardianship
Held = HeldConsent | HeldPresentation | HeldEmergency | HeldGuardianship
S = TypeVar("S")
_TYPES: dict[str, type[Any]] = {
    "consent": Consent,
    "presentation": Presentation,
    "emergency": Emergency,
    "guardianship": Guardianship,
}
_DECODERS = {name: msgspec.msgpack.Decoder(kind) for name, kind in _TYPES.items()}
_encode = msgspec.msgpack.Encoder().encode
_KEY_SIZE, _ID_SIZE = 16, 32
MOST_STANDING = 500
"""Grants of one person that may stand at once: more than anybody needs, and still one quick read."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One grant with its place and its person."""

    patient_id: bytes
    held: Held


class Grants:
    """The store of grants. An id is 16 random bytes; with the person's key before it, it is the place."""

    def __init__(self, mongo: Mongo, people: People) -> None:
        self._people = people
        self._grants = mongo.database["grants"]
        self._identifiers = mongo.database["identifiers"]

    async def lying(self, patients: Sequence[bytes], now: datetime) -> list[Document]:
        """What has not ended about these people's books, sealed as it lies there."""
        if not patients:
            return []
        wanted = {"$or": [_range(patient_id) for patient_id in patients], "ended": None, "$and": [_in_time(now)]}
        return await self._grants.find(wanted).batch_size(10_000).to_list()

    async def standing(self, people: Sequence[Person], documents: Sequence[Document]) -> Standing:
        """What speaks about the book that these people share, from what lies there about them."""
        keys = {person.patient_id: person.data_key for person in people}
        held = [_held(document, keys[bytes(document["_id"])[:16]]) for document in documents]
        guardianships = tuple(one for one in held if isinstance(one, HeldGuardianship))
        proofs = [one.guardianship.birth_date for one in guardianships]
        return Standing(
            consents=await self._named([one for one in held if isinstance(one, HeldConsent)]),
            presentations=tuple(one for one in held if isinstance(one, HeldPresentation)),
            emergencies=tuple(one for one in held if isinstance(one, HeldEmergency)),
            guardianships=guardianships,
            birth_date=closing_birth_date([one.patient() for one in people], proofs),
            opened=people,
        )

    async def _named(self, consents: list[HeldConsent]) -> tuple[HeldConsent, ...]:
        """The consents, those about a person with the key of whoever has that number today."""
        numbers = {one.consent.grantee.value for one in consents if one.consent.grantee.kind is GranteeKind.PERSON}
        if not numbers:
            return tuple(consents)
        found = self._identifiers.find({"_id": {"$in": [bytes.fromhex(number) for number in numbers]}})
        known = {bytes(one["_id"]).hex(): bytes(one["patient"]) async for one in found}
        return tuple(
            HeldConsent(one.consent, one.ended_at, one.uses, one.approvals, known.get(one.consent.grantee.value))
            for one in consents
        )

    async def add(
        self,
        permit: Permit,
        person: Person,
        said: Said,
        session: Session,
        *,
        now: datetime,
        until: datetime | None,
        **clear: Any,
    ) -> None:
        """Keep what was said. Raises Conflict when too much stands already, or the id is taken by something else."""
        _about(permit, person.patient_id)
        place = person.patient_id + said.id
        standing = await self._grants.count_documents(
            {**_range(person.patient_id), "ended": None, **_in_time(now)}, limit=MOST_STANDING, session=session
        )
        if standing >= MOST_STANDING:
            raise Conflict(vi="Đã có quá nhiều mục còn hiệu lực.", en="Too much stands already: end something first.")
        name = next(name for name, kind in _TYPES.items() if isinstance(said, kind))
        document: Document = {
            "_id": place,
            "type": name,
            "sealed": person.data_key.seal(_encode(said), _SEAL + place),
            "until": until,
            "ended": None,
            **clear,
        }
        await self._grants.insert_one(document, session=session)

    async def all(self, permit: Permit, people: Iterable[Person], *, about: bytes | None = None) -> list[Held]:
        """Everything that was ever said about a book, the newest not necessarily first.

        A steward's permit names no book: `about` does.
        """
        keys = {person.patient_id: person.data_key for person in people}
        if (permit.patient_id or about) not in keys:
            raise Forbidden
        found = self._grants.find({"$or": [_range(patient_id) for patient_id in keys]})
        held = [_held(document, keys[bytes(document["_id"])[:16]]) async for document in found]
        consents = await self._named([one for one in held if isinstance(one, HeldConsent)])
        return [*consents, *(one for one in held if not isinstance(one, HeldConsent))]

    async def end(
        self, permit: Permit, people: Iterable[bytes], grant: bytes, name: str, session: Session, *, now: datetime
    ) -> bool:
        """End a grant of this type; False when there is none that stands."""
        places = [patient_id + grant for patient_id in people]
        if permit.patient_id is None or not any(place.startswith(permit.patient_id) for place in places):
            raise Forbidden
        done = await self._grants.update_one(
            {"_id": {"$in": places}, "type": name, "ended": None}, {"$set": {"ended": now}}, session=session
        )
        return done.modified_count == 1

    async def stop(self, permit: Permit, patient_id: bytes, grant: bytes, session: Session, *, now: datetime) -> None:
        """End a grant of somebody whom a steward's permit does not name."""
        _about(permit, patient_id)
        await self._grants.update_one(
            {"_id": patient_id + grant, "ended": None}, {"$set": {"ended": now}}, session=session
        )

    async def use(self, permit: Permit, people: Iterable[bytes], now: datetime) -> bool:
        """Count one opening of every limited consent that a permit rests on; False when one of them is used up."""
        limited = {rule.source for rule in permit.rules if rule.limited and rule.source is not None}
        for source in limited:
            done = await self._grants.update_one(
                {
                    "_id": {"$in": [patient_id + source for patient_id in people]},
                    "ended": None,
                    "$expr": {"$lt": ["$uses", "$max_uses"]},
                },
                {"$inc": {"uses": 1}},
            )
            if done.modified_count == 0:
                return False
        return True

    async def approve(
        self, permit: Permit, people: Iterable[bytes], grant: bytes, party: Party, session: Session
    ) -> bool:
        """Note that a further party agrees to a consent; False when there is none that stands."""
        places = [patient_id + grant for patient_id in people]
        if permit.patient_id is None or not any(place.startswith(permit.patient_id) for place in places):
            raise Forbidden
        done = await self._grants.update_one(
            {"_id": {"$in": places}, "type": "consent", "ended": None},
            {"$addToSet": {"approvals": party.value}},
            session=session,
        )
        return done.matched_count == 1

    async def change(
        self,
        permit: Permit,
        grant: bytes,
        condition: Mapping[str, Any],
        change: Mapping[str, Any],
        session: Session | None = None,
    ) -> Held | None:
        """Change the clear part of one grant if it is as the condition says, in one step; what it is then, or None."""
        keys = await self._keys(permit)
        found = await self._grants.find_one_and_update(
            {"_id": {"$in": [patient_id + grant for patient_id in keys]}, **condition},
            change,
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        return _held(found, keys[bytes(found["_id"])[:16]]) if found else None

    async def at(self, permit: Permit, grant: bytes) -> Held | None:
        """One grant of the permit's book."""
        keys = await self._keys(permit)
        found = await self._grants.find_one({"_id": {"$in": [patient_id + grant for patient_id in keys]}})
        return _held(found, keys[bytes(found["_id"])[:16]]) if found else None

    async def there(self, name: str, places: Sequence[bytes], clear: Mapping[str, Any]) -> list[Kept]:
        """The grants of this type and with these clear fields of all that lie at these places."""
        return await self.found(name, {"_id": {"$in": [*places]}, **clear}) if places else []

    async def found(self, name: str, clear: Mapping[str, Any], *, order: str = "_id", first: int = 0) -> list[Kept]:
        """Grants of one type by clear fields, whosever they are; all of them without `first`."""
        documents = await self._grants.find({"type": name, **clear}).sort(order).limit(first).to_list()
        keys = await self._people.data_keys({bytes(one["_id"])[:16] for one in documents})
        places = [(document, bytes(document["_id"])[:16]) for document in documents]
        return [Kept(owner, _held(document, keys[owner])) for document, owner in places if owner in keys]

    async def exists(self, name: str, clear: Mapping[str, Any]) -> bool:
        """Whether there is a grant of this type with these clear fields."""
        return await self._grants.find_one({"type": name, **clear}, {"_id": 1}) is not None

    async def count(self, name: str, clear: Mapping[str, Any]) -> int:
        """How many grants of this type have these clear fields."""
        return await self._grants.count_documents({"type": name, **clear})

    async def reasons(self, keys: Mapping[bytes, DataKey], sources: Iterable[bytes]) -> dict[bytes, str]:
        """Why the emergencies with these ids were opened, of the people with these keys."""
        places = [owner + source for source in sources for owner in keys]
        if not places:
            return {}
        documents = await self._grants.find({"_id": {"$in": places}, "type": "emergency"}).to_list()
        found = [_held(one, keys[bytes(one["_id"])[:16]]) for one in documents]
        return {one.emergency.id: one.emergency.reason for one in found if isinstance(one, HeldEmergency)}

    async def tally(self, facility: str, now: datetime) -> dict[str, int]:
        """Emergencies of a facility by verdict; those without one as `waiting` or `overdue`."""
        late = {"$cond": [{"$lte": ["$review_by", now]}, "overdue", "waiting"]}
        groups = await self._grants.aggregate(
            [
                {"$match": {"type": "emergency", "holder.facility": facility}},
                {"$group": {"_id": {"$ifNull": ["$verdict", late]}, "count": {"$sum": 1}}},
            ]
        )
        return {str(one["_id"]): int(one["count"]) async for one in groups}

    async def _keys(self, permit: Permit) -> dict[bytes, DataKey]:
        if permit.patient_id is None:
            raise Forbidden
        return {one.patient_id: one.data_key for one in await self._people.sharing(permit.patient_id)}


_SEAL = b"grant\0"


def _held(document: Document, key: DataKey) -> Held:
    place = bytes(document["_id"])
    said = _DECODERS[document["type"]].decode(key.open(document["sealed"], _SEAL + place))
    ended, holder = document["ended"], document.get("holder")
    match said:
        case Consent():
            return HeldConsent(
                said, ended, document.get("uses", 0), frozenset(Party(one) for one in document["approvals"])
            )
        case Presentation():
            return HeldPresentation(
                said,
                Holder(**holder) if holder else None,
                document.get("opened"),
                ended,
                document.get("attempts_left", ATTEMPTS),
            )
        case Emergency():
            verdict = document.get("verdict")
            needs_steward = document.get("needs_steward", False)
            reviewed = (
                Reviewed(Verdict(verdict), document["reviewed"], document["reviewer"], needs_steward)
                if verdict
                else None
            )
            return HeldEmergency(said, document.get("declared"), ended, reviewed)
        case Guardianship():
            return HeldGuardianship(said, ended)
    raise AssertionError(document["type"])


def _about(permit: Permit, patient_id: bytes) -> None:
    if permit.patient_id is not None and permit.patient_id != patient_id:
        raise Forbidden


def _in_time(now: datetime) -> Document:
    return {"$or": [{"until": None}, {"until": {"$gt": now}}]}


def _range(patient_id: bytes) -> Document:
    if len(patient_id) != _KEY_SIZE:  # a shorter key would range over the grants of everybody
        raise Forbidden
    low, high = patient_id.ljust(_ID_SIZE, b"\x00"), patient_id.ljust(_ID_SIZE, b"\xff")
    return {"_id": {"$gte": Binary(low), "$lte": Binary(high)}}
