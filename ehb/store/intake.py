"""What happens to a visit on disk, step by step inside one transaction.

Accepted as the next version, unchanged, kept waiting until it is known whose it is, joined to a book, taken back.
The one invariant: episode, records, receipt and audit event move together; whoever calls holds the transaction.
"""

from __future__ import annotations

import dataclasses
from asyncio import sleep
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ehb.domain.access import Permit
from ehb.domain.audit import AuditEvent
from ehb.domain.identity import Identifier
from ehb.domain.identity_problems import EPISODE_DISOWNED, is_answer, waiting_problems
from ehb.domain.matching import Uncertain
from ehb.domain.placement import Earlier, Placement, place_version
from ehb.domain.records import LegalStatus, Record
from ehb.domain.sensitivity_lists import CodeLists
from ehb.domain.submission import (
    LATE_CHECK_IN,
    PatientDetails,
    Problem,
    Receipt,
    Status,
    VisitSummary,
    records_from,
)
from ehb.store.audit_trail import AuditTrail
from ehb.store.doubts import Doubts
from ehb.store.identity_answers import IdentityAnswers
from ehb.store.mongo import Document, Mongo, Session
from ehb.store.people import Found, People, Person
from ehb.store.receipts import ReceiptShelf, new_receipt_id, receipt_id_of, receipt_key, rfc3339
from ehb.store.records import Records
from ehb.store.registry import Registry
from ehb.store.submissions import Episode, Kept, Submissions
from ehb.store.vault import Vault


@dataclass(frozen=True, slots=True)
class Sent:
    """A visit as it came, with the permit that allows it and the event that must be durable with it."""

    permit: Permit
    visit: VisitSummary
    body: bytes
    event: AuditEvent
    now: datetime

    def touches(self) -> frozenset[Hashable]:
        """What two visits must not share to be taken in one transaction: an episode, a number or a card."""
        visit = self.visit
        return frozenset(
            ((visit.facility, visit.source, visit.episode), *visit.patient.identifiers, *visit.patient.cards)
        )


