"""What a login, a visit and a steward may teach a book about its patient."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from ehb.domain.guardianship import Appointment, Relation
from ehb.domain.identity import (
    INSURANCE,
    NATIONAL_ID,
    Assertion,
    ElectronicIdentity,
    HeldIdentifier,
    Identifier,
    Patient,
    Source,
)
from ehb.domain.matching import Warned, closing_birth_date
from ehb.domain.patient import MAX_ASSERTIONS, contradiction, described, proven_by, vouched_by, with_identifiers
from ehb.domain.submission import PatientDetails

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
OLD, NEW = Identifier(NATIONAL_ID, "999185000001"), Identifier(NATIONAL_ID, "999185000002")
CARD = Identifier(INSURANCE, "GD4019990000001")
HERE, THERE = "99001", "99002"


def test_new_number_ends_the_one_before_and_keeps_it_in_the_history() -> None:
    held = with_identifiers((HeldIdentifier(NATIONAL_ID, OLD.value, "2020-01-01"),), [NEW], NOW, Source.EID)

    assert held == (
        HeldIdentifier(NATIONAL_ID, OLD.value, "2020-01-01", "2026-11-20"),
        HeldIdentifier(NATIONAL_ID, NEW.value, "2026-11-20", source=Source.EID),
    )


def test_card_ends_no_number() -> None:
    before = (HeldIdentifier(NATIONAL_ID, OLD.value, "2020-01-01"),)

    held = with_identifiers(before, [CARD], NOW, Source.FACILITY)

    assert held == (*before, HeldIdentifier(INSURANCE, CARD.value, "2026-11-20", source=Source.FACILITY))


def test_login_vouches_for_a_number_that_came_by_a_file_and_keeps_since_when_it_is_known() -> None:
    claimed = Patient(
        full_name="Người Thử",
        identifiers=(HeldIdentifier(NATIONAL_ID, OLD.value, "2020-01-01", source=Source.FACILITY),),
    )
    identity = ElectronicIdentity("eid", "sub", OLD.value, "Nguyễn Thị Thử", "1985-03-07", 2, NOW)

    known = vouched_by(identity, claimed, NOW)

    assert known.is_vouched
    assert (known.full_name, known.birth_date) == ("Nguyễn Thị Thử", "1985-03-07")
    assert known.identifiers == (HeldIdentifier(NATIONAL_ID, OLD.value, "2020-01-01", source=Source.EID),)
    assert not claimed.is_vouched


def test_visit_never_replaces_what_the_eid_said_and_empties_nothing() -> None:
    vouched = Patient(full_name="Nguyễn Thị Thử", birth_date="1985-03-07", phone="0999", vouched=True)
    details = PatientDetails((OLD,), full_name="Người Khác", birth_date="1985-03-07", sex="female", phone=None)

    learned, warned = described(vouched, details, HERE, NOW)

    assert learned == msgspec.structs.replace(vouched, sex="female")
    assert warned == {Warned.NAME}


def test_contradicting_birth_date_teaches_nothing_else_either() -> None:
    vouched = Patient(full_name="Nguyễn Thị Thử", birth_date="1985-03-07", vouched=True)

    learned, warned = described(vouched, PatientDetails(birth_date="1999-01-01", address="Nơi khác"), HERE, NOW)

    assert learned == vouched
    assert warned == {Warned.BIRTH_DATE}


@pytest.mark.parametrize(
    ("by", "given", "kept", "warned"),
    [
        (HERE, "1986-03-07", "1986-03-07", False),
        (THERE, "1986-03-07", "1985-03-07", True),
        (THERE, "1985", "1985-03-07", False),
    ],
    ids=["its own facility corrects", "another facility contradicts", "less precise"],
)
def test_first_facility_counts_until_it_says_otherwise(by: str, given: str, kept: str, warned: bool) -> None:
    first, _ = described(Patient(), PatientDetails(birth_date="1985-03-07"), HERE, NOW)

    second, doubts = described(first, PatientDetails(birth_date=given), by, NOW)

    assert (second.birth_date, bool(doubts)) == (kept, warned)


def test_more_precise_birth_date_is_believed_from_any_facility() -> None:
    first, _ = described(Patient(), PatientDetails(birth_date="1985"), HERE, NOW)

    assert described(first, PatientDetails(birth_date="1985-03-07"), THERE, NOW)[0].birth_date == "1985-03-07"


def test_name_replaces_that_of_an_unnamed_newborn() -> None:
    first, _ = described(Patient(), PatientDetails(full_name="Con bà Nguyễn Thị Thử"), HERE, NOW)

    named, warned = described(first, PatientDetails(full_name="Nguyễn Văn Con"), THERE, NOW)

    assert (named.full_name, warned) == ("Nguyễn Văn Con", frozenset())


def test_assertions_of_many_facilities_are_bounded() -> None:
    patient = Patient()
    for number in range(200):
        patient, _ = described(patient, PatientDetails(birth_date=f"{1900 + number}"), f"{number:05}", NOW)

    assert len(patient.assertions) == MAX_ASSERTIONS
    assert patient.birth_date == "1900"


def test_birth_date_on_paper_counts_more_than_any_file_and_less_than_the_eid() -> None:
    filed, _ = described(Patient(), PatientDetails(birth_date="2014-05-01"), HERE, NOW)

    paper = Appointment(Relation.PARENT, "giấy khai sinh", NOW.date(), birth_date="2010-05-01", name="Nguyễn Văn Con")
    proven = proven_by(paper, filed, "steward:staff-7", NOW)
    later, warned = described(proven, PatientDetails(birth_date="2014-05-01"), HERE, NOW)

    assert (proven.is_proven, proven.birth_date, later.birth_date) == (True, "2010-05-01", "2010-05-01")
    assert warned == {Warned.BIRTH_DATE}
    vouched = msgspec.structs.replace(filed, vouched=True)
    assert proven_by(paper, vouched, "steward:staff-7", NOW) == vouched
    assert proven.full_name == "Nguyễn Văn Con"


@pytest.mark.parametrize(
    ("patient", "fits"),
    [
        (Patient(full_name="Nguyễn Văn Con", birth_date="2014-05-01"), True),
        (Patient(full_name="Nguyễn Văn Con", birth_date="2014-05-01", vouched=True), False),
        (Patient(full_name="Trần Thị Khác", birth_date="2010-05-01"), False),
        (Patient(), True),
    ],
    ids=["a file said another date", "the eID said another date", "another name", "nothing is known"],
)
def test_paper_must_be_about_the_person_of_the_number(patient: Patient, fits: bool) -> None:
    paper = Appointment(Relation.PARENT, "giấy khai sinh", NOW.date(), birth_date="2010-05-01", name="Nguyễn Văn Con")

    assert (contradiction(paper, patient) is None) is fits


def _said(date: str, source: Source = Source.FACILITY, by: str = HERE) -> Assertion:
    return Assertion("birth_date", date, source, "2026-01-01", by)


@pytest.mark.parametrize(
    ("patients", "proofs", "counts"),
    [
        ([Patient(birth_date="2010-01-01", vouched=True, assertions=(_said("2000"),))], ["1999-01-01"], "2010-01-01"),
        ([Patient(birth_date="2014-01-01", assertions=(_said("2014-01-01"),))], ["2010-01-01"], "2010-01-01"),
        ([Patient(birth_date="2010", assertions=(_said("2014-01-01"), _said("2010", by=THERE)))], [], "2010"),
        ([Patient(birth_date="2014-01-01", assertions=(_said("2010-01-01", Source.STEWARD),))], [], "2010-01-01"),
        ([Patient(birth_date="2014-01-01"), Patient(birth_date="2010-01-01", vouched=True)], [], "2010-01-01"),
        ([Patient()], [], None),
    ],
    ids=["the eID", "a guardianship's proof", "in doubt the older", "a steward", "whom the eID vouched for", "unknown"],
)
def test_birth_date_that_decides_rights(patients: list[Patient], proofs: list[str | None], counts: str | None) -> None:
    assert closing_birth_date(patients, proofs) == counts
