"""The field tables: everything in the published tables is loaded, and what a field may hold."""

from __future__ import annotations

import csv
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ehb.formats.catalogue import coded
from ehb.formats.field_tables import CHECK_IN, Field, Need, read_birth, read_time, tables
from ehb.formats.visit_xml import READ_TABLES

DATA = resources.files("ehb.formats") / "qd4750"
TABLES = [f"XML{number}" for number in range(1, 16)]


def _csv(name: str) -> list[dict[str, str]]:
    with (DATA / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _name(table: str) -> str:
    return CHECK_IN if table == "checkin" else table.upper()


def _field(table: str, name: str) -> Field:
    return tables()[table].fields[name]


def test_every_table_and_the_check_in_list_is_loaded() -> None:
    assert set(tables()) == {*TABLES, CHECK_IN}
    assert set(TABLES) == READ_TABLES


def test_a_table_whose_elements_are_not_published_for_certain_takes_any_root() -> None:
    assert {name for name, table in tables().items() if table.root is None} == {"XML6", "XML12"}


@pytest.mark.parametrize("name", TABLES)
def test_every_field_of_a_table_is_loaded_in_the_order_of_the_annex(name: str) -> None:
    published = [row["field"] for row in _csv(name.lower())]

    assert list(tables()[name].fields) == published
    assert len(published) == len(set(published))


def test_every_code_list_that_a_field_of_the_book_names_is_in_the_catalogue() -> None:
    lists = {code_list for table in tables().values() for _, code_list in table.coded}

    assert lists >= {"gioi_tinh", "ma_loai_kcb", "ma_loai_rv", "province", "commune", "xml6:MA_XU_TRI"}
    assert all(coded(name, "01") for name in lists)


def test_every_field_that_the_book_reads_is_a_field_of_its_table() -> None:
    unknown = [
        (row["table"], row["field"])
        for row in _csv("book_fields")
        if row["field"] not in tables()[_name(row["table"])].fields
    ]

    assert unknown == []


def test_the_book_cannot_do_without_the_keys_of_a_visit() -> None:
    assert tables()["XML1"].essential == {"MA_LK", "MA_CSKCB", "NGAY_VAO"}
    assert all("MA_LK" in tables()[name].essential for name in READ_TABLES - {"XML12"})


def test_sizes_that_the_portal_takes_longer_are_taken_longer_here() -> None:
    longer = [
        (row["table"].upper(), row["field"], int(row["max_length_portal_2024"]))
        for row in _csv("portal_size_differences")
        if row["max_length_portal_2024"].isdigit() and row["table"] != "checkin"
    ]

    too_short = [
        (table, name)
        for table, name, size in longer
        if table in tables()
        and name in tables()[table].fields
        and (found := _field(table, name).max_length) is not None
        and found < size
    ]

    assert longer
    assert too_short == []


@pytest.mark.parametrize(
    ("table", "name", "value", "fault"),
    [
        ("XML1", "MA_LK", "x" * 100, None),
        ("XML1", "MA_LK", "x" * 101, "length"),
        ("XML1", "CHAN_DOAN_RV", "x" * 100_000, None),
        ("XML2", "SO_LUONG", "30", None),
        ("XML2", "SO_LUONG", "0.5", None),
        ("XML2", "SO_LUONG", "-1", None),
        ("XML2", "SO_LUONG", "0,5", "number"),
        ("XML2", "SO_LUONG", "1e3", "number"),
        ("XML2", "SO_LUONG", "３０", "number"),
        ("XML2", "SO_LUONG", "9" * 11, "length"),
        ("XML1", "NGAY_VAO", "202610050800", None),
        ("XML1", "NGAY_VAO", "20261005", None),
        ("XML1", "NGAY_VAO", "202610052359", None),
        ("XML1", "NGAY_VAO", "202610052400", "date"),
        ("XML1", "NGAY_VAO", "202610052500", "date"),
        ("XML1", "NGAY_VAO", "202610050860", "date"),
        ("XML1", "NGAY_VAO", "20250230", "date"),
        ("XML1", "NGAY_VAO", "00001005", "date"),
        ("XML1", "NGAY_VAO", "17991231", "date"),
        ("XML1", "NGAY_VAO", "18000101", None),
        ("XML1", "NGAY_VAO", "2026-10-05", "date"),
        ("XML1", "NGAY_VAO", "2026100508", "date"),
        ("XML1", "NGAY_VAO", "20261005080000", "date"),
        ("XML1", "NGAY_VAO", "202600000000", "date"),
        ("XML1", "NGAY_SINH", "198500000000", None),
        ("XML1", "NGAY_SINH", "198503000000", None),
        ("XML1", "NGAY_SINH", "198503070000", None),
        ("XML1", "NGAY_SINH", "19850307", None),
        ("XML1", "NGAY_SINH", "198513000000", "date"),
        ("XML1", "NGAY_SINH", "198502300000", "date"),
        ("XML1", "NGAY_TAI_KHAM", "20261101;20261201;", None),
        ("XML1", "NGAY_TAI_KHAM", "20261101;20261301", "date"),
    ],
)
def test_a_value_breaks_the_rule_of_its_field(table: str, name: str, value: str, fault: str | None) -> None:
    assert _field(table, name).fault(value) == fault


def test_a_doubt_about_a_size_or_a_field_that_nobody_reads_never_costs_a_record() -> None:
    essential, unread, uncertain = _field("XML1", "MA_LK"), _field("XML2", "DON_GIA"), _field("XML13", "MA_NOI_DEN")

    assert (essential.refuses("length"), essential.refuses("date")) == (True, True)
    assert (unread.need, unread.refuses("number")) == (Need.UNREAD, False)
    assert (uncertain.refuses("length"), uncertain.refuses("number")) == (False, True)


@pytest.mark.parametrize(
    ("value", "birth"),
    [
        ("198500000000", "1985"),
        ("19850000", "1985"),
        ("198503000000", "1985-03"),
        ("198503070000", "1985-03-07"),
        ("198503071530", "1985-03-07"),
        ("19850307", "1985-03-07"),
    ],
)
def test_a_birth_date_stays_as_precise_as_it_was_given(value: str, birth: str) -> None:
    assert read_birth(value) == birth


def test_a_day_stays_a_day_and_a_moment_gets_the_zone_of_vietnam() -> None:
    assert read_time("20261005") == "2026-10-05"
    assert read_time("202610050800") == "2026-10-05T08:00:00+07:00"


@given(some.text(alphabet="0123456789", max_size=14), some.sampled_from(["NGAY_VAO", "NGAY_SINH", "NGAY_TAI_KHAM"]))
def test_a_date_without_fault_can_be_read(value: str, name: str) -> None:
    if value and _field("XML1", name).fault(value) is None:
        (read_birth if name == "NGAY_SINH" else read_time)(value)
