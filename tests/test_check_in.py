"""Check-ins through HTTP and a real mongod: before the finished visit, after it, and after it was taken back."""

from __future__ import annotations

from typing import Any

from tests.builders import FACILITY, NATIONAL_ID, visit_file
from tests.formats.rows import check_in_file
from tests.house import House

BOOK = """{ myHealthBook { treatment {
  encounters { nodes { status period { end } } } procedures { nodes { status } } prescriptions { nodes { status } }
} } }"""
RETRACT = """mutation($id: ID!) { retractSubmission(id: $id, reason: "Nhầm người") { __typename } }"""
ORDER = {"MA_DICH_VU": "02.1897", "TEN_DICH_VU": "Khám Nội", "NGAY_YL": "202610050815"}


async def _book(house: House) -> Any:
    token = await house.citizen(NATIONAL_ID)
    return (await house.data(token, BOOK))["myHealthBook"]["treatment"]


async def test_a_check_in_shows_at_once_and_the_finished_visit_takes_its_place(house: House) -> None:
    facility = await house.facility(FACILITY)

    arrived = await house.submit(facility, check_in_file())
    before = await _book(house)
    ordered = await house.submit(facility, check_in_file({}, ORDER))
    meanwhile = await _book(house)
    finished = await house.submit(facility, visit_file())
    after = await _book(house)

    receipts = [answer.json() for answer in (arrived, ordered, finished)]
    assert [(one["status"], one["version"]) for one in receipts] == [("ACCEPTED", 1), ("ACCEPTED", 2), ("ACCEPTED", 3)]
    assert before["encounters"]["nodes"] == [{"status": "arrived", "period": {"end": None}}]
    assert meanwhile["encounters"]["nodes"] == [{"status": "in-progress", "period": {"end": None}}]
    assert meanwhile["procedures"]["nodes"] == [{"status": "preparation"}]
    assert after["encounters"]["nodes"] == [{"status": "finished", "period": {"end": "2026-10-05T11:00:00+07:00"}}]
    assert after["procedures"]["nodes"] == []


async def test_a_check_in_that_comes_after_the_finished_visit_changes_nothing_and_says_so(house: House) -> None:
    facility = await house.facility(FACILITY)
    finished = (await house.submit(facility, visit_file())).json()
    before = await _book(house)

    for dry_run in (True, False):
        late = (await house.submit(facility, check_in_file({}, ORDER), dry_run=dry_run)).json()

        assert (late["id"], late["status"], late["version"]) == (finished["id"], "UNCHANGED", 1)
        assert [(one["rule"], one["severity"]) for one in late["problems"]] == [("checkin.late", "WARNING")]
    assert await _book(house) == before
    assert (await house.submit(facility, visit_file())).json()["status"] == "UNCHANGED"


async def test_the_same_check_in_again_is_unchanged(house: House) -> None:
    facility = await house.facility(FACILITY)
    first = (await house.submit(facility, check_in_file())).json()

    again = (await house.submit(facility, check_in_file())).json()

    assert (again["id"], again["status"], again["problems"]) == (first["id"], "UNCHANGED", [])


async def test_a_visit_that_was_taken_back_can_begin_again_with_a_check_in(house: House) -> None:
    facility = await house.facility(FACILITY)
    finished = (await house.submit(facility, visit_file())).json()
    await house.data(facility, RETRACT, {"id": finished["id"]})

    again = (await house.submit(facility, check_in_file())).json()

    assert (again["status"], again["version"]) == ("ACCEPTED", 2)
    assert [one["status"] for one in (await _book(house))["encounters"]["nodes"]] == ["arrived"]


async def test_a_check_in_without_identity_waits_and_the_finished_visit_brings_it(house: House) -> None:
    facility = await house.facility(FACILITY)
    waiting = (await house.submit(facility, check_in_file({"SO_CCCD": ""}))).json()

    finished = (await house.submit(facility, visit_file())).json()

    assert (waiting["status"], finished["status"], finished["version"]) == ("WAITING_FOR_IDENTITY", "ACCEPTED", 2)
    assert [one["status"] for one in (await _book(house))["encounters"]["nodes"]] == ["finished"]


async def test_a_check_in_of_another_facility_is_refused(house: House) -> None:
    answer = await house.submit(await house.facility("99002"), check_in_file())

    assert answer.status_code == 403
