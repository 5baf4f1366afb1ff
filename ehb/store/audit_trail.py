"""The trail on disk: append only, one document per event, one contiguous range per person.

`_id` is 32 bytes: person key (16), time (8), random (8). An event that names no book stands under the
caller's own key, so refused probing is found with the one who probed.

Who acts as a practitioner appears under a pseudonym, in the place of their person key and of their session: from the
database alone nobody can tell which practitioner is which patient. Invariant: `append` returns only when a majority has
the event in its journal (or inside the caller's transaction).
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Sequence

from pymongo.errors import BulkWriteError

from ehb.domain.audit import AuditEvent
from ehb.store.mongo import Document, Mongo, Session
from ehb.store.permitted import sortable
from ehb.store.together import Together
from ehb.store.vault import Vault


class AuditTrail:
    """The store of audit events."""

    def __init__(self, mongo: Mongo, vault: Vault) -> None:
        self._vault = vault
        self._events = mongo.database["audit_events"]
        self._together = Together[Document, None](self._insert, "insert", "audit_events")

    async def append(self, event: AuditEvent, session: Session | None = None) -> None:
        """Make one event durable; those of many reads at once with one command."""
        if session is None:
            await self._together.one(self._document(event))
        else:
            await self._events.insert_one(self._document(event), session=session)

    async def append_all(self, events: Sequence[AuditEvent], session: Session) -> None:
        """Make events durable with a transaction."""
        if events:
            await self._events.insert_many([self._document(event) for event in events], session=session)

    async def _insert(self, documents: Sequence[Document]) -> list[Exception | None]:
        if len(documents) == 1:
            await self._events.insert_one(documents[0])
            return [None]
        try:
            await self._events.insert_many(documents, ordered=False)
        except BulkWriteError as error:
            if error.details["writeConcernErrors"]:  # about all of them
                raise
            failed = {one["index"] for one in error.details["writeErrors"]}
            return [error if number in failed else None for number in range(len(documents))]
        return [None] * len(documents)

    def _document(self, event: AuditEvent) -> Document:
        return _document(self._under_pseudonym(event) if event.agent_licence is not None else event)

    def _under_pseudonym(self, event: AuditEvent) -> AuditEvent:
        agent = event.agent_patient_id
        pseudonym = self._vault.pseudonym("agent", agent) if agent is not None else None
        session = self._vault.pseudonym("agent-session", event.agent_session.encode()).hex()
        return dataclasses.replace(event, agent_patient_id=pseudonym, agent_session=session)


def _document(event: AuditEvent) -> Document:
    subject = event.patient_id or event.agent_patient_id or _other(event.agent_facility or event.agent_session)
    return {
        "_id": subject + sortable(event.time) + os.urandom(8),
        "time": event.time,
        "path": event.path,
        "action": event.action,
        "purpose": event.purpose,
        "outcome": event.outcome,
        "rule": event.rule,
        "patient": event.patient_id,
        "agent": {
            "kind": event.agent_kind,
            "session": event.agent_session,
            "patient": event.agent_patient_id,
            "facility": event.agent_facility,
            "licence": event.agent_licence,
            **({"actor": event.agent_actor} if event.agent_actor is not None else {}),
        },
        "source": event.source,
        **({"detail": event.detail} if event.detail is not None else {}),
        "sections": [section.value for section in event.sections],
    }


def _other(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()[:16]
