"""Facilities: who signs, gets a token; everybody else learns nothing."""

from __future__ import annotations

import asyncio
import dataclasses
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey
from pymongo.asynchronous.database import AsyncDatabase

from auth.clients import ALGORITHMS, LEEWAY
from auth.tokens import random_text
from tests.auth.hostile import hmac_signed
from tests.auth.world import BASE, EC_KEY, HOSPITAL, P256_KEY, RSA_KEY, World, as_json
from tests.providers import StandInProvider


def signed_by_hand(key: ECKey, claims: str) -> str:
    return jws.serialize_compact({"alg": "ES384", "kid": key.kid}, claims, key, algorithms=["ES384"])


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [(P256_KEY, "ES256"), (EC_KEY, "ES384"), (RSA_KEY, "RS256"), (RSA_KEY, "RS384"), (RSA_KEY, "PS256")],
    ids=ALGORITHMS,
)
async def test_a_registered_facility_gets_a_token_for_five_minutes_and_no_refresh_token(
    world: World, key: ECKey | RSAKey, algorithm: str
) -> None:
    """Row A5."""
    answer = await world.assert_facility(world.assertion(key, algorithm))

    tokens = as_json(answer)
    assert answer.headers["cache-control"] == "no-store"
    assert tokens["expires_in"] == 300
    assert "refresh_token" not in tokens
    me = as_json(await world.whoami(tokens["access_token"]))
    assert (me["kind"], me["facility"], me["patient"]) == ("FACILITY", "01001", None)


@pytest.mark.parametrize("audience", [f"{BASE}/auth/token", BASE, ["https://other.test", BASE]])
async def test_an_assertion_is_addressed_to_our_token_endpoint_or_to_us(world: World, audience: object) -> None:
    assert (await world.assert_facility(world.assertion(aud=audience))).status_code == 200


async def test_a_facility_token_ends_after_five_minutes(world: World) -> None:
    token = as_json(await world.assert_facility(world.assertion()))["access_token"]

    world.clock.advance(seconds=299)
    before = await world.whoami(token)
    world.clock.advance(seconds=1)
    after = await world.whoami(token)

    assert (before.status_code, after.status_code) == (200, 401)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"aud": "https://other.test/auth/token"}, "ASSERTION_AUDIENCE"),
        ({"aud": f"{BASE}/auth/revoke"}, "ASSERTION_AUDIENCE"),
        ({"aud": None}, "ASSERTION_AUDIENCE"),
        ({"exp": None}, "ASSERTION_INVALID"),
        ({"exp": "soon"}, "ASSERTION_INVALID"),
        ({"jti": None}, "ASSERTION_INVALID"),
        ({"jti": ""}, "ASSERTION_INVALID"),
        ({"jti": 7}, "ASSERTION_INVALID"),
        ({"jti": "x" * 257}, "ASSERTION_INVALID"),
        ({"iss": "another-system"}, "ASSERTION_INVALID"),
        ({"iss": None}, "ASSERTION_INVALID"),
        ({"sub": None}, "ASSERTION_INVALID"),
        ({"iat": 9_999_999_999}, "ASSERTION_INVALID"),
        ({"nbf": 9_999_999_999}, "ASSERTION_INVALID"),
    ],
)
async def test_an_assertion_with_a_wrong_claim_is_refused(world: World, changes: dict[str, object], code: str) -> None:
    refused = await world.assert_facility(world.assertion(EC_KEY, "ES384", **changes))

    assert refused.status_code == 401
    assert (as_json(refused)["error"], as_json(refused)["code"]) == ("invalid_client", code)
    assert as_json(refused)["error_description"]


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (-90, "ASSERTION_EXPIRED"),
        (-89, None),
        (300, None),
        (390, None),
        (391, "ASSERTION_TOO_LONG"),
        (3600, "ASSERTION_TOO_LONG"),
    ],
)
async def test_an_assertion_lives_five_minutes_at_most_give_or_take_a_clock(
    world: World, seconds: int, code: str | None
) -> None:
    end = int(world.clock().timestamp()) + seconds

    answer = await world.assert_facility(world.assertion(exp=end))

    assert as_json(answer).get("code") == code


