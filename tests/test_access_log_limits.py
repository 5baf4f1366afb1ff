"""The access log cannot be drowned, and nobody's birth date can be tried out without a trace."""

from __future__ import annotations

from asyncio import gather
from dataclasses import replace
from typing import Any

import pytest

from ehb.custodian.door import REFUSED_ABOUT_ONE
from ehb.domain.identity_problems import CARD_REHEARSALS
from ehb.store import store
from tests.builders import FACILITY, NATIONAL_ID, visit_file
from tests.house import House
from tests.test_consent import given, permit, world
from tests.test_people import CARD

READ = "query($p: ID!) { healthBook(patient: $p, purpose: FAMILY_REQUEST) { asOf } }"
TREATED = READ.replace("FAMILY_REQUEST", "TREATMENT")
LOG = """query($first: Int!, $after: String) { myAccessLog(first: $first, after: $after, others: true) {
  nodes { id time firstTime count who action outcome text } pageInfo { hasNextPage endCursor } } }"""
DISPUTE = 'mutation($id: ID!) { disputeAccess(id: $id, reason: "tôi không quen") { id } }'


async def log(house: House, token: str, first: int = 50, after: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = (await house.data(token, LOG, {"first": first, "after": after}))["myAccessLog"]
    return found


async def refused(house: House, token: str, book: str, times: int) -> list[str]:
    """Codes of refused reads."""
    codes = []
    for _ in range(times):
        answer = await house.ask(token, READ, {"p": book})
        codes.append(answer["errors"][0]["extensions"]["code"])
    return codes


async def test_stranger_leaves_thirty_entries_and_buries_no_line(house: House) -> None:
    citizen, doctor, book = await world(house)
    await given(house, citizen, permit())
    stranger = await house.citizen("999185000333", "Kẻ Lạ")

    await house.data(doctor, TREATED, {"p": book})
    codes = await refused(house, stranger, book, 40)
    await house.data(doctor, TREATED, {"p": book})
    page = await log(house, citizen, first=5)

    assert {*codes} == {"FORBIDDEN"}
    entries = house.mongo.database["audit_events"]
    assert await entries.count_documents({"outcome": "DENY", "action": "READ"}) == REFUSED_ABOUT_ONE.most + 1
    lines = [(one["who"], one["outcome"], one["count"]) for one in page["nodes"]]
    assert ("PRACTITIONER", "PERMIT", 2) in lines
    assert ("PERSON", "DENY", REFUSED_ABOUT_ONE.most) in lines
    assert any("many more times" in one["text"] for one in page["nodes"])


async def test_equal_accesses_of_a_day_are_one_line_and_every_event_counts_once(house: House) -> None:
    citizen, doctor, book = await world(house)
    await given(house, citizen, permit())
    for nth in range(7):
        await house.data(doctor, TREATED, {"p": book})
        if nth % 2:
            await house.data(doctor, TREATED.replace("asOf", "treatment { conditions { nodes { id } } }"), {"p": book})

    seen, after = [], None
    for _ in range(20):
        page = await log(house, citizen, first=1, after=after)
        seen += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    whole = await log(house, citizen)

    events = house.mongo.database["audit_events"]
    [patient] = [one["patient"] async for one in events.find({"action": "GIVE_CONSENT"}, {"patient": 1})]
    others = await events.count_documents(
        {"patient": patient, "agent.patient": {"$ne": patient}, "action": {"$ne": "SIGN_IN"}}
    )
    assert sum(one["count"] for one in seen) == sum(one["count"] for one in whole["nodes"]) == others
    assert len({one["id"] for one in seen}) == len(seen)
    reads = [one for one in whole["nodes"] if one["action"] == "READ"]
    assert sorted(one["count"] for one in reads) == [3, 7]
    assert all(one["firstTime"] <= one["time"] for one in reads)


@pytest.mark.parametrize(("outcome", "lines"), [("DENY", 2), ("PERMIT", 4)])
async def test_refusals_of_other_paths_and_parts_are_one_line(house: House, outcome: str, lines: int) -> None:
    citizen, doctor, book = await world(house)
    await refused(house, doctor, book, 1)
    events = house.mongo.database["audit_events"]
    one = await events.find_one({"outcome": "DENY", "action": "READ"}) or {}
    one["rule"] = "CONSENT" if outcome == "PERMIT" else one["rule"]
    await events.delete_many({"patient": one["patient"]})
    for nth in range(12):
        path, purpose = f"path{nth % 2}", ("TREAT", "FAMRQT")[nth // 6]
        place = bytes(one["_id"])[:-1] + bytes([nth])
        await events.insert_one({**one, "_id": place, "path": path, "purpose": purpose, "outcome": outcome})

    page = await log(house, citizen)

    assert [line["count"] for line in page["nodes"]] == [12 // lines] * lines


async def test_page_looks_at_a_bounded_number_of_events(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from ehb.store import access_log

    monkeypatch.setattr(access_log, "_BATCH", 5)
    monkeypatch.setattr(access_log, "MAX_EVENTS_A_PAGE", 10)
    citizen, doctor, book = await world(house)
    await given(house, citizen, permit())
    for _ in range(24):
        await house.data(doctor, TREATED, {"p": book})

    first = await log(house, citizen)
    second = await log(house, citizen, after=first["pageInfo"]["endCursor"])

    assert [one["count"] for one in first["nodes"]] == [10]
    assert first["pageInfo"]["hasNextPage"]
    assert [one["count"] for one in second["nodes"]] == [10]


async def test_disputes_of_a_person_have_a_budget(house: House) -> None:
    citizen, doctor, book = await world(house)
    await given(house, citizen, permit())
    for nth in range(12):
        query = f"query($p: ID!) {{ a{nth}: healthBook(patient: $p, purpose: TREATMENT) {{ asOf }} }}"
        await house.data(doctor, query, {"p": book})
    events = await house.mongo.database["audit_events"].find({"action": "READ", "outcome": "PERMIT"}).to_list()
    from graphql_schema.ids import OpaqueIds

    ids = OpaqueIds(house.keys.opaque)
    codes = []
    for one in events:
        answer = await house.ask(citizen, DISPUTE, {"id": ids.line(bytes(one["_id"]))})
        codes.append(answer.get("errors", [{"extensions": {"code": None}}])[0]["extensions"]["code"])

    assert codes.count(None) == 10
    assert codes[-1] == "RATE_LIMITED"


async def test_objection_stays_on_the_line_when_equal_events_follow(house: House) -> None:
    citizen, doctor, book = await world(house)
    await refused(house, doctor, book, 2)
    [line] = [one for one in (await log(house, citizen))["nodes"] if one["outcome"] == "DENY"]
    await house.data(citizen, DISPUTE, {"id": line["id"]})

    await refused(house, doctor, book, 1)
    shown = await house.data(citizen, "{ myAccessLog(others: true, outcome: DENY) { nodes { count disputed } } }")

    assert shown["myAccessLog"]["nodes"] == [{"count": 3, "disputed": True}]


async def test_dry_runs_about_a_person_are_in_their_log_and_tell_little(house: House) -> None:
    citizen = await house.citizen(NATIONAL_ID, birthdate="1985-03-07")
    facility = await house.facility(FACILITY)

    receipts = []
    for year in range(1980, 1990):
        body = visit_file({"NGAY_SINH": f"{year}03070000"})
        receipts.append((await house.submit(facility, body, dry_run=True)).json())
    told = [(one["status"], [problem["rule"] for problem in one["problems"]]) for one in receipts]
    lines = (await log(house, citizen))["nodes"]

    assert told[4] == ("ACCEPTED", ["identity.differs"])
    assert {one[0] for one in told[5:]} == {"WAITING_FOR_IDENTITY"}  # 1985 is among them
    assert {tuple(one[1]) for one in told[5:]} == {("identity.unchecked",)}
    assert [(one["who"], one["count"]) for one in lines] == [("FACILITY", 10)]
    assert "rehearsed a visit without storing it" in lines[0]["text"]


async def test_visit_is_stored_though_its_receipt_tells_no_more(house: House) -> None:
    await house.citizen(NATIONAL_ID, birthdate="1985-03-07")
    facility = await house.facility(FACILITY)

    receipts = []
    for nth in range(7):
        body = visit_file({"NGAY_SINH": "198603070000", "MA_LK": f"LK-{nth}"})
        receipts.append((await house.submit(facility, body)).json())

    assert {one["status"] for one in receipts} == {"ACCEPTED"}
    assert [one["problems"][0]["rule"] for one in receipts] == ["identity.differs"] * 5 + ["identity.unchecked"] * 2


async def test_right_birth_date_looks_like_a_wrong_one_beyond_the_budget(house: House) -> None:
    await house.citizen(NATIONAL_ID, birthdate="1985-03-07")
    facility, other = await house.facility(FACILITY), await house.facility("99002")
    for nth in range(5):
        await house.submit(facility, visit_file({"NGAY_SINH": "198603070000", "MA_LK": f"LK-{nth}"}))

    wrong = (await house.submit(facility, visit_file({"NGAY_SINH": "198603070000", "MA_LK": "LK-8"}))).json()
    right = (await house.submit(facility, visit_file({"NGAY_SINH": "198503070000", "MA_LK": "LK-9"}))).json()
    head = {"Authorization": f"Bearer {facility}"}
    kept = [(await house.http.get(f"/facility/submissions/{one['id']}", headers=head)).json() for one in (wrong, right)]
    elsewhere = (await house.submit(other, visit_file({"MA_LK": "LK-7"}, facility="99002"))).json()

    for receipt in (wrong, right, *kept):
        assert (receipt["status"], [one["rule"] for one in receipt["problems"]]) == (
            "ACCEPTED",
            ["identity.unchecked"],
        )
    assert elsewhere["problems"] == []


async def test_visit_that_shares_a_transaction_tells_no_more_either(house: House) -> None:
    await house.citizen(NATIONAL_ID, birthdate="1985-03-07")
    facility = await house.facility(FACILITY)
    for nth in range(5):
        await house.submit(facility, visit_file({"NGAY_SINH": "198603070000", "MA_LK": f"LK-{nth}"}))

    others = [visit_file({"SO_CCCD": f"99918500010{nth}", "MA_LK": f"LK-O{nth}"}) for nth in range(6)]
    bodies = [*others[:3], visit_file({"MA_LK": "LK-9"}), *others[3:]]
    answers = await gather(*(house.submit(facility, body) for body in bodies))

    rules = [[one["rule"] for one in answer.json()["problems"]] for answer in answers]
    assert rules == [[], [], [], ["identity.unchecked"], [], [], []]


async def test_dry_runs_by_card_have_a_bound_beyond_which_known_and_unknown_look_alike(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "CARD_REHEARSALS", replace(CARD_REHEARSALS, most=2))
    facility = await house.facility(FACILITY)
    await house.submit(facility, visit_file({"MA_THE_BHYT": CARD}))

    receipts = []
    for nth, card in enumerate((CARD, "GD4790000000999") * 2):
        body = visit_file({"SO_CCCD": "", "MA_THE_BHYT": card, "MA_LK": f"LK-C{nth}"})
        receipts.append((await house.submit(facility, body, dry_run=True)).json())
    told = [(one["status"], one["version"], one["records"]) for one in receipts]
    rules = [[problem["rule"] for problem in one["problems"]] for one in receipts]

    assert [one[0] for one in told[:2]] == ["ACCEPTED", "WAITING_FOR_IDENTITY"]
    assert told[2] == told[3]
    assert rules[2] == rules[3]
    assert "identity.unchecked" in rules[2]
