"""The access log through the whole house: who asked, why, by which rule, in plain words, and nothing clinical."""

from __future__ import annotations

from typing import Any

import pytest

from ehb.services import stewardship
from tests.builders import FACILITY, NATIONAL_ID, visit_file
from tests.house import House
from tests.stewards import STEWARD, appoint, stewards_door
from tests.test_consent import OTHER_DOCTOR, doctor, given, permit, seen, world
from tests.test_emergency import OPEN as OPEN_EMERGENCY
from tests.test_emergency import REASON
from tests.test_guardians import CHILD, PARENT, child, read, wards
from tests.test_presentation import OPEN, opened, show

LOG = """query($first: Int! = 100, $after: String, $outcome: Outcome, $others: Boolean! = false, $facility: String,
  $actions: [Action!], $from: Date, $to: Date, $patient: ID) { myAccessLog(first: $first, after: $after,
  outcome: $outcome, others: $others, facility: $facility, actions: $actions, from: $from, to: $to, patient: $patient) {
  nodes { id text count outcome action purpose who name licence facility facilityName sections rule source disputed }
  pageInfo { hasNextPage endCursor } } }"""
DISPUTE = "mutation($id: ID!, $reason: String!) { disputeAccess(id: $id, reason: $reason) { id } }"


async def log(house: House, token: str, language: str = "en", **wanted: Any) -> list[dict[str, Any]]:
    answer = await house.ask(token, LOG, wanted, language)
    assert "errors" not in answer, answer
    return list(answer["data"]["myAccessLog"]["nodes"])


async def test_a_clinicians_look_is_told_with_who_where_why_and_by_which_consent(house: House) -> None:
    citizen, token, book = await world(house)
    consent = await given(house, citizen, permit(select={"sections": ["CONDITIONS", "PRESCRIPTIONS"]}))
    assert await seen(house, token, book)

    [line] = await log(house, citizen, others=True, actions=["READ"])
    [vietnamese] = await log(house, citizen, "vi", others=True, actions=["READ"])

    assert line["text"] == (
        "Bác sĩ Thử (a practitioner), Bệnh viện Thử 99001 saw the health book (diagnoses, prescriptions). "
        "Purpose: treatment. Ground: you agreed."
    )
    assert vietnamese["text"] == (
        "Bác sĩ Thử (một người hành nghề), Bệnh viện Thử 99001 xem sổ sức khỏe (chẩn đoán, đơn thuốc). "
        "Mục đích: khám bệnh, chữa bệnh. Căn cứ: bạn đã đồng ý."
    )
    assert (line["who"], line["name"], line["facility"]) == ("PRACTITIONER", "Bác sĩ Thử", FACILITY)
    assert (line["rule"], line["source"], line["sections"]) == ("CONSENT", consent, ["CONDITIONS", "PRESCRIPTIONS"])


async def test_a_refusal_says_which_rule_kept_them_out(house: House) -> None:
    citizen, token, book = await world(house)
    assert await seen(house, token, book) is None
    block = await given(house, citizen, {"terms": {"permit": False, "granteeKind": "FACILITY", "grantee": FACILITY}})
    assert await seen(house, token, book) is None

    blocked, without = await log(house, citizen, outcome="DENY")

    assert (blocked["rule"], blocked["source"]) == ("BLOCKED", block)
    assert blocked["text"].endswith("Refused because: you keep them out.")
    assert (without["rule"], without["source"]) == ("NO_LEGAL_GROUND", None)


async def test_every_path_leaves_its_line(house: House) -> None:
    citizen, token, book = await world(house)
    shown = await show(house, citizen)
    stranger = await house.citizen("999185900009", "Lê Thị Lạ")
    await house.ask(stranger, OPEN, {"code": shown["code"]})
    await opened(house, token, shown["code"])
    await house.data(token, OPEN_EMERGENCY, {"p": book, "reason": REASON})
    record = (await house.data(citizen, "{ myHealthBook { timeline(first: 1) { nodes { id } } } }"))["myHealthBook"]
    first = record["timeline"]["nodes"][0]["id"]
    await house.ask(token, "query($id: ID!) { record(id: $id, purpose: TREATMENT) { id } }", {"id": first})
    await house.ask(stranger, "query($id: ID!) { recordVersions(id: $id) { id } }", {"id": first})

    lines = await log(house, citizen, others=True)

    assert [(one["action"], one["outcome"], one["who"]) for one in lines] == [
        ("READ", "DENY", "PERSON"),
        ("READ", "PERMIT", "PRACTITIONER"),
        ("OPEN_EMERGENCY", "PERMIT", "PRACTITIONER"),
        ("OPEN_PRESENTATION", "PERMIT", "PRACTITIONER"),
        ("OPEN_PRESENTATION", "DENY", "PERSON"),
        ("SUBMIT", "PERMIT", "FACILITY"),
    ]
    assert "one record of" in lines[0]["text"]
    everything = str(await log(house, citizen))
    for secret in (NATIONAL_ID, "I10", "Amlodipin", "Tăng huyết áp", "Lê Thị Lạ", REASON):
        assert secret not in everything


