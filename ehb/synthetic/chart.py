"""What happens inside one visit: times, orders, results, drugs, notes.

Reads the short forms of `data/cases.json`:

    services   "cbc", "cbc@2" (on day 2 of the stay), "ecg?45" (in 45 of 100 visits)
    drugs      "amlodipin 1*1*30 | Uống buổi sáng | 60"  dose * times a day * days, how, chance that this
               person has it at all; 0 days means on each day of the stay
    results    by the name of the indicator, or "name@2" for the one of day 2

Invariant: times are in order (arrival <= admission <= orders <= departure; order <= done <= result), and what a
person takes for a chronic disease stays the same from visit to visit.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from ehb.synthetic import catalogue, places
from ehb.synthetic.catalogue import Case, Drug, Service, drawn
from ehb.synthetic.lives import Visit
from ehb.synthetic.people import Person
from ehb.synthetic.places import Clinician

EXAMINATION, PROCEDURE, OPERATION, SUPPLY, BED = 13, 18, 8, 10, 15
_DAILY_ORDERS = 5
_LATE = 720
"""Results that take longer than this many minutes do not keep the patient waiting."""
_NOTED_CARE = ("02", "03", "04", "05", "08")

_ORDER = re.compile(r"(\w+)(?:@(\d+))?(?:\?(\d+))?")


@dataclass(frozen=True, slots=True)
class Given:
    """A service, bed or supply that was used. `result` is None for what has no result."""

    service: Service
    day: int
    quantity: int
    ordered: datetime
    done: datetime
    result: datetime | None
    performer: Clinician


@dataclass(frozen=True, slots=True)
class Result:
    """One value, or one description with its conclusion."""

    service: Service
    name: str
    value: str
    unit: str
    description: str
    conclusion: str
    at: datetime
    reader: Clinician


@dataclass(frozen=True, slots=True)
class Dispensed:
    drug: Drug
    quantity: int
    dose: str
    how: str
    ordered: datetime


@dataclass(frozen=True, slots=True)
class Note:
    text: str
    operation: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Chart:
    """The whole content of one visit. Diagnoses are ICD-10 codes, the main one first."""

    reason: str
    course: str
    diagnoses: tuple[str, ...]
    doctor: Clinician
    head: Clinician
    arrived: datetime
    admitted: datetime | None
    left: datetime
    given: tuple[Given, ...]
    results: tuple[Result, ...]
    dispensed: tuple[Dispensed, ...]
    notes: tuple[Note, ...]
    signs: str


def chart(person: Person, visit: Visit, rng: random.Random, habits: random.Random) -> Chart:
    """Fill one visit. `habits` must be seeded the same for every visit of this person with this case."""
    case = visit.case
    head, *others = places.staff_of(visit.facility.code)
    doctor = habits.choice(others)
    facts = _facts(person, visit, _signs(person, case, rng))
    arrived = datetime.combine(visit.day, time(_hour(visit, rng), rng.randrange(60)))
    seen = arrived + timedelta(minutes=rng.randint(10, 25))
    admitted = seen + timedelta(minutes=rng.randint(15, 40)) if case.care in ("02", "03", "04") else None
    given = tuple(_given(visit, rng, admitted or seen, (head, *others)))
    left = _departure(visit, rng, given, admitted or seen)
    return Chart(
        reason=rng.choice(case.reasons),
        course=case.course.format_map(facts),
        diagnoses=(case.icd, *(code for code in map(_maybe(habits), case.also) if code)),
        doctor=doctor,
        head=head,
        arrived=arrived,
        admitted=admitted,
        left=left,
        given=given,
        results=tuple(_results(case, given, rng, facts)),
        dispensed=tuple(_dispensed(visit, habits, admitted or seen, left)),
        notes=tuple(_notes(person, visit, rng, admitted or seen, left)),
        signs=facts["signs"],
    )


def _hour(visit: Visit, rng: random.Random) -> int:
    """Referred patients leave in the morning and arrive in the afternoon of the same day."""
    if visit.referred_to:
        return rng.randint(6, 8)
    if visit.referred_from:
        return rng.randint(14, 17)
    return rng.randint(5, 20) if visit.case.emergency else rng.randint(7, 14)


def _maybe(rng: random.Random) -> Iterator[str] | _Chance:
    return _Chance(rng)


def _facts(person: Person, visit: Visit, signs: dict[str, str]) -> dict[str, str]:
    days = (visit.day - person.born).days
    age = person.age_on(visit.day)
    abo, rh = person.blood_group[:-1], "Dương tính"
    return {
        "sex": "nữ" if person.sex == "female" else "nam",
        "age": f"{days + 1} ngày tuổi" if days < 31 else f"{days // 30} tháng tuổi" if age < 3 else f"{age} tuổi",
        "bp": signs["HA"],
        "signs": f"CSST<{'_'.join(key + value for key, value in signs.items())}>",
        "blood_abo": abo,
        "blood_rh": rh,
    }
