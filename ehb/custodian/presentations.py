"""Showing part of a book to the clinician in front of one, and opening what is shown.

The one invariant: before anything is bound, the same decision that judges the reading has said what it would open.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from ehb.custodian.consents import own_affair
from ehb.custodian.door import Door
from ehb.domain.access import AccessRequest, Action, Deny, DenyReason, Permit, Purpose, decide
from ehb.domain.audit import AuditEvent, audit_event
from ehb.domain.identity import Principal
from ehb.domain.presentation import (
    SECRET_SIZE,
    HeldPresentation,
    Holder,
    NotOpened,
    Presentation,
    passcode_digest,
    passcode_opens,
    secret_digest,
)
from ehb.domain.records import Section
from ehb.domain.sensitivity import covered
from ehb.errors import Forbidden, NotFound


class Presented(Protocol):
    """A presentation, and whose."""

    @property
    def patient_id(self) -> bytes: ...

    @property
    def held(self) -> object: ...


class PresentationStore(Protocol):
    """What presentations need of the store; `ehb.store.presentations.PresentationShelf` is the one there is."""

    async def start(self, permit: Permit, shown: Presentation, secret: bytes, event: AuditEvent) -> None: ...

    async def presented(self, secret: bytes) -> Presented | None: ...

    async def presentations(self, permit: Permit) -> list[HeldPresentation]: ...

    async def shown_in_session(self, permit: Permit) -> list[tuple[bytes, bytes]]: ...

    async def spend(self, permit: Permit, presentation: bytes) -> int | None: ...

    async def bind(
        self, permit: Permit, presentation: bytes, holder: Holder, event: AuditEvent, *, restore: bool
    ) -> HeldPresentation | None: ...


class Ending(Protocol):
    """Where grants end."""

    async def end_grant(self, permit: Permit, grant: bytes, name: str, event: AuditEvent, *, now: datetime) -> bool: ...


class HasPresentations(Protocol):
    """The part of the store that this room is given."""

    async def record_event(self, event: AuditEvent) -> None: ...

    @property
    def presentations(self) -> PresentationStore: ...

    @property
    def consents(self) -> Ending: ...


@dataclass(frozen=True, slots=True)
class Showing:
    """What a citizen asks to show. `labels` are sensitivity labels shown too."""

    sections: frozenset[Section]
    lasting: timedelta
    passcode: str | None = None
    labels: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class OpenedPresentation:
    """What a practitioner opened: whose book, and until when."""

    patient_id: bytes
    held: HeldPresentation


@dataclass(frozen=True, slots=True)
class Closed:
    """Why it did not open. `attempts_left` for a wrong passcode."""

    why: NotOpened
    attempts_left: int | None = None


class Presentations:
    """The desk where a book is shown."""

    def __init__(self, door: Door, store: HasPresentations, clock: Callable[[], datetime]) -> None:
        self._door = door
        self._store = store
        self._clock = clock

    async def start(
        self, principal: Principal, patient_id: bytes | None, showing: Showing, *, path: str
    ) -> tuple[HeldPresentation, bytes]:
        """Show part of a book: what stands, and the secret for the code, which is nowhere else.

        Without a passcode it takes a fresh and strong login. Raises Forbidden and StepUpRequired.
        """
        asked = own_affair(principal, Action.PRESENT, patient_id, opens_more=showing.passcode is None)
        request, permit = await self._door.about(asked, path)
        if showing.labels:
            await self._must_see(request, showing.labels, path)
        now, new = self._clock(), os.urandom(16)
        shown = Presentation(
            id=new,
            sections=showing.sections,
            begun_at=now,
            until=now + showing.lasting,
            labels=covered(showing.labels),
            passcode=passcode_digest(new, showing.passcode) if showing.passcode is not None else None,
            by=principal.patient_id,
        )
        secret = os.urandom(SECRET_SIZE)
        event = audit_event(
            request, permit, path=path, now=now, sections=tuple(sorted(shown.sections)), source=new, detail="SHOWN"
        )
        await self._store.presentations.start(permit, shown, secret_digest(secret), event)
        return HeldPresentation(shown), secret

    async def may_start(self, principal: Principal, patient_id: bytes | None, *, path: str) -> None:
        """Record a showing that could not be. Raises Forbidden for whoever may not show anything."""
        await self._door.noted(own_affair(principal, Action.PRESENT, patient_id), path)

    async def list(self, principal: Principal, patient_id: bytes | None, *, path: str) -> list[HeldPresentation]:
        """Everything that was shown in the last months, the newest first. Raises Forbidden."""
        request, permit = await self._door.about(own_affair(principal, Action.PRESENT, patient_id), path)
        await self._store.record_event(audit_event(request, permit, path=path, now=self._clock()))
        found = await self._store.presentations.presentations(permit)
        if not await self._door.opens_sensitive(request):  # what else was shown, and to whom, tells too much
            found = [one for one in found if one.presentation.by == principal.patient_id]
        return sorted(found, key=lambda held: held.presentation.begun_at, reverse=True)

    async def end(self, principal: Principal, patient_id: bytes | None, presentation: bytes, *, path: str) -> None:
        """End a showing, from this moment on. Raises NotFound when none stands under this id for the caller to end."""
        asked = own_affair(principal, Action.PRESENT, patient_id)
        request, permit = await self._door.about(asked, path, otherwise=NotFound)
        now = self._clock()
        event = audit_event(request, permit, path=path, now=now, source=presentation, detail="SHOWING_ENDED")
        if not await self._store.consents.end_grant(permit, presentation, "presentation", event, now=now):
            raise NotFound

    async def end_with(self, principal: Principal, *, path: str) -> None:
        """End whatever was shown in a session that is over (standards row O12)."""
        _, permit = await self._door.about(own_affair(principal, Action.PRESENT, None), path)
        for patient_id, presentation in await self._store.presentations.shown_in_session(permit):
            try:
                await self.end(principal, patient_id, presentation, path=path)
            except (Forbidden, NotFound):  # it ended by itself meanwhile, or with what allowed it
                continue

    async def open(
        self, principal: Principal, secret: bytes | None, passcode: str | None, *, path: str
    ) -> OpenedPresentation | Closed:
        """Open what is shown; the first who does is the only one.

        Raises Forbidden for anybody but a practitioner, and for one whom the person keeps out.
        """
        found = await self._store.presentations.presented(secret_digest(secret)) if secret is not None else None
        book = found.patient_id if found is not None else None
        asked = AccessRequest(principal, Action.OPEN_PRESENTATION, Purpose.TREATMENT, patient_id=book)
        request, permit = await self._door.about(asked, path)
        role, held = principal.role, found.held if found is not None else None
        if role is None or book is None or not isinstance(held, HeldPresentation):
            return await self._closed(request, NotOpened.UNKNOWN, path)
        now, holder = self._clock(), Holder(role.licence, role.facility)
        if (why := held.closed_to(holder, now)) is not None:
            return await self._closed(request, why, path)
        await self._would_open(request, held, holder, path)
        guarded = held.presentation.passcode is not None and held.holder is None
        if guarded:
            left = await self._store.presentations.spend(permit, held.presentation.id)
            if left is None:
                return await self._closed(request, NotOpened.LOCKED, path)
            if not passcode_opens(held.presentation, passcode):
                return await self._closed(request, NotOpened.PASSCODE_WRONG, path, left)
        sections = tuple(sorted(held.presentation.sections))
        event = audit_event(request, permit, path=path, now=now, sections=sections, source=held.presentation.id)
        bound = await self._store.presentations.bind(permit, held.presentation.id, holder, event, restore=guarded)
        if bound is None:
            return await self._closed(request, NotOpened.TAKEN, path)
        return OpenedPresentation(book, bound)

    async def _must_see(self, request: AccessRequest, labels: frozenset[str], path: str) -> None:
        """Raises Forbidden for a representative who would show what is closed to them (a parent, from 15 on)."""
        known, standing = await self._door.known(dataclasses.replace(request, action=Action.READ, opens_more=False))
        decision = decide(known, standing)
        rules = decision.rules if isinstance(decision, Permit) else ()
        if not any(rule.labels is None or labels <= rule.labels for rule in rules):
            await self._door.refuse(request, Deny(DenyReason.NO_LEGAL_GROUND), path)
            raise Forbidden

    async def _would_open(self, request: AccessRequest, held: HeldPresentation, holder: Holder, path: str) -> None:
        """Raises Forbidden when the reading itself would be refused: what nobody can read must not be bound."""
        known, standing = await self._door.known(request)
        bound = dataclasses.replace(held, holder=holder)
        others = tuple(one for one in standing.presentations if one.presentation.id != held.presentation.id)
        reading = dataclasses.replace(known, action=Action.READ)
        decision = decide(reading, dataclasses.replace(standing, presentations=(*others, bound)))
        if isinstance(decision, Deny):
            await self._door.refuse(request, decision, path)
            raise Forbidden

    async def _closed(self, request: AccessRequest, why: NotOpened, path: str, left: int | None = None) -> Closed:
        wrong = why in (NotOpened.PASSCODE_WRONG, NotOpened.LOCKED)
        reason = DenyReason.WRONG_PASSCODE if wrong else DenyReason.NOT_PRESENTED
        await self._door.refuse(request, Deny(reason), path)
        return Closed(why, left)
