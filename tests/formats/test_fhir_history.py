"""Encounters, conditions, allergies and doses of a bundle: what is not so never stands among what is."""

from __future__ import annotations

from typing import Any

import pytest

from ehb.domain.coding import Coding, Period
from ehb.domain.records import (
    AllergyIntolerance,
    Appointment,
    ClinicalImpression,
    Condition,
    ConditionRole,
    Encounter,
    Immunization,
    Section,
)
from tests.fhir import (
    TIME,
    clean_record_of,
    code,
    record_of,
    records_of,
    resource,
)


def _named(url: str) -> dict[str, Any]:
    return {"reference": url}


def test_an_encounter_keeps_its_time_its_kind_and_its_end() -> None:
    stay = clean_record_of(
        resource(
            "Encounter",
            type=[code("Khám ngoại trú", "A1")],
            period={"start": "2026-10-05", "end": TIME},
            reasonCode=[{"text": "Đau đầu"}],
            hospitalization={"dischargeDisposition": code("Về nhà", "home")},
            serviceType={"text": "Khoa nội"},
            length={"value": 3, "unit": "giờ"},
        )
    )

    assert isinstance(stay, Encounter)
    assert (stay.section, stay.time, stay.period) == (Section.ENCOUNTERS, "2026-10-05", Period("2026-10-05", TIME))
    assert (stay.status, stay.reason, stay.department) == ("finished", "Đau đầu", "Khoa nội")
    assert stay.category == Coding("", "AMB")
    assert stay.discharge is not None
    assert stay.discharge.display == "Về nhà"
    assert stay.note == "Thời lượng: 3 giờ"


def test_a_planned_encounter_is_an_appointment() -> None:
    planned = clean_record_of(resource("Encounter", status="planned", period={"start": "2030-01-01"}))

    assert isinstance(planned, Appointment)
    assert (planned.time, planned.status) == ("2030-01-01", "planned")


def test_the_diagnosis_that_an_encounter_ranks_first_is_the_main_one() -> None:
    ranked = [{"condition": _named("urn:uuid:main"), "rank": 1}, {"condition": _named("urn:uuid:other"), "rank": 2}]

    records = records_of(
        resource("Encounter", diagnosis=ranked),
        resource("Condition", _url="urn:uuid:other"),
        resource("Condition", _url="urn:uuid:main"),
    )

    assert [one.role for one in records[1:]] == [ConditionRole.SECONDARY, ConditionRole.MAIN]
    assert record_of(resource("Condition")).role is ConditionRole.MAIN


def test_a_condition_says_how_grave_it_was_and_when_it_ended() -> None:
    condition = clean_record_of(
        resource(
            "Condition",
            clinicalStatus=code("Resolved", "resolved"),
            verificationStatus=code("Provisional", "provisional"),
            severity=code("Nặng"),
            onsetDateTime="1990-05",
            abatementDateTime="1991",
            recordedDate="2026-01-02",
            bodySite=[{"text": "phổi trái"}],
            note=[{"text": "Đã khỏi", "authorString": "BS. Thử", "time": "1991"}],
        )
    )

    assert isinstance(condition, Condition)
    assert (condition.time, condition.clinical_status) == ("1990-05", "resolved")
    assert condition.note is not None
    assert condition.note.splitlines() == [
        "Ghi nhận ngày: 2026-01-02",
        "Kết thúc: 1991",
        "Mức độ: Nặng",
        "Vị trí: phổi trái",
        "Ghi chú: Đã khỏi (BS. Thử, 1991)",
        "Mức xác thực: Provisional",
    ]


@pytest.mark.parametrize(
    ("negative", "said"),
    [
        (resource("Condition", verificationStatus=code("Refuted", "refuted"), code=code("Lao")), "Đã loại trừ: Lao"),
        (
            resource("AllergyIntolerance", verificationStatus=code("Refuted", "refuted"), code=code("Tôm")),
            "Đã loại trừ dị ứng: Tôm",
        ),
        (resource("Immunization", status="not-done", vaccineCode=code("BCG")), "Không tiêm: BCG"),
        (resource("Procedure", status="not-done", code=code("Mổ")), "Không thực hiện: Mổ"),
        (
            resource("MedicationRequest", doNotPerform=True, medicationCodeableConcept=code("Aspirin")),
            "Không dùng thuốc Aspirin",
        ),
        (resource("ServiceRequest", doNotPerform=True, code=code("Chụp MRI")), "Không thực hiện: Chụp MRI"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_is_not_so_never_stands_in_a_list_of_what_is(negative: dict[str, Any], said: str) -> None:
    record = clean_record_of(negative)

    assert isinstance(record, ClinicalImpression)
    assert record.section is Section.CLINICAL_NOTES
    assert said in record.description


def test_no_known_allergies_stays_what_it_says() -> None:
    none = resource("AllergyIntolerance", code=code("No known allergies", "716186003"))

    allergy = record_of(none)

    assert isinstance(allergy, AllergyIntolerance)
    assert allergy.code is not None
    assert allergy.code.coding[0].display == "No known allergies"


def test_an_allergy_keeps_what_happens() -> None:
    reaction = {
        "manifestation": [code("Nổi mề đay"), code("Khó thở")],
        "severity": "severe",
        "description": "sau 5 phút",
    }

    allergy = clean_record_of(
        resource("AllergyIntolerance", reaction=[reaction], criticality="high", category=["food"])
    )

    assert allergy.criticality == "high"
    for word in ("Nổi mề đay", "Khó thở", "severe", "sau 5 phút"):
        assert word in allergy.reaction
    assert allergy.note == "Nhóm: food"


def test_a_dose_of_vaccine_keeps_lot_maker_and_number() -> None:
    dose = clean_record_of(
        resource(
            "Immunization",
            lotNumber="LOT-1",
            manufacturer={"display": "IVAC"},
            site={"text": "tay trái"},
            doseQuantity={"value": 1, "unit": "ml"},
            protocolApplied=[{"doseNumberPositiveInt": 2, "targetDisease": [{"text": "Lao"}]}],
            primarySource=True,
        )
    )

    assert isinstance(dose, Immunization)
    assert (dose.dose_number, dose.lot_number, dose.manufacturer, dose.site) == (2, "LOT-1", "IVAC", "tay trái")
    assert dose.note == "Liều: 1 ml\nPhòng bệnh: Lao"
