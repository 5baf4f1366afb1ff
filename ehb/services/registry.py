"""Looking things up in the registry: facilities, their certificates, practitioners.

Public master data (Decree 102/2025 Art 15): no custodian, no permit, no audit event. The one invariant: a search
for nothing finds nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ehb.domain.registry import Certificate, RegisteredFacility, RegisteredPractitioner, folded_words


class Facilities(Protocol):
    """The register of facilities; `ehb.store.registry.Registry` is the one there is."""

    async def facility(self, code: str) -> RegisteredFacility | None: ...

    async def facility_name(self, code: str) -> str | None: ...

    async def page(
        self, *, first: int, after: str | None, province: str | None, type: str | None, words: Sequence[str]
    ) -> list[RegisteredFacility]: ...


class Practitioners(Protocol):
    """The register of practitioners; `ehb.store.practitioners.Practitioners` is the one there is."""

    async def practitioner(self, licence: str) -> RegisteredPractitioner | None: ...

    async def scopes(self) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """A page of facilities: how many, behind which code, and which ones at all."""

    first: int
    after: str | None = None
    province: str | None = None
    type: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class FacilityPage:
    """Facilities in the order of their codes."""

    facilities: tuple[RegisteredFacility, ...]
    has_next: bool


async def facility(facilities: Facilities, code: str) -> RegisteredFacility | None:
    """A facility by its code, in force or not."""
    return await facilities.facility(code.strip().upper())


async def facilities(register: Facilities, wanted: Wanted) -> FacilityPage:
    """A page of facilities."""
    words = folded_words(wanted.name) if wanted.name is not None else ()
    if wanted.name is not None and not words:
        return FacilityPage((), False)
    found = await register.page(
        first=wanted.first + 1, after=wanted.after, province=wanted.province, type=wanted.type, words=words
    )
    return FacilityPage(tuple(found[: wanted.first]), len(found) > wanted.first)


async def practitioner(
    practitioners: Practitioners, register: Facilities, licence: str
) -> tuple[RegisteredPractitioner, Mapping[str, str]] | None:
    """The holder of a licence, in force or not, and the names of their facilities by code."""
    found = await practitioners.practitioner(licence)
    if found is None:
        return None
    names = {code: await register.facility_name(code) for code in found.facilities}
    return found, {code: name for code, name in names.items() if name is not None}


async def certificates_of(facilities: Facilities, code: str | None) -> tuple[Certificate, ...]:
    """The certificates that a facility signs with, in force or not; none for nobody."""
    found = await facilities.facility(code) if code is not None else None
    return found.certificates if found is not None else ()
