"""People: one document per person, found by exact identifiers through blind indexes.

`people` holds the wrapped data key and the sealed patient under a random 16-byte key. `identifiers` maps the
blind index of one identifier to one person; a person has as many as they were ever issued, so a cancelled
number still finds its book. Which person a visit or a login is about is decided by `ehb.domain.matching`.

Invariant: a document of `identifiers` is re-pointed only from a person known from files to the one for whom the eID
vouches. Two people who turn out to be one are merged (`ehb.store.merges`), and each keeps what came under their own
numbers.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from pymongo import UpdateOne

from ehb.domain.access import Action, Permit
from ehb.domain.guardianship import Appointment
from ehb.domain.identity import (
    INSURANCE,
    NEWBORN,
    ElectronicIdentity,
    Identifier,
    Patient,
    Source,
)
from ehb.domain.identity_problems import warnings_of
from ehb.domain.matching import Known, Match, Uncertain, compare, match_login, match_visit
from ehb.domain.patient import described, proven_by, vouched_by, with_identifiers, without_identifiers
from ehb.domain.submission import PatientDetails, Problem
from ehb.errors import Forbidden, NotFound
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
    warnings: tuple[Problem, ...] = ()
    """What the visit says about its person and is not believed."""
    moved: tuple[Identifier, ...] = ()
    """Identifiers that led to a book that was erased."""

    @property
    def fresh_cards(self) -> list[Identifier]:
        """Insurance cards that the book did not know."""
        return [one for one in self.fresh if one.system == INSURANCE]


@dataclass(frozen=True, slots=True)
class SignedInPerson:
    """The person of a login. `joined` are people known from files alone; `doubts` are people who do not fit."""

    person: Person
    is_new: bool
    joined: tuple[Person, ...]
    doubts: tuple[Person, ...]
    numbers: tuple[Identifier, ...]
    """The numbers that the eID vouched for."""
    patient: Patient
    """What is known of the person with this login."""


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
    ) -> SignedInPerson:
        """The person for whom the eID vouched, a new one when their account and number are unknown."""
        _require(permit, Action.SIGN_IN)
        account = Identifier(_ACCOUNT, f"{identity.issuer}\0{identity.subject}")
        known, people = await self._look_up([account, *identity.identifiers()], session)
        match = match_login(identity, account, known)
        person = people[match.person] if match.person is not None else self._new_person()
        seen = vouched_by(identity, person.patient(), now)
        fresh = [one for one in match.learn if one not in known.owners]
        moved = [one for one in match.learn if one in known.owners]
        await self._write(person, seen, fresh, session)
        before = {one: owner for one in moved if (owner := people.get(known.owners[one])) is not None}
        await self._move(moved, person, before, session)
        return SignedInPerson(
            person,
            match.person is None,
            tuple(people[one] for one in match.join),
            tuple(people[one] for one in match.doubts),
            identity.identifiers(),
            seen,
        )

    async def _move(
        self, numbers: Sequence[Identifier], person: Person, before: Mapping[Identifier, Person], session: Session
    ) -> None:
        """Let numbers that came by a file lead to the person for whom the eID vouches."""
        for number in numbers:
            await self._point_again(number, person, session)
            owner = before.get(number)
            if owner is None:  # the book was erased
                continue
            patient = owner.patient()
            left = msgspec.structs.replace(patient, identifiers=without_identifiers(patient.identifiers, [number]))
            await self._write(owner, left, (), session)

    async def resolve(
        self, permit: Permit, details: PatientDetails, *, now: datetime, session: Session
    ) -> Found | Uncertain | None:
        """The person whom a visit is about, a new one for an unknown number; None when nothing identifies them."""
        _require(permit, Action.SUBMIT)
        known, people = await self._look_up((*details.identifiers, *details.cards), session)
        return self._found(match_visit(details, known), details, known, people, permit.facility or "", now)

    async def resolve_all(
        self, asked: Sequence[tuple[Permit, PatientDetails, datetime]], session: Session
    ) -> list[Found | Uncertain | None]:
        """The same for many, with as many commands. Nothing tells whether two of them are one new person."""
        for permit, _, _ in asked:
            _require(permit, Action.SUBMIT)
        keys = [one for _, who, _ in asked for one in (*who.identifiers, *who.cards)]
        known, people = await self._look_up(keys, session)
        return [
            self._found(match_visit(details, known), details, known, people, permit.facility or "", now)
            for permit, details, now in asked
        ]

    async def named_by(self, permit: Permit, details: PatientDetails) -> bytes | None:
        """The person to whom the best key of a visit leads, whether or not the visit fits them."""
        _require(permit, Action.SUBMIT)
        keys = (*details.identifiers, *details.cards)
        owners = await self._known(keys, None) if keys else {}
        return next((owners[one] for one in keys if one in owners), None)

    async def owner_of(self, permit: Permit, details: PatientDetails, session: Session) -> bytes | None:
        """The person whom a waiting visit is about as things are now; None while it is doubtful or nobody's."""
        _require(permit, Action.SUBMIT, Action.SIGN_IN)
        known, _ = await self._look_up((*details.identifiers, *details.cards), session)
        match = match_visit(details, known)
        return match.person if isinstance(match, Match) else None

    async def assign(
        self, permit: Permit, details: PatientDetails, number: Identifier, *, now: datetime, session: Session
    ) -> Found:
        """The person of this number, by a steward's word: whatever the visit says, and a new one for a new number."""
        _require(permit, Action.RESOLVE_IDENTITY)
        known, people = await self._look_up([number], session)
        match = Match(known.owner(number), () if known.owner(number) is not None else (number,))
        found = self._found(match, details, known, people, "", now)
        if not isinstance(found, Found):
            raise NotFound
        patient = found.patient
        if found.person.patient_id in people and not compare(found.person.patient(), details).allows_number:
            patient = found.person.patient()
        if not patient.is_vouched:
            held = with_identifiers(patient.identifiers, [number], now, Source.STEWARD)
            patient = msgspec.structs.replace(patient, identifiers=held)
        return dataclasses.replace(found, patient=patient, changed=True)

    async def _look_up(self, identifiers: Sequence[Identifier], session: Session) -> tuple[Known, dict[bytes, Person]]:
        """The people behind some identifiers, and what `matching` asks about them."""
        owners = await self._known(identifiers, session)
        documents = self._people.find({"_id": {"$in": [*{*owners.values()}]}}, session=session) if owners else None
        opened = [self._opened(one) for one in await documents.to_list()] if documents is not None else []
        people = {one.patient_id: one for one in opened if one is not None}
        patients = {key: one.patient() for key, one in people.items()}
        return Known(owners, patients, {key: frozenset(one.others) for key, one in people.items()}), people

    def _found(
        self,
        match: Match | Uncertain | None,
        details: PatientDetails,
        known: Known,
        people: Mapping[bytes, Person],
        facility: str,
        now: datetime,
    ) -> Found | Uncertain | None:
        if not isinstance(match, Match):
            return match
        person = people[match.person] if match.person is not None else self._new_person()
        patient = person.patient()
        seen, warned = described(patient, details, facility, now)
        issued = [one for one in match.learn if one.system != NEWBORN]  # which is the mother's number, not the child's
        if issued:
            held = with_identifiers(seen.identifiers, issued, now, Source.FACILITY)
            seen = msgspec.structs.replace(seen, identifiers=held)
        moved = tuple(one for one in match.learn if one in known.owners)
        fresh = tuple(one for one in match.learn if one not in known.owners)
        return Found(person, seen, fresh, bool(match.learn) or seen != patient, warnings_of(warned), moved)

    async def write(self, permit: Permit, found: Found, session: Session) -> None:
        """Keep what a visit told about its person."""
        _require(permit, Action.SUBMIT, Action.RESOLVE_IDENTITY)
        if found.changed:
            await self._write(found.person, found.patient, found.fresh, session)
            await self._move(found.moved, found.person, {}, session)

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
        for one in changed:
            await self._move(one.moved, one.person, {}, session)

    async def named(self, permit: Permit, identifier: Identifier, session: Session) -> Person | None:
        """The person whom a steward names by an exact identifier."""
        _require(permit, Action.MERGE_PEOPLE, Action.APPOINT_GUARDIAN)
        known = await self._known([identifier], session)
        return await self._person(known[identifier], session) if identifier in known else None

    async def prove(
        self, permit: Permit, person: Person, appointment: Appointment, *, now: datetime, session: Session
    ) -> None:
        """Keep what a steward saw of somebody on a guardianship's paper."""
        _require(permit, Action.APPOINT_GUARDIAN)
        patient = person.patient()
        proven = proven_by(appointment, patient, permit.principal.session, now)
        if proven != patient:
            await self._write(person, proven, (), session)

    async def owner(self, permit: Permit, identifier: Identifier) -> bytes | None:
        """The key of the person with this identifier, for a decision about the permit's own book."""
        _require(permit, Action.GIVE_CONSENT)
        found = await self._identifiers.find_one({"_id": self._blind(identifier)})
        return bytes(found["patient"]) if found else None

    async def find_person(self, permit: Permit, patient_id: bytes, session: Session) -> Person | None:
        """One of the people who share the permit's book."""
        _require(permit, Action.DISOWN_VISIT)
        return await self._person(patient_id, session)

    async def for_steward(self, permit: Permit, patient_id: bytes) -> Person | None:
        """A person whom a doubt names."""
        _require(permit, Action.LIST_WAITING, Action.RESOLVE_IDENTITY)
        return await self._person(patient_id)

    async def everybody(self, permit: Permit) -> AsyncIterator[Person]:
        """Every person, for a steward who looks for doubtful books."""
        _require(permit, Action.LIST_WAITING)
        async for document in self._people.find().sort("_id", 1):
            if (person := self._opened(document)) is not None:
                yield person

    async def accounts(self, permit: Permit) -> AsyncIterator[tuple[bytes, int]]:
        """How many eID accounts lead to each person who has more than one.

        An account is told from a number by not being among the person's identifiers.
        """
        _require(permit, Action.LIST_WAITING)
        pointing = {"_id": "$patient", "keys": {"$push": "$_id"}}
        grouped = await self._identifiers.aggregate(
            [{"$group": pointing}, {"$match": {"keys.1": {"$exists": True}}}], allowDiskUse=True
        )
        async for one in grouped:
            person = await self._person(bytes(one["_id"]))
            if person is None:
                continue
            numbers = {self._blind(Identifier(held.system, held.value)) for held in person.patient().identifiers}
            count = len({bytes(key) for key in one["keys"]} - numbers)
            if count > 1:
                yield person.patient_id, count

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

    async def _known(self, identifiers: Iterable[Identifier], session: Session | None) -> dict[Identifier, bytes]:
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

    async def _point_again(self, identifier: Identifier, person: Person, session: Session) -> None:
        target = {"$set": {"patient": person.patient_id}}
        await self._identifiers.update_one({"_id": self._blind(identifier)}, target, session=session)

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


def _told(person: Person, patient: Patient) -> tuple[Document, Document]:
    """Filter and update that keep what is known of a person, and the person when they are new."""
    sealed = person.data_key.seal(_encode(patient), b"patient\0" + person.patient_id)
    return {"_id": person.patient_id}, {"$set": {"sealed": sealed}, "$setOnInsert": {"key": person.wrapped}}


def _require(permit: Permit, *actions: Action) -> None:
    if permit.action not in actions:
        raise Forbidden
