"""Who is who, over HTTP: attacks on identity and honest mistakes, each with what everybody sees afterwards."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ehb.domain.guardianship import Relation
from ehb.services import stewardship
from tests.builders import FACILITY, NATIONAL_ID, visit_file
from tests.fhir import body_of, bundle, patient, resource
from tests.formats.rows import check_in_file
from tests.house import House
from tests.stewards import PATH, STEWARD, appoint, stewards_door

NATIONAL = "http://fhir.ehealth.gov.vn/core/sid/national_id"
OLD_NUMBER = "http://fhir.ehealth.gov.vn/core/sid/citizen_id"
VICTIM, THIEF, TWIN = NATIONAL_ID, "999090000077", "999185000055"
THIEVES = {"name": "Kẻ Trộm", "birthdate": "1990-05-05"}
BOOK = """{ myHealthBook { patientId patient { fullName birthDate identifiers { value } }
  timeline(first: 100) { nodes { __typename } }
  corrections(first: 100) { nodes {
    __typename time code { text } ended { why } provenance { facility { code } } } } } }"""
SUBMIT = """mutation($input: VisitSummaryInput!) { submitVisitSummary(input: $input) {
  status problems { rule severity messageVi messageEn } } }"""


async def read(house: House, token: str) -> dict[str, Any]:
    found: dict[str, Any] = (await house.data(token, BOOK))["myHealthBook"]
    return found


async def records(house: House, token: str) -> int:
    return len((await read(house, token))["timeline"]["nodes"])


async def send(house: House, body: bytes, *, facility: str = FACILITY, dry_run: bool = False) -> dict[str, Any]:
    token = await house.facility(facility)
    kind = "application/fhir+json" if body.lstrip().startswith(b"{") else "application/xml"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
    params = {"dry_run": "true"} if dry_run else {}
    answer = await house.http.post("/facility/submissions", content=body, headers=headers, params=params)
    receipt: dict[str, Any] = answer.json()
    return receipt


def rules(receipt: dict[str, Any]) -> list[str]:
    return [one["rule"] for one in receipt["problems"]]


def two_numbers(*identifiers: tuple[str, str], **content: Any) -> bytes:
    told = patient(**{"gender": "female", **content})
    told["identifier"] = [{"system": system, "value": value} for system, value in identifiers]
    visit = resource("Condition", code={"text": "Cảm cúm"})
    return body_of(bundle(visit, of=told))


async def thief(house: House) -> str:
    return await house.citizen(THIEF, **THIEVES)


# A number in a file makes nobody an owner


@pytest.mark.parametrize("vouched", [True, False], ids=["has logged in", "never logged in"])
@pytest.mark.parametrize("birth", [{}, {"birthDate": "1985-03-07"}], ids=["no birth date", "the victim's"])
@pytest.mark.parametrize("system", [NATIONAL, OLD_NUMBER], ids=["national", "old"])
async def test_second_number_in_a_file_hands_no_book_over(
    house: House, system: str, birth: dict[str, str], vouched: bool
) -> None:
    await send(house, visit_file())
    token = await house.citizen(VICTIM, birthdate="1985-03-07") if vouched else None
    number = THIEF if system == NATIONAL else "999000077"

    await send(house, two_numbers((NATIONAL, VICTIM), (system, number), **birth), facility="99002")
    claims = THIEVES if system == NATIONAL else {**THIEVES, "SoCMND": number}
    stolen = await house.citizen(THIEF, **claims)

    assert await records(house, stolen) == 0
    owner = token or await house.citizen(VICTIM, birthdate="1985-03-07")
    book = await read(house, owner)
    assert len(book["timeline"]["nodes"]) >= 6
    assert book["patient"]["fullName"] == "Nguyễn Thị Thử"
    assert number not in {one["value"] for one in book["patient"]["identifiers"]}


async def test_numbers_of_both_orders_and_formats_wait_with_a_reason(house: House) -> None:
    await house.citizen(VICTIM, birthdate="1985-03-07")

    for pair in (((NATIONAL, VICTIM), (NATIONAL, THIEF)), ((NATIONAL, THIEF), (NATIONAL, VICTIM))):
        receipt = await send(house, two_numbers(*pair))
        assert receipt["status"] == "WAITING_FOR_IDENTITY"
        assert "identity.two_numbers" in rules(receipt)


async def test_card_of_a_file_hands_no_book_over(house: House) -> None:
    card = "GD4019990000001"
    await send(house, visit_file({"MA_THE_BHYT": card}))
    token = await house.citizen(VICTIM, birthdate="1985-03-07")

    theirs = {"SO_CCCD": THIEF, "HO_TEN": "Kẻ Trộm", "NGAY_SINH": "199005050000", "GIOI_TINH": "1", "MA_LK": "LK-2"}
    body = visit_file({**theirs, "MA_THE_BHYT": card}, facility="99002")
    receipt = await send(house, body, facility="99002")

    assert rules(receipt) == ["identity.card_of_another"]
    assert await records(house, await thief(house)) == 0
    assert await records(house, token) == 6


async def test_card_is_not_learned_for_somebody_who_has_logged_in(house: House) -> None:
    await house.citizen(VICTIM, birthdate="1985-03-07")
    card = {"MA_THE_BHYT": "GD4019990000001"}

    await send(house, visit_file(card))
    body = visit_file({**card, "SO_CCCD": "", "MA_LK": "LK-2"}, facility="99002")
    alone = await send(house, body, facility="99002")

    assert alone["status"] == "WAITING_FOR_IDENTITY"


async def test_newborn_with_the_mothers_number_waits(house: House) -> None:
    mother = await house.citizen(VICTIM, birthdate="1985-03-07")
    born = {"HO_TEN": "Con bà Nguyễn Thị Thử", "NGAY_SINH": "202610010315", "GIOI_TINH": "1"}

    receipt = await send(house, visit_file(born))

    assert rules(receipt) == ["identity.other_person"]
    assert await records(house, mother) == 0


async def test_check_in_and_typed_input_are_matched_by_the_same_rules(house: House) -> None:
    await house.citizen(VICTIM, birthdate="1985-03-07")
    other = {"HO_TEN": "Trần Văn Khác", "NGAY_SINH": "197106010000", "GIOI_TINH": "1"}

    arrived = await send(house, check_in_file(other))
    given = {"identifier": VICTIM, "fullName": "Trần Văn Khác", "birthDate": "1971-06-01"}
    visit = {"episode": "E-1", "patient": given, "allergies": [{"code": {"text": "Tôm"}, "time": "2026-10-01"}]}
    typed = (await house.data(await house.facility(FACILITY), SUBMIT, {"input": visit}))["submitVisitSummary"]

    assert rules(arrived) == ["identity.other_person"]
    assert (typed["status"], rules(typed)) == ("WAITING_FOR_IDENTITY", ["identity.other_person"])
    assert all(one["messageVi"] and one["messageEn"] for one in typed["problems"])


# Old numbers


async def test_two_people_with_one_old_number_have_a_book_each(house: House) -> None:
    old = "999000078"
    first = await house.citizen("999060000011", "Lê Văn A", birthdate="1960-02-02", SoCMND=old)
    mine = {"SO_CCCD": old, "HO_TEN": "Lê Văn A", "NGAY_SINH": "196002020000", "GIOI_TINH": "1"}
    await send(house, visit_file(mine))

    second = await house.citizen("999071000012", "Trần Văn B", birthdate="1971-03-03", SoCMND=old)

    assert await records(house, first) == 6  # and is still signed in
    assert await records(house, second) == 0
    assert (await read(house, first))["patient"]["fullName"] == "Lê Văn A"


async def test_visit_under_an_old_number_comes_before_both_its_people(house: House) -> None:
    old = "999000078"
    await send(house, visit_file({"SO_CCCD": old, "HO_TEN": "Lê Văn A", "NGAY_SINH": "196002020000", "GIOI_TINH": "1"}))

    second = await house.citizen("999071000012", "Trần Văn B", birthdate="1971-03-03", SoCMND=old)
    first = await house.citizen("999060000011", "Lê Văn A", birthdate="1960-02-02", SoCMND=old)

    assert [await records(house, token) for token in (second, first)] == [0, 6]


# Doubt ends by itself, or by a mended file, or by a steward


async def test_visit_that_waits_enters_the_book_when_the_eid_vouches(house: House) -> None:
    mistyped_sex = await send(house, visit_file({"GIOI_TINH": "1"}))

    token = await house.citizen(VICTIM, birthdate="1985-03-07")

    assert (mistyped_sex["status"], rules(mistyped_sex)) == ("WAITING_FOR_IDENTITY", ["identity.number_contradicts"])
    assert await records(house, token) == 6
    log = (await house.data(token, "{ myAccessLog { nodes { action } } }"))["myAccessLog"]["nodes"]
    assert "RESOLVE_IDENTITY" in {one["action"] for one in log}


async def test_number_typed_for_another_person_does_not_keep_its_owner_out(house: House) -> None:
    """The first file under a number is about somebody else; the owner's own visits follow."""
    await send(house, visit_file({"HO_TEN": "Trần Thị Khác", "NGAY_SINH": "198512310000", "MA_LK": "WRONG"}))
    own = await send(house, visit_file({"MA_LK": "OWN"}))

    token = await house.citizen(VICTIM, birthdate="1985-03-07")
    later = await send(house, visit_file({"MA_LK": "LATER"}))

    assert rules(own) == ["identity.other_person"]
    assert later["status"] == "ACCEPTED"
    assert await records(house, token) == 12
    assert await house.mongo.database["doubts"].count_documents({"closed": None}) == 1