class Intake:
    """The steps. Every method takes the permit that allows it and the session of its transaction."""

    def __init__(
        self,
        mongo: Mongo,
        vault: Vault,
        people: People,
        records: Records,
        receipts: ReceiptShelf,
        registry: Registry,
        lists: CodeLists,
        doubts: Doubts,
    ) -> None:
        self._people = people
        self._doubts = doubts
        self._records = records
        self._receipts = receipts
        self._submissions = Submissions(mongo, vault)
        self._trail = AuditTrail(mongo, vault)
        self._registry = registry
        self._answers = IdentityAnswers(mongo)
        self._lists = lists

    async def reject(
        self, permit: Permit, visit: VisitSummary, body: bytes, event: AuditEvent, session: Session, *, now: datetime
    ) -> Receipt:
        """Refuse a visit for its problems, and keep what was sent for those who will ask."""
        receipt = _receipt(new_receipt_id(), Status.REJECTED, visit, 0, 0, now)
        await self._submissions.store(permit, visit, body, receipt, None, now=now, session=session)
        await self._trail.append(event, session)
        return receipt

    async def accept(
        self,
        permit: Permit,
        visit: VisitSummary,
        body: bytes,
        event: AuditEvent,
        session: Session,
        *,
        now: datetime,
        counted: bool = False,
    ) -> Receipt:
        """Take a visit: store it, say that it is here already, or keep it waiting.

        A new episode is claimed with the very command that looks for an old one: one round trip less, and of two
        senders at once the second begins again and finds the first. `counted`: the answer about the person is.
        """
        outcome = await self._people.resolve(permit, visit.patient, now=now, session=session)
        found = outcome if isinstance(outcome, Found) else None
        person = found.person if found else None
        claim = self._claim(permit, visit, person)
        before = await self._submissions.claim(permit, claim, session)
        if before is not None and self._same(before, visit, claim.digest) and (before.patient_id or person is None):
            return await self._unchanged(permit, visit, before, event, session)
        if before is not None and visit.preliminary and not before.preliminary and before.digest:
            receipt = await self._unchanged(permit, visit, before, event, session)
            return dataclasses.replace(receipt, problems=(*receipt.problems, LATE_CHECK_IN))
        problems = await self._told(permit, visit, outcome, now, counted=counted)
        if before is not None and before.patient_id is not None:
            earlier = await self._people.known(permit, before.patient_id, session=session)
            placed = _placed(visit, outcome, before, earlier)
            problems = (*problems, *placed.problems) if found is not None else placed.problems
            if placed.refused:
                visit = dataclasses.replace(visit, problems=(*visit.problems, *problems))
                return await self.reject(permit, visit, body, event, session, now=now)
            person = earlier if earlier is not None and placed.person == earlier.patient_id else person
            if placed.moved:
                await self._records.misplaced(before.patient_id, before.id, session, now=now)
            if placed.moved and placed.problems:  # the first person is told
                told = dataclasses.replace(event, patient_id=before.patient_id, detail="MOVED_AWAY")
                await self._trail.append(told, session)
        visit = dataclasses.replace(visit, problems=(*visit.problems, *problems))
        if found is not None:
            await self._people.write(permit, found, session)
        records: tuple[Record, ...] = ()
        if person is not None:
            records = await self._records_of(visit, claim.id, now=now)
            await self._records.append(person, claim.id, records, session, now=now, new=before is None)
            if before is not None and before.patient_id is None:
                await self._submissions.adopt(permit, before.id, person, session)
        status = Status.ACCEPTED if person else Status.WAITING_FOR_IDENTITY
        version = before.version + 1 if before else 1
        receipt = _receipt(receipt_id_of(claim.submission), status, visit, version, len(records), now)
        waits_for = self._people.blind((*visit.patient.identifiers, *visit.patient.cards)) if person is None else []
        await self._submissions.store(permit, visit, body, receipt, person, waits_for, now=now, session=session)
        patient_id = person.patient_id if person else None
        if before is not None:
            after = dataclasses.replace(claim, version=version, patient_id=patient_id)
            await self._submissions.advance(permit, before, after, session)
        await self._trail.append(dataclasses.replace(event, patient_id=patient_id), session)
        if found is not None:
            await self._join_what_waited(permit, found.fresh_cards, found.person, event, session)
        return receipt

    async def accept_new(self, sent: Sequence[Sent], session: Session) -> list[Receipt | None]:
        """Take new visits of people who have a number, many with the commands of one, as `accept` would each of them.

        None for any other, of which nothing is written. No two of them touch the same.
        """
        outcomes = await self._people.resolve_all([(one.permit, one.visit.patient, one.now) for one in sent], session)
        found = [one if isinstance(one, Found) else None for one in outcomes]
        cards = [card for who in found if who for card in who.fresh_cards]
        permits = [one.permit for one in sent]
        awaited = await self._submissions.awaited(permits, self._people.blind(cards), session, now=sent[0].now)
        plain: dict[bytes, tuple[int, Sent, Found, Episode]] = {}
        for number, (one, who) in enumerate(zip(sent, found, strict=True)):
            if who is not None and not (awaited and who.fresh_cards):
                claim = self._claim(one.permit, one.visit, who.person)
                plain.setdefault(who.person.patient_id, (number, one, who, claim))
        new = await self._submissions.claim_all([(one.permit, claim) for _, one, _, claim in plain.values()], session)
        receipts: list[Receipt | None] = [None] * len(sent)
        asked = [(one.visit.facility, who.person.patient_id) for _, one, who, _ in plain.values()]
        exhausted = await self._answers.find_exhausted(asked, sent[0].now)
        written = _Written([], [], [], [])
        for number, one, who, claim in (taken for taken, is_new in zip(plain.values(), new, strict=True) if is_new):
            records = await self._records_of(one.visit, claim.id, now=one.now)
            asker = (one.visit.facility, who.person.patient_id)
            told = await self._answers.limit(who.warnings, *asker, one.now, exhausted=asker in exhausted)
            visit = dataclasses.replace(one.visit, problems=(*one.visit.problems, *told))
            receipt = _receipt(receipt_id_of(claim.submission), Status.ACCEPTED, visit, 1, len(records), one.now)
            receipts[number] = receipt
            written.people.append((one.permit, who))
            written.records.extend(self._records.first(who.person, claim.id, records))
            written.submissions.append(
                self._submissions.document(one.permit, visit, one.body, receipt, who.person, now=one.now)
            )
            written.events.append(dataclasses.replace(one.event, patient_id=who.person.patient_id))
            await sleep(0)  # others are answered between two visits
        await self._people.write_all(written.people, session)
        await self._records.insert(written.records, session)
        await self._submissions.insert(written.submissions, session)
        await self._trail.append_all(written.events, session)
        return receipts

    async def resolve(
        self,
        permit: Permit,
        receipt_id: str,
        identifier: Identifier,
        event: AuditEvent,
        session: Session,
        *,
        now: datetime,
    ) -> Receipt | None:
        """A steward says whose a waiting submission is; None when this receipt waits for nobody."""
        kept = await self._submissions.waiting(permit, receipt_key(receipt_id) or b"", session)
        if kept is None:
            await self._trail.append(event, session)
            return None
        found = await self._people.assign(permit, kept.visit.patient, identifier, now=now, session=session)
        await self._people.write(permit, found, session)
        await self._settle(permit, kept, found.person, event, session)
        return await self._receipts.find_any(permit, receipt_id, session)

    async def retract(
        self, permit: Permit, receipt_id: str, reason: str, event: AuditEvent, session: Session, *, now: datetime
    ) -> tuple[Receipt | None, bool]:
        """Take a visit back; the receipt as it is then, and whether it could be."""
        receipt = await self._receipts.find(permit, receipt_id, session)
        episode = await self._submissions.newest(permit, receipt_id, session) if receipt else None
        patient_id = episode.patient_id if episode else None
        await self._trail.append(dataclasses.replace(event, patient_id=patient_id), session)
        if receipt is None or receipt.retracted_at is not None:
            return receipt, True
        if episode is None:
            return receipt, False
        if patient_id is not None:
            person = await self._people.known(permit, patient_id, session=session)
            if person is not None:
                await self._records.retract(person, episode.id, reason, session, now=now)
        await self._submissions.retract(permit, episode, session, now=now)
        return dataclasses.replace(receipt, retracted_at=rfc3339(now)), True

    async def _told(
        self, permit: Permit, visit: VisitSummary, outcome: Found | Uncertain | None, now: datetime, *, counted: bool
    ) -> tuple[Problem, ...]:
        """What a receipt says about the person of a visit, as far as the facility may know."""
        if counted:
            return _doubts(outcome)
        if isinstance(outcome, Found):
            asker = (visit.facility, outcome.person.patient_id)
            exhausted = asker in await self._answers.find_exhausted([asker], now)
            return await self._answers.limit(outcome.warnings, *asker, now, exhausted=exhausted)
        problems = _doubts(outcome)
        named = await self._people.named_by(permit, visit.patient) if any(map(is_answer, problems)) else None
        if named is None:
            return problems
        return await self._answers.limit(problems, visit.facility, named, now, exhausted=False)

    def _same(self, before: Episode, visit: VisitSummary, digest: bytes) -> bool:
        """Nothing new has come. What was SIGNED when it came first stays so, though its certificate ended since."""
        if before.digest == digest:
            return True
        doubtful = visit.signature in (LegalStatus.SIGNATURE_INVALID, LegalStatus.SIGNATURE_UNVERIFIED)
        signed = self._submissions.content_digest(visit, signature=LegalStatus.SIGNED)
        return doubtful and before.digest == signed

    def _claim(self, permit: Permit, visit: VisitSummary, person: Person | None) -> Episode:
        """The first version of the visit's episode, with a new receipt."""
        return Episode(
            self._submissions.episode_id(permit, visit),
            1,
            self._submissions.content_digest(visit),
            receipt_key(new_receipt_id()) or b"",
            person.patient_id if person else None,
            visit.preliminary,
        )

    async def _records_of(self, visit: VisitSummary, episode: bytes, *, now: datetime) -> tuple[Record, ...]:
        return records_from(
            visit,
            facility_name=await self._registry.facility_name(visit.facility, visit.day),
            now=now,
            key_for=lambda identity: self._submissions.record_key(episode, identity),
            lists=self._lists,
        )

    async def disown(self, permit: Permit, key: bytes, event: AuditEvent, session: Session, *, now: datetime) -> bool:
        """Close a visit of the permit's book to everybody; False when no record counts under this key."""
        found = await self._records.episode_of(permit, await self._people.sharing_keys(permit), key)
        if found is None:
            return False
        patient_id, episode, facility = found
        person = await self._people.find_person(permit, patient_id, session)
        if person is None:
            return False
        await self._records.disown(patient_id, episode, session, now=now)
        await self._submissions.mark_disowned(permit, episode, session, disowned=True)
        await self._doubts.note_visit(permit, person, episode, facility, now=now, session=session)
        await self._trail.append(dataclasses.replace(event, patient_id=patient_id), session)
        return True

    async def decide_visit(
        self,
        permit: Permit,
        episode: bytes,
        number: Identifier | None,
        event: AuditEvent,
        session: Session,
        *,
        now: datetime,
    ) -> int | None:
        """Put a visit into the book of a number, or back (None); how many records moved, None for no such visit."""
        owner = await self._submissions.person_of(permit, episode, session)
        person = await self._people.for_steward(permit, owner) if owner is not None else None
        if person is None:
            return None
        await self._trail.append(dataclasses.replace(event, patient_id=person.patient_id), session)
        await self._doubts.close_of_visit(permit, episode, now=now, session=session)
        if number is None:
            await self._records.give_back(person.patient_id, episode, session)
            await self._submissions.mark_disowned(permit, episode, session, disowned=False)
            return 0
        found = await self._people.assign(permit, PatientDetails(), number, now=now, session=session)
        if found.person.patient_id == person.patient_id:
            return None
        await self._people.write(permit, found, session)
        moved = await self._records.hand_over(person, episode, found.person, session, now=now)
        await self._submissions.hand_over(permit, episode, person, found.person, session)
        await self._trail.append(dataclasses.replace(event, patient_id=found.person.patient_id), session)
        return moved

    async def settle_vouched(
        self, permit: Permit, person: Person, numbers: Sequence[Identifier], event: AuditEvent, session: Session
    ) -> None:
        """Put into a person's book what waits under the numbers for which the eID vouched, where it fits now."""
        await self._join_what_waited(permit, numbers, person, event, session)

    async def _join_what_waited(
        self, permit: Permit, keys: Sequence[Identifier], person: Person, event: AuditEvent, session: Session
    ) -> None:
        """A key that leads to a person from today on may be the one with which an earlier visit came."""
        if not keys:
            return
        blind = self._people.blind(keys)
        for kept in await self._submissions.waiting_for(permit, blind, session, now=event.time):
            owner = await self._people.owner_of(permit, kept.visit.patient, session)
            if owner == person.patient_id:
                await self._settle(permit, kept, person, event, session)

    async def _settle(self, permit: Permit, kept: Kept, person: Person, event: AuditEvent, session: Session) -> None:
        """Move what waited into the book of its person."""
        records = await self._records_of(kept.visit, kept.episode, now=kept.received)
        await self._records.append(person, kept.episode, records, session, now=kept.received, new=False)
        await self._submissions.settle(permit, kept, person, len(records), session)
        await self._trail.append(dataclasses.replace(event, patient_id=person.patient_id), session)

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


