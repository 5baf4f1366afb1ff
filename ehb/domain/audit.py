"""The trail: what was asked, by whom, and which rule answered (IHE BALP shape, standards row C7).

One event for one decision, permits and refusals alike. The one invariant: nothing clinical and no identity
number stands in an event; people appear as their random keys, so the trail of an erased book names nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ehb.domain.access import AccessRequest, Deny, Permit
from ehb.domain.provision import Purpose
from ehb.domain.records import Section


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One line of the trail. `patient_id` is None when the question named no book that exists."""

    time: datetime
    path: str
    """Where the question came in: a GraphQL root field or a route, never a URL with values."""
    action: str
    purpose: str
    outcome: str
    """PERMIT or DENY."""
    rule: str
    """The ground that let them in, or the reason that kept them out."""
    agent_kind: str
    agent_session: str
    agent_patient_id: bytes | None
    agent_facility: str | None
    patient_id: bytes | None
    sections: tuple[Section, ...]
    agent_licence: str | None = None
    """For a practitioner: under which licence they asked."""
    agent_actor: str | None = None
    """The facility's system (its client) that asked for them, by token exchange (RFC 8693)."""
    source: bytes | None = None
    """The consent, presentation, guardianship or emergency that let them in, or the consent that kept them out."""
    detail: str | None = None
    """What was done, more exactly than the action says it (`ehb.domain.trail_words.DETAILS`)."""


_AT_WORK = frozenset({Purpose.TREATMENT, Purpose.EMERGENCY_TREATMENT, Purpose.ADMINISTRATION})


def acts_as_practitioner(request: AccessRequest) -> bool:
    """Whether somebody asks in a role of theirs, and not about their own book or their family's."""
    return request.principal.role is not None and not request.about_oneself and request.purpose in _AT_WORK


def audit_event(
    request: AccessRequest,
    decision: Permit | Deny,
    *,
    path: str,
    now: datetime,
    patient_id: bytes | None = None,
    sections: tuple[Section, ...] = (),
    source: bytes | None = None,
    detail: str | None = None,
) -> AuditEvent:
    """The event for one decision.

    `patient_id` names the book when the request could not; `source` what was done something to, when it was something.
    """
    permitted = isinstance(decision, Permit)
    role = request.principal.role if acts_as_practitioner(request) else None
    return AuditEvent(
        time=now,
        path=path,
        action=request.action.value,
        purpose=request.purpose.value,
        outcome="PERMIT" if permitted else "DENY",
        rule=decision.ground.value if isinstance(decision, Permit) else decision.reason.value,
        agent_kind=request.principal.kind.value,
        agent_session=request.principal.session,
        agent_patient_id=request.principal.patient_id,
        agent_facility=role.facility if role else request.principal.facility,
        patient_id=patient_id or request.patient_id,
        sections=sections if permitted else (),
        agent_licence=role.licence if role else None,
        agent_actor=request.principal.actor,
        source=source or (decision.rules[0].source if isinstance(decision, Permit) else decision.source),
        detail=detail,
    )
