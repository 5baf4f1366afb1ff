"""What a person has said to others keeps out no rescuer, no closing and no showing, and costs strangers nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pymongo.monitoring import CommandListener, CommandStartedEvent, CommandSucceededEvent

from ehb.domain.consent import Agreement, Consent, Grantee, GranteeKind, Party
from ehb.domain.provision import Action, Purpose
from ehb.domain.selection import Selection
from ehb.store import grants as store_grants
from ehb.store.grants import MAX_ACTIVE, Grants
from ehb.store.people import People
from ehb.store.vault import Vault
from tests.builders import FACILITY
from tests.house import House
from tests.test_consent import GIVE, given, permit, world
from tests.test_emergency import OPEN, REASON, kinds
from tests.test_presentation import show

HIDE = "mutation($id: ID!) { restrictRecord(id: $id) { id } }"


def consent(nth: int, now: Any, *, opens: bool, hides: bool = False, records: int = 1) -> Consent:
    return Consent(
        id=nth.to_bytes(16, "big"),
        permit=opens,
        grantee=Grantee(GranteeKind.ANYBODY, "") if hides else Grantee(GranteeKind.FACILITY, f"{nth:05}"),
        purposes=frozenset({Purpose.TREATMENT}),
        actions=frozenset({Action.READ}),
        select=Selection(records=frozenset(nth.to_bytes(6, "big") + one.to_bytes(6, "big") for one in range(records))),
        exceptions=(),
        labels=frozenset(),
        without=frozenset(),
        valid_from=now,
        valid_until=now + timedelta(days=30),
        max_uses=None,
        needs=frozenset({Party.PERSON}),
        agreement=Agreement("text", "1", "vi", now, b"p" * 16, 3, Party.PERSON),
    )


async def fill(house: House, book: bytes, count: int, *, opens: bool, hides: bool = False, first: int = 1) -> None:
    """Active consents about others, written as the store writes them, without the roads that count them."""
    vault = Vault(house.keys)
    people = People(house.mongo, vault)
    grants = Grants(house.mongo, people, vault)
    [person] = await people.sharing(book)
    documents = []
    for nth in range(first, first + count):
        one = consent(nth, house.clock(), opens=opens, hides=hides)
        place = person.patient_id + one.id
        documents.append(
            {
                "_id": place,
                "type": "consent",
                "sealed": person.data_key.seal(store_grants._encode(one), store_grants._SEAL + place),
                "until": one.valid_until,
                "ended": None,
                "uses": 0,
                "max_uses": None,
                "approvals": ["PERSON"],
                "about": grants._about(person.patient_id, store_grants._name_of(one)),
                "permit": opens,
            }
        )
    await house.mongo.database["grants"].insert_many(documents)


async def book_key(house: House, number: str) -> bytes:
    from ehb.domain.identity import NATIONAL_ID

    blind = Vault(house.keys).blind_index("identifier", NATIONAL_ID, number)
    found = await house.mongo.database["identifiers"].find_one({"_id": blind})
    assert found is not None
    return bytes(found["patient"])


async def test_whatever_is_active_a_rescuer_opens_the_person_shows_and_closes(house: House) -> None:
    from tests.builders import NATIONAL_ID

    citizen, token, book = await world(house)
    key = await book_key(house, NATIONAL_ID)
    await fill(house, key, MAX_ACTIVE["permit"], opens=True)
    await fill(house, key, MAX_ACTIVE["deny"] - 1, opens=False, hides=True, first=10_000)

    emergency = await house.ask(token, OPEN, {"p": book, "reason": REASON})
    closing = {"permit": False, "granteeKind": "FACILITY", "grantee": "99002"}
    await given(house, citizen, {"terms": closing})
    shown = await show(house, citizen)
    full = await house.ask(citizen, GIVE, permit())

    assert "errors" not in emergency, emergency
    assert await kinds(house, token, book)
    assert shown["code"]
    assert full["errors"][0]["extensions"]["code"] == "CONFLICT"


async def test_bytes_of_consents_are_bounded_for_each_kind(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    citizen, _, _ = await world(house)
    monkeypatch.setattr(store_grants, "MAX_BYTES", 1_500)

    await given(house, citizen, permit())
    await house.data(citizen, GIVE, permit(granteeKind="PRACTITIONER", grantee="000077/TEST-CCHN"))
    third = await house.ask(citizen, GIVE, permit(granteeKind="FACILITY", grantee="99002"))
    closing = await house.ask(
        citizen, GIVE, {"terms": {"permit": False, "granteeKind": "FACILITY", "grantee": "99002"}}
    )

    assert third["errors"][0]["extensions"]["code"] == "CONFLICT"
    assert "errors" not in closing


class Sizes(CommandListener):
    """Bytes that the database gives back of grants."""

    def __init__(self) -> None:
        self.grants: list[int] = []

    def started(self, event: CommandStartedEvent) -> None: ...

    def succeeded(self, event: CommandSucceededEvent) -> None:
        cursor = event.reply.get("cursor", {})
        if str(cursor.get("ns", "")).endswith(".grants"):
            self.grants.append(len(cursor.get("firstBatch", ())))

    def failed(self, event: Any) -> None: ...


@pytest.mark.parametrize("hides", [True, False], ids=["hidden records", "consents to others"])
async def test_strangers_refusal_fetches_nothing_that_is_said_to_others(
    house: House, mongo_uri: str, hides: bool
) -> None:
    from pymongo import AsyncMongoClient

    from ehb.domain.identity import PractitionerRole, Principal, PrincipalKind
    from ehb.formats.sensitivity_lists import code_lists
    from ehb.store.mongo import CODEC, MAJORITY, Mongo
    from ehb.store.store import Store
    from tests.builders import NATIONAL_ID

    await world(house)
    key = await book_key(house, NATIONAL_ID)
    await fill(house, key, 300, opens=not hides, hides=hides)
    sizes = Sizes()
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongo_uri, event_listeners=[sizes], tz_aware=True)
    mongo = Mongo(client, client.get_database(house.mongo.database.name, CODEC, write_concern=MAJORITY))
    store = Store(mongo, Vault(house.keys), code_lists())
    role = PractitionerRole("000099/TEST-CCHN", FACILITY, "noi khoa")

    for caller in (
        Principal(PrincipalKind.CITIZEN, b"x" * 16, session="s"),
        Principal(PrincipalKind.CITIZEN, b"x" * 16, roles=(role,), role=role, session="s"),
    ):
        standing = await store.consents.standing(key, house.clock(), caller)
        assert standing.consents == ()
    fetched = sum(sizes.grants)
    everything = await store.consents.standing(key, house.clock())
    await client.close()

    assert fetched == 0
    assert len(everything.consents) == 300
