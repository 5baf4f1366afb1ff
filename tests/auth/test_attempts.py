"""Failing too often, and beginning too many logins: told to stop, and nobody else is shut out (row L7)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from joserfc.jwk import ECKey
from pymongo.asynchronous.database import AsyncDatabase

from auth import attempts
from auth.provider import JWT_BEARER
from tests.auth.world import APP, World, as_json
from tests.providers import StandInProvider

STRANGER, OTHERS = "1.1.1.1", "8.8.8.8"


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "FAILURES", replace(attempts.FAILURES, most=3))
    monkeypatch.setattr(attempts, "LOGINS", replace(attempts.LOGINS, most=3))


@pytest.fixture
async def stranger(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    async with world.new_browser(STRANGER) as client:
        yield client


def guess(world: World, kind: str) -> dict[str, str]:
    """A request with a code, a token or an assertion that is not good."""
    app = {"client_id": APP.client_id}
    nobody = ECKey.generate_key("P-384", {"kid": "ec"})
    return {
        "code": {"grant_type": "authorization_code", "code": "x", "redirect_uri": "x", "code_verifier": "x", **app},
        "refresh": {"grant_type": "refresh_token", "refresh_token": "A" * 64, **app},
        "assertion": {
            "grant_type": "client_credentials",
            "client_assertion_type": JWT_BEARER,
            "client_assertion": world.assertion(nobody),
        },
    }[kind]


async def failing(world: World, client: httpx2.AsyncClient, kind: str, times: int) -> list[httpx2.Response]:
    return [await client.post("/auth/token", data=guess(world, kind)) for _ in range(times)]


@pytest.mark.parametrize("kind", ["code", "refresh", "assertion"])
async def test_who_fails_too_often_is_told_to_wait_for_the_rest_of_the_hour(
    world: World, stranger: httpx2.AsyncClient, kind: str
) -> None:
    """Row L7."""
    answers = await failing(world, stranger, kind, 4)

    assert 429 not in [one.status_code for one in answers[:3]]
    assert answers[3].status_code == 429
    assert as_json(answers[3]) == as_json(answers[0])  # whoever shares the address still learns what to do
    rest = 3_600 - int(world.clock().timestamp()) % 3_600
    assert answers[3].headers["retry-after"] == str(rest)
    world.clock.advance(seconds=rest)
    [afterwards] = await failing(world, stranger, kind, 1)
    assert afterwards.status_code != 429


async def test_nobody_is_shut_out_not_even_at_the_same_address(
    world: World, stranger: httpx2.AsyncClient, tokens: dict[str, Any]
) -> None:
    """A stranger who names the app, the hospital and their address gets nowhere with it."""
    for kind in ("assertion", "refresh", "code"):
        await failing(world, stranger, kind, 5)
    signed = {**guess(world, "assertion"), "client_assertion": world.assertion()}
    refresh = {**guess(world, "refresh"), "refresh_token": tokens["refresh_token"]}

    hospital = await stranger.post("/auth/token", data=signed)
    citizen = await stranger.post("/auth/token", data=refresh)

    assert (hospital.status_code, citizen.status_code) == (200, 200)


async def test_failures_at_one_address_count_at_no_other(world: World, stranger: httpx2.AsyncClient) -> None:
    await failing(world, stranger, "code", 5)

    async with world.new_browser(OTHERS) as elsewhere:
        [refused] = await failing(world, elsewhere, "code", 1)

    assert refused.status_code == 400


async def test_failures_are_counted_across_workers(
    world: World, stranger: httpx2.AsyncClient, database: AsyncDatabase[dict[str, Any]], provider: StandInProvider
) -> None:
    """Row L7."""
    await failing(world, stranger, "code", 3)
    another = World(database, provider.issuer)

    async with another.new_browser(STRANGER) as same:
        [refused] = await failing(another, same, "code", 1)
    await another.close()

    assert refused.status_code == 429


async def test_revocations_that_are_refused_count_too(world: World, stranger: httpx2.AsyncClient) -> None:
    answers = [await stranger.post("/auth/revoke", data={"token": "x"}) for _ in range(4)]

    assert [one.status_code for one in answers] == [400, 400, 400, 429]


async def test_addresses_of_one_ipv6_network_are_one(world: World) -> None:
    statuses = []
    for last in range(1, 5):
        async with world.new_browser(f"2606:4700:1:2::{last}") as client:
            [answer] = await failing(world, client, "code", 1)
            statuses.append(answer.status_code)

    assert statuses == [400, 400, 400, 429]


async def test_many_logins_begun_at_one_public_address_are_too_many(world: World) -> None:
    async with world.new_browser(STRANGER) as stranger, world.new_browser(OTHERS) as elsewhere:
        begun = [await stranger.get("/auth/login") for _ in range(4)]
        other = await elsewhere.get("/auth/login")

    assert [one.status_code for one in begun] == [400, 400, 400, 429]
    assert as_json(begun[3])["code"] == "RATE_LIMITED"
    assert 0 < int(begun[3].headers["retry-after"]) <= 3_600
    assert other.status_code == 400


async def test_a_proxy_that_does_not_say_for_whom_it_asks_shuts_nobody_out(world: World) -> None:
    async with world.new_browser("10.0.0.7") as proxy:
        begun = [await proxy.get("/auth/login") for _ in range(5)]

    assert {one.status_code for one in begun} == {400}


async def test_no_address_is_kept(
    world: World, stranger: httpx2.AsyncClient, database: AsyncDatabase[dict[str, Any]]
) -> None:
    await failing(world, stranger, "code", 2)

    [kept] = await database["budgets"].find().to_list()

    assert STRANGER not in str(kept)
    assert STRANGER.encode() not in kept["_id"]
