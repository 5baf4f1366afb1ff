"""The visits of a life: which case, on which day, at which facility, referred from and to where.

Owns the calendar and nothing of the content (that is `chart`).

Invariant: visits are in order, lie between birth and today, and never during a stay in hospital.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from ehb.synthetic import catalogue, places
from ehb.synthetic.catalogue import Case, Story
from ehb.synthetic.people import WINDOW, Person
from ehb.synthetic.places import Facility

_SUNDAY = 6
_MOST = 25


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit to come. `days` is the number of nights; `number` counts the visits of the person from 1."""

    day: date
    days: int
    case: Case
    facility: Facility
    referred_from: Facility | None
    referred_to: Facility | None
    with_slip: bool
    number: int = 0

    @property
    def last_day(self) -> date:
        return self.day + timedelta(days=self.days)


def visits(person: Person, rng: random.Random, today: date) -> tuple[Visit, ...]:
    """All visits of a person. Where two stories collide, the one named first is lived."""
    kept: list[Visit] = []
    for story in person.stories:
        kept += [one for one in _told(story, person, rng, today) if not any(_collide(one, other) for other in kept)]
    kept.sort(key=lambda visit: (visit.day, visit.referred_from is not None))
    return tuple(replace(visit, number=number) for number, visit in enumerate(kept[-_MOST:], start=1))


def _collide(one: Visit, other: Visit) -> bool:
    return one.day <= other.last_day and other.day <= one.last_day


def _told(story: Story, person: Person, rng: random.Random, today: date) -> Iterator[Visit]:
    day = _start(story, person, rng, today)
    came_from: Facility | None = None
    before: Facility | None = None
    for number, step in enumerate(story.steps):
        day += timedelta(days=rng.randint(*step.after))
        facility, case = places.facility_at(step.at), catalogue.cases()[step.case]
        goes_to = places.facility_at(story.steps[number + 1].at) if step.refers else None
        for turn in range(rng.randint(*step.times)):
            day += timedelta(days=rng.randint(*step.every) if turn else 0)
            days = rng.randint(*case.stay)
            opens = day + timedelta(days=day.weekday() == _SUNDAY and not (case.emergency or story.anchor))
            if opens + timedelta(days=days) < today:
                yield Visit(opens, days, case, facility, came_from, goes_to, before == facility)
            came_from, before = None, facility if case.revisit else None
        came_from = facility if step.refers else None


def _start(story: Story, person: Person, rng: random.Random, today: date) -> date:
    """The first day of a story: its anchor, or a day early enough for the story to have happened."""
    if story.anchor == "birth":
        return person.born
    if story.anchor == "confinement" and person.confinement:
        length = sum(step.after[0] + (step.times[0] - 1) * step.every[0] for step in story.steps)
        return person.confinement - timedelta(days=length)
    earliest = max(
        today - WINDOW, person.born + timedelta(days=60 + 365 * min(story.ages[0], person.age_on(today) - 1))
    )
    if person.old_number:
        return earliest + timedelta(days=rng.randint(0, 300))
    latest = today - timedelta(days=story.span + 2)
    return earliest + timedelta(days=rng.randint(0, max((latest - earliest).days, 0)))
