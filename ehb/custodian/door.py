"""The decision, with everything that it needs to know: the registry, what stands about the book, the trail.

The one invariant: whoever gets a permit from here was decided about by `access.decide` at this moment; a refusal of
anybody who is signed in is durable before it is told.
"""

from __future__ import annotations

import dataclasses
from asyncio import gather
from collections.abc import Callable
from datetime import date, datetime
from typing import Protocol

from ehb.domain.access import (
    NOTHING_STANDS,
    AccessRequest,
    Action,
    Deny,
    DenyReason,
    Permit,
    Purpose,
    Standing,
    decide,
)
from ehb.domain.assurance import USUAL, Assurance
from ehb.domain.audit import AuditEvent, audit_event
from ehb.domain.budget import DAY, HOUR, Budget, actor
from ehb.domain.coding import VIETNAM
from ehb.domain.identity import PractitionerRole, Principal
from ehb.errors import (
    EhbError,
    FacilitySuspended,
    Forbidden,
    OtherFacility,
    RateLimited,
    StepUpRequired,
    Unauthenticated,
)
from ehb.traces import span

_REFUSALS: dict[DenyReason, type[EhbError]] = {
    DenyReason.NOT_SIGNED_IN: Unauthenticated,
    DenyReason.OTHER_FACILITY: OtherFacility,
    DenyReason.FACILITY_SUSPENDED: FacilitySuspended,
}
"""The reasons that the outside may know, because they are about the caller and not about a person."""
_TRIES = 3
BUDGETS: dict[Action, Budget] = {
    action: Budget(action.value, most, HOUR)
    for action, most in ((Action.FIND_PATIENT, 120), (Action.OPEN_PRESENTATION, 120), (Action.OPEN_EMERGENCY, 20))
}
"""How often one person may do what could be used to try numbers and codes: more than the busiest ward does by hand."""
BUDGETS[Action.DISPUTE] = Budget(Action.DISPUTE.value, 10, DAY)
REFUSED_ABOUT_ONE, REFUSED_IN_ALL = Budget("REFUSED_ABOUT_ONE", 30, HOUR), Budget("REFUSED_IN_ALL", 300, HOUR)
"""Refusals of one caller that are written down one by one: about one book, and about all books."""


class StandingStore(Protocol):
    """What is known about a book before any permit."""

    async def standing(self, patient_id: bytes, now: datetime, caller: Principal | None = None) -> Standing: ...

    async def use(self, permit: Permit, now: datetime) -> bool: ...


class DoorStore(Protocol):
    """What a decision needs of the store."""

    async def record_event(self, event: AuditEvent) -> None: ...

    async def spend(self, actor: bytes, budget: Budget, amount: int, now: datetime) -> int: ...

    async def role_in_force(self, role: PractitionerRole, day: date) -> bool: ...

    @property
    def consents(self) -> StandingStore: ...


