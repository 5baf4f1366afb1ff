"""What happens inside one visit: times, orders, results, drugs, notes.

Reads the short forms of `data/cases.json`:

    also       "E78.2?60": 60 of 100 people with this case have it besides
    services   "cbc", "cbc@2" (on day 2 of the stay), "ecg?45" (in 45 of 100 visits)
    drugs      "amlodipin 1*1*30 | Uống buổi sáng | 60": dose * times a day * days, how, chance that this
               person has it at all; 0 days means each day of the stay
    results    by the name of the indicator, or "name@2" for the one of day 2; findings likewise by service

Invariant: times are in order (arrival <= admission <= orders <= departure; order <= done <= result), and what a
person takes for a disease stays the same from visit to visit.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from ehb.synthetic import catalogue, places, signs
from ehb.synthetic.catalogue import Case, Drug, Service, drawn
from ehb.synthetic.lives import Visit
from ehb.synthetic.people import Person
from ehb.synthetic.places import Clinician

LABORATORY, IMAGING, FUNCTION, DRUG, SURGERY, SUPPLY, EXAMINATION, BED, PROCEDURE = 1, 2, 3, 4, 8, 10, 13, 15, 18
"""Cost groups (codes_ma_nhom.csv)."""
PERFORMED = (LABORATORY, IMAGING, FUNCTION, SURGERY, PROCEDURE)
"""Groups for which the format asks who did it and when."""

_STAYING = ("02", "03", "04")
_NOTED = (*_STAYING, "05", "08")
_BEFORE_SURGERY = timedelta(minutes=90)
_PATIENCE = 720
"""Nobody waits longer than these minutes for a result: it comes after they have left."""
_MEASURED = re.compile(r"[<>]?[0-9]")
_ORDER = re.compile(r"(\w+)(?:@(\d+))?(?:\?(\d+))?")


@dataclass(frozen=True, slots=True)
class Given:
    """A service, bed or supply that was used. `result` is None for what has none."""

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
    at: datetime
    reader: Clinician
    value: str = ""
    unit: str = ""
    description: str = ""
    conclusion: str = ""


@dataclass(frozen=True, slots=True)
class Dispensed:
    drug: Drug
    quantity: int
    days: int
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
    signs: str
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


def chart(person: Person, visit: Visit, rng: random.Random, habits: random.Random) -> Chart:
    """Fill one visit. `habits` is seeded alike for all visits of this person with this case."""
    case = visit.case
    staff = places.staff_of(visit.facility.code)
    measured = signs.vital_signs(person, visit.day, rng, case)
    facts = signs.described(person, visit.day, measured)
    arrived = datetime.combine(visit.day, time(_hour(visit, rng), rng.randrange(60)))
    if visit.day == person.born:
        arrived = datetime.combine(visit.day, time.fromisoformat(person.birth_time)) + timedelta(minutes=5)
    seen = arrived + timedelta(minutes=rng.randint(8, 25))
    admitted = seen + timedelta(minutes=rng.randint(15, 40)) if case.care in _STAYING else None
    begins = admitted or seen
    given = tuple(_given(visit, rng, seen, begins, staff))
    left = _departure(visit, rng, begins, given)
    return Chart(
        reason=rng.choice(case.reasons),
        course=case.course.format_map(facts),
        signs=signs.written(measured),
        diagnoses=(case.icd, *_taken(case.also, habits)),
        doctor=habits.choice(staff[1:]),
        head=staff[0],
        arrived=arrived,
        admitted=admitted,
        left=left,
        given=given,
        results=tuple(_results(case, given, rng, facts)),
        dispensed=tuple(_dispensed(case, visit.days, habits, begins, left)),
        notes=tuple(_notes(person, visit, rng, measured, begins, left)),
    )


def _hour(visit: Visit, rng: random.Random) -> int:
    """Who is referred leaves in the morning and arrives in the afternoon of the same day."""
    if visit.referred_to:
        return rng.randint(6, 8)
    if visit.referred_from:
        return rng.randint(14, 17)
    return rng.randint(5, 20) if visit.case.emergency else rng.randint(7, 14)


def _taken(codes: tuple[str, ...], rng: random.Random) -> Iterator[str]:
    for entry in codes:
        code, _, chance = entry.partition("?")
        if rng.randrange(100) < int(chance or 100):
            yield code


def _given(
    visit: Visit, rng: random.Random, seen: datetime, begins: datetime, staff: tuple[Clinician, ...]
) -> Iterator[Given]:
    for entry in visit.case.services:
        matched = _ORDER.fullmatch(entry)
        if matched is None:
            raise ValueError(entry)
        key, on_day, chance = matched.groups()
        day = int(on_day or 0)
        if day > visit.days or rng.randrange(100) >= int(chance or 100):
            continue
        service = catalogue.services()[key]
        morning = datetime.combine(visit.day + timedelta(days=day), time(7, rng.randint(0, 40)))
        ordered = seen if service.group == EXAMINATION else morning if day else begins
        ordered += _BEFORE_SURGERY if service.group == SURGERY else timedelta()
        done = ordered + timedelta(minutes=rng.randint(5, 30) if service.group in PERFORMED else 0)
        result = done + timedelta(minutes=service.minutes + rng.randint(0, 9)) if service.group in PERFORMED else None
        quantity = max(visit.days, 1) if service.group == BED or key == "infusion_set" else 1
        yield Given(service, day, quantity, ordered, done, result, rng.choice(staff[1:]))


def _departure(visit: Visit, rng: random.Random, begins: datetime, given: tuple[Given, ...]) -> datetime:
    """After the last result that is worth waiting for; from a ward, late in the morning of the last day."""
    awaited = [one.result for one in given if one.result and one.service.minutes < _PATIENCE]
    ready = max([begins, *awaited]) + timedelta(minutes=rng.randint(12, 40))
    if visit.days == 0:
        return ready
    return max(ready, datetime.combine(visit.last_day, time(rng.randint(9, 14), rng.randrange(60))))


def _results(case: Case, given: tuple[Given, ...], rng: random.Random, facts: dict[str, str]) -> Iterator[Result]:
    for one in given:
        if one.result is None:
            continue
        service = one.service
        for indicator in catalogue.indicators().get(service.key, ()):
            name = indicator.name
            value = case.results.get(f"{name}@{one.day}") or case.results.get(name) or indicator.value
            result = drawn(value, rng).format_map(facts)
            unit = indicator.unit if _MEASURED.match(result) else ""
            yield Result(service, name, one.result, one.performer, result, unit)
        seen = case.findings.get(f"{service.key}@{one.day}") or case.findings.get(service.key)
        if found := seen or catalogue.findings().get(service.key):
            yield Result(service, service.name, one.result, one.performer, description=found[0], conclusion=found[1])


def _dispensed(case: Case, nights: int, habits: random.Random, begins: datetime, left: datetime) -> Iterator[Dispensed]:
    for entry in case.drugs:
        order, how, chance, *_ = (part.strip() for part in f"{entry} | 100".split("|"))
        key, _, amounts = order.partition(" ")
        per_dose, times, days = (float(amount) for amount in amounts.split("*"))
        if habits.randrange(100) >= int(chance):
            continue
        drug, asked = catalogue.drugs()[key], int(days)
        if asked:
            at = left - timedelta(minutes=10) if asked > 2 or nights == 0 else begins
            yield _prescribed(drug, per_dose, times, asked, how, at)
            continue
        yield _prescribed(drug, per_dose, times, 1, how, begins)
        if nights > 1:
            next_morning = datetime.combine(begins.date() + timedelta(days=1), time(8))
            yield _prescribed(drug, per_dose, times, nights - 1, how, next_morning)


def _prescribed(drug: Drug, per_dose: float, times: float, days: int, how: str, at: datetime) -> Dispensed:
    """LIEU_DUNG in its pattern: per dose * doses a day * days [total a day]."""
    a_day, unit = per_dose * times, drug.dose_unit
    dose = f"{per_dose:g} {unit} * {times:g} lần/ngày * {days} ngày [{a_day:g} {unit}/ngày]"
    return Dispensed(drug, math.ceil(a_day * days / drug.doses), days, dose, how, at)


def _notes(
    person: Person, visit: Visit, rng: random.Random, measured: dict[str, str], begins: datetime, left: datetime
) -> Iterator[Note]:
    """Notes from the first day to the last: ill at first, well in the end, an operation in the note that follows it."""
    case = visit.case
    if case.care not in _NOTED:
        return
    texts = case.notes or ("Bệnh nhân tỉnh, tiếp xúc tốt, tình trạng ổn định, tiếp tục điều trị theo đơn.",)
    last = len(texts) - 1
    for number, text in enumerate(texts):
        day = visit.days if number == last else min(number, visit.days)
        at = datetime.combine(visit.day + timedelta(days=day), time(8, rng.randrange(50))) if day else begins
        if case.operation and not visit.days:
            at = left - timedelta(minutes=20)
        found = signs.vital_signs(person, visit.day, rng) if number else measured
        written = text.format_map(signs.described(person, visit.day, found))
        operated = case.operation if number == min(1, last) else ""
        yield Note(f"{written} {signs.written(found)}", operated, min(at + timedelta(minutes=5), left))
