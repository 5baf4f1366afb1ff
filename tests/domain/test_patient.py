"""What a visit may teach a book about its patient, and when a card may stand for them."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from ehb.domain.identity import INSURANCE, NATIONAL_ID, HeldIdentifier, Identifier, Patient
from ehb.domain.patient import born_otherwise, described, same_person, with_identifiers
from ehb.domain.submission import PatientDetails

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
OLD, NEW = Identifier(NATIONAL_ID, "999085000001"), Identifier(NATIONAL_ID, "999085000002")
CARD = Identifier(INSURANCE, "GD4019990000001")


def test_a_new_number_ends_the_one_before_it_and_leaves_it_in_the_history() -> None:
    held = with_identifiers((HeldIdentifier(NATIONAL_ID, OLD.value, "2020-01-01"),), [NEW], NOW)

    assert held == (
        HeldIdentifier(NATIONAL_ID, OLD.value, "2020-01-01", "2026-11-20"),
        HeldIdentifier(NATIONAL_ID, NEW.value, "2026-11-20"),
    )


def test_a_card_ends_no_number() -> None:
    before = (HeldIdentifier(NATIONAL_ID, OLD.value, "2020-01-01"),)

    assert with_identifiers(before, [CARD], NOW) == (*before, HeldIdentifier(INSURANCE, CARD.value, "2026-11-20"))


@pytest.mark.parametrize(
    ("known", "given", "same"),
    [
        ("1985-03-07", "1985-03-07", True),
        ("1985-03-07T10:00:00+07:00", "1985-03-07", True),
        ("1985-03-07", "1985-03-08", False),
        ("1985-03-07", None, False),
        (None, "1985-03-07", False),
    ],
)
def test_a_card_stands_for_who_was_born_on_that_day(known: str | None, given: str | None, same: bool) -> None:
    assert same_person(Patient(birth_date=known), PatientDetails(birth_date=given)) is same


def test_a_card_does_not_stand_for_somebody_with_another_number() -> None:
    numbered = Patient(birth_date="1985-03-07", identifiers=(HeldIdentifier(NATIONAL_ID, OLD.value, "2020-01-01"),))

    assert not same_person(numbered, PatientDetails((NEW,), birth_date="1985-03-07"))
    assert same_person(numbered, PatientDetails(birth_date="1985-03-07"))


@pytest.mark.parametrize(
    ("known", "given", "otherwise"),
    [
        ("1985-03-07", "1985", False),
        ("1985", "1985-03-07", False),
        ("1985-03-07", "1985-04", True),
        (None, "1985", False),
        ("1985", None, False),
    ],
)
def test_dates_of_other_precision_do_not_contradict_each_other(
    known: str | None, given: str | None, otherwise: bool
) -> None:
    assert born_otherwise(Patient(birth_date=known), PatientDetails(birth_date=given)) is otherwise


def test_a_visit_teaches_what_the_eid_did_not_vouch_for_and_empties_nothing() -> None:
    details = PatientDetails((OLD,), full_name="Người Khác", birth_date="1990-01-01", sex="male", phone=None)
    vouched = Patient(full_name="Người Thử", birth_date="1985-03-07", phone="0999", vouched=True)

    assert described(vouched, details) == msgspec.structs.replace(vouched, sex="male")
    told = described(msgspec.structs.replace(vouched, vouched=False), details)
    assert (told.full_name, told.birth_date, told.phone) == ("Người Khác", "1990-01-01", "0999")
