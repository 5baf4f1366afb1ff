"""The body of a person on one day: vital signs, weight, and the words that describe the person in a note.

Invariant: what a case says of a sign (fever, fast pulse) goes before what is usual at that age.
"""

from __future__ import annotations

import random
from datetime import date
from itertools import pairwise

from ehb.synthetic.catalogue import Case, drawn
from ehb.synthetic.people import Person

_USUAL: tuple[tuple[float, dict[str, str]], ...] = (
    (0.1, {"M": "130..148/0", "T": "36.6..37.1/1", "HA": "62..74/36..46", "NT": "42..52/0", "SP": "96..99/0"}),
    (1, {"M": "118..140/0", "T": "36.6..37.2/1", "HA": "80..92/48..56", "NT": "30..40/0", "SP": "96..99/0"}),
    (5, {"M": "98..118/0", "T": "36.6..37.2/1", "HA": "88..98/52..60", "NT": "24..30/0", "SP": "97..99/0"}),
    (15, {"M": "78..98/0", "T": "36.5..37.1/1", "HA": "96..110/58..68", "NT": "18..22/0", "SP": "97..99/0"}),
    (60, {"M": "68..86/0", "T": "36.4..37.0/1", "HA": "108..128/66..80", "NT": "16..19/0", "SP": "97..99/0"}),
    (130, {"M": "66..84/0", "T": "36.3..36.9/1", "HA": "116..138/66..82", "NT": "17..20/0", "SP": "95..98/0"}),
)
_WEIGHTS = ((0, 3.1), (1, 9.2), (2, 11.6), (4, 15.5), (6, 19.5), (8, 24.5), (10, 31.0), (13, 43.0), (16, 52.0))
_ADULT = {"male": 61.0, "female": 52.0}


def vital_signs(person: Person, day: date, rng: random.Random, case: Case | None = None) -> dict[str, str]:
    """Pulse M, temperature T, blood pressure HA, breathing NT, saturation SP, level of care HL; well without a case."""
    usual = next(signs for oldest, signs in _USUAL if _years(person, day) < oldest)
    signs = {}
    for sign, usually in usual.items():
        value = case.vitals.get(sign, usually) if case else usually
        if sign == "HA":
            upper, _, lower = value.partition("/")
            signs[sign] = f"{drawn(f'{upper}/0', rng)}/{drawn(f'{lower}/0', rng)}"
        else:
            signs[sign] = drawn(value, rng).removesuffix(".0")
    return {**signs, "HL": "2" if case and case.emergency else "3"}


def written(signs: dict[str, str]) -> str:
    """The signs in the form that notes embed (xml5.csv, DIEN_BIEN_LS)."""
    return f"CSST<{'_'.join(sign + value for sign, value in signs.items())}>"


def _years(person: Person, day: date) -> float:
    return (day - person.born).days / 365.25


def weight(person: Person, day: date) -> str:
    """Kilograms with two decimals. A newborn weighs what it weighed at birth."""
    years = _years(person, day)
    for (young, light), (old, heavy) in pairwise(_WEIGHTS):
        if years < old:
            return f"{person.build * (light + (heavy - light) * (years - young) / (old - young)):.2f}"
    return f"{person.build * _ADULT[person.sex]:.2f}"


def described(person: Person, day: date, signs: dict[str, str]) -> dict[str, str]:
    """What the texts of a case may name in braces."""
    days, years = (day - person.born).days, person.age_on(day)
    age = f"{days + 1} ngày tuổi" if days < 31 else f"{days // 30} tháng tuổi" if years < 3 else f"{years} tuổi"
    return {
        "sex": "nữ" if person.sex == "female" else "nam",
        "age": age,
        "bp": signs["HA"],
        "blood_abo": person.blood_group[:-1],
        "blood_rh": "Dương tính",
    }
