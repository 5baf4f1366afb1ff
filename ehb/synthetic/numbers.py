"""Identity numbers that nobody can have.

Each kind is told apart from a real one at first sight (domain facts §3.1: test data must be obviously fake):
province 999 is in no list, passports start with ZZ, cards carry province 99 and an insurance number from 9999.

Invariant: up to 999,953 people of one seed have serials of their own, so no two share a number.
"""

from __future__ import annotations

_SERIALS = 999_953
"""How many people there can be: a prime, so that the scattering below never meets itself."""
_STAFF = 47
"""Serials below this belong to the clinicians."""


def serial(offset: int, index: int) -> int:
    """The serial of one person: scattered over six digits, and different for every index."""
    return _STAFF + (offset + index * 611_953) % _SERIALS


def national(sex: str, birth_year: int, serial: int) -> str:
    """Twelve digits: province, century and sex, year of birth, serial (Decree 137/2015)."""
    century_and_sex = 2 * (birth_year // 100 - 19) + (sex == "female")
    return f"999{century_and_sex}{birth_year % 100:02d}{serial:06d}"


def old(serial: int) -> str:
    """The nine digits of the identity card that lost its validity at the end of 2024."""
    return f"999{serial:06d}"


def passport(serial: int) -> str:
    return f"ZZ{serial:07d}"


def insurance(serial: int) -> str:
    """The social-insurance number, which new cards show alone."""
    return f"9999{serial:06d}"


def card(group: str, serial: int) -> str:
    """The fifteen characters of the older card; `group` is the subject group with its benefit level."""
    return f"{group}99{insurance(serial)}"


def temporary_card(serial: int) -> str:
    """The card that a newborn has before birth registration."""
    return f"TE199KT{serial:08d}"


def phone(serial: int) -> str:
    return f"00000{serial % 100_000:05d}"
