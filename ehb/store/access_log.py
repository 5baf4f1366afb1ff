"""The trail as the person sees it: the lines of their own book, newest first, and their objections to some.

Lines lie in one contiguous range per person in the order of time, so a page is one range scan, however long the
trail. The one invariant: an objection lies beside its line and never in it: a line is never changed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncGenerator, Iterable, Sequence
from datetime import datetime
from typing import Any

from ehb.domain.access import Action, Ground, Permit
from ehb.domain.audit import AuditEvent
from ehb.domain.coding import VIETNAM
from ehb.domain.records import Section
from ehb.domain.trail import Dispute, Line, TrailPage, TrailQuery
from ehb.domain.trail_seal import Proof
from ehb.errors import Conflict, Forbidden, NotFound
from ehb.store.audit_trail import AuditTrail
from ehb.store.changes import Changes
from ehb.store.grants import Grants
from ehb.store.mongo import Document, Mongo, Session, translated
from ehb.store.people import People
from ehb.store.permitted import sortable
from ehb.store.trail_seals import TrailProofs
from ehb.store.vault import DataKey

_REASON = b"dispute\0"
_BATCH = 200
MAX_EVENTS_A_PAGE = 2_000


@dataclasses.dataclass(slots=True)
class _Folded:
    """Equal events of one day: the newest, their ids, and when the oldest was."""

    newest: Document
    ids: list[bytes] = dataclasses.field(default_factory=list)
    first: datetime | None = None


def _alike(document: Document) -> tuple[Any, ...]:
    """What two events of one day share that are told as one line; of refusals, neither the path nor the part asked."""
    agent = document["agent"]
    who = tuple(agent.get(name) for name in ("kind", "patient", "facility", "licence", "actor"))
    what = tuple(document.get(name) for name in ("path", "action", "purpose", "outcome", "rule", "source", "detail"))
    day = document["time"].astimezone(VIETNAM).date()
    if document["outcome"] == "DENY":
        return (day, who, tuple(document.get(name) for name in ("action", "purpose", "rule", "detail")))
    return (day, who, what, tuple(document["sections"]))


@translated
class AccessLog:
    """Reads the trail for the person it is about."""

    def __init__(self, mongo: Mongo, grants: Grants, people: People, trail: AuditTrail) -> None:
        self._mongo = mongo
        self._events = mongo.database["audit_events"]
        self._disputes = mongo.database["disputes"]
        self._grants = grants
        self._people = people
        self._trail = trail
        self._changes = Changes(mongo)
        self._proofs = TrailProofs(mongo)

    async def lines(self, permit: Permit, query: TrailQuery) -> TrailPage:
        """A page of lines, newest first. Equal events of one day are one line with a count.

        Each event is looked at once over all pages. A page looks at MAX_EVENTS_A_PAGE at most, so that many equal
        events cost no more than many others; then it has fewer lines, and another page follows.
        """
        people = await self._book(permit)
        book = list(people)
        folded: dict[tuple[Any, ...], _Folded] = {}
        end, looked_at, has_next = query.after, 0, False
        while not has_next:
            batch = await self._events_after(book, query, end)
            for document in batch:
                key = _alike(document)
                if key not in folded and len(folded) == query.first:
                    has_next = True
                    break
                one = folded.setdefault(key, _Folded(document))
                end, looked_at = bytes(document["_id"]), looked_at + 1
                one.ids.append(end)
                one.first = document["time"]
            if len(batch) < _BATCH:
                break
            if looked_at >= MAX_EVENTS_A_PAGE:
                has_next = True
        lines = await self._told(people, [*folded.values()])
        return TrailPage(lines, end if folded else None, has_next)

    async def _events_after(self, book: Sequence[bytes], query: TrailQuery, after: bytes | None) -> list[Document]:
        """The next events of a book's people behind one event, in the order of time."""
        behind = dataclasses.replace(query, after=after)
        found: list[Document] = []
        for person in book:
            wanted = {"_id": _range(person, behind), **_filter(query, book)}
            found += await self._events.find(wanted).sort("_id", -1).limit(_BATCH).to_list()
        found.sort(key=lambda one: bytes(one["_id"])[16:], reverse=True)
        return found[:_BATCH]

    async def _told(self, people: dict[bytes, DataKey], page: Sequence[_Folded]) -> tuple[Line, ...]:
        documents = [one.newest for one in page]
        disputed = {
            bytes(one["_id"])
            async for one in self._disputes.find({"_id": {"$in": [id for one in page for id in one.ids]}}, {"_id": 1})
        }
        names = await self._names({one["agent"]["patient"] for one in documents if _is_known_to_the_person(one)})
        reasons = await self._grants.reasons(people, _emergencies(documents))
        return tuple(
            Line(
                bytes(one.newest["_id"]),
                event_of(one.newest),
                not disputed.isdisjoint(one.ids),
                frozenset(people),
                names.get(one.newest["agent"]["patient"]) if _is_known_to_the_person(one.newest) else None,
                reasons.get(one.newest["source"]),
                len(one.ids),
                one.first,
            )
            for one in page
        )

    async def proof(self, permit: Permit, line: bytes) -> Proof | None:
        """That a line of the permit's book is sealed; None while it is not. Raises NotFound for any other line."""
        book = await self._book(permit)
        if line[:16] not in book or await self._events.find_one({"_id": line}, {"_id": 1}) is None:
            raise NotFound
        return await self._proofs.proof(line)

    async def follow(self, permit: Permit) -> AsyncGenerator[Line | None]:
        """Lines of the permit's book as they come, on every worker.

        None at the beginning, now and then, and whenever something that stands about the book changed: ask again
        whether the permit still holds. Ends when other people share the book than before. Raises Unavailable when
        lines may have been missed.
        """
        people = await self._book(permit)
        book = frozenset(people)
        async with self._changes.of(book) as changes:
            if frozenset(await self._book(permit)) != book:
                return
            yield None
            async for change in changes:
                if change.shared:
                    return
                one = change.line
                if one is None:
                    yield None
                    continue
                names = await self._names({one["agent"]["patient"]} if _is_known_to_the_person(one) else ())
                reasons = await self._grants.reasons(people, _emergencies([one]))
                name = names.get(one["agent"]["patient"])
                yield Line(bytes(one["_id"]), event_of(one), False, book, name, reasons.get(one["source"]))

    async def dispute(self, permit: Permit, line: bytes, reason: str, event: AuditEvent) -> None:
        """Keep an objection. Raises NotFound for a line of another book, Conflict for one that was objected to."""
        if permit.action is not Action.DISPUTE or permit.patient_id is None:
            raise Forbidden
        people = {one.patient_id: one.data_key for one in await self._people.sharing(permit.patient_id)}

        async def work(session: Session) -> None:
            owner = line[:16]
            if owner not in people or await self._events.find_one({"_id": line}, {"_id": 1}, session=session) is None:
                raise NotFound
            if await self._disputes.find_one({"_id": line}, {"_id": 1}, session=session) is not None:
                raise Conflict(vi="Bạn đã phản đối dòng này.", en="You objected to this line already.")
            sealed = people[owner].seal(reason.encode(), _REASON + line)
            await self._disputes.insert_one({"_id": line, "at": event.time, "reason": sealed}, session=session)
            await self._trail.append(event, session)

        await self._mongo.transaction(work)

    async def disputes(self, permit: Permit, first: int) -> list[Dispute]:
        """For a steward: what people object to, the newest first."""
        if permit.action is not Action.LIST_DISPUTES:
            raise Forbidden
        kept = await self._disputes.find().sort("at", -1).limit(first).to_list()
        events = {
            bytes(one["_id"]): one async for one in self._events.find({"_id": {"$in": [one["_id"] for one in kept]}})
        }
        keys = await self._people.data_keys({bytes(one["_id"])[:16] for one in kept})
        return [
            Dispute(
                line, event_of(events[line]), one["at"], keys[line[:16]].open(one["reason"], _REASON + line).decode()
            )
            for one in kept
            if (line := bytes(one["_id"])) in events and line[:16] in keys
        ]

    async def _book(self, permit: Permit) -> dict[bytes, DataKey]:
        if permit.action is not Action.READ_TRAIL or permit.patient_id is None:
            raise Forbidden
        return {one.patient_id: one.data_key for one in await self._people.sharing(permit.patient_id)}

    async def _names(self, people: Iterable[bytes]) -> dict[bytes, str]:
        found: dict[bytes, str] = {}
        for patient_id in people:
            book = await self._people.sharing(patient_id)
            if book and (name := book[0].patient().full_name):
                found[patient_id] = name
        return found