async def test_facility_mends_a_waiting_visit_by_sending_it_again(house: House) -> None:
    waiting = await send(house, visit_file({"GIOI_TINH": "1"}))
    mended = await send(house, visit_file())

    assert (waiting["status"], mended["status"], mended["version"]) == ("WAITING_FOR_IDENTITY", "ACCEPTED", 2)
    assert await records(house, await house.citizen(VICTIM)) == 6


async def test_placeholder_is_nobodys_number(house: House) -> None:
    for number, episode in (("000000000000", "LK-1"), ("123456789012", "LK-2"), ("000000000", "LK-3")):
        receipt = await send(house, visit_file({"SO_CCCD": number, "MA_LK": episode}))
        assert (receipt["status"], rules(receipt)) == ("WAITING_FOR_IDENTITY", ["identifier.placeholder"])
    assert await house.mongo.database["people"].count_documents({}) == 0


# Visit codes that come back


async def test_visit_code_of_another_person_is_refused_and_nothing_moves(house: House) -> None:
    await send(house, visit_file({"MA_LK": "X"}))
    token = await house.citizen(VICTIM, birthdate="1985-03-07")
    other = {"SO_CCCD": "999050000012", "HO_TEN": "Trần Văn Khác", "NGAY_SINH": "195006010000", "GIOI_TINH": "1"}

    refused = await send(house, visit_file({**other, "MA_LK": "X"}))
    nameless = await send(house, visit_file({**other, "SO_CCCD": "", "MA_LK": "X"}))

    for receipt in (refused, nameless):
        assert (receipt["status"], rules(receipt)) == ("REJECTED", ["episode.other_person"])
    assert await records(house, token) == 6


