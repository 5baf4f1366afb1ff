"""What no readable record may say is taken out of a visit, whatever format it came in."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ehb.domain.coding import CodeableConcept, Coding
from ehb.domain.fetal_sex import WITHHELD
from ehb.domain.records import (
    ClinicalImpression,
    Composition,
    Condition,
    DiagnosticReport,
    Observation,
    Record,
    Result,
    Section,
)
from ehb.domain.sensitivity import BIRTH_CERTIFICATE
from ehb.domain.submission import Draft, PatientDetails, VisitSummary
from ehb.domain.withholding import without_what_no_record_may_say
from tests.domain.samples import icd10, record

PREGNANT = record(Condition, code=icd10("Z34.0"))


def _visit(*records: Any, birth_date: str = "1995") -> VisitSummary:
    drafts = tuple(Draft(one, str(number), "records", number) for number, one in enumerate(records, start=1))
    patient = PatientDetails(birth_date=birth_date)
    return VisitSummary("99001", "LK-1", "FHIR", patient, drafts, (), repr(records).encode())


def _text(text: str) -> CodeableConcept:
    return CodeableConcept(text=text)


def _report(*results: Result, name: str = "Siêu âm thai", conclusion: str | None = None) -> Record:
    return record(
        DiagnosticReport, section=Section.IMAGING_RESULTS, code=_text(name), results=results, conclusion=conclusion
    )


def _observation(code: CodeableConcept, text: str) -> Record:
    return record(Observation, section=Section.LABORATORY_RESULTS, code=code, text=text)


def _note(text: str) -> Record:
    return record(ClinicalImpression, section=Section.CLINICAL_NOTES, description=text)


@pytest.mark.parametrize(
    ("telling", "field"),
    [
        (_report(conclusion="Thai sống, giới tính nam"), "conclusion"),
        (_report(Result(code=_text("Kết luận"), text="Nữ")), "results"),
        (_report(Result(code=_text("Mô tả"), note="Thấy bìu")), "results"),
        (_report(Result(code=_text("Giới tính thai"), concept=_text("1"))), "results"),
        (_observation(_text("Fetal sex"), "M"), "text"),
        (_observation(CodeableConcept((Coding("http://loinc.org", "11882-8"),)), "F"), "text"),
        (_note("Thai 20 tuần, bé trai"), "description"),
        (record(Condition, code=_text("Thai nam")), "code"),
    ],
)
def test_it_is_gone_from_the_record_and_the_receipt_says_where(telling: Any, field: str) -> None:
    visit = without_what_no_record_may_say(_visit(PREGNANT, telling))

    cleaned = visit.drafts[1].record
    assert WITHHELD in repr(cleaned)
    assert cleaned.section is telling.section
    assert (visit.problems[0].rule, visit.problems[0].row, visit.problems[0].field) == ("fetal_sex.withheld", 2, field)
    assert without_what_no_record_may_say(visit) is visit


def test_the_rest_of_the_record_stays() -> None:
    report = _report(Result(code=_text("Tim thai"), text="142"), conclusion="Một thai sống, giới tính nam, ối đủ")

    cleaned = without_what_no_record_may_say(_visit(report)).drafts[0].record

    assert isinstance(cleaned, DiagnosticReport)
    assert isinstance(report, DiagnosticReport)
    assert cleaned.results == report.results
    assert cleaned.conclusion == f"Một thai sống, {WITHHELD}, ối đủ"


@pytest.mark.parametrize(
    "harmless",
    [
        _visit(_note("Giới tính nam, đau tinh hoàn")),
        _visit(PREGNANT, _report(conclusion="Một thai sống, tim thai 142 lần/phút")),
        _visit(PREGNANT, _report(conclusion="Bé trai, thai 39 tuần"), birth_date="2026"),
        _visit(
            PREGNANT,
            record(
                Composition,
                section=Section.DISCHARGE_PAPERS,
                code=CodeableConcept((Coding(*BIRTH_CERTIFICATE),)),
                details=(Result(code=_text("Giới tính của con"), concept=_text("Nam")),),
            ),
        ),
        _visit(),
    ],
)
def test_a_visit_with_nothing_to_withhold_is_the_very_same_visit(harmless: VisitSummary) -> None:
    assert without_what_no_record_may_say(harmless) is harmless


def test_what_was_withheld_does_not_hide_the_other_problems() -> None:
    visit = _visit(_report(conclusion="Bé trai"))
    told = without_what_no_record_may_say(visit).problems

    assert without_what_no_record_may_say(dataclasses.replace(visit, problems=told)).problems == (*told, *told)
