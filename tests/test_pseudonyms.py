"""From a stolen database nobody can tell which practitioner is which patient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.builders import FACILITY, NATIONAL_ID
from tests.house import House
from tests.test_consent import DOCTOR, given, permit, world
from tests.test_emergency import opened

LICENCE = "000077/TEST-CCHN"
MINE = "{ myHealthBook { patientId timeline(first: 1) { nodes { id } } } myAccessLog { nodes { text } } }"
READ = "query($p: ID!) { healthBook(patient: $p, purpose: TREATMENT) { asOf } }"
CODE = 'mutation { openPresentation(code: "EHB:P:AAAA") { problems { code } } }'


def values(found: Any) -> Iterator[Any]:
    """Every value in a document, however deep, binaries as bytes."""
    if isinstance(found, dict):
        for one in found.values():
            yield from values(one)
    elif isinstance(found, list):
        for one in found:
            yield from values(one)
    else:
        yield bytes(found) if isinstance(found, bytes) else found


async def documents(house: House) -> list[set[Any]]:
    """Every document of every collection as the values in it; a key also counts where it begins an `_id`."""
    found: list[set[Any]] = []
    for name in await house.mongo.database.list_collection_names():
        async for one in house.mongo.database[name].find():
            held = {value for value in values(one) if value is None or isinstance(value, (str, bytes, int))}
            key = one["_id"]
            if isinstance(key, bytes):
                held |= {bytes(key)[:16], bytes(key)}
            found.append(held)
    return found


async def test_no_document_and_no_join_leads_from_a_patient_to_a_licence(house: House) -> None:
    citizen, token, book = await world(house)
    await given(house, citizen, permit())
    await house.data(token, MINE)
    await house.data(token, READ, {"p": book})
    await house.ask(token, CODE)
    await opened(house, token, book)
    await house.data(token, f'{{ bookId(number: "{NATIONAL_ID}") }}')
    await house.citizen(DOCTOR, "Bác sĩ Thử")
    [person] = [
        bytes(one["patient"])
        async for one in house.mongo.database["identifiers"].find()
        if one["_id"] == _blind(house, DOCTOR)
    ]
    register = await house.mongo.database["practitioners"].find_one({"_id": LICENCE}) or {}
    there = await documents(house)

    licence = {LICENCE, bytes(register["number"])}
    reached: set[Any] = {person}
    for _ in range(3):  # follow what two documents share, but for what many share
        shared = {
            value
            for held in there
            if held & reached
            for value in held
            if isinstance(value, (str, bytes)) and len(value) > 8 and sum(value in other for other in there) < 6
        }
        reached |= shared
    assert not reached & licence
    assert not any(person in held and (licence | {FACILITY}) & held for held in there)


async def test_log_of_before_is_read_as_it_is(house: House) -> None:
    """An event of a practitioner with key and licence side by side, as it was kept once."""
    citizen, token, book = await world(house)
    await house.ask(token, READ, {"p": book})
    [person] = [
        bytes(one["patient"])
        async for one in house.mongo.database["identifiers"].find()
        if one["_id"] == _blind(house, DOCTOR)
    ]
    changed = await house.mongo.database["audit_events"].update_many(
        {"agent.licence": LICENCE}, {"$set": {"agent.patient": person, "agent.session": "s"}}
    )

    query = "{ myAccessLog(others: true, outcome: DENY) { nodes { who name licence } } }"
    [line] = (await house.data(citizen, query))["myAccessLog"]["nodes"]

    assert changed.modified_count > 0
    assert line == {"who": "PRACTITIONER", "name": "Bác sĩ Thử", "licence": LICENCE}


def _blind(house: House, number: str) -> bytes:
    from ehb.domain.identity import NATIONAL_ID as SYSTEM
    from ehb.store.vault import Vault

    return Vault(house.keys).blind_index("identifier", SYSTEM, number)
