"""What we believe of the eID: a provider that lies about one thing at a time, over real HTTP."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from tests.auth.hostile import SUBJECT, HostileProvider, hmac_signed, walked
from tests.auth.world import World
from tests.logs import written

INVALID = "LOGIN_ID_TOKEN_INVALID"


async def test_the_hostile_provider_can_behave(victim: World) -> None:
    answer = await walked(victim)

    assert "code" in answer
    assert victim.people.identities[0].subject == SUBJECT


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"aud": "another-client"}, id="for somebody else"),
        pytest.param({"aud": ["ehb", "another-client"]}, id="for two, without azp"),
        pytest.param({"aud": ["ehb", "another-client"], "azp": "another-client"}, id="asked for by another"),
        pytest.param({"azp": "another-client"}, id="for us, asked for by another"),
        pytest.param({"aud": None}, id="for nobody"),
        pytest.param({"nonce": "nonce-of-another-login"}, id="of another login"),
        pytest.param({"nonce": None}, id="of no login"),
        pytest.param({"exp": 1_000_000_000}, id="expired"),
        pytest.param({"exp": None}, id="without an end"),
        pytest.param({"exp": "tomorrow"}, id="with an end that is no number"),
        pytest.param({"iat": 9_999_999_999}, id="issued in the future"),
        pytest.param({"iat": None}, id="issued at no time"),
        pytest.param({"nbf": 9_999_999_999}, id="not valid yet"),
        pytest.param({"sub": ""}, id="about nobody"),
        pytest.param({"sub": None}, id="without a subject"),
        pytest.param({"sub": 12}, id="about a number"),
        pytest.param({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, id="with another access token"),
    ],
)
async def test_an_id_token_is_refused(victim: World, hostile: HostileProvider, claims: dict[str, Any]) -> None:
    """Row O3."""
    hostile.claims = claims

    answer = await walked(victim)

    assert (answer["error"], answer["error_code"]) == ("server_error", INVALID)
    assert victim.people.identities == []


@pytest.mark.parametrize("claim", ["exp", "iat", "nbf"])
@pytest.mark.parametrize(("seconds", "accepted"), [(89, True), (600, False)])
async def test_a_clock_that_is_ninety_seconds_off_is_forgiven_and_ten_minutes_are_not(
    victim: World, hostile: HostileProvider, claim: str, seconds: int, accepted: bool
) -> None:
    """Row O3."""
    now = int(victim.clock().timestamp())
    hostile.claims = {claim: now - seconds if claim == "exp" else now + seconds}

    answer = await walked(victim)

    assert ("code" in answer) == accepted
    assert accepted or answer["error_code"] == "LOGIN_ID_TOKEN_INVALID"


@pytest.mark.parametrize("auth_time", [None, "yesterday", True, -5, 0])
async def test_who_does_not_say_when_somebody_proved_themselves_did_not_see_it_now(
    victim: World, hostile: HostileProvider, auth_time: object
) -> None:
    """Row O5: an ID token is new at each login, a proof may be hours old."""
    hostile.claims = {"auth_time": auth_time}

    assert "code" in await walked(victim)
    assert victim.people.identities[0].authenticated_at is None


async def test_an_id_token_for_several_audiences_is_ours_when_we_asked_for_it(
    victim: World, hostile: HostileProvider
) -> None:
    hostile.claims = {"aud": ["ehb", "another-client"], "azp": "ehb"}

    assert "code" in await walked(victim)


async def test_the_hash_of_the_access_token_is_accepted_when_it_fits(victim: World, hostile: HostileProvider) -> None:
    half = hashlib.sha256(b"provider-access").digest()[:16]
    hostile.claims = {"at_hash": urlsafe_b64encode(half).decode().rstrip("=")}

    assert "code" in await walked(victim)


async def test_an_unsigned_id_token_is_refused(victim: World, hostile: HostileProvider) -> None:
    hostile.sign = hostile.with_algorithm("none", None)

    with pytest.warns(Warning, match="none"):
        answer = await walked(victim)

    assert answer["error_code"] == INVALID


async def test_the_public_key_is_no_shared_secret(victim: World, hostile: HostileProvider) -> None:
    pem = hostile.key.as_pem(private=False)
    hostile.sign = lambda claims: hmac_signed(claims, pem, "first")

    assert (await walked(victim))["error_code"] == INVALID


async def test_another_key_under_the_same_name_is_refused(victim: World, hostile: HostileProvider) -> None:
    hostile.sign = hostile.with_algorithm("RS256", RSAKey.generate_key(2048))

    assert (await walked(victim))["error_code"] == INVALID


async def test_a_key_of_another_type_is_refused(victim: World, hostile: HostileProvider) -> None:
    hostile.sign = hostile.with_algorithm("ES256", ECKey.generate_key("P-256"))

    assert (await walked(victim))["error_code"] == INVALID


async def test_an_algorithm_that_is_not_ours_is_refused_though_the_signature_fits(
    victim: World, hostile: HostileProvider
) -> None:
    """Row O3."""
    hostile.sign = hostile.with_algorithm("RS512", hostile.key)

    assert (await walked(victim))["error_code"] == INVALID


async def test_a_changed_claim_breaks_the_signature(victim: World, hostile: HostileProvider) -> None:
    def tampered(claims: dict[str, Any]) -> str:
        header, _, signature = hostile.honestly(claims).split(".")
        _, payload, _ = hostile.honestly(claims | {"SoDinhDanh": "999203000002"}).split(".")
        return f"{header}.{payload}.{signature}"

    hostile.sign = tampered

    assert (await walked(victim))["error_code"] == INVALID


@pytest.mark.parametrize("text", ["", "no-token", "a.b.c", "W10.e30.AA", "eyJhbGciOiJSUzI1NiJ9.e30.", "x" * 20_000])
async def test_text_that_is_no_token_is_refused(victim: World, hostile: HostileProvider, text: str) -> None:
    hostile.sign = lambda claims: text

    assert (await walked(victim))["error_code"] == INVALID


async def test_an_embedded_key_is_not_trusted(victim: World, hostile: HostileProvider) -> None:
    own = ECKey.generate_key("P-256")
    header = {"alg": "ES256", "jwk": own.as_dict(private=False)}
    hostile.sign = lambda claims: jwt.encode(header, claims, own)

    assert (await walked(victim))["error_code"] == INVALID


async def test_an_id_token_of_another_issuer_is_an_issuer_mismatch(victim: World, hostile: HostileProvider) -> None:
    hostile.claims = {"iss": "https://another.test"}

    assert (await walked(victim))["error_code"] == "LOGIN_ISSUER_MISMATCH"


@pytest.mark.parametrize("issuer", ["https://another.test", None])
async def test_an_answer_with_a_wrong_or_missing_issuer_is_refused_before_the_code_is_used(
    victim: World, hostile: HostileProvider, issuer: str | None
) -> None:
    """Row O2."""
    hostile.answer = {"iss": issuer}

    answer = await walked(victim)

    assert answer["error_code"] == "LOGIN_ISSUER_MISMATCH"
    assert hostile.token_requests == []


async def test_a_missing_issuer_is_fine_where_the_provider_does_not_promise_one(
    victim: World, hostile: HostileProvider
) -> None:
    hostile.metadata = {"authorization_response_iss_parameter_supported": False}
    hostile.answer = {"iss": None}

    assert "code" in await walked(victim)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("access_denied", ("access_denied", "LOGIN_DENIED")),
        ("login_required", ("access_denied", "LOGIN_DENIED")),
        ("temporarily_unavailable", ("temporarily_unavailable", "EID_UNAVAILABLE")),
    ],
)
async def test_an_error_of_the_eid_reaches_the_app_with_our_code(
    victim: World, hostile: HostileProvider, error: str, told: tuple[str, str]
) -> None:
    hostile.answer = {"code": None, "error": error, "error_description": "SoDinhDanh 999203000001"}

    answer = await walked(victim)

    assert (answer["error"], answer["error_code"]) == told
    assert "999203000001" not in str(answer)


async def test_missing_claims_are_asked_for_at_userinfo(victim: World, hostile: HostileProvider) -> None:
    hostile.claims = {"SoDinhDanh": None, "HoVaTen": None}
    hostile.user = {"SoDinhDanh": "999203000009", "HoVaTen": "Trần Thị Thử", "acr": "1"}

    await walked(victim)

    (identity,) = victim.people.identities
    assert (identity.national_id, identity.full_name) == ("999203000009", "Trần Thị Thử")
    assert identity.assurance_level == 2
    assert hostile.authorizations[-1] == "Bearer provider-access"


async def test_userinfo_about_somebody_else_signs_nobody_in(victim: World, hostile: HostileProvider) -> None:
    hostile.claims = {"SoDinhDanh": None}
    hostile.user = {"sub": "somebody-else", "SoDinhDanh": "999203000009"}

    assert (await walked(victim))["error_code"] == INVALID
    assert victim.people.identities == []


@pytest.mark.parametrize(("acr", "level"), [("2", 2), (1, 1), ("unheard-of", 0), (None, 0)])
async def test_the_level_is_what_our_map_says_and_otherwise_the_default(
    victim: World, hostile: HostileProvider, acr: object, level: int
) -> None:
    hostile.claims = {"acr": acr}

    await walked(victim)

    assert victim.people.identities[0].assurance_level == level


async def test_a_national_id_that_is_a_number_is_no_national_id(victim: World, hostile: HostileProvider) -> None:
    hostile.claims = {"SoDinhDanh": 1203000001}

    answer = await walked(victim)

    assert (answer["error"], answer["error_code"]) == ("access_denied", "IDENTITY_NUMBER_MISSING")
    assert victim.people.identities == []


@pytest.mark.parametrize(
    ("claims", "event", "claim"),
    [
        ({"SoDinhDanh": 1203000001}, "a login was refused: no identification number", "SoDinhDanh"),
        ({"aud": "another"}, "a token of the eID was refused by a claim", "aud"),
        ({"azp": "another"}, "a token of the eID was refused by a claim", "azp"),
        ({"acr": "urn:unknown"}, "the eID told a level that no setting knows, or none", "acr"),
    ],
)
async def test_the_log_names_the_claim_that_is_wrong(
    victim: World, hostile: HostileProvider, claims: dict[str, Any], event: str, claim: str
) -> None:
    """Row E5: whoever connects an eID reads there what its tokens lack."""
    hostile.claims = claims

    with written() as out:
        await walked(victim)

    assert [line["claim"] for line in out.of(event)] == [claim]
    assert all("code" in line for line in out.of("a login was refused"))
