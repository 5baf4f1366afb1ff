"""Observations, reports and imaging studies of a bundle: where each stands, with its digits and its words."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ehb.domain.coding import Quantity
from ehb.domain.records import (
    DiagnosticReport,
    Observation,
    Section,
)
from tests.fhir import (
    ABOUT,
    LOINC,
    bundle,
    clean_record_of,
    code,
    places,
    record_of,
    resource,
    visit_of,
)

LABORATORY = [
    {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}
]


def _category(name: str) -> list[dict[str, Any]]:
    return [{"coding": [{"code": name}]}]


def _named(url: str) -> dict[str, Any]:
    return {"reference": url}


def test_a_laboratory_value_on_its_own_is_a_report_with_one_result() -> None:
    report = clean_record_of(
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

    record = clean_record_of(report, first, later)

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
    record = clean_record_of(resource("Observation", category=LABORATORY, dataAbsentReason=code("Mẫu hỏng", "error")))

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
