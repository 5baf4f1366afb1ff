"""Withholding: what no readable record may say is taken out of a visit before it is stored, whatever format it came in.

So far that is the sex of a fetus (`fetal_sex` has the words). Formats that can name their own fields may have done it
already; here nothing gets past. The one invariant: a visit from which something was withheld says so in a problem.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from ehb.domain.coding import CodeableConcept, Coding, instant_of
from ehb.domain.fetal_sex import (
    MESSAGE_EN,
    MESSAGE_VI,
    RULE,
    SEX_RESULTS,
    WITHHELD,
    Pregnancy,
    asks_for_fetal_sex,
    is_obstetric,
    may_tell,
    without_fetal_sex,
)
from ehb.domain.records import Composition, DiagnosticReport, Encounter, Observation, Procedure, Record, Result
from ehb.domain.sensitivity import BIRTH_CERTIFICATE, ICD10
from ehb.domain.submission import Draft, Problem, Severity, VisitSummary

R = TypeVar("R", bound=Record)

_PREGNANT_FROM = 10
"""A patient who is younger in years is no mother: a word of sex in such a visit is the child's own."""
_NO_WORDS = frozenset({"provenance", "labels", "ended", "time", "section", "status"})


def without_what_no_record_may_say(visit: VisitSummary) -> VisitSummary:
    """The visit as it may be stored; the very same visit when there is nothing to withhold."""
    records = [draft.record for draft in visit.drafts]
    pregnancy = Pregnancy.of(_icd_codes(records), birth=any(_tells_of_a_birth(record) for record in records))
    if not may_tell(visit.content, pregnancy) or _is_child(visit):
        return visit
    drafts: list[Draft] = []
    problems: list[Problem] = []
    for draft in visit.drafts:
        record, changed = _cleaned(draft.record, pregnancy)
        drafts.append(dataclasses.replace(draft, record=record) if changed else draft)
        problems += (
            Problem(Severity.WARNING, RULE, MESSAGE_VI, MESSAGE_EN, draft.table, draft.row, field) for field in changed
        )
    if not problems:
        return visit
    return dataclasses.replace(visit, drafts=tuple(drafts), problems=(*visit.problems, *problems))


def _icd_codes(records: list[Any]) -> Iterator[str]:
    for record in records:
        codings = record.code.coding if record.code is not None else ()
        for coding in (*codings, *(record.reason if isinstance(record, Procedure) else ())):
            if coding.system == ICD10:
                yield coding.code


def _tells_of_a_birth(record: Record) -> bool:
    return _is_birth_certificate(record) or (isinstance(record, Encounter) and bool(record.birth_weights))


def _is_birth_certificate(record: Record) -> bool:
    codings = record.code.coding if record.code is not None else ()
    return isinstance(record, Composition) and any((one.system, one.code) == BIRTH_CERTIFICATE for one in codings)


def _is_child(visit: VisitSummary) -> bool:
    birth = visit.patient.birth_date
    if not birth or visit.day is None:
        return False
    return visit.day.year - instant_of(birth).year < _PREGNANT_FROM


def _cleaned(record: R, pregnancy: Pregnancy) -> tuple[R, list[str]]:
    """The record as it may be stored, and the names of what changed."""
    if _is_birth_certificate(record):
        return record, []
    looks = isinstance(record, DiagnosticReport | Observation) and is_obstetric(_words_of(record.code))
    known = Pregnancy(pregnancy.certain or looks, pregnancy.delivered)
    if isinstance(record, Observation) and _asks(record.code, known):
        held = {"value": None, "text": WITHHELD, "note": None, "components": ()}
        changed: dict[str, Any] = {name: kept for name, kept in held.items() if getattr(record, name) != kept}
    else:
        changed = _changes(record, known, scan=looks)
    return (msgspec.structs.replace(record, **changed) if changed else record), list(changed)


def _changes(value: msgspec.Struct, pregnancy: Pregnancy, *, scan: bool) -> dict[str, Any]:
    given = ((name, getattr(value, name)) for name in value.__struct_fields__ if name not in _NO_WORDS)
    kept = ((name, before, _kept(before, pregnancy, scan=scan)) for name, before in given)
    return {name: after for name, before, after in kept if after is not before and after != before}


def _kept(value: Any, pregnancy: Pregnancy, *, scan: bool) -> Any:
    if isinstance(value, tuple):
        return tuple(_kept(item, pregnancy, scan=scan) for item in value)
    if isinstance(value, Result) and _asks(value.code, pregnancy):
        return Result(code=value.code, text=WITHHELD)
    if isinstance(value, Coding):
        display = value.display and without_fetal_sex(value.display, pregnancy, scan=scan, name=True)
        return value if display == value.display else msgspec.structs.replace(value, display=display)
    if isinstance(value, CodeableConcept):
        text = value.text and without_fetal_sex(value.text, pregnancy, scan=scan, name=True)
        coding = _kept(value.coding, pregnancy, scan=scan)
        return value if (coding, text) == (value.coding, value.text) else CodeableConcept(coding, text)
    if isinstance(value, msgspec.Struct):
        changed = _changes(value, pregnancy, scan=scan)
        return msgspec.structs.replace(value, **changed) if changed else value
    if isinstance(value, str) and not isinstance(value, enum.Enum):
        return without_fetal_sex(value, pregnancy, scan=scan)
    return value


def _asks(code: CodeableConcept | None, pregnancy: Pregnancy) -> bool:
    codings = code.coding if code is not None else ()
    if any((one.system, one.code) in SEX_RESULTS for one in codings):
        return True
    return pregnancy.certain and asks_for_fetal_sex(_words_of(code))


def _words_of(code: CodeableConcept | None) -> str:
    return "; ".join([code.text or "", *(one.display or "" for one in code.coding)]) if code is not None else ""