@pytest.mark.parametrize("seconds", [-90, -89, 0, 90], ids=str)
async def test_a_facilitys_clock_may_be_ninety_seconds_off(world: World, seconds: int) -> None:
    """Row A5. What it signs lives two minutes by its own clock."""
    now = int(world.clock().timestamp()) + seconds

    answer = await world.assert_facility(world.assertion(iat=now, nbf=now, exp=now + 120))

    assert answer.status_code == 200


@pytest.mark.parametrize(("seconds", "code"), [(-600, "ASSERTION_EXPIRED"), (600, "ASSERTION_INVALID")])
async def test_a_clock_that_is_ten_minutes_off_is_refused(world: World, seconds: int, code: str) -> None:
    """Row A5."""
    now = int(world.clock().timestamp()) + seconds

    answer = await world.assert_facility(world.assertion(iat=now, exp=now + 300))

    assert as_json(answer)["code"] == code


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999"])
async def test_a_time_that_is_no_number_is_no_assertion(world: World, text: str) -> None:
    own = HOSPITAL.client_id
    claims = f'{{"sub":"{own}","iss":"{own}","aud":"{BASE}","jti":"one","exp":{text}}}'
    assertion = signed_by_hand(EC_KEY, claims)

    assert (await world.assert_facility(assertion)).status_code == 401


async def test_an_assertion_is_not_taken_again_by_another_worker_nor_after_a_restart(
    world: World, provider: StandInProvider, database: AsyncDatabase[dict[str, Any]]
) -> None:
    """Row A5: the memory of used assertions is the database's."""
    assertion = world.assertion()
    await world.assert_facility(assertion)
    another = World(database, provider.issuer)

    replayed = await another.assert_facility(assertion)
    await another.close()

    assert as_json(replayed)["code"] == "ASSERTION_REPLAYED"


async def test_a_used_assertion_is_remembered_for_longer_than_it_could_be_used(
    world: World, database: AsyncDatabase[dict[str, Any]]
) -> None:
    """Row A5: the database drops it by its own clock, which may be ahead of ours."""
    end = int(world.clock().timestamp()) + 300
    await world.assert_facility(world.assertion(exp=end))

    [kept] = await database["assertion_ids"].find().to_list()

    assert kept["expires_at"].replace(tzinfo=UTC) >= datetime.fromtimestamp(end, UTC) + LEEWAY + timedelta(minutes=10)


async def test_an_assertion_works_once(world: World) -> None:
    """Row A5."""
    assertion = world.assertion()
    await world.assert_facility(assertion)

    replayed = await world.assert_facility(assertion)

    assert (as_json(replayed)["error"], as_json(replayed)["code"]) == ("invalid_client", "ASSERTION_REPLAYED")


async def test_of_many_uses_of_an_assertion_at_once_one_wins(world: World) -> None:
    assertion = world.assertion()

    answers = await asyncio.gather(*(world.assert_facility(assertion) for _ in range(8)))

    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 7


async def test_two_facilities_may_choose_the_same_assertion_id(world: World) -> None:
    clinic = dataclasses.replace(HOSPITAL, client_id="clinic-system", facility="01002")
    world.register.clients[clinic.client_id] = clinic

    first = await world.assert_facility(world.assertion(jti="one"))
    second = await world.assert_facility(world.assertion(jti="one", iss="clinic-system", sub="clinic-system"))

    assert (first.status_code, second.status_code) == (200, 200)


async def test_unknown_suspended_and_wrongly_signed_get_one_and_the_same_answer(world: World) -> None:
    suspended = dataclasses.replace(HOSPITAL, client_id="suspended", active=False)
    world.register.clients["suspended"] = suspended
    stranger = ECKey.generate_key("P-384", {"kid": "ec"})
    unregistered = RSAKey.generate_key(2048, {"kid": "unregistered"})

    answers = [
        await world.assert_facility(world.assertion(iss="unknown", sub="unknown")),
        await world.assert_facility(world.assertion(RSA_KEY, "RS384", iss="unknown", sub="unknown")),
        await world.assert_facility(world.assertion(iss="suspended", sub="suspended")),
        await world.assert_facility(world.assertion(stranger)),
        await world.assert_facility(world.assertion(unregistered, "RS256")),
    ]

    assert len({(answer.status_code, answer.content) for answer in answers}) == 1
    assert as_json(answers[0])["error"] == "invalid_client"
    assert as_json(answers[0])["code"] == "CLIENT_UNKNOWN"


