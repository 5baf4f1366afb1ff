"""Who may do what, and on which legal ground.

`decide` is the only code that answers "may they?", and the only code that makes a `Permit`. It folds what
the grounds yield: a deny beats a permit, and no provision at all is Deny. Consents, presentations, guardianships,
emergencies, statutory tasks and third parties are grounds like the own book, never a second decision.

The one invariant: without a Permit no store method on personal data can be called, and a Permit opens
exactly what it names.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from ehb.domain.consent import READING
from ehb.domain.grounds import GROUNDS, NOTHING_STANDS, GroundRule, Standing, StatutoryTask
from ehb.domain.identity import Principal, PrincipalKind
from ehb.domain.provision import AccessRequest, Action, DenyReason, Ground, Provision, Purpose
from ehb.domain.records import Record, Section
from ehb.domain.selection import EVERYTHING, WITHHOLDABLE

_DELEGABLE = frozenset({Action.READ, Action.FIND_PATIENT, Action.OPEN_PRESENTATION, Action.OPEN_EMERGENCY})
ALL_SECTIONS: frozenset[Section] = frozenset(Section)


@dataclass(frozen=True, slots=True)
class Withheld:
    """Why one record is closed, and which consent says so, when one does. For the person alone."""

    reason: DenyReason
    source: bytes | None = None


@dataclass(frozen=True, slots=True)
class Permit:
    """The right to do one thing. Made by `decide` alone; stores turn it into their filter.

    A record is open when a rule opens it and nothing in `closed` closes it; a field is left out when every rule
    that opens the record leaves it out, or something closes it.
    """

    ground: Ground
    action: Action
    purpose: Purpose
    principal: Principal
    patient_id: bytes | None
    facility: str | None
    rules: tuple[Provision, ...]
    closed: tuple[Provision, ...] = ()

    @property
    def sections(self) -> frozenset[Section]:
        """Sections in which a rule could open something that nothing closes; says nothing about what there is."""
        closed = [deny.select for deny in self.closed if not deny.without]
        if not closed and any(rule.select.is_everything and not rule.exceptions for rule in self.rules):
            return ALL_SECTIONS
        return frozenset(
            section
            for section in Section
            if any(_may_open(rule, section) for rule in self.rules)
            and not any(select.holds_all(section) for select in closed)
        )

    @property
    def opens_all(self) -> bool:
        """Every record and every field, whatever there is."""
        return not self.closed and any(
            rule.select.is_everything and rule.labels is None and not rule.exceptions and not rule.without
            for rule in self.rules
        )

    @property
    def opens_history(self) -> bool:
        """What was corrected or taken back is for the person, and for whoever represents them."""
        return self.ground in (Ground.OWN_BOOK, Ground.REPRESENTATION)

    def opens(self, record: Record) -> bool:
        """Whether the record may be seen at all."""
        return any(_opens(rule, record) for rule in self.rules) and not any(
            deny.select.holds(record) for deny in self.closed if not deny.without
        )

    def why_not(self, record: Record) -> Withheld:
        """Why a record is not open: what closes it, else what the rules that come nearest leave out."""
        for deny in self.closed:
            if not deny.without and deny.select.holds(record):
                return Withheld(DenyReason.BLOCKED, deny.source)
        near = [rule for rule in self.rules if rule.select.holds(record)]
        for rule in near:
            if any(exception.holds(record) for exception in rule.exceptions):
                return Withheld(DenyReason.EXCEPTED, rule.source)
        if near:
            return Withheld(DenyReason.SENSITIVE, near[0].source)
        return Withheld(DenyReason.NO_LEGAL_GROUND)

    def shown(self, record: Record) -> Record:
        """An open record without the fields that stay closed."""
        if not self.closes_fields:
            return record
        left_out = [rule.without for rule in self.rules if _opens(rule, record)]
        closed = frozenset.intersection(*left_out) if left_out else frozenset()
        closed = closed.union(*(deny.without for deny in self.closed if deny.select.holds(record)))
        gone = closed & WITHHOLDABLE[type(record).__name__]
        return msgspec.structs.replace(record, **{name: _DEFAULTS[type(record)][name] for name in gone})

    @property
    def closes_fields(self) -> bool:
        return any(one.without for one in (*self.rules, *self.closed))


def _opens(rule: Provision, record: Record) -> bool:
    return (
        rule.select.holds(record)
        and (rule.labels is None or rule.labels.issuperset(record.labels))
        and not any(exception.holds(record) for exception in rule.exceptions)
    )


def _may_open(rule: Provision, section: Section) -> bool:
    return rule.select.may_hold(section) and not any(exception.holds_all(section) for exception in rule.exceptions)


def _defaults(kind: type[Record]) -> dict[str, object]:
    fields = msgspec.structs.fields(kind)
    return {field.name: field.default for field in fields if field.default is not msgspec.NODEFAULT}


_DEFAULTS = {kind: _defaults(kind) for kind in Record.__subclasses__()}


@dataclass(frozen=True, slots=True)
class Deny:
    """No. The reason is for the trail."""

    reason: DenyReason
    source: bytes | None = None
    """The consent that says no, when one does."""


def decide(
    request: AccessRequest, standing: Standing = NOTHING_STANDS, grounds: tuple[GroundRule, ...] = GROUNDS
) -> Permit | Deny:
    """The answer to one request. What denies everything denies; what denies a part closes it in the permit.

    The order of grounds and of what stands decides only which ground the permit is named after.
    """
    if request.principal.kind is PrincipalKind.ANONYMOUS:
        return Deny(DenyReason.NOT_SIGNED_IN)
    if request.principal.actor is not None and not _delegable(request):
        return Deny(DenyReason.DELEGATED)
    suffices = request.assurance.suffices(request.principal, opens_more=request.opens_more, now=request.now)
    if not suffices and request.action is not Action.SIGN_IN:
        return Deny(DenyReason.STEP_UP)
    rules: list[Provision] = []
    closed: list[Provision] = []
    for ground in grounds:
        for provision in ground(request, standing):
            if provision.permit:
                rules.append(provision)
            elif provision.closes_all:
                return Deny(provision.reason or DenyReason.DENIED, provision.source)
            else:
                closed.append(provision)
    if not rules:
        return Deny(_why_not(request))
    needed = _needed(rules)
    return Permit(
        ground=needed[0].ground,
        action=request.action,
        purpose=request.purpose,
        principal=request.principal,
        patient_id=request.patient_id,
        facility=request.facility,
        rules=needed,
        closed=tuple(closed),
    )


def _delegable(request: AccessRequest) -> bool:
    """What a facility's system may do for a clinician: treat somebody else, in the clinician's role (row A6)."""
    return (
        request.principal.role is not None
        and not request.about_oneself
        and request.action in _DELEGABLE
        and request.purpose in (Purpose.TREATMENT, Purpose.EMERGENCY_TREATMENT)
    )


def _needed(rules: list[Provision]) -> tuple[Provision, ...]:
    """The rules without those for a number of openings that an unlimited one covers: an opening is none of theirs."""
    unlimited = [rule for rule in rules if not rule.limited]
    if len(unlimited) == len(rules):
        return tuple(rules)
    return tuple([rule for rule in rules if not (rule.limited and any(one.covers(rule) for one in unlimited))])


def _why_not(request: AccessRequest) -> DenyReason:
    """A lapsed role is told where one in force could have let them in, and nowhere else: nobody looked it up there."""
    lapsed = request.principal.role is not None and not request.role_in_force
    about_care = request.purpose in (Purpose.TREATMENT, Purpose.EMERGENCY_TREATMENT) and request.action in READING
    if lapsed and about_care and not request.about_oneself:
        return DenyReason.ROLE_NOT_IN_FORCE
    return DenyReason.NO_LEGAL_GROUND


__all__ = [
    "ALL_SECTIONS",
    "EVERYTHING",
    "GROUNDS",
    "NOTHING_STANDS",
    "AccessRequest",
    "Action",
    "Deny",
    "DenyReason",
    "Ground",
    "GroundRule",
    "Permit",
    "Provision",
    "Purpose",
    "Standing",
    "StatutoryTask",
    "Withheld",
    "decide",
]
