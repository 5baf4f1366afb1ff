"""The layout: made by whoever comes first, finished by whoever comes next, never touched when it is newer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from ehb.errors import Misconfigured
from ehb.store.migrations import CLUSTERED, INDEXES, SCHEMA_VERSION, migrate
from ehb.store.mongo import Mongo

Database = AsyncDatabase[dict[str, Any]]


@pytest.fixture
def empty(database: Database) -> Mongo:
    """A database that nobody has migrated."""
    return Mongo(database.client, database)


async def _whole(database: Database) -> bool:
    """Each collection is clustered and each index there."""
    found = {one["name"]: one["options"] async for one in await database.list_collections()}
    indexes = {name: len(await database[name].index_information()) for name in INDEXES}
    return all("clusteredIndex" in found[name] for name in CLUSTERED) and all(
        indexes[name] >= len(wanted) for name, wanted in INDEXES.items()
    )


async def test_several_processes_may_migrate_an_empty_database_at_once(empty: Mongo) -> None:
    assert {*await asyncio.gather(*(migrate(empty) for _ in range(6)))} == {SCHEMA_VERSION}

    assert await _whole(empty.database)


@pytest.mark.parametrize("moment", [0.005, 0.05, 0.2])
async def test_a_migration_that_was_cut_off_is_finished_by_the_next(empty: Mongo, moment: float) -> None:
    cut_off = asyncio.create_task(migrate(empty))
    await asyncio.wait([cut_off], timeout=moment)
    cut_off.cancel()
    await asyncio.wait([cut_off])

    assert await migrate(empty) == SCHEMA_VERSION

    assert await _whole(empty.database)


async def test_a_database_of_a_newer_version_is_not_touched(empty: Mongo) -> None:
    newer = {"_id": "version", "version": SCHEMA_VERSION + 1}
    await empty.database["schema"].insert_one(newer)

    with pytest.raises(Misconfigured, match="install a newer ehb"):
        await migrate(empty)

    assert await empty.database.list_collection_names() == ["schema"]
    assert await empty.database["schema"].find().to_list() == [newer]