class Door:
    """Decides and records."""

    def __init__(self, store: DoorStore, clock: Callable[[], datetime], assurance: Assurance = USUAL) -> None:
        self._store = store
        self._clock = clock
        self._assurance = assurance

    async def reading(
        self, principal: Principal, patient_id: bytes | None, purpose: Purpose, path: str
    ) -> tuple[AccessRequest, Permit, Standing]:
        """The permit to read a book, and what stood about it; its opening is counted where a consent is for a number.

        Raises Forbidden. Two who open the last one of a number at once: the second is decided about again.
        """
        for _ in range(_TRIES):
            request = AccessRequest(principal, Action.READ, purpose, patient_id=patient_id)
            with span("decide"):
                request, standing = await self.known(request)
                permit = await self.authorise(request, path, standing)
            if not any(rule.limited for rule in permit.rules) or await self._store.consents.use(permit, self._clock()):
                return request, permit, standing
        await self.refuse(request, Deny(DenyReason.USED_UP), path)
        raise Forbidden

    async def about(
        self, request: AccessRequest, path: str, *, otherwise: type[EhbError] = Forbidden
    ) -> tuple[AccessRequest, Permit]:
        """The permit for something about a book, by all that stands about it. Raises Forbidden.

        `otherwise` is raised in its place where the caller named one thing by its id: NotFound, as for an id that
        nothing has, so that nobody learns whose is there (standards row E3).
        """
        with span("decide"):
            request, standing = await self.known(request)
            return request, await self.authorise(request, path, standing, otherwise=otherwise)

    async def noted(self, request: AccessRequest, path: str) -> None:
        """Record that somebody asked for something that could not be done. Raises Forbidden for whoever may not ask."""
        request, permit = await self.about(request, path)
        await self._store.record_event(audit_event(request, permit, path=path, now=request.now or self._clock()))

    async def still(self, request: AccessRequest) -> bool:
        """Whether what was permitted still is; asked for what goes on, so nothing is recorded."""
        return isinstance(decide(*await self.known(request)), Permit)

    async def opens_sensitive(self, request: AccessRequest) -> bool:
        """Whether whoever asks for this would read labelled records too: the person, a representative before 15."""
        if request.about_oneself:
            return True
        known, standing = await self.known(dataclasses.replace(request, action=Action.READ))
        decision = decide(known, standing)
        return isinstance(decision, Permit) and any(rule.labels is None for rule in decision.rules)

    async def known(self, request: AccessRequest) -> tuple[AccessRequest, Standing]:
        """The request with the moment and the registry's word, and what stands about the book.

        For one's own book nothing is looked up: it is open whatever stands.
        """
        now, role = self._clock(), request.principal.role
        request = dataclasses.replace(request, now=now, assurance=self._assurance)
        if request.about_oneself and request.purpose is Purpose.PATIENT_REQUEST:
            return request, NOTHING_STANDS
        standing = await self._standing(request, now)
        in_force = await self._in_force(role, now.astimezone(VIETNAM).date())  # remembered, nearly always
        return dataclasses.replace(request, role_in_force=in_force), standing

    async def authorise(
        self,
        request: AccessRequest,
        path: str,
        standing: Standing = NOTHING_STANDS,
        *,
        otherwise: type[EhbError] = Forbidden,
    ) -> Permit:
        """The permit. Raises what the outside may know of a refusal, after the trail has it."""
        if request.assurance is not self._assurance:
            request = dataclasses.replace(request, assurance=self._assurance)
        decision = decide(request, standing)
        if isinstance(decision, Permit) and (wait := await self._over_budget(request)):
            await self.refuse(request, Deny(DenyReason.TOO_OFTEN), path)
            raise RateLimited(wait)
        if isinstance(decision, Deny):
            await self.refuse(request, decision, path)
            if decision.reason is DenyReason.STEP_UP:
                raise self._step_up(request)
            raise _REFUSALS.get(decision.reason, otherwise)
        return decision

    def _step_up(self, request: AccessRequest) -> StepUpRequired:
        rule = self._assurance
        if request.opens_more:
            return StepUpRequired(level=rule.high, max_age=int(rule.fresh.total_seconds()))
        return StepUpRequired(level=rule.read, max_age=None)

    async def _over_budget(self, request: AccessRequest) -> int:
        """Seconds to wait when the budget of this action is used up, 0 when it is not."""
        budget, who, now = BUDGETS.get(request.action), actor(request.principal), self._clock()
        if budget is None or who is None or await self._store.spend(who, budget, 1, now) <= budget.most:
            return 0
        return budget.wait(now)

    async def refuse(self, request: AccessRequest, decision: Deny, path: str) -> None:
        """Record a refusal, but not of anonymous callers.

        The first refusals of an hour are recorded one by one; then one event says that there were more. So nobody can
        bury the other lines of an access log.
        """
        if decision.reason is DenyReason.NOT_SIGNED_IN:
            return
        now, who = request.now or self._clock(), actor(request.principal)
        about, every = await self._count_refusal(who, request.patient_id, now) if who is not None else (1, 1)
        within = about <= REFUSED_ABOUT_ONE.most and every <= REFUSED_IN_ALL.most
        if within or about in (1, REFUSED_ABOUT_ONE.most + 1):
            detail = None if within else "REFUSED_FURTHER"
            await self._store.record_event(audit_event(request, decision, path=path, now=now, detail=detail))

    async def _count_refusal(self, who: bytes, book: bytes | None, now: datetime) -> tuple[int, int]:
        """Count a refusal; how many of this caller there are in this hour about this book, and about all."""
        about = who + b"\0" + (book or b"")
        return await gather(
            self._store.spend(about, REFUSED_ABOUT_ONE, 1, now), self._store.spend(who, REFUSED_IN_ALL, 1, now)
        )

    async def _standing(self, request: AccessRequest, now: datetime) -> Standing:
        book = request.patient_id
        return await self._store.consents.standing(book, now, request.principal) if book is not None else NOTHING_STANDS

    async def _in_force(self, role: PractitionerRole | None, day: date) -> bool:
        return await self._store.role_in_force(role, day) if role is not None else False
