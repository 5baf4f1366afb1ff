"""Where care is given and who gives it: six facilities and their clinicians, all invented.

Invariant: facility codes start with 99, a province part that nobody has, and licences end in DEMO-CCHN.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import msgspec

from ehb.synthetic import catalogue, numbers


@dataclass(frozen=True, slots=True)
class Facility:
    """A place of care. `insured` says whether it treats at the expense of the insurance fund."""

    code: str
    name: str
    tier: str
    insured: bool


@dataclass(frozen=True, slots=True)
class Clinician:
    """Somebody who signs orders. The licence is what the visit files carry (MA_BAC_SI)."""

    national_id: str
    full_name: str
    sub: str
    licence: str
    facility: str


class _Place(msgspec.Struct, frozen=True):
    code: str
    tier: str
    name: str
    insured: bool
    clinicians: tuple[tuple[str, str, int], ...]


class _Places(msgspec.Struct, frozen=True):
    facilities: tuple[_Place, ...]
    streets: tuple[str, ...]
    hamlets: tuple[str, ...]


@cache
def _places() -> _Places:
    return msgspec.json.decode(catalogue.raw("places.json"), type=_Places)


@cache
def facilities() -> tuple[Facility, ...]:
    return tuple(Facility(place.code, place.name, place.tier, place.insured) for place in _places().facilities)


@cache
def clinicians() -> tuple[Clinician, ...]:
    """All clinicians; the first of each facility is its head, who signs for it."""
    staff = [(place.code, *one) for place in _places().facilities for one in place.clinicians]
    return tuple(
        Clinician(
            national_id=numbers.national(sex, birth_year, number),
            full_name=name,
            sub=f"clinician-{number:02d}",
            licence=f"9{number:05d}/DEMO-CCHN",
            facility=code,
        )
        for number, (code, name, sex, birth_year) in enumerate(staff, start=1)
    )


@cache
def facility_at(tier: str) -> Facility:
    return next(one for one in facilities() if one.tier == tier)


@cache
def facility_with(code: str) -> Facility:
    return next(one for one in facilities() if one.code == code)


@cache
def staff_of(code: str) -> tuple[Clinician, ...]:
    return tuple(one for one in clinicians() if one.facility == code)


def streets() -> tuple[str, ...]:
    return _places().streets


def hamlets() -> tuple[str, ...]:
    return _places().hamlets
