"""The store as the custodian sees it: a few things to do, each whole or not at all.

Composes people, records, submissions, receipts, registry and trail, and holds the transactions that span them.
It knows no rule: every method takes the permit that allows it, and the audit event that must be durable with it.

The one invariant: a submission moves its episode, its records, its receipt and its audit event in ONE
transaction, so a crash at any moment leaves either all of them or none.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime

from ehb.domain.access import Permit
from ehb.domain.audit import AuditEvent
from ehb.domain.book import ReadQuery
from ehb.domain.identity import ElectronicIdentity, Patient
from ehb.domain.records import Record
from ehb.domain.submission import Receipt, ReceiptQuery, Receipts, Status, VisitSummary, records_from, refused
from ehb.errors import Conflict
from ehb.store.audit_trail import AuditTrail
from ehb.store.mongo import Mongo, Session, translated
from ehb.store.people import People
from ehb.store.receipts import ReceiptShelf, new_receipt_id, receipt_id_of, receipt_key, rfc3339
from ehb.store.records import Records
from ehb.store.registry import Registry
from ehb.store.submissions import Episode, Submissions
from ehb.store.vault import Vault


@translated
class Store:
    """Everything on disk about people. Opened by `ehb.app` for the custodian and for nobody else."""

    def __init__(self, mongo: Mongo, vault: Vault) -> None:
        self._mongo = mongo
        self._people = People(mongo, vault)
        self._records = Records(mongo, self._people)
        self._submissions = Submissions(mongo, vault)
        self._receipts = ReceiptShelf(mongo, vault, self._people)
        self._trail = AuditTrail(mongo)
        self._registry = Registry(mongo)

    async def record_event(self, event: AuditEvent) -> None:
        """Make an audit event durable on its own."""
        await self._trail.append(event)

    async def find(self, permit: Permit, query: ReadQuery) -> tuple[Patient | None, list[Record]]:
        """The patient and the records that the permit opens; (None, []) for a book that does not exist."""
        person, records = await self._records.find(permit, query)
        return (person.patient() if person else None), records

    async def sign_in(self, permit: Permit, identity: ElectronicIdentity, event: AuditEvent, *, now: datetime) -> bytes:
        """The key of the person whom the eID vouched for; opens a book for somebody unknown."""

        async def work(session: Session) -> bytes:
            patient_id = await self._people.sign_in(permit, identity, now=now, session=session)
            await self._trail.append(dataclasses.replace(event, patient_id=patient_id), session)
            return patient_id

        return await self._mongo.transaction(work)

    async def submit(
        self, permit: Permit, visit: VisitSummary, body: bytes, event: AuditEvent, *, now: datetime, dry_run: bool
    ) -> Receipt:
        """Store a visit, refuse it, or keep it waiting; `dry_run` goes the very same way and undoes it."""

        async def work(session: Session) -> Receipt:
            if refused(visit.problems):
                receipt = _receipt(Status.REJECTED, visit, 0, 0, now)
                await self._submissions.store(permit, visit, body, receipt, None, now=now, session=session)
                await self._trail.append(event, session)
                return receipt
            return await self._accept(permit, visit, body, event, now, session)

        receipt = await self._mongo.transaction(work, keep=not dry_run)
        if dry_run:
            await self._trail.append(event)
        return receipt

    async def retract(
        self, permit: Permit, receipt_id: str, reason: str, event: AuditEvent, *, now: datetime
    ) -> Receipt | None:
        """Take a visit back; None for a receipt that is not the permit's own facility's.

        Raises Conflict when there is nothing to take back: the submission was refused, or another version of the
        visit came after it. What was taken back before stays as it is.
        """

        async def work(session: Session) -> tuple[Receipt | None, bool]:
            receipt = await self._receipts.find(permit, receipt_id, session)
            episode = await self._submissions.newest(permit, receipt_id, session) if receipt else None
            patient_id = episode.patient_id if episode else None
            await self._trail.append(dataclasses.replace(event, patient_id=patient_id), session)
            if receipt is None or receipt.retracted_at is not None or episode is None:
                return receipt, receipt is None or receipt.retracted_at is not None
            if patient_id is not None:
                person = await self._people.known(permit, patient_id, session=session)
                if person is not None:
                    await self._records.retract(person, episode.id, reason, session, now=now)
            await self._submissions.retract(permit, episode, session, now=now)
            return dataclasses.replace(receipt, retracted_at=rfc3339(now)), True

        receipt, could_be = await self._mongo.transaction(work)
        if not could_be:
            raise Conflict(
                vi="Chỉ thu hồi được phiên bản mới nhất đã được nhận của lượt khám.",
                en="Only the newest version of a visit that was taken can be taken back.",
            )
        return receipt

    async def receipt(self, permit: Permit, receipt_id: str) -> Receipt | None:
        """A receipt of the permit's own facility."""
        return await self._receipts.find(permit, receipt_id)

    async def receipts(self, permit: Permit, query: ReceiptQuery) -> Receipts:
        """The receipts of the permit's own facility, newest first."""
        return await self._receipts.search(permit, query)

    async def _accept(
        self, permit: Permit, visit: VisitSummary, body: bytes, event: AuditEvent, now: datetime, session: Session
    ) -> Receipt:
        episode = self._submissions.episode_id(permit, visit)
        before = await self._submissions.episode(permit, episode, session)
        digest = self._submissions.content_digest(visit)
        unchanged = before is not None and before.digest == digest
        if before is not None and unchanged and before.patient_id is not None:
            return await self._unchanged(permit, visit, before, event, session)
        person = await self._people.resolve(permit, visit.patient, now=now, session=session)
        if person is None and before is not None and before.patient_id is not None:
            person = await self._people.known(permit, before.patient_id, session=session)
        if before is not None and unchanged and person is None:
            return await self._unchanged(permit, visit, before, event, session)
        version = before.version + 1 if before else 1
        status, count = Status.WAITING_FOR_IDENTITY, 0
        if before and before.patient_id and person and before.patient_id != person.patient_id:
            await self._records.misplaced(before.patient_id, episode, session, now=now)
        if person is not None:
            records = records_from(
                visit,
                facility_name=await self._registry.facility_name(visit.facility, session),
                now=now,
                key_for=lambda identity: self._submissions.record_key(episode, identity),
            )
            await self._records.append(person, episode, records, session, now=now, new=before is None)
            if before is not None and before.patient_id is None:
                await self._submissions.adopt(permit, before, person, session)
            status, count = Status.ACCEPTED, len(records)
        receipt = _receipt(status, visit, version, count, now)
        await self._submissions.store(permit, visit, body, receipt, person, now=now, session=session)
        patient_id = person.patient_id if person else None
        after = Episode(episode, version, digest, receipt_key(receipt.id) or b"", patient_id)
        await self._submissions.advance(permit, before, after, session)
        await self._trail.append(dataclasses.replace(event, patient_id=patient_id), session)
        return receipt

    async def _unchanged(
        self, permit: Permit, visit: VisitSummary, before: Episode, event: AuditEvent, session: Session
    ) -> Receipt:
        await self._trail.append(dataclasses.replace(event, patient_id=before.patient_id), session)
        receipt_id = receipt_id_of(before.submission)
        stored = await self._receipts.find(permit, receipt_id, session)
        status = Status.UNCHANGED if before.patient_id else Status.WAITING_FOR_IDENTITY
        if stored is None:
            return Receipt(receipt_id, status, visit.episode, before.version, 0, ())
        return dataclasses.replace(stored, status=status, episode=visit.episode)


def _receipt(status: Status, visit: VisitSummary, version: int, records: int, now: datetime) -> Receipt:
    received = rfc3339(now)
    return Receipt(new_receipt_id(), status, visit.episode, version, records, visit.problems, received_at=received)
