"""Codes: the list, its version on the day, and the label; an unknown code is kept."""

from __future__ import annotations

import pytest

from ehb.domain.coding import Coding
from ehb.domain.sensitivity import ICD10
from ehb.formats.catalogue import TRADITIONAL, Standing, coded, icd10, standing, traditional
from ehb.formats.field_tables import published


@pytest.mark.parametrize(
    ("day", "version"),
    [
        ("2026-06-30T23:59:00+07:00", "QD4469/2020"),
        ("2026-07-01", "TT06/2026"),
        ("2026-07-01T00:00:00+07:00", "TT06/2026"),
        ("2030-01-01", "TT06/2026"),
    ],
)
def test_the_icd_list_is_the_one_in_force_at_the_end_of_the_visit(day: str, version: str) -> None:
    assert icd10("i10", day) == Coding(ICD10, "I10", None, version)


@pytest.mark.parametrize(
    ("day", "version"), [("2026-07-31T10:00:00+07:00", "QD824/2023"), ("2026-08-01", "QD1804/2026")]
)
def test_the_list_of_care_types_changes_on_its_day(day: str, version: str) -> None:
    found = coded("ma_loai_kcb", "01", day)

    assert found is not None
    assert (found.version, bool(found.display)) == (version, True)


def test_no_code_is_no_coding_and_an_unknown_one_is_kept_without_a_label() -> None:
    assert coded("ma_loai_rv", "") is None
    assert coded("ma_loai_rv", "77") == Coding("urn:vn:byt:qd4750:MA_LOAI_RV", "77", None, "QD4750/2023")


@pytest.mark.parametrize(
    ("code", "day", "display", "version"),
    [
        ("08", "2025-06-30", "Tuyên Quang", "2004-07-08"),
        ("08", "2025-07-01", "Tỉnh Tuyên Quang", "2025-07-01"),
        ("08", "2025-07-01T00:00:00+07:00", "Tỉnh Tuyên Quang", "2025-07-01"),
        ("08", "", "Tỉnh Tuyên Quang", "2025-07-01"),
        ("02", "2025-06-30", "Hà Giang", "2004-07-08"),
        ("02", "2025-07-01", None, "2025-07-01"),
    ],
)
def test_a_province_has_the_label_that_it_had_on_the_day(
    code: str, day: str, display: str | None, version: str
) -> None:
    assert coded("province", code, day) == Coding("urn:vn:gso:province", code, display, version)


def test_a_commune_before_the_first_list_that_we_know_is_kept_without_label_and_version() -> None:
    assert coded("commune", "00004", "2025-06-30") == Coding("urn:vn:gso:commune", "00004")


@pytest.mark.parametrize(
    ("code_list", "code", "day", "said"),
    [
        ("ma_loai_kcb", "01", "2026-07-31", Standing.UNDISPUTED),
        ("ma_loai_kcb", "11", "2026-07-31", Standing.NOT_IN_FORCE),
        ("ma_loai_kcb", "11", "2026-08-01", Standing.UNDISPUTED),
        ("ma_loai_kcb", "17", "2026-08-01", Standing.UNKNOWN),
        ("ma_loai_kcb", "1", "2026-08-01", Standing.UNKNOWN),
        ("province", "02", "2025-07-01", Standing.NOT_IN_FORCE),
        ("province", "03", "2025-07-01", Standing.UNKNOWN),
        ("province", "03", "2025-06-30", Standing.UNDISPUTED),
        ("commune", "99999", "2025-06-30", Standing.UNDISPUTED),
        ("commune", "99999", "2025-07-01", Standing.UNKNOWN),
        ("ma_tai_nan", "9", "2026-08-01", Standing.UNDISPUTED),
        ("icd10", "X", "2026-08-01", Standing.UNDISPUTED),
        ("xml6:MA_XU_TRI", "8", "2026-08-01", Standing.UNDISPUTED),
        ("xml6:MA_XU_TRI", "9", "2026-08-01", Standing.UNKNOWN),
    ],
)
def test_a_code_is_judged_by_the_day_and_only_where_the_list_is_known(
    code_list: str, code: str, day: str, said: Standing
) -> None:
    assert standing(code_list, code, day) is said


def test_every_code_of_a_complete_list_has_a_vietnamese_label_today() -> None:
    lists = {row["list"]: row["file"] for row in published("code_lists") if row["complete"] == "yes"}
    nameless = [
        (name, row["code"])
        for name, file in lists.items()
        for row in published(file)
        if not (found := coded(f"{name}:{row['field']}" if row.get("field") else name, row["code"]))
        or not found.display
    ]

    assert nameless == []


def test_an_ethnic_group_is_of_the_core_list() -> None:
    kinh = coded("ethnicity", "01", "2026-08-01")

    assert kinh is not None
    assert (kinh.system, kinh.display) == ("http://fhir.ehealth.gov.vn/core/CodeSystem/vn-core-race", "Kinh")


def test_a_code_of_traditional_medicine_stands_in_its_own_list() -> None:
    assert traditional("u50.011") == Coding(TRADITIONAL, "U50.011")
