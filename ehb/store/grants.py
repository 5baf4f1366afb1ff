"""Grants: all that stands about a book, one sealed document for each thing that was said.

Consents, presentations, emergencies and guardianships lie in one collection, one contiguous range per person, so
that a decision needs one read. What was said is sealed with the person's data key and never rewritten; beside it
stand, in clear, only when it is over and what happens to it: uses, approvals, who opened it.

A consent also carries `about`: a pseudonym of whom it names, another one in each book. A decision about one caller
fetches what can speak about this caller, and hidden records only when something opens: a stranger's refusal costs the
same whatever the person has said to others.

Invariant: `standing` gives everything that could open a book to the caller, everything that could close what is open,
and nothing that ended.
"""

from __future__ import annotations

from asyncio import gather
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
from ehb.domain.identity import Principal
from ehb.domain.matching import closing_birth_date
from ehb.domain.presentation import ATTEMPTS, HeldPresentation, Holder, Presentation
from ehb.errors import Conflict, Forbidden
from ehb.store.mongo import Document, Mongo, Session
from ehb.store.people import People, Person
from ehb.store.vault import DataKey, Vault

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
MAX_ACTIVE = {"permit": 500, "deny": 500, "person": 50, "presentation": 50, "guardianship": 50}
"""Active grants of one person, each kind by itself: what opens never keeps from closing. Emergencies have no bound.

`person` are consents about private persons: they are looked at whoever asks.
"""
MAX_BYTES = 1_048_576
"""Sealed bytes of all active grants of one kind."""
_HIDDEN, _PERSON = b"HIDDEN", b"PERSON"


@dataclass(frozen=True, slots=True)
class Kept:
    """One grant with its place and its person."""

    patient_id: bytes
    held: Held


class Grants:
    """The store of grants. An id is 16 random bytes; with the person's key before it, it is the place."""

    def __init__(self, mongo: Mongo, people: People, vault: Vault) -> None:
        self._people = people
        self._vault = vault
        self._grants = mongo.database["grants"]
        self._identifiers = mongo.database["identifiers"]

    async def active(self, patients: Sequence[bytes], now: datetime, caller: Principal | None = None) -> list[Document]:
        """The active grants of these people's books, still sealed; all, or what can speak about a caller."""
        found = await gather(*(self._active(one, now, caller) for one in patients))
        return [document for documents in found for document in documents]

    async def _active(self, patient_id: bytes, now: datetime, caller: Principal | None) -> list[Document]:
        conditions = [_in_time(now)]
        if caller is not None:
            named = [self._about(patient_id, one) for one in _names_of(caller)]
            conditions.append(
                {"$or": [{"type": {"$ne": "consent"}}, {"about": {"$in": named}}, {"about": {"$exists": False}}]}
            )
        wanted = {**_range(patient_id), "ended": None, "$and": conditions}
        return await self._grants.find(wanted).batch_size(10_000).to_list()

    async def hidden(self, people: Sequence[Person], now: datetime) -> tuple[HeldConsent, ...]:
        """The records that these people hide from everybody."""
        found = await gather(*(self._hidden(one, now) for one in people))
        return tuple(one for held in found for one in held)

    async def _hidden(self, person: Person, now: datetime) -> list[HeldConsent]:
        about = self._about(person.patient_id, _HIDDEN)
        wanted = {**_range(person.patient_id), "about": about, "ended": None, **_in_time(now)}
        documents = await self._grants.find(wanted).batch_size(10_000).to_list()
        held = [_held(one, person.data_key) for one in documents]
        return [one for one in held if isinstance(one, HeldConsent)]

    def _about(self, patient_id: bytes, name: bytes) -> bytes:
        return self._vault.pseudonym("about", patient_id + name)

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
        """Keep what was said. Raises Conflict when too much of its kind is active, or the id is taken.

        An emergency is always kept: nothing that is active keeps a rescuer out.
        """
        _require_book(permit, person.patient_id)
        place = person.patient_id + said.id
        name = next(name for name, kind in _TYPES.items() if isinstance(said, kind))
        document: Document = {
            "_id": place,
            "type": name,
            "sealed": person.data_key.seal(_encode(said), _SEAL + place),
            "until": until,
            "ended": None,
            **clear,
        }
        if isinstance(said, Consent):
            document["about"] = self._about(person.patient_id, _name_of(said))
            document["permit"] = said.permit
        await self._require_room(document, person.patient_id, session, now)
        await self._grants.insert_one(document, session=session)

    async def _require_room(self, document: Document, patient_id: bytes, session: Session, now: datetime) -> None:
        """Raises Conflict when a book has as many active grants of this kind as it may, or as many bytes of them."""
        if document["type"] == "emergency":
            return
        kind, alike = document["type"], {"type": document["type"]}
        if kind == "consent":
            of_person = document["about"] == self._about(patient_id, _PERSON)
            kind = "person" if of_person else "permit" if document["permit"] else "deny"
            alike |= {"about": document["about"]} if of_person else {"permit": document["permit"]}
        group = {"_id": None, "count": {"$sum": 1}, "bytes": {"$sum": {"$binarySize": "$sealed"}}}
        wanted = {**_range(patient_id), **alike, "ended": None, **_in_time(now)}
        sums = await (await self._grants.aggregate([{"$match": wanted}, {"$group": group}], session=session)).to_list()
        held = sums[0] if sums else {"count": 0, "bytes": 0}
        if held["count"] >= MAX_ACTIVE[kind] or held["bytes"] + len(document["sealed"]) > MAX_BYTES:
            raise Conflict(
                vi="Đã có quá nhiều mục cùng loại còn hiệu lực; hãy chấm dứt bớt trước.",
                en="Too many of this kind are active: end some of them first.",
            )

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
        _require_book(permit, patient_id)
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


def _name_of(consent: Consent) -> bytes:
    """Whom a consent is about, as the callers name themselves. A person is not told from another one."""
    if consent.hides_records:
        return _HIDDEN
    kind, value = consent.grantee.kind, consent.grantee.value
    return _PERSON if kind is GranteeKind.PERSON else f"{kind.value}\0{value}".encode()


def _names_of(caller: Principal) -> list[bytes]:
    """Every name under which a consent can be about a caller."""
    names = [_PERSON, f"{GranteeKind.ANYBODY.value}\0".encode()]
    if caller.organization is not None:
        names.append(f"{GranteeKind.ORGANIZATION.value}\0{caller.organization}".encode())
    if (role := caller.role) is not None:
        of_role = {
            GranteeKind.FACILITY: role.facility,
            GranteeKind.PRACTITIONER: role.licence,
            GranteeKind.ROLE: role.scope,
        }
        names += [f"{kind.value}\0{value}".encode() for kind, value in of_role.items()]
    return names


def _require_book(permit: Permit, patient_id: bytes) -> None:
    if permit.patient_id is not None and permit.patient_id != patient_id:
        raise Forbidden


def _in_time(now: datetime) -> Document:
    return {"$or": [{"until": None}, {"until": {"$gt": now}}]}


def _range(patient_id: bytes) -> Document:
    if len(patient_id) != _KEY_SIZE:  # a shorter key would range over the grants of everybody
        raise Forbidden
    low, high = patient_id.ljust(_ID_SIZE, b"\x00"), patient_id.ljust(_ID_SIZE, b"\xff")
    return {"_id": {"$gte": Binary(low), "$lte": Binary(high)}}
