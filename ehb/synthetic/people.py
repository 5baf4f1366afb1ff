"""Invented people: who they are, how they are insured, and which stories they will live through.

Owns `Person` and the choice of people. Every fifty people hold each role of `data/cast.json` at the same place
(citizen-0001 always has the rich life, citizen-0003 is always a newborn without a number); the rest are drawn by age.

Invariant: a person depends on the seed, the index and `today` alone, never on how many people there are.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from ehb.synthetic import catalogue, names, numbers, places
from ehb.synthetic.catalogue import Role, Story

TODAY = date(2026, 11, 1)
"""The day on which the invented country stands still, unless a caller names another."""

WINDOW = timedelta(days=1200)
"""How far back visits reach: the exchange format is in use since July 2023."""

_CYCLE = 50
_AGES = ((0, 5, 9), (6, 17, 13), (18, 29, 16), (30, 44, 22), (45, 59, 20), (60, 74, 14), (75, 97, 6))
_CARD_GROUPS = ((5, "TE1"), (17, "HS4"), (59, "DN4"), (79, "HT3"), (120, "HT2"))
_BENEFIT = {"1": 100, "2": 100, "3": 95, "4": 80, "5": 100}


@dataclass(frozen=True, slots=True)
class Card:
    """An insurance card: its number, the primary-care facility, its validity (yyyyMMdd) and the share it pays."""

    number: str
    facility: str
    valid_from: str
    valid_to: str
    benefit: int


@dataclass(frozen=True, slots=True)
class Person:
    """One invented person. `sub` is the login name at the stand-in eID provider and tells no number.

    `birth_date` is "1985" or "1985-03-07"; `sex` is "male" or "female". `old_number` was used until the end of 2024.
    `birth_time` (HHmm) is late in the evening: after the hour at which the mother was admitted. `build` is the weight
    in relation to what is usual.
    """

    index: int
    sub: str
    role: str
    full_name: str
    birth_date: str
    birth_time: str
    sex: str
    national_id: str | None
    old_number: str | None
    passport: str | None
    nationality: str
    ethnicity: str
    occupation: str
    residence: names.Residence
    phone: str
    cards: tuple[Card, ...]
    father: str
    mother: str
    blood_group: str
    build: float
    both_forms: bool
    confinement: date | None
    stories: tuple[Story, ...]

    @property
    def born(self) -> date:
        """The birth date for reckoning; the middle of the year when only the year is known."""
        return date.fromisoformat(self.birth_date if len(self.birth_date) > 4 else f"{self.birth_date}-07-01")

    def age_on(self, day: date) -> int:
        """Completed years."""
        return day.year - self.born.year - ((day.month, day.day) < (self.born.month, self.born.day))


def people(count: int, seed: int, *, today: date = TODAY) -> Iterator[Person]:
    """The first `count` people of a seed."""
    for index in range(1, count + 1):
        yield person_at(index, seed, today)


def person_at(index: int, seed: int, today: date) -> Person:
    """One person of a seed, without making those before."""
    rng = random.Random(f"{seed}:{index}")
    role = catalogue.cast().get((index - 1) % _CYCLE + 1) or _ordinary(rng, index)
    mother = person_at(index - 1, seed, today) if role.newborn else None
    sex = role.sex or rng.choice(("male", "female"))
    born = mother.confinement if mother and mother.confinement else _birth(rng, role.ages, today)
    age = today.year - born.year
    origin = _origin(rng, role, sex, born.year)
    serial = numbers.serial(random.Random(f"{seed}:numbers").randrange(1_000_000), index)
    number = numbers.national(sex, born.year, serial)
    child = age < 18 and role.identity in ("number", "none")
    return Person(
        index=index,
        sub=f"citizen-{index:04d}",
        role=role.role,
        full_name=f"Con bà {mother.full_name}" if mother else origin.full_name,
        birth_date=str(born.year) if role.year_only else born.isoformat(),
        birth_time=f"{rng.randint(21, 22)}{rng.randrange(60):02d}",
        sex=sex,
        national_id=number if role.identity in ("number", "replaced", "foreign_number") else None,
        old_number=numbers.old(serial) if role.identity == "replaced" else None,
        passport=numbers.passport(serial) if role.identity == "passport" else None,
        nationality=origin.nationality,
        ethnicity=origin.ethnicity,
        occupation=names.occupation(rng, age),
        residence=mother.residence if mother else names.residence(rng, origin.provinces),
        phone=numbers.phone(serial) if rng.random() < 0.4 else "",
        cards=_cards(rng, role.cover, born, serial, today),
        father=_parent(rng, "male", born.year, origin.full_name) if child else "",
        mother=mother.full_name if mother else _parent(rng, "female", born.year, "") if child else "",
        blood_group=rng.choices(("O+", "B+", "A+", "AB+"), (42, 30, 22, 6))[0],
        build=birth_weight(mother) / 3100 if mother else rng.uniform(0.88, 1.2),
        both_forms=role.both_forms,
        confinement=_confinement(seed, index, today) if role.confined else None,
        stories=tuple(catalogue.stories()[key] for key in role.stories),
    )


def birth_weight(mother: Person) -> int:
    """Grams of a child that this mother bears: the same in her file and in the child's."""
    return 2750 + mother.index * 37 % 900


