"""Codes: the list, its version on the day, and the label; an unknown code is kept."""

from __future__ import annotations

import pytest

from ehb.domain.coding import Coding
from ehb.domain.sensitivity import ICD10
from ehb.formats.catalogue import TRADITIONAL, coded, icd10, traditional


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


def test_a_commune_is_of_the_list_of_2025_and_an_ethnic_group_of_the_core_list() -> None:
    kinh, province = coded("ethnicity", "01"), coded("province_2025", "01")

    assert kinh is not None
    assert province is not None
    assert (kinh.system, kinh.display) == ("http://fhir.ehealth.gov.vn/core/CodeSystem/vn-core-race", "Kinh")
    assert (province.system, province.version) == ("urn:vn:gso:province", "2025-07-01")


def test_a_code_of_traditional_medicine_stands_in_its_own_list() -> None:
    assert traditional("u50.011") == Coding(TRADITIONAL, "U50.011")