def event_of(document: Document) -> AuditEvent:
    """An event as it lies in the trail."""
    agent = document["agent"]
    return AuditEvent(
        time=document["time"],
        path=document["path"],
        action=document["action"],
        purpose=document["purpose"],
        outcome=document["outcome"],
        rule=document["rule"],
        agent_kind=agent["kind"],
        agent_session=agent["session"],
        agent_patient_id=agent["patient"],
        agent_facility=agent["facility"],
        patient_id=document["patient"],
        sections=tuple(Section(one) for one in document["sections"]),
        agent_licence=agent["licence"],
        agent_actor=agent.get("actor"),
        source=document["source"],
        detail=document.get("detail"),
    )


def _is_known_to_the_person(document: Document) -> bool:
    """A private person whom the book's person let in, or who represents them: the name is no news to them."""
    private = document["agent"]["licence"] is None and document["agent"]["patient"] not in (None, document["patient"])
    return private and document["outcome"] == "PERMIT" and document["rule"] in ("REPRESENTATION", "CONSENT")


def _emergencies(page: Iterable[Document]) -> set[bytes]:
    """Ids of the emergencies by which somebody was let in."""
    opened = (one for one in page if one["action"] == Action.OPEN_EMERGENCY or one["rule"] == Ground.EMERGENCY)
    return {bytes(one["source"]) for one in opened if one["source"] is not None}


def _range(person: bytes, query: TrailQuery) -> Document:
    low = person + (sortable(query.since) if query.since is not None else b"").ljust(16, b"\x00")
    high = person + (sortable(query.until) if query.until is not None else b"\xff" * 16).ljust(16, b"\x00")
    if query.after is not None:
        high = min(high, person + query.after[16:])
    return {"$gte": low, "$lt": high}


def _filter(query: TrailQuery, book: Sequence[bytes]) -> Document:
    wanted: Document = {}
    if query.refused is not None:
        wanted["outcome"] = "DENY" if query.refused else "PERMIT"
    if query.actions is not None:
        wanted["action"] = {"$in": sorted(query.actions)}
    if query.facility is not None:
        wanted["agent.facility"] = query.facility
    if query.others:
        wanted["agent.patient"] = {"$nin": list(book)}
        wanted["action"] = {**wanted.get("action", {}), "$ne": Action.SIGN_IN.value}
    if query.by is not None:
        wanted["agent.patient"] = query.by
    return wanted