def _ordinary(rng: random.Random, index: int) -> Role:
    """A life without a part in the cast."""
    low, high, _ = rng.choices(_AGES, [weight for *_, weight in _AGES])[0]
    age = rng.randint(max(low, 1), high)
    sex = rng.choice(("male", "female"))
    return Role(
        number=index,
        role="",
        ages=(age, age),
        sex=sex,
        stories=_stories(rng, age, sex),
        identity="replaced" if age >= 30 and rng.random() < 0.12 else "number",
        cover="none" if rng.random() < 0.06 else "card",
        year_only=age >= 60 and rng.random() < 0.15,
        both_forms=rng.random() < 0.08,
        minority=rng.random() < 0.12,
    )


def _stories(rng: random.Random, age: int, sex: str) -> tuple[str, ...]:
    """One to three stories that fit, of different families: the family is the first word of a story's key."""
    open_to = [one for one in catalogue.stories().values() if one.ages[0] <= age <= one.ages[1]]
    fitting = [one for one in open_to if one.weight and one.sex in ("", sex)]
    chosen: dict[str, str] = {}
    for _ in range(rng.choices((1, 2, 3), (28, 46, 26))[0]):
        story = rng.choices(fitting, [one.weight for one in fitting])[0]
        chosen.setdefault(story.key.partition("_")[0], story.key)
    return tuple(chosen.values())


def _birth(rng: random.Random, ages: tuple[int, int], today: date) -> date:
    """A birth date that makes the person as old today as asked."""
    age = rng.randint(*ages)
    latest = date(today.year - age, today.month, min(today.day, 28))
    return latest - timedelta(days=rng.randrange(1, 300))


def _confinement(seed: int, index: int, today: date) -> date:
    """The day a mother of the cast gave birth: her child, the next person, has it as birth date."""
    return today - timedelta(days=random.Random(f"{seed}:{index}:confinement").randint(11, 18))


def _origin(rng: random.Random, role: Role, sex: str, birth_year: int) -> names.Origin:
    if role.identity in ("passport", "foreign_number"):
        return names.foreign(rng, sex)
    return names.minority(rng, sex) if role.minority else names.kinh(rng, sex, birth_year)


def _parent(rng: random.Random, sex: str, child_born: int, child_name: str) -> str:
    """A parent's name; a father passes on the first word of his."""
    return names.kinh(rng, sex, child_born - rng.randint(22, 36), child_name.partition(" ")[0]).full_name


def _cards(rng: random.Random, cover: str, born: date, serial: int, today: date) -> tuple[Card, ...]:
    valid_from = max(f"{(today - WINDOW).year}0101", f"{born:%Y%m%d}")
    valid_to = f"{today.year}1231"
    facility = places.facility_at(rng.choice(("commune", "district"))).code
    group = next(group for oldest, group in _CARD_GROUPS if today.year - born.year <= oldest)
    if group == "DN4" and rng.random() < 0.5:
        group = rng.choice(("GD4", "GD4", "CN3", "HN2"))
    number = numbers.insurance(serial) if rng.random() < 0.35 else numbers.card(group, serial)
    card = Card(number, facility, valid_from, valid_to, _BENEFIT[group[2]])
    if cover == "none":
        return ()
    if cover == "temporary":
        return (Card(numbers.temporary_card(serial), facility, valid_from, valid_to, 100),)
    if cover == "two cards":
        household = Card(numbers.card("GD4", serial), facility, valid_from, valid_to, 80)
        return (household, Card(numbers.card("HT3", serial), facility, valid_from, valid_to, 95))
    return (card,)
