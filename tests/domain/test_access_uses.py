"""Consents for a number of openings: an opening counts for one only when nothing unlimited opens as much."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ehb.domain.access import Permit, Standing, decide
from ehb.domain.records import Section
from ehb.domain.selection import Selection
from tests.domain.worlds import NOW, RESCUING, TREATING, consent, deny, emergency, presentation, rows, said

DAY = timedelta(days=1)
CONDITIONS, BOTH = frozenset({Section.CONDITIONS}), frozenset({Section.CONDITIONS, Section.ALLERGIES})
PSY, HIV = Selection(labels=frozenset({"PSY"})), Selection(labels=frozenset({"HIV"}))
NOTE = frozenset({"note"})
LIMITED = {"id": b"l" * 16, "max_uses": 1}
EVERY = {
    "sections": CONDITIONS,
    "kinds": frozenset({"Condition"}),
    "records": frozenset({b"k" * 12}),
    "facilities": frozenset({"99001"}),
    "labels": frozenset({"HIV"}),
    "since": NOW - DAY,
    "until": NOW,
}


def counted(decision: object) -> set[bytes | None]:
    assert isinstance(decision, Permit)
    return {rule.source for rule in decision.rules if rule.limited}


@pytest.mark.parametrize(
    ("limited", "unlimited", "counts"),
    rows(
        ("the same", {}, {}, False),
        ("the whole beside a section", {}, {"select": Selection(sections=CONDITIONS)}, True),
        ("a section beside the whole", {"select": Selection(sections=CONDITIONS)}, {}, False),
        (
            "a section beside two",
            {"select": Selection(sections=CONDITIONS)},
            {"select": Selection(sections=BOTH)},
            False,
        ),
        (
            "two sections beside one",
            {"select": Selection(sections=BOTH)},
            {"select": Selection(sections=CONDITIONS)},
            True,
        ),
        ("all dimensions, the same", {"select": Selection(**EVERY)}, {"select": Selection(**EVERY)}, False),  # type: ignore[arg-type]
        ("a day longer ago", {"select": Selection(since=NOW - DAY)}, {"select": Selection(since=NOW)}, True),
        ("a day less long ago", {"select": Selection(since=NOW)}, {"select": Selection(since=NOW - DAY)}, False),
        ("a day more", {"select": Selection(until=NOW)}, {"select": Selection(until=NOW - DAY)}, True),
        ("a day less", {"select": Selection(until=NOW - DAY)}, {"select": Selection(until=NOW)}, False),
        ("since ever", {}, {"select": Selection(since=NOW - DAY)}, True),
        ("without end", {}, {"select": Selection(until=NOW)}, True),
        ("a label more", {"labels": frozenset({"HIV"})}, {}, True),
        ("a label less", {}, {"labels": frozenset({"HIV"})}, False),
        ("another label", {"labels": frozenset({"HIV"})}, {"labels": frozenset({"PSY"})}, True),
        ("an exception less", {}, {"exceptions": (PSY,)}, True),
        ("an exception more", {"exceptions": (PSY,)}, {}, False),
        ("the same exceptions in another order", {"exceptions": (PSY, HIV)}, {"exceptions": (HIV, PSY)}, False),
        ("another exception", {"exceptions": (HIV,)}, {"exceptions": (PSY,)}, True),
        ("a field more", {}, {"without": NOTE}, True),
        ("a field less", {"without": NOTE}, {}, False),
    ),
)
def test_an_opening_counts_when_it_opens_more_than_what_is_unlimited(
    limited: dict[str, Any], unlimited: dict[str, Any], counts: bool
) -> None:
    once, often = consent(**LIMITED, **limited), consent(**unlimited)

    assert counted(decide(TREATING, said(once, often))) == ({b"l" * 16} if counts else set())
    assert counted(decide(TREATING, said(often, once))) == ({b"l" * 16} if counts else set())


@pytest.mark.parametrize("name", EVERY)
def test_one_dimension_narrower_is_less(name: str) -> None:
    once = consent(**LIMITED, select=Selection(**{**EVERY, name: None}))  # type: ignore[arg-type]
    often = consent(select=Selection(**EVERY))  # type: ignore[arg-type]

    assert counted(decide(TREATING, said(once, often))) == {b"l" * 16}


def test_an_opening_counts_for_each_of_two_that_are_limited_and_for_none_that_is_not_in_force() -> None:
    first, second = consent(**LIMITED), consent(id=b"m" * 16, max_uses=3)
    over, used_up = consent(id=b"o" * 16, max_uses=1, valid_until=NOW), consent(id=b"u" * 16, max_uses=1, uses=1)

    assert counted(decide(TREATING, said(first, second, over, used_up))) == {b"l" * 16, b"m" * 16}


def test_an_opening_that_a_presentation_or_an_emergency_covers_counts_for_none() -> None:
    part = Selection(sections=CONDITIONS)
    stands = Standing((consent(**LIMITED, select=part),), (presentation(),))
    urgent = replace(
        consent(**LIMITED), consent=replace(consent(**LIMITED).consent, purposes=frozenset({RESCUING.purpose}))
    )

    assert counted(decide(TREATING, stands)) == set()
    assert counted(decide(TREATING, replace(stands, consents=(consent(**LIMITED),)))) == {b"l" * 16}
    assert counted(decide(RESCUING, Standing((urgent,), emergencies=(emergency(declared_at=NOW),)))) == set()
    assert counted(decide(RESCUING, Standing((urgent,), emergencies=(emergency(),)))) == {b"l" * 16}


def test_a_deny_of_a_part_changes_nothing_about_what_counts() -> None:
    hidden = deny(select=Selection(sections=CONDITIONS))

    assert counted(decide(TREATING, said(consent(**LIMITED), hidden))) == {b"l" * 16}
    assert counted(decide(TREATING, said(consent(**LIMITED), consent(), hidden))) == set()
