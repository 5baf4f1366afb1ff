"""Submissions: what a facility tells about one visit, and what the book makes of it.

Owns the visit summary that every format is translated into, its records and the receipt. Leaves the shape of a file to
its format, the rules that need more than one field to `clinical_rules`, and the storing to the custodian.

The one invariant: all problems of a visit are reported together, and a visit yields all its records or
none. A message names the field and the rule, never the value.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import msgspec

from ehb.domain.coding import VIETNAM, Coding, instant_of
from ehb.domain.identity import Identifier
from ehb.domain.records import AnyRecord, Encounter, Facility, LegalStatus, Provenance, Record
from ehb.domain.sensitivity import labels_of, with_broader
from ehb.domain.sensitivity_lists import CodeLists

SOURCES = ("QD4750", "FHIR", "GraphQL")
"""The formats a submission comes in; one episode code in two formats is two episodes."""
MOST_PROBLEMS = 500
"""A receipt is one document, and nobody mends more at once."""


class Severity(enum.StrEnum):
    """An ERROR refuses the visit; a WARNING is kept with the receipt."""

    ERROR = "ERROR"
    WARNING = "WARNING"


class Status(enum.StrEnum):
    """What became of a submission."""

    ACCEPTED = "ACCEPTED"
    UNCHANGED = "UNCHANGED"
    REJECTED = "REJECTED"
    WAITING_FOR_IDENTITY = "WAITING_FOR_IDENTITY"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a submission, where it stands, and which stable rule says so."""

    severity: Severity
    rule: str
    message_vi: str
    message_en: str
    table: str | None = None
    row: int | None = None
    field: str | None = None


LATE_CHECK_IN = Problem(
    Severity.WARNING,
    "checkin.late",
    "Lượt khám đã kết thúc; tệp check-in đến sau không thay đổi gì.",
    "The visit is finished; a check-in that comes after it changes nothing.",
    table="XML0",
)


@dataclass(frozen=True, slots=True)
class PatientDetails:
    """The person as the facility knows them. `identifiers` are in order of trust, best first."""

    identifiers: tuple[Identifier, ...] = ()
    cards: tuple[Identifier, ...] = ()
    """Insurance cards: they find a known person, they never open a book."""
    full_name: str | None = None
    birth_date: str | None = None
    sex: str | None = None
    nationality: str | None = None
    ethnicity: Coding | None = None
    occupation: str | None = None
    address: str | None = None
    province: Coding | None = None
    commune: Coding | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A record as its format read it: no key, no time of receipt, no labels yet.

    `identity` says which thing of the visit this is, the same in every version of the visit.
    """

    record: AnyRecord
    identity: str
    table: str
    row: int | None = None


@dataclass(frozen=True, slots=True)
class VisitSummary:
    """One visit, whatever format it came in. `facility` and `episode` are empty when they could not be read."""

    facility: str
    episode: str
    source: str
    patient: PatientDetails
    drafts: tuple[Draft, ...]
    problems: tuple[Problem, ...]
    content: bytes
    """What counts as the content: equal content is the same submission."""
    signature: LegalStatus = LegalStatus.UNSIGNED
    labels: frozenset[str] = frozenset()
    """Sensitivity labels of the visit as a whole, besides those of its records."""
    signer: str | None = None
    signed_at: str | None = None
    preliminary: bool = False
    """A visit that goes on (check-in): superseded by the finished visit, and never the other way round."""

    @property
    def day(self) -> date | None:
        """The day of the visit in Vietnam's time: names and codes are those of this day. None for an empty one."""
        stays = (draft.record for draft in self.drafts if isinstance(draft.record, Encounter))
        record = next(stays, self.drafts[0].record if self.drafts else None)
        return instant_of(record.time).astimezone(VIETNAM).date() if record else None


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to a submission (contract §3). `version` counts the versions of the episode, 0 for a refused one.

    Times are RFC 3339. `replaced_by` names the receipt of the version that came after this one, and
    `retracted_at` says since when the visit is taken back: until either is set, ACCEPTED means readable in the book.
    """

    id: str
    status: Status
    episode: str
    version: int
    records: int
    problems: tuple[Problem, ...]
    received_at: str = ""
    replaced_by: str | None = None
    retracted_at: str | None = None


@dataclass(frozen=True, slots=True)
class ReceiptQuery:
    """Which of its receipts a facility asks for, newest first; None narrows nothing. `after` is the last one seen."""

    first: int = 50
    after: tuple[datetime, bytes] | None = None
    status: Status | None = None
    episode: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A submission of which nobody knows whose it is: enough to ask the facility, nothing about the person."""

    receipt: str
    facility: str
    source: str
    received_at: str
    rules: tuple[str, ...] = ()
    """Why it waits, when it names a number that is doubtful."""


@dataclass(frozen=True, slots=True)
class Receipts:
    """A page of receipts, where each stands, and how many there are of each status (whatever status was asked for)."""

    receipts: tuple[Receipt, ...]
    places: tuple[tuple[datetime, bytes], ...]
    has_next: bool
    counts: dict[Status, int]


def refused(problems: tuple[Problem, ...]) -> bool:
    """Whether any problem refuses the visit."""
    return any(problem.severity is Severity.ERROR for problem in problems)


def capped(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    """At most MOST_PROBLEMS of them, errors first, and one more that says how many were left out at least."""
    if len(problems) <= MOST_PROBLEMS:
        return tuple(problems)
    ordered = sorted(problems, key=lambda found: found.severity is not Severity.ERROR)
    left_out = len(problems) - MOST_PROBLEMS
    more = Problem(
        ordered[MOST_PROBLEMS].severity,
        "problems.more",
        f"Còn ít nhất {left_out} vấn đề khác không liệt kê.",
        f"At least {left_out} more problem{'s are' if left_out > 1 else ' is'} not listed.",
    )
    return (*ordered[:MOST_PROBLEMS], more)


def records_from(
    visit: VisitSummary,
    *,
    facility_name: str | None,
    now: datetime,
    key_for: Callable[[str], bytes],
    lists: CodeLists,
) -> tuple[Record, ...]:
    """The records of a visit that nothing refuses: keyed, labelled, with their provenance.

    `key_for` makes the 12-byte record key of an identity inside this episode; two drafts with one identity
    (the same drug twice at the same time) are told apart by their order.
    """
    labels = set(labels_of((draft.record for draft in visit.drafts), lists))
    labels.update(label for given in visit.labels for label in with_broader(given))
    sensitive = tuple(sorted(labels))
    received = now.isoformat(timespec="milliseconds")
    facility = Facility(visit.facility, facility_name)
    seen: dict[str, int] = {}
    records: list[Record] = []
    for draft in visit.drafts:
        nth = seen[draft.identity] = seen.get(draft.identity, 0) + 1
        identity = draft.identity if nth == 1 else f"{draft.identity}#{nth}"
        drafted = draft.record.provenance
        provenance = Provenance(
            facility=facility,
            practitioner=drafted.practitioner,
            author=drafted.author,
            organization=drafted.organization,
            submitted_at=received,
            source=visit.source,
            source_row=f"{draft.table}#{draft.row}" if draft.row is not None else draft.table,
            signed=visit.signature is LegalStatus.SIGNED,
            legal_status=visit.signature,
            signer=visit.signer,
            signed_at=visit.signed_at,
        )
        records.append(
            msgspec.structs.replace(
                draft.record,
                key=key_for(identity),
                provenance=provenance,
                labels=sensitive,
            )
        )
    return tuple(records)
