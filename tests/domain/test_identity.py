"""Numbers of people: which text is which identifier, and which is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ehb.domain.identity import (
    INSURANCE,
    NATIONAL_ID,
    OLD_NATIONAL_ID,
    PASSPORT,
    PLACEHOLDER_NUMBERS,
    HeldIdentifier,
    Identifier,
    Patient,
    UnusableIdentifier,
    card_from,
    identifier_from,
)


@pytest.mark.parametrize(
    ("text", "nationality", "system", "value"),
    [
        ("999185000001", "000", NATIONAL_ID, "999185000001"),
        ("001085000001", "000", NATIONAL_ID, "001085000001"),
        ("999 185 000 001", "000", NATIONAL_ID, "999185000001"),
        ("999.185.000.001", "000", NATIONAL_ID, "999185000001"),
        ("999-185-000-001", "000", NATIONAL_ID, "999185000001"),
        ("９９９１８５００００01", "000", NATIONAL_ID, "999185000001"),
        ("\u00a0999185000001\u2009", "000", NATIONAL_ID, "999185000001"),
        ("999185000001", "840", NATIONAL_ID, "999185000001"),
        ("012345679", "000", OLD_NATIONAL_ID, "012345679"),
        ("012345679", "", OLD_NATIONAL_ID, "012345679"),
        ("012345679", "vn", OLD_NATIONAL_ID, "012345679"),
        ("012345679", "840", PASSPORT, "840:012345679"),
        ("12345", "840", PASSPORT, "840:12345"),
        ("12345678901", "840", PASSPORT, "840:12345678901"),
        ("B1234567", "000", PASSPORT, "B1234567"),
        ("b1234567", "000", PASSPORT, "B1234567"),
        ("b1234567", "fr", PASSPORT, "FR:B1234567"),
        ("AB1234567890XYZ", "000", PASSPORT, "AB1234567890XYZ"),
    ],
)
def test_a_number_is_recognised_however_it_is_written(text: str, nationality: str, system: str, value: str) -> None:
    assert identifier_from(text, nationality=nationality) == Identifier(system, value)


@pytest.mark.parametrize("text", ["", " ", "\t\n", "\u3000", "-", ". ."])
def test_an_empty_field_names_nobody_and_is_no_error(text: str) -> None:
    assert identifier_from(text) is None


@pytest.mark.parametrize(
    ("text", "nationality"),
    [
        ("9991850000012", "000"),
        ("9991850000012", "840"),
        ("99918500000", "000"),
        ("01234567", "000"),
        ("0123456799", "000"),
        ("1234", "840"),
        ("B123", "000"),
        ("AB1234567890XYZW", "000"),
        ("B12345/7", "000"),
        ("NGUYỄN", "000"),
        ("٩٩٩٠٨٥٠٠٠٠٠١", "000"),
        ("999185000001;999185000002", "000"),
        ("<script>", "000"),
    ],
)
def test_a_text_that_can_be_no_number_of_a_person_is_refused_without_being_repeated(
    text: str, nationality: str
) -> None:
    with pytest.raises(UnusableIdentifier) as refusal:
        identifier_from(text, nationality=nationality)

    assert text not in str(refusal.value)


def test_the_same_passport_number_of_two_countries_is_two_identifiers() -> None:
    french = identifier_from("C1234567", nationality="250")
    german = identifier_from("C1234567", nationality="276")

    assert french != german


@given(some.text(max_size=30), some.sampled_from(["000", "840", "", "VN"]))
def test_any_text_is_an_identifier_or_nothing_or_unusable(text: str, nationality: str) -> None:
    try:
        found = identifier_from(text, nationality=nationality)
    except UnusableIdentifier:
        return

    assert found is None or found.value.isascii()


@given(some.from_regex(r"[0-9]{12}", fullmatch=True).filter(lambda digits: digits not in PLACEHOLDER_NUMBERS))
def test_every_twelve_digits_in_full_width_form_are_the_same_number(digits: str) -> None:
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in digits)

    assert identifier_from(wide) == identifier_from(digits) == Identifier(NATIONAL_ID, digits)


def test_a_person_shows_the_newest_number_that_is_still_theirs() -> None:
    patient = Patient(
        identifiers=(
            HeldIdentifier(NATIONAL_ID, "999185000001", "2020-01-01"),
            HeldIdentifier(NATIONAL_ID, "999185000002", "2024-01-01"),
            HeldIdentifier(NATIONAL_ID, "999185000003", "2025-01-01", until="2026-01-01"),
            HeldIdentifier(OLD_NATIONAL_ID, "012345679", "2010-01-01", until="2020-01-01"),
        )
    )

    shown = {system: patient.identifier(system) for system in (NATIONAL_ID, OLD_NATIONAL_ID, PASSPORT)}

    assert shown == {NATIONAL_ID: "999185000002", OLD_NATIONAL_ID: None, PASSPORT: None}


@pytest.mark.parametrize(
    ("card", "value"),
    [
        ("GD4999999185001", "9999185001"),
        ("9999185001", "9999185001"),
        ("gd4 99 9999185001", "9999185001"),
        ("TE199KT00000123", "TE199KT00000123"),
        ("TE1-99-KT00000123", "TE199KT00000123"),
    ],
)
def test_a_card_is_its_social_insurance_number_and_a_temporary_one_is_itself(card: str, value: str) -> None:
    assert card_from(card) == Identifier(INSURANCE, value)


@pytest.mark.parametrize("card", ["", "GD4", "999918500", "99991850011", "TE199KT0000012", "GD499999918500X1"])
def test_what_is_no_card_is_none(card: str) -> None:
    assert card_from(card) is None
