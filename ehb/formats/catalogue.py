"""Codes with their list, its version on the day of the visit, and the label of the day (domain facts §7).

The one invariant: an unknown code is kept as it was sent, without a label, and never refused.
"""

from __future__ import annotations

from ehb.domain.coding import Coding
from ehb.domain.sensitivity import ICD10
from ehb.formats.field_tables import codes

_BASE = "urn:vn:byt:qd4750:"
DRUG, SERVICE, SUPPLY, TEST = _BASE + "MA_THUOC", _BASE + "MA_DICH_VU", _BASE + "MA_VAT_TU", _BASE + "MA_CHI_SO"
TRADITIONAL = _BASE + "MA_BENH_YHCT"
ICD9CM = "http://hl7.org/fhir/sid/icd-9-cm"

_SYSTEMS = {
    "ethnicity": "http://fhir.ehealth.gov.vn/core/CodeSystem/vn-core-race",
    "province_2025": "urn:vn:gso:province",
    "commune_2025": "urn:vn:gso:commune",
}
_VERSIONS = {
    "ethnicity": "QD121-TCTK/1979",
    "province_2025": "2025-07-01",
    "commune_2025": "2025-07-01",
    "ma_nhom": "QD5937/2021",
}
_ICD10_VERSIONS = (("2026-07-01", "TT06/2026"), ("", "QD4469/2020"))
_CARE_TYPE_VERSIONS = (("2026-08-01", "QD1804/2026"), ("", "QD824/2023"))


def coded(code_list: str, code: str, day: str = "") -> Coding | None:
    """A code of one of our lists with the label of the day; None for no code. `day` is the end of the visit."""
    if not code:
        return None
    version = _VERSIONS.get(code_list, "QD4750/2023")
    if code_list == "ma_loai_kcb":
        version = _version_on(_CARE_TYPE_VERSIONS, day)
    system = _SYSTEMS.get(code_list, _BASE + code_list.upper())
    return Coding(system, code, codes(code_list).get(code), version)


def icd10(code: str, day: str) -> Coding:
    """An ICD-10 VN code; the list is chosen by the end of the visit (TT 06/2026 from 2026-07-01)."""
    return Coding(ICD10, code.upper(), None, _version_on(_ICD10_VERSIONS, day))


def traditional(code: str) -> Coding:
    """A traditional-medicine disease code."""
    return Coding(TRADITIONAL, code.upper())


def _version_on(versions: tuple[tuple[str, str], ...], day: str) -> str:
    return next(version for since, version in versions if day >= since)
