"""What invented medicine is made of: diseases, drugs, services, results, and the stories that use them.

Owns the files under `data/` and their types, and opens the national code lists. Decides nothing: who falls ill
is in `lives`, what one visit holds is in `chart`.

Invariant: a key that one file names exists in the file it points to; the reading fails otherwise.
Codes of drugs and services look like the national ones; prices and registration numbers are invented.
"""

from __future__ import annotations

import csv
import random
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import msgspec


class Drug(msgspec.Struct, frozen=True):
    """One row of drugs.csv. `doses` of `dose_unit` make one `unit`: a spray of 200 puffs, a tablet of one."""

    key: str
    code: str
    name: str
    unit: str
    strength: str
    route: str
    form: str
    registration: str
    price: int
    dose_unit: str
    doses: int


class Service(msgspec.Struct, frozen=True):
    """One row of services.csv: a service, a bed or (group 10) a supply. `minutes` pass until its result."""

    key: str
    code: str
    name: str
    group: int
    unit: str
    price: int
    minutes: int
    icd9: str


class Indicator(msgspec.Struct, frozen=True):
    """One row of indicators.csv. `value` is `low..high/decimals`, or results to choose from between bars."""

    service: str
    name: str
    unit: str
    value: str


class Loss(msgspec.Struct, frozen=True):
    """A pregnancy that ended, as the discharge paper states it."""

    cause: str
    weeks: int


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of visit, from the reason for coming to the plan. See `chart` for how the short forms are read."""

    key: str
    icd: str
    care: str
    department: str
    reasons: tuple[str, ...]
    course: str
    plan: str
    services: tuple[str, ...]
    drugs: tuple[str, ...]
    also: tuple[str, ...] = ()
    arrival: str = ""
    admission: str = ""
    stay: tuple[int, int] = (0, 0)
    results: dict[str, str] = {}
    findings: dict[str, tuple[str, str]] = {}
    vitals: dict[str, str] = {}
    notes: tuple[str, ...] = ()
    operation: str = ""
    anaesthesia: int | None = None
    outcome: int = 2
    revisit: int = 0
    emergency: bool = False
    accident: int | None = None
    refer: str = ""
    transport: str = ""
    traditional: str = ""
    traditional_name: str = ""
    delivers: bool = False
    loss: Loss | None = None
    leave: int = 0
    programme: str = ""


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One part of a story: a case, where, how often; `after` and `every` are ranges of days."""

    case: str
    at: str
    after: tuple[int, int] = (0, 0)
    times: tuple[int, int] = (1, 1)
    every: tuple[int, int] = (0, 0)
    refers: bool = False


class Story(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A disease over time. `span` is the number of days that it should have had before today."""

    key: str
    ages: tuple[int, int]
    weight: int
    span: int
    steps: tuple[Step, ...]
    sex: str = ""
    anchor: str = ""


class Role(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A special life that every fifty people contain once, at a fixed place."""

    number: int
    role: str
    ages: tuple[int, int]
    stories: tuple[str, ...]
    sex: str = ""
    identity: str = "number"
    cover: str = "card"
    year_only: bool = False
    both_forms: bool = False
    minority: bool = False
    confined: bool = False
    newborn: bool = False


@cache
def drugs() -> dict[str, Drug]:
    return {row.key: row for row in msgspec.convert(rows("drugs.csv"), list[Drug], strict=False)}


@cache
def services() -> dict[str, Service]:
    return {row.key: row for row in msgspec.convert(rows("services.csv"), list[Service], strict=False)}


@cache
def indicators() -> dict[str, tuple[Indicator, ...]]:
    """The indicators of each service that has any."""
    found: dict[str, tuple[Indicator, ...]] = {}
    for row in msgspec.convert(rows("indicators.csv"), list[Indicator]):
        found[row.service] = (*found.get(row.service, ()), row)
    return found


@cache
def findings() -> dict[str, tuple[str, str]]:
    """What an examination with a reader says of a healthy person: description and conclusion."""
    return {row["service"]: (row["description"], row["conclusion"]) for row in rows("findings.csv")}


@cache
def diagnoses() -> dict[str, str]:
    return {row["code"]: row["name"] for row in rows("diagnoses.csv")}


@cache
def cases() -> dict[str, Case]:
    return {case.key: case for case in msgspec.json.decode(raw("cases.json"), type=list[Case])}


@cache
def stories() -> dict[str, Story]:
    return {story.key: story for story in msgspec.json.decode(raw("stories.json"), type=list[Story])}


@cache
def cast() -> dict[int, Role]:
    return {role.number: role for role in msgspec.json.decode(raw("cast.json"), type=list[Role])}


def raw(name: str) -> bytes:
    return files(__package__).joinpath("data", name).read_bytes()


def rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(raw(name).decode().splitlines()))


@cache
def national(name: str) -> tuple[Mapping[str, str], ...]:
    """The rows of one national list, such as `xml1` or `codes_commune_2025`."""
    text = files("ehb.formats").joinpath("qd4750", f"{name}.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))


_RANGE = re.compile(r"(-?[0-9.]+)\.\.(-?[0-9.]+)/([0-9])")


def drawn(value: str, rng: random.Random) -> str:
    """One result out of `low..high/decimals`, or one of the choices between bars."""
    if between := _RANGE.fullmatch(value):
        low, high, decimals = between.groups()
        return f"{rng.uniform(float(low), float(high)):.{decimals}f}"
    return rng.choice(value.split("|"))
