"""The book: arranged without loss, paged without gaps, summed up without repetition."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ehb.domain.access import ALL_SECTIONS
from ehb.domain.book import (
    SUMMARY_SECTIONS,
    Filter,
    HealthBook,
    Window,
    assemble,
    completeness,
    page,
    position_of,
    summary,
)
from ehb.domain.coding import CodeableConcept, Coding, Quantity, instant_of
from ehb.domain.identity import Patient
from ehb.domain.records import (
    BOOK_OF,
    AllergyIntolerance,
    Book,
    Condition,
    DiagnosticReport,
    Encounter,
    Immunization,
    MedicationRequest,
    Record,
    Result,
    Section,
)
from tests.builders import NOW
from tests.domain.samples import PATIENT, icd10, provenance, record

DAYS = [f"2026-10-{day:02d}" for day in range(1, 29)]


def _book(*records: Record, opened: frozenset[Section] = ALL_SECTIONS) -> HealthBook:
    return assemble(PATIENT, Patient(), _newest_first(records), opened=opened, now=NOW)


def _newest_first(records: Any) -> list[Record]:
    return sorted(records, key=lambda one: (instant_of(one.time), one.key), reverse=True)


def _report(*results: Result, time: str = "2026-10-05", key: bytes = b"k" * 12) -> Record:
    return record(DiagnosticReport, section=Section.LABORATORY_RESULTS, results=results, time=time, key=key)


def _glucose(value: str | None, text: str | None = None) -> Result:
    amount = Quantity(Decimal(value), "mmol/L") if value else None
    return Result(code=CodeableConcept((Coding("urn:x", "GLU"),), "Glucose"), value=amount, text=text)


def _drug(name: str | None, *, time: str = "2026-10-05", code: str | None = None, key: bytes = b"k" * 12) -> Record:
    concept = CodeableConcept((Coding("urn:x", code),) if code else (), name)
    return record(MedicationRequest, section=Section.PRESCRIPTIONS, code=concept, time=time, key=key)


_RECORDS = some.lists(
    some.builds(
        lambda time, key: record(time=time, key=key.to_bytes(12, "big")),
        some.sampled_from(
            ["1985", "2026", "2026-10", *DAYS[:3], "2026-10-02T00:00:00.001Z", "2026-10-02T00:00:00.0015Z"]
        ),
        some.integers(0, 50),
    ),
    max_size=25,
    unique_by=lambda one: (instant_of(one.time), one.key),
).map(_newest_first)


def test_the_sections_in_order_make_up_the_three_books() -> None:
    books = [BOOK_OF[section] for section in Section]

    assert books == [Book.PREVENTION] * 4 + [Book.TREATMENT] * 12 + [Book.CARE] * 4


@given(_RECORDS)
def test_assembling_drops_nothing_and_invents_nothing(records: list[Record]) -> None:
    book = assemble(PATIENT, Patient(), records, opened=ALL_SECTIONS, now=NOW)

    assert list(book.records) == records
    assert sorted(map(id, (one for found in book.by_section.values() for one in found))) == sorted(map(id, records))
    assert all(one.section is section for section, found in book.by_section.items() for one in found)


def test_a_book_says_which_sections_its_permit_does_not_open() -> None:
    book = _book(opened=frozenset({Section.ENCOUNTERS, Section.ALLERGIES}))

    assert set(book.withheld) == ALL_SECTIONS - {Section.ENCOUNTERS, Section.ALLERGIES}
    assert _book().withheld == ()


@given(_RECORDS, some.integers(1, 7))
def test_pages_show_every_record_exactly_once_and_in_order(records: list[Record], first: int) -> None:
    seen: list[Record] = []
    after = None
    for _ in range(len(records) + 1):
        found = page(records, Window(first, after=after))
        seen += found.records
        assert len(found.records) <= first
        assert found.has_previous == (after is not None)
        if not found.has_next:
            break
        assert len(found.records) == first
        after = position_of(found.records[-1])

    assert seen == records


@given(_RECORDS, some.integers(1, 5), some.data())
def test_records_that_come_in_front_do_not_move_the_next_page(
    records: list[Record], first: int, data: some.DataObject
) -> None:
    opening = page(records, Window(first))
    if not opening.records:
        return
    after = position_of(opening.records[-1])
    in_front = data.draw(some.lists(some.integers(51, 90), unique=True, max_size=4))
    fresh = [record(time="2026-10-30", key=key.to_bytes(12, "big")) for key in in_front]

    before = page(records, Window(first, after=after))
    later = page(_newest_first([*fresh, *records]), Window(first, after=after))

    assert later == before


def test_a_page_goes_on_after_a_record_that_is_gone() -> None:
    records = [record(time=day, key=day.encode()) for day in reversed(DAYS)]
    after = position_of(records[4])

    found = page(records[:4] + records[5:], Window(2, after=after))

    assert [one.time for one in found.records] == ["2026-10-23", "2026-10-22"]


def test_an_empty_book_has_one_empty_page() -> None:
    nothing: list[Record] = []

    found = page(nothing, Window(5))

    assert (found.records, found.has_next, found.has_previous) == ((), False, False)


def test_a_page_that_is_exactly_full_says_that_nothing_follows() -> None:
    records = [record(time=day, key=day.encode()) for day in reversed(DAYS[:3])]

    exact, fewer = (page(records, Window(first)) for first in (3, 2))

    assert (exact.has_next, fewer.has_next) == (False, True)


@pytest.mark.parametrize(
    ("narrowed", "times"),
    [
        (Filter(since=instant_of("2026-10-02")), ["2026-10-03", "2026-10-02"]),
        (Filter(since=instant_of("2026-10-02") + timedelta(milliseconds=1)), ["2026-10-03"]),
        (Filter(until=instant_of("2026-10-02")), ["2026-10-01"]),
        (Filter(until=instant_of("2026-10-02") + timedelta(milliseconds=1)), ["2026-10-02", "2026-10-01"]),
        (Filter(since=instant_of("2026-10-02"), until=instant_of("2026-10-03")), ["2026-10-02"]),
        (Filter(since=instant_of("2026-10-03"), until=instant_of("2026-10-02")), []),
        (Filter(facility="99002"), ["2026-10-02"]),
        (Filter(facility="9900"), []),
        (Filter(kinds=frozenset({"Condition"})), ["2026-10-03"]),
        (Filter(kinds=frozenset({"Condition", "Encounter"})), ["2026-10-03", "2026-10-02", "2026-10-01"]),
        (Filter(kinds=frozenset()), []),
        (Filter(), ["2026-10-03", "2026-10-02", "2026-10-01"]),
    ],
)
def test_a_list_is_narrowed_to_a_time_span_a_facility_and_kinds(narrowed: Filter, times: list[str]) -> None:
    records = [
        record(Condition, section=Section.CONDITIONS, time="2026-10-03"),
        record(Encounter, time="2026-10-02", facility="99002"),
        record(Encounter, time="2026-10-01"),
    ]

    found = page(records, Window(10, narrowed))

    assert [one.time for one in found.records] == times


def test_what_is_filtered_out_does_not_make_a_next_page() -> None:
    records = [record(time="2026-10-03"), record(time="2026-10-02", facility="99002")]

    found = page(records, Window(1, Filter(facility="99001")))

    assert (len(found.records), found.has_next) == (1, False)


def test_the_summary_names_each_problem_once_and_takes_the_newest() -> None:
    old, new = (record(Condition, section=Section.CONDITIONS, code=icd10("I10"), time=day) for day in DAYS[:2])
    other = record(Condition, section=Section.CONDITIONS, code=icd10("E11"), time=DAYS[0], key=b"l" * 12)

    problems = summary(_book(old, new, other)).problems

    assert problems == (new, other)


def test_problems_without_a_code_are_told_apart_by_their_words_whatever_the_case() -> None:
    worded = [
        record(Condition, section=Section.CONDITIONS, code=CodeableConcept((), text), time=day)
        for text, day in (("Đau đầu", DAYS[2]), ("ĐAU ĐẦU", DAYS[1]), ("Đau lưng", DAYS[0]))
    ]

    problems = summary(_book(*worded)).problems

    assert [one.code.text for one in problems if one.code] == ["Đau đầu", "Đau lưng"]


def test_records_without_any_code_are_all_shown() -> None:
    nameless = [record(Condition, section=Section.CONDITIONS, time=day, key=day.encode()) for day in DAYS[:2]]

    assert len(summary(_book(*nameless)).problems) == 2


def test_different_drugs_that_share_a_code_are_all_in_the_summary() -> None:
    outside_the_list = [_drug(name, code="00.0000", key=name.encode()) for name in ("Thuốc A", "Thuốc B")]
    strengths = [_drug(name, code="40.512", key=name.encode()) for name in ("Amlodipin 5mg", "Amlodipin 10mg")]

    medications = summary(_book(*outside_the_list, *strengths)).medications

    assert len(medications) == 4


def test_results_that_nobody_named_are_not_taken_for_one() -> None:
    nameless = [Result(code=CodeableConcept(), value=Quantity(Decimal(value))) for value in ("1", "2")]

    results = summary(_book(_report(*nameless))).results

    assert len(results) == 2


def test_a_medication_is_current_for_ninety_days() -> None:
    on_the_day = (NOW - timedelta(days=90)).isoformat()
    too_old = (NOW - timedelta(days=90, milliseconds=1)).isoformat()
    drugs = [_drug("A", time="2026-10-05"), _drug("B", time=on_the_day), _drug("C", time=too_old)]

    medications = summary(_book(*drugs)).medications

    assert [one.code.text for one in medications if one.code] == ["A", "B"]


def test_allergies_and_immunizations_are_shown_whole() -> None:
    allergies = [record(AllergyIntolerance, section=Section.ALLERGIES, time=day, code=icd10("Z88")) for day in DAYS[:2]]
    doses = [record(Immunization, section=Section.IMMUNIZATIONS, time=day, code=icd10("Z23")) for day in DAYS[:3]]

    shown = summary(_book(*allergies, *doses))

    assert (len(shown.allergies), len(shown.immunizations)) == (2, 3)


def test_the_newest_value_of_each_test_is_shown_with_its_time_and_provenance() -> None:
    urea = Result(code=CodeableConcept((), "Ure"), text="âm tính")
    old, new = _report(_glucose("5.60"), urea, time=DAYS[0]), _report(_glucose("6.10"), time=DAYS[1])

    results = summary(_book(old, new)).results

    assert [(one.code.text, one.value and one.value.value, one.text, one.time) for one in results] == [
        ("Glucose", Decimal("6.10"), None, DAYS[1]),
        ("Ure", None, "âm tính", DAYS[0]),
    ]
    assert results[0].provenance == new.provenance


def test_a_result_that_has_not_come_does_not_hide_the_last_one_that_has() -> None:
    known, pending = _report(_glucose("5.60"), time=DAYS[0]), _report(_glucose(None), time=DAYS[1])

    (latest,) = summary(_book(known, pending)).results

    assert latest.time == DAYS[0]


def test_the_summary_needs_only_the_sections_it_says_it_needs() -> None:
    everything = [
        record(Condition, section=Section.CONDITIONS, code=icd10("I10")),
        record(AllergyIntolerance, section=Section.ALLERGIES),
        record(Immunization, section=Section.IMMUNIZATIONS),
        _drug("A"),
        _report(_glucose("5.60")),
        record(Encounter),
    ]
    needed = [one for one in everything if one.section in SUMMARY_SECTIONS]

    assert summary(_book(*everything)) == summary(_book(*needed))


def test_completeness_says_for_every_opened_section_how_new_and_from_how_many_facilities() -> None:
    records = [
        record(time="2026-10-03", provenance=provenance("99001", "2026-10-04T00:00:00.000+00:00")),
        record(time="2026-10-02", provenance=provenance("99002", "2026-10-09T00:00:00.000+00:00")),
        record(time="2026-10-01", provenance=provenance("99001", "2026-10-05T00:00:00.000+00:00")),
    ]
    opened = frozenset({Section.ENCOUNTERS, Section.ALLERGIES})

    found = completeness(_book(*records, opened=opened))

    assert [(one.section, one.records, one.newest_record, one.newest_received, one.facilities) for one in found] == [
        (Section.ENCOUNTERS, 3, "2026-10-03", "2026-10-09T00:00:00.000+00:00", 2),
        (Section.ALLERGIES, 0, None, None, 0),
    ]


def test_completeness_of_a_whole_book_names_every_section_in_order() -> None:
    assert [one.section for one in completeness(_book())] == list(Section)


@pytest.mark.parametrize("status", ["resolved", "inactive", "remission"])
def test_a_problem_that_is_over_leaves_the_summary_and_an_older_word_does_not_bring_it_back(status: str) -> None:
    over = record(Condition, section=Section.CONDITIONS, code=icd10("I10"), clinical_status=status, key=b"a" * 12)
    before = record(Condition, section=Section.CONDITIONS, code=icd10("I10"), time="2020", key=b"b" * 12)

    assert summary(_book(over, before)).problems == ()


def test_a_medication_that_is_said_to_be_active_is_current_however_old() -> None:
    old = record(MedicationRequest, section=Section.PRESCRIPTIONS, time="2019-01-01", status="active")

    assert summary(_book(old)).medications == (old,)
