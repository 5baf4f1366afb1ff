"""The health book: one person's records, arranged as the three books, the summary and the timeline.

Owns the arrangement and the pages. Leaves to others: who may see which record (`access`); a book is
assembled from exactly the records that a permit opened. The one invariant: assembling drops nothing and
invents nothing; the summary only selects.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import islice
from typing import Generic, TypeVar

from ehb.domain.coding import CodeableConcept, Quantity, instant_of
from ehb.domain.identity import Patient
from ehb.domain.records import (
    Condition,
    DiagnosticReport,
    MedicationRequest,
    Provenance,
    Record,
    Section,
)

R = TypeVar("R", bound=Record)
_OVER = ("resolved", "inactive", "remission")
_CURRENT_MEDICATION = timedelta(days=90)

SUMMARY_SECTIONS: frozenset[Section] = frozenset(
    {
        Section.CONDITIONS,
        Section.ALLERGIES,
        Section.PRESCRIPTIONS,
        Section.IMMUNIZATIONS,
        Section.LABORATORY_RESULTS,
    }
)


@dataclass(frozen=True, slots=True)
class Position:
    """The place of one record in a book: keyset for pages."""

    instant: datetime
    key: bytes


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to; None narrows nothing."""

    since: datetime | None = None
    until: datetime | None = None
    facility: str | None = None
    kinds: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """One page of one list: the next `first` records after a position, of those that the filter leaves."""

    first: int
    narrowed: Filter = Filter()
    after: Position | None = None


@dataclass(frozen=True, slots=True)
class ReadQuery:
    """What a caller wants of a book: sections (None is all that the permit opens), one page of them, one record.

    `history` asks for the versions that ended, too. With a window there may be more records than it has, never fewer,
    and one more when another page follows. With `fields` the records need not have others than those, besides what all
    records share; then they are parts of their kinds, of the same name.
    """

    sections: frozenset[Section] | None = None
    window: Window | None = None
    key: bytes | None = None
    history: bool = False
    fields: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class LatestResult:
    """The newest value of one test, with the report's time and provenance."""

    code: CodeableConcept
    value: Quantity | None
    text: str | None
    time: str
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class Summary:
    """The International Patient Summary view of the book: what a clinician asks first."""

    problems: tuple[Record, ...]
    allergies: tuple[Record, ...]
    medications: tuple[Record, ...]
    immunizations: tuple[Record, ...]
    results: tuple[LatestResult, ...]


@dataclass(frozen=True, slots=True)
class Freshness:
    """How complete one section may be: what is newest in it, and from how many facilities it was fed."""

    section: Section
    records: int
    newest_record: str | None
    newest_received: str | None
    facilities: int


@dataclass(frozen=True)
class HealthBook:
    """One person's book as one permit opened it. `records` are those that count, newest first."""

    patient_id: bytes
    patient: Patient
    as_of: datetime
    records: tuple[Record, ...]
    withheld: tuple[Section, ...]
    """Sections that the permit does not open at all."""
    corrections: tuple[Record, ...] = ()
    """Versions that ended, when the query asked for history; newest first."""

    @cached_property
    def by_section(self) -> dict[Section, tuple[Record, ...]]:
        """The same records by where they stand."""
        found: defaultdict[Section, list[Record]] = defaultdict(list)
        for record in self.records:
            found[record.section].append(record)
        return {section: tuple(records) for section, records in found.items()}


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """A stretch of records, newest first."""

    records: tuple[R, ...]
    has_next: bool
    has_previous: bool


def assemble(
    patient_id: bytes, patient: Patient, records: Sequence[Record], *, opened: frozenset[Section], now: datetime
) -> HealthBook:
    """The book of records that come newest first."""
    return HealthBook(
        patient_id=patient_id,
        patient=patient,
        as_of=now,
        records=tuple([record for record in records if record.ended is None]),
        withheld=tuple([section for section in Section if section not in opened]),
        corrections=tuple([record for record in records if record.ended is not None]),
    )


