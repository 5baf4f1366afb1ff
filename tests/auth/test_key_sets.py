"""Facilities that publish their keys at an address of theirs (row A5: `jwks_uri`)."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey
from pymongo.asynchronous.database import AsyncDatabase

from auth.outside import Outside
from ehb.domain.session import FacilityClient
from ehb.store.sessions import create_indexes
from tests.auth.key_server import KeyServer
from tests.auth.test_outside import LOOPBACK
from tests.auth.world import EC_KEY, World, as_json
from tests.providers import StandInProvider

NEW = ECKey.generate_key("P-384", {"kid": "new"})


async def resolve(host: str, port: int) -> Sequence[str]:
    return ["127.0.0.1"]


@pytest.fixture
async def keys(tmp_path: Path) -> AsyncIterator[KeyServer]:
    server = KeyServer(tmp_path)
    await server.start()
    server.publish(EC_KEY)
    yield server
    await server.stop()


@pytest.fixture
async def ward(
    database: AsyncDatabase[dict[str, Any]], provider: StandInProvider, keys: KeyServer
) -> AsyncIterator[World]:
    """A world in which hospital-system publishes its keys."""
    await create_indexes(database)
    world = World(database, provider.issuer, outside=Outside((LOOPBACK,), keys.trust(), resolve))
    world.register.clients["hospital-system"] = FacilityClient("hospital-system", "01001", jwks_uri=keys.uri)
    yield world
    await world.close()


async def test_a_facility_signs_with_a_key_that_it_publishes(ward: World, keys: KeyServer) -> None:
    answers = [await ward.assert_facility(ward.assertion()) for _ in range(3)]

    assert [one.status_code for one in answers] == [200, 200, 200]
    assert len(keys.requests) == 1


async def test_a_new_key_is_fetched_when_it_is_first_used(ward: World, keys: KeyServer) -> None:
    await ward.assert_facility(ward.assertion())
    keys.publish(EC_KEY, NEW)
    ward.clock.advance(seconds=30)

    answer = await ward.assert_facility(ward.assertion(NEW))

    assert answer.status_code == 200
    assert len(keys.requests) == 2


async def test_unknown_key_ids_do_not_make_us_fetch_again_and_again(ward: World, keys: KeyServer) -> None:
    await ward.assert_facility(ward.assertion())

    for number in range(10):
        stranger = ECKey.generate_key("P-384", {"kid": f"unknown-{number}"})
        refused = await ward.assert_facility(ward.assertion(stranger))
        assert as_json(refused)["code"] == "CLIENT_UNKNOWN"

    assert len(keys.requests) == 1


async def test_many_first_uses_at_once_are_one_fetch(ward: World, keys: KeyServer) -> None:
    keys.slow = 0.2

    answers = await asyncio.gather(*(ward.assert_facility(ward.assertion()) for _ in range(8)))

    assert {one.status_code for one in answers} == {200}
    assert len(keys.requests) == 1


async def test_a_slow_key_server_holds_up_nobody_whose_key_is_known(ward: World, keys: KeyServer) -> None:
    await ward.assert_facility(ward.assertion())
    keys.slow = 2
    ward.clock.advance(seconds=30)
    stranger = ECKey.generate_key("P-384", {"kid": "unknown"})

    slow = asyncio.create_task(ward.assert_facility(ward.assertion(stranger)))
    await asyncio.sleep(0.2)
    async with asyncio.timeout(1):
        known = await ward.assert_facility(ward.assertion())

    assert known.status_code == 200
    assert not slow.done()
    assert (await slow).status_code == 401


async def test_a_key_that_was_taken_out_is_of_no_use_after_ten_minutes(ward: World, keys: KeyServer) -> None:
    await ward.assert_facility(ward.assertion())
    keys.publish(NEW)
    ward.clock.advance(minutes=10)

    refused = await ward.assert_facility(ward.assertion())

    assert as_json(refused)["code"] == "CLIENT_UNKNOWN"


@pytest.mark.parametrize(("minutes", "status"), [(59, 200), (60, 401)])
async def test_a_key_server_may_be_down_for_an_hour(ward: World, keys: KeyServer, minutes: int, status: int) -> None:
    await ward.assert_facility(ward.assertion())
    keys.answer = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
    ward.clock.advance(minutes=minutes)

    assert (await ward.assert_facility(ward.assertion())).status_code == status


async def test_a_private_key_that_is_published_is_nobodys(ward: World, keys: KeyServer) -> None:
    keys.keys = [EC_KEY.as_dict(private=True)]

    assert as_json(await ward.assert_facility(ward.assertion()))["code"] == "CLIENT_UNKNOWN"


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"keys": 1}', b"{", b'{"keys": [1, {"kty": "EC"}]}'])
async def test_a_document_that_is_no_key_set_is_no_bug(ward: World, keys: KeyServer, body: bytes) -> None:
    keys.answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)

    assert as_json(await ward.assert_facility(ward.assertion()))["code"] == "CLIENT_UNKNOWN"


async def test_nothing_is_fetched_for_a_suspended_facility(ward: World, keys: KeyServer) -> None:
    client = ward.register.clients["hospital-system"]
    ward.register.clients["hospital-system"] = dataclasses.replace(client, active=False)

    refused = await ward.assert_facility(ward.assertion())

    assert (refused.status_code, keys.requests) == (401, [])


async def test_a_key_server_on_our_own_network_is_not_spoken_to_unless_it_is_allowed(
    ward: World, keys: KeyServer, database: AsyncDatabase[dict[str, Any]], provider: StandInProvider
) -> None:
    strict = World(database, provider.issuer, outside=Outside((), keys.trust(), resolve))
    strict.register.clients = ward.register.clients

    refused = await strict.assert_facility(strict.assertion())
    await strict.close()

    assert (as_json(refused)["code"], keys.requests) == ("CLIENT_UNKNOWN", [])
