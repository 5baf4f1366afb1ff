"""Numbers inside texts: measured values, and the vital signs that nurses write into notes.

The one invariant: a text becomes a number only when it is one; everything else stays text.
"""

from __future__ import annotations

import re
from decimal import Decimal

from ehb.domain.coding import CodeableConcept, Coding, Quantity
from ehb.domain.records import Result

_LOINC = "http://loinc.org"
_MEASURED = re.compile(r"(?P<comparator><=|>=|<|>|≤|≥)?\s*(?P<value>-?[0-9]{1,18}(?:\.[0-9]{1,12})?)")
_COMPARATORS = {"≤": "<=", "≥": ">="}

_VITAL_SIGNS = re.compile(r"CSST\s*<(?P<signs>[^<>]{1,200})>", re.IGNORECASE)
_PRESSURE = re.compile(r"HA(?P<systolic>[0-9]{2,3})/(?P<diastolic>[0-9]{2,3})", re.IGNORECASE)
_SIGN = re.compile(r"(?P<name>[A-Z]{1,3})(?P<value>[0-9]{1,3}(?:\.[0-9]{1,2})?)", re.IGNORECASE)
_SIGNS = {
    "M": ("8867-4", "Mạch", "lần/phút"),
    "T": ("8310-5", "Nhiệt độ", "°C"),
    "NT": ("9279-1", "Nhịp thở", "lần/phút"),
    "SP": ("59408-5", "SpO2", "%"),
    "CN": ("29463-7", "Cân nặng", "kg"),
}


def measured(text: str, unit: str | None) -> Quantity | None:
    """The quantity a text is, None when it is no plain number (QD 4750: decimal point, no grouping)."""
    match = _MEASURED.fullmatch(text.strip())
    if match is None:
        return None
    comparator = match["comparator"]
    return Quantity(Decimal(match["value"]), unit or None, _COMPARATORS.get(comparator, comparator))


def vital_signs(note: str) -> tuple[Result, ...]:
    """The vital signs of a note: CSST<M75_T37_HA120/70_NT18_SP98_HL2> (XML5, DIEN_BIEN_LS)."""
    match = _VITAL_SIGNS.search(note)
    if match is None:
        return ()
    found: list[Result] = []
    for part in match["signs"].split("_"):
        pressure = _PRESSURE.fullmatch(part.strip())
        sign = _SIGN.fullmatch(part.strip())
        if pressure is not None:
            found.append(_result("8480-6", "Huyết áp tâm thu", pressure["systolic"], "mmHg"))
            found.append(_result("8462-4", "Huyết áp tâm trương", pressure["diastolic"], "mmHg"))
        elif sign is not None and sign["name"].upper() in _SIGNS:
            code, name, unit = _SIGNS[sign["name"].upper()]
            found.append(_result(code, name, sign["value"], unit))
    return tuple(found)


def _result(code: str, name: str, value: str, unit: str) -> Result:
    return Result(code=CodeableConcept((Coding(_LOINC, code, name),), name), value=Quantity(Decimal(value), unit))
