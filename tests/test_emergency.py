"""Emergencies through the whole house: two steps, a closed rest, a notice, a judge who is somebody else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.builders import FACILITY
from tests.house import House
from tests.test_consent import DOCTOR, OTHER_DOCTOR, doctor, given, world

REASON = "Bệnh nhân bất tỉnh, cần biết tiền sử dị ứng"
OPEN = """mutation($p: ID!, $reason: String!) { openInEmergency(patient: $p, reason: $reason) {
  id until licence facility verdict } }"""
DECLARE = "mutation($id: ID!, $declared: Boolean!) { declareEmergency(id: $id, declared: $declared) { until } }"
REVIEW = "mutation($id: ID!, $v: Verdict!) { reviewEmergencyAccess(id: $id, verdict: $v) { verdict reviewedAt } }"
QUEUE = """query($waiting: Boolean!) { emergencyReviews(waiting: $waiting) {
  emergencies { id reason licence verdict } total waiting overdue proper misuse } }"""
BOOK = """query($p: ID!) { healthBook(patient: $p, purpose: EMERGENCY_TREATMENT) {
  timeline(first: 100) { nodes { __typename id } } withheld } }"""


async def opened(house: House, token: str, book: str) -> dict[str, Any]:
    return dict((await house.data(token, OPEN, {"p": book, "reason": REASON}))["openInEmergency"])


async def kinds(house: House, token: str, book: str) -> set[str] | None:
    answer = await house.ask(token, BOOK, {"p": book})
    if "errors" in answer:
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
        return None
    return {node["__typename"] for node in answer["data"]["healthBook"]["timeline"]["nodes"]}


async def code_of(house: House, token: str, query: str, variables: dict[str, Any]) -> str:
    answer = await house.ask(token, query, variables)
    return str(answer["errors"][0]["extensions"]["code"])


async def test_a_reason_opens_the_summary_for_minutes_and_a_declaration_the_book_for_hours(house: House) -> None:
    _, token, book = await world(house)

    before = await kinds(house, token, book)
    emergency = await opened(house, token, book)
    first = await kinds(house, token, book)
    house.clock.ahead += timedelta(minutes=9)
    still = await kinds(house, token, book)
    house.clock.ahead += timedelta(minutes=6)
    token = await house.citizen(DOCTOR, "Bác sĩ Thử")
    expired = await kinds(house, token, book)
    await house.data(token, DECLARE, {"id": emergency["id"], "declared": True})
    second = await kinds(house, token, book)

    assert before is None
    assert first
    assert "Encounter" not in first
    assert still == first
    assert expired is None
    assert second
    assert second > first
    assert "Encounter" in second


async def test_it_opens_to_nobody_else(house: House) -> None:
    _, token, book = await world(house)
    colleague = await doctor(house, OTHER_DOCTOR, "000088/TEST-CCHN", FACILITY)
    emergency = await opened(house, token, book)

    assert await kinds(house, colleague, book) is None
    assert await code_of(house, colleague, DECLARE, {"id": emergency["id"], "declared": True}) == "NOT_FOUND"


async def test_what_the_person_hid_stays_hidden_and_whom_they_keep_out_stays_out(house: House) -> None:
    citizen, token, book = await world(house)
    records = await house.data(citizen, "{ myHealthBook { treatment { conditions { nodes { id } } } } }")
    hidden = records["myHealthBook"]["treatment"]["conditions"]["nodes"][0]["id"]
    await house.data(citizen, "mutation($id: ID!) { restrictRecord(id: $id) { id } }", {"id": hidden})
    emergency = await opened(house, token, book)
    await house.data(token, DECLARE, {"id": emergency["id"], "declared": True})

    answer = await house.data(token, BOOK, {"p": book})
    block = {"permit": False, "granteeKind": "FACILITY", "grantee": FACILITY, "purposes": ["EMERGENCY_TREATMENT"]}
    await given(house, citizen, {"terms": block})

    assert hidden not in [node["id"] for node in answer["healthBook"]["timeline"]["nodes"]]
    assert await kinds(house, token, book) is None
    assert await code_of(house, token, OPEN, {"p": book, "reason": REASON}) == "FORBIDDEN"


async def test_a_colleague_judges_it_and_nobody_else(house: House) -> None:
    citizen, token, book = await world(house)
    colleague = await doctor(house, OTHER_DOCTOR, "000088/TEST-CCHN", FACILITY)
    elsewhere = await doctor(house, "999185000099", "000099/TEST-CCHN", "99002")
    emergency = await opened(house, token, book)
    judged = {"id": emergency["id"], "v": "MISUSE"}

    own, other, stranger = [await code_of(house, one, REVIEW, judged) for one in (token, elsewhere, citizen)]
    queue = (await house.data(colleague, QUEUE, {"waiting": True}))["emergencyReviews"]
    review = (await house.data(colleague, REVIEW, judged))["reviewEmergencyAccess"]
    again = await code_of(house, colleague, REVIEW, judged)
    after = (await house.data(colleague, QUEUE, {"waiting": True}))["emergencyReviews"]

    assert (own, other, stranger) == ("FORBIDDEN", "NOT_FOUND", "FORBIDDEN")
    assert [one["reason"] for one in queue["emergencies"]] == [REASON]
    assert (queue["total"], queue["waiting"], queue["misuse"]) == (1, 1, 0)
    assert review["verdict"] == "MISUSE"
    assert again == "CONFLICT"
    assert (after["emergencies"], after["waiting"], after["misuse"]) == ([], 0, 1)
    elsewhere_queue = (await house.data(elsewhere, QUEUE, {"waiting": False}))["emergencyReviews"]
    assert (elsewhere_queue["emergencies"], elsewhere_queue["total"]) == ([], 0)


@pytest.mark.parametrize(
    "reason", ["\0" * 20, "\u200b" * 20, "\u202e" * 20, "\u3164" * 20, "1234567890 !!", "Bn hôn mê"]
)
async def test_a_reason_that_nobody_can_read_opens_nothing(house: House, reason: str) -> None:
    _, token, book = await world(house)

    assert await code_of(house, token, OPEN, {"p": book, "reason": reason}) == "BAD_USER_INPUT"

    assert await house.mongo.database["grants"].count_documents({"type": "emergency"}) == 0


async def test_the_person_reads_in_their_access_log_why_it_was_opened(house: House) -> None:
    citizen, token, book = await world(house)
    await opened(house, token, book)
    await kinds(house, token, book)
    query = "{ myAccessLog(first: 10, others: true) { nodes { action reason text } } }"

    lines = (await house.data(citizen, query))["myAccessLog"]["nodes"]

    by_action = {line["action"]: line for line in lines}
    assert by_action["OPEN_EMERGENCY"]["reason"] == by_action["READ"]["reason"] == REASON
    assert not any(REASON in line["text"] for line in lines)


async def test_a_review_that_nobody_made_is_overdue(house: House) -> None:
    _, token, book = await world(house)
    await opened(house, token, book)
    await house.mongo.database["grants"].update_one(
        {"type": "emergency"}, {"$set": {"review_by": house.clock() - timedelta(minutes=1)}}
    )

    queue = (await house.data(token, QUEUE, {"waiting": True}))["emergencyReviews"]

    assert (queue["waiting"], queue["overdue"]) == (1, 1)


async def test_it_cannot_be_opened_without_a_reason_by_a_citizen_or_for_nobody(house: House) -> None:
    citizen, token, book = await world(house)
    nobody = (await house.data(token, '{ bookId(number: "999185900055") }'))["bookId"]
    emergency = await opened(house, token, book)

    assert await code_of(house, token, OPEN, {"p": book, "reason": "cứu"}) == "BAD_USER_INPUT"
    assert await code_of(house, citizen, OPEN, {"p": nobody, "reason": REASON}) == "FORBIDDEN"
    assert await code_of(house, token, OPEN, {"p": nobody, "reason": REASON}) == "NOT_FOUND"
    assert await code_of(house, token, OPEN, {"p": "made-up", "reason": REASON}) == "NOT_FOUND"
    assert await code_of(house, token, DECLARE, {"id": emergency["id"], "declared": False}) == "BAD_USER_INPUT"
    assert await house.mongo.database["grants"].count_documents({"type": "emergency"}) == 1


@pytest.mark.parametrize("purpose", ["TREATMENT", "PATIENT_REQUEST", "RESEARCH"])
async def test_it_is_for_that_purpose_alone(house: House, purpose: str) -> None:
    _, token, book = await world(house)
    await opened(house, token, book)

    asked = BOOK.replace("EMERGENCY_TREATMENT", purpose)

    assert await code_of(house, token, asked, {"p": book}) == "FORBIDDEN"
