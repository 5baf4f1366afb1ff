"""Sensitivity labels that records get by their diagnosis codes (standards row C4, domain facts §4.5).

Labels are HL7 v3-ActCode where the list has one. The one invariant: a visit takes every label of its
parts, so that a drug or a result never tells what the diagnosis hides.
"""

from __future__ import annotations

from collections.abc import Iterable

from ehb.domain.records import Composition, Procedure, Record

ICD10 = "http://hl7.org/fhir/sid/icd-10"

BIRTH_CERTIFICATE = ("http://loinc.org", "71230-7")
"""System and code of the one paper that says the sex of a child who was born with the visit."""

_RANGES: tuple[tuple[str, str, str], ...] = (
    ("A15", "A19", "TB"),
    ("A50", "A64", "STD"),
    ("B20", "B24", "HIV"),
    ("Z21", "Z21", "HIV"),
    ("F10", "F19", "ETH"),
    ("F00", "F09", "PSY"),
    ("F20", "F99", "PSY"),
    ("O00", "O08", "SEX"),
    ("T74", "T74", "SDV"),
    ("Y05", "Y07", "SDV"),
)
"""First and last ICD-10 category and the label; O00–O08 is pregnancy with abortive outcome."""


def labels_of_code(code: str) -> frozenset[str]:
    """The labels of one ICD-10 code, whatever its spelling of dots and daggers."""
    category = code.strip().upper()[:3]
    return frozenset(label for first, last, label in _RANGES if first <= category <= last)


def labels_of(records: Iterable[Record]) -> tuple[str, ...]:
    """The labels of a visit: of every diagnosis that any record names, of a pregnancy that ended, and the sender's own.

    A diagnosis also stands in referrals, appointments and reasons for procedures.
    """
    found: set[str] = set()
    for record in records:
        found.update(record.labels)
        codings = record.code.coding if record.code is not None else ()
        reasons = record.reason if isinstance(record, Procedure) else ()
        for coding in (*codings, *reasons):
            if coding.system == ICD10:
                found |= labels_of_code(coding.code)
        if isinstance(record, Composition) and _tells_of_a_loss(record):
            found.add("SEX")
    return tuple(sorted(found))


def _tells_of_a_loss(paper: Composition) -> bool:
    """A cause or a time tells it even where the flag was forgotten."""
    return paper.pregnancy_ended or bool(paper.pregnancy_end_cause or paper.pregnancy_end_time)


LABELS: dict[str, tuple[str, str]] = {
    "HIV": ("HIV/AIDS", "HIV/AIDS"),
    "PSY": ("sức khỏe tâm thần", "mental health"),
    "ETH": ("sử dụng chất gây nghiện", "substance use"),
    "SEX": ("sức khỏe tình dục và sinh sản", "sexual and reproductive health"),
    "STD": ("bệnh lây truyền qua đường tình dục", "sexually transmitted infections"),
    "SDV": ("bạo lực, xâm hại", "violence and abuse"),
    "GDIS": ("di truyền", "genetic data"),
    "TB": ("lao", "tuberculosis"),
}
"""Every label that a consent can name, in Vietnamese and in English."""