async def test_mended_number_moves_the_visit_and_tells_the_first_person(house: House) -> None:
    await send(house, visit_file({"MA_LK": "X"}))
    first = await house.citizen(VICTIM)

    moved = await send(house, visit_file({"MA_LK": "X", "SO_CCCD": TWIN}))

    assert (moved["status"], moved["version"], rules(moved)) == ("ACCEPTED", 2, ["episode.person_changed"])
    book = await read(house, first)
    assert book["timeline"]["nodes"] == []
    ended = book["corrections"]["nodes"]
    assert len(ended) == 6
    assert {one["ended"]["why"] for one in ended} == {"MOVED"}
    assert {(one["provenance"]["facility"]["code"], one["code"]) for one in ended} == {(FACILITY, None)}
    assert "tăng huyết áp" not in json.dumps(ended, ensure_ascii=False).lower()
    assert await records(house, await house.citizen(TWIN)) == 6


async def test_constant_bundle_id_does_not_replace_the_first_patient(house: House) -> None:
    def sent(number: str, name: str, born: str) -> bytes:
        told = patient(birthDate=born)
        told["identifier"][0]["value"] = number
        told["name"] = [{"text": name}]
        content = json.loads(body_of(bundle(resource("Condition", code={"text": "Cảm cúm"}), of=told)))
        content.pop("identifier", None)
        return json.dumps({**content, "id": "bundle-export"}).encode()

    first = await send(house, sent(VICTIM, "Nguyễn Thị Thử", "1985-03-07"))
    second = await send(house, sent("999050000012", "Trần Văn Khác", "1950-06-01"))

    assert (first["status"], rules(second)) == ("ACCEPTED", ["episode.other_person"])
    assert await records(house, await house.citizen(VICTIM)) == 1


# Age


CHILD, PARENT = "999210000011", "999185000002"
NAMED = {"SO_CCCD": CHILD, "HO_TEN": "Nguyễn Văn Con", "GIOI_TINH": "1"}
WARD = """query($p: ID!) { healthBook(patient: $p, purpose: FAMILY_REQUEST) {
  timeline(first: 100) { nodes { __typename labels } }
  corrections(first: 100) { nodes { __typename labels ... on ClinicalImpression { description } } } } }"""


