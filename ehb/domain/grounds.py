"""The legal grounds: each a pure function from a request, and from what stands about the person, to provisions.

A ground answers nothing by itself: `access.decide` folds what all of them yield. A new ground (another statutory
task, another third party) is one more function here, and nothing else.

The one invariant: a ground that is not sure yields nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ehb.domain import consent, emergency, guardianship, presentation
from ehb.domain.coding import VIETNAM
from ehb.domain.consent import READING, HeldConsent, Party
from ehb.domain.emergency import HeldEmergency
from ehb.domain.guardianship import HeldGuardianship
from ehb.domain.identity import PrincipalKind
from ehb.domain.presentation import HeldPresentation
from ehb.domain.provision import AccessRequest, Action, DenyReason, Ground, Provision, Purpose
from ehb.domain.selection import Selection

NOTHING = Selection(sections=frozenset())

_OWN_AFFAIRS = frozenset(
    {
        Action.GIVE_CONSENT,
        Action.WITHDRAW_CONSENT,
        Action.READ_CONSENTS,
        Action.PRESENT,
        Action.END_EMERGENCY,
        Action.DISOWN_VISIT,
        Action.READ_TRAIL,
        Action.DISPUTE,
        Action.PREVIEW,
    }
)
"""What a person, or who represents them, may do about their book besides reading it."""
_STEWARDSHIP = frozenset(
    {
        Action.LIST_WAITING,
        Action.RESOLVE_IDENTITY,
        Action.MERGE_PEOPLE,
        Action.APPOINT_GUARDIAN,
        Action.REVIEW_EMERGENCY,
        Action.LIST_DISPUTES,
    }
)
_DUTIES = frozenset({Action.SUBMIT, Action.RETRACT, Action.READ_RECEIPT})
_IN_CARE = {
    Action.OPEN_PRESENTATION: Purpose.TREATMENT,
    Action.OPEN_EMERGENCY: Purpose.EMERGENCY_TREATMENT,
    Action.REVIEW_EMERGENCY: Purpose.ADMINISTRATION,
}


@dataclass(frozen=True, slots=True)
class StatutoryTask:
    """A task that the law gives a state body: which part of every book it may read, for which purpose."""

    organization: str
    purpose: Purpose
    select: Selection
    labels: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Standing:
    """All that stands about one book: what its person said, and what the law says in their place."""

    consents: tuple[HeldConsent, ...] = ()
    presentations: tuple[HeldPresentation, ...] = ()
    emergencies: tuple[HeldEmergency, ...] = ()
    guardianships: tuple[HeldGuardianship, ...] = ()
    tasks: tuple[StatutoryTask, ...] = ()
    birth_date: str | None = None
    """The birth date by which ages are decided (`ehb.domain.matching.closing_birth_date`)."""
    opened: object = field(default=None, compare=False, repr=False)
    """What the store opened to find all this out; handed back to it unread, so that a read need not open it again."""


NOTHING_STANDS = Standing()


GroundRule = Callable[[AccessRequest, Standing], Iterable[Provision]]


def own_book(request: AccessRequest, _: Standing) -> Iterable[Provision]:
    """A person reads their own book, and looks after it, for their own purpose."""
    if (
        not request.about_oneself
        or request.principal.kind is not PrincipalKind.CITIZEN
        or request.purpose is not Purpose.PATIENT_REQUEST
    ):
        return
    if request.action in READING:
        yield Provision(True, Ground.OWN_BOOK, labels=None)
    elif request.action in _OWN_AFFAIRS:
        yield Provision(True, Ground.OWN_BOOK, NOTHING)


def own_identity(request: AccessRequest, _: Standing) -> Iterable[Provision]:
    """A person at the end of an eID login: no session yet, so the principal has no book yet."""
    principal = request.principal
    if (
        principal.patient_id is None
        and request.patient_id is None
        and principal.kind is PrincipalKind.CITIZEN
        and request.action is Action.SIGN_IN
        and request.purpose is Purpose.PATIENT_REQUEST
    ):
        yield Provision(True, Ground.OWN_IDENTITY, NOTHING)


def representation(request: AccessRequest, standing: Standing) -> Iterable[Provision]:
    """A guardian reads for somebody, and looks after their book."""
    for held in _spoken_for(request, standing):
        if request.action in READING:
            yield guardianship.reading(held, standing.birth_date, request.now)
        elif request.action in _OWN_AFFAIRS:
            yield Provision(True, Ground.REPRESENTATION, NOTHING, source=held.guardianship.id)


def consented(request: AccessRequest, standing: Standing) -> Iterable[Provision]:
    """What the person agreed to, and whom or what they keep out.

    What a guardian closes is closed to others: neither they nor another guardian of the same person is kept out by it.
    What a guardian permitted alone ends when the child is old enough to be asked (Law 91/2025 Art 24).
    """
    speaks = bool(standing.guardianships) and bool(_spoken_for(request, standing))
    return [
        provision
        for held in standing.consents
        if not (speaks and held.consent.closed_by_representative) and not _outgrown(held, request, standing)
        for provision in consent.provisions(held, request)
    ]


def _outgrown(held: HeldConsent, request: AccessRequest, standing: Standing) -> bool:
    """Whether a permit rests on a guardian's word alone, about somebody who has to agree by now.

    A ward whom a court gave a guardian does not outgrow it while that guardianship stands.
    """
    if not held.consent.permitted_by_representative or Party.PERSON in held.approvals:
        return False
    if request.now is None or any(
        one.guardianship.relation is guardianship.Relation.GUARDIAN_OF_WARD and one.in_force(request.now, None)
        for one in standing.guardianships
    ):
        return request.now is None
    years = guardianship.age(standing.birth_date, request.now.astimezone(VIETNAM).date())
    return years is None or years >= guardianship.ASSENT_FROM


def _spoken_for(request: AccessRequest, standing: Standing) -> list[HeldGuardianship]:
    """The guardianships under which the caller speaks for the person."""
    return [held for held in standing.guardianships if guardianship.speaks(held, standing.birth_date, request)]


def presented(request: AccessRequest, standing: Standing) -> Iterable[Provision]:
    """What the person shows to the clinician in front of them."""
    for held in standing.presentations:
        yield from presentation.provisions(held, request)


def in_emergency(request: AccessRequest, standing: Standing) -> Iterable[Provision]:
    """What an emergency opens."""
    for held in standing.emergencies:
        yield from emergency.provisions(held, request)


def statutory(request: AccessRequest, standing: Standing) -> Iterable[Provision]:
    """What a state body reads within its task. No such caller can sign in yet."""
    for task in standing.tasks:
        if (
            request.principal.organization is not None
            and request.principal.organization == task.organization
            and request.purpose is task.purpose
            and request.action is Action.READ
        ):
            yield Provision(True, Ground.STATUTORY_TASK, task.select, labels=task.labels)


def by_number(request: AccessRequest, _: Standing) -> Iterable[Provision]:
    """Whoever has somebody's number may name their book by it; that opens nothing, nor tells whether there is one."""
    if (
        request.action is Action.FIND_PATIENT
        and request.purpose is Purpose.TREATMENT
        and request.principal.kind is PrincipalKind.CITIZEN
        and request.principal.patient_id is not None
    ):
        yield Provision(True, Ground.OWN_IDENTITY, NOTHING)


