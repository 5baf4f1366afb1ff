"""People: who gets which book at a login, and what is left when a key is gone."""

from __future__ import annotations

import pytest

from tests.builders import FACILITY, NATIONAL_ID, visit_file
from tests.house import House

IDENTIFIERS = "{ myHealthBook { patient { identifiers { system value since until } } } }"
CARD = "GD4019990000001"
PATIENT = "{ myHealthBook { patient { address identifiers { value } } } }"
COUNT = "{ myHealthBook { patientId patient { fullName birthDate nationalId } timeline { nodes { id } } } }"


async def test_a_new_number_keeps_the_book_and_gains_what_was_sent_to_it(house: House) -> None:
    facility = await house.facility(FACILITY)
    await house.submit(facility, visit_file({"SO_CCCD": "999185000001"}))
    before = await house.sign_in("same-account", {"SoDinhDanh": "999185000001", "HoVaTen": "Nguyễn Thị Thử"})
    renumbered = await house.sign_in("same-account", {"SoDinhDanh": "999185000007", "HoVaTen": "Nguyễn Thị Thử"})
    await house.submit(facility, visit_file({"SO_CCCD": "999185000007", "MA_LK": "LK-2"}))
    await house.submit(facility, visit_file({"SO_CCCD": "999185000001", "MA_LK": "LK-3"}))

    old = (await house.data(before["access_token"], COUNT))["myHealthBook"]
    new = (await house.data(renumbered["access_token"], COUNT))["myHealthBook"]

    assert old["patientId"] == new["patientId"]
    assert new["patient"]["nationalId"] == "999185000007"
    assert len(new["timeline"]["nodes"]) % 3 == 0
    assert len(new["timeline"]["nodes"]) > 0
    history = (await house.data(renumbered["access_token"], IDENTIFIERS))["myHealthBook"]["patient"]["identifiers"]
    assert [(one["value"], one["until"] is None) for one in history] == [
        ("999185000001", False),
        ("999185000007", True),
    ]


async def test_the_old_number_that_the_eid_vouches_for_finds_the_older_visits(house: House) -> None:
    await house.submit(await house.facility(FACILITY), visit_file({"SO_CCCD": "999123456"}))

    token = await house.citizen(NATIONAL_ID, SoCMND="999123456")

    book = (await house.data(token, COUNT))["myHealthBook"]
    assert book["timeline"]["nodes"]
    assert book["patient"]["nationalId"] == NATIONAL_ID


async def test_the_same_login_name_with_another_number_is_the_account_and_not_the_number(house: House) -> None:
    """Row O6."""
    first = await house.sign_in("one", {"SoDinhDanh": "999185000001"})
    second = await house.sign_in("two", {"SoDinhDanh": "999185000002"})

    mine = (await house.data(first["access_token"], COUNT))["myHealthBook"]["patientId"]
    theirs = (await house.data(second["access_token"], COUNT))["myHealthBook"]["patientId"]

    assert mine != theirs


async def test_two_people_who_log_in_at_once_for_the_first_time_get_a_book_each(house: House) -> None:
    from asyncio import gather

    tokens = await gather(*(house.citizen(f"9991850001{number:02}") for number in range(8)))

    books = [(await house.data(token, COUNT))["myHealthBook"]["patientId"] for token in tokens]
    assert len(set(books)) == 8


async def test_one_person_who_logs_in_twice_at_once_for_the_first_time_gets_one_book(house: House) -> None:
    from asyncio import gather

    tokens = await gather(*(house.citizen(NATIONAL_ID) for _ in range(6)))

    books = {(await house.data(token, COUNT))["myHealthBook"]["patientId"] for token in tokens}
    assert len(books) == 1
    assert await house.mongo.database["people"].count_documents({}) == 1


async def test_what_a_facility_wrote_never_replaces_what_the_eid_vouched_for(house: House) -> None:
    token = await house.citizen(NATIONAL_ID, "Nguyễn Thị Thử", birthdate="1985-03-07")

    await house.submit(await house.facility(FACILITY), visit_file({"HO_TEN": "Sai Tên", "NGAY_SINH": "199901010000"}))

    patient = (await house.data(token, COUNT))["myHealthBook"]["patient"]
    assert (patient["fullName"], patient["birthDate"]) == ("Nguyễn Thị Thử", "1985-03-07")


async def test_without_the_data_key_a_book_is_gone(house: House) -> None:
    await house.submit(await house.facility(FACILITY), visit_file())
    token = await house.citizen(NATIONAL_ID)

    await house.mongo.database["people"].update_many({}, {"$unset": {"key": ""}})

    answer = await house.ask(token, COUNT)
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_records_that_change_places_in_the_database_do_not_open(house: House) -> None:
    facility = await house.facility(FACILITY)
    await house.submit(facility, visit_file())
    await house.submit(facility, visit_file({"SO_CCCD": "999185900002", "MA_LK": "LK-2"}))
    token = await house.citizen(NATIONAL_ID)
    records = house.mongo.database["records"]
    mine, theirs = [
        await records.find_one({"kind": "Encounter", "episode": episode}) or {}
        for episode in await records.distinct("episode")
    ]

    await records.update_one({"_id": mine["_id"]}, {"$set": {"sealed": theirs["sealed"]}})
    await records.update_one({"_id": theirs["_id"]}, {"$set": {"sealed": mine["sealed"]}})

    answer = await house.ask(token, COUNT)
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"]["code"] == "INTERNAL"


