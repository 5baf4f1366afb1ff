"""What people say about who may see their book: giving, approving, withdrawing, looking at it.

The one invariant: whoever speaks for a book is its person, or somebody who represents them at this moment.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from ehb.custodian.door import Door, StandingStore
from ehb.domain.access import AccessRequest, Action, Permit, Purpose
from ehb.domain.audit import AuditEvent, audit_event
from ehb.domain.coding import VIETNAM
from ehb.domain.consent import Agreement, Consent, Grantee, GranteeKind, HeldConsent, Party
from ehb.domain.consent_terms import Terms, approval_of, needed
from ehb.domain.guardianship import HeldGuardianship, Relation, age
from ehb.domain.identity import Identifier, Principal
from ehb.domain.sensitivity import covered
from ehb.errors import BadInput, EhbError, Forbidden, NotFound


class ConsentStore(StandingStore, Protocol):
    """What consents need of the store; `ehb.store.consents.ConsentShelf` is the one there is."""

    async def give(self, permit: Permit, consent: Consent, event: AuditEvent, approvals: frozenset[Party]) -> None: ...

    async def approve(self, permit: Permit, grant: bytes, party: Party, event: AuditEvent) -> bool: ...

    async def end_grant(self, permit: Permit, grant: bytes, name: str, event: AuditEvent, *, now: datetime) -> bool: ...

    async def consents(self, permit: Permit) -> list[HeldConsent]: ...

    async def book_of(self, permit: Permit, identifier: Identifier) -> bytes: ...

    async def blind_number(self, identifier: Identifier) -> str: ...

    async def is_own_number(self, permit: Permit, identifier: Identifier) -> bool: ...


class HasConsents(Protocol):
    """The part of the store that this room is given."""

    async def record_event(self, event: AuditEvent) -> None: ...

    @property
    def consents(self) -> ConsentStore: ...


@dataclass(frozen=True, slots=True)
class Shown:
    """The words that were shown before somebody agreed."""

    text: str
    version: str
    language: str


@dataclass(frozen=True, slots=True)
class GivenPerson:
    """A private person whom a consent is about: their number, and how it ends as it was given."""

    number: Identifier = field(repr=False)
    ending: str = field(repr=False)


class OwnNumber(BadInput):
    """Mended by the caller: a consent for oneself says nothing."""

    vi = "Đây là số của chính người có sổ."
    en = "This is a number of the person whose book it is."


class Consents:
    """The desk where people say what holds."""

    def __init__(self, door: Door, store: HasConsents, clock: Callable[[], datetime]) -> None:
        self._door = door
        self._store = store
        self._clock = clock

    async def give(
        self,
        principal: Principal,
        patient_id: bytes | None,
        terms: Terms,
        whom: GivenPerson | None,
        shown: Shown,
        *,
        child_agrees: bool,
        path: str,
    ) -> HeldConsent:
        """Keep what somebody agreed to. Raises Forbidden, Conflict, and OwnNumber for a number of the book's person.

        Hiding a record that is hidden already says nothing new: what stands is the answer. Whoever hides a record
        names it by its id, so NotFound is raised in place of Forbidden.
        """
        asked = own_affair(principal, Action.GIVE_CONSENT, patient_id, opens_more=terms.permit)
        hides = not terms.permit and terms.grantee_kind is GranteeKind.ANYBODY and terms.select.records is not None
        request, permit = await self._door.about(asked, path, otherwise=NotFound if hides else Forbidden)
        book, now = _book(permit), self._clock()
        standing = await self._store.consents.standing(book, now)
        party = Party.PERSON if request.about_oneself else Party.REPRESENTATIVE
        if hides and (same := _standing_for(terms, party, standing.consents, now)) is not None:
            await self._store.record_event(audit_event(request, permit, path=path, now=now, source=same.consent.id))
            return same
        years = age(standing.birth_date, now.astimezone(VIETNAM).date())
        ward = any(_for_ward(one) for one in standing.guardianships)
        needs = needed(terms, years, ward=ward) if terms.permit else frozenset({party})
        approvals = approval_of(party, needs, child_agrees=child_agrees, years=years)
        grantee = Grantee(terms.grantee_kind, terms.grantee)
        if whom is not None and terms.grantee_kind is GranteeKind.PERSON:
            if await self._store.consents.is_own_number(permit, whom.number):
                await self._store.record_event(audit_event(request, permit, path=path, now=now))
                raise OwnNumber
            value = await self._store.consents.blind_number(whom.number)
            grantee = Grantee(terms.grantee_kind, value, terms.grantee_label, whom.ending)
        consent = Consent(
            id=os.urandom(16),
            permit=terms.permit,
            grantee=grantee,
            purposes=terms.purposes,
            actions=terms.actions,
            select=terms.select,
            exceptions=terms.exceptions,
            labels=covered(terms.labels),
            without=terms.without,
            valid_from=terms.valid_from or now,
            valid_until=terms.valid_until,
            max_uses=terms.max_uses,
            needs=needs,
            agreement=Agreement(
                shown.text,
                shown.version,
                shown.language,
                now,
                principal.patient_id or b"",
                principal.assurance_level,
                party,
            ),
        )
        detail = "PERMITTED" if terms.permit else "HIDDEN" if hides else "BLOCKED"
        event = audit_event(request, permit, path=path, now=now, source=consent.id, detail=detail)
        await self._store.consents.give(permit, consent, event, approvals)
        return HeldConsent(consent, approvals=approvals)

    async def may_give(self, principal: Principal, patient_id: bytes | None, *, path: str) -> None:
        """Record that somebody proposed terms that could not be kept. Raises Forbidden for whoever may not give any."""
        await self._door.noted(own_affair(principal, Action.GIVE_CONSENT, patient_id), path)

    async def approve(self, principal: Principal, patient_id: bytes | None, consent: bytes, *, path: str) -> None:
        """Agree to a consent that another party of the same book gave. Raises NotFound and StepUpRequired."""
        asked = own_affair(principal, Action.GIVE_CONSENT, patient_id, opens_more=True)
        request, permit = await self._door.about(asked, path, otherwise=NotFound)
        party = Party.PERSON if request.about_oneself else Party.REPRESENTATIVE
        event = audit_event(request, permit, path=path, now=self._clock(), source=consent, detail="APPROVED")
        if not await self._store.consents.approve(permit, consent, party, event):
            raise NotFound

    async def withdraw(self, principal: Principal, patient_id: bytes | None, consent: bytes, *, path: str) -> None:
        """End a consent, from this moment on; what keeps somebody out needs a fresh and strong login to end.

        Raises StepUpRequired, and NotFound when none stands under this id for the caller to end.
        """
        asked = own_affair(principal, Action.WITHDRAW_CONSENT, patient_id)
        request, permit = await self._door.about(asked, path, otherwise=NotFound)
        if any(one.consent.id == consent and not one.consent.permit for one in await self._held(permit)):
            await self._door.about(dataclasses.replace(asked, opens_more=True), path, otherwise=NotFound)
        now = self._clock()
        event = audit_event(request, permit, path=path, now=now)
        if not await self._store.consents.end_grant(permit, consent, "consent", event, now=now):
            raise NotFound

    async def _held(self, permit: Permit) -> list[HeldConsent]:
        return await self._store.consents.consents(permit)

    async def list(
        self, principal: Principal, patient_id: bytes | None, *, path: str, otherwise: type[EhbError] = Forbidden
    ) -> list[HeldConsent]:
        """All that was ever said about a book, the newest first. Raises Forbidden, or `otherwise` in its place."""
        asked = own_affair(principal, Action.READ_CONSENTS, patient_id)
        request, permit = await self._door.about(asked, path, otherwise=otherwise)
        await self._store.record_event(audit_event(request, permit, path=path, now=self._clock()))
        return sorted(await self._held(permit), key=lambda held: held.consent.agreement.at, reverse=True)

    async def find_book(self, principal: Principal, identifier: Identifier | None, *, path: str) -> bytes:
        """The key of the book with this number, or one that no book has: whoever asks learns nothing else.

        Raises BadInput for what is no number (None).
        """
        request = AccessRequest(principal, Action.FIND_PATIENT, Purpose.TREATMENT)
        permit = await self._door.authorise(request, path)
        await self._store.record_event(audit_event(request, permit, path=path, now=self._clock()))
        if identifier is None:
            raise BadInput(vi="Số định danh không hợp lệ.", en="This is no personal number.")
        return await self._store.consents.book_of(permit, identifier)


def own_affair(
    principal: Principal, action: Action, patient_id: bytes | None, *, opens_more: bool = False
) -> AccessRequest:
    """A question about looking after a book: one's own when none is named, else as who represents its person."""
    book = patient_id if patient_id is not None else principal.patient_id
    own = book == principal.patient_id
    purpose = Purpose.PATIENT_REQUEST if own else Purpose.FAMILY_REQUEST
    return AccessRequest(principal, action, purpose, patient_id=book, opens_more=opens_more)


def _standing_for(terms: Terms, party: Party, consents: Iterable[HeldConsent], now: datetime) -> HeldConsent | None:
    """The consent that hides just what these terms would hide, by the word of the same party."""
    for held in consents:
        consent = held.consent
        alike = consent.hides_records and consent.select == terms.select and consent.agreement.party is party
        if alike and held.in_force(now) and (consent.purposes, consent.actions) == (terms.purposes, terms.actions):
            return held
    return None


def _book(permit: Permit) -> bytes:
    if permit.patient_id is None:
        raise NotFound
    return permit.patient_id


def _for_ward(held: HeldGuardianship) -> bool:
    return held.guardianship.relation is Relation.GUARDIAN_OF_WARD and held.ended_at is None
