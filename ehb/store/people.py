"""People: one document per person, found by exact identifiers through blind indexes.

`people` holds the wrapped data key and the sealed patient under a random 16-byte key. `identifiers` maps the
blind index of one identifier to one person; a person has as many as they were ever issued, so a cancelled
number still finds its book. Insurance cards are the exception: a card lies in the mother's hand while the
newborn is seen, so a card finds a known person only when the birth date does not contradict it, and never
opens a book.

The one invariant: a document of `identifiers` is never re-pointed; two people who turn out to be one are merged by
a steward (`ehb.store.merges`), not by a login or a file, and each keeps what came under their own numbers.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from pymongo import UpdateOne

from ehb.domain.access import Action, Permit
from ehb.domain.identity import (
    INSURANCE,
    NEWBORN,
    ElectronicIdentity,
    Identifier,
    Patient,
)
from ehb.domain.patient import born_otherwise, described, same_person, with_identifiers
from ehb.domain.submission import PatientDetails
from ehb.errors import Forbidden
from ehb.store.mongo import Document, Mongo, Session, by_id
from ehb.store.together import Together
from ehb.store.vault import DataKey, Vault

_ACCOUNT = "account"
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Patient).decode


@dataclass(frozen=True, slots=True)
class Person:
    """A person with an opened data key; the patient stays sealed until somebody asks."""

    patient_id: bytes
    data_key: DataKey
    wrapped: Document
    sealed: bytes
    others: tuple[bytes, ...] = ()
    """People whom a steward merged with this one: one book, each with their own records, key and numbers."""

    def patient(self) -> Patient:
        """Raises SealBroken when the document is not this person's."""
        return _decode(self.data_key.open(self.sealed, b"patient\0" + self.patient_id))


@dataclass(frozen=True, slots=True)
class Found:
    """The person whom a visit is about, as the visit describes them, before anything is written."""

    person: Person
    patient: Patient
    fresh: tuple[Identifier, ...]
    """Identifiers that the book did not know."""
    changed: bool
    contradicted: bool = False
    """The visit gives another birth date than the eID vouched for: perhaps a mistyped number, so nothing is learned."""

    @property
    def fresh_cards(self) -> list[Identifier]:
        """Insurance cards that the book did not know."""
        return [one for one in self.fresh if one.system == INSURANCE]


def people_of(opened: object, permit: Permit) -> list[Person]:
    """The people whose book a permit opens, from what was opened to decide about it; none when that is another's."""
    people = [one for one in opened if isinstance(one, Person)] if isinstance(opened, list) else []
    return people if people and people[0].patient_id == permit.patient_id else []


