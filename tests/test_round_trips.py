"""What a read asks of the database, and in which order: figures of `bench/README.md` rest on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from pymongo import AsyncMongoClient
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from ehb.custodian import Custodian
from ehb.domain.book import ReadQuery
from ehb.domain.identity import PractitionerRole, Principal, PrincipalKind
from ehb.domain.provision import Purpose
from ehb.formats.sensitivity_lists import code_lists
from ehb.store.mongo import CODEC, MAJORITY, Document, Mongo
from ehb.store.practitioners import Practitioners
from ehb.store.store import Store
from ehb.store.vault import Vault
from graphql_schema.ids import OpaqueIds
from tests.builders import FACILITY
from tests.house import House
from tests.test_consent import DOCTOR as DOCTORS_NUMBER
from tests.test_consent import given, permit, world

ROLE = PractitionerRole("000077/TEST-CCHN", FACILITY, "noi khoa")
DOCTOR = Principal(PrincipalKind.CITIZEN, b"d" * 16, roles=(ROLE,), role=ROLE, session="s", assurance_level=2)


class Watch(CommandListener):
    """Begin and end of every command, as `+find people` and `-find people`."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._names: dict[int, str] = {}

    def started(self, event: CommandStartedEvent) -> None:
        self._names[event.request_id] = f"{event.command_name} {event.command.get(event.command_name)}"
        self.seen.append("+" + self._names[event.request_id])

    def succeeded(self, event: CommandSucceededEvent) -> None:
        self.seen.append("-" + self._names.pop(event.request_id))

    def failed(self, event: CommandFailedEvent) -> None:
        raise AssertionError(event.failure)


@pytest.fixture
async def watched(house: House, mongo_uri: str) -> AsyncIterator[tuple[Custodian, Watch]]:
    """A custodian whose commands are seen, over the database of the house."""
    watch = Watch()
    client: AsyncMongoClient[Document] = AsyncMongoClient(mongo_uri, event_listeners=[watch], tz_aware=True)
    mongo = Mongo(client, client.get_database(house.mongo.database.name, CODEC, write_concern=MAJORITY))
    yield Custodian(Store(mongo, Vault(house.keys), code_lists()), house.clock), watch
    await client.close()


async def commands(custodian: Custodian, watch: Watch, who: Principal, book: bytes, purpose: Purpose) -> list[str]:
    """What the second read of a book asks for: connections are open by then, and master data is remembered."""
    for _ in range(2):
        watch.seen.clear()
        await custodian.read(who, book, purpose, ReadQuery(), path="test")
    return watch.seen


async def test_the_trail_of_a_read_is_written_beside_the_fetch(house: House, watched: tuple[Custodian, Watch]) -> None:
    citizen, _, book_id = await world(house)
    await given(house, citizen, permit())
    book = OpaqueIds(house.keys.opaque).patient_key(book_id)
    assert book is not None
    own = Principal(PrincipalKind.CITIZEN, book, session="s", assurance_level=2)

    mine = await commands(*watched, own, book, Purpose.PATIENT_REQUEST)
    assert sorted(mine[:3]) == ["+find people", "+find records", "+insert audit_events"]
    assert sorted(mine[3:]) == ["-find people", "-find records", "-insert audit_events"]

    role = replace(ROLE, owner=Practitioners(house.mongo, Vault(house.keys)).number_index(DOCTORS_NUMBER))
    doctor = replace(DOCTOR, roles=(role,), role=role)
    theirs = await commands(*watched, doctor, book, Purpose.TREATMENT)
    assert sorted(theirs[:4]) == ["+find grants", "+find people", "-find grants", "-find people"]
    assert theirs[4:6] == ["+find grants", "-find grants"]  # what is hidden, because something opens
    assert sorted(theirs[6:8]) == ["+find records", "+insert audit_events"]
    assert sorted(theirs[8:]) == ["-find records", "-insert audit_events"]
