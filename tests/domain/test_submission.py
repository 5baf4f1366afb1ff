"""What a whole visit must be like, and the records that it becomes."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

import pytest

from ehb.domain.clinical_rules import clinical_problems
from ehb.domain.coding import Coding, Period
from ehb.domain.records import (
    Appointment,
    CarePlan,
    Condition,
    Encounter,
    Facility,
    LegalStatus,
    MedicationRequest,
    Observation,
    Practitioner,
    Provenance,
    Record,
    Section,
)
from ehb.domain.submission import (
    MOST_PROBLEMS,
    PatientDetails,
    Problem,
    Severity,
    VisitSummary,
    capped,
    records_from,
    refused,
)
from ehb.formats.sensitivity_lists import code_lists
from tests.builders import FACILITY, NOW
from tests.domain.samples import draft, icd10, record, visit

ERROR, WARNING = Severity.ERROR, Severity.WARNING
APPOINTMENT: dict[str, Any] = {"section": Section.REEXAMINATION_APPOINTMENTS, "time": "2026-12-01"}


def _rules(summary: VisitSummary) -> list[tuple[Severity, str]]:
    return [(problem.severity, problem.rule) for problem in clinical_problems(summary, now=NOW)]


def _key_for(identity: str) -> bytes:
    return hashlib.sha256(identity.encode()).digest()[:12]


def _records(summary: VisitSummary) -> tuple[Record, ...]:
    return records_from(summary, facility_name="Bệnh viện Thử", now=NOW, key_for=_key_for, lists=code_lists())


def _problem(severity: Severity) -> Problem:
    return Problem(severity, "field.code", "vi", "en")


def test_a_sound_visit_has_no_clinical_problem() -> None:
    sound = visit(
        draft(record(period=Period("2026-10-05T08:00:00+07:00", "2026-10-05T11:00:00+07:00"))),
        draft(record(Appointment, **APPOINTMENT)),
        patient=PatientDetails(birth_date="1985"),
    )

    assert _rules(sound) == []


def test_only_an_error_refuses_a_visit() -> None:
    assert refused((_problem(WARNING), _problem(ERROR)))
    assert not refused((_problem(WARNING),))
    assert not refused(())


def test_a_visit_without_content_is_refused_unless_something_else_explains_it() -> None:
    empty = visit()
    unreadable = visit(problems=(_problem(ERROR),))
    doubtful = visit(problems=(_problem(WARNING),))

    assert _rules(empty) == [(ERROR, "visit.empty")]
    assert _rules(unreadable) == []
    assert _rules(doubtful) == [(ERROR, "visit.empty")]


@pytest.mark.parametrize(
    ("after_now", "rules"),
    [
        (timedelta(), []),
        (timedelta(hours=1), []),
        (timedelta(hours=1, milliseconds=1), [(ERROR, "time.future")]),
        (timedelta(days=365), [(ERROR, "time.future")]),
    ],
)
def test_the_future_has_not_happened_but_a_clock_may_be_an_hour_fast(
    after_now: timedelta, rules: list[tuple[Severity, str]]
) -> None:
    ahead = visit(draft(record(Observation, section=Section.HOME_READINGS, time=(NOW + after_now).isoformat())))

    assert _rules(ahead) == rules


def test_a_year_that_has_begun_is_not_the_future_and_an_appointment_may_be_in_it() -> None:
    this_year = visit(draft(record(Condition, section=Section.CONDITIONS, time="2026")))
    next_year = visit(draft(record(Condition, section=Section.CONDITIONS, time="2027")))
    appointed = visit(draft(record(Appointment, section=Section.REEXAMINATION_APPOINTMENTS, time="2027")))

    assert (_rules(this_year), _rules(next_year), _rules(appointed)) == ([], [(ERROR, "time.future")], [])


def test_every_record_of_the_future_is_named_by_table_and_row() -> None:
    ahead = record(Observation, section=Section.HOME_READINGS, time="2027-01-01")
    drafts = [draft(ahead, f"reading/{row}", "XML4", row) for row in (3, 7)]

    found = list(clinical_problems(visit(*drafts), now=NOW))

    assert [(problem.table, problem.row) for problem in found] == [("XML4", 3), ("XML4", 7)]


@pytest.mark.parametrize("count", [0, 1, MOST_PROBLEMS])
def test_as_many_problems_as_a_receipt_holds_are_listed_in_their_order(count: int) -> None:
    problems = [_problem(WARNING if number % 2 else ERROR) for number in range(count)]

    assert capped(problems) == tuple(problems)


def test_a_flood_of_problems_is_cut_with_the_errors_first_and_says_so() -> None:
    warnings, errors = [_problem(WARNING)] * MOST_PROBLEMS, [_problem(ERROR)] * 3

    *listed, more = capped([*warnings, *errors])

    assert listed == [*errors, *warnings[3:]]
    assert (more.rule, more.severity, more.message_en) == (
        "problems.more",
        WARNING,
        "At least 3 more problems are not listed.",
    )


def test_an_error_that_is_not_listed_any_more_still_refuses() -> None:
    flood = [_problem(ERROR)] * (MOST_PROBLEMS + 1)

    assert capped(flood)[-1].severity is ERROR
    assert refused(capped(flood))


@pytest.mark.parametrize(
    ("start", "end", "rules"),
    [
        ("2026-10-05T08:00:00+07:00", "2026-10-05T08:00:00+07:00", []),
        ("2026-10-05T08:01:00+07:00", "2026-10-05T08:00:00+07:00", [(WARNING, "time.order")]),
        ("2026-10-05T08:00:00+07:00", "2026-10-05", []),
        ("2026-10-05T08:00:00+07:00", "2026-10", []),
        ("2026-10-05T08:00:00+07:00", "2026", []),
        ("2026-10-05T08:00:00+07:00", "2026-10-04", [(WARNING, "time.order")]),
        ("2026-10-05", "2026-10-05T08:00:00+07:00", []),
        ("2026-10-05T08:00:00+07:00", None, []),
        (None, "2026-10-05", []),
    ],
)
def test_a_visit_that_ends_before_it_starts_is_doubted(
    start: str | None, end: str | None, rules: list[tuple[Severity, str]]
) -> None:
    assert _rules(visit(draft(record(period=Period(start, end))))) == rules


@pytest.mark.parametrize(
    ("birth", "rules"),
    [
        ("1985", []),
        ("2026-10-05", []),
        ("2026-10-06", []),
        ("2026-10-07", [(WARNING, "time.before_birth")]),
        ("2027", [(WARNING, "time.before_birth")]),
        (None, []),
    ],
)
def test_a_visit_before_the_birth_is_doubted_from_the_second_day_on(
    birth: str | None, rules: list[tuple[Severity, str]]
) -> None:
    summary = visit(draft(record(time="2026-10-05T08:00:00+07:00")), patient=PatientDetails(birth_date=birth))

    assert _rules(summary) == rules


@pytest.mark.parametrize(
    ("outcome", "doubted"), [("1", False), ("4", False), ("5", True), ("6", False), ("8", True), (None, False)]
)
def test_an_appointment_after_a_death_is_doubted(outcome: str | None, doubted: bool) -> None:
    ended = record(outcome=Coding("urn:x", outcome) if outcome else None)

    rules = _rules(visit(draft(ended), draft(record(Appointment, **APPOINTMENT), table="XML14")))

    assert rules == ([(WARNING, "outcome.died_with_appointment")] if doubted else [])


def test_all_clinical_problems_of_a_visit_come_together_in_both_languages() -> None:
    worst = visit(
        draft(record(time="2028-01-01", period=Period("2028-01-02", "2028-01-01"), outcome=Coding("urn:x", "5"))),
        draft(record(Appointment, **APPOINTMENT)),
        patient=PatientDetails(birth_date="2029"),
    )

    found = list(clinical_problems(worst, now=NOW))

    assert {problem.rule for problem in found} == {
        *("time.future", "time.order", "time.before_birth", "outcome.died_with_appointment")
    }
    assert all(problem.message_vi and problem.message_en and problem.table for problem in found)


def test_a_record_says_who_made_it_where_when_it_came_and_what_it_is_worth() -> None:
    written = Provenance(
        facility=Facility("will be replaced"),
        practitioner=Practitioner("900001"),
        author=Practitioner("900002", "BS Thử"),
        submitted_at="",
        source="",
    )
    summary = visit(draft(record(provenance=written), row=4), signature=LegalStatus.SIGNATURE_UNVERIFIED)

    (made,) = _records(summary)

    assert made.provenance == Provenance(
        facility=Facility(FACILITY, "Bệnh viện Thử"),
        practitioner=Practitioner("900001"),
        author=Practitioner("900002", "BS Thử"),
        submitted_at="2026-11-01T03:00:00.000+00:00",
        source="QD4750",
        source_row="XML1#4",
        signed=False,
        legal_status=LegalStatus.SIGNATURE_UNVERIFIED,
    )


@pytest.mark.parametrize("status", LegalStatus)
def test_a_record_is_signed_only_when_the_signature_was_verified(status: LegalStatus) -> None:
    (made,) = _records(visit(draft(record()), signature=status))

    assert (made.provenance.signed, made.provenance.legal_status) == (status is LegalStatus.SIGNED, status)


def test_a_record_of_no_particular_row_names_its_table() -> None:
    (made,) = _records(visit(draft(record(), row=None)))

    assert made.provenance.source_row == "XML1"


def test_every_record_of_a_visit_takes_every_label_of_its_parts() -> None:
    parts = [
        draft(record(Encounter)),
        draft(record(Condition, section=Section.CONDITIONS, code=icd10("B20")), "condition"),
        draft(record(MedicationRequest, section=Section.PRESCRIPTIONS), "drug"),
        draft(record(CarePlan, section=Section.CARE_PLANS, labels=("PSY",)), "plan"),
    ]

    made = _records(visit(*parts))

    assert {one.labels for one in made} == {("HIV", "PSY")}


def test_a_harmless_visit_has_no_label() -> None:
    made = _records(visit(draft(record()), draft(record(Condition, code=icd10("I10")), "condition")))

    assert {one.labels for one in made} == {()}


def test_nothing_else_of_a_draft_is_changed() -> None:
    given = record(Encounter, reason="Đau đầu", period=Period("2026"))

    (made,) = _records(visit(draft(given)))

    assert isinstance(made, Encounter)
    assert (made.reason, made.period, made.time, made.section) == (
        "Đau đầu",
        Period("2026"),
        given.time,
        given.section,
    )


def test_two_things_with_one_identity_get_different_keys() -> None:
    twice = [draft(record(MedicationRequest, section=Section.PRESCRIPTIONS), "drug/40.512") for _ in range(3)]

    keys = [made.key for made in _records(visit(*twice))]

    assert keys == [_key_for("drug/40.512"), _key_for("drug/40.512#2"), _key_for("drug/40.512#3")]


def test_a_thing_keeps_its_key_when_others_come_and_go_around_it() -> None:
    drug = draft(record(MedicationRequest, section=Section.PRESCRIPTIONS), "drug/40.512", "XML2", 1)
    before = visit(draft(record()), drug)
    after = visit(draft(record(Condition, code=icd10("I10")), "condition"), draft(record()), drug)

    first, second = _records(before), _records(after)

    assert first[1].key == second[2].key
    assert first[0].key == second[1].key
    assert len({made.key for made in second}) == 3
