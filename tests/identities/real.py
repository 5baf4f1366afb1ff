"""The real store behind the steps of the identity tests, and both systems side by side."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from ehb.custodian import Custodian
from ehb.domain.access import Purpose
from ehb.domain.book import ReadQuery
from ehb.domain.coding import CodeableConcept
from ehb.domain.guardianship import Appointment
from ehb.domain.identity import ElectronicIdentity, Identifier, Principal, PrincipalKind
from ehb.domain.records import Condition, Facility, Provenance, Section
from ehb.domain.submission import Draft, VisitSummary
from ehb.errors import Conflict, Forbidden, NotFound
from ehb.formats.sensitivity_lists import code_lists
from ehb.services import submission
from ehb.store.mongo import Mongo
from ehb.store.store import Store
from ehb.store.vault import Keys, Vault
from tests.identities.system import Quick, Visit
from tests.stewards import STEWARD

T = TypeVar("T")
PATH = "test"


@dataclass
class Clock:
    now: datetime

    def __call__(self) -> datetime:
        return self.now


class Real:
    """A custodian over a real mongod, called from the thread of the state machine."""

    def __init__(self, mongo: Mongo, keys: Keys, loop: asyncio.AbstractEventLoop, now: datetime) -> None:
        self._mongo, self._vault, self._loop = mongo, Vault(keys), loop
        self._clock = Clock(now)
        self._custodian = Custodian(Store(mongo, self._vault, code_lists()), self._clock)

    def _wait(self, work: Coroutine[Any, Any, T], now: datetime) -> T:
        self._clock.now = now
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def submit(self, visit: Visit, now: datetime) -> str:
        principal = Principal(PrincipalKind.FACILITY, facility=visit.facility, client_id=visit.facility, session="s")
        record = Condition(
            section=Section.CONDITIONS,
            time="2026-10-05T08:00:00+07:00",
            code=CodeableConcept((), visit.text),
            provenance=Provenance(facility=Facility(visit.facility, None), submitted_at="", source="QD4750"),
        )
        summary = VisitSummary(
            facility=visit.facility,
            episode=f"{visit.text.partition('/')[0]}-{visit.episode}",  # each world has visits of its own
            source="QD4750",
            patient=visit.patient,
            drafts=(Draft(record, visit.text, "XML1"),),
            problems=(),
            content=hashlib.sha256(visit.text.encode()).digest(),
            labels=frozenset({"PSY"}) if visit.sensitive else frozenset(),
        )
        sending = submission.submit(self._custodian, principal, summary, visit.text.encode(), now=now, path=PATH)
        return self._wait(sending, now).status.value

    def sign_in(self, identity: ElectronicIdentity, now: datetime) -> bytes:
        return self._wait(self._custodian.sign_in(identity, path=PATH), now).patient_id

    def appoint(self, ward: Identifier, guardian: Identifier, paper: Appointment, now: datetime) -> bool:
        try:
            self._wait(self._custodian.guardians.appoint(STEWARD, ward, guardian, paper, path=PATH), now)
        except (NotFound, Conflict):
            return False
        return True

    def read(self, reader: bytes, book: bytes, now: datetime) -> set[str]:
        purpose = Purpose.PATIENT_REQUEST if reader == book else Purpose.FAMILY_REQUEST
        principal = Principal(PrincipalKind.CITIZEN, reader, assurance_level=4, session="s")
        reading = self._custodian.read(principal, book, purpose, ReadQuery(history=True), path=PATH)
        try:
            opened = self._wait(reading, now)
        except Forbidden:
            return set()
        return {one.code.text for one in opened.records if one.code is not None and one.code.text is not None}

    def book_of(self, number: Identifier) -> bytes | None:
        blind = self._vault.blind_index("identifier", number.system, number.value)
        found = asyncio.run_coroutine_threadsafe(
            self._mongo.database["identifiers"].find_one({"_id": blind}), self._loop
        ).result(60)
        return bytes(found["patient"]) if found else None


class Both:
    """Every step through the quick system and the real one; they must answer alike."""

    def __init__(self, real: Real) -> None:
        self._quick, self._real = Quick(), real
        self._keys: dict[bytes, bytes] = {}

    def submit(self, visit: Visit, now: datetime) -> str:
        quick, real = self._quick.submit(visit, now), self._real.submit(visit, now)
        assert quick == real, f"quick {quick}, real {real}"
        return quick

    def sign_in(self, identity: ElectronicIdentity, now: datetime) -> bytes:
        quick, real = self._quick.sign_in(identity, now), self._real.sign_in(identity, now)
        assert self._keys.setdefault(quick, real) == real, "the login leads to another book"
        return quick

    def appoint(self, ward: Identifier, guardian: Identifier, paper: Appointment, now: datetime) -> bool:
        quick = self._quick.appoint(ward, guardian, paper, now)
        self._real.appoint(ward, guardian, paper, now)  # refuses a second guardianship and one of an adult, too
        return quick

    def read(self, reader: bytes, book: bytes, now: datetime) -> set[str]:
        quick = self._quick.read(reader, book, now)
        real = self._real.read(self._keys.get(reader, reader), self._keys.get(book, book), now)
        assert quick == real, f"quick {sorted(quick)}, real {sorted(real)}"
        return real

    def book_of(self, number: Identifier) -> bytes | None:
        quick, real = self._quick.book_of(number), self._real.book_of(number)
        assert (quick is None) == (real is None)
        if quick is not None and real is not None:
            assert self._keys.setdefault(quick, real) == real, "the number leads to another book"
        return quick
