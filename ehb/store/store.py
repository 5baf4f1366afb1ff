"""The store as the custodian sees it: five things to do, each whole or not at all.

Composes people, records, submissions, registry and trail, and holds the transactions that span them. It
knows no rule: every method takes the permit that allows it, and the audit event that must be durable with it.

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
from ehb.domain.submission import Receipt, Status, VisitSummary, records_from, refused
from ehb.store.audit_trail import AuditTrail
from ehb.store.mongo import Mongo, Session, translated
from ehb.store.people import People
from ehb.store.records import Records
from ehb.store.registry import Registry
from ehb.store.submissions import Episode, Submissions, new_receipt_id, receipt_id_of, receipt_key
from ehb.store.vault import Vault


@translated
class Store:
    """Everything on disk about people. Opened by `ehb.app` for the custodian and for nobody else."""

    def __init__(self, mongo: Mongo, vault: Vault) -> None:
        self._mongo = mongo
        self._people = People(mongo, vault)
        self._records = Records(mongo, self._people)
        self._submissions = Submissions(mongo, vault, self._people)
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
                receipt = Receipt(new_receipt_id(), Status.REJECTED, visit.episode, 0, 0, visit.problems)
                await self._submissions.store(permit, visit, body, receipt, None, now=now, session=session)
                await self._trail.append(event, session)
                return receipt
            return await self._accept(permit, visit, body, event, now, session)

        receipt = await self._mongo.transaction(work, keep=not dry_run)
        if dry_run:
            await self._trail.append(event)
        return receipt

    async def receipt(self, permit: Permit, receipt_id: str) -> Receipt | None:
        """A receipt of the permit's own facility."""
        return await self._submissions.receipt(permit, receipt_id)

    async def _accept(
        self, permit: Permit, visit: VisitSummary, body: bytes, event: AuditEvent, now: datetime, session: Session
    ) -> Receipt:
        before = await self._submissions.episode(permit, visit, session)
        digest = self._submissions.content_digest(visit)
        unchanged = before is not None and before.digest == digest
        if before is not None and unchanged and before.patient_id is not None:
            return await self._unchanged(permit, visit, before, event, session)
        person = await self._people.resolve(permit, visit.patient, now=now, session=session)
        if person is None and before is not None and before.patient_id is not None:
            person = await self._people.known(permit, before.patient_id, session=session)
        if before is not None and unchanged and person is None:
            return await self._unchanged(permit, visit, before, event, session)
        episode = self._submissions.episode_id(visit)
        version = before.version + 1 if before else 1
        status, count = Status.WAITING_FOR_IDENTITY, 0
        if before and before.patient_id and person and before.patient_id != person.patient_id:
            await self._records.withdraw(before.patient_id, episode, session)
        if person is not None:
            records = records_from(
                visit,
                facility_name=await self._registry.facility_name(visit.facility, session),
                now=now,
                key_for=lambda identity: self._submissions.record_key(episode, identity),
            )
            await self._records.append(person, episode, records, session, new=before is None)
            if before is not None and before.patient_id is None:
                await self._submissions.adopt(permit, before, person, session)
            status, count = Status.ACCEPTED, len(records)
        receipt = Receipt(new_receipt_id(), status, visit.episode, version, count, visit.problems)
        await self._submissions.store(permit, visit, body, receipt, person, now=now, session=session)
        patient_id = person.patient_id if person else None
        after = Episode(episode, version, digest, receipt_key(receipt.id) or b"", patient_id)
        await self._submissions.advance(permit, visit, before, after, session)
        await self._trail.append(dataclasses.replace(event, patient_id=patient_id), session)
        return receipt

    async def _unchanged(
        self, permit: Permit, visit: VisitSummary, before: Episode, event: AuditEvent, session: Session
    ) -> Receipt:
        await self._trail.append(dataclasses.replace(event, patient_id=before.patient_id), session)
        stored = await self._submissions.receipt(permit, receipt_id_of(before.submission), session)
        status = Status.UNCHANGED if before.patient_id else Status.WAITING_FOR_IDENTITY
        return Receipt(
            id=receipt_id_of(before.submission),
            status=status,
            episode=visit.episode,
            version=before.version,
            records=stored.records if stored else 0,
            problems=stored.problems if stored else (),
        )
