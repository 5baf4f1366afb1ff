"""Presentations through the whole house: a citizen shows a code, one clinician opens it, and nobody else ever."""

from __future__ import annotations

import asyncio
import base64
import io
from datetime import timedelta
from typing import Any

import pytest
import resvg_py
import zxingcpp
from PIL import Image

from tests.builders import NATIONAL_ID
from tests.house import CLIENT, House
from tests.test_consent import OTHER_DOCTOR, doctor, seen, world

START = """mutation($show: PresentationInput!) { startPresentation(presentation: $show) {
  code qrSvg qrPng presentation { id until inForce passcodeAttemptsLeft } } }"""
OPEN = """mutation($code: String!, $passcode: String) { openPresentation(code: $code, passcode: $passcode) {
  patient sections until problems { code attemptsLeft } } }"""
END = "mutation($id: ID!) { endPresentation(id: $id) { id } }"
MINE = "{ myPresentations { id openedAt openedByFacility openedByLicence inForce passcodeAttemptsLeft } }"


async def show(house: House, citizen: str, **what: Any) -> dict[str, Any]:
    started = await house.data(citizen, START, {"show": {"sections": ["CONDITIONS"], **what}})
    return dict(started["startPresentation"])


async def opened(house: House, token: str, code: str, passcode: str | None = None) -> dict[str, Any]:
    return dict((await house.data(token, OPEN, {"code": code, "passcode": passcode}))["openPresentation"])


def read_qr(png: bytes, width: int) -> str:
    picture = Image.open(io.BytesIO(png)).convert("L").resize((width, width))
    [found] = zxingcpp.read_barcodes(picture)
    return str(found.text)


async def test_the_code_scans_from_both_pictures_at_the_size_of_a_phone_and_tells_nothing(house: House) -> None:
    citizen, _, book = await world(house)

    shown = await show(house, citizen)

    assert read_qr(base64.b64decode(shown["qrPng"]), 150) == shown["code"]
    assert read_qr(bytes(resvg_py.svg_to_bytes(svg_string=shown["qrSvg"])), 150) == shown["code"]
    assert NATIONAL_ID not in shown["code"]
    assert book not in shown["code"]
    assert (await show(house, citizen))["code"] != shown["code"]


async def test_what_is_shown_is_open_to_the_one_who_opened_it_and_nothing_else(house: House) -> None:
    citizen, token, book = await world(house)
    shown = await show(house, citizen)

    before = await seen(house, token, book)
    answer = await opened(house, token, shown["code"])
    kinds = await house.data(
        token,
        """query($p: ID!) { healthBook(patient: $p, purpose: TREATMENT) {
          timeline { nodes { __typename } } withheld } }""",
        {"p": answer["patient"]},
    )

    assert before is None
    assert (answer["patient"], answer["sections"], answer["problems"]) == (book, ["CONDITIONS"], [])
    assert {node["__typename"] for node in kinds["healthBook"]["timeline"]["nodes"]} == {"Condition"}
    assert "PRESCRIPTIONS" in kinds["healthBook"]["withheld"]
    [mine] = (await house.data(citizen, MINE))["myPresentations"]
    assert mine["openedByFacility"] == "99001"
    assert mine["openedAt"]


