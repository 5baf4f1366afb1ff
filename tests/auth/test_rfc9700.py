"""The attacks of RFC 9700 (OAuth 2.0 Security Best Current Practice) on our own endpoints (row A7), by section.

The eID's side of them (mix-up, a lying provider, its clock) is in test_oidc.py; proofs in detail in test_dpop.py,
addresses of keys in test_outside.py, limits in test_attempts.py.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from auth.tokens import s256
from tests.auth.conftest import Arrive
from tests.auth.hostile import hmac_signed
from tests.auth.world import BASE, EC_KEY, HOSPITAL, RSA_KEY, VERIFIER, World, as_json, parameters

PHONE, THIEF = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")


@pytest.mark.parametrize(
    "address",
    [
        "https://app.test/done/",
        "https://app.test/done?more=1",
        "https://app.test/DONE",
        "https://app.test/done#x",
        "https://app.test.evil.test/done",
        "https://app.test@evil.test/done",
        "https://app.test/done/../evil",
        "https://app.test%2Fdone",
        "//app.test/done",
        "http://app.test/done",
        "vn.test.app:/done",
        "",
    ],
)
async def test_4_1_and_4_11_a_redirect_uri_matches_exactly_or_nobody_is_redirected(world: World, address: str) -> None:
    """Row A1."""
    answer = await world.begin(redirect_uri=address)

    assert answer.status_code == 400
    assert "location" not in answer.headers


async def test_4_11_an_error_is_redirected_to_no_address_that_is_not_registered(world: World) -> None:
    answer = await world.browser.get("/auth/callback", params={"error": "x", "redirect_uri": "https://evil.test"})

    assert answer.status_code == 400
    assert "location" not in answer.headers


async def test_4_2_a_code_leaves_in_a_redirect_that_tells_no_referrer(world: World, arrive: Arrive) -> None:
    begun = await world.begin()
    arrived = await arrive()

    assert begun.headers["referrer-policy"] == "no-referrer"
    assert "code" in parameters(arrived)
    assert "access_token" not in arrived


@pytest.mark.parametrize("verifier", ["another-verifier-of-an-attacker-who-has-the-victims-code", s256(VERIFIER), "x"])
async def test_4_5_a_stolen_code_is_of_no_use_in_the_attackers_session(world: World, code: str, verifier: str) -> None:
    """Code injection: the attacker's app has begun a login of its own, so it has another verifier. Row A7."""
    injected = await world.redeem(code, code_verifier=verifier)
    afterwards = await world.redeem(code)

    assert as_json(injected)["code"] == "CODE_INVALID"
    assert as_json(afterwards)["code"] == "CODE_INVALID"


async def test_4_5_a_code_that_is_used_twice_ends_what_it_opened(world: World, code: str) -> None:
    first = as_json(await world.redeem(code))

    replayed = await world.redeem(code)

    assert as_json(replayed)["error"] == "invalid_grant"
    assert (await world.whoami(first["access_token"])).status_code == 401
    assert as_json(await world.refresh(first["refresh_token"]))["code"] == "SESSION_ENDED"


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge": None},
        {"code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge": VERIFIER, "code_challenge_method": "plain"},
        {"code_challenge": None, "code_challenge_method": None},
    ],
)
async def test_4_8_a_login_without_s256_does_not_begin(world: World, changes: dict[str, str | None]) -> None:
    """PKCE downgrade. Row A7."""
    assert (await world.begin(**changes)).status_code == 400


async def test_4_8_a_code_is_not_redeemed_without_its_verifier(world: World, code: str) -> None:
    assert (await world.redeem(code, code_verifier="")).status_code == 400


async def test_4_7_a_login_is_finished_by_the_browser_that_began_it(world: World, provider: Any) -> None:
    """CSRF: the victim's browser is sent to the callback with the attacker's answer."""
    begun = await world.begin()
    back = await provider.sign_in(begun.headers["location"], "citizen")

    async with world.new_browser() as victim:
        answer = await victim.get(back.removeprefix(BASE))

    assert (answer.status_code, "location" in answer.headers) == (400, False)


@pytest.mark.parametrize("grant", ["password", "implicit", "urn:ietf:params:oauth:grant-type:device_code"])
async def test_2_4_there_is_no_other_grant(world: World, grant: str) -> None:
    """Row A7."""
    answer = await world.phone.post("/auth/token", data={"grant_type": grant, "username": "x", "password": "x"})

    assert as_json(answer)["error"] == "unsupported_grant_type"


