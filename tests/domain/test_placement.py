"""Where a new version of a visit goes."""

from __future__ import annotations

import pytest

from ehb.domain.identity import INSURANCE, Identifier, Patient
from ehb.domain.identity_problems import EPISODE_OF_ANOTHER, EPISODE_OF_NOBODY
from ehb.domain.placement import Earlier, place_version
from ehb.domain.submission import PatientDetails, Problem

BOOK = b"p" * 16
EARLIER = Earlier(BOOK, Patient(full_name="Nguyễn Thị Thử", birth_date="1985-03-07", sex="female"), frozenset({BOOK}))
CARD = (Identifier(INSURANCE, "GD4999999999999"),)


@pytest.mark.parametrize(
    ("details", "problem"),
    [
        (PatientDetails(full_name="Nguyễn Thị Thử", birth_date="1985-03-07"), None),
        (PatientDetails(full_name="Nguyễn Thị Thử"), None),
        (PatientDetails(cards=CARD, full_name="NGUYEN THI THU"), None),
        (PatientDetails(cards=CARD, birth_date="1985-03-07", sex="female"), EPISODE_OF_NOBODY),
        (PatientDetails(birth_date="1985-03-07"), EPISODE_OF_NOBODY),
        (PatientDetails(), EPISODE_OF_NOBODY),
        (PatientDetails(full_name="Nguyễn Thị Khác", birth_date="1985-03-07"), EPISODE_OF_ANOTHER),
    ],
)
def test_version_that_leads_to_nobody_stays_by_its_name_alone(details: PatientDetails, problem: Problem | None) -> None:
    placed = place_version(details, None, None, EARLIER)

    assert placed.refused is (problem is not None)
    assert placed.person == (None if problem else BOOK)
    assert placed.problems == ((problem,) if problem else ())
