"""Reading a book, and everything that facilities and stewards do: each decided, recorded, and only then done.

The one invariant: fetching and recording may run side by side; if either fails, nothing is released.
"""

from __future__ import annotations

from asyncio import gather
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Protocol

from ehb.custodian.consents import Consents, ConsentStore, own_affair
from ehb.custodian.door import Door
from ehb.custodian.emergencies import Emergencies, EmergencyStore
from ehb.custodian.guardians import Guardians, GuardianStore
from ehb.custodian.presentations import Presentations, PresentationStore
from ehb.custodian.preview import Previews
from ehb.custodian.trail import Trail, TrailStore
from ehb.domain.access import AccessRequest, Action, Deny, DenyReason, Permit, Purpose
from ehb.domain.assurance import USUAL, Assurance
from ehb.domain.audit import AuditEvent, audit_event
from ehb.domain.book import ReadQuery
from ehb.domain.budget import Budget
from ehb.domain.coding import VIETNAM
from ehb.domain.doubt import DoubtfulBook, OpenDoubt
from ehb.domain.identity import (
    ElectronicIdentity,
    Identifier,
    Patient,
    PractitionerRole,
    Principal,
    PrincipalKind,
    SignedIn,
)
from ehb.domain.records import Record, Section
from ehb.domain.submission import Receipt, ReceiptQuery, Receipts, VisitSummary, Waiting
from ehb.errors import Forbidden, NotFound


class Openings(PresentationStore, EmergencyStore, Protocol):
    """What practitioners open."""


class Store(Protocol):
    """What the custodian needs of the store; `ehb.store.store.Store` is the one there is."""

    async def record_event(self, event: AuditEvent) -> None: ...

    async def spend(self, actor: bytes, budget: Budget, amount: int, now: datetime) -> int: ...

    async def find(
        self, permit: Permit, query: ReadQuery, opened: object = None
    ) -> tuple[Patient | None, list[Record]]: ...

    async def sign_in(
        self, permit: Permit, identity: ElectronicIdentity, event: AuditEvent, *, now: datetime
    ) -> SignedIn: ...

    async def submit(
        self, permit: Permit, visit: VisitSummary, body: bytes, event: AuditEvent, *, now: datetime, dry_run: bool
    ) -> Receipt: ...

    async def retract(
        self, permit: Permit, receipt_id: str, reason: str, event: AuditEvent, *, now: datetime
    ) -> Receipt | None: ...

    async def receipt(self, permit: Permit, receipt_id: str) -> Receipt | None: ...

    async def receipts(self, permit: Permit, query: ReceiptQuery) -> Receipts: ...

    async def waiting(self, permit: Permit, first: int) -> list[Waiting]: ...

    async def resolve(
        self, permit: Permit, receipt_id: str, identifier: Identifier, event: AuditEvent, *, now: datetime
    ) -> Receipt | None: ...

    async def merge(
        self, permit: Permit, one: Identifier, other: Identifier, reason: str, event: AuditEvent, *, now: datetime
    ) -> None: ...

    async def unmerge(
        self, permit: Permit, one: Identifier, other: Identifier, reason: str, event: AuditEvent, *, now: datetime
    ) -> None: ...

    async def disown(self, permit: Permit, key: bytes, event: AuditEvent, *, now: datetime) -> bool: ...

    async def doubts(self, permit: Permit, first: int) -> list[OpenDoubt]: ...

    def doubtful(self, permit: Permit) -> AsyncIterator[DoubtfulBook | None]: ...

    async def close_doubt(self, permit: Permit, doubt: bytes, event: AuditEvent, *, now: datetime) -> bool: ...

    async def decide_visit(
        self, permit: Permit, episode: bytes, number: Identifier | None, event: AuditEvent, *, now: datetime
    ) -> int | None: ...

    async def facility_in_force(self, code: str, day: date) -> bool: ...

    async def role_in_force(self, role: PractitionerRole, day: date) -> bool: ...

    async def practitioner_known(self, licence: str) -> bool: ...

    @property
    def consents(self) -> ConsentStore: ...

    @property
    def presentations(self) -> Openings: ...

    @property
    def guardians(self) -> GuardianStore: ...

    @property
    def log(self) -> TrailStore: ...


@dataclass(frozen=True, slots=True)
class Opened:
    """What one permit opened of one book. Records are newest first."""

    patient_id: bytes
    patient: Patient
    records: list[Record]
    sections: frozenset[Section]
    """What the permit opens, whether or not this query asked for it."""
    now: datetime


