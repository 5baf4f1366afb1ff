"""Labels: which diagnosis is sensitive, and that a whole visit takes the label of any part."""

from __future__ import annotations

import pytest

from ehb.domain.coding import CodeableConcept, Coding
from ehb.domain.records import (
    Appointment,
    Composition,
    Condition,
    MedicationRequest,
    Procedure,
    Section,
    ServiceRequest,
)
from ehb.domain.sensitivity import ICD10, labels_of, labels_of_code
from tests.domain.samples import icd10, record


@pytest.mark.parametrize(
    ("code", "label"),
    [
        *(("A14.9", None), ("A15", "TB"), ("A19.9", "TB"), ("A20", None)),
        *(("A49.9", None), ("A50.0", "STD"), ("A64", "STD"), ("A65", None)),
        *(("B19.9", None), ("B20", "HIV"), ("B24", "HIV"), ("B25", None)),
        *(("Z20.6", None), ("Z21", "HIV"), ("Z22", None)),
        *(("E90", None), ("F00.0", "PSY"), ("F09", "PSY"), ("F10.2", "ETH"), ("F19", "ETH"), ("F20", "PSY")),
        *(("F99", "PSY"), ("G00", None)),
        *(("N99", None), ("O00", "SEX"), ("O08.9", "SEX"), ("O09", None)),
        *(
            ("T73", None),
            ("T74.1", "SDV"),
            ("T75", None),
            ("Y04", None),
            ("Y05", "SDV"),
            ("Y07.9", "SDV"),
            ("Y08", None),
        ),
        *(("", None), ("I10", None), ("B", None), ("B2", None), ("F1", None)),
    ],
)
def test_a_code_is_labelled_exactly_inside_its_range(code: str, label: str | None) -> None:
    assert labels_of_code(code) == (frozenset({label}) if label else frozenset())


@pytest.mark.parametrize("code", ["B20", "b20", " B20 ", "B20.1", "B201", "B20†", "B20.1†", "B20*", "b20.9*", "B20+"])
def test_the_spelling_of_dots_and_daggers_hides_nothing(code: str) -> None:
    assert labels_of_code(code) == {"HIV"}


@pytest.mark.parametrize(
    "part",
    [
        record(Condition, code=icd10("I10", "B20")),
        record(Procedure, section=Section.PROCEDURES, reason=(Coding(ICD10, "B20"),)),
        record(ServiceRequest, section=Section.REFERRALS, code=icd10("B20")),
        record(Appointment, section=Section.REEXAMINATION_APPOINTMENTS, code=icd10("B20")),
        record(MedicationRequest, section=Section.PRESCRIPTIONS, labels=("HIV",)),
    ],
)
def test_one_sensitive_part_labels_the_visit_wherever_it_stands(part: Condition) -> None:
    harmless = record(Condition, code=icd10("I10"))

    labels = labels_of([harmless, part, harmless])

    assert labels == ("HIV",)


def test_a_pregnancy_that_ended_labels_the_visit() -> None:
    ended = record(Composition, section=Section.DISCHARGE_PAPERS, pregnancy_ended=True)
    went_on = record(Composition, section=Section.DISCHARGE_PAPERS, pregnancy_ended=False)

    assert (labels_of([ended]), labels_of([went_on])) == (("SEX",), ())


def test_a_code_of_another_list_that_looks_like_a_sensitive_one_labels_nothing() -> None:
    drug = record(Condition, code=CodeableConcept((Coding("urn:vn:byt:qd4750:MA_THUOC", "B20"),)))

    assert labels_of([drug]) == ()


def test_all_labels_of_a_visit_come_sorted_and_once() -> None:
    parts = [record(Condition, code=icd10(code)) for code in ("F20", "B20", "B24", "A15")]

    assert labels_of(parts) == ("HIV", "PSY", "TB")
