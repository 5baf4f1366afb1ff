"""Doubts about who is who, as a steward sees them: both sides, and what brought them up."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ehb.domain.identity import NATIONAL_ID, Patient, Source
from ehb.domain.matching import facts_in_digits


class DoubtKind(enum.StrEnum):
    """What brought a doubt up."""

    LOGIN = "LOGIN"
    """A login named a number whose visits do not fit the eID's person."""
    NOT_MINE = "NOT_MINE"
    """A person says that a visit in their book is somebody else's."""


@dataclass(frozen=True, slots=True)
class Side:
    """One person of a doubt. `numbers` are the last four digits of each, with the source."""

    person: bytes
    name: str | None = field(repr=False)
    birth_date: str | None = field(repr=False)
    sex: str | None
    vouched: bool
    numbers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class OpenDoubt:
    """A doubt that no steward has closed. For NOT_MINE there is one side and the visit."""

    id: bytes
    kind: DoubtKind
    at: datetime
    sides: tuple[Side, ...]
    episode: bytes | None = None
    facility: str | None = None


@dataclass(frozen=True, slots=True)
class DoubtfulBook:
    """A book that may have been joined by a file before files stopped joining."""

    side: Side
    why: tuple[str, ...]


def side_of(person: bytes, patient: Patient) -> Side:
    """A person as a steward sees them."""
    numbers = tuple((one.value[-4:], one.source.value if one.source else "unknown") for one in patient.identifiers)
    return Side(person, patient.full_name, patient.birth_date, patient.sex, patient.is_vouched, numbers)


def suspicions(patient: Patient, accounts: int) -> tuple[str, ...]:
    """Why a book may be that of two people: by its numbers and by how many eID accounts own it."""
    nationals = [one for one in patient.identifiers if one.system == NATIONAL_ID]
    facts = {facts_in_digits(one.value) for one in nationals}
    unproven = [one for one in nationals if one.source is not Source.EID]
    found: list[str] = []
    if len(facts) > 1:
        found.append("national numbers of another sex or year of birth")
    if len(nationals) > 1 and unproven:
        found.append("a second national number that no login vouched for")
    if accounts > 1:
        found.append(f"{accounts} eID accounts")
    return tuple(found)


def endings(side: Side) -> str:
    """The numbers of a side for one line of text."""
    return ", ".join(f"…{ending} ({source})" for ending, source in side.numbers)


__all__: Sequence[str] = ["DoubtKind", "DoubtfulBook", "OpenDoubt", "Side", "endings", "side_of", "suspicions"]