async def test_the_citizen_ends_it_and_the_next_request_is_refused(house: House) -> None:
    citizen, token, book = await world(house)
    shown = await show(house, citizen)
    await opened(house, token, shown["code"])
    assert await seen(house, token, book)

    await house.data(citizen, END, {"id": shown["presentation"]["id"]})

    assert await seen(house, token, book) is None
    assert (await opened(house, token, shown["code"]))["problems"] == [{"code": "ENDED", "attemptsLeft": None}]
    again = await house.ask(citizen, END, {"id": shown["presentation"]["id"]})
    assert again["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_what_is_shown_in_a_session_ends_with_it(house: House) -> None:
    """Standards row O12: the citizen signs out while the clinician reads, and it is over; other sessions' go on."""
    citizen, token, book = await world(house)
    elsewhere = await house.citizen(NATIONAL_ID)
    shown = await show(house, citizen)
    await opened(house, token, shown["code"])
    assert await seen(house, token, book)

    await house.http.post("/auth/logout", data={"token": elsewhere, "client_id": CLIENT})
    assert await seen(house, token, book)
    await house.http.post("/auth/logout", data={"token": citizen, "client_id": CLIENT})

    assert await seen(house, token, book) is None


async def test_it_ends_by_itself(house: House) -> None:
    citizen, token, book = await world(house)
    shown = await show(house, citizen, minutes=1)
    unopened = await show(house, citizen, minutes=1)
    await opened(house, token, shown["code"])

    during = await seen(house, token, book)
    house.clock.ahead += timedelta(minutes=1)
    after = await seen(house, token, book)

    assert during
    assert after is None
    assert (await opened(house, token, unopened["code"]))["problems"] == [{"code": "ENDED", "attemptsLeft": None}]


async def test_the_second_who_opens_comes_too_late(house: House) -> None:
    """Row E1."""
    citizen, token, book = await world(house)
    other = await doctor(house, OTHER_DOCTOR, "000088/TEST-CCHN", "99002")
    shown = await show(house, citizen)

    first = await opened(house, token, shown["code"])
    second = await opened(house, other, shown["code"])
    again = await opened(house, token, shown["code"])

    assert first["problems"] == again["problems"] == []
    assert second["problems"] == [{"code": "TAKEN", "attemptsLeft": None}]
    assert second["patient"] is None
    assert await seen(house, other, book) is None


async def test_of_two_who_open_at_once_one_is_the_one(house: House) -> None:
    citizen, token, book = await world(house)
    other = await doctor(house, OTHER_DOCTOR, "000088/TEST-CCHN", "99002")
    shown = await show(house, citizen)

    answers = await asyncio.gather(*(opened(house, one, shown["code"]) for one in (token, other) * 5))

    winners = {index % 2 for index, answer in enumerate(answers) if not answer["problems"]}
    assert len(winners) == 1
    open_to = [await seen(house, one, book) is not None for one in (token, other)]
    assert open_to == [0 in winners, 1 in winners]


async def test_a_citizen_and_a_made_up_code_open_nothing(house: House) -> None:
    citizen, token, _ = await world(house)
    stranger = await house.citizen("999185900009", "Lê Thị Lạ")
    shown = await show(house, citizen)

    for nosy in (stranger, citizen):
        refused = await house.ask(nosy, OPEN, {"code": shown["code"]})
        assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    for code in ("EHB:P:" + "A" * 32, "nonsense", "", shown["code"][:-1]):
        assert (await opened(house, token, code))["problems"] == [{"code": "UNKNOWN", "attemptsLeft": None}]
    assert (await opened(house, token, f" {shown['code'].lower()} "))["problems"] == []


async def test_a_wrong_passcode_can_be_tried_five_times_in_a_whole_life(house: House) -> None:
    citizen, token, _ = await world(house)
    shown = await show(house, citizen, passcode="2468")

    wrong = [await opened(house, token, shown["code"], f"111{n}") for n in range(4)]
    right = await opened(house, token, shown["code"], "2468")

    assert [one["problems"][0]["attemptsLeft"] for one in wrong] == [4, 3, 2, 1]
    assert right["problems"] == []


@pytest.fixture
def changes() -> dict[str, Any]:
    return {"operations_at_once": 50}


async def test_fifty_guesses_at_once_are_five_at_most(house: House) -> None:
    citizen, token, book = await world(house)
    shown = await show(house, citizen, passcode="2468")

    at_once = asyncio.Semaphore(20)  # as many as one person may have running

    async def guess(number: int) -> dict[str, Any]:
        async with at_once:
            return await opened(house, token, shown["code"], f"{number:04}")

    answers = await asyncio.gather(*(guess(number) for number in range(50)))
    right = await opened(house, token, shown["code"], "2468")

    codes = [answer["problems"][0]["code"] for answer in answers]
    assert codes.count("PASSCODE_WRONG") == 5
    assert codes.count("LOCKED") == 45
    assert right["problems"] == [{"code": "LOCKED", "attemptsLeft": None}]
    assert await seen(house, token, book) is None
    [mine] = (await house.data(citizen, MINE))["myPresentations"]
    assert (mine["inForce"], mine["passcodeAttemptsLeft"]) == (False, 0)


async def test_a_clinician_whom_the_citizen_keeps_out_neither_opens_nor_binds(house: House) -> None:
    citizen, token, book = await world(house)
    block = (
        'mutation { giveConsent(consent: {permit: false, granteeKind: FACILITY, grantee: "99001"}) { consent { id } } }'
    )
    await house.data(citizen, block)
    other = await doctor(house, OTHER_DOCTOR, "000088/TEST-CCHN", "99002")
    shown = await show(house, citizen)

    refused = await house.ask(token, OPEN, {"code": shown["code"]})

    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert (await opened(house, other, shown["code"]))["problems"] == []
    assert await seen(house, other, book)


@pytest.mark.parametrize(
    "what",
    [
        {"sections": []},
        {"minutes": 0},
        {"minutes": 241},
        {"passcode": "12"},
        {"passcode": "abcd"},
        {"passcode": "１２３４"},
        {"labels": ["NONSENSE"]},
    ],
)
async def test_what_cannot_be_shown_is_said_and_nothing_changes(house: House, what: dict[str, Any]) -> None:
    citizen = await house.citizen(NATIONAL_ID)

    answer = await house.ask(citizen, START, {"show": {"sections": ["CONDITIONS"], **what}})

    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert await house.mongo.database["grants"].count_documents({}) == 0
    line = await house.mongo.database["audit_events"].find_one({"path": "startPresentation"})
    assert line is not None


async def test_a_presentation_names_nobody_in_what_the_database_holds_in_clear(house: House) -> None:
    citizen, _, _ = await world(house)
    shown = await show(house, citizen, passcode="2468")

    [kept] = await house.mongo.database["grants"].find({"type": "presentation"}).to_list()

    assert "2468" not in str(kept)
    assert shown["code"].removeprefix("EHB:P:") not in str(kept)
    assert set(kept) == {"_id", "type", "sealed", "until", "ended", "secret", "attempts_left", "expires", "login"}