def care_role(request: AccessRequest, _: Standing) -> Iterable[Provision]:
    """A practitioner on duty opens what is presented, opens in an emergency, reviews a colleague's emergency."""
    if request.principal.role is None or _IN_CARE.get(request.action) is not request.purpose:
        return
    if not request.role_in_force:
        yield Provision(False, Ground.CARE_ROLE, reason=DenyReason.ROLE_NOT_IN_FORCE)
    elif not request.about_oneself:
        yield Provision(True, Ground.CARE_ROLE, NOTHING)


def duty_to_submit(request: AccessRequest, _: Standing) -> Iterable[Provision]:
    """A facility submits and takes back in its own name and reads its own receipts; it opens no book by doing so."""
    principal = request.principal
    if (
        principal.facility is None
        or principal.kind is not PrincipalKind.FACILITY
        or request.action not in _DUTIES
        or request.purpose is not Purpose.TREATMENT
    ):
        return
    if request.facility != principal.facility:
        yield Provision(False, Ground.DUTY_TO_SUBMIT, reason=DenyReason.OTHER_FACILITY)
    elif request.suspended:
        yield Provision(False, Ground.DUTY_TO_SUBMIT, reason=DenyReason.FACILITY_SUSPENDED)
    else:
        yield Provision(True, Ground.DUTY_TO_SUBMIT, NOTHING)


def stewardship(request: AccessRequest, _: Standing) -> Iterable[Provision]:
    """A steward keeps identities right. The person behind a number is found by the store, never shown."""
    if (
        request.action in _STEWARDSHIP
        and request.principal.kind is PrincipalKind.STEWARD
        and request.purpose is Purpose.ADMINISTRATION
        and request.principal.session
    ):
        yield Provision(True, Ground.STEWARDSHIP, NOTHING)


GROUNDS: tuple[GroundRule, ...] = (
    own_book,
    own_identity,
    representation,
    presented,
    consented,
    in_emergency,
    statutory,
    by_number,
    care_role,
    duty_to_submit,
    stewardship,
)
