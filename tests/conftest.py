"""Fixtures that all tests share: one real mongod and one real eID provider per run, a fresh database per test."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
import uvicorn
from joserfc.jwk import ECKey
from pydantic import SecretStr
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from ehb.app import create_app
from ehb.server import OPTIONS
from ehb.settings import EidSettings, Settings
from ehb.store import embedded
from ehb.store.migrations import migrate
from ehb.store.mongo import Mongo, connect
from ehb.store.registry import Registry
from ehb.store.vault import Keys
from tests.builders import FACILITY
from tests.house import BASE, CLIENT, REDIRECT, Clock, House
from tests.providers import StandInProvider


@pytest.fixture(scope="session")
def mongo_uri() -> Iterator[str]:
    with embedded.start() as mongo:
        yield mongo.uri


@pytest.fixture
async def database(mongo_uri: str) -> AsyncIterator[AsyncDatabase[dict[str, Any]]]:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(mongo_uri, w="majority")
    database = client.get_database(f"test_{secrets.token_hex(6)}")
    yield database
    await client.drop_database(database.name)
    await client.close()


@pytest.fixture
async def mongo(mongo_uri: str) -> AsyncIterator[Mongo]:
    """A migrated, empty database of this project's layout: emptied after each test, which is quicker than a new one."""
    mongo = connect(mongo_uri, "test_emptied")
    if "schema" not in await mongo.database.list_collection_names():
        await migrate(mongo)
    yield mongo
    await _empty(mongo)
    await mongo.close()


async def _empty(mongo: Mongo) -> None:
    found = await (await mongo.database.list_collections()).to_list()
    if any("validator" in one.get("options", {}) or one["name"] == "system.profile" for one in found):
        await mongo.client.drop_database(mongo.database.name)  # a test has broken a collection, or watched them all
    else:
        for one in found:  # one after the other: side by side they would open a connection each
            await mongo.database[one["name"]].delete_many({})


@pytest.fixture(scope="session")
def provider() -> Iterator[StandInProvider]:
    with StandInProvider() as running:
        yield running


@pytest.fixture
def changes() -> dict[str, Any]:
    """Settings that a module or a test wants otherwise than the house has them."""
    return {}


@pytest.fixture
async def house(
    mongo: Mongo, mongo_uri: str, provider: StandInProvider, changes: dict[str, Any]
) -> AsyncIterator[House]:
    """The whole app; facilities 99001 and 99002 are registered."""
    keys = Keys.generate()
    settings = Settings(
        mongo_uri=SecretStr(mongo_uri),
        database=mongo.database.name,
        base_url=BASE,
        mobile_client_id=CLIENT,
        mobile_redirect_uris=(REDIRECT,),
        eid=EidSettings(issuer=provider.issuer, client_secret=SecretStr("any secret")),
        **{"profile": "developer", **changes},
    )
    facility_keys = {code: ECKey.generate_key("P-256", {"kid": code}) for code in (FACILITY, "99002")}
    registry = Registry(mongo)
    for code, key in facility_keys.items():
        await registry.register(code, f"Bệnh viện Thử {code}", code, [key.as_dict(private=False)])
    clock = Clock()
    app = create_app(settings, keys, clock=clock)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=BASE) as http,
    ):
        yield House(app, http, mongo, keys, provider, facility_keys, clock)


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
async def server(house: House) -> AsyncIterator[str]:
    """The house behind a real socket; gives its address."""
    running = uvicorn.Server(uvicorn.Config(house.app, port=0, lifespan="off", log_config=None, **OPTIONS))
    serving = asyncio.create_task(running.serve())
    while not running.started:  # noqa: ASYNC110  uvicorn tells it by a flag
        await asyncio.sleep(0.01)
    port = running.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    running.should_exit = True
    await serving
