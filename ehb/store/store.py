"""The store as the custodian sees it: a few things to do, each whole or not at all.

Composes the rooms of this floor and holds the transactions that span them. It knows no rule: every method takes
the permit that allows it, and the audit event that must be durable with it.

The one invariant: a submission moves its episode, its records, its receipt and its audit event in ONE
transaction, so a crash at any moment leaves either all of them or none.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from functools import partial

from ehb.domain.access import Action, Permit
from ehb.domain.audit import AuditEvent
from ehb.domain.book import ReadQuery
from ehb.domain.budget import DAY, Budget
from ehb.domain.coding import VIETNAM
from ehb.domain.doubt import DoubtfulBook, OpenDoubt
from ehb.domain.identity import ElectronicIdentity, Identifier, Patient, PractitionerRole, SignedIn
from ehb.domain.identity_problems import CARD_REHEARSALS, REHEARSALS, without_answer
from ehb.domain.records import Record
from ehb.domain.sensitivity_lists import CodeLists
from ehb.domain.submission import Receipt, ReceiptQuery, Receipts, Status, VisitSummary, Waiting, refused
from ehb.errors import Conflict, NotFound, RateLimited
from ehb.store.access_log import AccessLog
from ehb.store.audit_trail import AuditTrail
from ehb.store.budgets import Budgets
from ehb.store.consents import ConsentShelf
from ehb.store.doubts import Doubts
from ehb.store.grants import Grants
from ehb.store.group_commit import GroupCommit
from ehb.store.guardians import GuardianShelf
from ehb.store.identity_answers import IdentityAnswers
from ehb.store.intake import Intake, Sent
from ehb.store.merges import Merges
from ehb.store.mongo import Mongo, Session, once, translated
from ehb.store.people import People, patient_of, people_of
from ehb.store.practitioners import Practitioners
from ehb.store.presentations import PresentationShelf
from ehb.store.receipts import ReceiptShelf
from ehb.store.records import Records
from ehb.store.registry import Registry
from ehb.store.vault import Vault

_SHARES = 200_000
"""Bytes up to which a visit shares a transaction with others: a larger one is a hundred rows and more by itself."""
KEPT_REFUSED = Budget("KEPT_REFUSED", 50_000_000, DAY)
"""Bytes of refused visits of one facility that are kept in a day, for ninety days; of the rest the receipts alone."""
_VOUCHED = "eID: one person, several numbers"


@translated
class Store:
    """Everything on disk about people. Opened by `ehb.app` for the custodian and for nobody else."""

    def __init__(self, mongo: Mongo, vault: Vault, lists: CodeLists) -> None:
        self._mongo = mongo
        self._trail = AuditTrail(mongo, vault)
        self._budgets = Budgets(mongo)
        self._people = People(mongo, vault)
        self._merges = Merges(mongo)
        self._doubts = Doubts(mongo, self._people)
        self._records = Records(mongo, self._people)
        self._receipts = ReceiptShelf(mongo, vault, self._people)
        self._registry = Registry(mongo)
        self._answers = IdentityAnswers(mongo)
        self._intake = Intake(
            mongo, vault, self._people, self._records, self._receipts, self._registry, lists, self._doubts
        )
        self._arriving = GroupCommit[Sent, Receipt](self._submit, self._submit_together, Sent.touches)
        self._practitioners = Practitioners(mongo, vault)
        grants = Grants(mongo, self._people, vault)
        self.consents = ConsentShelf(mongo, grants, self._people, self._trail)
        self.log = AccessLog(mongo, grants, self._people, self._trail)
        self.guardians = GuardianShelf(mongo, grants, self._people, self._trail)
        self.presentations = PresentationShelf(mongo, grants, self._people, self._trail)

    async def spend(self, actor: bytes, budget: Budget, amount: int, now: datetime) -> int:
        """How much of this budget somebody has spent in its window, with this."""
        return await self._budgets.spend(actor, budget, amount, now)

    async def record_event(self, event: AuditEvent) -> None:
        """Make an audit event durable on its own."""
        await self._trail.append(event)

    async def find(
        self, permit: Permit, query: ReadQuery, opened: object = None
    ) -> tuple[Patient | None, list[Record]]:
        """The patient and the records that the permit opens; (None, []) for a book that does not exist.

        `opened` is what `Standing` brought along from the same book; without it the people are looked up here.
        """
        people, records = await self._records.find(permit, query, people_of(opened, permit))
        return (patient_of(people) if people else None), records

    async def sign_in(
        self, permit: Permit, identity: ElectronicIdentity, event: AuditEvent, *, now: datetime
    ) -> SignedIn:
        """The person whom the eID vouched for, and their work by the registry; opens a book for somebody unknown."""

        async def work(session: Session) -> bytes:
            signed_in = await self._people.sign_in(permit, identity, now=now, session=session)
            person = signed_in.person
            for other in signed_in.joined:
                await self._merges.merge(permit, person, other, _VOUCHED, session, now=now)
                person = dataclasses.replace(person, others=(*person.others, other.patient_id, *other.others))
                await self._trail.append(dataclasses.replace(event, patient_id=other.patient_id), session)
            await self._doubts.note(permit, person, signed_in.doubts, now=now, session=session)
            settled = dataclasses.replace(event, action=Action.RESOLVE_IDENTITY.value)
            await self._intake.settle_vouched(permit, person, signed_in.numbers, settled, session)
            await self._trail.append(dataclasses.replace(event, patient_id=person.patient_id), session)
            return person.patient_id

        today = now.astimezone(VIETNAM).date()
        roles = await self._practitioners.roles(identity.national_id or "", today)
        return SignedIn(await self._mongo.transaction(work), roles)

    async def submit(
        self, permit: Permit, visit: VisitSummary, body: bytes, event: AuditEvent, *, now: datetime, dry_run: bool
    ) -> Receipt:
        """Store a visit, refuse it, or keep it waiting; `dry_run` goes the very same way and undoes it."""
        sent = Sent(permit, visit, body, event, now)
        if dry_run:
            return await self._rehearse(sent)
        if refused(visit.problems) or len(body) > _SHARES:
            return await self._submit(sent)
        return await self._arriving.one(sent)

    async def _rehearse(self, sent: Sent) -> Receipt:
        """Judge a visit and store nothing. The person whom it names finds it in their access log.

        Raises RateLimited for too many dry runs of one client. After a few about one person in a day, the receipt tells
        nothing more about the identity: trying birth dates gives nothing.
        """
        client = f"{sent.permit.facility}\0{sent.permit.principal.client_id}".encode()
        if await self._budgets.spend(client, REHEARSALS, 1, sent.now) > REHEARSALS.most:
            raise RateLimited(REHEARSALS.wait(sent.now))
        named = await self._people.named_by(sent.permit, sent.visit.patient)
        event = dataclasses.replace(sent.event, patient_id=named, detail="REHEARSED")
        await self._trail.append(event)
        facility, patient = f"{sent.permit.facility}", sent.visit.patient
        closed = named is not None and not await self._answers.count(facility, named, sent.now)
        if patient.cards and not patient.identifiers:
            spent = await self._budgets.spend(facility.encode(), CARD_REHEARSALS, 1, sent.now)
            closed |= spent > CARD_REHEARSALS.most
        receipt = await self._submit(sent, keep=False)
        if not closed or receipt.status is Status.REJECTED:
            return receipt
        problems = without_answer(receipt.problems)
        return dataclasses.replace(receipt, status=Status.WAITING_FOR_IDENTITY, version=1, records=0, problems=problems)

    async def _submit(self, sent: Sent, *, keep: bool = True) -> Receipt:
        is_refused = refused(sent.visit.problems)
        if is_refused and keep:
            sent = await self._without_too_much(sent)
        step = self._intake.reject if is_refused else partial(self._intake.accept, counted=not keep)

        async def work(session: Session) -> Receipt:
            return await step(sent.permit, sent.visit, sent.body, sent.event, session, now=sent.now)

        return await self._mongo.transaction(work, keep=keep)

    async def _without_too_much(self, sent: Sent) -> Sent:
        """A refused visit without its bytes, when its facility has had enough of them kept today; its receipt stays."""
        facility = f"{sent.permit.facility}".encode()
        kept = await self._budgets.spend(facility, KEPT_REFUSED, len(sent.body), sent.now)
        return sent if kept <= KEPT_REFUSED.most else dataclasses.replace(sent, body=b"")

    async def _submit_together(self, sent: Sequence[Sent]) -> Sequence[Receipt | None]:
        return await once(self._mongo, partial(self._intake.accept_new, sent))

    async def retract(
        self, permit: Permit, receipt_id: str, reason: str, event: AuditEvent, *, now: datetime
    ) -> Receipt | None:
        """Take a visit back; None for a receipt that is not the permit's own facility's.

        Raises Conflict when there is nothing to take back: the submission was refused, or another version of the
        visit came after it. What was taken back before stays as it is.
        """

        async def work(session: Session) -> tuple[Receipt | None, bool]:
            return await self._intake.retract(permit, receipt_id, reason, event, session, now=now)

        receipt, could_be = await self._mongo.transaction(work)
        if not could_be and receipt is not None:
            raise await self._not_newest(permit, receipt)
        return receipt

    async def _not_newest(self, permit: Permit, receipt: Receipt) -> Conflict:
        """Why a visit cannot be taken back by this receipt, and by which one it can."""
        if receipt.replaced_by is None:
            return Conflict(vi="Hồ sơ này không được nhận nên không có gì để thu hồi.", en="This visit was not taken.")
        newest: Receipt | None = receipt
        while newest is not None and newest.replaced_by is not None:
            receipt, newest = newest, await self._receipts.find(permit, newest.replaced_by)
        named = newest.id if newest is not None else receipt.replaced_by
        conflict = Conflict(
            vi=f"Chỉ thu hồi được phiên bản mới nhất của lượt khám, theo biên nhận {named}.",
            en=f"Only the newest version of a visit can be taken back, by its receipt {named}.",
        )
        conflict.details = {"newestReceipt": named}
        return conflict

    async def receipt(self, permit: Permit, receipt_id: str) -> Receipt | None:
        """A receipt of the permit's own facility."""
        return await self._receipts.find(permit, receipt_id)

    async def receipts(self, permit: Permit, query: ReceiptQuery) -> Receipts:
        """The receipts of the permit's own facility, newest first."""
        return await self._receipts.search(permit, query)

    async def waiting(self, permit: Permit, first: int) -> list[Waiting]:
        """Submissions that wait for an identity, the oldest first."""
        return await self._receipts.waiting(permit, first)

    async def resolve(
        self, permit: Permit, receipt_id: str, identifier: Identifier, event: AuditEvent, *, now: datetime
    ) -> Receipt | None:
        """Put a waiting submission into the book of the person with this identifier; None when it does not wait."""

        async def work(session: Session) -> Receipt | None:
            return await self._intake.resolve(permit, receipt_id, identifier, event, session, now=now)

        return await self._mongo.transaction(work)

    async def doubts(self, permit: Permit, first: int) -> list[OpenDoubt]:
        """What a steward has to decide about who is who, the oldest first."""
        return await self._doubts.open(permit, first)

    async def doubtful(self, permit: Permit) -> AsyncIterator[DoubtfulBook | None]:
        """Books that a file may have joined; None now and then, for progress."""
        async for one in self._doubts.doubtful(permit):
            yield one

    async def close_doubt(self, permit: Permit, doubt: bytes, event: AuditEvent, *, now: datetime) -> bool:
        """Close a doubt; False when it is not open."""

        async def work(session: Session) -> bool:
            await self._trail.append(event, session)
            return await self._doubts.close(permit, doubt, now=now, session=session)

        return await self._mongo.transaction(work)

    async def disown(self, permit: Permit, key: bytes, event: AuditEvent, *, now: datetime) -> bool:
        """Close the visit of a record to everybody, by its person's word; False when there is no such record."""

        async def work(session: Session) -> bool:
            return await self._intake.disown(permit, key, event, session, now=now)

        return await self._mongo.transaction(work)

    async def decide_visit(
        self, permit: Permit, episode: bytes, number: Identifier | None, event: AuditEvent, *, now: datetime
    ) -> int | None:
        """Put a visit into the book of a number, or back; how many records moved, None when there is no such visit."""

        async def work(session: Session) -> int | None:
            return await self._intake.decide_visit(permit, episode, number, event, session, now=now)

        return await self._mongo.transaction(work)

    async def merge(
        self, permit: Permit, one: Identifier, other: Identifier, reason: str, event: AuditEvent, *, now: datetime
    ) -> None:
        """Let two people share a book. Raises NotFound for an unknown number, Conflict when they do already."""
        await self._change_merge(permit, one, other, reason, event, now, undo=False)

    async def unmerge(
        self, permit: Permit, one: Identifier, other: Identifier, reason: str, event: AuditEvent, *, now: datetime
    ) -> None:
        """Part two people again. Raises NotFound for an unknown number, Conflict when they were not merged."""
        await self._change_merge(permit, one, other, reason, event, now, undo=True)

    async def facility_in_force(self, code: str, day: date) -> bool:
        """Whether the registry knows this facility as in force on a day; public master data, so no permit."""
        facility = await self._registry.facility(code)
        return facility is not None and facility.in_force(day)

    async def role_in_force(self, role: PractitionerRole, day: date) -> bool:
        """Whether the registry knows this role on a day: licence valid, employed there, facility in force."""
        return await self._practitioners.in_force(role, day) and await self.facility_in_force(role.facility, day)

    async def practitioner_known(self, licence: str) -> bool:
        """Whether the registry knows a licence; public master data, so no permit."""
        return await self._practitioners.practitioner(licence) is not None

    async def _change_merge(
        self,
        permit: Permit,
        one: Identifier,
        other: Identifier,
        reason: str,
        event: AuditEvent,
        now: datetime,
        *,
        undo: bool,
    ) -> None:
        async def work(session: Session) -> bool | None:
            people = [await self._people.named(permit, identifier, session) for identifier in (one, other)]
            for person in people:
                patient_id = person.patient_id if person else None
                await self._trail.append(dataclasses.replace(event, patient_id=patient_id), session)
            first, second = people
            if first is None or second is None:
                return None
            change = self._merges.undo if undo else self._merges.merge
            return await change(permit, first, second, reason, session, now=now)

        changed = await self._mongo.transaction(work)
        if changed is None:
            raise NotFound(vi="Không có ai mang số này.", en="Nobody has one of these numbers.")
        if not changed:
            raise Conflict(
                vi="Hai người này đang chung một sổ hoặc chưa từng được gộp.",
                en="These two share a book already, or were never merged with each other.",
            )
