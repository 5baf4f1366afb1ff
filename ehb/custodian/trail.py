"""Reading the trail of a book, and objecting to a line of it.

The one invariant: reading the trail is in the trail.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import datetime
from typing import Protocol

from ehb.custodian.consents import own_affair
from ehb.custodian.door import Door
from ehb.domain.access import AccessRequest, Action, Deny, DenyReason, Permit, Purpose
from ehb.domain.audit import AuditEvent, audit_event
from ehb.domain.identity import Principal
from ehb.domain.trail import Dispute, Line, TrailPage, TrailQuery
from ehb.domain.trail_seal import Proof
from ehb.errors import Conflict, Forbidden, NotFound
from ehb.traces import apart


class TrailStore(Protocol):
    """What the trail needs of the store; `ehb.store.access_log.AccessLog` is the one there is."""

    async def lines(self, permit: Permit, query: TrailQuery) -> TrailPage: ...

    async def proof(self, permit: Permit, line: bytes) -> Proof | None: ...

    def follow(self, permit: Permit) -> AsyncGenerator[Line | None]: ...

    async def dispute(self, permit: Permit, line: bytes, reason: str, event: AuditEvent) -> None: ...

    async def disputes(self, permit: Permit, first: int) -> list[Dispute]: ...


class HasTrail(Protocol):
    """The part of the store that this room is given."""

    async def record_event(self, event: AuditEvent) -> None: ...

    @property
    def log(self) -> TrailStore: ...


class Trail:
    """The desk where people see who looked."""

    def __init__(self, door: Door, store: HasTrail, clock: Callable[[], datetime]) -> None:
        self._door = door
        self._store = store
        self._clock = clock

    async def lines(self, principal: Principal, patient_id: bytes | None, query: TrailQuery, *, path: str) -> TrailPage:
        """A page of a book's access log, newest first. Raises Forbidden.

        Where somebody visits can tell as much as the record: a representative to whom sensitive records are closed
        sees what they did themselves, and nothing else.
        """
        request, permit = await self._door.about(own_affair(principal, Action.READ_TRAIL, patient_id), path)
        if not await self._door.opens_sensitive(request):
            query = dataclasses.replace(query, by=principal.patient_id)
        await self._store.record_event(audit_event(request, permit, path=path, now=self._clock()))
        return await self._store.log.lines(permit, query)

    async def proof(self, principal: Principal, patient_id: bytes | None, line: bytes, *, path: str) -> Proof | None:
        """The proof that a line is in the sealed trail; None while it is not. Raises Forbidden and NotFound."""
        asked = own_affair(principal, Action.READ_TRAIL, patient_id)
        request, permit = await self._door.about(asked, path)
        if not await self._door.opens_sensitive(asked):
            await self._door.refuse(request, Deny(DenyReason.NO_LEGAL_GROUND), path)
            raise Forbidden
        await self._store.record_event(audit_event(request, permit, path=path, now=self._clock()))
        return await self._store.log.proof(permit, line)

    async def follow(self, principal: Principal, patient_id: bytes | None, *, path: str) -> AsyncGenerator[Line]:
        """Lines of a book's trail as they come. Raises Forbidden; ends when the right to see them ends."""
        asked = own_affair(principal, Action.READ_TRAIL, patient_id)
        request, permit = await self._door.about(asked, path)
        await self._store.record_event(audit_event(request, permit, path=path, now=self._clock()))
        everything = False
        async with aclosing(self._store.log.follow(permit)) as lines:
            async for line in lines:
                if line is None:
                    with apart():
                        if not await self._door.still(asked):
                            return
                        everything = await self._door.opens_sensitive(asked)
                elif everything or line.event.agent_patient_id == principal.patient_id:
                    yield line

    async def dispute(
        self, principal: Principal, patient_id: bytes | None, line: bytes, reason: str, *, path: str
    ) -> None:
        """Object to a line. Raises Forbidden, NotFound for a line of another book, Conflict for a second time."""
        request, permit = await self._door.about(own_affair(principal, Action.DISPUTE, patient_id), path)
        event = audit_event(request, permit, path=path, now=self._clock(), source=line)
        try:
            await self._store.log.dispute(permit, line, reason, event)
        except (NotFound, Conflict):
            await self._door.refuse(request, Deny(DenyReason.NO_LEGAL_GROUND), path)
            raise

    async def may_dispute(self, principal: Principal, patient_id: bytes | None, *, path: str) -> None:
        """Record an objection without a reason. Raises Forbidden for whoever may not object to anything."""
        await self._door.noted(own_affair(principal, Action.DISPUTE, patient_id), path)

    async def disputes(self, principal: Principal, first: int, *, path: str) -> list[Dispute]:
        """For a steward: what people object to. Raises Forbidden."""
        request = AccessRequest(principal, Action.LIST_DISPUTES, Purpose.ADMINISTRATION)
        permit = await self._door.authorise(request, path)
        await self._store.record_event(audit_event(request, permit, path=path, now=self._clock()))
        return await self._store.log.disputes(permit, first)
