"""Sending visit files, through HTTP and a real mongod: every answer, and what lies in the database after it."""

from __future__ import annotations

import asyncio
import logging
import random
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import bson
import pytest

from ehb.custodian import Custodian
from ehb.domain.identity import Principal, PrincipalKind
from ehb.domain.records import Record
from ehb.formats import visit_xml
from ehb.formats.sensitivity_lists import code_lists
from ehb.services import submission
from ehb.store.mongo import Session
from ehb.store.people import Person
from ehb.store.receipts import receipt_id_of
from ehb.store.records import Records
from ehb.store.store import Store
from ehb.store.vault import Vault
from tests.builders import (
    DRUG,
    FACILITY,
    NATIONAL_ID,
    RESULT,
    SUMMARY,
    envelope,
    part,
    table_xml,
    visit_file,
)
from tests.house import House
from tests.logs import written

OTHER_FACILITY = "99002"
OTHER_ID = "999185900002"
OLD_NUMBER = "099000001"
CARD = "GD4019990000001"
BOOK = "{ myHealthBook { timeline(first: 100) { nodes { __typename } } } }"
Lying = dict[str, list[dict[str, Any]]]


async def _lying(house: House, *but: str) -> Lying:
    """Everything that lies in the database, but for some collections."""
    database = house.mongo.database
    names = sorted(set(await database.list_collection_names()) - {*but, "system.profile", "budgets"})
    return {name: await database[name].find().sort("_id", 1).to_list() for name in names}


async def _records(house: House) -> list[tuple[str, int, str]]:
    """Kind, version and state of every record version, oldest place first."""
    found = house.mongo.database["records"].find().sort("_id", 1)
    return sorted([(one["kind"], int.from_bytes(one["_id"][36:], "big"), one["state"]) async for one in found])


async def _count(house: House, collection: str, **condition: object) -> int:
    return await house.mongo.database[collection].count_documents(condition)


async def _nobody(house: House) -> bool:
    """Whether no person, no episode and no record is known."""
    lying = await _lying(house)
    return not any(lying[name] for name in ("people", "identifiers", "episodes", "records"))


async def _timeline(house: House, national_id: str) -> list[str]:
    citizen = await house.citizen(national_id)
    book = (await house.data(citizen, BOOK))["myHealthBook"]
    return [node["__typename"] for node in book["timeline"]["nodes"]]


# The answers


async def test_a_new_visit_is_accepted_and_says_how_many_records_it_holds(house: House) -> None:
    token = await house.facility(FACILITY)

    answer = await house.submit(token, visit_file())

    receipt = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/facility/submissions/{receipt['id']}"
    assert answer.headers["cache-control"] == "no-store"
    assert datetime.fromisoformat(receipt["received_at"]).utcoffset() == timedelta(0)
    assert {**receipt, "id": "", "received_at": ""} == {
        "id": "",
        "received_at": "",
        "replaced_by": None,
        "retracted_at": None,
        "status": "ACCEPTED",
        "episode": "LK-1",
        "version": 1,
        "records": 6,
        "problems": [],
    }
    assert await _count(house, "records") == 6


async def test_the_same_file_again_is_unchanged_and_nothing_but_the_trail_grows(house: House) -> None:
    token = await house.facility(FACILITY)
    first = (await house.submit(token, visit_file())).json()
    before, trail = await _lying(house, "audit_events"), await _count(house, "audit_events")

    again = await house.submit(token, visit_file())

    assert again.status_code == 200
    assert again.json() == {**first, "status": "UNCHANGED"}
    assert await _lying(house, "audit_events") == before
    assert await _count(house, "audit_events") == trail + 1


