"""What may be followed, and by whom: the same documents and the same door as over POST, on a socket."""

from __future__ import annotations

import asyncio

import pytest
from starlette.datastructures import Headers

from ehb.errors import Forbidden
from graphql_schema import running
from tests.builders import FACILITY, NATIONAL_ID, visit_file
from tests.house import House
from tests.sockets import talking, upgraded
from tests.test_consent import world

MINE = "subscription { accessEvents { action } }"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ me { kind } }", "BAD_USER_INPUT"),
        ('mutation { withdrawConsent(id: "x") { id } }', "BAD_USER_INPUT"),
        ("subscription { nonsense }", "BAD_USER_INPUT"),
        ("subscription {", "BAD_USER_INPUT"),
        ("subscription A { accessEvents { id } } subscription B { accessEvents { id } }", "BAD_USER_INPUT"),
        ("subscription { accessEvents { id } bookChanged { time } }", "BAD_USER_INPUT"),
        ("", "BAD_USER_INPUT"),
        ("subscription {" + "a:accessEvents { id } " * 40 + "}", "BAD_USER_INPUT"),
        ("subscription { accessEvents { " + "id " * 2_100 + "} }", "BAD_USER_INPUT"),
        ('subscription { accessEvents(patient: "x") { id } }', "FORBIDDEN"),
    ],
)
async def test_what_may_not_be_followed_is_answered_and_the_connection_stands(
    house: House, server: str, query: str, code: str
) -> None:
    """Rows L1, L2 and L8 hold here as they do over HTTP; queries and mutations have one way in, POST."""
    async with talking(server, await house.citizen(NATIONAL_ID)) as talk:
        await talk.subscribe(query)
        refused = await talk.hear()
        await talk.say("ping")
        after = await talk.hear()

    assert (refused["id"], refused["type"]) == ("1", "error")
    assert {one["extensions"]["code"] for one in refused["payload"]} == {code}
    assert after == {"type": "pong"}


async def test_an_unknown_operation_name_is_the_documents_fault(house: House, server: str) -> None:
    async with talking(server, await house.citizen(NATIONAL_ID)) as talk:
        await talk.say("subscribe", id="1", payload={"query": MINE, "operationName": "Other"})
        refused = await talk.hear()

    assert refused["payload"][0]["extensions"] == {"code": "BAD_USER_INPUT"}


async def test_a_clinician_follows_their_own_book_and_no_patients(house: House, server: str) -> None:
    _, doctor, book = await world(house)

    async with talking(server, doctor, **{"EHB-Facility": FACILITY}) as talk:
        await talk.subscribe("subscription($p: ID) { accessEvents(patient: $p) { id } }", p=book)
        of_patient = await talk.hear()
        await talk.subscribe(MINE, "own")
        await asyncio.sleep(0.5)
        await house.data(doctor, "{ myAccessLog { nodes { id } } }")
        own = await talk.hear()
    async with upgraded(server) as elsewhere:
        said = {"authorization": f"Bearer {doctor}", "ehb-facility": "99002"}
        await elsewhere.say("connection_init", payload=said)
        code = await elsewhere.code()

    assert of_patient["payload"][0]["extensions"]["code"] == "FORBIDDEN"
    assert own["type"] == "next"
    assert code == 4403


async def test_a_facility_follows_nobodys_book(house: House, server: str) -> None:
    _, _, book = await world(house)

    async with talking(server, await house.facility(FACILITY)) as talk:
        for name, patient in (("none", None), ("theirs", book)):
            await talk.subscribe(
                "subscription($p: ID) { bookChanged(patient: $p) { time } }",
                name,
                **({"p": patient} if patient else {}),
            )
            refused = await talk.hear()
            assert (refused["id"], refused["type"]) == (name, "error")
            assert refused["payload"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_events_of_another_persons_book_are_not_heard(house: House, server: str) -> None:
    other = await house.citizen("999185900009", "Lê Thị Lạ")

    async with talking(server, other) as talk:
        await talk.subscribe("subscription { bookChanged { facility } }")
        await asyncio.sleep(0.5)
        facility = await house.facility(FACILITY)
        await house.submit(facility, visit_file({"MA_LK": "LK-8"}))
        await house.submit(facility, visit_file({"SO_CCCD": "999185900009", "HO_TEN": "Lê Thị Lạ", "MA_LK": "LK-9"}))
        await talk.hear()

        with pytest.raises(TimeoutError):
            await talk.hear(1)


@pytest.mark.parametrize("origin", ["https://app.example.vn", "https://book.example.vn", "http://127.0.0.1:3000"])
def test_the_origins_of_the_settings_are_let_in_as_a_browser_writes_them(origin: str) -> None:
    """Row W3."""
    streams = running.Streams(
        "https://Book.example.vn:443/base", ("https://app.example.vn:443", "http://127.0.0.1:3000")
    )

    streams.check_origin(Headers({"Origin": origin}))
    with pytest.raises(Forbidden):
        streams.check_origin(Headers({"Origin": f"{origin}.evil.example"}))
