"""Codes with their list, its edition on the day of the visit, and the label of the day (domain facts §7).

`qd4750/code_lists.csv` says which editions a list has and since when; a row of a list may be in force for a shorter
time (`valid_from`, `valid_to`). A code is judged by the end of the visit. An edition that is not complete judges
nothing, and before the first edition nobody can know.

The one invariant: an unknown code is kept as it was sent, without a label, and never refused.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from dataclasses import dataclass
from functools import cache, lru_cache

from ehb.domain.coding import Coding
from ehb.formats.field_tables import published

_BASE = "urn:vn:byt:qd4750:"
DRUG, SERVICE, SUPPLY, TEST = _BASE + "MA_THUOC", _BASE + "MA_DICH_VU", _BASE + "MA_VAT_TU", _BASE + "MA_CHI_SO"
TRADITIONAL = _BASE + "MA_BENH_YHCT"
ICD9CM = "http://hl7.org/fhir/sid/icd-9-cm"
_TODAY = "9999-12-31"
"""A day in the newest edition of everything."""


class Standing(enum.Enum):
    """What can be said of a code on a day."""

    UNDISPUTED = enum.auto()
    NOT_IN_FORCE = enum.auto()
    """The list has, had or will have it, but not on the day."""
    UNKNOWN = enum.auto()


@dataclass(frozen=True, slots=True)
class _Span:
    since: str
    until: str

    def holds(self, day: str) -> bool:
        return self.since <= day <= (self.until or _TODAY)


@dataclass(frozen=True, slots=True)
class _Edition:
    """One edition of one list."""

    system: str
    version: str
    span: _Span
    complete: bool
    labels: dict[str, tuple[_Span, str]]

    def label(self, code: str, day: str) -> str | None:
        """The label that a code has on a day of this edition."""
        span, label = self.labels.get(code, (None, ""))
        return label if span is not None and span.holds(day) else None


@cache
def _editions() -> dict[str, list[_Edition]]:
    """The editions of each list, oldest first; each part of a list of many fields is a list of its own."""
    editions: defaultdict[str, list[_Edition]] = defaultdict(list)
    for row in published("code_lists"):
        parts: defaultdict[str, dict[str, tuple[_Span, str]]] = defaultdict(dict)
        for code in published(row["file"]) if row["file"] else ():
            span = _Span(code.get("valid_from") or "", code.get("valid_to") or "")
            parts[code.get("field") or ""][code["code"]] = span, code["name_vi"]
        for part, labels in parts.items() if parts else (("", {}),):
            editions[f"{row['list']}:{part}" if part else row["list"]].append(
                _Edition(
                    system=f"{row['system']}:{part}" if part else row["system"],
                    version=row["version"],
                    span=_Span(row["valid_from"], row["valid_to"]),
                    complete=row["complete"] == "yes",
                    labels=labels,
                )
            )
    return dict(editions)


def coded(code_list: str, code: str, day: str = "") -> Coding | None:
    """A code of one of our lists with the label of the day; None for no code. `day` is the end of the visit."""
    return _coding(code_list, code, day[:10] or _TODAY) if code else None


def icd10(code: str, day: str) -> Coding:
    """An ICD-10 VN code in the edition of the day; which codes it has is not published as data we may use."""
    return _coding("icd10", code.upper(), day[:10])


def traditional(code: str) -> Coding:
    """A traditional-medicine disease code."""
    return Coding(TRADITIONAL, code.upper())


@lru_cache(16_384)
def standing(code_list: str, code: str, day: str) -> Standing:
    """Whether a code of one of our lists counts on a day."""
    day = day[:10]
    editions = _editions()[code_list]
    edition = next((one for one in editions if one.span.holds(day)), None)
    if edition is None or not edition.complete or edition.label(code, day) is not None:
        return Standing.UNDISPUTED
    return Standing.NOT_IN_FORCE if any(code in one.labels for one in editions) else Standing.UNKNOWN


@lru_cache(16_384)
def _coding(code_list: str, code: str, day: str) -> Coding:
    editions = _editions()[code_list]
    edition = next((one for one in editions if one.span.holds(day)), None)
    if edition is None:
        return Coding(editions[0].system, code)
    return Coding(edition.system, code, edition.label(code, day), edition.version)
