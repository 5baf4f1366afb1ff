"""Receipts: a facility sees all that it sent, by status, time and episode, and nobody else's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import FACILITY, visit_file
from tests.house import House

OTHER_FACILITY = "99002"
MINE = """query ($first: Int! = 50, $after: String, $status: Status, $episode: String, $from: Date, $to: Date) {
  mySubmissions(first: $first, after: $after, status: $status, episode: $episode, from: $from, to: $to) {
    nodes { id status episode version records receivedAt replacedBy retractedAt problems { rule } }
    pageInfo { hasNextPage hasPreviousPage endCursor }
    counts { status count }
  }
}"""
REFUSED = {"MA_LK": "LK-9", "NGAY_VAO": "20261301"}


async def _mine(house: House, token: str, **variables: object) -> dict[str, Any]:
    found: dict[str, Any] = (await house.data(token, MINE, variables))["mySubmissions"]
    return found


async def _sent(house: House) -> tuple[str, list[dict[str, Any]]]:
    """Two versions of a visit, one that waits, one that is refused, from one facility; one visit from another."""
    token = await house.facility(FACILITY)
    bodies = [
        visit_file(),
        visit_file({"LY_DO_VV": "Ho"}),
        visit_file({"MA_LK": "LK-8", "SO_CCCD": ""}),
        visit_file(REFUSED),
    ]
    receipts = [(await house.submit(token, body)).json() for body in bodies]
    await house.submit(await house.facility(OTHER_FACILITY), visit_file(facility=OTHER_FACILITY))
    return token, receipts


async def test_a_facility_sees_what_it_sent_newest_first_and_nothing_of_others(house: House) -> None:
    token, receipts = await _sent(house)

    found = await _mine(house, token)

    assert [one["id"] for one in found["nodes"]] == [one["id"] for one in reversed(receipts)]
    for shown, sent in zip(found["nodes"], reversed(receipts), strict=True):
        assert (shown["status"], shown["episode"], shown["version"], shown["records"]) == (
            sent["status"],
            sent["episode"],
            sent["version"],
            sent["records"],
        )
        assert [one["rule"] for one in shown["problems"]] == [one["rule"] for one in sent["problems"]]
    assert {one["status"]: one["count"] for one in found["counts"]} == {
        "ACCEPTED": 2,
        "WAITING_FOR_IDENTITY": 1,
        "REJECTED": 1,
    }


async def test_an_older_version_names_the_receipt_that_replaced_it(house: House) -> None:
    token, (first, second, *_) = await _sent(house)

    replaced = {one["id"]: one["replacedBy"] for one in (await _mine(house, token))["nodes"]}
    by_http = await house.http.get(f"/facility/submissions/{first['id']}", headers={"Authorization": f"Bearer {token}"})

    assert (replaced[first["id"]], replaced[second["id"]]) == (second["id"], None)
    assert by_http.json()["replaced_by"] == second["id"]


@pytest.mark.parametrize(
    ("status", "codes"), [("ACCEPTED", ["LK-1", "LK-1"]), ("WAITING_FOR_IDENTITY", ["LK-8"]), ("REJECTED", ["LK-9"])]
)
async def test_receipts_are_found_by_status_and_the_counts_stay_whole(
    house: House, status: str, codes: list[str]
) -> None:
    token, _ = await _sent(house)

    found = await _mine(house, token, status=status)

    assert [one["episode"] for one in found["nodes"]] == codes
    assert sum(one["count"] for one in found["counts"]) == 4


async def test_receipts_are_found_by_episode_whatever_format_it_came_in(house: House) -> None:
    token, _ = await _sent(house)
    typed = """mutation { submitVisitSummary(input: {episode: "LK-1", patient: {identifier: "999185000001"},
      allergies: [{time: "2026", code: {text: "Penicillin"}}]}) { id } }"""
    sent = (await house.data(token, typed))["submitVisitSummary"]["id"]

    found = await _mine(house, token, episode="LK-1")
    nothing = await _mine(house, token, episode="LK-404")

    assert (len(found["nodes"]), found["nodes"][0]["id"]) == (3, sent)
    assert nothing["nodes"] == []


async def test_receipts_are_found_by_day(house: House) -> None:
    token, receipts = await _sent(house)

    assert len((await _mine(house, token, **{"from": "2020-01-01", "to": "2099-12-31"}))["nodes"]) == len(receipts)
    assert (await _mine(house, token, to="2020-01-01"))["nodes"] == []
    assert (await _mine(house, token, **{"from": "2099-01-01"}))["nodes"] == []


async def test_pages_hold_every_receipt_once(house: House) -> None:
    token, receipts = await _sent(house)

    seen: list[str] = []
    after = None
    for _ in receipts:
        page = await _mine(house, token, first=1, after=after)
        seen += [one["id"] for one in page["nodes"]]
        after = page["pageInfo"]["endCursor"]

    assert seen == [one["id"] for one in reversed(receipts)]
    assert not page["pageInfo"]["hasNextPage"]


async def test_a_cursor_of_another_list_or_facility_is_refused(house: House) -> None:
    token, _ = await _sent(house)
    cursor = (await _mine(house, token, first=1))["pageInfo"]["endCursor"]
    other = await house.facility(OTHER_FACILITY)

    answers = [
        await house.ask(token, MINE, {"after": cursor, "status": "ACCEPTED"}),
        await house.ask(other, MINE, {"after": cursor}),
        await house.ask(token, MINE, {"first": 101}),
        await house.ask(token, MINE, {"to": "9999-12-31"}),
    ]

    assert {answer["errors"][0]["extensions"]["code"] for answer in answers} == {"BAD_USER_INPUT"}


async def test_what_waited_and_got_its_number_waits_no_more(house: House) -> None:
    token = await house.facility(FACILITY)
    await house.submit(token, visit_file({"SO_CCCD": ""}))
    await house.submit(token, visit_file())

    found = await _mine(house, token)

    assert [one["status"] for one in found["nodes"]] == ["ACCEPTED"]
    assert {one["status"]: one["count"] for one in found["counts"]} == {
        "ACCEPTED": 1,
        "WAITING_FOR_IDENTITY": 0,
        "REJECTED": 0,
    }


async def test_a_person_has_no_submissions_and_nobody_even_less(house: House) -> None:
    citizen = await house.citizen("999185000001")

    answers = [await house.ask(citizen, MINE), await house.ask(None, MINE)]

    assert [answer["errors"][0]["extensions"]["code"] for answer in answers] == ["FORBIDDEN", "UNAUTHENTICATED"]