async def test_4_14_a_stolen_refresh_token_ends_the_session_when_both_have_used_it(
    world: World, tokens: dict[str, Any]
) -> None:
    stolen = as_json(await world.refresh(tokens["refresh_token"]))
    world.clock.advance(seconds=11)

    owner = await world.refresh(tokens["refresh_token"])

    assert as_json(owner)["code"] == "SESSION_ENDED"
    assert (await world.whoami(stolen["access_token"])).status_code == 401
    assert as_json(await world.refresh(stolen["refresh_token"]))["code"] == "SESSION_ENDED"


async def test_4_10_stolen_tokens_that_are_bound_are_of_no_use(world: World, code: str) -> None:
    tokens = as_json(await world.redeem(code, world.proof(PHONE)))
    access, refresh = tokens["access_token"], tokens["refresh_token"]
    proof = world.proof(PHONE, access)
    await world.whoami_with(access, proof)

    attempts = [
        await world.whoami(access),
        await world.whoami_with(access, world.proof(THIEF, access)),
        await world.whoami_with(access, proof),
        await world.refresh(refresh),
        await world.refresh(refresh, proof=world.proof(THIEF)),
    ]

    assert [one.status_code for one in attempts] == [401, 401, 401, 400, 400]
    assert (await world.refresh(refresh, proof=world.proof(PHONE))).status_code == 200


@pytest.mark.parametrize("endpoint", ["/auth/token", "/auth/revoke"])
async def test_4_3_tokens_are_taken_from_no_address(world: World, tokens: dict[str, Any], endpoint: str) -> None:
    token = tokens["refresh_token"]
    asked = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "ehb-mobile", "token": token}

    answer = await world.phone.post(endpoint, params=asked)

    assert answer.status_code == 400
    assert (await world.whoami(tokens["access_token"])).status_code == 200


def forged(key: ECKey | RSAKey, header: dict[str, object], claims: dict[str, object]) -> str:
    return jwt.encode({"kid": key.kid, **header}, claims, key, algorithms=[str(header["alg"])])


async def test_a_client_assertion_is_taken_once_from_one_key_in_one_of_our_algorithms(world: World) -> None:
    """RFC 8725 sections 2.1, 3.1 and 3.5: alg confusion, keys that the token brings along, keys that nobody knows."""
    now = int(world.clock().timestamp())
    claims: dict[str, object] = {"iss": HOSPITAL.client_id, "sub": HOSPITAL.client_id, "aud": BASE, "exp": now + 60}
    none = urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    good = world.assertion()
    own = ECKey.generate_key("P-384", {"kid": "ec"})

    forgeries = {
        "none": f"{none}.{good.split('.')[1]}.",
        "HS256 with a public key": hmac_signed({**claims, "jti": "1"}, RSA_KEY.as_pem(private=False), "rsa"),
        "RS512, which we do not take": forged(RSA_KEY, {"alg": "RS512"}, {**claims, "jti": "2"}),
        "a key in the header": forged(own, {"alg": "ES384", "jwk": own.as_dict(private=False)}, {**claims, "jti": "3"}),
        "an address of keys in the header": forged(own, {"alg": "ES384", "jku": "https://evil.test"}, claims),
        "a path for a key id": forged(own, {"alg": "ES384", "kid": "../../ec"}, {**claims, "jti": "4"}),
        "an extension that we must understand": good.replace(
            good.split(".")[0], urlsafe_b64encode(b'{"alg":"ES384","kid":"ec","crit":["x"],"x":1}').decode().rstrip("=")
        ),
        "too long": good + "A" * 20_000,
    }

    for name, assertion in forgeries.items():
        refused = await world.assert_facility(assertion)
        assert (refused.status_code, as_json(refused)["error"]) == (401, "invalid_client"), name
    assert (await world.assert_facility(good)).status_code == 200
    assert as_json(await world.assert_facility(good))["code"] == "ASSERTION_REPLAYED"


@pytest.mark.parametrize("length", [65, 10_000])
async def test_a_token_of_another_length_than_ours_is_nobodys(world: World, length: int) -> None:
    assert (await world.whoami("A" * length)).status_code == 401


async def test_an_assertion_meant_for_another_server_is_refused(world: World) -> None:
    """Section 4.9: a server that a facility speaks with must not be able to use what it gets at ours."""
    refused = await world.assert_facility(world.assertion(EC_KEY, "ES384", aud=["https://other.test/auth/token"]))

    assert as_json(refused)["code"] == "ASSERTION_AUDIENCE"


async def test_a_code_goes_to_the_redirect_uri_that_it_was_asked_for(world: World, code: str) -> None:
    refused = await world.redeem(code, redirect_uri="vn.test.app:/done?kind=native")

    assert as_json(refused)["code"] == "CODE_INVALID"
