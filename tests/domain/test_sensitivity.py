"""Labels: that a whole visit takes the label of any part, and that another record never takes one away."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ehb.domain.coding import CodeableConcept, Coding
from ehb.domain.records import (
    AllergyIntolerance,
    Appointment,
    CarePlan,
    ClinicalImpression,
    Composition,
    Condition,
    DiagnosticReport,
    Encounter,
    Immunization,
    MedicationRequest,
    Observation,
    Procedure,
    Record,
    Result,
    Section,
    ServiceRequest,
)
from ehb.domain.sensitivity import ICD10, SENSITIVITY_LABELS, SENT_LABELS, labels_of
from ehb.domain.sensitivity_problems import label_problems
from ehb.formats.sensitivity_lists import code_lists
from tests.domain.samples import draft, icd10, record, visit

LISTS = code_lists()
VIRAL_LOAD = CodeableConcept(text="HIV đo tải lượng hệ thống tự động")
ARV = CodeableConcept(text="Dolutegravir 50mg")


def _labels(*records: Record) -> tuple[str, ...]:
    return labels_of(records, LISTS)


@pytest.mark.parametrize(
    "part",
    [
        record(Condition, code=icd10("I10", "B20")),
        record(Procedure, section=Section.PROCEDURES, reason=(Coding(ICD10, "B20"),)),
        record(Procedure, section=Section.PROCEDURES, code=VIRAL_LOAD),
        record(ServiceRequest, section=Section.REFERRALS, code=icd10("B20")),
        record(ServiceRequest, section=Section.REFERRALS, diagnosis="Nhiễm HIV"),
        record(Appointment, section=Section.REEXAMINATION_APPOINTMENTS, code=icd10("B20")),
        record(MedicationRequest, section=Section.PRESCRIPTIONS, labels=("HIV",)),
        record(MedicationRequest, section=Section.PRESCRIPTIONS, code=ARV),
        record(AllergyIntolerance, section=Section.ALLERGIES, code=ARV),
        record(DiagnosticReport, section=Section.LABORATORY_RESULTS, code=VIRAL_LOAD),
        record(DiagnosticReport, section=Section.LABORATORY_RESULTS, results=(Result(code=VIRAL_LOAD),)),
        record(Observation, section=Section.RISK_FACTORS, components=(Result(code=VIRAL_LOAD),)),
        record(ClinicalImpression, section=Section.CLINICAL_NOTES, vital_signs=(Result(code=VIRAL_LOAD),)),
        record(Composition, section=Section.DISCHARGE_PAPERS, discharge_diagnosis="Nhiễm HIV"),
        record(Composition, section=Section.DISCHARGE_PAPERS, details=(Result(code=VIRAL_LOAD),)),
        record(CarePlan, section=Section.CARE_PLANS, title="Điều trị ARV"),
        record(Encounter, reason="Tái khám, lĩnh thuốc ARV định kỳ"),
    ],
)
def test_one_sensitive_part_labels_the_visit_wherever_it_stands(part: Record) -> None:
    harmless = record(Condition, code=icd10("I10"))

    assert _labels(harmless, part, harmless) == ("HIV",)


def test_a_pregnancy_that_ended_labels_the_visit() -> None:
    ended = record(Composition, section=Section.DISCHARGE_PAPERS, pregnancy_ended=True)
    went_on = record(Composition, section=Section.DISCHARGE_PAPERS, pregnancy_ended=False)

    assert (_labels(ended), _labels(went_on)) == (("SEX",), ())


def test_a_code_of_another_list_that_looks_like_a_sensitive_one_labels_nothing() -> None:
    drug = record(Condition, code=CodeableConcept((Coding("urn:vn:byt:qd4750:MA_THUOC", "B20"),)))

    assert _labels(drug) == ()


def test_a_vaccine_is_named_by_what_it_protects_from_and_tells_nothing() -> None:
    vaccine = record(Immunization, section=Section.IMMUNIZATIONS, code=CodeableConcept(text="Tuberculosis vaccine"))

    assert _labels(vaccine) == ()


def test_all_labels_of_a_visit_come_sorted_and_once() -> None:
    parts = [record(Condition, code=icd10(code)) for code in ("F20", "B20", "B24", "A15")]

    assert _labels(*parts) == ("HIV", "PSY", "TB")


@pytest.mark.parametrize(
    ("sent", "labels"),
    [
        ("HIV", ("HIV",)),
        (" hiv ", ("HIV",)),
        ("OPIOIDUD", ("ETH", "OPIOIDUD")),
        ("VIP", ("VIP",)),
        ("bí mật", ("bí mật",)),
        (" ", ()),
    ],
)
def test_a_senders_label_is_kept_beside_the_one_of_ours_that_it_is_a_part_of(sent: str, labels: tuple[str]) -> None:
    assert _labels(record(Condition, labels=(sent,))) == labels


def test_a_senders_label_that_nobody_knows_is_named_by_its_place_and_never_repeated() -> None:
    odd = record(Condition, labels=("bí mật", "HIV"))
    summary = visit(draft(record(Condition, labels=("SUD", "R"))), draft(odd, "other", "conditions", 2))

    (problem,) = label_problems(summary)

    assert (problem.rule, problem.table, problem.row) == ("label.unknown", "conditions", 2)
    assert "bí mật" not in problem.message_vi + problem.message_en


def test_every_label_has_a_name_in_both_languages() -> None:
    assert all(names.vi and names.en for names in SENSITIVITY_LABELS.values())
    assert not SENSITIVITY_LABELS.keys() & SENT_LABELS.keys()
    assert {broader for broader in SENT_LABELS.values() if broader} <= SENSITIVITY_LABELS.keys()


_NAMES = st.one_of(
    st.text(max_size=30),
    st.sampled_from(["Dolutegravir", "ritonavir", "nirmatrelvir", "hearing", "aids", "dọa", "sảy thai", "Metformin"]),
)
_CODES = st.sampled_from(["B20", "I10", "F20.0", "O03", "Z52.0", "", "x"])
_RECORDS = st.builds(
    lambda kind, name, code: record(
        kind, code=CodeableConcept((Coding(ICD10, code),), name), section=Section.CONDITIONS
    ),
    st.sampled_from([Condition, MedicationRequest, DiagnosticReport, Immunization, Composition]),
    _NAMES,
    _CODES,
)


@given(st.lists(_RECORDS, max_size=5), _RECORDS, st.integers(0, 5))
def test_another_record_never_takes_a_label_away(records: list[Record], another: Record, place: int) -> None:
    more = [*records[:place], another, *records[place:]]

    assert set(_labels(*records)) <= set(_labels(*more))
