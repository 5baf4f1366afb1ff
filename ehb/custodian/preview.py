"""What somebody else would see of one's book: the same standing, the same decision, the same query.

The one invariant: the permit of a preview is the viewer's own, made by the same `decide`; the line that it leaves
says that the person looked at a preview, and nothing that would look like an access by the viewer.
"""

from __future__ import annotations

import dataclasses
import os
from asyncio import gather
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from ehb.custodian.consents import own_affair
from ehb.custodian.door import Door, StandingStore
from ehb.domain.access import (
    AccessRequest,
    Action,
    Deny,
    DenyReason,
    Permit,
    Purpose,
    Standing,
    Withheld,
    decide,
)
from ehb.domain.assurance import HIGHEST
from ehb.domain.audit import AuditEvent, audit_event
from ehb.domain.book import ReadQuery
from ehb.domain.coding import VIETNAM
from ehb.domain.emergency import Emergency, HeldEmergency
from ehb.domain.guardianship import HeldGuardianship
from ehb.domain.identity import Patient, PractitionerRole, Principal, PrincipalKind
from ehb.domain.presentation import Holder
from ehb.domain.records import Record, Section
from ehb.errors import Forbidden, NotFound

_SOMEBODY = b"\x00" * 16
"""Key of a book that nobody has: a viewer in a preview is not the person."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Through whose eyes: a practitioner in a role (an empty licence: anybody at the facility), or a guardian."""

    role: PractitionerRole | None = None
    emergency: bool = False
    """In an emergency, after the reason."""
    declared: bool = False
    """After the second declaration, too."""
    guardianship: bytes | None = None
    """Id of the guardianship, for a guardian."""


@dataclass(frozen=True, slots=True)
class Previewed:
    """What the viewer would get: the decision, the records, and what they would not get and why."""

    patient_id: bytes
    patient: Patient
    decision: Permit | Deny
    records: list[Record]
    sections: frozenset[Section]
    withheld: list[tuple[Record, Withheld]]
    now: datetime


class HasBooks(Protocol):
    """The part of the store that this room is given."""

    async def record_event(self, event: AuditEvent) -> None: ...

    async def find(self, permit: Permit, query: ReadQuery) -> tuple[Patient | None, list[Record]]: ...

    async def role_in_force(self, role: PractitionerRole, day: date) -> bool: ...

    async def facility_in_force(self, code: str, day: date) -> bool: ...

    @property
    def consents(self) -> StandingStore: ...


class Previews:
    """The desk where people try what they said."""

    def __init__(self, door: Door, store: HasBooks, clock: Callable[[], datetime]) -> None:
        self._door = door
        self._store = store
        self._clock = clock

    async def preview(self, principal: Principal, patient_id: bytes | None, viewer: Viewer, *, path: str) -> Previewed:
        """What the viewer would see at this moment. Raises Forbidden, and NotFound for a guardianship of others.

        A representative to whom sensitive records are closed cannot look through anybody's eyes: what is withheld
        from others would tell them what there is.
        """
        asked = own_affair(principal, Action.PREVIEW, patient_id)
        request, permit = await self._door.about(asked, path)
        book, now = permit.patient_id, self._clock()
        if book is None or not await self._door.opens_sensitive(asked):
            await self._door.refuse(request, Deny(DenyReason.NO_LEGAL_GROUND), path)
            raise Forbidden
        standing = await self._store.consents.standing(book, now)
        seen, standing = await self._as(viewer, book, standing, now)
        decision = decide(seen, standing)
        reading = own_affair(principal, Action.READ, patient_id)
        own = decide(*await self._door.known(reading))
        if isinstance(own, Deny):
            raise Forbidden
        event = audit_event(request, permit, path=path, now=now)
        _, (patient, whole), (_, shown) = await gather(
            self._store.record_event(event), self._store.find(own, ReadQuery()), self._seen(decision)
        )
        if patient is None:
            raise Forbidden
        there = {record.key for record in shown}
        withheld = [(record, _why(decision, record)) for record in whole if record.key not in there]
        opened = decision.sections if isinstance(decision, Permit) else frozenset[Section]()
        return Previewed(book, patient, decision, list(shown), opened, withheld, now)

    async def _seen(self, decision: Permit | Deny) -> tuple[Patient | None, Sequence[Record]]:
        return await self._store.find(decision, ReadQuery()) if isinstance(decision, Permit) else (None, ())

    async def _as(
        self, viewer: Viewer, book: bytes, standing: Standing, now: datetime
    ) -> tuple[AccessRequest, Standing]:
        """The question that the viewer would ask, and what would stand then."""
        if viewer.guardianship is not None:
            held = _guardianship(standing, viewer.guardianship)
            guardian = Principal(
                PrincipalKind.CITIZEN, held.guardianship.guardian, assurance_level=HIGHEST, session="preview"
            )
            return AccessRequest(guardian, Action.READ, Purpose.FAMILY_REQUEST, patient_id=book, now=now), standing
        role = viewer.role
        if role is None:
            raise NotFound
        day = now.astimezone(VIETNAM).date()
        in_force = await (
            self._store.role_in_force(role, day) if role.licence else self._store.facility_in_force(role.facility, day)
        )
        principal = Principal(
            PrincipalKind.CITIZEN, _SOMEBODY, roles=(role,), role=role, assurance_level=HIGHEST, session="preview"
        )
        purpose = Purpose.EMERGENCY_TREATMENT if viewer.emergency else Purpose.TREATMENT
        request = AccessRequest(principal, Action.READ, purpose, patient_id=book, role_in_force=in_force, now=now)
        if not viewer.emergency:
            return request, standing
        emergency = Emergency(os.urandom(16), Holder(role.licence, role.facility), now, "")
        held_emergency = HeldEmergency(emergency, now if viewer.declared else None)
        return request, dataclasses.replace(standing, emergencies=(*standing.emergencies, held_emergency))


def _guardianship(standing: Standing, wanted: bytes) -> HeldGuardianship:
    for held in standing.guardianships:
        if held.guardianship.id == wanted:
            return held
    raise NotFound


def _why(decision: Permit | Deny, record: Record) -> Withheld:
    return decision.why_not(record) if isinstance(decision, Permit) else Withheld(decision.reason, decision.source)
