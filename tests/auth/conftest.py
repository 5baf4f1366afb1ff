"""Fixtures of the tests of `auth`: a hostile eID provider beside the shared stand-in, and the world around both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from ehb.store.sessions import create_indexes
from tests.auth.hostile import HostileProvider
from tests.auth.world import SIGNED_IN, World, parameters, path_and_query
from tests.providers import StandInProvider


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
