"""How the desk of a facility writes down who came: name, number, cards, route of entitlement.

Here lie the traps that real files hold: decomposed names, old numbers in older visits, births without a day,
newborns without a number, two cards at once, people with a card who pay for themselves.

Invariant: card fields are lists of equal length, all empty for a visit outside insurance (envelope.md 10 and 13).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from ehb.synthetic import signs
from ehb.synthetic.lives import Visit
from ehb.synthetic.people import Card, Person

_OLD_NUMBERS_END = date(2025, 1, 1)
"""Nine-digit cards lost their validity with the year 2024."""
_DISTRICTS_END = date(2025, 7, 1)
_NO_DISTRICT = "999"
"""Stands for the district, which was still asked for then; the 2025 list knows none."""

_OUTSIDE, _EMERGENCY, _REFERRED, _REGISTERED, _BY_SLIP, _BIRTH, _OTHER, _OFF_ROUTE = (
    "9", "2", "1.3", "1.1", "1.5", "1.7", "1.2", "3.3",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Registration:
    """The person as this visit has them. `fields` holds the fields that XML1, XML13 and XML14 share or XML1 asks."""

    fields: Mapping[str, str]
    cards: tuple[Card, ...]
    temporary_card: str

    @property
    def benefit(self) -> int | None:
        """The per cent that the fund pays: the best card's; None outside insurance."""
        return max((card.benefit for card in self.cards), default=None)


def registration(person: Person, visit: Visit, arrived: datetime) -> Registration:
    day = visit.day
    cards = tuple(one for one in person.cards if one.valid_from <= f"{day:%Y%m%d}" <= one.valid_to)
    cards = cards if visit.facility.insured else ()
    form: Literal["NFC", "NFD"] = "NFD" if person.both_forms and visit.number % 2 == 0 else "NFC"
    fields = {
        "MA_BN": f"BN{visit.facility.code[-1]}{person.index:07d}",
        "HO_TEN": unicodedata.normalize(form, person.full_name),
        "SO_CCCD": _number(person, day),
        "NGAY_SINH": _birth(person, day),
        "GIOI_TINH": "2" if person.sex == "female" else "1",
        "NHOM_MAU": person.blood_group if person.index % 3 else "",
        "MA_QUOCTICH": person.nationality,
        "MA_DANTOC": person.ethnicity,
        "MA_NGHE_NGHIEP": person.occupation,
        "DIA_CHI": unicodedata.normalize(form, person.residence.address),
        "MATINH_CU_TRU": person.residence.province,
        "MAHUYEN_CU_TRU": _NO_DISTRICT if day < _DISTRICTS_END else "",
        "MAXA_CU_TRU": person.residence.commune,
        "DIEN_THOAI": person.phone,
        "MA_THE_BHYT": ";".join(card.number for card in cards),
        "MA_DKBD": ";".join(card.facility for card in cards),
        "GT_THE_TU": ";".join(card.valid_from for card in cards),
        "GT_THE_DEN": ";".join(card.valid_to for card in cards),
        "MA_DOITUONG_KCB": _route(person, visit, cards),
        "CAN_NANG": signs.weight(person, arrived.date()),
    }
    newborn = not person.national_id and bool(person.mother)
    return Registration(fields, cards, cards[0].number if newborn and cards else "")


def _number(person: Person, day: date) -> str:
    if person.old_number and day < _OLD_NUMBERS_END:
        return person.old_number
    return person.national_id or person.passport or ""


def _birth(person: Person, day: date) -> str:
    """NGAY_SINH: 0000 for what is unknown; the minute only up to the age of 28 days."""
    if len(person.birth_date) == len("1985"):
        return f"{person.birth_date}00000000"
    newborn = (day - person.born).days <= 28
    return f"{person.born:%Y%m%d}{person.birth_time if newborn else '0000'}"


def _route(person: Person, visit: Visit, cards: tuple[Card, ...]) -> str:
    """MA_DOITUONG_KCB."""
    if not cards:
        return _OUTSIDE
    if visit.referred_from:
        return _REFERRED
    if visit.case.emergency:
        return _EMERGENCY
    if visit.day == person.born:
        return _BIRTH
    if any(card.facility == visit.facility.code for card in cards):
        return _REGISTERED
    if visit.with_slip:
        return _BY_SLIP
    return _OTHER if visit.facility.tier in ("commune", "district") else _OFF_ROUTE
