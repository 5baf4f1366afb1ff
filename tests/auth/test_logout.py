"""Going: by one's own wish, and by the eID's word (standards rows O10 and O12)."""

from __future__ import annotations

import time
from typing import Any

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from auth.logout import EVENT
from auth.tokens import random_text
from ehb.domain.session import Account
from tests.auth.hostile import SUBJECT, HostileProvider, walked
from tests.auth.world import APP, World

INVALID = "LOGOUT_TOKEN_INVALID"


async def signed_in(world: World) -> dict[str, Any]:
    answer = await walked(world)
    tokens: dict[str, Any] = (await world.redeem(answer["code"])).json()
    return tokens


def logout_token(hostile: HostileProvider, typ: str | None = "logout+jwt", **changes: object) -> str:
    """What an honest provider signs, but for the changes; None leaves a claim out."""
    now = int(time.time())
    claims: dict[str, object] = {
        "iss": hostile.issuer,
        "aud": "ehb",
        "iat": now,
        "exp": now + 120,
        "jti": random_text(),
        "events": {EVENT: {}},
        "sub": SUBJECT,
    }
    told = {name: value for name, value in (claims | changes).items() if value is not None}
    header = {"alg": "RS256", "kid": hostile.key.kid, **({"typ": typ} if typ else {})}
    return jwt.encode(header, told, hostile.key)


async def tell(world: World, token: str) -> httpx2.Response:
    return await world.phone.post("/auth/backchannel-logout", data={"logout_token": token})


async def test_the_eid_ends_all_sessions_of_an_account_at_once(victim: World, hostile: HostileProvider) -> None:
    """Row O10: by `sub`, access and refresh tokens alike; the answer may not be cached."""
    one, other = await signed_in(victim), await signed_in(victim)

    told = await tell(victim, logout_token(hostile))

    assert (told.status_code, told.headers["cache-control"]) == (200, "no-store")
    for tokens in (one, other):
        assert (await victim.whoami(tokens["access_token"])).status_code == 401
        assert (await victim.refresh(tokens["refresh_token"])).json()["code"] == "SESSION_ENDED"


async def test_the_eid_ends_one_of_its_own_sessions(victim: World, hostile: HostileProvider) -> None:
    """Row O10: by `sid`, and no other session of the same person."""
    hostile.claims = {"sid": "first"}
    one = await signed_in(victim)
    hostile.claims = {"sid": "second"}
    other = await signed_in(victim)

    told = await tell(victim, logout_token(hostile, sub=None, sid="first"))

    assert told.status_code == 200
    assert (await victim.whoami(one["access_token"])).status_code == 401
    assert (await victim.whoami(other["access_token"])).status_code == 200


async def test_a_code_that_was_not_redeemed_yet_opens_nothing_after_a_logout(
    victim: World, hostile: HostileProvider
) -> None:
    answer = await walked(victim)

    await tell(victim, logout_token(hostile))

    assert (await victim.redeem(answer["code"])).json()["code"] == "CODE_INVALID"


async def test_whose_account_changed_is_signed_out_of_the_old_one(victim: World, hostile: HostileProvider) -> None:
    """Row O12: the same person under a new subject; what the old account opened is over, the codes on their way too."""
    victim.people.one_person = True
    old, on_its_way = await signed_in(victim), (await walked(victim))["code"]
    hostile.claims = {"sub": "the new account"}

    new = await signed_in(victim)

    assert (await victim.whoami(old["access_token"])).status_code == 401
    assert (await victim.redeem(on_its_way)).json()["code"] == "CODE_INVALID"
    assert (await victim.whoami(new["access_token"])).status_code == 200


