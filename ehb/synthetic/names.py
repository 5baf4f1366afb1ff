"""Names and addresses as people in Viet Nam have them.

Invariant: everything leaves this room composed (NFC); a facility that writes decomposed text does so in `tables`.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import msgspec

from ehb.synthetic import catalogue, places


class _Given(msgspec.Struct, frozen=True):
    middle: tuple[str, ...]
    given: tuple[str, ...]


class _Minority(msgspec.Struct, frozen=True):
    ethnicity: str
    provinces: tuple[str, ...]
    male: tuple[str, ...]
    female: tuple[str, ...]


class _Foreigner(msgspec.Struct, frozen=True):
    nationality: str
    country: str
    male: tuple[str, ...]
    female: tuple[str, ...]


class _Names(msgspec.Struct, frozen=True):
    families: dict[str, int]
    male: dict[str, _Given]
    female: dict[str, _Given]
    minorities: tuple[_Minority, ...]
    foreigners: tuple[_Foreigner, ...]
    occupations: dict[str, tuple[str, ...]]


@cache
def _names() -> _Names:
    return msgspec.json.decode(catalogue.raw("names.json"), type=_Names)


@dataclass(frozen=True, slots=True)
class Origin:
    """A name with what goes with it: nationality, ethnic group, and where such people live (empty: anywhere)."""

    full_name: str
    nationality: str = "000"
    ethnicity: str = "01"
    provinces: tuple[str, ...] = ()


def kinh(rng: random.Random, sex: str, birth_year: int, family: str = "") -> Origin:
    names = _names()
    surname = family or rng.choices(list(names.families), list(names.families.values()))[0]
    pool = (names.female if sex == "female" else names.male)["old" if birth_year < 1965 else "new"]
    return Origin(f"{surname} {rng.choice(pool.middle)} {rng.choice(pool.given)}")


def minority(rng: random.Random, sex: str) -> Origin:
    group = rng.choice(_names().minorities)
    name = rng.choice(group.female if sex == "female" else group.male)
    return Origin(name, ethnicity=group.ethnicity, provinces=group.provinces)


def foreign(rng: random.Random, sex: str) -> Origin:
    """A foreigner. The ethnic group 55 stands for people who are of none of the 54."""
    country = rng.choice(_names().foreigners)
    return Origin(rng.choice(country.female if sex == "female" else country.male), country.nationality, "55")


def occupation(rng: random.Random, age: int) -> str:
    return rng.choice(_names().occupations["child" if age < 18 else "adult" if age < 60 else "elder"])


@dataclass(frozen=True, slots=True)
class Residence:
    address: str
    commune: str
    province: str


@cache
def _communes() -> Mapping[str, tuple[Mapping[str, str], ...]]:
    found: dict[str, list[Mapping[str, str]]] = {}
    for row in catalogue.national("codes_commune_2025"):
        found.setdefault(row["province_code"], []).append(row)
    return {province: tuple(communes) for province, communes in found.items()}


@cache
def _province_names() -> Mapping[str, str]:
    return {row["code"]: row["name_vi"] for row in catalogue.national("codes_province_2025")}


def residence(rng: random.Random, provinces: tuple[str, ...]) -> Residence:
    """An address in a commune of the 2025 list: a street in a ward, a hamlet elsewhere."""
    province = rng.choice(provinces or tuple(_communes()))
    commune = rng.choice(_communes()[province])
    if commune["name_vi"].startswith("Phường"):
        place = f"Số {rng.randint(1, 298)} đường {rng.choice(places.streets())}"
    else:
        place = rng.choice(places.hamlets())
    return Residence(f"{place}, {commune['name_vi']}, {_province_names()[province]}", commune["code"], province)