async def test_the_same_content_in_another_dress_is_unchanged_too(house: House) -> None:
    token = await house.facility(FACILITY)
    await house.submit(token, visit_file())

    again = await house.submit(token, b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- again -->" + visit_file())

    assert again.json()["status"] == "UNCHANGED"


async def test_a_changed_file_supersedes_what_changed_and_what_went_and_touches_nothing_else(house: House) -> None:
    token = await house.facility(FACILITY)
    await house.submit(token, visit_file())
    before = {one["_id"]: one for one in (await _lying(house))["records"]}

    changed = visit_file({"CHAN_DOAN_RV": "Tăng huyết áp độ 1"}, without=["XML2"])
    receipt = (await house.submit(token, changed)).json()

    assert (receipt["status"], receipt["version"], receipt["records"]) == ("ACCEPTED", 2, 5)
    assert await _records(house) == [
        ("ClinicalImpression", 1, "current"),
        ("Composition", 1, "current"),
        ("Condition", 1, "superseded"),
        ("Condition", 2, "current"),
        ("DiagnosticReport", 1, "current"),
        ("Encounter", 1, "superseded"),
        ("Encounter", 2, "current"),
        ("MedicationRequest", 1, "superseded"),
    ]
    after = {one["_id"]: one for one in (await _lying(house))["records"]}
    assert set(before) <= set(after)
    ended = {place for place, one in after.items() if "ended" in one}
    assert ended == {place for place, one in after.items() if one["state"] == "superseded"}
    assert all(
        {**after[place], "state": "current", "ended": 0} == {**one, "ended": 0}
        for place, one in before.items()
        if place in ended
    )
    assert all(after[place] == one for place, one in before.items() if place not in ended)


async def test_a_record_that_was_dropped_and_comes_back_is_its_next_version(house: House) -> None:
    token = await house.facility(FACILITY)
    for body in (visit_file(), visit_file(without=["XML2"])):
        await house.submit(token, body)

    receipt = (await house.submit(token, visit_file())).json()

    assert (receipt["status"], receipt["version"]) == ("ACCEPTED", 3)
    drugs = [one for one in await _records(house) if one[0] == "MedicationRequest"]
    assert drugs == [("MedicationRequest", 1, "superseded"), ("MedicationRequest", 2, "current")]


async def test_rows_that_only_changed_their_place_are_unchanged_records(house: House) -> None:
    token = await house.facility(FACILITY)
    others = {**DRUG, "MA_THUOC": "40.9", "TEN_THUOC": "Metformin"}
    await house.submit(token, visit_file(with_tables={"XML2": [DRUG, {**others, "STT": "2"}]}))

    await house.submit(token, visit_file(with_tables={"XML2": [{**others, "STT": "1"}, {**DRUG, "STT": "2"}]}))

    drugs = [one for one in await _records(house) if one[0] == "MedicationRequest"]
    assert drugs == [("MedicationRequest", 1, "current")] * 2


async def test_a_refused_correction_leaves_the_accepted_version_as_it_is(house: House) -> None:
    token = await house.facility(FACILITY)
    await house.submit(token, visit_file())
    before = await _lying(house, "audit_events", "submissions")

    refused = await house.submit(token, visit_file({"NGAY_VAO": "20250230"}))

    assert refused.status_code == 422
    assert await _lying(house, "audit_events", "submissions") == before
    assert (await house.submit(token, visit_file())).json()["status"] == "UNCHANGED"


@pytest.mark.parametrize("number", ["9991850000012", "99918500000", "01234567", "KHÔNG RÕ"])
async def test_a_number_that_nobody_has_refuses_the_visit(house: House, number: str) -> None:
    token = await house.facility(FACILITY)

    answer = await house.submit(token, visit_file({"SO_CCCD": number}))

    receipt = answer.json()
    assert answer.status_code == 422
    assert (receipt["status"], receipt["version"], receipt["records"]) == ("REJECTED", 0, 0)
    (problem,) = receipt["problems"]
    assert problem["rule"] == "identifier.format"
    assert [problem[name] for name in ("table", "row", "field", "severity")] == ["XML1", 1, "SO_CCCD", "ERROR"]
    assert number not in answer.text
    assert await _nobody(house)


async def test_a_rejected_file_is_kept_sealed_for_ninety_days(house: House) -> None:
    token = await house.facility(FACILITY)

    receipt = (await house.submit(token, b"this is no XML, but K4N4RY")).json()

    (kept,) = (await _lying(house))["submissions"]
    assert (kept["status"], receipt["status"], kept["patient"]) == ("REJECTED", "REJECTED", None)
    days = kept["expires"] - datetime.now(UTC)
    assert timedelta(days=89, hours=23) < days <= timedelta(days=90)
    assert b"K4N4RY" not in bson.encode(kept)
    indexes = await house.mongo.database["submissions"].index_information()
    assert any(index.get("expireAfterSeconds") == 0 for index in indexes.values())


async def test_an_accepted_file_is_kept_without_end(house: House) -> None:
    token = await house.facility(FACILITY)

    await house.submit(token, visit_file())

    (kept,) = (await _lying(house))["submissions"]
    assert "expires" not in kept


async def test_a_flood_of_problems_still_gets_a_receipt_that_can_be_read_again(house: House) -> None:
    token = await house.facility(FACILITY)
    body = visit_file(with_tables={"XML2": [{}] * 30_000})

    answer = await house.submit(token, body)

    assert answer.status_code == 422
    assert answer.json()["problems"][-1]["rule"] == "problems.more"
    again = await house.http.get(answer.headers["location"], headers={"Authorization": f"Bearer {token}"})
    assert again.json() == answer.json()


# Whose it is


async def test_a_file_without_a_number_waits_sealed_and_is_accepted_when_the_number_comes(house: House) -> None:
    token = await house.facility(FACILITY)
    waiting = await house.submit(token, visit_file({"SO_CCCD": ""}))
    (kept,) = (await _lying(house))["submissions"]
    again = await house.submit(token, visit_file({"SO_CCCD": ""}))
    between = await _lying(house)

    accepted = await house.submit(token, visit_file())

    receipt = waiting.json()
    assert (waiting.status_code, receipt["status"], receipt["records"]) == (202, "WAITING_FOR_IDENTITY", 0)
    assert (again.status_code, again.json()) == (202, receipt)
    assert kept["key"] is not None
    assert "expires" not in kept
    assert "Thử".encode() not in bson.encode(kept)
    assert not any(between[name] for name in ("people", "identifiers", "records"))
    assert (accepted.status_code, accepted.json()["status"], accepted.json()["version"]) == (201, "ACCEPTED", 2)
    assert len(await _timeline(house, NATIONAL_ID)) == 6


async def test_what_waited_is_sealed_under_the_persons_key_once_the_person_is_known(house: House) -> None:
    token = await house.facility(FACILITY)
    waiting = await house.submit(token, visit_file({"SO_CCCD": ""}))

    await house.submit(token, visit_file())

    kept = await house.mongo.database["submissions"].find().to_list()
    again = await house.http.get(waiting.headers["location"], headers={"Authorization": f"Bearer {token}"})
    assert [one["key"] for one in kept] == [None, None]
    assert len({one["patient"] for one in kept}) == 1
    replaced = next(one["replaced_by"] for one in kept if "replaced_by" in one)
    assert again.json() == {**waiting.json(), "replaced_by": receipt_id_of(replaced)}


async def test_the_same_visit_with_a_signature_is_a_new_version_of_every_record(house: House) -> None:
    token = await house.facility(FACILITY)
    unsigned = visit_file()
    await house.submit(token, unsigned)

    signed = await house.submit(token, unsigned.replace(b"<CHUKYDONVI>", b"<CHUKYDONVI>c2lnbmVk"))

    assert (signed.json()["status"], signed.json()["version"]) == ("ACCEPTED", 2)
    assert {version for _, version, state in await _records(house) if state == "current"} == {2}


async def test_a_visit_with_a_table_of_hiv_care_is_labelled_as_a_whole(house: House) -> None:
    token = await house.facility(FACILITY)
    care = part("XML6", "<CHI_TIEU_HO_SO><X>1</X></CHI_TIEU_HO_SO>")

    receipt = await house.submit(token, visit_file().replace(b"</HOSO>", care.encode() + b"</HOSO>", 1))

    labels = "{ myHealthBook { timeline { nodes { labels } } } }"
    book = (await house.data(await house.citizen(NATIONAL_ID), labels))["myHealthBook"]
    assert receipt.json()["status"] == "ACCEPTED"
    assert all(node["labels"] == ["HIV"] for node in book["timeline"]["nodes"])


async def test_a_correction_of_the_number_moves_the_visit_to_the_right_book_and_back(house: House) -> None:
    token = await house.facility(FACILITY)
    await house.submit(token, visit_file())

    wrong = await house.submit(token, visit_file({"SO_CCCD": OTHER_ID}))
    moved = [len(await _timeline(house, number)) for number in (NATIONAL_ID, OTHER_ID)]
    right = await house.submit(token, visit_file())
    back = [len(await _timeline(house, number)) for number in (NATIONAL_ID, OTHER_ID)]

    assert [answer.json()["version"] for answer in (wrong, right)] == [2, 3]
    assert (moved, back) == ([0, 6], [6, 0])


async def test_two_people_with_two_numbers_have_two_books(house: House) -> None:
    token = await house.facility(FACILITY)

    await house.submit(token, visit_file())
    await house.submit(token, visit_file({"MA_LK": "LK-2", "SO_CCCD": OTHER_ID}, without=["XML2"]))

    assert len(await _timeline(house, NATIONAL_ID)) == 6
    assert len(await _timeline(house, OTHER_ID)) == 5
    assert await _count(house, "people") == 2


@pytest.mark.parametrize(
    "other", [{}, {"NGAY_SINH": "198500000000"}, {"NGAY_SINH": ""}], ids=["same", "year only", "none"]
)
async def test_card_in_a_file_never_joins_two_numbers(house: House, other: dict[str, str]) -> None:
    token = await house.facility(FACILITY)
    await house.submit(token, visit_file({"SO_CCCD": OLD_NUMBER, "MA_THE_BHYT": CARD}))

    receipt = (await house.submit(token, visit_file({"MA_LK": "LK-2", "MA_THE_BHYT": CARD, **other}))).json()

    assert receipt["status"] == "ACCEPTED"
    assert await _count(house, "people") == 2
    assert len(await _timeline(house, NATIONAL_ID)) == 6


async def test_number_and_card_of_two_people_wait(house: House) -> None:
    token = await house.facility(FACILITY)
    await house.submit(token, visit_file({"SO_CCCD": OLD_NUMBER, "MA_THE_BHYT": CARD}))

    mistaken = {"MA_LK": "LK-2", "MA_THE_BHYT": CARD, "NGAY_SINH": "198503080000"}
    receipt = (await house.submit(token, visit_file(mistaken))).json()

    assert receipt["status"] == "WAITING_FOR_IDENTITY"
    assert [one["rule"] for one in receipt["problems"]] == ["identity.card_of_another"]
    assert await _count(house, "people") == 1


async def test_one_card_under_two_national_numbers_is_two_people(house: House) -> None:
    token = await house.facility(FACILITY)
    await house.submit(token, visit_file({"MA_THE_BHYT": CARD}))

    await house.submit(token, visit_file({"MA_LK": "LK-2", "SO_CCCD": OTHER_ID, "MA_THE_BHYT": CARD}))

    assert await _count(house, "people") == 2
    assert len(await _timeline(house, NATIONAL_ID)) == 6


async def test_a_card_alone_finds_its_known_person_and_opens_no_book(house: House) -> None:
    token = await house.facility(FACILITY)
    unknown = await house.submit(token, visit_file({"MA_LK": "LK-0", "SO_CCCD": "", "MA_THE_BHYT": CARD}))
    await house.submit(token, visit_file({"MA_THE_BHYT": CARD}))

    known = await house.submit(token, visit_file({"MA_LK": "LK-2", "SO_CCCD": "", "MA_THE_BHYT": CARD}))
    newborn = {"MA_LK": "LK-3", "SO_CCCD": "", "MA_THE_BHYT": CARD, "NGAY_SINH": "202610041530"}
    child = await house.submit(token, visit_file(newborn))

    statuses = [answer.json()["status"] for answer in (unknown, known, child)]
    assert statuses == ["WAITING_FOR_IDENTITY", "ACCEPTED", "WAITING_FOR_IDENTITY"]
    assert len(await _timeline(house, NATIONAL_ID)) == 18  # what waited has joined, the newborn's has not


# Who may


async def test_a_file_of_another_facility_is_refused_kept_nowhere_and_written_down(house: House) -> None:
    token = await house.facility(OTHER_FACILITY)
    before = await _lying(house, "audit_events")

    answer = await house.submit(token, visit_file())

    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "OTHER_FACILITY"
    assert await _lying(house, "audit_events") == before
    (event,) = (await _lying(house))["audit_events"]
    assert (event["outcome"], event["rule"]) == ("DENY", "OTHER_FACILITY")
    assert (event["agent"]["facility"], event["path"]) == (OTHER_FACILITY, "POST /facility/submissions")


async def test_a_file_that_names_two_facilities_inside_is_refused_by_its_problem(house: House) -> None:
    token = await house.facility(OTHER_FACILITY)
    mixed = visit_file({"MA_CSKCB": FACILITY}, facility=OTHER_FACILITY)

    receipt = (await house.submit(token, mixed)).json()

    assert (receipt["status"], [one["rule"] for one in receipt["problems"]]) == ("REJECTED", ["facility.mismatch"])


async def test_nobody_and_a_citizen_submit_nothing(house: House) -> None:
    citizen = await house.citizen(NATIONAL_ID)
    before = await _lying(house, "audit_events")

    anonymous = await house.http.post(
        "/facility/submissions", content=visit_file(), headers={"Content-Type": "application/xml"}
    )
    forged = await house.submit("not a token", visit_file())
    person = await house.submit(citizen, visit_file())

    assert [(one.status_code, one.json()["code"]) for one in (anonymous, forged, person)] == [
        (401, "UNAUTHENTICATED"),
        (401, "UNAUTHENTICATED"),
        (403, "FORBIDDEN"),
    ]
    assert await _lying(house, "audit_events") == before
    assert await _count(house, "audit_events", outcome="DENY", action="SUBMIT") == 1


async def test_a_receipt_is_read_again_by_its_own_facility_and_by_nobody_else(house: House) -> None:
    own, other = await house.facility(FACILITY), await house.facility(OTHER_FACILITY)
    citizen = await house.citizen(NATIONAL_ID)
    sent = await house.submit(own, visit_file({"MA_LOAI_KCB": "77"}))
    rejected = await house.submit(own, visit_file({"MA_LK": "LK-2", "SO_CCCD": "9991850000012"}))
    place = sent.headers["location"]

    async def again(token: str | None, path: str = place) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = await house.http.get(path, headers=headers)
        return answer.status_code, answer.json()

    assert await again(own) == (200, sent.json())
    assert sent.json()["problems"][0]["rule"] == "field.code"
    assert await again(own, rejected.headers["location"]) == (200, rejected.json())
    absent = await again(own, "/facility/submissions/AAAAAAAAAAAAAAAAAAAAAA")
    assert absent[0] == 404
    assert await again(other) == absent
    assert await again(own, "/facility/submissions/no-id") == absent
    assert (await again(None))[0] == 401
    assert (await again(citizen))[0] == 403
    assert await again(own, place + "?x=1") == (200, sent.json())


async def test_one_episode_code_of_two_facilities_is_two_episodes(house: House) -> None:
    own, other = await house.facility(FACILITY), await house.facility(OTHER_FACILITY)

    first = await house.submit(own, visit_file())
    second = await house.submit(other, visit_file(facility=OTHER_FACILITY))

    assert [one.json()["version"] for one in (first, second)] == [1, 1]
    assert len(await _timeline(house, NATIONAL_ID)) == 12


# A rehearsal


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (visit_file(), 201),
        (visit_file({"SO_CCCD": ""}), 202),
        (visit_file({"SO_CCCD": "9991850000012", "MA_LOAI_KCB": "77"}), 422),
        (b"no XML", 422),
    ],
    ids=["accepted", "waiting", "rejected", "malformed"],
)
async def test_a_dry_run_answers_the_same_and_stores_nothing(house: House, body: bytes, status: int) -> None:
    token = await house.facility(FACILITY)
    before = await _lying(house, "audit_events")

    rehearsal = await house.submit(token, body, dry_run=True)
    after, trail = await _lying(house, "audit_events"), await _count(house, "audit_events")
    real = await house.submit(token, body)

    assert rehearsal.status_code == real.status_code == status
    apart = {"id": "", "received_at": ""}
    assert {**rehearsal.json(), **apart} == {**real.json(), **apart}
    assert after == before
    assert trail == 1