async def ward(house: House, number: str = CHILD, born: str = "201005010000", **fields: str) -> tuple[str, str]:
    """A child of 16 with a labelled visit; the parent's token, and the child's book as the parent names it."""
    parent = await house.citizen(PARENT, "Nguyễn Thị Mẹ", birthdate="1985-03-07")
    await send(house, visit_file({**NAMED, "SO_CCCD": number, "NGAY_SINH": born, "MA_BENH_CHINH": "B20", **fields}))
    await appoint(house, number, PARENT, Relation.PARENT)
    [found] = (await house.data(parent, "{ myWards { patient } }"))["myWards"]
    return parent, found["patient"]


@pytest.mark.parametrize("born", ["201405010000", "200005010000", "201400000000"])
@pytest.mark.parametrize("number", [CHILD, "C9990001"], ids=["a national number", "an account code"])
async def test_birth_date_of_another_facility_opens_and_closes_nothing(house: House, number: str, born: str) -> None:
    parent, book = await ward(house, number)

    later = {**NAMED, "SO_CCCD": number, "NGAY_SINH": born, "MA_LK": "LK-9"}
    receipt = await send(house, visit_file(later, facility="99002"), facility="99002")

    read_by_parent = (await house.data(parent, WARD, {"p": book}))["healthBook"]["timeline"]["nodes"]
    assert all(one["labels"] == [] for one in read_by_parent)
    assert set(rules(receipt)) & {"identity.differs", "identity.number_contradicts"}


async def test_birth_date_on_the_guardians_paper_decides(house: House) -> None:
    parent = await house.citizen(PARENT, "Nguyễn Thị Mẹ", birthdate="1985-03-07")
    lying = {**NAMED, "SO_CCCD": "C9990001", "NGAY_SINH": "201405010000", "MA_BENH_CHINH": "B20"}
    await send(house, visit_file(lying))

    await appoint(house, "C9990001", PARENT, birth_date="2010-05-01")

    [found] = (await house.data(parent, "{ myWards { patient birthDate } }"))["myWards"]
    assert found["birthDate"] == "2010-05-01"
    assert (await house.data(parent, WARD, {"p": found["patient"]}))["healthBook"]["timeline"]["nodes"] == []


# Labels of a version


PSYCHOLOGICAL = resource("ClinicalImpression", status="completed", date="2026-10-05", note=[{"text": "trầm cảm nhẹ"}])


@pytest.mark.parametrize("kept", [True, False], ids=["the note stays", "the note goes"])
async def test_correction_that_labels_a_visit_closes_its_earlier_versions(house: House, kept: bool) -> None:
    parent, book = await ward(house, "C9990001", MA_BENH_CHINH="I10")
    told = patient(birthDate="2010-05-01", name=[{"text": "Nguyễn Văn Con"}])
    told["identifier"] = [{"system": "http://fhir.ehealth.gov.vn/core/sid/passport_number", "value": "C9990001"}]
    other = resource("Condition", code={"text": "Khám tâm lý"})
    open_note = bundle(PSYCHOLOGICAL, other, of=told)
    await send(house, body_of(open_note))
    before = await house.data(parent, WARD, {"p": book})

    labelled = [resource("Condition", code={"text": "Khám tâm lý"}, meta={"security": [
        {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "PSY"}]})]  # fmt: skip
    corrected = await send(house, body_of(bundle(*([PSYCHOLOGICAL] if kept else []), *labelled, of=told)))
    after = await house.data(parent, WARD, {"p": book})

    assert "ClinicalImpression" in {one["__typename"] for one in before["healthBook"]["timeline"]["nodes"]}
    assert (corrected["status"], corrected["version"]) == ("ACCEPTED", 2)
    assert "trầm cảm" not in json.dumps(after, ensure_ascii=False)
    child = await house.citizen("999210000011", "Nguyễn Văn Con", birthdate="2010-05-01")
    await stewardship.merge(stewards_door(house), STEWARD, CHILD, "C9990001", "cùng một người", path=PATH)
    own = (await house.data(child, WARD.replace("healthBook(patient: $p, purpose: FAMILY_REQUEST)", "myHealthBook")
           .replace("query($p: ID!)", "query")))["myHealthBook"]  # fmt: skip
    notes = [one for one in own["corrections"]["nodes"] if one["__typename"] == "ClinicalImpression"]
    assert [one["labels"] for one in notes] == [["PSY"]]


# "This is not mine", and what a steward does about it


MINE = """{ myHealthBook { timeline(first: 100) { nodes { id __typename } }
  corrections(first: 100) { nodes { ended { why } } } } }"""
NOT_MINE = "mutation($id: ID!) { reportNotMine(id: $id) { id } }"


