"""The MongoDB client: how it connects, what it promises, how a transaction runs.

Owns the collections' creation and indexes. All writes are acknowledged by a majority and journaled; all
reads that decide anything see what a majority has. Decision: `records` and `audit_events` are clustered on
`_id`, and their `_id` begins with the person key and continues with time, so that one person's book is one
contiguous range. On a sharded cluster every collection that grows with people is sharded on `_id` itself:
no further index, and every read of one book goes to one shard.

The one invariant: a transaction either did everything in its function or nothing.
"""

from __future__ import annotations

import random
from asyncio import sleep, timeout
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, ParamSpec, TypeVar, cast

from bson.codec_options import CodecOptions
from pymongo import AsyncMongoClient, ReadPreference
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from ehb.errors import Conflict, Misconfigured, Unavailable
from ehb.logs import log
from ehb.store.traced import TracedCommands
from ehb.traces import on

Document = dict[str, Any]
Database = AsyncDatabase[Document]
Session = AsyncClientSession
T = TypeVar("T")
C = TypeVar("C")
P = ParamSpec("P")

MAJORITY = WriteConcern(w="majority", wtimeout=10_000)
CODEC: CodecOptions[Document] = CodecOptions(tz_aware=True, tzinfo=UTC)


def translated(kind: type[C]) -> type[C]:
    """Class decorator: a driver's error that leaves a public method becomes Unavailable.

    Nobody above knows the driver; and what it says stays out of messages, for it may quote a document.
    """
    for name, method in list(vars(kind).items()):
        if iscoroutinefunction(method) and not name.startswith("_"):
            setattr(kind, name, answering(method))
    return kind


def answering(method: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """The same for one method. Never inside a transaction, whose retries need the driver's own words."""

    @wraps(method)
    async def call(*given: P.args, **named: P.kwargs) -> T:
        try:
            return await method(*given, **named)
        except PyMongoError as error:
            number = getattr(error, "code", None)
            log.error(
                "the database failed", error=type(error).__name__, number=number if isinstance(number, int) else 0
            )
            raise Unavailable from error

    return call


PING_SECONDS = 3.0
_PATIENCE: dict[str, Any] = {
    "serverSelectionTimeoutMS": 5_000,
    "connectTimeoutMS": 5_000,
    "heartbeatFrequencyMS": 5_000,
}
"""The driver notices within two heartbeats that a server hangs, and breaks off what waits for it."""


class _Undone(Exception):
    """Carries the outcome of a rehearsal out of a transaction that it aborts."""

    def __init__(self, outcome: object) -> None:
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Mongo:
    """A connected client and its database."""

    client: AsyncMongoClient[Document]
    database: Database

    async def close(self) -> None:
        await self.client.close()

    async def ping(self) -> None:
        """Raises Unavailable when the primary does not answer, or not soon."""
        try:
            async with timeout(PING_SECONDS):
                await self.database.command("ping", read_preference=ReadPreference.PRIMARY)
        except (PyMongoError, TimeoutError) as error:
            raise Unavailable from error

    async def transaction(self, work: Callable[[Session], Awaitable[T]], *, keep: bool = True) -> T:
        """Run `work` in one transaction, again when a concurrent writer was first; `keep=False` runs it and undoes it.

        Raises Conflict when others were first every time.
        """

        async def run(session: Session) -> T:
            outcome = await work(session)
            if not keep:
                raise _Undone(outcome)
            return outcome

        for attempt in range(8):
            async with self.client.start_session() as session:
                try:
                    return await session.with_transaction(
                        run, read_concern=ReadConcern("snapshot"), write_concern=MAJORITY
                    )
                except _Undone as undone:
                    return cast(T, undone.outcome)
                except DuplicateKeyError:
                    # Two transactions created the same first document (a person, an episode). The next try sees it.
                    await sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311
        raise Conflict


async def once(mongo: Mongo, work: Callable[[Session], Awaitable[T]]) -> T:
    """Run `work` in one transaction, and not again: for those who know what else to do when it fails."""
    reads = ReadConcern("snapshot")
    async with (
        mongo.client.start_session() as session,
        await session.start_transaction(read_concern=reads, write_concern=MAJORITY),
    ):
        return await work(session)


async def by_id(collection: AsyncCollection[Document], keys: Sequence[bytes]) -> list[Document | None]:
    """The documents with these keys, in their order."""
    if len(keys) == 1:
        return [await collection.find_one({"_id": keys[0]})]
    found = {bytes(one["_id"]): one for one in await collection.find({"_id": {"$in": [*{*keys}]}}).to_list()}
    return [found.get(bytes(key)) for key in keys]


def connect(uri: str, database: str) -> Mongo:
    """A client with majority writes, majority reads and UTC times. Does not touch the network yet."""
    options: dict[str, Any] = {"event_listeners": [TracedCommands()]} if on() else {}
    try:
        client: AsyncMongoClient[Document] = AsyncMongoClient(
            uri, **_PATIENCE, **options, appname="ehb", tz_aware=True, uuidRepresentation="standard"
        )
    except PyMongoError as error:
        raise Misconfigured(
            vi="EHB_MONGO_URI không hợp lệ.", en="EHB_MONGO_URI is not a valid MongoDB connection string."
        ) from error
    return Mongo(
        client,
        client.get_database(
            database, codec_options=CODEC, write_concern=MAJORITY, read_concern=ReadConcern("majority")
        ),
    )
