"""Numbers in texts: read when they are numbers, left alone when not."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ehb.domain.coding import Quantity
from ehb.formats.measures import measured, vital_signs


@pytest.mark.parametrize(
    ("text", "value", "comparator"),
    [
        ("5.60", "5.60", None),
        ("0", "0", None),
        ("-1.5", "-1.5", None),
        ("007", "7", None),
        (" 5.6 ", "5.6", None),
        ("<0.01", "0.01", "<"),
        ("> 100", "100", ">"),
        ("<=3", "3", "<="),
        (">=3", "3", ">="),
        ("≤3", "3", "<="),
        ("≥ 3", "3", ">="),
        ("9" * 18, "9" * 18, None),
    ],
)
def test_a_plain_number_keeps_its_digits_and_its_comparator(text: str, value: str, comparator: str | None) -> None:
    found = measured(text, "mmol/L")

    assert found == Quantity(Decimal(value), "mmol/L", comparator)
    assert found is not None
    assert str(found.value) == str(Decimal(value))


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "âm tính", "5,60", "1.234.567", "1 000", "5.6 mmol/L", "5.", ".5", "+5", "--5", "5-6", "1e5"),
        *("NaN", "Infinity", "٥", "５", "<", "<>5", "=5", "5\n6", "9" * 19, "0." + "1" * 13),
    ],
)
def test_what_is_no_plain_number_stays_text(text: str) -> None:
    assert measured(text, None) is None


@given(some.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=4))
def test_every_decimal_written_with_a_point_comes_back_digit_by_digit(number: Decimal) -> None:
    found = measured(f"{number:f}", None)

    assert found is not None
    assert f"{found.value:f}" == f"{number:f}"


@given(some.text(max_size=40))
def test_any_text_is_a_finite_quantity_or_none(text: str) -> None:
    found = measured(text, "g")

    assert found is None or found.value.is_finite()


def test_an_empty_unit_is_no_unit() -> None:
    assert measured("5", "") == Quantity(Decimal("5"))


def test_the_vital_signs_of_a_note_are_read_with_their_codes_and_units() -> None:
    signs = vital_signs("Tỉnh. CSST<M75_T37.5_HA120/70_NT18_SP98_CN52.5_HL2> Ăn được.")

    assert [(sign.code.coding[0].code, sign.value and str(sign.value.value), sign.value and sign.value.unit)
            for sign in signs] == [
        ("8867-4", "75", "lần/phút"),
        ("8310-5", "37.5", "°C"),
        ("8480-6", "120", "mmHg"),
        ("8462-4", "70", "mmHg"),
        ("9279-1", "18", "lần/phút"),
        ("59408-5", "98", "%"),
        ("29463-7", "52.5", "kg"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("note", "count"),
    [
        ("", 0),
        ("Tỉnh, tiếp xúc tốt", 0),
        ("M75_T37", 0),
        ("CSST<>", 0),
        ("CSST<M75", 0),
        ("csst <m75_t37>", 2),
        ("CSST<M75_X1_T_HA120_NT>", 1),
        ("CSST< M75 _ T37 >", 2),
        ("CSST<M7500_T37.555>", 0),
        ("CSST<" + "M75_" * 100 + ">", 0),
    ],
)
def test_what_does_not_look_like_a_sign_is_left_in_the_note(note: str, count: int) -> None:
    assert len(vital_signs(note)) == count


@given(some.text(alphabet="CST<>M75_TH/A.NP ", max_size=60))
def test_no_note_makes_the_reading_fail(note: str) -> None:
    for sign in vital_signs(note):
        assert sign.value is not None