async def test_a_logout_token_is_believed_once(victim: World, hostile: HostileProvider) -> None:
    token = logout_token(hostile)

    first, second = await tell(victim, token), await tell(victim, token)

    assert (first.status_code, second.status_code) == (200, 400)
    assert second.json()["code"] == INVALID


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://another.test"},
        {"aud": "somebody-else"},
        {"aud": ["ehb", "somebody-else"]},
        {"jti": None},
        {"jti": 7},
        {"jti": "x" * 300},
        {"iat": None},
        {"iat": -600, "exp": None},
        {"iat": 600},
        {"exp": -600},
        {"events": None},
        {"events": {}},
        {"events": {"http://schemas.openid.net/event/other": {}}},
        {"events": [EVENT]},
        {"nonce": "an ID token has one"},
        {"sub": None},
        {"sub": 5},
        {"sub": "", "sid": ""},
        {"typ": "id_token+jwt"},
    ],
    ids=str,
)
async def test_what_is_no_logout_token_ends_nothing(
    victim: World, hostile: HostileProvider, changes: dict[str, Any]
) -> None:
    """Row O10: signed, typed, ours, fresh, one event, no nonce; everything else is 400 and ends nothing."""
    tokens = await signed_in(victim)
    now = int(time.time())
    changes = {name: now + one if name in ("iat", "exp") and one else one for name, one in changes.items()}
    typ = changes.pop("typ", "logout+jwt")

    told = await tell(victim, logout_token(hostile, typ, **changes))

    assert (told.status_code, told.json()["code"], told.headers["cache-control"]) == (400, INVALID, "no-store")
    assert (await victim.whoami(tokens["access_token"])).status_code == 200


async def test_a_stranger_cannot_log_anybody_out(victim: World, hostile: HostileProvider) -> None:
    tokens = await signed_in(victim)
    stranger = RSAKey.generate_key(2048, {"kid": "first"})
    claims = {"iss": hostile.issuer, "aud": "ehb", "iat": int(time.time()), "jti": "j", "events": {EVENT: {}}}
    forged = jwt.encode({"alg": "RS256", "kid": stranger.kid, "typ": "logout+jwt"}, claims | {"sub": SUBJECT}, stranger)

    answers = [await tell(victim, one) for one in (forged, "", "no token", forged.rsplit(".", 1)[0] + ".")]

    assert {answer.status_code for answer in answers} == {400}
    assert (await victim.whoami(tokens["access_token"])).status_code == 200


def test_an_account_of_another_provider_is_another_account() -> None:
    """Row O6: (issuer, subject), so the same subject elsewhere is somebody else; a session id is no subject."""
    one = Account.of("https://a.test", "x", "x")

    assert one.subject != Account.of("https://b.test", "x", None).subject
    assert one.subject == Account.of("https://a.test", "x", "another").subject


async def test_whoever_goes_is_gone_and_may_end_the_session_at_the_eid_too(
    victim: World, hostile: HostileProvider
) -> None:
    hostile.metadata = {"end_session_endpoint": f"{hostile.issuer}/end?kind=rp"}
    tokens = await signed_in(victim)

    form = {"token": tokens["refresh_token"], "client_id": APP.client_id}
    answer = await victim.phone.post("/auth/logout", data=form)

    assert answer.json()["end_session_url"].startswith(f"{hostile.issuer}/end?kind=rp&client_id=ehb")
    assert "post_logout_redirect_uri=https%3A%2F%2Fehb.test%2Fauth%2Flogged-out" in answer.json()["end_session_url"]
    assert (await victim.whoami(tokens["access_token"])).status_code == 401


async def test_one_can_go_everywhere_at_once(victim: World, hostile: HostileProvider) -> None:
    here, there = await signed_in(victim), await signed_in(victim)

    form = {"token": here["access_token"], "client_id": APP.client_id, "everywhere": "true"}
    answer = await victim.phone.post("/auth/logout", data=form)

    assert answer.json() == {"end_session_url": None}
    assert (await victim.whoami(there["access_token"])).status_code == 401


async def test_going_needs_a_token_of_the_session_and_the_right_app(victim: World, hostile: HostileProvider) -> None:
    tokens = await signed_in(victim)

    for form in (
        {"token": random_text(), "client_id": APP.client_id},
        {"token": tokens["access_token"], "client_id": "another-app", "everywhere": "true"},
    ):
        assert (await victim.phone.post("/auth/logout", data=form)).status_code == 200  # RFC 7009: nothing is told
    missing = await victim.phone.post("/auth/logout", data={"client_id": APP.client_id})
    by_link = await victim.phone.get("/auth/logout", params={"token": tokens["access_token"]})

    assert (missing.status_code, by_link.status_code) == (400, 405)
    assert (await victim.whoami(tokens["access_token"])).status_code == 200


async def test_the_page_after_a_logout_carries_nothing(victim: World) -> None:
    page = await victim.browser.get("/auth/logged-out?state=anything")

    assert "anything" not in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
