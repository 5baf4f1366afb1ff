"""Sensitivity labels of a visit (standards rows C3 and C4, domain facts §4.5).

Owns the public list of labels and what of a record is looked at: its codes, what it and its parts are called, and its
diagnoses in words. Leaves which code means what to `sensitivity_lists`. Long texts (notes, courses, conclusions) are
not searched: they name what is not there as often as what is, and the visit has codes and names for the rest.

The one invariant: a visit takes every label of its parts, so that a drug or a result never tells what the diagnosis
hides; another record can only add one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ehb.domain.coding import CodeableConcept
from ehb.domain.records import (
    AllergyIntolerance,
    Appointment,
    CarePlan,
    ClinicalImpression,
    Composition,
    DiagnosticReport,
    Encounter,
    Immunization,
    MedicationRequest,
    Observation,
    Procedure,
    Record,
    Result,
    ServiceRequest,
)
from ehb.domain.sensitivity_lists import CodeLists, Names

ICD10 = "http://hl7.org/fhir/sid/icd-10"

BIRTH_CERTIFICATE = ("http://loinc.org", "71230-7")
"""System and code of the one paper that says the sex of a child who was born with the visit."""


@dataclass(frozen=True, slots=True)
class LabelNames:
    """What a label is called."""

    vi: str
    en: str


SENSITIVITY_LABELS: dict[str, LabelNames] = {
    "HIV": LabelNames("HIV/AIDS, kể cả thuốc và xét nghiệm liên quan", "HIV/AIDS, with its drugs and tests"),
    "PSY": LabelNames("Sức khỏe tâm thần", "Mental health"),
    "ETH": LabelNames("Sử dụng rượu, ma túy và chất gây nghiện", "Substance use"),
    "SEX": LabelNames("Sức khỏe tình dục và sinh sản", "Sexual and reproductive health"),
    "STD": LabelNames("Bệnh lây truyền qua đường tình dục", "Sexually transmitted disease"),
    "SDV": LabelNames("Bạo lực, xâm hại, bạo lực gia đình", "Violence and abuse"),
    "GDIS": LabelNames("Bệnh di truyền và xét nghiệm gen", "Genetic disease and genetic tests"),
    "TB": LabelNames("Bệnh lao", "Tuberculosis"),
    "GENDER": LabelNames("Bản dạng giới, xác định lại giới tính", "Gender identity and reassignment"),
    "ORGAN": LabelNames("Hiến, ghép mô và bộ phận cơ thể", "Organ donation and transplantation"),
    "R": LabelNames("Hạn chế (theo nơi gửi)", "Restricted (by the sender)"),
    "V": LabelNames("Rất hạn chế (theo nơi gửi)", "Very restricted (by the sender)"),
}
"""All labels that intake puts on, and the two levels of confidentiality a sender may ask for. HL7 v3-ActCode and
v3-Confidentiality, but for TB and ORGAN, which HL7 does not have and which are ours."""

SENT_LABELS: dict[str, str | None] = {
    **dict.fromkeys(("BH", "MH", "PSYTHPN", "COGN", "DVD", "EMOTDIS"), "PSY"),
    **dict.fromkeys(("SUD", "ETHUD", "OPIOIDUD"), "ETH"),
    **dict.fromkeys(("MST", "VIO"), "SDV"),
    **dict.fromkeys(("SCA", "SICKLE"), "GDIS"),
    "PREGNANT": "SEX",
    **dict.fromkeys(
        (
            *("ADOL", "B", "CEL", "DEMO", "DIA", "DOB", "DRGIS", "EMP", "EMPL", "IDS", "LIVARG", "LOCIS", "MARST"),
            *("PATLOC", "PDS", "PHY", "PRS", "RACE", "REL", "SPI", "SSP", "TBOO", "VIP"),
        )
    ),
}
"""The other information-sensitivity codes of v3-ActCode: kept when a sender gives one, beside the one of ours
that it is a part of."""

_RESULTS: dict[type[Record], str] = {
    DiagnosticReport: "results",
    Observation: "components",
    ClinicalImpression: "vital_signs",
    Composition: "details",
    CarePlan: "details",
}
_TEXTS: dict[type[Record], tuple[str, ...]] = {
    Encounter: ("reason", "admission_reason", "admission_diagnosis", "discharge_diagnosis"),
    Composition: ("title", "admission_diagnosis", "discharge_diagnosis"),
    ServiceRequest: ("diagnosis", "services", "medications"),
    Appointment: ("diagnosis",),
    CarePlan: ("title",),
}
"""What says in a few words what a record is about."""
_FIELD = "urn:vn:byt:qd4750:XML"
_TESTS = frozenset({DiagnosticReport, Observation, Procedure, ServiceRequest})
_DRUGS = frozenset({MedicationRequest, AllergyIntolerance})


def is_known(label: str) -> bool:
    """Whether a label that a sender gave is one that we know."""
    return label in SENSITIVITY_LABELS or label in SENT_LABELS


def covered(labels: Iterable[str]) -> frozenset[str]:
    """The labels that somebody means who names these: with a label, the narrower ones that a sender may have given."""
    named = frozenset(labels)
    return named | {narrow for narrow, broader in SENT_LABELS.items() if broader in named}


def labels_of(records: Iterable[Record], lists: CodeLists) -> tuple[str, ...]:
    """The labels of a visit: of its codes and names, of a pregnancy that ended, and the sender's own, sorted."""
    found: set[str] = set()
    seen = _Seen()
    for record in records:
        for label in record.labels:
            found |= with_broader(label)
        if isinstance(record, Composition) and _tells_of_a_loss(record):
            found.add("SEX")
        _look(record, seen)
    for system, code in seen.codings:
        found |= lists.of_code(system, code)
    found |= lists.of_names(Names(tuple(seen.drugs), tuple(seen.tests), tuple(seen.others)))
    return tuple(sorted(found))


