"""The store of guardianships: a steward enters what was proven, both sides see what stands.

The one invariant: a guardianship lies in the ward's own range, so that the decision about the ward's book finds it
with everything else; a signpost is only for finding one's wards.
"""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field

from ehb.domain.access import Action, Permit
from ehb.domain.audit import AuditEvent
from ehb.domain.guardianship import Appointment, Guardianship, HeldGuardianship, objection
from ehb.domain.identity import Identifier
from ehb.domain.matching import closing_birth_date
from ehb.domain.patient import contradiction
from ehb.errors import Conflict, Forbidden, NotFound
from ehb.store.audit_trail import AuditTrail
from ehb.store.grants import Grants
from ehb.store.mongo import Mongo, Session, translated
from ehb.store.people import People, Person
from ehb.store.signposts import GUARDIAN, Signposts


@dataclass(frozen=True, slots=True)
class Relative:
    """The other side of a guardianship: for a guardian the ward, for a ward the guardian."""

    patient_id: bytes
    name: str | None = field(repr=False)
    birth_date: str | None = field(repr=False)
    held: HeldGuardianship


@translated
class GuardianShelf:
    """Who represents whom."""

    def __init__(self, mongo: Mongo, grants: Grants, people: People, trail: AuditTrail) -> None:
        self._mongo = mongo
        self._signposts = Signposts(mongo)
        self._grants = grants
        self._people = people
        self._trail = trail

    async def appoint(
        self, permit: Permit, ward: Identifier, guardian: Identifier, appointment: Appointment, event: AuditEvent
    ) -> None:
        """Keep a proven guardianship. Raises NotFound for an unknown number, Conflict for what no law knows."""

        async def work(session: Session) -> None:
            minor, adult = await self._pair(permit, ward, guardian, session)
            ward_patient = minor.patient()
            born = closing_birth_date([ward_patient], [appointment.birth_date])
            problem = contradiction(appointment, ward_patient)
            problem = problem or objection(appointment.relation, born, adult.patient(), event.time)
            if adult.patient_id in (minor.patient_id, *minor.others):
                problem = Conflict(vi="Không ai giám hộ cho chính mình.", en="Nobody is their own guardian.")
            if problem is None and await self._standing(permit, minor, adult.patient_id):
                problem = Conflict(vi="Quan hệ này đã có.", en="This guardianship stands already.")
            if problem is not None:
                raise problem
            said = Guardianship(
                os.urandom(16),
                adult.patient_id,
                appointment.relation,
                appointment.proof,
                appointment.since,
                appointment.until,
                born,
            )
            await self._people.prove(permit, minor, appointment, now=event.time, session=session)
            await self._grants.add(permit, minor, said, session, now=event.time, until=None, guardian=adult.patient_id)
            await self._signposts.put(GUARDIAN, [adult.patient_id], minor.patient_id + said.id, session)
            await self._trail.append(dataclasses.replace(event, patient_id=minor.patient_id, source=said.id), session)

        await self._mongo.transaction(work)

    async def end(self, permit: Permit, ward: Identifier, guardian: Identifier, event: AuditEvent) -> None:
        """End a guardianship. Raises NotFound when none stands between these two."""

        async def work(session: Session) -> None:
            minor, adult = await self._pair(permit, ward, guardian, session)
            held = await self._standing(permit, minor, adult.patient_id)
            if held is None:
                raise NotFound
            said = held.guardianship
            await self._grants.stop(permit, minor.patient_id, said.id, session, now=event.time)
            await self._signposts.remove(GUARDIAN, [said.guardian], minor.patient_id + said.id, session)
            ended = dataclasses.replace(event, patient_id=minor.patient_id, source=said.id)
            await self._trail.append(ended, session)

        await self._mongo.transaction(work)

    async def wards(self, permit: Permit) -> list[Relative]:
        """Everybody whom the permit's own person was ever entered as representing, with what stands today."""
        own = permit.principal.patient_id
        if own is None or permit.patient_id != own:
            raise Forbidden
        places = await self._signposts.places(GUARDIAN, [own])
        kept = await self._grants.there("guardianship", places, {"guardian": own, "ended": None})
        return [
            found
            for one in kept
            if isinstance(one.held, HeldGuardianship) and (found := await self._relative(one.patient_id, one.held))
        ]

    async def guardians(self, permit: Permit) -> list[Relative]:
        """Everybody who was ever entered as representing the permit's person."""
        if permit.patient_id is None:
            raise Forbidden
        held = await self._grants.all(permit, await self._people.sharing(permit.patient_id))
        found = [
            await self._relative(one.guardianship.guardian, one) for one in held if isinstance(one, HeldGuardianship)
        ]
        return [one for one in found if one is not None]

    async def _relative(self, patient_id: bytes, held: HeldGuardianship) -> Relative | None:
        people = await self._people.sharing(patient_id)
        if not people:
            return None
        patients = [one.patient() for one in people]
        shown = next((one for one in patients if one.vouched), patients[0])
        proof = held.guardianship.birth_date if patient_id != held.guardianship.guardian else None
        return Relative(patient_id, shown.full_name, closing_birth_date(patients, [proof]), held)

    async def _pair(
        self, permit: Permit, ward: Identifier, guardian: Identifier, session: Session
    ) -> tuple[Person, Person]:
        if permit.action is not Action.APPOINT_GUARDIAN:
            raise Forbidden
        minor = await self._people.named(permit, ward, session)
        adult = await self._people.named(permit, guardian, session)
        if minor is None or adult is None:
            raise NotFound
        return minor, adult

    async def _standing(self, permit: Permit, ward: Person, guardian: bytes) -> HeldGuardianship | None:
        held = await self._grants.all(permit, [ward], about=ward.patient_id)
        for one in held:
            if isinstance(one, HeldGuardianship) and one.guardianship.guardian == guardian and one.ended_at is None:
                return one
        return None
