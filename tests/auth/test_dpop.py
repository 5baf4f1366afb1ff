"""Proofs of possession (RFC 9449): a bound token is of no use without its key, and a proof works once (row A2)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey
from pymongo.asynchronous.database import AsyncDatabase

from auth.dpop import Proofs
from auth.tokens import s256
from ehb.store.sessions import SignIns
from ehb.store.vault import Keys, Vault
from tests.auth.conftest import Arrive
from tests.auth.hostile import hmac_signed
from tests.auth.world import EC_KEY, World, as_json, parameters, proof_by

KEY = ECKey.generate_key("P-256")
OTHER = ECKey.generate_key("P-256")
CHALLENGE = 'DPoP error="invalid_dpop_proof", algs="ES256"'


@pytest.fixture
async def bound(world: World, code: str) -> Mapping[str, Any]:
    """The first tokens of a session that is bound to KEY."""
    return as_json(await world.redeem(code, world.proof(KEY)))


async def test_a_proof_at_the_token_endpoint_binds_the_session(world: World, bound: Mapping[str, Any]) -> None:
    """Row A2."""
    token = bound["access_token"]

    me = await world.whoami_with(token, world.proof(KEY, token))

    assert bound["token_type"] == "DPoP"
    assert as_json(me)["kind"] == "CITIZEN"


async def test_without_a_proof_tokens_are_bearer_tokens(world: World, tokens: dict[str, Any]) -> None:
    assert tokens["token_type"] == "Bearer"


async def test_a_bound_token_is_refused_as_a_bearer_token_and_the_reverse(
    world: World, bound: Mapping[str, Any], arrive: Arrive
) -> None:
    bearer = as_json(await world.redeem(parameters(await arrive())["code"]))["access_token"]
    token = bound["access_token"]

    as_bearer = await world.whoami(token)
    as_bearer_with_proof = await world.whoami_with(token, world.proof(KEY, token), scheme="Bearer")
    as_bound = await world.whoami_with(bearer, world.proof(KEY, bearer))

    assert [one.status_code for one in (as_bearer, as_bearer_with_proof, as_bound)] == [401, 401, 401]
    assert as_bearer.headers["www-authenticate"] == 'Bearer error="invalid_token", DPoP algs="ES256"'
    assert as_bound.headers["www-authenticate"] == 'DPoP error="invalid_token", algs="ES256"'
    assert (await world.whoami(bearer)).status_code == 200


async def test_a_bound_token_is_refused_in_the_hands_of_another_key(world: World, bound: Mapping[str, Any]) -> None:
    token = bound["access_token"]

    refused = await world.whoami_with(token, world.proof(OTHER, token))

    assert (refused.status_code, as_json(refused)["code"]) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize("proofs", [0, 2], ids=["none", "two"])
async def test_exactly_one_proof_comes_with_a_request(world: World, bound: Mapping[str, Any], proofs: int) -> None:
    token = bound["access_token"]

    refused = await world.whoami_with(token, *(world.proof(KEY, token) for _ in range(proofs)))

    assert (refused.status_code, as_json(refused)["code"]) == (401, "DPOP_PROOF_INVALID")
    assert refused.headers["www-authenticate"] == CHALLENGE


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"htm": "POST"}, "htm"),
        ({"htm": "get"}, "htm"),
        ({"htm": None}, "htm"),
        ({"htm": ["GET"]}, "htm"),
        ({"htu": "https://ehb.test/auth/token"}, "htu"),
        ({"htu": "http://ehb.test/whoami"}, "htu"),
        ({"htu": "https://other.test/whoami"}, "htu"),
        ({"htu": "https://me@ehb.test/whoami"}, "htu"),
        ({"htu": "https://ehb.test:8443/whoami"}, "htu"),
        ({"htu": "https://ehb.test:x/whoami"}, "htu"),
        ({"htu": "/whoami"}, "htu"),
        ({"htu": ["https://ehb.test/whoami"]}, "htu"),
        ({"htu": None}, "htu"),
        ({"iat": None}, "iat"),
        ({"iat": "now"}, "iat"),
        ({"iat": 1}, "iat"),
        ({"iat": 9_999_999_999}, "iat"),
        ({"exp": 1}, "exp"),
        ({"jti": None}, "jti"),
        ({"jti": ""}, "jti"),
        ({"jti": 7}, "jti"),
        ({"jti": "x" * 257}, "jti"),
        ({"ath": None}, "ath"),
        ({"ath": s256("another token")}, "ath"),
        ({"ath": "é"}, "ath"),
        ({"header": {"typ": "JWT"}}, "typ"),
        ({"header": {"typ": None}}, "typ"),
        ({"header": {"jwk": None}}, "jwk"),
        ({"header": {"jwk": "a key"}}, "jwk"),
        ({"header": {"jwk": KEY.as_dict(private=True)}}, "jwk"),
        ({"header": {"jwk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}}}, "jwk"),
        ({"header": {"jwk": {"kty": "oct", "k": "AAAA"}}}, "jwk"),
        ({"header": {"jwk": OTHER.as_dict(private=False)}}, "signature"),
        ({"header": {"jwk": EC_KEY.as_dict(private=False)}}, "signature"),
        ({"more": "x" * 4_000}, "JWT"),
    ],
)
async def test_a_proof_that_does_not_fit_its_request_is_refused(
    world: World, bound: Mapping[str, Any], changes: dict[str, object], what: str
) -> None:
    token = bound["access_token"]

    refused = await world.whoami_with(token, world.proof(KEY, token, **changes))

    assert (refused.status_code, as_json(refused)["code"]) == (401, "DPOP_PROOF_INVALID")
    assert as_json(refused)["detail"].endswith(f"({what})")
    assert refused.headers["www-authenticate"] == CHALLENGE


@pytest.mark.parametrize("url", ["HTTPS://EHB.test:443/whoami", "https://ehb.test/whoami?q=1#part"])
async def test_an_address_may_be_written_in_more_than_one_way(world: World, bound: Mapping[str, Any], url: str) -> None:
    token = bound["access_token"]

    assert (await world.whoami_with(token, world.proof(KEY, token, htu=url))).status_code == 200


async def test_other_algorithms_never_get_as_far_as_a_signature(world: World, bound: Mapping[str, Any]) -> None:
    token, now = bound["access_token"], world.clock()
    claims = {"htm": "GET", "htu": f"{world.base}/whoami", "iat": int(now.timestamp()), "ath": s256(token)}
    forged = [
        hmac_signed({**claims, "jti": "one"}, KEY.as_pem(private=False), "x"),
        proof_by(EC_KEY, "GET", f"{world.base}/whoami", now, token, header={"alg": "ES384"}),
        jwt.encode(
            {"typ": "dpop+jwt", "alg": "Ed25519", "jwk": OKPKey.generate_key("Ed25519").as_dict(private=False)},
            claims,
            OKPKey.generate_key("Ed25519"),
            algorithms=["Ed25519"],
        ),
        "eyJhbGciOiJub25lIiwidHlwIjoiZHBvcCtqd3QifQ.e30.",
        "",
        "no proof",
    ]

    for proof in forged:
        refused = await world.whoami_with(token, proof)
        assert as_json(refused)["detail"].endswith("(JWT)")


@pytest.mark.parametrize(("seconds", "status"), [(-91, 401), (-90, 200), (90, 200), (91, 401), (600, 401), (-600, 401)])
async def test_a_clock_may_be_ninety_seconds_off_and_not_ten_minutes(
    world: World, bound: Mapping[str, Any], seconds: int, status: int
) -> None:
    token = bound["access_token"]
    at = int(world.clock().timestamp()) + seconds

    assert (await world.whoami_with(token, world.proof(KEY, token, iat=at))).status_code == status


async def test_a_proof_works_once_on_whichever_worker(
    world: World, bound: Mapping[str, Any], database: AsyncDatabase[dict[str, Any]]
) -> None:
    token = bound["access_token"]
    proof = world.proof(KEY, token)
    elsewhere = Proofs(SignIns(database, Vault(Keys.generate())), world.base, world.clock)

    answers = await asyncio.gather(*(world.whoami_with(token, proof) for _ in range(6)))
    read = elsewhere.read(proof, method="GET", path="/whoami", access_token=token)

    assert sorted(one.status_code for one in answers) == [200] + [401] * 5
    with pytest.raises(Exception, match="jti"):
        await elsewhere.spend(read)


async def test_a_proof_is_not_used_up_by_a_token_that_leads_to_nobody(
    world: World, bound: Mapping[str, Any], database: AsyncDatabase[dict[str, Any]]
) -> None:
    before = await database["proof_ids"].count_documents({})

    refused = await world.whoami_with("A" * 64, world.proof(OTHER, "A" * 64))

    assert refused.status_code == 401
    assert await database["proof_ids"].count_documents({}) == before


async def test_a_refresh_token_is_bound_too_and_a_thief_without_the_key_ends_nothing(
    world: World, bound: Mapping[str, Any]
) -> None:
    token = bound["refresh_token"]

    bare = await world.refresh(token)
    stolen = await world.refresh(token, proof=world.proof(OTHER))
    fresh = as_json(await world.refresh(token, proof=world.proof(KEY)))

    assert (as_json(bare)["error"], as_json(bare)["code"]) == ("invalid_grant", "TOKEN_BOUND")
    assert as_json(stolen)["code"] == "TOKEN_BOUND"
    assert fresh["token_type"] == "DPoP"
    me = await world.whoami_with(fresh["access_token"], world.proof(KEY, fresh["access_token"]))
    assert me.status_code == 200


async def test_a_spent_refresh_token_with_its_key_still_ends_the_session(
    world: World, bound: Mapping[str, Any]
) -> None:
    await world.refresh(bound["refresh_token"], proof=world.proof(KEY))
    world.clock.advance(seconds=10)

    reused = await world.refresh(bound["refresh_token"], proof=world.proof(KEY))

    assert as_json(reused)["code"] == "SESSION_ENDED"
    token = bound["access_token"]
    assert (await world.whoami_with(token, world.proof(KEY, token))).status_code == 401


async def test_a_bearer_session_cannot_be_bound_to_a_thiefs_key(world: World, tokens: dict[str, Any]) -> None:
    stolen = await world.refresh(tokens["refresh_token"], proof=world.proof(OTHER))

    assert as_json(stolen)["code"] == "TOKEN_BOUND"
    assert (await world.refresh(tokens["refresh_token"])).status_code == 200


@pytest.mark.parametrize("proof", ["used", "nonsense", "for another address"])
async def test_a_wrong_proof_at_the_token_endpoint_gets_no_token_and_costs_no_code(
    world: World, code: str, proof: str
) -> None:
    used = world.proof(KEY)
    await world.redeem("no code", used)
    wrong = {"used": used, "nonsense": "x.y.z", "for another address": world.proof(KEY, htu=f"{world.base}/whoami")}

    refused = await world.redeem(code, wrong[proof])
    granted = await world.redeem(code, world.proof(KEY))

    assert (refused.status_code, as_json(refused)["error"]) == (400, "invalid_dpop_proof")
    assert as_json(granted)["token_type"] == "DPoP"


async def test_a_code_may_be_bound_to_the_key_before_it_exists(world: World, provider: Any) -> None:
    """RFC 9449 section 10: `dpop_jkt` in the authorization request."""
    begun = await world.begin(dpop_jkt=KEY.thumbprint())
    back = await provider.sign_in(begun.headers["location"], "citizen")
    finished = await world.browser.get(back.removeprefix(world.base))
    code = parameters(finished.headers["location"])["code"]

    refused = await world.redeem(code, world.proof(OTHER))

    assert as_json(refused)["code"] == "CODE_INVALID"


async def test_a_thumbprint_that_can_be_none_is_refused_at_once(world: World) -> None:
    assert (await world.begin(dpop_jkt="short")).status_code == 400


async def test_a_facilitys_token_can_be_bound(world: World) -> None:
    """Row A4: sender-constrained tokens for facilities."""
    granted = as_json(await world.assert_facility(world.assertion(), world.proof(KEY)))
    token = granted["access_token"]

    bare, proven = await world.whoami(token), await world.whoami_with(token, world.proof(KEY, token))

    assert granted["token_type"] == "DPoP"
    assert (bare.status_code, as_json(proven)["facility"]) == (401, "01001")
