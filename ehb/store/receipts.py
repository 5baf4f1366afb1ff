"""Receipts: what became of a submission, one by its id and all of a facility's, newest first.

The one invariant: a facility sees its own receipts and nobody else's; absent and foreign look the same.
"""

from __future__ import annotations

import base64
import binascii
import os
from asyncio import gather
from collections.abc import Sequence
from datetime import datetime

import msgspec

from ehb.domain.access import Action, Permit
from ehb.domain.submission import SOURCES, Problem, Receipt, ReceiptQuery, Receipts, Status, Waiting
from ehb.errors import Forbidden
from ehb.store.mongo import Document, Mongo, Session
from ehb.store.people import People
from ehb.store.vault import DataKey, Vault

CODE = b"code\0"
"""Place of the facility's own episode code, sealed beside the bytes."""
_WITHOUT_BODY = {"sealed": 0, "visit": 0}
"""What was sent may be megabytes and is no part of a receipt."""


WAITS: Document = {"status": Status.WAITING_FOR_IDENTITY.value, "replaced_by": None, "retracted": None}
"""What waits for an identity still: not replaced by a later version, and not taken back."""


class ReceiptShelf:
    """The receipts that `ehb.store.submissions` wrote. Every method takes the permit that allows it."""

    def __init__(self, mongo: Mongo, vault: Vault, people: People) -> None:
        self._submissions = mongo.database["submissions"]
        self._vault = vault
        self._people = people

    async def find(self, permit: Permit, receipt_id: str, session: Session | None = None) -> Receipt | None:
        """A receipt of the permit's own facility, None for anything else."""
        facility = require_own(permit)
        mine = {"_id": receipt_key(receipt_id), "facility": facility}  # looked for though it be no id (row E3)
        found = await self._submissions.find_one(mine, _WITHOUT_BODY, session=session)
        if found is None:
            return None
        [receipt] = await self._opened([found], session)
        return receipt

    async def find_any(self, permit: Permit, receipt_id: str, session: Session) -> Receipt | None:
        """A receipt of any facility, for a steward who just said whose it is."""
        if permit.action is not Action.RESOLVE_IDENTITY:
            raise Forbidden
        found = await self._submissions.find_one({"_id": receipt_key(receipt_id)}, _WITHOUT_BODY, session=session)
        return (await self._opened([found], session))[0] if found else None

    async def waiting(self, permit: Permit, first: int) -> list[Waiting]:
        """What waits for an identity at all facilities, the oldest first."""
        if permit.action is not Action.LIST_WAITING:
            raise Forbidden
        found = self._submissions.find(WAITS, {"facility": 1, "source": 1, "received": 1, "problems.rule": 1}).sort(
            "received", 1
        )
        return [
            Waiting(
                receipt_id_of(one["_id"]),
                one["facility"],
                one["source"],
                rfc3339(one["received"]),
                tuple(problem["rule"] for problem in one["problems"] if problem["rule"].startswith("identi")),
            )
            async for one in found.limit(first)
        ]

    async def search(self, permit: Permit, query: ReceiptQuery) -> Receipts:
        """One page of the permit's own facility's receipts, newest first, and the counts of all that match."""
        facility = require_own(permit)
        wanted = self._wanted(facility, query)
        chosen = {**wanted, "$and": [*wanted["$and"], {"status": query.status.value}]} if query.status else wanted
        if query.after is not None:
            moment, submission = query.after
            older = [{"received": {"$lt": moment}}, {"received": moment, "_id": {"$lt": submission}}]
            chosen = {**chosen, "$and": [*chosen["$and"], {"$or": older}]}
        page = self._submissions.find(chosen, _WITHOUT_BODY).sort([("received", -1), ("_id", -1)])
        by_status = [{"$match": wanted}, {"$group": {"_id": "$status", "count": {"$sum": 1}}}]
        found, counted = await gather(page.limit(query.first + 1).to_list(), self._count(by_status))
        shown = found[: query.first]
        return Receipts(
            receipts=tuple(await self._opened(shown)),
            places=tuple((one["received"], bytes(one["_id"])) for one in shown),
            has_next=len(found) > query.first,
            counts={Status(one["_id"]): one["count"] for one in counted},
        )

    def _wanted(self, facility: str, query: ReceiptQuery) -> Document:
        """What waited and was replaced by a later version waits no more."""
        waits_no_more = {"status": Status.WAITING_FOR_IDENTITY.value, "replaced_by": {"$exists": True}}
        wanted: Document = {"facility": facility, "$and": [{"$nor": [waits_no_more]}]}
        span = {"$gte": query.since, "$lt": query.until}
        if span := {bound: moment for bound, moment in span.items() if moment is not None}:
            wanted["received"] = span
        if query.episode is not None:
            wanted["episode"] = {"$in": [episode_id(self._vault, facility, name, query.episode) for name in SOURCES]}
        return wanted

    async def _count(self, pipeline: list[Document]) -> list[Document]:
        return await (await self._submissions.aggregate(pipeline)).to_list()

    async def _opened(self, found: Sequence[Document], session: Session | None = None) -> list[Receipt]:
        owners = {bytes(one["patient"]) for one in found if one["key"] is None}
        keys = await self._people.data_keys(owners, session) if owners else {}
        return [_receipt(one, self._key_of(one, keys)) for one in found]

    def _key_of(self, found: Document, keys: dict[bytes, DataKey]) -> DataKey | None:
        if found["key"] is not None:
            return self._vault.data_key(found["_id"], found["key"])
        return keys.get(bytes(found["patient"]))


def _receipt(found: Document, key: DataKey | None) -> Receipt:
    """A receipt; its episode code is empty when the book that it went to was erased."""
    replaced, retracted = found.get("replaced_by"), found.get("retracted")
    return Receipt(
        receipt_id_of(found["_id"]),
        Status(found["status"]),
        key.open(found["code"], CODE + found["_id"]).decode() if key else "",
        found["version"],
        found["records"],
        tuple(msgspec.convert(found["problems"], list[Problem])),
        received_at=rfc3339(found["received"]),
        replaced_by=receipt_id_of(replaced) if replaced else None,
        retracted_at=rfc3339(retracted) if retracted else None,
    )


def episode_id(vault: Vault, facility: str, source: str, episode: str) -> bytes:
    """16 bytes that name an episode of a facility without telling its code."""
    return vault.blind_index("episode", facility, source, episode)[:16]


def rfc3339(moment: datetime) -> str:
    """To the millisecond, as MongoDB keeps it."""
    return moment.isoformat(timespec="milliseconds")


def new_receipt_id() -> str:
    """An unguessable receipt id: 16 random bytes, base64url; never one that a command line takes for an option."""
    while (receipt_id := receipt_id_of(os.urandom(16))).startswith("-"):
        continue
    return receipt_id


def receipt_id_of(submission: bytes) -> str:
    return base64.urlsafe_b64encode(submission).decode().rstrip("=")


def receipt_key(receipt_id: str) -> bytes | None:
    """The document key of a receipt id, None when it cannot be one."""
    try:
        key = base64.b64decode(receipt_id + "==", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if len(key) == 16 else None


def require_own(permit: Permit) -> str:
    """The facility that a permit speaks for. Raises Forbidden for a permit of another kind."""
    if permit.action not in (Action.SUBMIT, Action.RETRACT, Action.READ_RECEIPT) or not permit.facility:
        raise Forbidden
    return permit.facility
