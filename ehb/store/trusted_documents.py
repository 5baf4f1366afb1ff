"""Trusted documents on disk. They are part of an app and nobody's secret, so they lie in clear and need no permit.

The one invariant: a document is added once and never changed, and no identifier names two.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ehb.domain.trusted_documents import TrustedDocument
from ehb.errors import Conflict, NotFound
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

    async def remove(self, identifiers: Sequence[str]) -> list[TrustedDocument]:
        """Remove the documents that these ids or aliases name, all or none. Raises NotFound when one names nothing."""

        async def work(session: Session) -> list[TrustedDocument]:
            removed: dict[str, TrustedDocument] = {}
            for identifier in identifiers:
                found = await self._documents.find_one(_named(identifier), session=session)
                if found is None:
                    raise NotFound(
                        vi=f"Không có tài liệu {identifier}.",
                        en=f"No document {identifier}: nothing was removed.",
                    )
                removed[found["_id"]] = _document(found)
            await self._documents.delete_many({"_id": {"$in": list(removed)}}, session=session)
            return list(removed.values())

        return await self._mongo.transaction(work)

    async def find(self, identifier: str) -> str | None:
        """The text of the document that either its id or an alias names."""
        found = await self._documents.find_one(_named(identifier), {"text": True})
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


def _named(identifier: str) -> Document:
    return {"_id" if ":" in identifier else "aliases": identifier}


def _document(found: Document) -> TrustedDocument:
    return TrustedDocument(
        text=found["text"],
        operations=tuple(found["operations"]),
        aliases=tuple(found.get("aliases", ())),
        added=found["added"],
    )