async def test_pages_follow_each_other_and_a_cursor_is_for_its_own_list(house: House) -> None:
    citizen, token, book = await world(house)
    for purpose in ("TREATMENT", "EMERGENCY_TREATMENT", "RESEARCH", "PAYMENT", "PUBLIC_HEALTH"):
        await house.ask(
            token, f"query($p: ID!) {{ healthBook(patient: $p, purpose: {purpose}) {{ asOf }} }}", {"p": book}
        )
    all_of_them = [one["id"] for one in await log(house, citizen, outcome="DENY")]

    walked: list[str] = []
    cursor = None
    while True:
        page = (await house.data(citizen, LOG, {"first": 2, "after": cursor, "outcome": "DENY"}))["myAccessLog"]
        walked += [one["id"] for one in page["nodes"]]
        cursor = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break

    assert len(all_of_them) == 5
    assert walked == all_of_them
    for stranger, wrong in ((token, cursor), (citizen, "made-up")):
        answer = await house.ask(stranger, LOG, {"after": wrong})
        assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_it_can_be_narrowed(house: House) -> None:
    citizen, token, book = await world(house)
    elsewhere = await doctor(house, OTHER_DOCTOR, "000088/TEST-CCHN", "99002")
    await seen(house, token, book)
    await seen(house, elsewhere, book)

    assert [one["facility"] for one in await log(house, citizen, facility="99002")] == ["99002"]
    assert {one["who"] for one in await log(house, citizen, outcome="DENY")} == {"PRACTITIONER"}
    assert await log(house, citizen, **{"from": "2020-01-01"}, to="2020-01-02") == []
    assert len(await log(house, citizen, **{"from": "2020-01-01"}, to="2100-01-01")) > 3
    assert (await house.ask(citizen, LOG, {"first": 101}))["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_line_can_be_objected_to_once_and_the_steward_sees_it(house: House) -> None:
    citizen, token, book = await world(house)
    await seen(house, token, book)
    [line] = await log(house, citizen, outcome="DENY")

    await house.data(citizen, DISPUTE, {"id": line["id"], "reason": "Tôi không đến khám"})
    again = await house.ask(citizen, DISPUTE, {"id": line["id"], "reason": "Tôi không đến khám"})
    foreign = await house.ask(token, DISPUTE, {"id": line["id"], "reason": "not mine"})
    empty = await house.ask(citizen, DISPUTE, {"id": line["id"], "reason": " "})

    codes = [one["errors"][0]["extensions"]["code"] for one in (again, foreign, empty)]
    assert codes == ["CONFLICT", "NOT_FOUND", "BAD_USER_INPUT"]
    [disputed] = [one for one in await log(house, citizen) if one["disputed"]]
    assert disputed["id"] == line["id"]
    [objection] = await stewards_door(house).trail.disputes(STEWARD, 10, path="test")
    assert objection.reason == "Tôi không đến khám"
    assert objection.event.agent_facility == FACILITY
    [kept] = await house.mongo.database["disputes"].find().to_list()
    assert "khám" not in str(kept)


@pytest.mark.parametrize(("years", "sees_visits"), [(10, True), (16, False)])
async def test_from_15_a_parent_sees_in_the_log_what_they_did_themselves(
    house: House, years: int, *, sees_visits: bool
) -> None:
    parent = await child(house, years)
    await appoint(house, CHILD, PARENT)
    [ward] = await wards(house, parent)
    await read(house, parent, ward["patient"])

    lines = await log(house, parent, patient=ward["patient"])

    assert bool({"FACILITY", "STEWARD"} & {one["who"] for one in lines}) is sees_visits
    looked = next(one for one in lines if one["action"] == "READ")
    assert (looked["who"], looked["name"]) == ("REPRESENTATIVE", "Nguyễn Thị Mẹ")


async def test_whose_book_is_merged_sees_the_lines_of_both_numbers(house: House) -> None:
    token = await house.facility(FACILITY)
    other = "999185900777"
    await house.submit(token, visit_file())
    await house.submit(token, visit_file({"SO_CCCD": other, "MA_LK": "LK-2"}))
    await stewardship.merge(stewards_door(house), STEWARD, NATIONAL_ID, other, "cùng một người", path="test")
    citizen = await house.citizen(NATIONAL_ID)

    [line] = await log(house, citizen, actions=["SUBMIT"])

    assert line["count"] == 2


@pytest.mark.parametrize(("bound", "day"), [("to", "9999-12-31"), ("from", "0001-01-01")])
async def test_the_ends_of_the_calendar_are_no_bug(house: House, bound: str, day: str) -> None:
    citizen, *_ = await world(house)

    answer = await house.ask(citizen, f'{{ myAccessLog({bound}: "{day}") {{ nodes {{ id }} }} }}')

    assert "errors" not in answer or answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
