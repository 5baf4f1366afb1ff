"""What FHIR resources become: one test for each thing that could go wrong in a book."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Any

import pytest

from ehb.domain.coding import Coding, Period, Quantity
from ehb.domain.records import (
    AllergyIntolerance,
    Appointment,
    CarePlan,
    ClinicalImpression,
    Composition,
    Condition,
    ConditionRole,
    DiagnosticReport,
    Encounter,
    Immunization,
    MedicationRequest,
    Observation,
    Procedure,
    Section,
    ServiceRequest,
)
from tests.fhir import ABOUT, LOINC, TIME, bundle, code, document, places, record_of, records_of, resource, visit_of

LABORATORY = [
    {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}
]


def _category(name: str) -> list[dict[str, Any]]:
    return [{"coding": [{"code": name}]}]


def _named(url: str) -> dict[str, Any]:
    return {"reference": url}


def _clean(*resources: dict[str, Any]) -> Any:
    """The only record of a bundle of which nothing had to be named."""
    visit = visit_of(bundle(*resources))
    assert [(one.rule, one.table, one.field) for one in visit.problems] == []
    (draft,) = visit.drafts
    return draft.record


# What happened


def test_an_encounter_keeps_its_time_its_kind_and_its_end() -> None:
    stay = _clean(
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
    planned = _clean(resource("Encounter", status="planned", period={"start": "2030-01-01"}))

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
    condition = _clean(
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
    record = _clean(negative)

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

    allergy = _clean(resource("AllergyIntolerance", reaction=[reaction], criticality="high", category=["food"]))

    assert allergy.criticality == "high"
    for word in ("Nổi mề đay", "Khó thở", "severe", "sau 5 phút"):
        assert word in allergy.reaction
    assert allergy.note == "Nhóm: food"


def test_a_dose_of_vaccine_keeps_lot_maker_and_number() -> None:
    dose = _clean(
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


# What was measured


def test_a_laboratory_value_on_its_own_is_a_report_with_one_result() -> None:
    report = _clean(
        resource(
            "Observation",
            category=LABORATORY,
            valueQuantity={"value": 7, "unit": "mmol/L", "code": "mmol/L", "comparator": "<"},
            interpretation=[code("Cao", "H")],
            referenceRange=[{"low": {"value": 4}, "high": {"value": 6}}],
        )
    )

    assert isinstance(report, DiagnosticReport)
    assert report.section is Section.LABORATORY_RESULTS
    (result,) = report.results
    assert result.value == Quantity(Decimal(7), "mmol/L", "<")
    assert (result.interpretation, result.note) == ("Cao", "Khoảng tham chiếu: 4, 6")


@pytest.mark.parametrize(
    ("content", "kind", "section"),
    [
        ({"category": _category("social-history")}, Observation, Section.RISK_FACTORS),
        ({"category": _category("vital-signs"), "performer": [ABOUT]}, Observation, Section.HOME_READINGS),
        ({"category": _category("vital-signs")}, DiagnosticReport, Section.HEALTH_CHECKS),
        ({"category": _category("survey")}, DiagnosticReport, Section.SCREENINGS),
        ({"category": _category("imaging")}, DiagnosticReport, Section.IMAGING_RESULTS),
        ({}, DiagnosticReport, Section.HEALTH_CHECKS),
    ],
)
def test_an_observation_stands_where_its_category_says(content: dict[str, Any], kind: type, section: Section) -> None:
    record = record_of(resource("Observation", valueString="x", **content))

    assert (type(record), record.section) == (kind, section)


def test_results_that_a_report_names_stand_inside_it() -> None:
    report = resource("DiagnosticReport", result=[_named("urn:uuid:a"), _named("urn:uuid:b")], conclusion="Bình thường")
    first = resource("Observation", _url="urn:uuid:a", code=code("Glucose", "2345-7", LOINC), valueInteger=5)
    later = resource("Observation", _url="urn:uuid:b", valueString="âm tính", effectiveDateTime="2026-10-06")

    record = _clean(report, first, later)

    assert isinstance(record, DiagnosticReport)
    assert [(one.value, one.text) for one in record.results] == [(Quantity(Decimal(5)), None), (None, "âm tính")]
    assert [one.note for one in record.results] == [None, "Thời gian: 2026-10-06"]
    assert record.conclusion == "Bình thường"


def test_blood_pressure_keeps_both_its_parts() -> None:
    parts = [
        {"code": code("Systolic", "8480-6", LOINC), "valueQuantity": {"value": 120, "unit": "mmHg"}},
        {"code": code("Diastolic", "8462-4", LOINC), "valueQuantity": {"value": 70, "unit": "mmHg"}},
    ]

    clinic = record_of(resource("Observation", component=parts))
    home = record_of(resource("Observation", component=parts, performer=[ABOUT]))

    assert [one.value.value for one in clinic.results] == [120, 70]
    assert [one.value.value for one in home.components] == [120, 70]


def test_a_value_that_is_missing_says_why() -> None:
    record = _clean(resource("Observation", category=LABORATORY, dataAbsentReason=code("Mẫu hỏng", "error")))

    assert record.results[0].note == "Không có giá trị vì: Mẫu hỏng"


def test_a_unit_code_that_differs_from_the_unit_is_named() -> None:
    visit = visit_of(bundle(resource("Observation", valueQuantity={"value": 1, "unit": "lần", "code": "/min"})))

    assert places(visit, "fhir.field_not_kept") == [("Observation", "valueQuantity.code")]


def test_a_report_of_images_stands_among_images() -> None:
    radiology = resource("DiagnosticReport", category=[code("Radiology", "RAD")], conclusion="Phổi trong")

    assert record_of(radiology).section is Section.IMAGING_RESULTS


def test_an_imaging_study_keeps_what_was_seen_how_and_where() -> None:
    series = {
        "uid": "1.2.3",
        "modality": {"code": "US", "display": "Siêu âm"},
        "bodySite": {"code": "x", "display": "Bụng"},
    }

    study = record_of(resource("ImagingStudy", series=[series], description="Siêu âm bụng"))

    assert isinstance(study, DiagnosticReport)
    assert study.conclusion == "Siêu âm bụng"
    assert (study.results[0].code.coding[0].display, study.results[0].text) == ("Siêu âm", "Bụng")


# What was done


def test_a_prescription_keeps_dose_route_and_advice() -> None:
    dosage = {
        "text": "1 viên sáng",
        "route": {"text": "uống"},
        "timing": {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}},
        "doseAndRate": [{"doseQuantity": {"value": 5, "unit": "mg"}}],
        "patientInstruction": "sau ăn",
        "asNeededBoolean": True,
    }
    drug = _clean(
        resource(
            "MedicationRequest",
            dosageInstruction=[dosage],
            dispenseRequest={"quantity": {"value": 30, "unit": "viên"}, "numberOfRepeatsAllowed": 2},
            reasonCode=[{"text": "tăng huyết áp"}],
            requester={"display": "BS. Thử"},
        )
    )

    assert isinstance(drug, MedicationRequest)
    assert drug.dosage == "1 viên sáng, 5 mg, 2 lần mỗi 1 ngày, khi cần"
    assert (drug.route, drug.quantity) == ("uống", Quantity(Decimal(30), "viên"))
    assert drug.instructions == "sau ăn\nĐược cấp lại 2 lần\nLý do: tăng huyết áp"
    assert drug.provenance.author is not None
    assert drug.provenance.author.name == "BS. Thử"


def test_a_drug_by_reference_brings_its_name_form_and_strength() -> None:
    held = {
        "_url": "urn:uuid:drug",
        "resourceType": "Medication",
        "code": code("Anastrozole"),
        "form": {"text": "viên"},
        "ingredient": [
            {
                "itemCodeableConcept": {"text": "anastrozole"},
                "strength": {"numerator": {"value": 1, "unit": "mg"}, "denominator": {"value": 1, "unit": "viên"}},
            }
        ],
    }
    taken = resource("MedicationStatement", medicationReference=_named("urn:uuid:drug"))
    del taken["medicationCodeableConcept"]

    drug = _clean(taken, held)

    assert isinstance(drug, MedicationRequest)
    assert drug.code is not None
    assert drug.code.coding[0].display == "Anastrozole"
    assert (drug.form, drug.strength) == ("viên", "anastrozole 1 mg / 1 viên")
    assert "không phải đơn thuốc" in (drug.instructions or "")


def test_a_procedure_keeps_its_codes_reasons_and_end() -> None:
    content = resource(
        "Procedure",
        performedPeriod={"start": "2026-10-05", "end": "2026-10-06"},
        reasonCode=[code("Sỏi thận", "N20", "http://hl7.org/fhir/sid/icd-10")],
        bodySite=[{"text": "thận phải"}],
        outcome={"text": "tốt"},
    )
    del content["performedDateTime"]

    procedure = _clean(content)

    assert isinstance(procedure, Procedure)
    assert (procedure.time, procedure.body_site) == ("2026-10-05", "thận phải")
    assert [one.code for one in procedure.reason] == ["N20"]
    assert procedure.note == "Kết thúc: 2026-10-06\nKết quả: tốt"


def test_a_device_in_use_is_kept_with_what_it_is() -> None:
    pump = {"_url": "urn:uuid:pump", "resourceType": "Device", "type": code("Máy tạo nhịp")}

    used = record_of(resource("DeviceUseStatement", device=_named("urn:uuid:pump")), pump)

    assert isinstance(used, Procedure)
    assert used.code is not None
    assert used.code.coding[0].display == "Máy tạo nhịp"


def test_a_care_plan_keeps_its_goals_and_activities() -> None:
    goal = {
        "_url": "urn:uuid:goal",
        "resourceType": "Goal",
        "lifecycleStatus": "active",
        "subject": ABOUT,
        "description": {"text": "HbA1c dưới 7"},
    }
    plan = resource(
        "CarePlan",
        title="Đái tháo đường",
        goal=[_named("urn:uuid:goal")],
        activity=[{"detail": {"status": "in-progress", "code": {"text": "Ăn kiêng"}}}],
    )

    record = _clean(plan, goal)

    assert isinstance(record, CarePlan)
    assert (record.title, record.goals) == ("Đái tháo đường", ("HbA1c dưới 7 (active)",))
    assert record.activities == ("Ăn kiêng (in-progress)",)


# Papers


def test_the_text_of_every_section_is_kept_and_why_one_is_empty() -> None:
    said = document(
        {
            "title": "Tóm tắt",
            "section": [
                {
                    "title": "Thuốc",
                    "text": {
                        "status": "generated",
                        "div": "<div><table><tr><td>Amlodipin</td><td>5&#160;mg</td></tr></table>"
                        "<p>Hết &amp; đủ</p></div>",
                    },
                    "section": [{"title": "Bên trong", "text": {"status": "generated", "div": "<div>lời trong</div>"}}],
                },
                {"title": "Dị ứng", "emptyReason": {"text": "không hỏi được"}},
            ],
        }
    )

    (draft,) = visit_of(said).drafts

    assert isinstance(draft.record, Composition)
    assert draft.record.section is Section.RECORD_SUMMARIES
    assert draft.record.note is not None
    assert draft.record.note.splitlines() == [
        "# Thuốc",
        "Amlodipin | 5 mg",
        "Hết & đủ",
        "## Bên trong",
        "lời trong",
        "# Dị ứng",
        "(không hỏi được)",
    ]


def test_a_narrative_that_says_more_than_its_resource_is_kept() -> None:
    more = {"status": "additional", "div": "<div><script>alert(1)</script><p>Lời thêm</p></div>"}
    same = {"status": "generated", "div": "<div>Lời máy</div>"}

    assert _clean(resource("Condition", text=more)).note == "Lời thêm"
    assert _clean(resource("Condition", text=same)).note is None


def test_a_document_of_text_is_kept_as_text_and_another_file_is_named() -> None:
    text = base64.b64encode("Bệnh nhân ổn định".encode()).decode()
    attachments = [
        {"attachment": {"contentType": "text/plain; charset=utf-8", "data": text, "title": "Ghi chú"}},
        {"attachment": {"contentType": "application/pdf", "data": "JVBERg=="}},
    ]

    visit = visit_of(bundle(resource("DocumentReference", content=attachments, type=code("Ra viện", "18842-5", LOINC))))

    (draft,) = visit.drafts
    assert isinstance(draft.record, Composition)
    assert draft.record.section is Section.DISCHARGE_PAPERS
    assert (draft.record.title, draft.record.note) == ("Ghi chú", "Bệnh nhân ổn định")
    assert places(visit, "fhir.field_not_kept") == [("DocumentReference", "content.attachment")]


def test_a_clinical_impression_keeps_its_words() -> None:
    record = _clean(resource("ClinicalImpression", summary="Tỉnh, tiếp xúc tốt", finding=[{"basis": "khám"}]))

    assert isinstance(record, ClinicalImpression)
    assert record.description == "Tỉnh, tiếp xúc tốt\nkhám"


def test_a_referral_keeps_to_whom_and_why() -> None:
    record = _clean(
        resource(
            "ServiceRequest",
            code=code("Khám chuyên khoa"),
            performer=[{"display": "Bệnh viện Tuyến trên"}],
            reasonCode=[code("Suy tim", "I50", "http://hl7.org/fhir/sid/icd-10")],
            requisition={"value": "GC-1"},
            note=[{"text": "đi trong tuần"}],
        )
    )

    assert isinstance(record, ServiceRequest)
    assert (record.referred_to, record.document_number) == ("Bệnh viện Tuyến trên", "GC-1")
    assert record.reason is not None
    assert record.reason.code == "I50"
    assert record.plan == "Ghi chú: đi trong tuần"


def test_an_appointment_keeps_its_time_and_its_reason() -> None:
    record = _clean(resource("Appointment", start="2030-01-02T08:00:00+07:00", reasonCode=[{"text": "tái khám"}]))

    assert isinstance(record, Appointment)
    assert (record.time, record.diagnosis) == ("2030-01-02T08:00:00+07:00", "tái khám")
