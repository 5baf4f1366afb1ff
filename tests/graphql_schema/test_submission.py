"""Typed input: what has no column in the visit file arrives in the right section and is read there."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.builders import FACILITY, NATIONAL_ID, visit_file
from tests.house import House

SUBMIT = """mutation($input: VisitSummaryInput!, $dryRun: Boolean! = false) {
  submitVisitSummary(input: $input, dryRun: $dryRun) {
    id status episode version records problems { severity rule table row field messageVi messageEn }
  }
}"""
RECEIPT = "query($id: ID!) { submission(id: $id) { id status episode version records problems { rule } } }"
COMMON = "__typename section time code { text coding { system code } } labels"
COMMON += " provenance { source sourceRow facility { code name } practitioner { licence } version legalStatus }"
BOOK = (
    "{ myHealthBook { prevention { "
    "immunizations { nodes { %s doseNumber lotNumber manufacturer site reaction note } } "
    "screenings { nodes { %s status conclusion results { code { text } value { value unit comparator } text } } } "
    "healthChecks { nodes { %s conclusion } } riskFactors { nodes { %s text note } } } "
    "treatment { encounters { nodes { %s reason period { start end } weight { value unit } } } "
    "conditions { nodes { %s role note } } allergies { nodes { %s criticality reaction clinicalStatus } } "
    "prescriptions { nodes { %s dosage quantity { value unit } } } procedures { nodes { %s quantity { value } } } "
    "laboratoryResults { nodes { %s conclusion } } imagingResults { nodes { %s conclusion } } "
    "clinicalNotes { nodes { %s description consultation } } "
    "dischargePapers { nodes { %s title documentDate } } recordSummaries { nodes { %s course } } "
    "referrals { nodes { %s referredTo plan } } reexaminationAppointments { nodes { %s issued diagnosis } } } "
    "care { carePlans { nodes { %s status title goals activities period { start end } } } "
    "homeReadings { nodes { %s value { value unit } components { code { text } value { value unit } } } } "
    "maternalAndChildCare { nodes { %s conclusion } } rehabilitation { nodes { %s bodySite note } } } } }"
).replace("%s", COMMON)


def _said(text: str) -> dict[str, Any]:
    return {"text": text}


def _input(episode: str = "GQL-1", *, identifier: str | None = NATIONAL_ID, **entries: object) -> dict[str, Any]:
    patient = {"identifier": identifier, "fullName": "Nguyễn Thị Thử", "birthDate": "1985-03-07", "sex": "female"}
    return {"episode": episode, "patient": patient, **entries}


READING = {"time": "2026-10-05T07:00:00+07:00", "code": _said("Huyết áp"), "value": {"value": "120.50", "unit": "mmHg"}}
SECTIONS: dict[tuple[str, str], tuple[dict[str, Any], str, dict[str, Any]]] = {
    ("prevention", "immunizations"): (
        {
            "time": "2026-09-01",
            "code": {"coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": "08"}], "text": "Viêm gan B"},
            "practitioner": "900001",
            "doseNumber": 2,
            "lotNumber": "L1",
            "manufacturer": "VABIOTECH",
            "site": "Tay trái",
            "reaction": "Không",
            "note": "Ổn",
        },
        "Immunization",
        {"doseNumber": 2, "lotNumber": "L1", "manufacturer": "VABIOTECH", "site": "Tay trái", "reaction": "Không"},
    ),
    ("prevention", "screenings"): (
        {
            "time": "2026-09",
            "code": _said("Sàng lọc ung thư cổ tử cung"),
            "conclusion": "Âm tính",
            "results": [
                {"code": _said("HPV"), "text": "âm tính"},
                {"code": _said("CA-125"), "value": {"value": "35.0", "unit": "U/mL", "comparator": "<"}},
            ],
        },
        "DiagnosticReport",
        {
            "conclusion": "Âm tính",
            "results": [
                {"code": {"text": "HPV"}, "value": None, "text": "âm tính"},
                {
                    "code": {"text": "CA-125"},
                    "value": {"value": "35.0", "unit": "U/mL", "comparator": "<"},
                    "text": None,
                },
            ],
        },
    ),
    ("prevention", "healthChecks"): (
        {"time": "2026", "code": _said("Khám định kỳ"), "conclusion": "Loại I"},
        "DiagnosticReport",
        {"conclusion": "Loại I"},
    ),
    ("prevention", "riskFactors"): (
        {"time": "2026-10-05", "code": _said("Hút thuốc"), "text": "10 điếu/ngày", "note": "20 năm"},
        "Observation",
        {"text": "10 điếu/ngày", "note": "20 năm"},
    ),
    ("treatment", "conditions"): (
        {"time": "2026-10-05", "code": _said("Đái tháo đường"), "role": "SECONDARY", "note": "Mới"},
        "Condition",
        {"role": "SECONDARY", "note": "Mới"},
    ),
    ("treatment", "allergies"): (
        {"time": "2010", "code": _said("Penicillin"), "criticality": "high", "reaction": "Phản vệ"},
        "AllergyIntolerance",
        {"criticality": "high", "reaction": "Phản vệ", "clinicalStatus": "active"},
    ),
    ("treatment", "procedures"): (
        {"time": "2026-10-05", "code": _said("Nội soi"), "quantity": {"value": "1"}},
        "Procedure",
        {"quantity": {"value": "1"}},
    ),
    ("treatment", "prescriptions"): (
        {
            "time": "2026-10-05",
            "code": _said("Metformin"),
            "dosage": "1 viên",
            "quantity": {"value": "30", "unit": "Viên"},
        },
        "MedicationRequest",
        {"dosage": "1 viên", "quantity": {"value": "30", "unit": "Viên"}},
    ),
    ("treatment", "laboratoryResults"): (
        {"time": "2026-10-05", "code": _said("Công thức máu"), "conclusion": "Bình thường"},
        "DiagnosticReport",
        {"conclusion": "Bình thường"},
    ),
    ("treatment", "imagingResults"): (
        {"time": "2026-10-05", "code": _said("Siêu âm"), "conclusion": "Gan nhiễm mỡ"},
        "DiagnosticReport",
        {"conclusion": "Gan nhiễm mỡ"},
    ),
    ("treatment", "clinicalNotes"): (
        {"time": "2026-10-05", "description": "Tỉnh", "consultation": "Nội khoa"},
        "ClinicalImpression",
        {"description": "Tỉnh", "consultation": "Nội khoa"},
    ),
    ("treatment", "dischargePapers"): (
        {"time": "2026-10-05", "title": "Giấy ra viện", "documentDate": "2026-10-05"},
        "Composition",
        {"title": "Giấy ra viện", "documentDate": "2026-10-05"},
    ),
    ("treatment", "recordSummaries"): (
        {"time": "2026-10-05", "course": "Ba ngày"},
        "Composition",
        {"course": "Ba ngày"},
    ),
    ("treatment", "referrals"): (
        {"time": "2026-10-05", "referredTo": "99002", "plan": "Nội trú"},
        "ServiceRequest",
        {"referredTo": "99002", "plan": "Nội trú"},
    ),
    ("treatment", "reexaminationAppointments"): (
        {"time": "2099-01-01", "issued": "2026-10-05", "diagnosis": "Tăng huyết áp"},
        "Appointment",
        {"issued": "2026-10-05", "diagnosis": "Tăng huyết áp"},
    ),
    ("care", "carePlans"): (
        {
            "time": "2026-10-05",
            "title": "Kế hoạch tại nhà",
            "goals": ["Huyết áp dưới 130/80"],
            "activities": ["Đi bộ", "Ăn nhạt"],
            "period": {"start": "2026-10", "end": "2027"},
        },
        "CarePlan",
        {
            "status": "active",
            "title": "Kế hoạch tại nhà",
            "goals": ["Huyết áp dưới 130/80"],
            "activities": ["Đi bộ", "Ăn nhạt"],
            "period": {"start": "2026-10", "end": "2027"},
        },
    ),
    ("care", "homeReadings"): (
        {**READING, "components": [{"code": _said("Tâm thu"), "value": {"value": "120", "unit": "mmHg"}}]},
        "Observation",
        {
            "value": {"value": "120.50", "unit": "mmHg"},
            "components": [{"code": {"text": "Tâm thu"}, "value": {"value": "120", "unit": "mmHg"}}],
        },
    ),
    ("care", "maternalAndChildCare"): (
        {"time": "2026-10-05", "code": _said("Khám thai"), "conclusion": "Thai 20 tuần"},
        "DiagnosticReport",
        {"conclusion": "Thai 20 tuần"},
    ),
    ("care", "rehabilitation"): (
        {"time": "2026-10-05", "code": _said("Tập vận động"), "note": "30 phút"},
        "Procedure",
        {"note": "30 phút"},
    ),
}


async def _submit(house: House, token: str | None, given: dict[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
    assert token is not None
    answer = await house.data(token, SUBMIT, {"input": given, "dryRun": dry_run})
    receipt: dict[str, Any] = answer["submitVisitSummary"]
    return receipt


async def _book(house: House) -> dict[str, dict[str, list[dict[str, Any]]]]:
    citizen = await house.citizen(NATIONAL_ID)
    books = (await house.data(citizen, BOOK))["myHealthBook"]
    return {book: {name: found["nodes"] for name, found in lists.items()} for book, lists in books.items()}


async def test_everything_that_a_facility_knows_is_read_in_its_section_and_in_no_other(house: House) -> None:
    token = await house.facility(FACILITY)
    entries: dict[str, Any] = {name: [entry] for (_, name), (entry, _, _) in SECTIONS.items()}
    given = _input(**entries)

    receipt = await _submit(house, token, given)
    book = await _book(house)

    assert (receipt["status"], receipt["version"], receipt["records"]) == ("ACCEPTED", 1, len(SECTIONS))
    assert receipt["problems"] == []
    for (half, name), (entry, kind, shown) in SECTIONS.items():
        (found,) = book[half][name]
        assert found["__typename"] == kind
        assert found["time"] == entry["time"]
        assert {field: found[field] for field in shown} == shown
        assert found["section"].replace("_", "").lower() == name.lower()
        assert found["provenance"]["source"] == "GraphQL"
        assert found["provenance"]["facility"] == {"code": FACILITY, "name": f"Bệnh viện Thử {FACILITY}"}
        assert found["provenance"]["legalStatus"] == "UNSIGNED"
    assert book["prevention"]["immunizations"][0]["code"]["coding"] == [
        {"system": "http://hl7.org/fhir/sid/cvx", "code": "08"}
    ]
    assert book["prevention"]["immunizations"][0]["provenance"]["practitioner"] == {"licence": "900001"}
    assert book["treatment"]["encounters"] == []


async def test_the_visit_itself_is_an_encounter(house: House) -> None:
    token = await house.facility(FACILITY)
    encounter = {
        "time": "2026-10-05T08:00:00+07:00",
        "period": {"start": "2026-10-05T08:00:00+07:00", "end": "2026-10-05"},
        "reason": "Đau đầu",
        "weight": {"value": "52.50", "unit": "kg"},
    }

    await _submit(house, token, _input(encounter=encounter))
    (found,) = (await _book(house))["treatment"]["encounters"]

    assert {field: found[field] for field in encounter} == encounter


async def test_the_person_of_the_input_is_the_person_of_the_book(house: House) -> None:
    token = await house.facility(FACILITY)
    given = _input(homeReadings=[READING])
    given["patient"] |= {"address": "Thôn Thử", "phone": "0900000000", "nationality": "000"}

    await _submit(house, token, given)
    citizen = await house.citizen(NATIONAL_ID)
    patient = (await house.data(citizen, "{ myHealthBook { patient { birthDate sex address phone nationalId } } }"))[
        "myHealthBook"
    ]["patient"]

    assert patient == {
        "birthDate": "1985-03-07",
        "sex": "female",
        "address": "Thôn Thử",
        "phone": "0900000000",
        "nationalId": NATIONAL_ID,
    }


async def test_the_same_input_again_is_unchanged_and_a_changed_one_the_next_version(house: House) -> None:
    token = await house.facility(FACILITY)
    other = {**READING, "time": "2026-10-06T07:00:00+07:00"}
    first = await _submit(house, token, _input(homeReadings=[READING, other]))

    same = await _submit(house, token, _input(homeReadings=[READING, other]))
    changed = {**READING, "value": {"value": "140", "unit": "mmHg"}}
    next_one = await _submit(house, token, _input(homeReadings=[changed, other]))

    assert same == {**first, "status": "UNCHANGED"}
    assert (next_one["status"], next_one["version"], next_one["records"]) == ("ACCEPTED", 2, 2)
    readings = (await _book(house))["care"]["homeReadings"]
    assert [(one["value"]["value"], one["provenance"]["version"]) for one in readings] == [("120.50", 1), ("140", 2)]
    assert await house.mongo.database["records"].count_documents({"state": "superseded"}) == 1


async def test_two_readings_of_the_same_moment_are_two_records(house: House) -> None:
    token = await house.facility(FACILITY)

    receipt = await _submit(house, token, _input(homeReadings=[READING, READING]))

    assert receipt["records"] == 2
    assert len((await _book(house))["care"]["homeReadings"]) == 2


async def test_readings_of_one_second_are_all_found_on_pages_of_one(house: House) -> None:
    token = await house.facility(FACILITY)
    times = [
        f"2026-10-05T07:00:00.{fraction}+07:00" for fraction in ("0001", "0002", "0009", "001", "0015", "5", "999")
    ]
    await _submit(house, token, _input(homeReadings=[{**READING, "time": time} for time in times]))
    citizen = await house.citizen(NATIONAL_ID)
    query = "query($after: String) { myHealthBook { care { homeReadings(first: 1, after: $after) {"
    query += " nodes { time } pageInfo { hasNextPage endCursor } } } } }"

    seen: list[str] = []
    after: str | None = None
    for _ in times:
        found = (await house.data(citizen, query, {"after": after}))["myHealthBook"]["care"]["homeReadings"]
        seen += [node["time"] for node in found["nodes"]]
        after = found["pageInfo"]["endCursor"]
        if not found["pageInfo"]["hasNextPage"]:
            break

    assert sorted(seen) == sorted(times)


async def test_a_file_and_an_input_of_one_episode_code_do_not_erase_each_other(house: House) -> None:
    token = await house.facility(FACILITY)

    by_file = (await house.submit(token, visit_file())).json()
    by_input = await _submit(house, token, _input("LK-1", immunizations=[{"time": "2026-10-05"}]))
    again = (await house.submit(token, visit_file({"LY_DO_VV": "Sốt"}))).json()

    assert [one["version"] for one in (by_file, by_input, again)] == [1, 1, 2]
    book = await _book(house)
    assert (len(book["treatment"]["encounters"]), len(book["prevention"]["immunizations"])) == (1, 1)


async def test_a_dry_run_answers_the_same_and_stores_nothing(house: House) -> None:
    token = await house.facility(FACILITY)

    rehearsal = await _submit(house, token, _input(homeReadings=[READING]), dry_run=True)
    stored = [await house.mongo.database[name].count_documents({}) for name in ("records", "submissions", "people")]
    real = await _submit(house, token, _input(homeReadings=[READING]))

    assert {**rehearsal, "id": ""} == {**real, "id": ""}
    assert stored == [0, 0, 0]


async def test_an_input_without_a_number_waits_for_one(house: House) -> None:
    token = await house.facility(FACILITY)

    waiting = await _submit(house, token, _input(identifier=None, homeReadings=[READING]))
    accepted = await _submit(house, token, _input(homeReadings=[READING]))

    assert [one["status"] for one in (waiting, accepted)] == ["WAITING_FOR_IDENTITY", "ACCEPTED"]
    assert len((await _book(house))["care"]["homeReadings"]) == 1


async def test_a_label_on_one_entry_is_on_every_record_of_the_visit(house: House) -> None:
    token = await house.facility(FACILITY)
    drug = {"time": "2026-10-05", "code": _said("Thuốc"), "dosage": "1 viên"}

    await _submit(house, token, _input(carePlans=[{"time": "2026-10-05", "labels": ["PSY"]}], prescriptions=[drug]))
    book = await _book(house)

    assert book["care"]["carePlans"][0]["labels"] == ["PSY"]
    assert book["treatment"]["prescriptions"][0]["labels"] == ["PSY"]


BAD_TIMES = ["2026-02-30", "2026-13", "05/10/2026", "0000", "2026-10-05T25:00:00Z", "2026-10-05T08:00:00", "", "0001"]


@pytest.mark.parametrize("time", BAD_TIMES)
async def test_an_impossible_date_is_refused_with_its_list_row_and_field(house: House, time: str) -> None:
    token = await house.facility(FACILITY)

    receipt = await _submit(house, token, _input(immunizations=[{"time": "2026-10-05"}, {"time": time}]))

    assert (receipt["status"], receipt["version"], receipt["records"]) == ("REJECTED", 0, 0)
    (problem,) = receipt["problems"]
    assert (problem["severity"], problem["rule"]) == ("ERROR", "field.date")
    assert (problem["table"], problem["row"], problem["field"]) == ("immunizations", 2, "time")
    assert not time or time not in problem["messageVi"] + problem["messageEn"]
    assert await house.mongo.database["records"].count_documents({}) == 0


async def test_all_problems_of_an_input_come_together(house: House) -> None:
    """Row E1."""
    token = await house.facility(FACILITY)
    wrong = "2026-02-30"
    given = _input(
        " ",
        identifier="9991850000012",
        encounter={"time": "2026-10-05", "period": {"start": wrong, "end": wrong}},
        dischargePapers=[{"time": "2026-10-05", "documentDate": wrong}],
        reexaminationAppointments=[{"time": wrong, "issued": wrong}],
        homeReadings=[{**READING, "time": "2099-01-01"}],
    )
    given["patient"]["birthDate"] = wrong

    receipt = await _submit(house, token, given)

    assert receipt["status"] == "REJECTED"
    assert {(one["rule"], one["table"], one["row"], one["field"]) for one in receipt["problems"]} == {
        ("field.required", None, None, "episode"),
        ("identifier.format", "patient", None, "identifier"),
        ("field.date", "patient", None, "birthDate"),
        ("field.date", "encounter", 1, "period.start"),
        ("field.date", "encounter", 1, "period.end"),
        ("field.date", "discharge_papers", 1, "documentDate"),
        ("field.date", "reexamination_appointments", 1, "time"),
        ("field.date", "reexamination_appointments", 1, "issued"),
        ("time.future", "home_readings", 1, None),
    }
    assert all(one["messageVi"] != one["messageEn"] for one in receipt["problems"])


async def test_a_number_of_thirteen_digits_is_refused_and_not_repeated(house: House) -> None:
    token = await house.facility(FACILITY)

    receipt = await _submit(house, token, _input(identifier="9991850000012", homeReadings=[READING]))

    assert (receipt["status"], [one["rule"] for one in receipt["problems"]]) == ("REJECTED", ["identifier.format"])
    assert "9991850000012" not in str(receipt)


async def test_an_input_without_content_is_refused(house: House) -> None:
    token = await house.facility(FACILITY)

    receipt = await _submit(house, token, _input())

    assert (receipt["status"], [one["rule"] for one in receipt["problems"]]) == ("REJECTED", ["visit.empty"])


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "sNaN", "abc", ""])
async def test_what_is_no_number_is_no_value(house: House, value: str) -> None:
    token = await house.facility(FACILITY)
    given = _input(homeReadings=[{**READING, "value": {"value": value, "unit": "mmHg"}}])

    answer = await house.ask(token, SUBMIT, {"input": given})

    receipt = (answer.get("data") or {}).get("submitVisitSummary") or {}
    codes = [error["extensions"]["code"] for error in answer.get("errors", ())]
    assert codes == ["BAD_USER_INPUT"] or receipt["status"] == "REJECTED"
    assert await house.mongo.database["records"].count_documents({}) == 0


async def test_nobody_and_a_citizen_submit_nothing(house: House) -> None:
    citizen = await house.citizen(NATIONAL_ID)
    given = {"input": _input(homeReadings=[READING])}

    anonymous, person = await house.ask(None, SUBMIT, given), await house.ask(citizen, SUBMIT, given)

    codes = [answer["errors"][0]["extensions"]["code"] for answer in (anonymous, person)]
    assert codes == ["UNAUTHENTICATED", "FORBIDDEN"]
    assert await house.mongo.database["submissions"].count_documents({}) == 0
    assert await house.mongo.database["audit_events"].count_documents({"action": "SUBMIT", "outcome": "DENY"}) == 1


async def test_a_receipt_is_read_again_by_its_own_facility_only(house: House) -> None:
    own, other = await house.facility(FACILITY), await house.facility("99002")
    citizen = await house.citizen(NATIONAL_ID)
    sent = await _submit(house, own, _input(homeReadings=[READING]))

    again = await house.data(own, RECEIPT, {"id": sent["id"]})
    refused = [await house.ask(token, RECEIPT, {"id": sent["id"]}) for token in (other, citizen, None)]

    assert again["submission"] == {name: sent[name] for name in again["submission"]}
    codes = [answer["errors"][0]["extensions"]["code"] for answer in refused]
    assert codes == ["NOT_FOUND", "FORBIDDEN", "UNAUTHENTICATED"]


async def test_twenty_at_once_of_one_input_are_one_version(house: House) -> None:
    token = await house.facility(FACILITY)
    given = _input(homeReadings=[READING])

    receipts = await asyncio.gather(*(_submit(house, token, given) for _ in range(20)))

    assert sorted(one["status"] for one in receipts) == ["ACCEPTED"] + ["UNCHANGED"] * 19
    assert await house.mongo.database["records"].count_documents({}) == 1