async def test_a_stranger_does_not_learn_whether_an_assertion_is_late_or_misaddressed(world: World) -> None:
    stranger = ECKey.generate_key("P-384", {"kid": "ec"})

    refused = await world.assert_facility(world.assertion(stranger, aud="https://other.test", exp=1))

    assert as_json(refused)["code"] == "CLIENT_UNKNOWN"


async def test_an_unsigned_assertion_is_refused(world: World) -> None:
    parts = world.assertion().split(".")
    header = urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")

    for forged in (f"{header}.{parts[1]}.", f"{header}.{parts[1]}.{parts[2]}"):
        refused = await world.assert_facility(forged)
        assert as_json(refused)["code"] == "ASSERTION_INVALID"


@pytest.mark.parametrize("key", [EC_KEY, RSA_KEY], ids=["EC", "RSA"])
async def test_a_public_key_is_no_shared_secret(world: World, key: ECKey | RSAKey) -> None:
    claims = {"iss": HOSPITAL.client_id, "sub": HOSPITAL.client_id, "aud": BASE, "exp": 9_999_999_999}
    forged = hmac_signed({**claims, "jti": random_text()}, key.as_pem(private=False), str(key.kid))

    refused = await world.assert_facility(forged)

    assert as_json(refused)["code"] == "ASSERTION_INVALID"


@pytest.mark.parametrize("assertion", ["", "no-token", "a.b.c", "W10.e30.AA", "x" * 20_000])
async def test_text_that_is_no_assertion_is_refused(world: World, assertion: str) -> None:
    refused = await world.assert_facility(assertion)

    assert as_json(refused)["error"] == "invalid_client"


async def test_another_assertion_type_or_client_id_is_refused(world: World) -> None:
    saml = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"

    of_another_type = await world.assert_facility(world.assertion(), client_assertion_type=saml)
    of_another_client = await world.assert_facility(world.assertion(), client_id="another-system")

    assert as_json(of_another_type)["code"] == as_json(of_another_client)["code"] == "ASSERTION_INVALID"


async def test_a_suspended_facility_keeps_its_token_for_five_minutes_and_gets_no_new_one(world: World) -> None:
    token = as_json(await world.assert_facility(world.assertion()))["access_token"]
    world.register.clients[HOSPITAL.client_id] = dataclasses.replace(HOSPITAL, active=False)

    refused = await world.assert_facility(world.assertion())

    assert refused.status_code == 401
    assert (await world.whoami(token)).status_code == 200


async def test_a_facility_revokes_its_token_by_signing(world: World) -> None:
    token = as_json(await world.assert_facility(world.assertion()))["access_token"]

    revoked = await world.phone.post(
        "/auth/revoke",
        data={
            "token": token,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": world.assertion(),
        },
    )

    assert revoked.status_code == 200
    assert (await world.whoami(token)).status_code == 401


@pytest.mark.parametrize(
    ("wanted", "granted"),
    [
        ("", "system/*.c"),
        ("system/*.c", "system/*.c"),
        ("system/*.rs system/*.c", "system/*.c"),
        ("patient/*.rs", None),
    ],
)
async def test_known_scopes_are_granted_and_others_are_not(world: World, wanted: str, granted: str | None) -> None:
    answer = as_json(await world.assert_facility(world.assertion(), scope=wanted))

    assert answer.get("scope") == granted
    assert answer.get("error") == (None if granted else "invalid_scope")


async def test_half_a_character_in_an_assertion_of_nobody_is_no_bug(world: World) -> None:
    half = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJcdWQ4MDAifQ.AAAA"

    refused = await world.assert_facility(half)

    assert (refused.status_code, as_json(refused)["code"]) == (401, "ASSERTION_INVALID")