class _Seen:
    """What was seen of a visit, each once."""

    __slots__ = ("codings", "drugs", "others", "tests")

    def __init__(self) -> None:
        self.codings: set[tuple[str, str]] = set()
        self.drugs: set[str] = set()
        self.tests: set[str] = set()
        self.others: set[str] = set()


def _look(record: Record, seen: _Seen) -> None:
    kind = type(record)
    if record.code is not None:
        if kind is Immunization:  # a vaccine is named by what it protects from
            _take(record.code, seen.codings, set())
        else:
            _take(record.code, seen.codings, _named(kind, seen))
    if isinstance(record, Procedure):
        if record.used is not None:
            _take(record.used, seen.codings, seen.tests)
        for reason in record.reason:
            seen.codings.add((reason.system, reason.code))
    if (name := _RESULTS.get(kind)) is not None:
        for result in getattr(record, name):
            _take(result.code, seen.codings, set() if _is_field(result) else seen.tests)
            if result.concept is not None:
                _take(result.concept, seen.codings, set())
    for name in _TEXTS.get(kind, ()):
        if text := getattr(record, name):
            seen.others.add(text)


def _named(kind: type[Record], seen: _Seen) -> set[str]:
    return seen.drugs if kind in _DRUGS else seen.tests if kind in _TESTS else seen.others


def _take(concept: CodeableConcept, codings: set[tuple[str, str]], names: set[str]) -> None:
    for coding in concept.coding:
        codings.add((coding.system, coding.code))
        if coding.display:
            names.add(coding.display)
    if concept.text:
        names.add(concept.text)


def _is_field(result: Result) -> bool:
    """A field of the national file asks the same of everybody, so its name tells nothing."""
    coding = result.code.coding
    return bool(coding) and coding[0].system.startswith(_FIELD)


def with_broader(label: str) -> frozenset[str]:
    """A label that a sender gave, as we write it, and the one of ours that it is a part of; none for an empty one."""
    plain = label.strip().upper()
    if not is_known(plain):
        return frozenset({label}) if plain else frozenset()
    broader = SENT_LABELS.get(plain)
    return frozenset({plain, broader}) if broader else frozenset({plain})


def _tells_of_a_loss(paper: Composition) -> bool:
    """A cause or a time tells it even where the flag was forgotten."""
    return paper.pregnancy_ended or bool(paper.pregnancy_end_cause or paper.pregnancy_end_time)
