"""A world to measure in: a migrated database, sealed books, a facility that submits, permits to read.

Everything is written by the store itself, so what is measured is what production reads. The one invariant: a
permit comes from `access.decide`, here as everywhere.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from pymongo import AsyncMongoClient
from pymongo.monitoring import CommandListener

from bench.visit import FACILITY, files
from ehb.custodian import Custodian
from ehb.domain.access import AccessRequest, Action, Permit, Purpose, decide
from ehb.domain.identity import NATIONAL_ID, Identifier, Principal, PrincipalKind
from ehb.domain.submission import PatientDetails, VisitSummary, records_from
from ehb.formats import visit_xml
from ehb.formats.sensitivity_lists import code_lists
from ehb.store.migrations import migrate
from ehb.store.mongo import CODEC, MAJORITY, Document, Mongo, Session, connect
from ehb.store.people import Found, People
from ehb.store.records import Records
from ehb.store.registry import Registry
from ehb.store.store import Store
from ehb.store.submissions import Submissions
from ehb.store.vault import Keys, Vault

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
SUBMITTER = Principal(PrincipalKind.FACILITY, facility=FACILITY, client_id=FACILITY, session="bench")
_TOGETHER = 10
"""People in one transaction while filling."""


@dataclass(frozen=True, slots=True)
class World:
    """An open database. `books` are the people that `fill` made."""

    uri: str
    mongo: Mongo
    keys: Keys
    store: Store
    custodian: Custodian
    books: list[bytes] = field(default_factory=list)

    async def fill(self, people: int, records: int) -> None:
        """So many books with so many records each, from the visits of `ehb.synthetic`, sealed by the store."""
        visits = [visit_xml.read(file) for file in files()]
        for start in range(0, people, _TOGETHER):
            numbers = range(start, min(start + _TOGETHER, people))
            self.books.extend(await self.mongo.transaction(partial(self._made, numbers, records, visits)))
            await asyncio.sleep(0)

    async def _made(self, numbers: range, records: int, visits: list[VisitSummary], session: Session) -> list[bytes]:
        vault = Vault(self.keys)
        people = People(self.mongo, vault)
        shelf, submissions = Records(self.mongo, people), Submissions(self.mongo, vault)
        permit = permit_of(AccessRequest(SUBMITTER, Action.SUBMIT, Purpose.TREATMENT, facility=FACILITY))
        made: list[bytes] = []
        for number in numbers:
            details = PatientDetails((Identifier(NATIONAL_ID, national_id(number)),), full_name=f"Người Thử {number}")
            found = await people.resolve(permit, details, now=NOW, session=session)
            assert isinstance(found, Found)
            await people.write(permit, found, session)
            person = found.person
            made.append(person.patient_id)
            missing = records
            for nth, visit in enumerate(_from(visits, number)):
                episode = number.to_bytes(8, "big") + nth.to_bytes(8, "big")
                keyed = records_from(
                    visit,
                    facility_name="Bệnh viện Đo",
                    now=NOW,
                    key_for=partial(submissions.record_key, episode),
                    lists=code_lists(),
                )[:missing]
                await shelf.append(person, episode, keyed, session, now=NOW, new=True)
                missing -= len(keyed)
                if missing == 0:
                    break
        return made


@asynccontextmanager
async def world(uri: str, database: str) -> AsyncIterator[World]:
    """A new, empty database on a running server; dropped at the end."""
    made = on(uri, database, Keys.generate())
    try:
        await migrate(made.mongo)
        await Registry(made.mongo).register(FACILITY, "Bệnh viện Đo", FACILITY, [])
        yield made
        await made.mongo.client.drop_database(database)
    finally:
        await made.mongo.close()


def on(uri: str, database: str, keys: Keys, listener: CommandListener | None = None) -> World:
    """A client of a database that is there, with the store and the custodian over it."""
    mongo = connect(uri, database)
    if listener is not None:
        client: AsyncMongoClient[Document] = AsyncMongoClient(uri, event_listeners=[listener], tz_aware=True)
        mongo = Mongo(client, client.get_database(database, CODEC, write_concern=MAJORITY))
    store = Store(mongo, Vault(keys), code_lists())
    return World(uri, mongo, keys, store, Custodian(store, lambda: NOW))


def reader(patient_id: bytes) -> Principal:
    """The person themselves."""
    return Principal(
        PrincipalKind.CITIZEN, patient_id=patient_id, client_id="ehb-mobile", session="bench", assurance_level=2
    )


def permit_of(request: AccessRequest) -> Permit:
    """What `decide` permits."""
    decision = decide(request)
    assert isinstance(decision, Permit)
    return decision


def national_id(number: int) -> str:
    """A number that nobody can have: no province has code 999."""
    return f"999185{number:06d}"


def _from(visits: list[VisitSummary], number: int) -> Iterator[VisitSummary]:
    """All visits over and over, each person from another place on; the second time round it is another episode."""
    return itertools.islice(itertools.cycle(visits), number % len(visits), None)
