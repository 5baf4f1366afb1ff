"""Who may do what, and on which legal ground.

`decide` is the only code that answers "may they?", and the only code that makes a `Permit`. A ground is a
pure function from a request to the provisions it yields; `decide` folds them: a deny provision beats a
permit, and no provision at all is Deny. Consent, presentation, guardianship, emergency and statutory tasks
join as further grounds, never as a second decision.

The one invariant: without a Permit no store method on personal data can be called, and a Permit opens
exactly what it names.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ehb.domain.identity import Principal, PrincipalKind
from ehb.domain.records import Section

ALL_SECTIONS: frozenset[Section] = frozenset(Section)


class Purpose(enum.StrEnum):
    """Why somebody asks (HL7 v3-ActReason codes as values)."""

    PATIENT_REQUEST = "PATRQT"
    TREATMENT = "TREAT"
    EMERGENCY_TREATMENT = "ETREAT"
    PUBLIC_HEALTH = "PUBHLTH"
    RESEARCH = "HRESCH"
    PAYMENT = "HPAYMT"
    ADMINISTRATION = "PATADMIN"


class Action(enum.StrEnum):
    """What somebody asks to do."""

    READ = "READ"
    """Open records of one person's book."""
    SIGN_IN = "SIGN_IN"
    """Find or open the book of the person whom the eID just vouched for."""
    SUBMIT = "SUBMIT"
    """Append records that a facility made; opens nothing."""
    RETRACT = "RETRACT"
    """Take back an own submission that was entered in error."""
    READ_RECEIPT = "READ_RECEIPT"
    """See the outcome of own submissions."""
    LIST_WAITING = "LIST_WAITING"
    """See which submissions wait for an identity; opens nothing of them."""
    RESOLVE_IDENTITY = "RESOLVE_IDENTITY"
    """Say whose a waiting submission is."""
    MERGE_PEOPLE = "MERGE_PEOPLE"
    """Let two people who are one share a book, or undo it."""


class Ground(enum.StrEnum):
    """The legal ground that a permit rests on."""

    OWN_BOOK = "OWN_BOOK"
    """The person's own data (Decree 102/2025 Art 10, class of data subject)."""
    OWN_IDENTITY = "OWN_IDENTITY"
    """The eID vouched for this very person."""
    DUTY_TO_SUBMIT = "DUTY_TO_SUBMIT"
    """A lawful facility must feed the health book (Decree 102/2025 Art 10.5b, Art 23)."""
    STEWARDSHIP = "STEWARDSHIP"
    """The managing unit corrects what was found wrong (Decree 102/2025 Art 24)."""


class DenyReason(enum.StrEnum):
    """Why not. For the trail, never for the outside."""

    NOT_SIGNED_IN = "NOT_SIGNED_IN"
    NO_LEGAL_GROUND = "NO_LEGAL_GROUND"
    OTHER_FACILITY = "OTHER_FACILITY"
    FACILITY_SUSPENDED = "FACILITY_SUSPENDED"
    DENIED = "DENIED"


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """One question: may this principal do this, for this purpose, to this person or for this facility?"""

    principal: Principal
    action: Action
    purpose: Purpose
    patient_id: bytes | None = None
    facility: str | None = None
    suspended: bool = False
    """The registry does not know the principal's facility as in force today."""


@dataclass(frozen=True, slots=True)
class Provision:
    """What one ground says about one request. `reason` explains a refusal."""

    permit: bool
    ground: Ground
    sections: frozenset[Section] = frozenset()
    reason: DenyReason | None = None


@dataclass(frozen=True, slots=True)
class Permit:
    """The right to do one thing. Made by `decide` alone; stores turn it into their filter."""

    ground: Ground
    action: Action
    purpose: Purpose
    principal: Principal
    patient_id: bytes | None
    facility: str | None
    sections: frozenset[Section]


@dataclass(frozen=True, slots=True)
class Deny:
    """No. The reason is for the trail."""

    reason: DenyReason


GroundRule = Callable[[AccessRequest], Iterable[Provision]]


def own_book(request: AccessRequest) -> Iterable[Provision]:
    """A person reads their own book, for their own purpose."""
    principal = request.principal
    if (
        principal.kind is PrincipalKind.CITIZEN
        and request.action is Action.READ
        and request.purpose is Purpose.PATIENT_REQUEST
        and principal.patient_id is not None
        and principal.patient_id == request.patient_id
    ):
        yield Provision(True, Ground.OWN_BOOK, ALL_SECTIONS)


def own_identity(request: AccessRequest) -> Iterable[Provision]:
    """A person at the end of an eID login: no session yet, so the principal has no book yet."""
    principal = request.principal
    if (
        principal.kind is PrincipalKind.CITIZEN
        and request.action is Action.SIGN_IN
        and request.purpose is Purpose.PATIENT_REQUEST
        and principal.patient_id is None
        and request.patient_id is None
    ):
        yield Provision(True, Ground.OWN_IDENTITY)


def duty_to_submit(request: AccessRequest) -> Iterable[Provision]:
    """A facility submits and takes back in its own name and reads its own receipts; it opens no book by doing so."""
    principal = request.principal
    if (
        principal.kind is not PrincipalKind.FACILITY
        or request.action not in (Action.SUBMIT, Action.RETRACT, Action.READ_RECEIPT)
        or request.purpose is not Purpose.TREATMENT
        or principal.facility is None
    ):
        return
    if request.facility != principal.facility:
        yield Provision(False, Ground.DUTY_TO_SUBMIT, reason=DenyReason.OTHER_FACILITY)
    elif request.suspended:
        yield Provision(False, Ground.DUTY_TO_SUBMIT, reason=DenyReason.FACILITY_SUSPENDED)
    else:
        yield Provision(True, Ground.DUTY_TO_SUBMIT)


def stewardship(request: AccessRequest) -> Iterable[Provision]:
    """A steward keeps identities right. The person behind a number is found by the store, never shown."""
    if (
        request.principal.kind is PrincipalKind.STEWARD
        and request.action in (Action.LIST_WAITING, Action.RESOLVE_IDENTITY, Action.MERGE_PEOPLE)
        and request.purpose is Purpose.ADMINISTRATION
        and request.principal.session
    ):
        yield Provision(True, Ground.STEWARDSHIP)


GROUNDS: tuple[GroundRule, ...] = (own_book, own_identity, duty_to_submit, stewardship)


def decide(request: AccessRequest, grounds: tuple[GroundRule, ...] = GROUNDS) -> Permit | Deny:
    """The answer to one request: the first permit in the order of the grounds, unless anything denies."""
    if request.principal.kind is PrincipalKind.ANONYMOUS:
        return Deny(DenyReason.NOT_SIGNED_IN)
    provisions = [provision for ground in grounds for provision in ground(request)]
    for provision in provisions:
        if not provision.permit:
            return Deny(provision.reason or DenyReason.DENIED)
    if not provisions:
        return Deny(DenyReason.NO_LEGAL_GROUND)
    return Permit(
        ground=provisions[0].ground,
        action=request.action,
        purpose=request.purpose,
        principal=request.principal,
        patient_id=request.patient_id,
        facility=request.facility,
        sections=provisions[0].sections,
    )
