"""The system under test as the identity tests drive it, and the quick one: the domain's rules over dictionaries.

`Quick` does what `ehb.store.people` and `ehb.store.intake` do on disk, with the same functions of the domain. The real
one is `tests.identities.real.Real`; the same steps are run through both, and they must answer alike.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import msgspec

from ehb.domain.access import AccessRequest, Action, Permit, Purpose, Standing, decide
from ehb.domain.guardianship import Appointment, Guardianship, HeldGuardianship
from ehb.domain.identity import (
    ElectronicIdentity,
    HeldIdentifier,
    Identifier,
    Patient,
    Principal,
    PrincipalKind,
    Source,
)
from ehb.domain.matching import Known, Match, Uncertain, closing_birth_date, match_login, match_visit
from ehb.domain.patient import contradiction, described, proven_by, vouched_by, with_identifiers, without_identifiers
from ehb.domain.placement import Earlier, place_version
from ehb.domain.submission import PatientDetails


@dataclass(frozen=True)
class Visit:
    """One version of a visit: its code, its person as the file says, the text of its one record, its label."""

    facility: str
    episode: str
    patient: PatientDetails
    text: str
    sensitive: bool


class System(Protocol):
    """What a step can do."""

    def submit(self, visit: Visit, now: datetime) -> str: ...

    def sign_in(self, identity: ElectronicIdentity, now: datetime) -> bytes: ...

    def appoint(self, ward: Identifier, guardian: Identifier, paper: Appointment, now: datetime) -> bool: ...

    def read(self, reader: bytes, book: bytes, now: datetime) -> set[str]: ...

    def book_of(self, number: Identifier) -> bytes | None: ...


@dataclass
class _Version:
    text: str
    sensitive: bool
    current: bool = True


@dataclass
class _Episode:
    person: bytes | None
    visit: Visit
    versions: list[_Version] = field(default_factory=list)


class Quick:
    """The rules over dictionaries."""

    def __init__(self) -> None:
        self.patients: dict[bytes, Patient] = {}
        self.owners: dict[Identifier, bytes] = {}
        self.shared: dict[bytes, frozenset[bytes]] = {}
        self.episodes: dict[tuple[str, str], _Episode] = {}
        self.records: dict[bytes, dict[tuple[str, str], list[_Version]]] = {}
        self.guardianships: dict[bytes, list[HeldGuardianship]] = {}

    def submit(self, visit: Visit, now: datetime) -> str:
        found = match_visit(visit.patient, self._known())
        code = (visit.facility, visit.episode)
        before = self.episodes.get(code)
        match = found if isinstance(found, Match) else None
        person = self._person(match) if match is not None else None
        if before is not None and before.person is not None:
            uncertain = found if isinstance(found, Uncertain) else None
            earlier = Earlier(before.person, self.patients[before.person], self._book(before.person))
            placed = place_version(visit.patient, person, uncertain, earlier)
            if placed.refused:
                return "REJECTED"
            person = placed.person
            if placed.moved:
                self.records[before.person].pop(code, None)
        if match is not None and person is not None:
            self._learn(match, person, visit, now)
        if person is None:
            self.episodes[code] = _Episode(None, visit)
            return "WAITING_FOR_IDENTITY"
        self._append(person, code, visit)
        return "ACCEPTED"

    def sign_in(self, identity: ElectronicIdentity, now: datetime) -> bytes:
        account = Identifier("account", f"{identity.issuer}\0{identity.subject}")
        match = match_login(identity, account, self._known())
        person = match.person if match.person is not None else os.urandom(16)
        self.patients[person] = vouched_by(identity, self.patients.get(person, Patient()), now)
        for one in match.learn:
            owner = self.owners.get(one)
            if owner is not None and owner != person:
                left = self.patients[owner]
                self.patients[owner] = _with_held(left, without_identifiers(left.identifiers, [one]))
            self.owners[one] = person
        for other in match.join:
            group = frozenset({person, other}) | self._book(person) | self._book(other)
            for key in group:
                self.shared[key] = group
        for code, episode in list(self.episodes.items()):
            named = {*episode.visit.patient.identifiers} & {*identity.identifiers()}
            if episode.person is None and named:
                found = match_visit(episode.visit.patient, self._known())
                if isinstance(found, Match) and found.person == person:
                    self._append(person, code, episode.visit)
        return person

    def appoint(self, ward: Identifier, guardian: Identifier, paper: Appointment, now: datetime) -> bool:
        minor, adult = self.owners.get(ward), self.owners.get(guardian)
        if minor is None or adult is None or contradiction(paper, self.patients[minor]) is not None:
            return False
        proof = closing_birth_date([self.patients[minor]], [paper.birth_date])
        self.patients[minor] = proven_by(paper, self.patients[minor], "steward", now)
        said = Guardianship(os.urandom(16), adult, paper.relation, paper.proof, paper.since, birth_date=proof)
        self.guardianships.setdefault(minor, []).append(HeldGuardianship(said))
        return True

    def read(self, reader: bytes, book: bytes, now: datetime) -> set[str]:
        group = self._book(book)
        held = tuple(one for key in group for one in self.guardianships.get(key, ()))
        proofs = [one.guardianship.birth_date for one in held]
        standing = Standing(
            guardianships=held, birth_date=closing_birth_date([self.patients[one] for one in group], proofs)
        )
        purpose = Purpose.PATIENT_REQUEST if reader == book else Purpose.FAMILY_REQUEST
        principal = Principal(PrincipalKind.CITIZEN, reader, assurance_level=4, session="s")
        decision = decide(AccessRequest(principal, Action.READ, purpose, patient_id=book, now=now), standing)
        if not isinstance(decision, Permit):
            return set()
        everything = any(rule.labels is None for rule in decision.rules)
        return {
            one.text
            for key in group
            for versions in self.records.get(key, {}).values()
            for one in versions
            if everything or not one.sensitive
        }

    def book_of(self, number: Identifier) -> bytes | None:
        return self.owners.get(number)

    def _known(self) -> Known:
        return Known(self.owners, self.patients, {key: group - {key} for key, group in self.shared.items()})

    def _book(self, person: bytes) -> frozenset[bytes]:
        return self.shared.get(person, frozenset({person}))

    def _person(self, match: Match) -> bytes:
        return match.person if match.person is not None else os.urandom(16)

    def _learn(self, match: Match, person: bytes, visit: Visit, now: datetime) -> None:
        patient, _ = described(self.patients.get(person, Patient()), visit.patient, visit.facility, now)
        held = with_identifiers(patient.identifiers, match.learn, now, Source.FACILITY)
        self.patients[person] = _with_held(patient, held)
        for one in match.learn:
            self.owners[one] = person

    def _append(self, person: bytes, code: tuple[str, str], visit: Visit) -> None:
        self.patients.setdefault(person, Patient())
        versions = self.records.setdefault(person, {}).setdefault(code, [])
        if visit.sensitive:  # a version is as closed as the newest of its visit
            for one in versions:
                one.sensitive = True
        versions.append(_Version(visit.text, visit.sensitive))
        self.episodes[code] = _Episode(person, visit)


def _with_held(patient: Patient, held: tuple[HeldIdentifier, ...]) -> Patient:
    return msgspec.structs.replace(patient, identifiers=held)