async def test_a_dry_run_of_what_is_there_already_is_unchanged_or_the_next_version(house: House) -> None:
    token = await house.facility(FACILITY)
    first = (await house.submit(token, visit_file())).json()
    before = await _lying(house, "audit_events")

    same = (await house.submit(token, visit_file(), dry_run=True)).json()
    changed = (await house.submit(token, visit_file({"LY_DO_VV": "Sốt"}), dry_run=True)).json()

    assert same == {**first, "status": "UNCHANGED"}
    assert (changed["status"], changed["version"]) == ("ACCEPTED", 2)
    assert await _lying(house, "audit_events") == before


@pytest.mark.parametrize("query", ["dryrun=true", "dry_run=true&dry_run=false", "dry_run=true&x=1"])
async def test_a_misspelt_dry_run_is_not_taken_for_a_submission(house: House, query: str) -> None:
    token = await house.facility(FACILITY)

    answer = await house.http.post(
        f"/facility/submissions?{query}",
        content=visit_file(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/xml"},
    )

    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_USER_INPUT")
    assert await _nobody(house)


async def test_a_dry_run_names_no_place_where_a_receipt_would_be(house: House) -> None:
    token = await house.facility(FACILITY)

    assert "location" not in (await house.submit(token, visit_file(), dry_run=True)).headers


@pytest.mark.parametrize("number", [NATIONAL_ID, ""], ids=["accepted", "waiting"])
async def test_a_text_that_fits_into_no_record_is_refused_and_not_our_failure(house: House, number: str) -> None:
    token = await house.facility(FACILITY)
    endless = visit_file({"SO_CCCD": number, "LY_DO_VV": "x" * 7_000_000}, without=["XML2", "XML4", "XML5"])

    answer = await house.submit(token, endless)

    assert answer.status_code in ((413, 422) if number else (202, 413, 422))
    assert await _count(house, "records") == 0


async def test_a_dry_run_that_is_neither_true_nor_false_is_a_bad_request(house: House) -> None:
    token = await house.facility(FACILITY)

    answer = await house.http.post(
        "/facility/submissions?dry_run=perhaps",
        content=visit_file(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/xml"},
    )

    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_USER_INPUT")
    assert await _count(house, "submissions") == 0


# The shape of a request


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/xml", 201),
        ("text/xml", 201),
        ("Application/XML; charset=utf-8", 201),
        ("application/json", 415),
        ("text/plain", 415),
        ("application/xmlx", 415),
        ("", 415),
        ("multipart/form-data; boundary=x", 415),
    ],
)
async def test_only_xml_is_taken(house: House, content_type: str, status: int) -> None:
    token = await house.facility(FACILITY)

    answer = await house.http.post(
        "/facility/submissions",
        content=visit_file(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": content_type},
    )

    assert answer.status_code == status
    assert status == 201 or answer.json()["code"] == "UNSUPPORTED_MEDIA_TYPE"


async def test_fifty_megabytes_are_too_large_however_they_are_announced(house: House) -> None:
    token = await house.facility(FACILITY)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/xml"}
    read: list[int] = []

    async def chunks() -> Any:
        for number in range(50):
            read.append(number)
            yield b"a" * 1_000_000

    announced = await house.http.post("/facility/submissions", content=b"a" * 50_000_000, headers=headers)
    streamed = await house.http.post("/facility/submissions", content=chunks(), headers=headers)

    assert [(one.status_code, one.json()["code"]) for one in (announced, streamed)] == [(413, "TOO_LARGE")] * 2
    assert await _count(house, "submissions") == 0


async def test_the_largest_body_that_is_taken_gets_a_receipt_even_when_it_cannot_be_compressed(house: House) -> None:
    token = await house.facility(FACILITY)
    noise = random.Random(1).randbytes(10_000_000)

    largest = await house.submit(token, noise)
    larger = await house.submit(token, noise + b"x")

    assert (largest.status_code, largest.json()["status"]) == (422, "REJECTED")
    assert larger.status_code == 413


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (b"", "xml.malformed"),
        (b"\x00" * 100, "xml.malformed"),
        (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "xml.doctype"),
        (b"<TONG_HOP/>", "envelope.root"),
        (envelope(part("XML1", table_xml("XML1", [SUMMARY])) + part("XML99", "<A/>")), "table.unknown"),
        (envelope(part("XML2", table_xml("XML2", [DRUG]))), "table.missing"),
        (envelope("<FILEHOSO><LOAIHOSO>XML1</LOAIHOSO><NOIDUNGFILE>!</NOIDUNGFILE></FILEHOSO>"), "table.base64"),
        (
            envelope(
                part("XML1", table_xml("XML1", [SUMMARY])) + part("XML4", table_xml("XML4", [{**RESULT, "MA_LK": "x"}]))
            ),
            "episode.mismatch",
        ),
        (visit_file({"NGAY_VAO": "202502300800"}), "field.date"),
        (visit_file({"NGAY_VAO": "209910050800", "NGAY_RA": ""}), "time.future"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_bad_input_gets_its_own_rule_and_stores_no_part_of_the_visit(
    house: House, body: bytes, rule: str
) -> None:
    token = await house.facility(FACILITY)

    answer = await house.submit(token, body)

    assert answer.status_code == 422
    assert rule in [one["rule"] for one in answer.json()["problems"]]
    assert await _nobody(house)
    assert await _count(house, "submissions") == 1


# All or nothing, and one after the other


class _Breaking(Records):
    """A records store that writes everything and then loses its power."""

    async def append(
        self, person: Person, episode: bytes, records: Iterable[Record], session: Session, *, now: datetime, new: bool
    ) -> None:
        await super().append(person, episode, records, session, now=now, new=new)
        raise RuntimeError("the power went")


@pytest.mark.parametrize("known", [False, True], ids=["a new person", "a correction"])
async def test_a_submission_that_breaks_off_in_the_middle_leaves_nothing(house: House, known: bool) -> None:
    if known:
        await house.submit(await house.facility(FACILITY), visit_file())
    store = Store(house.mongo, Vault(house.keys), code_lists())
    store._intake._records = _Breaking(house.mongo, store._people)
    custodian = Custodian(store, lambda: datetime.now(UTC))
    body = visit_file({"LY_DO_VV": "Sốt", "MA_THE_BHYT": CARD})
    principal = Principal(PrincipalKind.FACILITY, facility=FACILITY, client_id=FACILITY)
    before = await _lying(house)

    with pytest.raises(RuntimeError, match="power"):
        await submission.submit(
            custodian, principal, visit_xml.read(body), body, now=datetime.now(UTC), path="POST /facility/submissions"
        )

    assert await _lying(house) == before
    assert (await house.submit(await house.facility(FACILITY), body)).json()["version"] == (2 if known else 1)


async def test_fifty_at_once_of_one_file_are_one_version(house: House) -> None:
    token = await house.facility(FACILITY)

    answers = await asyncio.gather(*(house.submit(token, visit_file()) for _ in range(50)))

    assert {answer.status_code for answer in answers} <= {200, 201}
    assert sorted(answer.json()["status"] for answer in answers) == ["ACCEPTED"] + ["UNCHANGED"] * 49
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert {answer.json()["version"] for answer in answers} == {1}
    counts = [await _count(house, name) for name in ("people", "identifiers", "episodes", "submissions", "records")]
    assert counts == [1, 1, 1, 1, 6]


async def test_two_files_of_one_visit_at_once_are_versions_one_and_two(house: House) -> None:
    token = await house.facility(FACILITY)
    bodies = [visit_file({"LY_DO_VV": reason}) for reason in ("Sốt", "Ho")]

    answers = await asyncio.gather(*(house.submit(token, body) for body in bodies))

    assert sorted(answer.json()["version"] for answer in answers) == [1, 2]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert [one for one in await _records(house) if one[0] == "Encounter"] == [
        ("Encounter", 1, "superseded"),
        ("Encounter", 2, "current"),
    ]
    (episode,) = (await _lying(house))["episodes"]
    assert episode["version"] == 2


async def test_many_visits_of_one_new_person_at_once_open_one_book(house: House) -> None:
    token = await house.facility(FACILITY)

    answers = await asyncio.gather(
        *(house.submit(token, visit_file({"MA_LK": f"LK-{number}", "MA_THE_BHYT": CARD})) for number in range(10))
    )

    assert {answer.json()["status"] for answer in answers} == {"ACCEPTED"}
    assert await _count(house, "people") == 1
    assert len(await _timeline(house, NATIONAL_ID)) == 60


# Nothing in the clear


async def test_no_planted_value_lies_in_the_clear_or_in_a_log(house: House) -> None:
    token = await house.facility(FACILITY)
    planted = {
        "SO_CCCD": "999185777777",
        "HO_TEN": "Phạm Thị Hoa Sen",
        "CHAN_DOAN_RV": "Viêm gan vi rút mạn",
        "LY_DO_VV": "Vàng da lâu ngày",
        "MA_BENH_CHINH": "B18.1",
        "MA_BENH_KT": "B20.7",
        "MA_LK": "MALK-778899",
        "MA_BN": "BENHNHAN-5566",
        "MA_THE_BHYT": "GD4019997654321",
        "DIEN_THOAI": "0909777888",
        "DIA_CHI": "Ngõ Hoa Sen",
    }
    canaries = [*planted.values(), "9997654321", "Amlodipin", "40.512", "1985-03-07", "19850307"]

    with written(libraries=logging.DEBUG) as out:
        accepted = await house.submit(token, visit_file(planted))
        corrected = await house.submit(token, visit_file({**planted, "CHAN_DOAN_RV": "Viêm gan vi rút cấp"}))
        waiting = await house.submit(
            token, visit_file({**planted, "SO_CCCD": "", "MA_THE_BHYT": "", "MA_LK": "MALK-1"})
        )
        rejected = await house.submit(token, visit_file({**planted, "NGAY_VAO": "19850307x"}))
        refused = await house.submit(token, visit_file(planted, facility=OTHER_FACILITY))
        citizen = await house.citizen(planted["SO_CCCD"], planted["HO_TEN"])
        await house.data(citizen, BOOK)

    assert [one.status_code for one in (accepted, corrected, waiting, rejected, refused)] == [201, 201, 202, 422, 403]
    raw = b"".join(bson.encode(one) for found in (await _lying(house)).values() for one in found)
    assert len(raw) > 10_000
    logged = out.getvalue()
    assert [canary for canary in canaries if canary.encode() in raw] == []
    assert [canary for canary in canaries if canary in logged] == []
    # three letters stand in random bytes by chance, so the label is looked for as a text of BSON, and as a word
    assert b"HIV\0" not in raw
    assert not re.search(r"\bHIV\b", logged)