class Custodian:
    """Holds the store; nobody else does."""

    def __init__(self, store: Store, clock: Callable[[], datetime], assurance: Assurance = USUAL) -> None:
        self._store = store
        self._clock = clock
        self._door = Door(store, clock, assurance)
        self.consents = Consents(self._door, store, clock)
        self.presentations = Presentations(self._door, store, clock)
        self.previews = Previews(self._door, store, clock)
        self.trail = Trail(self._door, store, clock)
        self.guardians = Guardians(self._door, store, clock)
        self.emergencies = Emergencies(self._door, store, clock)

    async def read(
        self, principal: Principal, patient_id: bytes | None, purpose: Purpose, query: ReadQuery, *, path: str
    ) -> Opened:
        """Open part of a book. Raises Forbidden for no legal ground and for a book that does not exist."""
        request, permit, standing = await self._door.reading(principal, patient_id, purpose, path)
        now = request.now or self._clock()
        sections = permit.sections
        asked = sections if query.sections is None else sections & query.sections
        if query.key is not None:  # one record: the line says so by its path, not by all that would be open
            asked = frozenset()
        closed = query.key is None and bool(query.sections) and not asked
        event = audit_event(
            request,
            permit,
            path=path,
            now=now,
            sections=tuple(sorted(asked)),
            detail="CLOSED_PART" if closed else None,
        )
        _, (patient, records) = await gather(
            self._store.record_event(event), self._store.find(permit, query, standing.opened)
        )
        if patient is None or patient_id is None:
            raise Forbidden
        return Opened(patient_id, patient, records, sections, now)

    async def sign_in(self, identity: ElectronicIdentity, *, path: str) -> SignedIn:
        """The person at the end of an eID login."""
        now = self._clock()
        principal = Principal(PrincipalKind.CITIZEN, assurance_level=identity.assurance_level)
        request = AccessRequest(principal, Action.SIGN_IN, Purpose.PATIENT_REQUEST)
        permit = await self._door.authorise(request, path)
        return await self._store.sign_in(permit, identity, audit_event(request, permit, path=path, now=now), now=now)

    async def may_submit(self, principal: Principal, *, path: str) -> None:
        """Decide about a submission of the caller's own facility; only a refusal is recorded. Raises Forbidden."""
        await self._own_facility(principal, Action.SUBMIT, path, self._clock())

    async def submit(
        self, principal: Principal, visit: VisitSummary, body: bytes, *, path: str, dry_run: bool
    ) -> Receipt:
        """Take a visit from a facility. Raises Forbidden when it speaks for another facility, or is suspended.

        A visit whose facility could not be read is taken in the sender's own name: it is refused by its
        problems, and kept.
        """
        now = self._clock()
        facility = visit.facility or principal.facility
        suspended = await self._is_suspended(principal, now)
        request = AccessRequest(principal, Action.SUBMIT, Purpose.TREATMENT, facility=facility, suspended=suspended)
        permit = await self._door.authorise(request, path)
        event = audit_event(request, permit, path=path, now=now)
        return await self._store.submit(permit, visit, body, event, now=now, dry_run=dry_run)

    async def retract(self, principal: Principal, receipt_id: str, reason: str, *, path: str) -> Receipt:
        """Take back a visit of the caller's own facility. Raises NotFound or, for an old receipt, Conflict."""
        now = self._clock()
        permit, event = await self._own_facility(principal, Action.RETRACT, path, now)
        receipt = await self._store.retract(permit, receipt_id, reason, event, now=now)
        if receipt is None:
            raise NotFound
        return receipt

    async def may_retract(self, principal: Principal, *, path: str) -> None:
        """Record that no reason was given for a taking back. Raises Forbidden for whoever may not take back any."""
        _, event = await self._own_facility(principal, Action.RETRACT, path, self._clock())
        await self._store.record_event(event)

    async def receipt(self, principal: Principal, receipt_id: str, *, path: str) -> Receipt:
        """A receipt of the caller's own facility. Raises NotFound for anything else."""
        permit, event = await self._own_facility(principal, Action.READ_RECEIPT, path, self._clock())
        _, receipt = await gather(self._store.record_event(event), self._store.receipt(permit, receipt_id))
        if receipt is None:
            raise NotFound
        return receipt

    async def receipts(self, principal: Principal, query: ReceiptQuery, *, path: str) -> Receipts:
        """The receipts of the caller's own facility."""
        permit, event = await self._own_facility(principal, Action.READ_RECEIPT, path, self._clock())
        _, receipts = await gather(self._store.record_event(event), self._store.receipts(permit, query))
        return receipts

    async def waiting(self, principal: Principal, first: int, *, path: str) -> list[Waiting]:
        """For a steward: the submissions that wait for an identity, the oldest first."""
        permit, event = await self._steward(principal, Action.LIST_WAITING, path, self._clock())
        _, waiting = await gather(self._store.record_event(event), self._store.waiting(permit, first))
        return waiting

    async def resolve(self, principal: Principal, receipt_id: str, identifier: Identifier, *, path: str) -> Receipt:
        """For a steward: say whose a waiting submission is. Raises NotFound for one that does not wait."""
        now = self._clock()
        permit, event = await self._steward(principal, Action.RESOLVE_IDENTITY, path, now)
        receipt = await self._store.resolve(permit, receipt_id, identifier, event, now=now)
        if receipt is None:
            raise NotFound
        return receipt

    async def disown(self, principal: Principal, patient_id: bytes, key: bytes, *, path: str) -> None:
        """Say that the visit of a record is somebody else's: it leaves the book at once. Raises NotFound."""
        now = self._clock()
        asked = own_affair(principal, Action.DISOWN_VISIT, patient_id)
        request, permit = await self._door.about(asked, path, otherwise=NotFound)
        event = audit_event(request, permit, path=path, now=now)
        if not await self._store.disown(permit, key, event, now=now):
            await self._door.refuse(request, Deny(DenyReason.NO_LEGAL_GROUND), path)
            raise NotFound

    async def doubts(self, principal: Principal, first: int, *, path: str) -> list[OpenDoubt]:
        """For a steward: doubts about who is who, the oldest first."""
        permit, event = await self._steward(principal, Action.LIST_WAITING, path, self._clock())
        await self._store.record_event(event)
        return await self._store.doubts(permit, first)

    async def doubtful(self, principal: Principal, *, path: str) -> AsyncIterator[DoubtfulBook | None]:
        """For a steward: books that a file may have joined; None now and then, for progress."""
        permit, event = await self._steward(principal, Action.LIST_WAITING, path, self._clock())
        await self._store.record_event(event)
        async for one in self._store.doubtful(permit):
            yield one

    async def close_doubt(self, principal: Principal, doubt: bytes, *, path: str) -> None:
        """For a steward: nothing has to be done about a doubt. Raises NotFound for one that is not open."""
        now = self._clock()
        permit, event = await self._steward(principal, Action.RESOLVE_IDENTITY, path, now)
        if not await self._store.close_doubt(permit, doubt, event, now=now):
            raise NotFound

    async def decide_visit(self, principal: Principal, episode: bytes, number: Identifier | None, *, path: str) -> int:
        """For a steward: put a visit into the book of a number, or back (None). Raises NotFound."""
        now = self._clock()
        permit, event = await self._steward(principal, Action.RESOLVE_IDENTITY, path, now)
        moved = await self._store.decide_visit(permit, episode, number, event, now=now)
        if moved is None:
            raise NotFound
        return moved

    async def merge(self, principal: Principal, one: Identifier, other: Identifier, reason: str, *, path: str) -> None:
        """For a steward: let two people share a book. Raises NotFound and Conflict."""
        now = self._clock()
        permit, event = await self._steward(principal, Action.MERGE_PEOPLE, path, now)
        await self._store.merge(permit, one, other, reason, replace(event, detail="MERGED"), now=now)

    async def unmerge(
        self, principal: Principal, one: Identifier, other: Identifier, reason: str, *, path: str
    ) -> None:
        """For a steward: part them again. Raises NotFound and Conflict."""
        now = self._clock()
        permit, event = await self._steward(principal, Action.MERGE_PEOPLE, path, now)
        await self._store.unmerge(permit, one, other, reason, replace(event, detail="PARTED"), now=now)

    async def _steward(
        self, principal: Principal, action: Action, path: str, now: datetime
    ) -> tuple[Permit, AuditEvent]:
        request = AccessRequest(principal, action, Purpose.ADMINISTRATION)
        permit = await self._door.authorise(request, path)
        return permit, audit_event(request, permit, path=path, now=now)

    async def _own_facility(
        self, principal: Principal, action: Action, path: str, now: datetime
    ) -> tuple[Permit, AuditEvent]:
        suspended = await self._is_suspended(principal, now)
        request = AccessRequest(principal, action, Purpose.TREATMENT, facility=principal.facility, suspended=suspended)
        permit = await self._door.authorise(request, path)
        return permit, audit_event(request, permit, path=path, now=now)

    async def _is_suspended(self, principal: Principal, now: datetime) -> bool:
        """The registry does not know the caller's facility as in force today; asked at each request."""
        own = principal.facility
        return own is not None and not await self._store.facility_in_force(own, now.astimezone(VIETNAM).date())
