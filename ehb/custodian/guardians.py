"""Who represents whom: a steward enters what was proven, and both sides see it.

The one invariant: nobody makes themselves a guardian.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from ehb.custodian.consents import own_affair
from ehb.custodian.door import Door
from ehb.domain.access import AccessRequest, Action, Deny, DenyReason, Permit, Purpose
from ehb.domain.audit import AuditEvent, audit_event
from ehb.domain.guardianship import Appointment, HeldGuardianship
from ehb.domain.identity import Identifier, Principal
from ehb.errors import Conflict, NotFound


class Relative(Protocol):
    """The other side of a guardianship."""

    @property
    def patient_id(self) -> bytes: ...

    @property
    def name(self) -> str | None: ...

    @property
    def birth_date(self) -> str | None: ...

    @property
    def held(self) -> HeldGuardianship: ...


class GuardianStore(Protocol):
    """What guardians need of the store; `ehb.store.guardians.GuardianShelf` is the one there is."""

    async def appoint(
        self, permit: Permit, ward: Identifier, guardian: Identifier, appointment: Appointment, event: AuditEvent
    ) -> None: ...

    async def end(self, permit: Permit, ward: Identifier, guardian: Identifier, event: AuditEvent) -> None: ...

    async def wards(self, permit: Permit) -> Sequence[Relative]: ...

    async def guardians(self, permit: Permit) -> Sequence[Relative]: ...


class HasGuardians(Protocol):
    """The part of the store that this room is given."""

    async def record_event(self, event: AuditEvent) -> None: ...

    @property
    def guardians(self) -> GuardianStore: ...


class Guardians:
    """The desk for those who speak for others."""

    def __init__(self, door: Door, store: HasGuardians, clock: Callable[[], datetime]) -> None:
        self._door = door
        self._store = store
        self._clock = clock

    async def appoint(
        self, principal: Principal, ward: Identifier, guardian: Identifier, appointment: Appointment, *, path: str
    ) -> None:
        """For a steward: enter a guardianship that was proven.

        Raises Forbidden, NotFound for an unknown number, and Conflict for what the law does not know, such as a
        parent of an adult; the attempt is in the trail all the same.
        """
        request, permit = await self._steward(principal, path)
        event = audit_event(request, permit, path=path, now=self._clock(), detail="GUARDIAN_ENTERED")
        try:
            await self._store.guardians.appoint(permit, ward, guardian, appointment, event)
        except (NotFound, Conflict):
            await self._door.refuse(request, Deny(DenyReason.NO_LEGAL_GROUND), path)
            raise

    async def end(self, principal: Principal, ward: Identifier, guardian: Identifier, *, path: str) -> None:
        """For a steward: end one. Raises Forbidden and NotFound."""
        request, permit = await self._steward(principal, path)
        event = audit_event(request, permit, path=path, now=self._clock(), detail="GUARDIAN_ENDED")
        try:
            await self._store.guardians.end(permit, ward, guardian, event)
        except NotFound:
            await self._door.refuse(request, Deny(DenyReason.NO_LEGAL_GROUND), path)
            raise

    async def wards(self, principal: Principal, *, path: str) -> Sequence[Relative]:
        """Whom the caller represents at this moment. Raises Forbidden."""
        request, permit = await self._door.about(own_affair(principal, Action.READ_CONSENTS, None), path)
        now = self._clock()
        await self._store.record_event(audit_event(request, permit, path=path, now=now))
        found = await self._store.guardians.wards(permit)
        return [one for one in found if one.held.in_force(now, one.birth_date)]

    async def guardians(self, principal: Principal, patient_id: bytes | None, *, path: str) -> Sequence[Relative]:
        """Who represents somebody, and did. Raises Forbidden."""
        request, permit = await self._door.about(own_affair(principal, Action.READ_CONSENTS, patient_id), path)
        await self._store.record_event(audit_event(request, permit, path=path, now=self._clock()))
        return await self._store.guardians.guardians(permit)

    async def _steward(self, principal: Principal, path: str) -> tuple[AccessRequest, Permit]:
        request = AccessRequest(principal, Action.APPOINT_GUARDIAN, Purpose.ADMINISTRATION)
        return request, await self._door.authorise(request, path)
