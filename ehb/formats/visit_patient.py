"""The person of a visit file (XML1): numbers, name, birth date as precise as it is, where they live.

The one invariant: a number that can be none of ours is reported, never guessed at and never repeated.
"""

from __future__ import annotations

from ehb.domain.identity import INSURANCE, Identifier, UnusableIdentifier, identifier_from
from ehb.domain.submission import PatientDetails, Problem
from ehb.formats.catalogue import coded
from ehb.formats.field_tables import read_birth
from ehb.formats.problems import problem, warning
from ehb.formats.visit_rows import Row

_SEX = {"1": "male", "2": "female", "3": "unknown"}


def patient_from(summary: Row) -> tuple[PatientDetails, list[Problem]]:
    """The person of XML1 and what is wrong with their numbers."""
    problems: list[Problem] = []
    nationality = summary.get("MA_QUOCTICH") or "000"
    identifiers: tuple[Identifier, ...] = ()
    try:
        found = identifier_from(summary.get("SO_CCCD"), nationality=nationality)
        identifiers = (found,) if found else ()
    except UnusableIdentifier:
        problems.append(problem("identifier.format", table="XML1", row=1, field="SO_CCCD"))
    cards: list[Identifier] = []
    for card in summary.each("MA_THE_BHYT"):
        number = card.upper().replace(" ", "").replace("-", "")
        if not (len(number) == 15 and number[-10:].isdigit()) and not (len(number) == 10 and number.isdigit()):
            problems.append(warning("identifier.card", table="XML1", row=1, field="MA_THE_BHYT"))
            continue
        # The last ten characters are the social-insurance number, the same on the old and the new card.
        cards.append(Identifier(INSURANCE, number[-10:]))
    birth = summary.get("NGAY_SINH")
    details = PatientDetails(
        identifiers=identifiers,
        cards=tuple(dict.fromkeys(cards)),
        full_name=summary.text("HO_TEN"),
        birth_date=read_birth(birth) if birth else None,
        sex=_SEX.get(summary.get("GIOI_TINH")),
        nationality=summary.text("MA_QUOCTICH"),
        ethnicity=coded("ethnicity", summary.get("MA_DANTOC")),
        occupation=summary.text("MA_NGHE_NGHIEP"),
        address=summary.text("DIA_CHI"),
        province=coded("province_2025", summary.get("MATINH_CU_TRU")),
        commune=coded("commune_2025", summary.get("MAXA_CU_TRU")),
        phone=summary.text("DIEN_THOAI"),
    )
    return details, problems
