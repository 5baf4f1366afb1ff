"""Consents: what a person says about who may see their book, and who may not (Law 91/2025 Art 9).

A permit opens part of the book to somebody for a purpose; a deny keeps somebody out, or keeps records or fields
closed. A block of a clinician and a record that is hidden from everybody are denies like any other. It owns no
access rule: it yields provisions, and `access.decide` judges them like any other.

The one invariant: what was agreed is never changed. It ends, and something else may be agreed.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter

from ehb.domain.identity import PractitionerRole, Principal
from ehb.domain.provision import AccessRequest, Action, DenyReason, Ground, Provision, Purpose
from ehb.domain.selection import EVERYTHING, Selection

READING: frozenset[Action] = frozenset({Action.READ, Action.DOWNLOAD, Action.RESHARE})
"""What a consent can be about."""


class GranteeKind(enum.StrEnum):
    """How a consent names whom it is about."""

    FACILITY = "FACILITY"
    """Every practitioner who works for the facility with this code."""
    PRACTITIONER = "PRACTITIONER"
    """The practitioner with this licence, wherever they work."""
    ROLE = "ROLE"
    """Every practitioner with this scope of practice."""
    PERSON = "PERSON"
    """A person with an electronic identity, such as a daughter."""
    ORGANIZATION = "ORGANIZATION"
    """A third party, such as an insurer; needs the managing unit's consent too."""
    ANYBODY = "ANYBODY"
    """Everybody but the person. For denies."""


_ANYBODY, _PERSON, _ORGANIZATION = GranteeKind.ANYBODY, GranteeKind.PERSON, GranteeKind.ORGANIZATION
"""By name, because a member looked up in its class costs as much as all else that is asked of one consent."""
_OF_ROLE: dict[GranteeKind, Callable[[PractitionerRole], str]] = {
    GranteeKind.FACILITY: attrgetter("facility"),
    GranteeKind.PRACTITIONER: attrgetter("licence"),
    GranteeKind.ROLE: attrgetter("scope"),
}
"""What of a practitioner's role a grantee of each kind names."""


class Party(enum.StrEnum):
    """Whose agreement a consent can need."""

    PERSON = "PERSON"
    REPRESENTATIVE = "REPRESENTATIVE"
    MANAGING_UNIT = "MANAGING_UNIT"


@dataclass(frozen=True, slots=True)
class Grantee:
    """Whom a consent is about. `value` is a facility code, a licence key, a folded scope, or for a person the keyed
    blind index of their number (hexadecimal); empty for anybody."""

    kind: GranteeKind
    value: str = ""
    label: str = field(default="", repr=False)
    """For a person: the giver's own words for them, such as "my wife"."""
    ending: str = field(default="", repr=False)
    """For a person: the last four characters of the number as it was given."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """The proof of what was agreed: the words as they were shown, by whom, when, how surely (Decree 356/2025)."""

    text: str
    version: str
    language: str
    at: datetime
    by: bytes
    """Key of the person who agreed."""
    assurance_level: int
    party: Party = Party.PERSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One statement. `purposes` and `actions` are never empty; `valid_until` is the first moment that is too late."""

    id: bytes
    permit: bool
    grantee: Grantee
    purposes: frozenset[Purpose]
    actions: frozenset[Action] = frozenset({Action.READ})
    select: Selection = EVERYTHING
    exceptions: tuple[Selection, ...] = ()
    labels: frozenset[str] = frozenset()
    """Sensitivity labels that a permit opens."""
    without: frozenset[str] = frozenset()
    """Fields that a permit leaves out, or that a deny closes."""
    valid_from: datetime
    valid_until: datetime | None = None
    max_uses: int | None = None
    needs: frozenset[Party] = frozenset({Party.PERSON})
    agreement: Agreement

    @property
    def hides_records(self) -> bool:
        """It keeps single records closed to everybody."""
        return not self.permit and self.grantee.kind is _ANYBODY and self.select.records is not None

    @property
    def permitted_by_representative(self) -> bool:
        """It lets somebody in on the word of who represents the person."""
        return self.permit and self.agreement.party is Party.REPRESENTATIVE

    @property
    def closed_by_representative(self) -> bool:
        """It keeps somebody out, or something closed, on the word of who represents the person."""
        return not self.permit and self.agreement.party is Party.REPRESENTATIVE


@dataclass(frozen=True, slots=True)
class HeldConsent:
    """A consent as it stands: what happened to it since it was given."""

    consent: Consent
    ended_at: datetime | None = None
    uses: int = 0
    approvals: frozenset[Party] = frozenset({Party.PERSON})
    person: bytes | None = field(default=None, repr=False)
    """Key of the person whom the grantee's number belongs to today."""

    def in_force(self, now: datetime) -> bool:
        """Given by all who must, begun, not over, not withdrawn, not used up."""
        consent = self.consent
        return (
            self.ended_at is None
            and consent.needs <= self.approvals
            and consent.valid_from <= now
            and (consent.valid_until is None or now < consent.valid_until)
            and (consent.max_uses is None or self.uses < consent.max_uses)
        )

    def names(self, principal: Principal, *, role_in_force: bool) -> bool:
        """Whether the caller is whom the consent is about."""
        grantee = self.consent.grantee
        kind, value = grantee.kind, grantee.value
        if kind in _OF_ROLE:
            role = principal.role if role_in_force else None
            return role is not None and _OF_ROLE[kind](role) == value
        if kind is _PERSON:
            if principal.actor is not None and self.consent.permit:
                return False  # what was permitted to a person is no system's
            return self.person is not None and self.person == principal.patient_id
        if kind is _ORGANIZATION:
            return principal.organization is not None and principal.organization == value
        return kind is _ANYBODY


_RESEARCH = Purpose.RESEARCH
_CONSENT, _THIRD_PARTY, _BLOCKED = Ground.CONSENT, Ground.THIRD_PARTY, DenyReason.BLOCKED


def provisions(held: HeldConsent, request: AccessRequest) -> tuple[Provision, ...]:
    """What a consent says about a request: one provision, or nothing when it is about something else.

    A person is never kept out of their own book.
    Nobody can permit anybody at all, nor a third party or research without the managing unit; keeping them out needs no
    one else, and holds for a practitioner whose role has lapsed, too. Asks first what costs least.
    """
    consent, now, permit = held.consent, request.now, held.consent.permit
    if request.purpose not in consent.purposes or request.action not in consent.actions:
        return ()
    if not held.names(request.principal, role_in_force=request.role_in_force or not permit):
        return ()
    if now is None or request.about_oneself or not held.in_force(now):
        return ()
    kind = consent.grantee.kind
    third_party = kind is _ORGANIZATION
    with_unit = third_party or request.purpose is _RESEARCH
    if permit and (kind is _ANYBODY or (with_unit and Party.MANAGING_UNIT not in consent.needs)):
        return ()
    ground, uses = _THIRD_PARTY if third_party else _CONSENT, consent.max_uses
    select, exceptions, without = consent.select, consent.exceptions, consent.without
    if permit:
        return (
            Provision(True, ground, select, exceptions, consent.labels, without, consent.id, limited=uses is not None),
        )
    return (Provision(False, ground, select, exceptions, None, without, consent.id, reason=_BLOCKED),)