class People:
    """The store of people. Every method takes the permit that allows it."""

    def __init__(self, mongo: Mongo, vault: Vault) -> None:
        self._mongo = mongo
        self._people = mongo.database["people"]
        self._identifiers = mongo.database["identifiers"]
        self._vault = vault
        self._together = Together[bytes, Document | None](self._find, "find", "people")

    async def find(self, permit: Permit, session: Session | None = None) -> Person | None:
        """The person whose book a permit names."""
        return await self._person(permit.patient_id, session) if permit.patient_id is not None else None

    async def sharing(self, patient_id: bytes) -> list[Person]:
        """Everybody who shares this person's book, the person first; nobody for a book that does not exist."""
        person = await self._person(patient_id)
        if person is None or not person.others:
            return [person] if person else []
        found = self._people.find({"_id": {"$in": list(person.others)}})
        return [person, *[other async for document in found if (other := self._opened(document))]]

    async def sharing_keys(self, permit: Permit) -> list[bytes]:
        """The keys of everybody who shares the book that a permit names."""
        if permit.patient_id is None:
            raise Forbidden
        return [person.patient_id for person in await self.sharing(permit.patient_id)]

    async def sign_in(
        self, permit: Permit, identity: ElectronicIdentity, *, now: datetime, session: Session
    ) -> tuple[Person, list[Person]]:
        """The person whom the eID vouched for, a new one for somebody unknown, and others whom it says are the same.

        The account (issuer, subject) decides first, then the number in force, then the old one: an account whose
        number changed keeps its book and gains the number. Others are the people behind the rest of the vouched
        numbers, as far as they are known from visits alone: whoever has logged in is somebody to the eID already.
        """
        _require(permit, Action.SIGN_IN)
        account = Identifier(_ACCOUNT, f"{identity.issuer}\0{identity.subject}")
        wanted = [account, *identity.identifiers()]
        known = await self._known(wanted, session)
        patient_id = next((known[one] for one in wanted if one in known), None)
        person = await self._person(patient_id, session) if patient_id else None
        fresh = [identifier for identifier in wanted if identifier not in known]
        person = person or self._new_person()
        patient = person.patient()
        seen = msgspec.structs.replace(
            patient,
            full_name=identity.full_name or patient.full_name,
            birth_date=identity.birth_date or patient.birth_date,
            vouched=patient.vouched or bool(identity.full_name),
            identifiers=with_identifiers(patient.identifiers, (one for one in fresh if one is not account), now),
        )
        await self._write(person, seen, fresh, session)
        same = {known[one] for one in wanted if one in known} - {person.patient_id, *person.others}
        found = [await self._person(patient_id, session) for patient_id in sorted(same)]
        return person, [other for other in found if other is not None and not other.patient().vouched]

    async def resolve(
        self, permit: Permit, details: PatientDetails, *, now: datetime, session: Session
    ) -> Found | None:
        """The person whom a visit is about, a new one for an unknown number. None when nothing identifies them."""
        _require(permit, Action.SUBMIT, Action.RESOLVE_IDENTITY)
        known = await self._known((*details.identifiers, *details.cards), session)
        patient_id = _named(details, known)
        person = await self._person(patient_id, session) if patient_id else None
        return self._found(details, known, person, now)

    async def resolve_all(
        self, asked: Sequence[tuple[Permit, PatientDetails, datetime]], session: Session
    ) -> list[Found | None]:
        """The same for many, with as many commands. Nothing tells whether two of them are one new person."""
        for permit, _, _ in asked:
            _require(permit, Action.SUBMIT)
        known = await self._known([one for _, who, _ in asked for one in (*who.identifiers, *who.cards)], session)
        named = [_named(details, known) for _, details, _ in asked]
        documents = self._people.find({"_id": {"$in": [*{one for one in named if one}]}}, session=session)
        people = {bytes(one["_id"]): self._opened(one) for one in await documents.to_list()}
        return [
            self._found(details, known, people.get(patient_id) if patient_id else None, now)
            for (_, details, now), patient_id in zip(asked, named, strict=True)
        ]

    def _found(
        self, details: PatientDetails, known: Mapping[Identifier, bytes], person: Person | None, now: datetime
    ) -> Found | None:
        by_card = not any(one in known for one in details.identifiers)
        if person is not None and by_card and not same_person(person.patient(), details):
            person = None
        if person is None and not details.identifiers:
            return None
        person = person or self._new_person()
        patient = person.patient()
        if patient.vouched and born_otherwise(patient, details):
            return Found(person, patient, (), changed=False, contradicted=True)
        fresh = tuple(one for one in (*details.identifiers, *details.cards) if one not in known)
        seen = described(patient, details)
        issued = (one for one in fresh if one.system != NEWBORN)  # which is the mother's number, not the child's
        seen = msgspec.structs.replace(seen, identifiers=with_identifiers(seen.identifiers, issued, now))
        return Found(person, seen, fresh, changed=bool(fresh) or seen != patient)

    async def write(self, permit: Permit, found: Found, session: Session) -> None:
        """Keep what a visit told about its person."""
        _require(permit, Action.SUBMIT, Action.RESOLVE_IDENTITY)
        if found.changed:
            await self._write(found.person, found.patient, found.fresh, session)

    async def write_all(self, told: Sequence[tuple[Permit, Found]], session: Session) -> None:
        """The same of several people, none of them twice."""
        for permit, _ in told:
            _require(permit, Action.SUBMIT)
        changed = [one for _, one in told if one.changed]
        if changed:
            await self._people.bulk_write(
                [UpdateOne(*_told(one.person, one.patient), upsert=True) for one in changed], session=session
            )
        await self._point(((one.person, one.fresh) for one in changed), session)

    async def named(self, permit: Permit, identifier: Identifier, session: Session) -> Person | None:
        """The person whom a steward names by an exact identifier."""
        _require(permit, Action.MERGE_PEOPLE, Action.APPOINT_GUARDIAN)
        known = await self._known([identifier], session)
        return await self._person(known[identifier], session) if identifier in known else None

    async def book_of(self, permit: Permit, identifier: Identifier) -> bytes:
        """The key of the person with this number; for a number that nobody has, a key that no person has."""
        _require(permit, Action.FIND_PATIENT)
        blind = self._blind(identifier)
        found = await self._identifiers.find_one({"_id": blind})
        return bytes(found["patient"]) if found else self._vault.blind_index("nobody", blind.hex())[:16]

    def blind(self, identifiers: Iterable[Identifier]) -> list[bytes]:
        """The blind indexes of some identifiers: what a submission that waits may be found by."""
        return [self._blind(identifier) for identifier in identifiers]

    async def known(self, permit: Permit, patient_id: bytes, *, session: Session) -> Person | None:
        """The person to whom an earlier version of this episode went: a resend without a number is theirs."""
        _require(permit, Action.SUBMIT, Action.RETRACT)
        return await self._person(patient_id, session)

    async def data_keys(self, people: Iterable[bytes], session: Session | None = None) -> dict[bytes, DataKey]:
        """For the other stores: the opened keys of these people, without those that were shredded."""
        found = self._people.find({"_id": {"$in": list(people)}, "key": {"$exists": True}}, {"key": 1}, session=session)
        return {bytes(one["_id"]): self._vault.data_key(one["_id"], one["key"]) async for one in found}

    async def _known(self, identifiers: Iterable[Identifier], session: Session) -> dict[Identifier, bytes]:
        blind = {self._blind(identifier): identifier for identifier in identifiers}
        found = await self._identifiers.find({"_id": {"$in": list(blind)}}, session=session).to_list()
        return {blind[bytes(document["_id"])]: bytes(document["patient"]) for document in found}

    async def _person(self, patient_id: bytes, session: Session | None = None) -> Person | None:
        if session is None:
            document = await self._together.one(patient_id)
        else:
            document = await self._people.find_one({"_id": patient_id}, session=session)
        return self._opened(document) if document else None

    async def _find(self, keys: Sequence[bytes]) -> list[Document | None]:
        return await by_id(self._people, keys)

    def _opened(self, document: Document) -> Person | None:
        """None when the key is gone: the book was erased."""
        if "key" not in document:
            return None
        patient_id = bytes(document["_id"])
        key = self._vault.data_key(patient_id, document["key"])
        others = tuple(bytes(other) for other in document.get("others", ()))
        return Person(patient_id, key, document["key"], document["sealed"], others)

    def _new_person(self) -> Person:
        patient_id = os.urandom(16)
        key, wrapped = self._vault.new_data_key(patient_id)
        return Person(patient_id, key, wrapped, key.seal(_encode(Patient()), b"patient\0" + patient_id))

    async def _write(self, person: Person, patient: Patient, fresh: Sequence[Identifier], session: Session) -> None:
        await self._people.update_one(*_told(person, patient), upsert=True, session=session)
        await self._point([(person, fresh)], session)

    async def _point(self, fresh: Iterable[tuple[Person, Sequence[Identifier]]], session: Session) -> None:
        """Let identifiers that nobody had lead to their people."""
        pointing = [
            {"_id": self._blind(identifier), "patient": person.patient_id}
            for person, identifiers in fresh
            for identifier in identifiers
        ]
        if pointing:
            await self._identifiers.insert_many(pointing, session=session)

    def _blind(self, identifier: Identifier) -> bytes:
        return self._vault.blind_index("identifier", identifier.system, identifier.value)


def patient_of(book: Sequence[Person]) -> Patient:
    """Who a book is about, the person that was asked for first: whom the eID vouched for, with everybody's numbers."""
    patients = [person.patient() for person in book]
    shown = next((patient for patient in patients if patient.vouched), patients[0])
    held = dict.fromkeys(one for patient in (shown, *patients) for one in patient.identifiers)
    return msgspec.structs.replace(shown, identifiers=tuple(held))


def _named(details: PatientDetails, known: Mapping[Identifier, bytes]) -> bytes | None:
    """Whom the numbers of a visit lead to, in their order of trust; the cards when no number does."""
    return next((known[one] for one in (*details.identifiers, *details.cards) if one in known), None)


def _told(person: Person, patient: Patient) -> tuple[Document, Document]:
    """Filter and update that keep what is known of a person, and the person when they are new."""
    sealed = person.data_key.seal(_encode(patient), b"patient\0" + person.patient_id)
    return {"_id": person.patient_id}, {"$set": {"sealed": sealed}, "$setOnInsert": {"key": person.wrapped}}


def _require(permit: Permit, *actions: Action) -> None:
    if permit.action not in actions:
        raise Forbidden
