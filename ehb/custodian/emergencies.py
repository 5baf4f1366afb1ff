"""Emergency access: opening without being shown, declaring a second time, and being judged for it afterwards.

The one invariant: whoever opens a book in an emergency has said why before they see anything, and somebody else is
asked whether it was right.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from ehb.custodian.consents import own_affair
from ehb.custodian.door import Door
from ehb.custodian.presentations import Ending
from ehb.domain.access import AccessRequest, Action, Deny, DenyReason, Permit, Purpose, decide
from ehb.domain.audit import AuditEvent, audit_event
from ehb.domain.budget import Budget
from ehb.domain.emergency import (
    ALARM_FROM,
    DELEGATED,
    OF_FACILITY,
    RECIPROCAL_WITHIN,
    USUAL_OVER,
    Emergency,
    EmergencyCounts,
    HeldEmergency,
    Rate,
    Reviewed,
    Verdict,
)
from ehb.domain.identity import Principal, PrincipalKind
from ehb.domain.presentation import Holder
from ehb.errors import Conflict, Forbidden, NotFound, RateLimited
from ehb.logs import log


class OneEmergency(Protocol):
    """An emergency, and whose book it opened."""

    @property
    def patient_id(self) -> bytes: ...

    @property
    def held(self) -> object: ...


class EmergencyStore(Protocol):
    """What emergencies need of the store; `ehb.store.presentations.PresentationShelf` is the one there is."""

    async def open_in_emergency(self, permit: Permit, emergency: Emergency, event: AuditEvent) -> None: ...

    async def declare(
        self, permit: Permit, emergency: bytes, holder: Holder, event: AuditEvent
    ) -> HeldEmergency | None: ...

    async def reviews(self, permit: Permit, facility: str, *, waiting: bool, first: int) -> Sequence[OneEmergency]: ...

    async def emergency(self, permit: Permit, emergency: bytes) -> HeldEmergency | None: ...

    async def review(self, permit: Permit, emergency: bytes, reviewed: Reviewed, event: AuditEvent) -> bool: ...

    async def has_judged(
        self, permit: Permit, facility: str, *, reviewer: str, opener: str, since: datetime
    ) -> bool: ...

    async def emergencies(self, permit: Permit) -> list[HeldEmergency]: ...

    async def lately(self, permit: Permit, facility: str, since: datetime) -> int: ...

    async def counts(self, permit: Permit, facility: str, now: datetime) -> EmergencyCounts: ...


class HasEmergencies(Protocol):
    """The part of the store that this room is given."""

    async def record_event(self, event: AuditEvent) -> None: ...

    async def spend(self, actor: bytes, budget: Budget, amount: int, now: datetime) -> int: ...

    @property
    def presentations(self) -> EmergencyStore: ...

    @property
    def consents(self) -> Ending: ...


@dataclass(frozen=True, slots=True)
class ReviewQueue:
    """Emergencies of a facility with the keys of the books they opened, and how they were judged in all."""

    emergencies: list[tuple[bytes, HeldEmergency]]
    counts: EmergencyCounts
    rate: Rate


class Emergencies:
    """The desk for what cannot wait."""

    def __init__(self, door: Door, store: HasEmergencies, clock: Callable[[], datetime]) -> None:
        self._door = door
        self._store = store
        self._clock = clock

    async def open(self, principal: Principal, patient_id: bytes | None, reason: str, *, path: str) -> HeldEmergency:
        """Open the summary of a book for minutes.

        Raises Forbidden for anybody but a practitioner on duty, and for one whom the person keeps out in emergencies
        too; NotFound when nobody has this book.
        """
        request, permit = await self._door.about(_opening(principal, patient_id), path)
        role, now = principal.role, self._clock()
        if role is None:
            raise Forbidden
        if principal.actor is not None:
            await self._require_delegated_room(request, role.facility, path, now)
        emergency = Emergency(os.urandom(16), Holder(role.licence, role.facility), now, reason)
        held = HeldEmergency(emergency)
        known, standing = await self._door.known(request)
        reading = dataclasses.replace(known, action=Action.READ, now=now)
        decision = decide(reading, dataclasses.replace(standing, emergencies=(*standing.emergencies, held)))
        if isinstance(decision, Deny):
            await self._door.refuse(request, decision, path)
            raise Forbidden
        event = audit_event(request, permit, path=path, now=now, source=emergency.id)
        try:
            await self._store.presentations.open_in_emergency(permit, emergency, event)
        except NotFound:
            await self._door.refuse(request, Deny(DenyReason.NO_LEGAL_GROUND), path)
            raise
        await self._watch(permit, role.facility, now)
        return held

    async def _require_delegated_room(self, request: AccessRequest, facility: str, path: str, now: datetime) -> None:
        """Raises RateLimited when the systems of a facility have opened as many books in an hour as they may."""
        if await self._store.spend(f"facility\0{facility}".encode(), DELEGATED, 1, now) > DELEGATED.most:
            await self._door.refuse(request, Deny(DenyReason.TOO_OFTEN), path)
            raise RateLimited(DELEGATED.wait(now))

    async def _watch(self, permit: Permit, facility: str, now: datetime) -> None:
        """Raise an alarm once a day when a facility opens far more books than usual."""
        today = await self._store.spend(f"facility\0{facility}".encode(), OF_FACILITY, 1, now)
        if today < ALARM_FROM:
            return
        lately = await self._store.presentations.lately(permit, facility, now - USUAL_OVER)
        rate = Rate(today, lately)
        alarmed = f"alarm\0{facility}".encode()
        if rate.is_alarming and await self._store.spend(alarmed, OF_FACILITY, 1, now) == 1:
            log.warning(
                "a facility opens more emergencies than usual",
                facility=facility,
                count=today,
                usual=round(rate.usual, 1),
            )

    async def may_open(self, principal: Principal, patient_id: bytes | None, *, path: str) -> None:
        """Record an opening that was not said well enough. Raises Forbidden for whoever may not open any."""
        await self._door.noted(_opening(principal, patient_id), path)

    async def declare(
        self, principal: Principal, patient_id: bytes | None, emergency: bytes, *, path: str
    ) -> HeldEmergency:
        """The second declaration: more of the book, for hours.

        Raises Forbidden, and NotFound for what is not one's own or is over.
        """
        request, permit = await self._door.about(_opening(principal, patient_id), path)
        role, now = principal.role, self._clock()
        if role is None:
            raise Forbidden
        event = audit_event(request, permit, path=path, now=now, source=emergency)
        holder = Holder(role.licence, role.facility)
        held = await self._store.presentations.declare(permit, emergency, holder, event)
        if held is None:
            raise NotFound
        return held

    async def list(self, principal: Principal, patient_id: bytes | None, *, path: str) -> list[HeldEmergency]:
        """The emergency openings of a book, the newest first. Raises Forbidden.

        A representative to whom sensitive records are closed sees none: a reason may name what the person has.
        """
        request, permit = await self._door.about(own_affair(principal, Action.READ_CONSENTS, patient_id), path)
        await self._store.record_event(audit_event(request, permit, path=path, now=self._clock()))
        if not await self._door.opens_sensitive(request):
            return []
        found = await self._store.presentations.emergencies(permit)
        return sorted(found, key=lambda held: held.emergency.opened_at, reverse=True)

    async def end(self, principal: Principal, patient_id: bytes | None, emergency: bytes, *, path: str) -> None:
        """End an emergency opening of a book, from this moment on. Raises NotFound when none is open under this id."""
        asked = own_affair(principal, Action.END_EMERGENCY, patient_id)
        request, permit = await self._door.about(asked, path, otherwise=NotFound)
        now = self._clock()
        event = audit_event(request, permit, path=path, now=now, source=emergency)
        if not await self._store.consents.end_grant(permit, emergency, "emergency", event, now=now):
            raise NotFound

    async def reviews(
        self, principal: Principal, facility: str | None, *, waiting: bool, first: int, path: str
    ) -> ReviewQueue:
        """What a facility's emergencies wait for. A practitioner sees those of their own; a steward names one.

        Raises Forbidden.
        """
        own = principal.role.facility if principal.role else facility
        asked = AccessRequest(principal, Action.REVIEW_EMERGENCY, Purpose.ADMINISTRATION, facility=own)
        request, permit = await self._door.about(asked, path)
        if own is None:
            raise Forbidden
        now = self._clock()
        await self._store.record_event(audit_event(request, permit, path=path, now=now))
        shelf = self._store.presentations
        found = await shelf.reviews(permit, own, waiting=waiting, first=first)
        emergencies = [(one.patient_id, one.held) for one in found if isinstance(one.held, HeldEmergency)]
        today = await shelf.lately(permit, own, now - timedelta(days=1))
        rate = Rate(today, await shelf.lately(permit, own, now - USUAL_OVER))
        return ReviewQueue(emergencies, await shelf.counts(permit, own, now), rate)

    async def review(
        self, principal: Principal, patient_id: bytes | None, emergency: bytes, verdict: Verdict, *, path: str
    ) -> HeldEmergency:
        """Say whether an emergency was one.

        Raises Forbidden for the one who opened it, NotFound for other facilities', Conflict when it was judged before.
        """
        asked = AccessRequest(principal, Action.REVIEW_EMERGENCY, Purpose.ADMINISTRATION, patient_id=patient_id)
        request, permit = await self._door.about(asked, path)
        held, role, now = None, principal.role, self._clock()
        if patient_id is not None:
            held = await self._store.presentations.emergency(permit, emergency)
        if held is None:
            await self._door.refuse(request, Deny(DenyReason.NO_LEGAL_GROUND), path)
            raise NotFound
        holder = held.emergency.holder
        if (reason := _may_not_review(principal, holder)) is not None:
            await self._door.refuse(request, Deny(reason, emergency), path)
            raise Forbidden if reason is DenyReason.OWN_REVIEW else NotFound
        by = role.licence if role else principal.session
        needs_steward = (
            role is not None
            and verdict is Verdict.PROPER
            and await self._store.presentations.has_judged(
                permit, holder.facility, reviewer=holder.licence, opener=role.licence, since=now - RECIPROCAL_WITHIN
            )
        )
        reviewed = Reviewed(verdict, now, by, needs_steward)
        event = audit_event(request, permit, path=path, now=now, source=emergency)
        if not await self._store.presentations.review(permit, emergency, reviewed, event):
            raise Conflict(vi="Lần truy cập này đã được xem xét.", en="This emergency was reviewed already.")
        return dataclasses.replace(held, reviewed=reviewed)


def _opening(principal: Principal, patient_id: bytes | None) -> AccessRequest:
    return AccessRequest(principal, Action.OPEN_EMERGENCY, Purpose.EMERGENCY_TREATMENT, patient_id=patient_id)


def _may_not_review(principal: Principal, holder: Holder) -> DenyReason | None:
    role = principal.role
    if principal.kind is PrincipalKind.STEWARD:
        return None
    if role is None or role.facility != holder.facility:
        return DenyReason.OTHER_FACILITY
    return DenyReason.OWN_REVIEW if role.licence == holder.licence else None
