"""The two great stories, through HTTP, on a real mongod and with a real eID provider process."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from auth.tokens import s256
from tests.builders import FACILITY, NATIONAL_ID, visit_file
from tests.house import CLIENT, REDIRECT, House

OTHER_ID = "999185900002"
HEALTH_BOOK = "query($patient: ID!) { healthBook(patient: $patient, purpose: PATIENT_REQUEST) { asOf } }"
OWN_IDS = "{ myHealthBook { patientId timeline(first: 1) { nodes { id } } } }"
RECORD = "query($id: ID!) { record(id: $id) { __typename } }"
BOOK = """{ myHealthBook {
  asOf patient { fullName birthDate nationalId } withheld
  summary {
    problems { code { text coding { system code version } } } medications { dosage }
    results { code { text } value { value unit } }
  }
  treatment {
    encounters { nodes {
      id reason period { start end }
      provenance { facility { code name } version legalStatus signed submittedAt }
    } }
    conditions { nodes { role code { coding { code } } } }
    prescriptions { nodes { code { text } dosage } }
    laboratoryResults { nodes { results { code { text } value { value unit } } } }
    clinicalNotes { nodes { vitalSigns { code { text } value { value } } } }
    recordSummaries { nodes { title course } }
  }
  timeline { nodes { __typename time } pageInfo { hasNextPage } }
  completeness { section records newestRecord newestReceived facilities }
} }"""


async def test_a_visit_file_becomes_part_of_the_book_that_the_citizen_reads_after_the_first_login(house: House) -> None:
    facility = await house.facility(FACILITY)

    receipt = (await house.submit(facility, visit_file())).json()
    citizen = await house.citizen(NATIONAL_ID, "Nguyễn Thị Thử")
    book = (await house.data(citizen, BOOK))["myHealthBook"]

    assert receipt["status"] == "ACCEPTED"
    assert receipt["version"] == 1
    assert book["patient"] == {"fullName": "Nguyễn Thị Thử", "birthDate": "1985-03-07", "nationalId": NATIONAL_ID}
    assert len(book["timeline"]["nodes"]) == receipt["records"]
    (visit,) = book["treatment"]["encounters"]["nodes"]
    assert visit["period"] == {"start": "2026-10-05T08:00:00+07:00", "end": "2026-10-05T11:00:00+07:00"}
    assert visit["provenance"]["facility"] == {"code": FACILITY, "name": f"Bệnh viện Thử {FACILITY}"}
    assert book["treatment"]["laboratoryResults"]["nodes"][0]["results"] == [
        {"code": {"text": "Glucose"}, "value": {"value": "5.60", "unit": "mmol/L"}}
    ]
    assert book["treatment"]["prescriptions"]["nodes"][0]["dosage"].startswith("1 viên")


async def test_from_the_answer_of_the_eid_to_the_first_book_are_three_requests(house: House) -> None:
    """Callback, token, book: a phone on a slow line waits for nothing else."""
    house.provider.register("quick", {"SoDinhDanh": NATIONAL_ID, "HoVaTen": "Nguyễn Thị Thử", "acr": "2"})
    asked = {
        "client_id": CLIENT,
        "redirect_uri": REDIRECT,
        "code_challenge": s256("v" * 43),
        "code_challenge_method": "S256",
        "state": "app-state",
    }
    begun = await house.http.get("/auth/login", params=asked)
    from_the_eid = urlsplit(await house.provider.sign_in(begun.headers["location"], "quick"))

    first = await house.http.get(f"{from_the_eid.path}?{from_the_eid.query}")
    code = parse_qs(urlsplit(first.headers["location"]).query)["code"][0]
    form = {"grant_type": "authorization_code", "client_id": CLIENT, "redirect_uri": REDIRECT}
    second = await house.http.post("/auth/token", data={**form, "code": code, "code_verifier": "v" * 43})
    third = await house.ask(second.json()["access_token"], BOOK)

    assert third["data"]["myHealthBook"]["patient"]["fullName"] == "Nguyễn Thị Thử"


async def test_a_citizen_reads_only_the_own_book_and_every_attempt_is_in_the_trail(house: House) -> None:
    facility = await house.facility(FACILITY)
    await house.submit(facility, visit_file())
    citizen = await house.citizen(NATIONAL_ID)
    stranger = await house.citizen(OTHER_ID, "Trần Văn Lạ")
    own = (await house.data(citizen, "{ myHealthBook { patientId timeline(first: 1) { nodes { id } } } }"))[
        "myHealthBook"
    ]

    book = await house.ask(stranger, HEALTH_BOOK, {"patient": own["patientId"]})
    record = await house.ask(stranger, RECORD, {"id": own["timeline"]["nodes"][0]["id"]})
    made_up = await house.ask(stranger, HEALTH_BOOK, {"patient": "bWFkZSB1cA"})
    mine = await house.ask(citizen, RECORD, {"id": own["timeline"]["nodes"][0]["id"]})

    assert book["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert record["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert made_up["errors"] == book["errors"]
    assert mine["data"]["record"]["__typename"]
    refusals = await house.mongo.database["audit_events"].count_documents({"outcome": "DENY"})
    assert refusals == 3


async def test_a_correction_is_a_new_version_and_the_same_file_changes_nothing(house: House) -> None:
    facility = await house.facility(FACILITY)
    first = (await house.submit(facility, visit_file())).json()

    again = await house.submit(facility, visit_file())
    corrected = (await house.submit(facility, visit_file({"CHAN_DOAN_RV": "Tăng huyết áp độ 1"}))).json()

    assert (again.status_code, again.json()["status"], again.json()["id"]) == (200, "UNCHANGED", first["id"])
    assert (corrected["status"], corrected["version"]) == ("ACCEPTED", 2)
    citizen = await house.citizen(NATIONAL_ID)
    book = await house.data(
        citizen,
        "{ myHealthBook { treatment { encounters { nodes { dischargeDiagnosis provenance { version } } }"
        " prescriptions { nodes { provenance { version } } } } } }",
    )
    treatment = book["myHealthBook"]["treatment"]
    assert treatment["encounters"]["nodes"] == [
        {"dischargeDiagnosis": "Tăng huyết áp độ 1", "provenance": {"version": 2}}
    ]
    assert treatment["prescriptions"]["nodes"] == [{"provenance": {"version": 1}}]


async def test_one_book_is_one_range_scan_whatever_the_number_of_sections(house: House) -> None:
    """Row L6."""
    facility = await house.facility(FACILITY)
    for episode in range(5):
        await house.submit(facility, visit_file({"MA_LK": f"LK-{episode}"}))
        await house.submit(facility, visit_file({"MA_LK": f"other-{episode}", "SO_CCCD": OTHER_ID}))
    citizen = await house.citizen(NATIONAL_ID)
    database = house.mongo.database
    await database.command("profile", 2)

    await house.data(citizen, BOOK)

    await database.command("profile", 0)
    reads = [
        event
        async for event in database["system.profile"].find({"ns": f"{database.name}.records"})
        if event["op"] in ("query", "getmore", "command")
    ]
    assert len(reads) == 1
    assert "CLUSTERED_IXSCAN" in reads[0]["planSummary"]
    assert reads[0]["docsExamined"] <= reads[0]["nreturned"] + 1  # the first one behind the range ends the scan


async def test_pages_go_on_where_they_stopped_and_a_cursor_is_good_for_its_own_list_only(house: House) -> None:
    """Rows R3, R4, R5."""
    facility = await house.facility(FACILITY)
    await house.submit(facility, visit_file())
    citizen = await house.citizen(NATIONAL_ID)
    page = "query($after: String) { myHealthBook { timeline(first: 2, after: $after) {"
    page += " edges { cursor node { id } } pageInfo { hasNextPage endCursor } } } }"

    seen: list[str] = []
    after: str | None = None
    while True:
        found = (await house.data(citizen, page, {"after": after}))["myHealthBook"]["timeline"]
        seen += [edge["node"]["id"] for edge in found["edges"]]
        after = found["pageInfo"]["endCursor"]
        if not found["pageInfo"]["hasNextPage"]:
            break
    elsewhere = await house.ask(
        citizen,
        "query($after: String) { myHealthBook { treatment { encounters(after: $after) { nodes { id } } } } }",
        {"after": after},
    )

    whole = (await house.data(citizen, "{ myHealthBook { timeline { nodes { id } } } }"))["myHealthBook"]["timeline"]
    assert seen == [node["id"] for node in whole["nodes"]]
    assert elsewhere["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
