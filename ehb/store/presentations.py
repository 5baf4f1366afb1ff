"""The store of presentations and emergencies: what a practitioner opens, and the race to be the one.

Each change is one atomic step on one document, so that of fifty who open the same thing at once one is the first, and
of fifty passcodes guessed at once no more are compared than a presentation bears. The one invariant: an attempt is
spent before the passcode is compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from ehb.domain.access import Action, Permit
from ehb.domain.audit import AuditEvent
from ehb.domain.emergency import LONGEST, REVIEW_WITHIN, Emergency, EmergencyCounts, HeldEmergency, Reviewed, Verdict
from ehb.domain.identity import PrincipalKind
from ehb.domain.presentation import ATTEMPTS, HeldPresentation, Holder, Presentation
from ehb.errors import Forbidden, NotFound
from ehb.store.audit_trail import AuditTrail
from ehb.store.grants import Grants, Kept
from ehb.store.mongo import Mongo, Session, translated
from ehb.store.people import People
from ehb.store.signposts import LOGIN, SECRET, Signposts

KEPT = timedelta(days=90)
"""How long an ended presentation can still be looked at; the trail keeps who opened it."""


@translated
class PresentationShelf:
    """What is shown, and what is opened without being shown."""

    def __init__(self, mongo: Mongo, grants: Grants, people: People, trail: AuditTrail) -> None:
        self._mongo = mongo
        self._signposts = Signposts(mongo)
        self._grants = grants
        self._people = people
        self._trail = trail

    async def start(self, permit: Permit, shown: Presentation, secret: bytes, event: AuditEvent) -> None:
        """Keep what is shown. `secret` is the digest of what the code holds."""

        async def work(session: Session) -> None:
            person = await self._people.find(permit, session)
            if person is None:
                raise Forbidden
            await self._grants.add(
                permit,
                person,
                shown,
                session,
                now=event.time,
                until=shown.until,
                secret=secret,
                attempts_left=ATTEMPTS,
                expires=shown.until + KEPT,
                login=permit.principal.session,
            )
            place = person.patient_id + shown.id
            await self._signposts.put(SECRET, [secret], place, session, expires=shown.until + KEPT)
            await self._signposts.put(LOGIN, _login(permit), place, session, expires=shown.until + KEPT)
            await self._trail.append(event, session)

        await self._mongo.transaction(work)

    async def presented(self, secret: bytes) -> Kept | None:
        """The presentation whose code holds this: whoever has the code may know that it exists."""
        places = await self._signposts.places(SECRET, [secret])
        kept = await self._grants.there("presentation", places, {"secret": secret})
        return kept[0] if kept else None

    async def shown_in_session(self, permit: Permit) -> list[tuple[bytes, bytes]]:
        """Whose book is shown, and by which presentation, of all that the permit's session shows and that stands."""
        places = await self._signposts.places(LOGIN, _login(permit))
        shown = {"login": permit.principal.session, "ended": None}
        kept = await self._grants.there("presentation", places, shown)
        return [(one.patient_id, one.held.presentation.id) for one in kept if isinstance(one.held, HeldPresentation)]

    async def presentations(self, permit: Permit) -> list[HeldPresentation]:
        """Everything that was shown of the permit's book."""
        if permit.patient_id is None:
            raise Forbidden
        held = await self._grants.all(permit, await self._people.sharing(permit.patient_id))
        return [one for one in held if isinstance(one, HeldPresentation)]

    async def spend(self, permit: Permit, presentation: bytes) -> int | None:
        """Take one attempt at the passcode; how many are left, None when there was none."""
        kept = await self._grants.change(
            permit, presentation, {"ended": None, "attempts_left": {"$gt": 0}}, {"$inc": {"attempts_left": -1}}
        )
        return kept.attempts_left if isinstance(kept, HeldPresentation) else None

    async def bind(
        self, permit: Permit, presentation: bytes, holder: Holder, event: AuditEvent, *, restore: bool
    ) -> HeldPresentation | None:
        """Make this practitioner the one, giving back the attempt that was right; None when somebody else is."""
        free = {"ended": None, "until": {"$gt": event.time}, "$or": [{"holder": None}, {"holder": asdict(holder)}]}

        async def work(session: Session) -> HeldPresentation | None:
            done = await self._grants.change(
                permit,
                presentation,
                free,
                {
                    "$set": {"holder": asdict(holder)},
                    "$min": {"opened": event.time},
                    "$inc": {"attempts_left": int(restore)},
                },
                session,
            )
            if done is None:
                return None
            await self._trail.append(event, session)
            return done if isinstance(done, HeldPresentation) else None

        return await self._mongo.transaction(work)

    async def open_in_emergency(self, permit: Permit, emergency: Emergency, event: AuditEvent) -> None:
        """Keep that a book was opened in an emergency. Raises NotFound when there is no such book."""

        async def work(session: Session) -> None:
            person = await self._people.find(permit, session)
            if person is None:
                raise NotFound
            await self._grants.add(
                permit,
                person,
                emergency,
                session,
                now=event.time,
                until=emergency.opened_at + LONGEST,
                holder=asdict(emergency.holder),
                review_by=emergency.opened_at + REVIEW_WITHIN,
                verdict=None,
            )
            await self._trail.append(event, session)

        await self._mongo.transaction(work)

    async def declare(
        self, permit: Permit, emergency: bytes, holder: Holder, event: AuditEvent
    ) -> HeldEmergency | None:
        """Note the second declaration of whoever opened it; None when theirs does not stand."""

        async def work(session: Session) -> HeldEmergency | None:
            not_misuse = {"$ne": Verdict.MISUSE.value}
            condition = {
                "ended": None,
                "until": {"$gt": event.time},
                "holder": asdict(holder),
                "verdict": not_misuse,
            }
            done = await self._grants.change(permit, emergency, condition, {"$min": {"declared": event.time}}, session)
            await self._trail.append(event, session)
            return done if isinstance(done, HeldEmergency) else None

        return await self._mongo.transaction(work)

    async def reviews(self, permit: Permit, facility: str, *, waiting: bool, first: int) -> Sequence[Kept]:
        """Emergencies of one facility, the one that is due first before the others."""
        _for_review(permit, facility)
        asks = {"$or": [{"verdict": None}, {"needs_steward": True}]} if _is_steward(permit) else {"verdict": None}
        wanted = {"holder.facility": facility, **(asks if waiting else {})}
        return await self._grants.found("emergency", wanted, order="review_by", first=first)

    async def emergency(self, permit: Permit, emergency: bytes) -> HeldEmergency | None:
        """One emergency of the book that the permit names."""
        kept = await self._grants.at(permit, emergency)
        return kept if isinstance(kept, HeldEmergency) else None

    async def has_judged(self, permit: Permit, facility: str, *, reviewer: str, opener: str, since: datetime) -> bool:
        """Whether `reviewer` has judged an emergency of `opener` at this facility since then; both are licences."""
        _for_review(permit, facility)
        wanted = {
            "holder.facility": facility,
            "holder.licence": opener,
            "reviewer": reviewer,
            "reviewed": {"$gte": since},
        }
        return await self._grants.exists("emergency", wanted)

    async def review(self, permit: Permit, emergency: bytes, reviewed: Reviewed, event: AuditEvent) -> bool:
        """Keep what a review found; False when there was one before. A MISUSE ends the emergency.

        A steward may judge again what a colleague found and a steward has to confirm.
        """

        async def work(session: Session) -> bool:
            found: dict[str, object] = {
                "verdict": reviewed.verdict.value,
                "reviewed": reviewed.at,
                "reviewer": reviewed.by,
                "needs_steward": reviewed.needs_steward,
            }
            if reviewed.verdict is Verdict.MISUSE:
                found["ended"] = reviewed.at
            by_steward = _is_steward(permit)
            open_to = {"$or": [{"verdict": None}, {"needs_steward": True}]} if by_steward else {"verdict": None}
            done = await self._grants.change(permit, emergency, open_to, {"$set": found}, session)
            await self._trail.append(event, session)
            return done is not None

        return await self._mongo.transaction(work)

    async def counts(self, permit: Permit, facility: str, now: datetime) -> EmergencyCounts:
        """How many emergencies a facility had, and how they were judged."""
        _for_review(permit, facility)
        by = await self._grants.tally(facility, now)
        waiting = by.get("waiting", 0) + by.get("overdue", 0)
        proper, misuse = by.get(Verdict.PROPER.value, 0), by.get(Verdict.MISUSE.value, 0)
        unconfirmed = await self._grants.count("emergency", {"holder.facility": facility, "needs_steward": True})
        return EmergencyCounts(waiting + proper + misuse, waiting, by.get("overdue", 0), proper, misuse, unconfirmed)

    async def lately(self, permit: Permit, facility: str, since: datetime) -> int:
        """How many emergencies a facility has opened since then."""
        if permit.action not in (Action.OPEN_EMERGENCY, Action.REVIEW_EMERGENCY):
            raise Forbidden
        due = {"$gte": since + REVIEW_WITHIN}
        return await self._grants.count("emergency", {"holder.facility": facility, "review_by": due})

    async def emergencies(self, permit: Permit) -> list[HeldEmergency]:
        """Every emergency opening of the permit's book."""
        if permit.patient_id is None:
            raise Forbidden
        held = await self._grants.all(permit, await self._people.sharing(permit.patient_id))
        return [one for one in held if isinstance(one, HeldEmergency)]


def _login(permit: Permit) -> list[bytes]:
    return [permit.principal.session.encode()] if permit.principal.session else []


def _is_steward(permit: Permit) -> bool:
    return permit.principal.kind is PrincipalKind.STEWARD


def _for_review(permit: Permit, facility: str) -> None:
    if permit.facility is not None and permit.facility != facility:
        raise Forbidden
