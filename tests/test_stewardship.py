"""Stewardship: what waits finds its person, and two people who are one share a book until they are two again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ehb.domain.identity import Principal, PrincipalKind
from ehb.errors import BadInput, Conflict, Forbidden, NotFound, Unauthenticated
from ehb.services import stewardship
from tests.builders import FACILITY, NATIONAL_ID, visit_file
from tests.house import House
from tests.running import ehb
from tests.stewards import environment as stewards_environment
from tests.stewards import stewards_door

OLD, THIRD = "999185900002", "999185900003"
CARD = "GD4019990000001"
STEWARD = Principal(PrincipalKind.STEWARD, session="steward:tester")
REASON = "Cùng một người, hai số"
PATH = "test"
BOOK = """{ myHealthBook { patientId patient { fullName identifiers { value } }
  timeline(first: 100) { nodes { id time __typename provenance { submittedAt } } } } }"""
RECORD = "query ($id: ID!) { record(id: $id) { id __typename } }"


async def _book(house: House, number: str) -> dict[str, Any]:
    found: dict[str, Any] = (await house.data(await house.citizen(number), BOOK))["myHealthBook"]
    return found


async def _ids(house: House, number: str) -> set[tuple[str, str, str]]:
    nodes = (await _book(house, number))["timeline"]["nodes"]
    return {(one["time"], one["__typename"], one["provenance"]["submittedAt"]) for one in nodes}


async def _two_people(house: House) -> None:
    token = await house.facility(FACILITY)
    await house.submit(token, visit_file())
    await house.submit(token, visit_file({"SO_CCCD": OLD, "MA_LK": "LK-2", "NGAY_VAO": "202601020800"}))


# What waits


async def test_a_steward_sees_what_waits_and_says_whose_it_is(house: House) -> None:
    token = await house.facility(FACILITY)
    receipt = (await house.submit(token, visit_file({"SO_CCCD": ""}))).json()

    [waiting] = await stewardship.waiting(stewards_door(house), STEWARD, first=10, path=PATH)
    settled = await stewardship.resolve(stewards_door(house), STEWARD, waiting.receipt, NATIONAL_ID, path=PATH)

    assert (waiting.receipt, waiting.facility) == (receipt["id"], FACILITY)
    assert (settled.status, settled.records) == ("ACCEPTED", 6)
    assert len((await _book(house, NATIONAL_ID))["timeline"]["nodes"]) == 6
    assert await stewardship.waiting(stewards_door(house), STEWARD, first=10, path=PATH) == []
    again = await house.http.get(f"/facility/submissions/{receipt['id']}", headers={"Authorization": f"Bearer {token}"})
    assert (again.json()["status"], again.json()["records"], again.json()["episode"]) == ("ACCEPTED", 6, "LK-1")


async def test_what_a_steward_resolved_is_sealed_under_the_persons_key_and_keeps_when_it_came(house: House) -> None:
    receipt = (await house.submit(await house.facility(FACILITY), visit_file({"SO_CCCD": ""}))).json()
    await stewardship.resolve(stewards_door(house), STEWARD, receipt["id"], NATIONAL_ID, path=PATH)

    (kept,) = await house.mongo.database["submissions"].find().to_list()
    (person,) = await house.mongo.database["people"].find().to_list()
    nodes = (await _book(house, NATIONAL_ID))["timeline"]["nodes"]

    assert (kept["key"], kept["patient"]) == (None, person["_id"])
    assert "visit" not in kept
    assert {one["provenance"]["submittedAt"] for one in nodes} == {receipt["received_at"]}


async def test_a_resolved_visit_goes_on_as_an_ordinary_episode(house: House) -> None:
    token = await house.facility(FACILITY)
    receipt = (await house.submit(token, visit_file({"SO_CCCD": ""}))).json()
    await stewardship.resolve(stewards_door(house), STEWARD, receipt["id"], NATIONAL_ID, path=PATH)

    same = (await house.submit(token, visit_file({"SO_CCCD": ""}))).json()
    changed = (await house.submit(token, visit_file({"SO_CCCD": "", "LY_DO_VV": "Ho"}))).json()

    assert (same["status"], changed["status"], changed["version"]) == ("UNCHANGED", "ACCEPTED", 2)
    assert len((await _book(house, NATIONAL_ID))["timeline"]["nodes"]) == 6


async def test_what_waits_with_a_card_joins_by_itself_when_the_card_is_known(house: House) -> None:
    token = await house.facility(FACILITY)
    waiting = (await house.submit(token, visit_file({"SO_CCCD": "", "MA_THE_BHYT": CARD}))).json()

    await house.submit(token, visit_file({"MA_LK": "LK-2", "MA_THE_BHYT": CARD}))

    assert waiting["status"] == "WAITING_FOR_IDENTITY"
    assert len((await _book(house, NATIONAL_ID))["timeline"]["nodes"]) == 12
    assert await stewardship.waiting(stewards_door(house), STEWARD, first=10, path=PATH) == []


async def test_what_waits_with_a_card_does_not_join_somebody_born_on_another_day(house: House) -> None:
    token = await house.facility(FACILITY)
    newborn = {"SO_CCCD": "", "MA_THE_BHYT": CARD, "NGAY_SINH": "202610010315"}
    await house.submit(token, visit_file(newborn))

    await house.submit(token, visit_file({"MA_LK": "LK-2", "MA_THE_BHYT": CARD}))

    assert len((await _book(house, NATIONAL_ID))["timeline"]["nodes"]) == 6
    assert len(await stewardship.waiting(stewards_door(house), STEWARD, first=10, path=PATH)) == 1


async def test_what_was_replaced_or_taken_back_waits_no_more(house: House) -> None:
    token = await house.facility(FACILITY)
    first = (await house.submit(token, visit_file({"SO_CCCD": ""}))).json()
    second = (await house.submit(token, visit_file({"SO_CCCD": "", "LY_DO_VV": "Ho"}))).json()

    waiting = await stewardship.waiting(stewards_door(house), STEWARD, first=10, path=PATH)
    with pytest.raises(NotFound):
        await stewardship.resolve(stewards_door(house), STEWARD, first["id"], NATIONAL_ID, path=PATH)
    retract = f'mutation {{ retractSubmission(id: "{second["id"]}", reason: "nhầm") {{ id }} }}'
    await house.data(token, retract)

    assert [one.receipt for one in waiting] == [second["id"]]
    assert await stewardship.waiting(stewards_door(house), STEWARD, first=10, path=PATH) == []


# Newborns


CHILD = "999326000001"
NEWBORN = {"SO_CCCD": "", "MA_THE_BHYT": "", "NGAY_SINH": "202610010315", "HO_TEN": "Con của Nguyễn Thị Thử"}
MOTHER = {"XML7": [{"SO_LUU_TRU": "1", "NGAY_VAO": "202610010300", "NGAY_RA": "202610051100", "MA_ME": "9990000001"}]}


async def test_a_newborn_is_known_by_the_mother_and_the_minute_of_birth(house: House) -> None:
    token = await house.facility(FACILITY)

    first = (await house.submit(token, visit_file(NEWBORN, with_tables=MOTHER))).json()
    again = (await house.submit(token, visit_file({**NEWBORN, "MA_LK": "LK-2"}, with_tables=MOTHER))).json()
    twin = {**NEWBORN, "MA_LK": "LK-3", "NGAY_SINH": "202610010322"}
    other = (await house.submit(token, visit_file(twin, with_tables=MOTHER))).json()

    assert [one["status"] for one in (first, again, other)] == ["ACCEPTED"] * 3
    assert await house.mongo.database["people"].count_documents({}) == 2


async def test_the_childs_own_number_joins_the_newborns_book_and_the_mothers_is_not_shown(house: House) -> None:
    token = await house.facility(FACILITY)
    await house.submit(token, visit_file(NEWBORN, with_tables=MOTHER))
    numbered = {**NEWBORN, "MA_LK": "LK-2", "SO_CCCD": CHILD}

    await house.submit(token, visit_file(numbered, with_tables=MOTHER))

    book = await _book(house, CHILD)
    assert len(book["timeline"]["nodes"]) == 14
    assert [one["value"] for one in book["patient"]["identifiers"]] == [CHILD]


@pytest.mark.parametrize(
    ("child", "mother"),
    [
        ({"NGAY_SINH": "202610010000"}, MOTHER),
        ({"NGAY_SINH": "202600000315"}, MOTHER),
        ({"NGAY_SINH": "202608010315"}, MOTHER),
        ({}, {"XML7": [{**MOTHER["XML7"][0], "MA_ME": ""}]}),
    ],
    ids=["no minute", "no day", "two months old", "no mother"],
)
async def test_a_child_who_is_not_surely_that_newborn_waits(
    house: House, child: dict[str, str], mother: dict[str, list[dict[str, str]]]
) -> None:
    body = visit_file({**NEWBORN, **child}, with_tables=mother)

    assert (await house.submit(await house.facility(FACILITY), body)).json()["status"] == "WAITING_FOR_IDENTITY"


# The operator's command


@pytest.mark.long
async def test_the_command_lists_resolves_merges_and_parts_and_takes_no_number_as_an_argument(
    house: House, mongo_uri: str, tmp_path: Path
) -> None:
    environment = stewards_environment(house, mongo_uri, tmp_path)
    by = ("--steward", "staff-7")
    receipt = (await house.submit(await house.facility(FACILITY), visit_file({"SO_CCCD": ""}))).json()["id"]

    listed = ehb("people", "waiting", *by, **environment)
    resolved = ehb("people", "resolve", receipt, *by, stdin=f"{OLD}\n", **environment)
    await house.submit(await house.facility(FACILITY), visit_file({"MA_LK": "LK-2"}))
    pair = f"{OLD}\n{NATIONAL_ID}\n"
    merged = ehb("people", "merge", *by, "--reason", REASON, stdin=pair, **environment)
    together = len((await _book(house, OLD))["timeline"]["nodes"])
    parted = ehb("people", "unmerge", *by, "--reason", REASON, stdin=pair, **environment)
    unknown = ehb("people", "merge", *by, "--reason", REASON, stdin=f"{OLD}\n", **environment)

    assert [done.returncode for done in (listed, resolved, merged, parted, unknown)] == [0, 0, 0, 0, 1]
    assert listed.stdout.startswith(f"{receipt}  {FACILITY}  QD4750  20")
    assert resolved.stdout == f"{receipt}: ACCEPTED, 6 records\n"
    assert (together, len((await _book(house, OLD))["timeline"]["nodes"])) == (12, 6)
    assert "standard input" in unknown.stderr
    assert OLD not in unknown.stderr


# People who are one


async def test_two_people_who_are_one_share_a_book_and_no_record_is_rewritten(house: House) -> None:
    await _two_people(house)
    before = await house.mongo.database["records"].find().sort("_id", 1).to_list()
    apart = await _ids(house, NATIONAL_ID), await _ids(house, OLD)

    await stewardship.merge(stewards_door(house), STEWARD, NATIONAL_ID, OLD, REASON, path=PATH)

    assert await house.mongo.database["records"].find().sort("_id", 1).to_list() == before
    assert await _ids(house, NATIONAL_ID) == await _ids(house, OLD) == apart[0] | apart[1]
    times = [one["time"] for one in (await _book(house, NATIONAL_ID))["timeline"]["nodes"]]
    assert times == sorted(times, reverse=True)
    numbers = {one["value"] for one in (await _book(house, OLD))["patient"]["identifiers"]}
    assert {NATIONAL_ID, OLD} <= numbers


async def test_every_record_of_a_shared_book_can_be_opened_again_by_its_id(house: House) -> None:
    await _two_people(house)
    await stewardship.merge(stewards_door(house), STEWARD, NATIONAL_ID, OLD, REASON, path=PATH)
    token = await house.citizen(OLD)

    for node in (await _book(house, OLD))["timeline"]["nodes"]:
        again = (await house.data(token, RECORD, {"id": node["id"]}))["record"]
        assert again == {"id": node["id"], "__typename": node["__typename"]}


async def test_after_parting_everybody_has_what_came_under_their_own_number(house: House) -> None:
    await _two_people(house)
    before = await _ids(house, NATIONAL_ID), await _ids(house, OLD)
    await stewardship.merge(stewards_door(house), STEWARD, NATIONAL_ID, OLD, REASON, path=PATH)
    later = visit_file({"SO_CCCD": OLD, "MA_LK": "LK-3", "NGAY_VAO": "202602030800"})
    await house.submit(await house.facility(FACILITY), later)
    together = await _ids(house, NATIONAL_ID)

    await stewardship.unmerge(stewards_door(house), STEWARD, OLD, NATIONAL_ID, REASON, path=PATH)

    assert await _ids(house, NATIONAL_ID) == before[0]
    assert await _ids(house, OLD) == together - before[0] | before[1]


async def test_three_people_who_are_one_part_where_they_were_joined(house: House) -> None:
    await _two_people(house)
    third = visit_file({"SO_CCCD": THIRD, "MA_LK": "LK-3", "NGAY_VAO": "202602030800"})
    await house.submit(await house.facility(FACILITY), third)
    door = stewards_door(house)
    await stewardship.merge(door, STEWARD, NATIONAL_ID, OLD, REASON, path=PATH)
    await stewardship.merge(door, STEWARD, OLD, THIRD, REASON, path=PATH)
    all_of_them = await _ids(house, THIRD)

    with pytest.raises(Conflict):
        await stewardship.unmerge(door, STEWARD, NATIONAL_ID, THIRD, REASON, path=PATH)
    await stewardship.unmerge(door, STEWARD, NATIONAL_ID, OLD, REASON, path=PATH)

    assert await _ids(house, NATIONAL_ID) < all_of_them
    assert await _ids(house, OLD) == await _ids(house, THIRD) == all_of_them - await _ids(house, NATIONAL_ID)


async def test_merging_again_and_parting_strangers_is_a_conflict(house: House) -> None:
    await _two_people(house)
    door = stewards_door(house)

    with pytest.raises(Conflict):
        await stewardship.unmerge(door, STEWARD, NATIONAL_ID, OLD, REASON, path=PATH)
    await stewardship.merge(door, STEWARD, NATIONAL_ID, OLD, REASON, path=PATH)
    with pytest.raises(Conflict):
        await stewardship.merge(door, STEWARD, OLD, NATIONAL_ID, REASON, path=PATH)
    with pytest.raises(Conflict):
        await stewardship.merge(door, STEWARD, OLD, OLD, REASON, path=PATH)


async def test_bad_input_of_a_steward_changes_nothing(house: House) -> None:
    await _two_people(house)
    door = stewards_door(house)

    with pytest.raises(NotFound):
        await stewardship.merge(door, STEWARD, NATIONAL_ID, "999185900099", REASON, path=PATH)
    for one, reason in (("9991850000012", REASON), ("", REASON), (NATIONAL_ID, " ")):
        with pytest.raises(BadInput):
            await stewardship.merge(door, STEWARD, one, OLD, reason, path=PATH)

    assert await house.mongo.database["merges"].count_documents({}) == 0


async def test_a_merge_is_written_down_with_its_reason_sealed(house: House) -> None:
    await _two_people(house)
    await stewardship.merge(stewards_door(house), STEWARD, NATIONAL_ID, OLD, REASON, path=PATH)

    (merge,) = await house.mongo.database["merges"].find().to_list()
    events = await house.mongo.database["audit_events"].find({"action": "MERGE_PEOPLE"}).to_list()

    assert merge["by"] == "steward:tester"
    assert REASON.encode() not in merge["reason"]
    assert {event["patient"] for event in events} == set(merge["people"])
    assert {(event["rule"], event["agent"]["session"]) for event in events} == {("STEWARDSHIP", "steward:tester")}


@pytest.mark.parametrize(
    ("principal", "refusal"),
    [
        (Principal(PrincipalKind.ANONYMOUS), Unauthenticated),
        (Principal(PrincipalKind.CITIZEN, patient_id=b"p" * 16, session="s", assurance_level=2), Forbidden),
        (Principal(PrincipalKind.FACILITY, facility=FACILITY, session="s"), Forbidden),
        (Principal(PrincipalKind.STEWARD), Forbidden),
    ],
    ids=["nobody", "a citizen", "a facility", "a steward without a name"],
)
async def test_only_a_steward_with_a_name_keeps_identities(
    house: House, principal: Principal, refusal: type[Exception]
) -> None:
    await _two_people(house)
    door = stewards_door(house)

    with pytest.raises(refusal):
        await stewardship.waiting(door, principal, first=10, path=PATH)
    with pytest.raises(refusal):
        await stewardship.merge(door, principal, NATIONAL_ID, OLD, REASON, path=PATH)
    with pytest.raises(refusal):
        await stewardship.resolve(door, principal, "x", NATIONAL_ID, path=PATH)


async def test_a_steward_opens_no_book(house: House) -> None:
    from ehb.domain.access import Purpose
    from ehb.domain.book import ReadQuery

    await _two_people(house)
    (person, _) = await house.mongo.database["people"].find().to_list()

    for purpose in Purpose:
        with pytest.raises(Forbidden):
            await stewards_door(house).read(STEWARD, person["_id"], purpose, ReadQuery(), path=PATH)
