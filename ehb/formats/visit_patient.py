"""The person of a visit file (XML1): numbers, name, birth date as precise as it is, where they live.

The one invariant: a number that can be none of ours is reported, never guessed at and never repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from ehb.domain.coding import instant_of
from ehb.domain.identity import (
    Identifier,
    PlaceholderNumber,
    UnusableIdentifier,
    card_from,
    identifier_from,
    newborn_from,
)
from ehb.domain.submission import PatientDetails, Problem
from ehb.formats.catalogue import coded
from ehb.formats.field_tables import read_birth
from ehb.formats.problems import problem, warning
from ehb.formats.visit_rows import Row

_SEX = {"1": "male", "2": "female", "3": "unknown"}


_NEWBORN_DAYS = 28
"""Until this age a visit gives the minute of birth (XML1, NGAY_SINH)."""


def patient_from(summary: Row, discharge: Sequence[Row] = ()) -> tuple[PatientDetails, list[Problem]]:
    """The person of a visit and what is wrong with their numbers; a newborn is known by the mother of XML7, too."""
    problems: list[Problem] = []
    nationality = summary.get("MA_QUOCTICH") or "000"
    identifiers: tuple[Identifier, ...] = ()
    try:
        found = identifier_from(summary.get("SO_CCCD"), nationality=nationality)
        identifiers = (found,) if found else ()
    except PlaceholderNumber:
        problems.append(warning("identifier.placeholder", table=summary.table, row=summary.number, field="SO_CCCD"))
    except UnusableIdentifier:
        problems.append(problem("identifier.format", table=summary.table, row=summary.number, field="SO_CCCD"))
    cards: list[Identifier] = []
    for card in summary.each("MA_THE_BHYT"):
        identifier = card_from(card)
        if identifier is None:
            problems.append(warning("identifier.card", table=summary.table, row=summary.number, field="MA_THE_BHYT"))
        else:
            cards.append(identifier)
    birth = summary.get("NGAY_SINH")
    day = summary.time("NGAY_RA") or summary.time("NGAY_VAO") or ""
    details = PatientDetails(
        identifiers=(*identifiers, *_newborn(summary, discharge)),
        cards=tuple(dict.fromkeys(cards)),
        full_name=summary.text("HO_TEN"),
        birth_date=read_birth(birth) if birth else None,
        sex=_SEX.get(summary.get("GIOI_TINH")),
        nationality=summary.text("MA_QUOCTICH"),
        ethnicity=coded("ethnicity", summary.get("MA_DANTOC"), day),
        occupation=summary.text("MA_NGHE_NGHIEP"),
        address=summary.text("DIA_CHI"),
        province=coded("province", summary.get("MATINH_CU_TRU"), day),
        commune=coded("commune", summary.get("MAXA_CU_TRU"), day),
        phone=summary.text("DIEN_THOAI"),
    )
    return details, problems


def _newborn(summary: Row, discharge: Sequence[Row]) -> tuple[Identifier, ...]:
    """The child by mother and minute of birth; nobody when the minute is not known or more than one mother is named."""
    birth, arrival = summary.get("NGAY_SINH"), summary.time("NGAY_VAO")
    mothers = {row.get("MA_ME") for row in discharge} - {""}
    to_the_minute = len(birth) == 12 and not birth.endswith("0000") and len(read_birth(birth)) == 10
    if not to_the_minute or arrival is None or len(mothers) != 1:
        return ()
    mother, born = card_from(mothers.pop()), summary.time("NGAY_SINH")
    if mother is None or born is None or instant_of(arrival) - instant_of(born) > timedelta(days=_NEWBORN_DAYS):
        return ()
    return (newborn_from(mother, born),)
