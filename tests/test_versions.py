"""Versions: what a facility corrects or takes back leaves the book and stays in its history."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import FACILITY, NATIONAL_ID, visit_file
from tests.house import House

OTHER_ID = "999185900002"
OTHER_FACILITY = "99002"
BOOK = """{ myHealthBook {
  timeline { nodes { id __typename provenance { version } ended { why } } }
  corrections { nodes { id __typename time provenance { version } ended { why at reason } } }
} }"""
VERSIONS = """query ($id: ID!) { recordVersions(id: $id) {
  __typename provenance { version } ended { why reason } ... on Encounter { reason }
} }"""
RETRACT = """mutation ($id: ID!, $reason: String!) {
  retractSubmission(id: $id, reason: $reason) { id status version retractedAt }
}"""
REASON = "Nhập nhầm người bệnh"


async def _book(house: House, number: str = NATIONAL_ID) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    found = (await house.data(await house.citizen(number), BOOK))["myHealthBook"]
    return found["timeline"]["nodes"], found["corrections"]["nodes"]


async def _retract(house: House, token: str, receipt: str, reason: str = REASON) -> dict[str, Any]:
    return await house.ask(token, RETRACT, {"id": receipt, "reason": reason})


async def test_every_version_of_a_record_stays_readable_to_the_person(house: House) -> None:
    token = await house.facility(FACILITY)
    for reason in ("Sốt", "Ho", "Sốt và ho"):
        await house.submit(token, visit_file({"LY_DO_VV": reason}))

    counting, corrected = await _book(house)
    encounter = next(one["id"] for one in counting if one["__typename"] == "Encounter")
    versions = (await house.data(await house.citizen(NATIONAL_ID), VERSIONS, {"id": encounter}))["recordVersions"]

    assert [(one["reason"], one["provenance"]["version"]) for one in versions] == [
        ("Sốt và ho", 3),
        ("Ho", 2),
        ("Sốt", 1),
    ]
    assert [one["ended"] for one in versions] == [None, *[{"why": "SUPERSEDED", "reason": None}] * 2]
    assert [(one["__typename"], one["provenance"]["version"]) for one in corrected] == [
        ("Encounter", 2),
        ("Encounter", 1),
    ]
    assert all(one["ended"] is None for one in counting)


async def test_versions_of_one_moment_are_paged_one_by_one(house: House) -> None:
    token = await house.facility(FACILITY)
    for reason in ("Sốt", "Ho", "Sốt và ho", "Mệt"):
        await house.submit(token, visit_file({"LY_DO_VV": reason}))
    citizen = await house.citizen(NATIONAL_ID)
    query = """query ($after: String) { myHealthBook { corrections(first: 1, after: $after) {
      nodes { provenance { version } } pageInfo { endCursor hasNextPage } } } }"""

    seen: list[int] = []
    after = None
    for _ in range(3):
        page = (await house.data(citizen, query, {"after": after}))["myHealthBook"]["corrections"]
        seen += [node["provenance"]["version"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]

    assert (seen, page["pageInfo"]["hasNextPage"]) == ([3, 2, 1], False)


async def test_a_visit_that_is_taken_back_leaves_the_book_and_stays_in_its_history(house: House) -> None:
    token = await house.facility(FACILITY)
    receipt = (await house.submit(token, visit_file())).json()

    taken_back = (await _retract(house, token, receipt["id"]))["data"]["retractSubmission"]
    counting, corrected = await _book(house)

    assert (taken_back["status"], taken_back["version"]) == ("ACCEPTED", 1)
    assert taken_back["retractedAt"]
    assert counting == []
    assert len(corrected) == receipt["records"]
    assert {(one["ended"]["why"], one["ended"]["reason"]) for one in corrected} == {("ENTERED_IN_ERROR", REASON)}


async def test_taking_back_twice_changes_nothing_more(house: House) -> None:
    token = await house.facility(FACILITY)
    receipt = (await house.submit(token, visit_file())).json()

    first = await _retract(house, token, receipt["id"])
    second = await _retract(house, token, receipt["id"], "Lý do khác")

    assert first["data"] == second["data"]
    assert {one["ended"]["reason"] for one in (await _book(house))[1]} == {REASON}


async def test_the_same_file_after_it_was_taken_back_is_the_next_version(house: House) -> None:
    token = await house.facility(FACILITY)
    receipt = (await house.submit(token, visit_file())).json()
    await _retract(house, token, receipt["id"])

    again = (await house.submit(token, visit_file())).json()
    counting, _ = await _book(house)

    assert (again["status"], again["version"]) == ("ACCEPTED", 2)
    assert len(counting) == receipt["records"]
    assert {one["provenance"]["version"] for one in counting} == {2}


async def test_what_waits_for_an_identity_can_be_taken_back_too(house: House) -> None:
    token = await house.facility(FACILITY)
    receipt = (await house.submit(token, visit_file({"SO_CCCD": ""}))).json()

    taken_back = (await _retract(house, token, receipt["id"]))["data"]["retractSubmission"]

    assert taken_back["status"] == "WAITING_FOR_IDENTITY"
    assert taken_back["retractedAt"]


async def test_only_the_newest_version_that_was_taken_can_be_taken_back(house: House) -> None:
    token = await house.facility(FACILITY)
    old = (await house.submit(token, visit_file())).json()
    await house.submit(token, visit_file({"LY_DO_VV": "Ho"}))
    newest = (await house.submit(token, visit_file({"LY_DO_VV": "Sốt"}))).json()
    refused = (await house.submit(token, visit_file({"MA_LK": "LK-2", "NGAY_VAO": "20261301"}))).json()

    answers = [await _retract(house, token, receipt["id"]) for receipt in (old, refused)]

    conflicts = [answer["errors"][0] for answer in answers]
    assert [one["extensions"] for one in conflicts] == [
        {"code": "CONFLICT", "newestReceipt": newest["id"]},
        {"code": "CONFLICT"},
    ]
    assert newest["id"] in conflicts[0]["message"]
    assert len((await _book(house))[0]) == old["records"]


@pytest.mark.parametrize("reason", ["", "  ", "x" * 1001])
async def test_taking_back_needs_a_reason(house: House, reason: str) -> None:
    token = await house.facility(FACILITY)
    receipt = (await house.submit(token, visit_file())).json()

    answer = await _retract(house, token, receipt["id"], reason)

    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert len((await _book(house))[0]) == receipt["records"]


async def test_nobody_takes_back_what_another_facility_sent(house: House) -> None:
    receipt = (await house.submit(await house.facility(FACILITY), visit_file())).json()
    others = [await house.facility(OTHER_FACILITY), await house.citizen(NATIONAL_ID)]

    codes = [(await _retract(house, other, receipt["id"]))["errors"][0]["extensions"]["code"] for other in others]

    assert codes == ["NOT_FOUND", "FORBIDDEN"]
    assert len((await _book(house))[0]) == receipt["records"]


async def test_visit_sent_with_a_wrong_number_leaves_no_content_with_the_first_person(house: House) -> None:
    token = await house.facility(FACILITY)
    await house.submit(token, visit_file({"SO_CCCD": OTHER_ID}))
    await house.submit(token, visit_file())

    counting, ended = await _book(house, OTHER_ID)
    assert counting == []
    assert {one["ended"]["why"] for one in ended} == {"MOVED"}
    assert (len((await _book(house))[0]), (await _book(house))[1]) == (6, [])


async def test_a_visit_that_comes_back_to_its_person_brings_its_history(house: House) -> None:
    token = await house.facility(FACILITY)
    for number in (NATIONAL_ID, OTHER_ID, NATIONAL_ID):
        await house.submit(token, visit_file({"SO_CCCD": number}))

    counting, corrected = await _book(house)

    assert {one["provenance"]["version"] for one in counting} == {2}
    assert {(one["provenance"]["version"], one["ended"]["why"]) for one in corrected} == {(1, "SUPERSEDED")}


async def test_late_results_add_to_the_visit_and_touch_nothing_else(house: House) -> None:
    token = await house.facility(FACILITY)
    await house.submit(token, visit_file(without=["XML4"]))

    later = (await house.submit(token, visit_file())).json()
    counting, corrected = await _book(house)

    assert (later["status"], later["version"]) == ("ACCEPTED", 2)
    assert [one["__typename"] for one in corrected] == ["DiagnosticReport"]  # the one that said: no result yet
    assert sorted(one["provenance"]["version"] for one in counting) == [1] * len(counting)


async def test_anothers_record_has_no_versions(house: House) -> None:
    await house.submit(await house.facility(FACILITY), visit_file())
    record = (await _book(house))[0][0]["id"]

    answer = await house.ask(await house.citizen(OTHER_ID), VERSIONS, {"id": record})

    assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"
