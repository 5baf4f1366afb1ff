"""Consents through the whole house: a citizen lets a clinician in, keeps somebody out, hides a record, undoes it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ehb.domain.registry import RegisteredPractitioner
from ehb.store import remembered
from ehb.store.practitioners import Practitioners
from ehb.store.vault import Vault
from tests.builders import FACILITY, NATIONAL_ID, visit_file
from tests.house import House

DOCTOR, OTHER_DOCTOR = "999185000077", "999185000088"
BOOK = """query($patient: ID!) { healthBook(patient: $patient, purpose: TREATMENT) {
  timeline(first: 100) { nodes { __typename id } } completeness { section records } withheld } }"""
GIVE = "mutation($terms: ConsentInput!) { giveConsent(consent: $terms) { consent { id text } problems { code } } }"


async def doctor(house: House, number: str, licence: str, facility: str) -> str:
    practitioners = Practitioners(house.mongo, Vault(house.keys))
    entry = RegisteredPractitioner(
        licence, "Bác sĩ Thử", (facility,), "Nội khoa", number=practitioners.number_index(number)
    )
    await practitioners.save([entry])
    return await house.citizen(number, "Bác sĩ Thử")


async def world(house: House) -> tuple[str, str, str]:
    """A citizen with a visit, a doctor of the facility, and the id of the book as the doctor finds it."""
    await house.submit(await house.facility(FACILITY), visit_file())
    citizen = await house.citizen(NATIONAL_ID)
    token = await doctor(house, DOCTOR, "000077/TEST-CCHN", FACILITY)
    found = await house.data(token, "query($n: String!) { bookId(number: $n) }", {"n": NATIONAL_ID})
    return citizen, token, found["bookId"]


def permit(**terms: Any) -> dict[str, Any]:
    return {
        "terms": {
            "permit": True,
            "granteeKind": "FACILITY",
            "grantee": FACILITY,
            "purposes": ["TREATMENT"],
            "validUntil": "2030-01-01T00:00:00+07:00",
            **terms,
        }
    }


async def given(house: House, citizen: str, terms: dict[str, Any]) -> str:
    payload = (await house.data(citizen, GIVE, terms))["giveConsent"]
    assert payload["problems"] == []
    return str(payload["consent"]["id"])


async def seen(house: House, token: str, book: str) -> list[str] | None:
    """Ids of the records that the caller sees, None for a refusal."""
    answer = await house.ask(token, BOOK, {"patient": book})
    if "errors" in answer:
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
        return None
    return [node["id"] for node in answer["data"]["healthBook"]["timeline"]["nodes"]]


async def test_a_clinician_sees_nothing_until_the_citizen_agrees_and_nothing_after_it_is_withdrawn(
    house: House,
) -> None:
    citizen, token, book = await world(house)

    before = await seen(house, token, book)
    consent = await given(house, citizen, permit())
    during = await seen(house, token, book)
    await house.data(citizen, "mutation($id: ID!) { withdrawConsent(id: $id) { id } }", {"id": consent})
    after = await seen(house, token, book)

    assert (before, after) == (None, None)
    assert during


async def test_a_consent_opens_its_sections_and_tells_which_it_does_not(house: House) -> None:
    citizen, token, book = await world(house)
    await given(house, citizen, permit(select={"sections": ["CONDITIONS"]}))

    answer = (await house.data(token, BOOK, {"patient": book}))["healthBook"]

    assert {node["__typename"] for node in answer["timeline"]["nodes"]} == {"Condition"}
    assert [one["section"] for one in answer["completeness"]] == ["CONDITIONS"]
    assert "PRESCRIPTIONS" in answer["withheld"]


async def test_a_hidden_record_is_gone_for_others_stays_for_its_person_and_comes_back(house: House) -> None:
    citizen, token, book = await world(house)
    await given(house, citizen, permit())
    shown = await seen(house, token, book) or []

    await house.data(citizen, "mutation($id: ID!) { restrictRecord(id: $id) { id } }", {"id": shown[0]})
    hidden = await seen(house, token, book) or []
    own = await house.data(citizen, "query($id: ID!) { record(id: $id) { id } }", {"id": shown[0]})
    gone = await house.ask(token, "query($id: ID!) { record(id: $id, purpose: TREATMENT) { id } }", {"id": shown[0]})
    await house.data(citizen, "mutation($id: ID!) { liftRestriction(id: $id) { id } }", {"id": shown[0]})
    lifted = await seen(house, token, book)

    assert sorted(hidden) == sorted(shown[1:])
    assert own["record"]["id"] == shown[0]
    assert gone["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert lifted == shown


async def test_a_block_beats_every_consent(house: House) -> None:
    citizen, token, book = await world(house)
    await given(house, citizen, permit())
    block = {"permit": False, "granteeKind": "PRACTITIONER", "grantee": "000077/TEST-CCHN"}

    await given(house, citizen, {"terms": block})

    assert await seen(house, token, book) is None


async def test_a_consent_for_one_opening_is_used_up_by_it(house: House) -> None:
    citizen, token, book = await world(house)
    await given(house, citizen, permit(maxUses=1))

    assert await seen(house, token, book)
    assert await seen(house, token, book) is None


async def test_an_opening_is_not_used_when_another_consent_opens_as_much(house: House) -> None:
    citizen, token, book = await world(house)
    await given(house, citizen, permit(maxUses=1, select={"sections": ["CONDITIONS"]}))
    await given(house, citizen, permit())

    assert await seen(house, token, book)
    assert await seen(house, token, book)

    uses = [one["uses"] for one in (await house.data(citizen, "{ myConsents { uses } }"))["myConsents"]]
    assert uses == [0, 0]


async def test_a_practitioner_of_another_facility_is_let_in_by_nothing(house: House) -> None:
    citizen, _, book = await world(house)
    other = await doctor(house, OTHER_DOCTOR, "000088/TEST-CCHN", "99002")

    await given(house, citizen, permit())

    assert await seen(house, other, book) is None


async def test_somebody_whom_the_registry_forgets_is_let_in_no_more(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen, token, book = await world(house)
    await given(house, citizen, permit())
    assert await seen(house, token, book)

    await house.mongo.database["practitioners"].update_many({}, {"$set": {"facilities": []}})
    monkeypatch.setattr(remembered, "SECONDS", 0.0)  # ten seconds later

    assert await seen(house, token, book) is None


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"grantee": "99999"}, "FACILITY_UNKNOWN"),
        ({"grantee": ""}, "GRANTEE_MISSING"),
        ({"granteeKind": "ANYBODY"}, "GRANTEE_TOO_WIDE"),
        ({"validUntil": "2020-01-01T00:00:00Z"}, "VALIDITY_OVER"),
        ({"validUntil": None}, "VALIDITY_MISSING"),
        ({"purposes": []}, "PURPOSE_MISSING"),
        ({"labels": ["NONSENSE"]}, "LABEL_UNKNOWN"),
        ({"select": {"labels": ["HIV"]}}, "LABELS_MISSING"),
        ({"select": {"labels": ["HIV", "PSY"]}, "labels": ["HIV"]}, "LABELS_MISSING"),
        ({"permit": False, "purposes": ["PATIENT_REQUEST"]}, "PURPOSE_IS_YOURS"),
        ({"without": ["patient_id"]}, "FIELD_UNKNOWN"),
        ({"select": {"since": "2026-02-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"}}, "PERIOD_REVERSED"),
        ({"select": {"sections": []}}, "SELECTION_EMPTY"),
        ({"maxUses": 0}, "USES_OUT_OF_RANGE"),
        ({"select": {"facilities": [f"{number:05d}" for number in range(201)]}}, "LIST_TOO_LONG"),
        ({"exceptions": [{"labels": ["PSY"]}] * 1_000}, "TOO_MANY_EXCEPTIONS"),
        ({"exceptions": [{}]}, "EXCEPTION_OF_ALL"),
        ({"grantee": "x" * 201}, "GRANTEE_UNUSABLE"),
        ({"granteeKind": "ROLE", "grantee": "\0\0"}, "GRANTEE_UNUSABLE"),
        ({"granteeKind": "ROLE", "grantee": "x"}, "SCOPE_UNKNOWN"),
        ({"actions": ["READ", "DOWNLOAD"]}, "ACTION_UNAVAILABLE"),
        ({"actions": ["RESHARE"]}, "ACTION_UNAVAILABLE"),
        ({"granteeKind": "PERSON", "grantee": "999000012"}, "NUMBER_NOT_UNIQUE"),
        ({"granteeKind": "PERSON", "grantee": NATIONAL_ID}, "GRANTEE_IS_SELF"),
        ({"granteeLabel": "vợ tôi"}, "LABEL_UNUSABLE"),
        ({"granteeKind": "PERSON", "grantee": "999185000333", "granteeLabel": "\u200b"}, "LABEL_UNUSABLE"),
        ({"granteeKind": "ROLE", "grantee": "--"}, "SCOPE_UNKNOWN"),
        ({"permit": False, "granteeKind": "ANYBODY", "grantee": "x"}, "GRANTEE_OF_ANYBODY"),
    ],
)
async def test_terms_that_cannot_hold_are_named_and_nothing_is_given(
    house: House, terms: dict[str, Any], code: str
) -> None:
    citizen = await house.citizen(NATIONAL_ID)

    payload = (await house.data(citizen, GIVE, permit(**terms)))["giveConsent"]

    assert payload["consent"] is None
    assert code in [one["code"] for one in payload["problems"]]
    assert (await house.data(citizen, "{ myConsents { id } }"))["myConsents"] == []


@pytest.mark.parametrize("name", ["validFrom", "validUntil", "since", "until"])
@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2027-06-30T00:00:00"])
async def test_a_time_that_no_zone_can_hold_is_refused(house: House, name: str, time: str) -> None:
    citizen = await house.citizen(NATIONAL_ID)
    terms = permit(**({name: time} if name.startswith("valid") else {"select": {name: time}}))

    answer = await house.ask(citizen, GIVE, terms)

    assert {one["extensions"]["code"] for one in answer["errors"]} == {"BAD_USER_INPUT"}


async def test_the_agreed_words_are_kept_in_the_language_they_were_shown_in(house: House) -> None:
    citizen, _, _ = await world(house)
    await given(house, citizen, permit(exceptions=[{"labels": ["PSY"]}], labels=["HIV"]))

    [kept] = (await house.data(citizen, "{ myConsents { text language uses inForce } }"))["myConsents"]

    assert (kept["language"], kept["inForce"]) == ("en", True)
    assert "Not included: only what is about: Mental health." in kept["text"]
    assert "Sensitive records are open too, about: HIV/AIDS, with its drugs and tests." in kept["text"]
    assert NATIONAL_ID not in kept["text"]


async def test_a_record_that_is_hidden_already_is_not_hidden_again(house: House) -> None:
    citizen, _, _ = await world(house)
    own = await house.data(citizen, "{ myHealthBook { timeline(first: 2) { nodes { id } } } }")
    first, other = (node["id"] for node in own["myHealthBook"]["timeline"]["nodes"])
    hide = "mutation($id: ID!) { restrictRecord(id: $id) { id text } }"

    once, twice, another = [
        (await house.data(citizen, hide, {"id": id}))["restrictRecord"] for id in (first, first, other)
    ]
    await house.data(citizen, "mutation($id: ID!) { liftRestriction(id: $id) { id } }", {"id": first})
    again = (await house.data(citizen, hide, {"id": first}))["restrictRecord"]
    assert "việc của chính bạn" not in again["text"]

    assert once["id"] == twice["id"]
    assert len({once["id"], another["id"], again["id"]}) == 3
    assert "only 1 chosen record(s)" in once["text"]
    in_force = (await house.data(citizen, "{ myConsents { id inForce } }"))["myConsents"]
    assert {one["id"] for one in in_force if one["inForce"]} == {another["id"], again["id"]}


async def test_of_many_who_open_the_last_openings_at_once_no_more_get_in_than_are_left(house: House) -> None:
    citizen, one, book = await world(house)
    two = await doctor(house, "999185000078", "000078/TEST-CCHN", FACILITY)
    three = await doctor(house, "999185000079", "000079/TEST-CCHN", FACILITY)
    await given(house, citizen, permit(maxUses=2))

    read = await asyncio.gather(*(seen(house, token, book) for token in (one, two, three) * 8))

    assert sum(found is not None for found in read) == 2
    assert (await house.data(citizen, "{ myConsents { uses } }"))["myConsents"] == [{"uses": 2}]


async def test_what_a_presentation_opens_anyway_is_no_use_of_a_consent(house: House) -> None:
    citizen, shown_to, book = await world(house)
    two = await doctor(house, "999185000078", "000078/TEST-CCHN", FACILITY)
    three = await doctor(house, "999185000079", "000079/TEST-CCHN", FACILITY)
    terms = permit(maxUses=2, select={"sections": ["CONDITIONS"]})
    await given(house, citizen, terms)
    start = "mutation { startPresentation(presentation: {sections: [CONDITIONS]}) { code } }"
    code = (await house.data(citizen, start))["startPresentation"]["code"]
    await house.data(shown_to, "mutation($c: String!) { openPresentation(code: $c) { patient } }", {"c": code})

    tokens = (shown_to, two, three) * 8
    read = await asyncio.gather(*(seen(house, token, book) for token in tokens))

    by = [(token == shown_to, found is not None) for token, found in zip(tokens, read, strict=True)]
    assert (by.count((True, True)), by.count((False, True))) == (8, 2)
    assert (await house.data(citizen, "{ myConsents { uses } }"))["myConsents"] == [{"uses": 2}]


async def test_a_number_that_nobody_has_names_a_book_like_any_other(house: House) -> None:
    _, token, _ = await world(house)

    found = await house.data(token, 'query { bookId(number: "999000000000") }')
    answer = await house.ask(token, BOOK, {"patient": found["bookId"]})

    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_what_terms_would_say_about_a_foreign_book_is_told_to_nobody(house: House) -> None:
    citizen, doctor, book = await world(house)
    own = await house.data(citizen, "{ myHealthBook { timeline(first: 1) { nodes { id } } } }")
    record = own["myHealthBook"]["timeline"]["nodes"][0]["id"]
    asked = "query($c: ConsentInput!, $p: ID) { consentText(consent: $c, patient: $p) { text } }"

    async def told(id: str) -> Any:
        terms = permit(select={"records": [id]})["terms"]
        return await house.ask(doctor, asked, {"c": terms, "p": book})

    real, made_up = await told(record), await told("x")

    assert real == made_up
    assert real["errors"][0]["extensions"]["code"] == "FORBIDDEN"


KIND_DENY = {"permit": False, "granteeKind": "FACILITY", "grantee": FACILITY, "select": {"kinds": ["Condition"]}}
WITHHELD = """query($p: ID!) { healthBook(patient: $p, purpose: TREATMENT) {
  withheld treatment { conditions { nodes { id } } encounters { nodes { id } } } } }"""


async def test_deny_by_kind_stands_in_withheld_and_in_the_access_log(house: House) -> None:
    citizen, token, book = await world(house)
    await given(house, citizen, permit())
    await given(house, citizen, {"terms": KIND_DENY})

    read = (await house.data(token, WITHHELD, {"p": book}))["healthBook"]
    query = "{ myAccessLog(first: 1, others: true, actions: [READ]) { nodes { sections } } }"
    [line] = (await house.data(citizen, query))["myAccessLog"]["nodes"]

    closed = WITHHELD.replace("encounters { nodes { id } }", "")
    await house.data(token, closed, {"p": book})
    [nothing] = (await house.data(citizen, query.replace("sections", "sections text")))["myAccessLog"]["nodes"]

    assert nothing["sections"] == []
    assert "asked for a closed part of the health book and saw nothing" in nothing["text"]
    assert read["withheld"] == ["CONDITIONS"]
    assert read["treatment"]["conditions"]["nodes"] == []
    assert "CONDITIONS" not in line["sections"]
    assert "ENCOUNTERS" in line["sections"]


async def test_person_who_was_let_in_is_known_again_by_the_giver(house: House) -> None:
    citizen, _, _ = await world(house)
    number = "999185000333"
    wife = {
        **permit(granteeKind="PERSON", grantee=number, purposes=["FAMILY_REQUEST"])["terms"],
        "granteeLabel": "vợ tôi",
    }

    await given(house, citizen, {"terms": wife})

    query = "{ myConsents { grantee granteeLabel granteeEnding text } }"
    [held] = (await house.data(citizen, query))["myConsents"]
    assert (held["grantee"], held["granteeLabel"], held["granteeEnding"]) == (None, "vợ tôi", "0333")
    assert "«vợ tôi (number …0333)»" in held["text"]
    assert number not in str(await house.mongo.database["grants"].find().to_list())
    assert "vợ tôi".encode() not in str(await house.mongo.database["grants"].find().to_list()).encode()


async def test_lists_of_the_consent_screen_need_no_login(house: House) -> None:
    await world(house)
    query = """{ consentVocabulary { sections { section title } kinds { kind title fields { code title } }
      purposes { purpose title } sensitivityLabels { code title } scopesOfPractice { code title } } }"""

    lists = (await house.ask(None, query, language="vi"))["data"]["consentVocabulary"]

    assert {"section": "PRESCRIPTIONS", "title": "đơn thuốc"} in lists["sections"]
    assert lists["scopesOfPractice"] == [{"code": "noi khoa", "title": "Nội khoa"}]
    assert len(lists["kinds"]) == 13
    assert all(one["title"] for one in lists["sensitivityLabels"])
