"""Trusted documents on disk. They are part of an app and nobody's secret, so they lie in clear and need no permit.

The one invariant: a document is added once and never changed, and no identifier ever names two.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ehb.domain.trusted_documents import TrustedDocument
from ehb.errors import Conflict
from ehb.store.mongo import Document, Mongo, Session, translated


@translated
class TrustedDocuments:
    """The collection `trusted_documents`."""

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._documents = mongo.database["trusted_documents"]

    async def add(self, documents: Sequence[TrustedDocument], now: datetime) -> int:
        """Add all of them or none; how many are new. Raises Conflict when an alias names another document already."""

        async def work(session: Session) -> int:
            return sum([await self._added(one, now, session) for one in documents])

        try:
            return await self._mongo.transaction(work)
        except Conflict:
            raise Conflict(
                vi="Một mã trong tệp đã thuộc về một tài liệu khác.",
                en="An identifier in the manifest belongs to another document already.",
            ) from None

    async def find(self, identifier: str) -> str | None:
        """The text of the document that either its id or an alias names."""
        name = "_id" if ":" in identifier else "aliases"
        found = await self._documents.find_one({name: identifier}, {"text": True})
        return str(found["text"]) if found else None

    async def listed(self) -> list[TrustedDocument]:
        """All of them, the newest first."""
        return [_document(one) async for one in self._documents.find().sort([("added", -1), ("_id", 1)])]

    async def count(self) -> int:
        return await self._documents.estimated_document_count()

    async def _added(self, document: TrustedDocument, now: datetime, session: Session) -> bool:
        change: Document = {
            "$setOnInsert": {"text": document.text, "operations": list(document.operations), "added": now}
        }
        if document.aliases:
            change["$addToSet"] = {"aliases": {"$each": list(document.aliases)}}
        done = await self._documents.update_one({"_id": document.id}, change, upsert=True, session=session)
        return done.upserted_id is not None


def _document(found: Document) -> TrustedDocument:
    return TrustedDocument(
        text=found["text"],
        operations=tuple(found["operations"]),
        aliases=tuple(found.get("aliases", ())),
        added=found["added"],
    )
