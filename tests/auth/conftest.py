"""Fixtures of the tests of `auth`: a mongod, a stand-in eID provider, a hostile one, and the world between them."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from ehb.store import embedded
from ehb.store.sessions import create_indexes
from tests.auth.hostile import HostileProvider
from tests.auth.world import SIGNED_IN, World, parameters, path_and_query
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


@pytest.fixture(scope="session")
def provider() -> Iterator[StandInProvider]:
    with StandInProvider() as running:
        yield running


@pytest.fixture(scope="session")
def hostile_server() -> Iterator[HostileProvider]:
    server = HostileProvider()
    yield server
    server.stop()


@pytest.fixture
def hostile(hostile_server: HostileProvider) -> HostileProvider:
    hostile_server.behave()
    return hostile_server


@pytest.fixture
async def world(database: AsyncDatabase[dict[str, Any]], provider: StandInProvider) -> AsyncIterator[World]:
    """Our side, against the stand-in provider; `citizen` can sign in there."""
    await create_indexes(database)
    provider.register("citizen", SIGNED_IN)
    world = World(database, provider.issuer)
    yield world
    await world.close()


@pytest.fixture
async def victim(database: AsyncDatabase[dict[str, Any]], hostile: HostileProvider) -> AsyncIterator[World]:
    """Our side, against the hostile provider."""
    world = World(database, hostile.issuer)
    yield world
    await world.close()


Arrive = Callable[[], Awaitable[str]]


@pytest.fixture
def arrive(world: World, provider: StandInProvider) -> Arrive:
    """A whole login in the browser; gives the URL at which the browser opens the app again."""

    async def walk() -> str:
        begun = await world.begin()
        back = await provider.sign_in(begun.headers["location"], "citizen")
        finished = await world.browser.get(path_and_query(back))
        location: str = finished.headers["location"]
        return location

    return walk


@pytest.fixture
async def code(arrive: Arrive) -> str:
    """A fresh one-time code of `citizen`."""
    return parameters(await arrive())["code"]


@pytest.fixture
async def tokens(world: World, code: str) -> dict[str, Any]:
    """The first tokens of a session of `citizen`."""
    answer: dict[str, Any] = (await world.redeem(code)).json()
    return answer
