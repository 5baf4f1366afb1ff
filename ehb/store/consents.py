"""The store of what stands about a book, as the custodian sees it: consents given, approved, used, ended.

Holds the transactions: what is said and the event that says so are durable together. The one invariant: every way
to change something takes the permit that allows it and names the book.
"""

from __future__ import annotations

import dataclasses
from asyncio import gather
from datetime import datetime

from ehb.domain.access import NOTHING_STANDS, Permit, Standing
from ehb.domain.audit import AuditEvent
from ehb.domain.consent import Consent, HeldConsent, Party
from ehb.domain.identity import Identifier, Principal
from ehb.domain.presentation import Holder
from ehb.errors import Forbidden
from ehb.store.audit_trail import AuditTrail
from ehb.store.grants import Grants
from ehb.store.mongo import Mongo, Session, translated
from ehb.store.people import People


@translated
class ConsentShelf:
    """What people said about their books."""

    def __init__(self, mongo: Mongo, grants: Grants, people: People, trail: AuditTrail) -> None:
        self._mongo = mongo
        self._people = people
        self._trail = trail
        self._grants = grants

    async def standing(self, patient_id: bytes, now: datetime, caller: Principal | None = None) -> Standing:
        """What stands about a book, for the decision that comes before any permit; nothing for nobody's book.

        With a caller it is what can speak about this caller. Books are seldom shared, so the grants are fetched beside
        the person.
        """
        book, active = await gather(self._people.sharing(patient_id), self._grants.active([patient_id], now, caller))
        if not book:
            return NOTHING_STANDS
        others = await self._grants.active([person.patient_id for person in book[1:]], now, caller)
        standing = await self._grants.standing(book, [*active, *others])
        if caller is None or not _can_open(standing, caller):
            return standing
        hidden = await self._grants.hidden(book, now)
        return dataclasses.replace(standing, consents=(*standing.consents, *hidden)) if hidden else standing

    async def use(self, permit: Permit, now: datetime) -> bool:
        """Count an opening of every limited consent that a permit rests on; False when one of them is used up."""
        return await self._grants.use(permit, await self._people.sharing_keys(permit), now)

    async def give(self, permit: Permit, consent: Consent, event: AuditEvent, approvals: frozenset[Party]) -> None:
        """Keep what was agreed, and that it was."""

        async def work(session: Session) -> None:
            person = await self._people.find(permit, session)
            if person is None:
                raise Forbidden
            clear = {"uses": 0, "max_uses": consent.max_uses, "approvals": sorted(one.value for one in approvals)}
            await self._grants.add(permit, person, consent, session, now=event.time, until=consent.valid_until, **clear)
            await self._trail.append(event, session)

        await self._mongo.transaction(work)

    async def approve(self, permit: Permit, grant: bytes, party: Party, event: AuditEvent) -> bool:
        """Note a further party's agreement to a consent; False when none stands under this id."""

        async def work(session: Session) -> bool:
            people = await self._people.sharing_keys(permit)
            done = await self._grants.approve(permit, people, grant, party, session)
            await self._trail.append(event, session)
            return done

        return await self._mongo.transaction(work)

    async def end_grant(self, permit: Permit, grant: bytes, name: str, event: AuditEvent, *, now: datetime) -> bool:
        """End a grant; False when none of this type stands under this id. The attempt is in the trail either way."""

        async def work(session: Session) -> bool:
            people = await self._people.sharing_keys(permit)
            done = await self._grants.end(permit, people, grant, name, session, now=now)
            await self._trail.append(event, session)
            return done

        return await self._mongo.transaction(work)

    async def consents(self, permit: Permit) -> list[HeldConsent]:
        """Every consent that was ever given about the permit's book."""
        if permit.patient_id is None:
            raise Forbidden
        held = await self._grants.all(permit, await self._people.sharing(permit.patient_id))
        return [one for one in held if isinstance(one, HeldConsent)]

    async def book_of(self, permit: Permit, identifier: Identifier) -> bytes:
        """The key of the book with this number; for a number that nobody has, a key that no book has."""
        return await self._people.book_of(permit, identifier)

    async def is_own_number(self, permit: Permit, identifier: Identifier) -> bool:
        """Whether a number leads to the person of the permit's book, or to somebody who shares it."""
        owner = await self._people.owner(permit, identifier)
        return owner is not None and owner in await self._people.sharing_keys(permit)

    async def blind_number(self, identifier: Identifier) -> str:
        """What a consent keeps of a person's number, so that it is found and not told (hexadecimal)."""
        [blind] = self._people.blind([identifier])
        return blind.hex()


def _can_open(standing: Standing, caller: Principal) -> bool:
    """Whether anything may open something to a caller; without, what is hidden does not matter."""
    holder = Holder(caller.role.licence, caller.role.facility) if caller.role is not None else None
    return (
        any(one.consent.permit and one.names(caller, role_in_force=True) for one in standing.consents)
        or any(one.guardianship.guardian == caller.patient_id for one in standing.guardianships)
        or any(one.holder == holder for one in standing.presentations if one.holder is not None)
        or any(one.emergency.holder == holder for one in standing.emergencies)
    )