def position_of(record: Record) -> Position:
    """Where a record stands: by time, then by key and version, so that two versions of one moment are two places."""
    return Position(instant_of(record.time), record.key + record.provenance.version.to_bytes(2, "big"))


def page(records: Sequence[R], window: Window) -> Page[R]:
    """The page of a window. Stable while records are added in front."""
    after = window.after
    matching = iter(records) if window.narrowed == Filter() else _matching(records, window.narrowed)
    if after is not None:
        matching = (record for record in matching if _is_behind(record, after))
    found = tuple(islice(matching, window.first + 1))
    return Page(found[: window.first], has_next=len(found) > window.first, has_previous=after is not None)


def _is_behind(record: Record, after: Position) -> bool:
    place = position_of(record)
    return (place.instant, place.key) < (after.instant, after.key)


def _matching(records: Iterable[R], narrowed: Filter) -> Iterator[R]:
    for record in records:
        if narrowed.facility is not None and record.provenance.facility.code != narrowed.facility:
            continue
        if narrowed.kinds is not None and type(record).__name__ not in narrowed.kinds:
            continue
        if narrowed.since is not None and instant_of(record.time) < narrowed.since:
            continue
        if narrowed.until is not None and instant_of(record.time) >= narrowed.until:
            continue
        yield record


def summary(book: HealthBook) -> Summary:
    """Problems and medications once each, the newest first; allergies and immunizations whole.

    A problem is left out once its newest record says that it is over, a medication once it is 90 days old, unless it
    is said to be active.
    """
    recent = book.as_of - _CURRENT_MEDICATION
    medications = (
        record
        for record in book.by_section.get(Section.PRESCRIPTIONS, ())
        if isinstance(record, MedicationRequest) and (record.status == "active" or instant_of(record.time) >= recent)
    )
    problems = (
        record
        for record in _newest_of_each(book.by_section.get(Section.CONDITIONS, ()))
        if isinstance(record, Condition) and record.clinical_status not in _OVER
    )
    return Summary(
        problems=tuple(problems),
        allergies=book.by_section.get(Section.ALLERGIES, ()),
        medications=tuple(_newest_of_each(medications)),
        immunizations=book.by_section.get(Section.IMMUNIZATIONS, ()),
        results=tuple(_latest_results(book.by_section.get(Section.LABORATORY_RESULTS, ()))),
    )


def completeness(book: HealthBook) -> tuple[Freshness, ...]:
    """For each section that the permit opens: newest record, newest received, from how many facilities."""
    return tuple(
        _freshness(section, book.by_section.get(section, ())) for section in Section if section not in book.withheld
    )


def _freshness(section: Section, records: tuple[Record, ...]) -> Freshness:
    return Freshness(
        section=section,
        records=len(records),
        newest_record=records[0].time if records else None,
        newest_received=max((record.provenance.submitted_at for record in records), default=None),
        facilities=len({record.provenance.facility.code for record in records}),
    )


def _newest_of_each(records: Iterable[Record]) -> Iterator[Record]:
    seen: set[object] = set()
    for record in records:
        name = _name_of(record.code, record.key, with_text=isinstance(record, MedicationRequest))
        if name not in seen:
            seen.add(name)
            yield record


def _latest_results(reports: Iterable[Record]) -> Iterator[LatestResult]:
    seen: set[object] = set()
    for report in reports:
        if not isinstance(report, DiagnosticReport):
            continue
        for number, result in enumerate(report.results):
            name = _name_of(result.code, (report.key, number))
            if name not in seen and (result.value is not None or result.text is not None):
                seen.add(name)
                yield LatestResult(result.code, result.value, result.text, report.time, report.provenance)


def _name_of(code: CodeableConcept | None, otherwise: object, *, with_text: bool = False) -> object:
    """What makes two of a kind the same: the code, else the words; without either, nothing does.

    A drug's code is that of its active ingredient, and 00.0000 is any drug outside the list (MA_THUOC), so for
    drugs the words count too.
    """
    if code is None or not (code.coding or code.text):
        return otherwise
    text = (code.text or "").casefold()
    if not code.coding:
        return text
    return (code.coding[0].system, code.coding[0].code, text if with_text else "")