async def test_visit_that_is_not_mine_leaves_at_once_and_a_steward_hands_it_over(house: House) -> None:
    await send(house, visit_file())
    await send(house, visit_file({"MA_LK": "LK-2"}))
    token = await house.citizen(VICTIM, birthdate="1985-03-07")
    before = (await house.data(token, MINE))["myHealthBook"]["timeline"]["nodes"]

    await house.data(token, NOT_MINE, {"id": before[0]["id"]})
    after = (await house.data(token, MINE))["myHealthBook"]
    door = stewards_door(house)
    [doubt] = await stewardship.doubts(door, STEWARD, first=10, path=PATH)
    assert doubt.episode is not None
    moved = await stewardship.hand_over(door, STEWARD, doubt.episode, TWIN, path=PATH)

    assert len(before) == 12
    assert len(after["timeline"]["nodes"]) == 6
    assert {one["ended"]["why"] for one in after["corrections"]["nodes"]} == {"DISOWNED"}
    assert (doubt.kind, doubt.facility, len(doubt.sides)) == ("NOT_MINE", FACILITY, 1)
    assert moved == 6
    assert await records(house, await house.citizen(TWIN, birthdate="1985-03-07")) == 6
    assert await records(house, token) == 6
    assert await stewardship.doubts(door, STEWARD, first=10, path=PATH) == []


async def test_visit_that_was_theirs_after_all_is_given_back(house: House) -> None:
    await send(house, visit_file({"LY_DO_VV": "Sốt"}))
    await send(house, visit_file())
    token = await house.citizen(VICTIM, birthdate="1985-03-07")
    [first, *_] = (await house.data(token, MINE))["myHealthBook"]["timeline"]["nodes"]
    await house.data(token, NOT_MINE, {"id": first["id"]})
    refused = await send(house, visit_file({"LY_DO_VV": "Ho"}))
    door = stewards_door(house)
    [doubt] = await stewardship.doubts(door, STEWARD, first=10, path=PATH)
    assert doubt.episode is not None

    await stewardship.give_back(door, STEWARD, doubt.episode, path=PATH)

    assert (refused["status"], rules(refused)) == ("REJECTED", ["episode.disowned"])
    assert await records(house, token) == 6
    assert (await send(house, visit_file({"LY_DO_VV": "Ho"})))["status"] == "ACCEPTED"


async def test_login_that_does_not_fit_is_shown_to_a_steward_with_both_sides(house: House) -> None:
    await send(house, visit_file({"HO_TEN": "Trần Thị Khác", "NGAY_SINH": "198512310000"}))
    await house.citizen(VICTIM, birthdate="1985-03-07")
    door = stewards_door(house)

    [doubt] = await stewardship.doubts(door, STEWARD, first=10, path=PATH)
    await door.close_doubt(STEWARD, doubt.id, path=PATH)

    assert [(side.name, side.vouched) for side in doubt.sides] == [("Nguyễn Thị Thử", True), ("Trần Thị Khác", False)]
    assert VICTIM not in str(doubt.sides)
    assert await stewardship.doubts(door, STEWARD, first=10, path=PATH) == []


async def test_books_that_files_joined_before_are_found(house: House) -> None:
    """A second number whose source is not known, as the first version left it."""
    from ehb.domain.identity import HeldIdentifier

    await house.citizen(VICTIM, birthdate="1985-03-07")
    await house.citizen(TWIN, birthdate="1985-03-07")
    await _teach(house, VICTIM, HeldIdentifier(NATIONAL, THIEF, "2026-01-01"))

    found = [one async for one in stewards_door(house).doubtful(STEWARD, path=PATH) if one is not None]

    assert [(one.side.name, one.why) for one in found] == [
        (
            "Nguyễn Thị Thử",
            ("national numbers of another sex or year of birth", "a second national number that no login vouched for"),
        )
    ]


async def _teach(house: House, number: str, held: Any) -> None:
    import msgspec

    from ehb.store.people import _encode
    from ehb.store.vault import Vault

    vault = Vault(house.keys)
    pointer = await house.mongo.database["identifiers"].find_one(
        {"_id": vault.blind_index("identifier", NATIONAL, number)}
    )
    assert pointer is not None
    document = await house.mongo.database["people"].find_one({"_id": pointer["patient"]})
    assert document is not None
    key = vault.data_key(document["_id"], document["key"])
    from ehb.domain.identity import Patient

    patient = msgspec.msgpack.decode(key.open(document["sealed"], b"patient\0" + document["_id"]), type=Patient)
    taught = msgspec.structs.replace(patient, identifiers=(*patient.identifiers, held))
    sealed = key.seal(_encode(taught), b"patient\0" + document["_id"])
    await house.mongo.database["people"].update_one({"_id": document["_id"]}, {"$set": {"sealed": sealed}})
