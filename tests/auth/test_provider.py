"""The eID on the wire: metadata, keys, the exchange of a code, and TLS."""

from __future__ import annotations

from base64 import b64decode
from typing import Any
from urllib.parse import unquote_plus

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from pymongo.asynchronous.database import AsyncDatabase

from auth.oidc import EidConfig
from auth.tokens import random_text
from ehb.errors import Misconfigured
from tests.auth.hostile import HostileProvider, walked
from tests.auth.world import CLIENT_SECRET, World

INVALID = "LOGIN_ID_TOKEN_INVALID"


async def test_metadata_of_another_issuer_is_refused_before_anybody_is_sent_there(
    victim: World, hostile: HostileProvider
) -> None:
    """Row O4."""
    hostile.metadata = {"issuer": "https://another.test"}

    assert (await walked(victim))["error_code"] == "LOGIN_ISSUER_MISMATCH"


async def test_an_endpoint_over_plain_http_is_refused(victim: World, hostile: HostileProvider) -> None:
    hostile.metadata = {"token_endpoint": "http://token.test/token"}

    assert (await walked(victim))["error_code"] == "EID_UNAVAILABLE"


@pytest.mark.parametrize(("error", "code"), [("invalid_grant", "LOGIN_DENIED"), ("invalid_client", "EID_UNAVAILABLE")])
async def test_a_refused_exchange_signs_nobody_in(
    victim: World, hostile: HostileProvider, error: str, code: str
) -> None:
    hostile.tokens = {"error": error}

    assert (await walked(victim))["error_code"] == code


async def test_an_answer_without_an_id_token_signs_nobody_in(victim: World, hostile: HostileProvider) -> None:
    hostile.tokens = {"id_token": None}

    assert (await walked(victim))["error_code"] == "EID_UNAVAILABLE"


async def test_a_provider_that_does_not_answer_is_unavailable(database: AsyncDatabase[dict[str, Any]]) -> None:
    world = World(database, "http://127.0.0.1:9")

    answer = await walked(world)

    assert (answer["error"], answer["error_code"]) == ("temporarily_unavailable", "EID_UNAVAILABLE")
    await world.close()


async def test_a_provider_that_failed_is_left_alone_for_five_seconds(victim: World, hostile: HostileProvider) -> None:
    hostile.metadata = {"jwks_uri": None}

    answers = [await walked(victim) for _ in range(3)]
    hostile.metadata = {}
    victim.clock.advance(seconds=5)

    assert {answer["error_code"] for answer in answers} == {"EID_UNAVAILABLE"}
    assert hostile.metadata_fetches == 1
    assert "code" in await walked(victim)


async def test_metadata_is_fetched_again_after_an_hour(victim: World, hostile: HostileProvider) -> None:
    await victim.begin()
    victim.clock.advance(minutes=59)
    await victim.begin()
    before = hostile.metadata_fetches

    victim.clock.advance(minutes=2)
    await victim.begin()

    assert (before, hostile.metadata_fetches) == (1, 2)


async def test_a_new_key_of_the_provider_is_fetched_once_it_is_seen(victim: World, hostile: HostileProvider) -> None:
    await walked(victim)
    fresh = RSAKey.generate_key(2048, {"kid": "second"})
    hostile.published = fresh
    hostile.sign = lambda claims: jwt.encode({"alg": "RS256", "kid": "second"}, claims, fresh)

    victim.clock.advance(seconds=31)

    assert "code" in await walked(victim)


async def test_unknown_key_ids_do_not_make_us_fetch_keys_each_time(victim: World, hostile: HostileProvider) -> None:
    """Row O4."""
    hostile.sign = lambda claims: jwt.encode({"alg": "RS256", "kid": random_text()}, claims, hostile.key)

    for _ in range(3):
        assert (await walked(victim))["error_code"] == INVALID

    assert hostile.key_fetches == 1


async def test_the_exchange_carries_our_verifier_and_our_encoded_secret(
    victim: World, hostile: HostileProvider
) -> None:
    await walked(victim)

    (form,), (authorization,) = hostile.token_requests, hostile.authorizations
    assert len(form["code_verifier"]) >= 43
    assert "client_secret" not in form
    pair = b64decode(str(authorization).removeprefix("Basic ")).decode()
    assert [unquote_plus(part) for part in pair.split(":")] == ["ehb", CLIENT_SECRET]


async def test_with_a_key_we_sign_instead_of_sending_a_secret(
    database: AsyncDatabase[dict[str, Any]], hostile: HostileProvider
) -> None:
    """Row O8."""
    key = ECKey.generate_key("P-256", {"kid": "ours"})
    world = World(database, hostile.issuer, client_secret=None, client_keys=(key.as_dict(private=True),))

    await walked(world)

    (form,) = hostile.token_requests
    claims = jwt.decode(form["client_assertion"], key, algorithms=["ES256"]).claims
    assert claims["iss"] == claims["sub"] == "ehb"
    assert claims["aud"] == hostile.issuer
    assert claims["exp"] - claims["iat"] == 60
    assert hostile.authorizations == [None]
    await world.close()


@pytest.mark.parametrize("issuer", ["http://eid.test", "http://10.0.0.1", "ftp://eid.test", "eid.test", "https://"])
def test_an_issuer_without_tls_is_refused_outside_this_machine(issuer: str) -> None:
    with pytest.raises(Misconfigured):
        EidConfig(issuer=issuer, client_id="ehb", callback_url="https://ehb.test/auth/callback")


@pytest.mark.parametrize(
    "issuer", ["http://127.0.0.1:9400", "http://localhost", "http://[::1]:9400", "https://eid.test"]
)
def test_an_issuer_with_tls_or_on_this_machine_is_fine(issuer: str) -> None:
    EidConfig(issuer=issuer, client_id="ehb", callback_url="https://ehb.test/auth/callback")


def test_plain_http_can_be_allowed_on_purpose() -> None:
    EidConfig(issuer="http://eid.test", client_id="ehb", callback_url="https://ehb.test/cb", allow_http=True)


@pytest.mark.parametrize("algorithms", [("none",), ("HS256",), ("ES256K",), ("RS256", "HS256")])
def test_the_allow_list_cannot_be_opened_for_weak_algorithms(algorithms: tuple[str, ...]) -> None:
    with pytest.raises(Misconfigured):
        EidConfig(
            issuer="https://eid.test", client_id="ehb", callback_url="https://ehb.test/cb", id_token_algs=algorithms
        )
