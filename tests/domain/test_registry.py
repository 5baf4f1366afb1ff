"""What is registered, since when and until when; what a row of a list changes in it."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime

import pytest

from ehb.domain.registry import (
    Certificate,
    Entry,
    FacilityName,
    RegisteredFacility,
    RegisteredPractitioner,
    facility_from,
    folded_words,
    gln_is_right,
    licence_key,
    practitioner_from,
    renamed,
    with_certificates,
    without_certificates,
)
from ehb.domain.session import FacilityClient

TODAY = date(2026, 11, 1)
OLD, NEW = "Bệnh viện Cũ", "Bệnh viện Mới"


def facility(**given: object) -> RegisteredFacility:
    return dataclasses.replace(RegisteredFacility("99001", (FacilityName(OLD),)), **given)  # type: ignore[arg-type]


def certificate(fingerprint: str = "aa", **given: object) -> Certificate:
    made = Certificate(fingerprint, b"der", "Thử", datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    return dataclasses.replace(made, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("day", "in_force"),
    [
        (date(2025, 12, 31), False),
        (date(2026, 1, 1), True),
        (date(2026, 6, 30), True),
        (date(2026, 7, 1), False),
    ],
)
def test_a_facility_is_in_force_from_its_first_day_to_the_end_of_its_last(day: date, in_force: bool) -> None:
    assert facility(valid_from=date(2026, 1, 1), valid_until=date(2026, 6, 30)).in_force(day) is in_force


def test_a_suspended_facility_is_not_in_force() -> None:
    assert not facility(active=False).in_force(TODAY)


def test_a_facility_without_dates_is_in_force() -> None:
    assert facility().in_force(TODAY)


def test_a_licence_ends_with_its_last_day() -> None:
    holder = RegisteredPractitioner("1/X", valid_until=TODAY)

    assert holder.in_force(TODAY)
    assert not holder.in_force(date(2026, 11, 2))


def test_a_record_keeps_the_name_of_its_day() -> None:
    names = renamed((FacilityName(OLD),), NEW, date(2026, 3, 1))
    hospital = facility(names=names)

    assert hospital.name_on(date(2026, 2, 28)) == OLD
    assert hospital.name_on(date(2026, 3, 1)) == NEW
    assert hospital.name == NEW


def test_before_all_that_we_know_the_oldest_name_stands() -> None:
    hospital = facility(names=(FacilityName(OLD, date(2020, 1, 1)), FacilityName(NEW, date(2024, 1, 1))))

    assert hospital.name_on(date(1999, 1, 1)) == OLD


def test_a_name_from_the_same_day_or_earlier_corrects_the_one_before() -> None:
    names = (FacilityName(OLD), FacilityName("Bẹnh viện Mới", date(2026, 3, 1)))

    assert renamed(names, NEW, date(2026, 3, 1)) == (FacilityName(OLD), FacilityName(NEW, date(2026, 3, 1)))
    assert renamed(names, NEW, date(2026, 2, 1)) == (FacilityName(OLD), FacilityName(NEW, date(2026, 2, 1)))


def test_a_guessed_day_does_not_move_the_beginning_of_a_name() -> None:
    names = (FacilityName(OLD), FacilityName(NEW, date(2026, 3, 1)))

    assert renamed(names, NEW, TODAY, stated=False) == names


def test_a_name_that_comes_back_begins_anew() -> None:
    names = (FacilityName(OLD), FacilityName(NEW, date(2026, 3, 1)))

    assert renamed(names, OLD, TODAY)[-1] == FacilityName(OLD, TODAY)


def test_a_row_changes_what_it_speaks_of_and_nothing_else() -> None:
    before = facility(gln="9520000990017", province="99", active=False)

    after = facility_from(before, Entry(2, "99001", {"name": OLD, "gln": None}), today=TODAY)

    assert after == dataclasses.replace(before, gln=None)


def test_the_same_row_twice_changes_nothing() -> None:
    client = FacilityClient("99001", "99001", ({"kty": "EC"},))
    row = Entry(2, "99001", {"name": NEW, "type": "hospital", "active": True, "client": client})
    once = facility_from(facility(), row, today=TODAY)

    assert facility_from(once, row, today=date(2026, 12, 1)) == once


def test_a_row_replaces_its_client_and_leaves_the_others() -> None:
    held = (FacilityClient("99001", "99001", ({"n": 1},)), FacilityClient("99001-lab", "99001", ({"n": 2},)))
    fresh = FacilityClient("99001", "99001", ({"n": 3},))

    after = facility_from(facility(clients=held), Entry(2, "99001", {"name": OLD, "client": fresh}), today=TODAY)

    assert after.clients == (fresh, held[1])


def test_a_practitioner_keeps_what_a_row_says_nothing_about() -> None:
    before = RegisteredPractitioner("900001/DEMO-CCHN", "Thử", ("99001",), "Nội khoa", number=b"x")

    after = practitioner_from(before, Entry(2, "900001/DEMO-CCHN", {"facilities": ("99002",)}))

    assert after == dataclasses.replace(before, facilities=("99002",))


def test_the_blind_index_is_in_no_text() -> None:
    assert "secret" not in repr(RegisteredPractitioner("1/X", number=b"secret"))
    assert "999" not in repr(Entry(2, "1/X", {"number": "999185000001"}))


def test_a_certificate_counts_while_it_is_valid_and_not_withdrawn() -> None:
    good = certificate()

    assert good.in_force(datetime(2026, 1, 1, tzinfo=UTC))
    assert not good.in_force(datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC))
    assert not good.in_force(datetime(2027, 1, 1, 0, 0, 1, tzinfo=UTC))
    withdrawn = certificate(withdrawn=date(2026, 6, 1))
    assert withdrawn.in_force(datetime(2026, 5, 31, 16, 59, tzinfo=UTC))
    assert not withdrawn.in_force(datetime(2026, 5, 31, 17, 0, tzinfo=UTC))  # midnight in Vietnam


def test_certificates_are_added_once_and_withdrawn_for_good() -> None:
    one, two = certificate("aa"), certificate("bb")
    held = with_certificates(with_certificates(facility(), (one, two)), (one,))

    after = without_certificates(held, frozenset({"bb"}), TODAY)
    again = without_certificates(after, frozenset({"bb"}), date(2026, 12, 1))

    assert [held.fingerprint for held in held.certificates] == ["aa", "bb"]
    assert [held.withdrawn for held in after.certificates] == [TODAY, None]
    assert again == after


@pytest.mark.parametrize("text", ["Bệnh viện Đa khoa", "BENH VIEN DA KHOA", "bệnh viện đa khoa", "Bệnh-viện, Đa khoa!"])
def test_words_are_found_with_and_without_accents(text: str) -> None:
    assert folded_words(text) == ("benh", "vien", "da", "khoa")


@pytest.mark.parametrize("typed", ["000123/HNO-CCHN", " 000123/hno-cchn ", "000123/HNO-CCHN\n"])
def test_a_licence_is_found_however_it_was_typed(typed: str) -> None:
    assert licence_key(typed) == "000123/HNO-CCHN"


@pytest.mark.parametrize(
    ("gln", "right"),
    [("4006381333931", True), ("9520000990010", False), ("400638133393", False), ("400638133393x", False), ("", False)],
)
def test_a_gln_ends_in_its_check_digit(gln: str, right: bool) -> None:
    assert gln_is_right(gln) is right
