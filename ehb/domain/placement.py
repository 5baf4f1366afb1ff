"""What a new version of a visit does when an earlier version stands in a book: it stays, moves, or is refused.

Pure. Whose the new version is comes from `matching`; nothing is looked up or written here.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from ehb.domain.identity import Patient
from ehb.domain.identity_problems import (
    EPISODE_OF_ANOTHER,
    EPISODE_OF_NOBODY,
    PERSON_CHANGED,
    refusing_problems,
    waiting_problems,
)
from ehb.domain.matching import Agreement, Doubt, Uncertain, compare
from ehb.domain.submission import PatientDetails, Problem


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a new version goes. `problems` refuse it, or are said on its receipt."""

    person: bytes | None
    moved: bool = False
    """It leaves the book of the earlier version, whose person is told."""
    refused: bool = False
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Earlier:
    """The person in whose book the earlier version stands, and all who share that book."""

    person: bytes
    patient: Patient
    book: Set[bytes]


def place_version(
    details: PatientDetails, person: bytes | None, uncertain: Uncertain | None, earlier: Earlier
) -> Placement:
    """The place of a version that matches `person`, or nobody, or is uncertain.

    Digits that contradict do not matter while the person stays. Any other doubt refuses the version. A version that
    leads to nobody stays where it was by its name alone: a visit code is no key, and twins share a birth date. A visit
    code that comes back with another name and birth date is another visit, not a correction.
    """
    if uncertain is not None:
        if uncertain.person == earlier.person and uncertain.doubts == {Doubt.DIGITS}:
            return Placement(earlier.person, problems=waiting_problems(uncertain.doubts))
        return Placement(None, refused=True, problems=refusing_problems(uncertain.doubts))
    if person in earlier.book:
        return Placement(person, moved=person != earlier.person)
    found = compare(earlier.patient, details)
    if person is None and found.allows_number:
        if found.name is Agreement.SAME:
            return Placement(earlier.person)
        return Placement(None, refused=True, problems=(EPISODE_OF_NOBODY,))
    if person is None or found.is_other_person:
        return Placement(None, refused=True, problems=(EPISODE_OF_ANOTHER,))
    return Placement(person, moved=True, problems=(PERSON_CHANGED,))
