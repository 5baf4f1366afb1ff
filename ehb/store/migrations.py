"""The layout of the database: collections, indexes, and the version that says which layout it is.

Safe to run again and from several processes at once. The one invariant: a database that a newer version wrote
is never touched.
"""

from __future__ import annotations

from datetime import datetime

from pymongo import IndexModel, ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError, OperationFailure, PyMongoError

from ehb.errors import Misconfigured, Unavailable
from ehb.store.mongo import Document, Mongo
from ehb.store.sessions import create_indexes
from ehb.store.signposts import CARD, EPISODE, GUARDIAN, LOGIN, SECRET, Kind
from ehb.store.vault import Keys, Vault

_INDEX_NOT_FOUND, _NAMESPACE_EXISTS = 27, 48
SCHEMA_VERSION = 2
"""2 looks up by signposts what 1 looked up by indexes of its own."""

CLUSTERED = (
    "people",
    "identifiers",
    "records",
    "episodes",
    "submissions",
    "audit_events",
    "merges",
    "grants",
    "budgets",
    "disputes",
    "signposts",
    "doubts",
)
"""Clustered on `_id`; shard key {_id: 1}. The first bytes of every `_id` are random, so load spreads."""
_NEWEST_OF_FACILITY = IndexModel([("facility", 1), ("received", -1), ("_id", -1)])
_WAITING = IndexModel("received", name="waiting", partialFilterExpression={"status": "WAITING_FOR_IDENTITY"})
_EMERGENCIES_OF_FACILITY = IndexModel(
    [("holder.facility", 1), ("review_by", 1)], name="emergencies", partialFilterExpression={"type": "emergency"}
)
INDEXES: dict[str, list[IndexModel]] = {
    "submissions": [
        IndexModel("expires", expireAfterSeconds=0, sparse=True),
        IndexModel("episode"),
        _NEWEST_OF_FACILITY,
        _WAITING,
    ],
    "budgets": [IndexModel("expires", expireAfterSeconds=0)],
    "grants": [
        IndexModel("expires", expireAfterSeconds=0, sparse=True),
        _EMERGENCIES_OF_FACILITY,
    ],
    "audit_events": [IndexModel("time")],
    "audit_seals": [IndexModel("until")],
    "disputes": [IndexModel("at")],
    "signposts": [IndexModel("expires", expireAfterSeconds=0, sparse=True)],
    "merges": [IndexModel("people")],
    "facilities": [
        IndexModel("words"),
        IndexModel([("province", 1), ("_id", 1)]),
        IndexModel([("type", 1), ("_id", 1)]),
    ],
    "facility_clients": [IndexModel("facility")],
    "practitioners": [IndexModel("number", sparse=True), IndexModel("scope")],
    "trusted_documents": [IndexModel("aliases", unique=True, sparse=True)],
}


async def migrate(mongo: Mongo) -> int:
    """Bring the database to this version's layout; safe to run again and from several processes at once.

    Returns the schema version. Raises Misconfigured when a newer version wrote the database, and
    Unavailable when the database does not answer.
    """
    try:
        await _require_transactions(mongo)
        found = await mongo.database["schema"].find_one({"_id": "version"})
        if found and found["version"] > SCHEMA_VERSION:
            raise Misconfigured(
                vi="Cơ sở dữ liệu do một phiên bản mới hơn tạo ra.",
                en=f"The database has layout {found['version']}, this ehb knows {SCHEMA_VERSION}: install a newer ehb.",
            )
        there = await mongo.database.list_collection_names()
        for name in [one for one in CLUSTERED if one not in there]:
            try:
                await mongo.database.create_collection(
                    name, clusteredIndex={"key": {"_id": 1}, "unique": True}, check_exists=False
                )
            except OperationFailure as failure:  # another process may have been first
                if failure.code != _NAMESPACE_EXISTS:
                    raise
        for name, indexes in INDEXES.items():
            await mongo.database[name].create_indexes(indexes)
        await create_indexes(mongo.database)
        if found and found["version"] < 2:
            await _put_signposts(mongo)
        await mongo.database["schema"].update_one(
            {"_id": "version"}, {"$set": {"version": SCHEMA_VERSION}}, upsert=True
        )
    except PyMongoError as error:
        raise Unavailable(
            vi="Không kết nối được MongoDB.", en="MongoDB does not answer; check EHB_MONGO_URI and its credentials."
        ) from error
    return SCHEMA_VERSION


async def _put_signposts(mongo: Mongo) -> None:
    """From layout 1 to 2, with no process of before still running: what that writes, nobody would find."""
    posts: list[Document] = []

    def put(kind: Kind, key: bytes, place: bytes, expires: datetime | None = None) -> None:
        posts.append({"_id": kind.of(key) + place, **({} if expires is None else {"expires": expires})})

    grants, submissions = mongo.database["grants"], mongo.database["submissions"]
    async for one in grants.find({"type": "presentation"}, {"secret": 1, "login": 1, "expires": 1}):
        put(SECRET, one["secret"], one["_id"], one["expires"])
        put(LOGIN, (one.get("login") or "").encode(), one["_id"], one["expires"])
    async for one in grants.find({"type": "guardianship", "ended": None}, {"guardian": 1}):
        put(GUARDIAN, one["guardian"], one["_id"])
    async for one in submissions.find({"patient": None, "expires": None}, {"episode": 1, "waits_for": 1}):
        put(EPISODE, one["episode"], one["_id"])
        for card in one.get("waits_for", ()):
            put(CARD, card, one["_id"])
    for post in posts:
        await mongo.database["signposts"].replace_one({"_id": post["_id"]}, post, upsert=True)
    for collection, old in ((grants, {"secret_1", "guardian_1", "login_1"}), (submissions, {"waits_for_1"})):
        for name in old & {*await collection.index_information()}:
            await _drop(collection, name)


async def _drop(collection: AsyncCollection[Document], name: str) -> None:
    """Drop an index that another process may have dropped meanwhile."""
    try:
        await collection.drop_index(name)
    except OperationFailure as failure:
        if failure.code != _INDEX_NOT_FOUND:
            raise


async def bind(mongo: Mongo, keys: Keys) -> None:
    """Let a database and the keys that it was filled with know each other; the first keys are remembered.

    Raises Misconfigured for other keys: with them nothing would open, and every number would be a stranger's.
    """
    mark = Vault(keys).blind_index("keys", "of this database")
    try:
        found = await mongo.database["schema"].find_one_and_update(
            {"_id": "keys"}, {"$setOnInsert": {"mark": mark}}, upsert=True, return_document=ReturnDocument.AFTER
        )
    except DuplicateKeyError:  # another process was first
        found = await mongo.database["schema"].find_one({"_id": "keys"})
    except PyMongoError as error:
        raise Unavailable from error
    if found is None or found["mark"] != mark:
        raise Misconfigured(
            vi="Cơ sở dữ liệu này dùng tệp khóa khác.",
            en="This database was filled with other keys than those in EHB_KEYS_FILE; nothing in it would open.",
        )


async def _require_transactions(mongo: Mongo) -> None:
    hello = await mongo.client.admin.command("hello")
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise Misconfigured(
            vi="MongoDB phải chạy dạng replica set hoặc sharded cluster.",
            en="MongoDB runs standalone; a replica set (one node is enough) or a sharded cluster is needed.",
        )
