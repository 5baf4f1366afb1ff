"""The two great stories, through HTTP, on a real mongod and with a real eID provider process."""

from __future__ import annotations

from tests.builders import FACILITY, NATIONAL_ID, visit_file
from tests.house import House

BOOK = """{ myHealthBook {
  asOf patient { fullName birthDate nationalId } withheld
  summary { problems { code { text coding { system code version } } } medications { dosage } results { code { text } value { value unit } } }
  treatment {
    encounters { nodes { id reason period { start end } provenance { facility { code name } version legalStatus signed submittedAt } } }
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