@dataclass(frozen=True, slots=True)
class _Written:
    """What a transaction adds, gathered so that one command takes all of a kind."""

    people: list[tuple[Permit, Found]]
    records: list[Document]
    submissions: list[Document]
    events: list[AuditEvent]


def _doubts(outcome: Found | Uncertain | None) -> tuple[Problem, ...]:
    """What there is to say about the person of a visit."""
    if isinstance(outcome, Uncertain):
        return waiting_problems(outcome.doubts)
    return outcome.warnings if outcome is not None else ()


def _placed(
    visit: VisitSummary, outcome: Found | Uncertain | None, before: Episode, earlier: Person | None
) -> Placement:
    """Where a new version goes. What was taken back may be sent again for anybody."""
    person = outcome.person.patient_id if isinstance(outcome, Found) else None
    if before.disowned and person in (None, before.patient_id):
        return Placement(None, refused=True, problems=(EPISODE_DISOWNED,))
    uncertain = outcome if isinstance(outcome, Uncertain) else None
    if earlier is None or not before.digest:
        key = person or (earlier.patient_id if earlier is not None and uncertain is None else None)
        moved = key != before.patient_id
        return Placement(key, moved, problems=waiting_problems(uncertain.doubts) if uncertain is not None else ())
    book = {earlier.patient_id, *earlier.others}
    return place_version(visit.patient, person, uncertain, Earlier(earlier.patient_id, earlier.patient(), book))


def _receipt(
    receipt_id: str, status: Status, visit: VisitSummary, version: int, records: int, now: datetime
) -> Receipt:
    return Receipt(receipt_id, status, visit.episode, version, records, visit.problems, received_at=rfc3339(now))