async def test_a_login_without_a_number_is_refused_and_opens_no_book(house: House) -> None:
    for claims in ({}, {"SoDinhDanh": ""}, {"SoDinhDanh": "not a number"}, {"SoDinhDanh": 999185000001}):
        answer = await house.sign_in("nobody", {"HoVaTen": "Nguyễn Thị Thử", **claims})
        assert answer["error_code"] == "IDENTITY_NUMBER_MISSING"
    assert await house.mongo.database["people"].count_documents({}) == 0

    later = await house.sign_in("nobody", {"SoDinhDanh": NATIONAL_ID, "HoVaTen": "Nguyễn Thị Thử"})

    assert later["access_token"]


async def test_a_visit_that_names_another_birth_date_teaches_the_book_nothing_about_its_person(house: House) -> None:
    token = await house.citizen(NATIONAL_ID, "Nguyễn Thị Thử", birthdate="1985-03-07")
    mistyped = {"NGAY_SINH": "199901010000", "HO_TEN": "Người Khác", "DIA_CHI": "Nơi khác", "MA_THE_BHYT": CARD}

    facility = await house.facility(FACILITY)
    receipt = (await house.submit(facility, visit_file({**mistyped, "HO_TEN": "Nguyễn Thị Thử"}))).json()
    waiting = (await house.submit(facility, visit_file({**mistyped, "MA_LK": "LK-2"}))).json()

    patient = (await house.data(token, PATIENT))["myHealthBook"]["patient"]
    assert (receipt["status"], [one["rule"] for one in receipt["problems"]]) == ("ACCEPTED", ["identity.differs"])
    assert [one["rule"] for one in waiting["problems"]] == ["identity.other_person"]
    assert waiting["status"] == "WAITING_FOR_IDENTITY"
    assert (patient["address"], [one["value"] for one in patient["identifiers"]]) == (None, [NATIONAL_ID])


@pytest.mark.parametrize("birth", ["198503070000", "198500000000", "198503000000", ""])
async def test_a_birth_date_that_may_be_the_same_is_no_contradiction(house: House, birth: str) -> None:
    await house.citizen(NATIONAL_ID, "Nguyễn Thị Thử", birthdate="1985-03-07")

    receipt = (await house.submit(await house.facility(FACILITY), visit_file({"NGAY_SINH": birth}))).json()

    assert "identity.differs" not in [one["rule"] for one in receipt["problems"]]


async def test_visits_that_came_under_both_numbers_are_in_one_book_when_the_eid_vouches_for_both(house: House) -> None:
    token = await house.facility(FACILITY)
    await house.submit(token, visit_file({"SO_CCCD": "999123456"}))
    await house.submit(token, visit_file({"MA_LK": "LK-2"}))

    citizen = await house.citizen(NATIONAL_ID, SoCMND="999123456")

    assert len((await house.data(citizen, COUNT))["myHealthBook"]["timeline"]["nodes"]) == 12
    (merge,) = await house.mongo.database["merges"].find().to_list()
    assert merge["by"] == "OWN_IDENTITY"
    await house.citizen(NATIONAL_ID, SoCMND="999123456")
    assert await house.mongo.database["merges"].count_documents({}) == 1


async def test_an_account_with_a_new_number_finds_the_visits_that_came_under_it_before(house: House) -> None:
    token = await house.facility(FACILITY)
    await house.sign_in("account", {"SoDinhDanh": "999185000001"})
    await house.submit(token, visit_file({"SO_CCCD": "999185000001"}))
    await house.submit(token, visit_file({"SO_CCCD": "999185000007", "MA_LK": "LK-2"}))

    renumbered = (await house.sign_in("account", {"SoDinhDanh": "999185000007"}))["access_token"]

    assert len((await house.data(renumbered, COUNT))["myHealthBook"]["timeline"]["nodes"]) == 12


async def test_a_number_of_somebody_who_has_logged_in_is_not_joined_by_a_login(house: House) -> None:
    token = await house.facility(FACILITY)
    await house.submit(token, visit_file({"SO_CCCD": "999185000001"}))
    owner = {"SoDinhDanh": "999185000001", "HoVaTen": "Nguyễn Thị Thử"}
    await house.sign_in("owner", owner)
    await house.sign_in("other", {"SoDinhDanh": "999185000007", "HoVaTen": "Trần Văn Thử"})

    taken_over = await house.sign_in("other", {**owner, "HoVaTen": "Trần Văn Thử"})

    book = (await house.data(taken_over["access_token"], COUNT))["myHealthBook"]
    assert book["timeline"]["nodes"] == []
    assert await house.mongo.database["merges"].count_documents({}) == 0
