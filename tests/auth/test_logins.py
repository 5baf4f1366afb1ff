"""The walk of a browser: app, eID, app."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from auth.logins import MobileClient
from ehb.errors import Forbidden, Misconfigured
from tests.auth.conftest import Arrive
from tests.auth.world import APP_STATE, BASE, REDIRECT_URI, World, as_json, parameters, path_and_query
from tests.providers import StandInProvider


async def test_a_citizen_signs_in_and_is_known_by_their_own_book(world: World, arrive: Arrive) -> None:
    answer = parameters(await arrive())

    tokens = as_json(await world.redeem(answer["code"]))

    me = as_json(await world.whoami(tokens["access_token"]))
    assert me["kind"] == "CITIZEN"
    assert me["patient"] == (await world.people.sign_in(world.people.identities[0])).patient_id.hex()
    assert me["level"] == 2


async def test_the_eid_vouches_for_number_name_birth_date_and_level(
    world: World, arrive: Arrive, provider: StandInProvider
) -> None:
    await arrive()

    (identity,) = world.people.identities
    assert (identity.issuer, identity.subject) == (provider.issuer, "citizen")
    assert identity.national_id == "999203000001"
    assert identity.full_name == "Nguyễn Văn Thử"
    assert identity.birth_date == "1990-01-02"
    assert identity.assurance_level == 2


async def test_the_app_gets_its_state_and_our_issuer_back(arrive: Arrive) -> None:
    location = await arrive()

    answer = parameters(location)
    assert location.startswith(f"{REDIRECT_URI}?")
    assert answer["state"] == APP_STATE
    assert answer["iss"] == BASE


async def test_a_native_redirect_uri_keeps_its_own_query(world: World, provider: StandInProvider) -> None:
    begun = await world.begin(redirect_uri="vn.test.app:/done?kind=native")

    back = await provider.sign_in(begun.headers["location"], "citizen")
    finished = await world.browser.get(path_and_query(back))

    assert finished.headers["location"].startswith("vn.test.app:/done?kind=native&code=")


async def test_the_eid_is_asked_with_pkce_state_and_nonce_that_are_new_each_time(world: World) -> None:
    """Row O1."""
    first = parameters((await world.begin()).headers["location"])
    second = parameters((await world.begin()).headers["location"])

    assert first["code_challenge_method"] == "S256"
    assert first["response_type"] == "code"
    for name in ("state", "nonce", "code_challenge"):
        assert first[name] != second[name]
    assert first["state"] != APP_STATE


async def test_the_browser_holds_a_host_cookie_that_scripts_cannot_read(world: World) -> None:
    """Row A9."""
    begun = await world.begin()

    cookie = begun.headers["set-cookie"]
    assert cookie.startswith("__Host-ehb-login=")
    for attribute in ("HttpOnly", "Secure", "SameSite=lax", "Path=/", "Max-Age=600"):
        assert attribute in cookie
    assert "Domain" not in cookie


async def test_without_tls_the_cookie_has_a_plain_name_and_still_works(
    database: AsyncDatabase[dict[str, Any]], provider: StandInProvider
) -> None:
    world = World(database, provider.issuer, base="http://127.0.0.1:8000")

    begun = await world.begin()
    back = await provider.sign_in(begun.headers["location"], "citizen")
    finished = await world.browser.get(path_and_query(back))

    assert begun.headers["set-cookie"].startswith("ehb-login=")
    assert "Secure" not in begun.headers["set-cookie"]
    assert "code" in parameters(finished.headers["location"])
    await world.close()


async def test_the_cookie_is_gone_after_the_callback(world: World, arrive: Arrive) -> None:
    await arrive()

    assert not world.browser.cookies


@pytest.mark.parametrize(
    "change",
    [
        {"redirect_uri": "https://evil.test/done"},
        {"redirect_uri": REDIRECT_URI + "/"},
        {"redirect_uri": REDIRECT_URI + "?more=1"},
        {"redirect_uri": None},
        {"client_id": "another-app"},
        {"client_id": None},
        {"code_challenge": None},
        {"code_challenge": "too-short"},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": None},
        {"state": None},
        {"state": "x" * 513},
        {"state": "line\nbreak"},
    ],
)
async def test_a_login_request_that_is_not_registered_or_not_complete_is_never_redirected(
    world: World, change: dict[str, str | None]
) -> None:
    refused = await world.begin(**change)

    assert refused.status_code == 400
    assert "location" not in refused.headers
    assert as_json(refused)["code"] == "LOGIN_REQUEST_INVALID"


@pytest.mark.parametrize("kind", ["token", "code token", "id_token", "none"])
async def test_unsupported_response_type_goes_back_to_the_app_as_an_error(world: World, kind: str) -> None:
    refused = await world.begin(response_type=kind)

    assert refused.headers["location"].startswith(REDIRECT_URI)
    assert parameters(refused.headers["location"])["error"] == "unsupported_response_type"
    assert not world.browser.cookies


async def test_response_type_code_is_the_usual_one(world: World) -> None:
    assert (await world.begin(response_type="code")).headers["location"].startswith("http://127.0.0.1")


async def test_a_parameter_given_twice_is_refused(world: World) -> None:
    refused = await world.browser.get(f"/auth/login?redirect_uri={REDIRECT_URI}&redirect_uri=https://evil.test")

    assert refused.status_code == 400
    assert "location" not in refused.headers


@pytest.mark.parametrize("state", ["state=unknown&", ""])
async def test_a_wrong_or_missing_state_is_a_problem_and_no_redirect(world: World, state: str) -> None:
    await world.begin()

    refused = await world.browser.get(f"/auth/callback?{state}code=anything")

    assert refused.status_code == 400
    assert "location" not in refused.headers
    assert as_json(refused)["code"] == "LOGIN_STATE_INVALID"


async def test_another_browser_cannot_finish_a_login(world: World, provider: StandInProvider) -> None:
    """Row O1."""
    begun = await world.begin()
    back = path_and_query(await provider.sign_in(begun.headers["location"], "citizen"))

    async with world.new_browser() as other:
        without_cookie = await other.get(back)
        other.cookies.set("__Host-ehb-login", "a-secret-of-another-login", domain="ehb.test", path="/")
        with_another = await other.get(back)

    assert as_json(without_cookie)["code"] == as_json(with_another)["code"] == "LOGIN_STATE_INVALID"
    assert world.people.identities == []


async def test_a_stranger_with_the_state_does_not_spoil_the_login(world: World, provider: StandInProvider) -> None:
    begun = await world.begin()
    back = path_and_query(await provider.sign_in(begun.headers["location"], "citizen"))
    async with world.new_browser() as other:
        await other.get(back)

    finished = await world.browser.get(back)

    assert "code" in parameters(finished.headers["location"])


async def test_a_callback_works_once(world: World, provider: StandInProvider) -> None:
    """Row O1."""
    begun = await world.begin()
    back = path_and_query(await provider.sign_in(begun.headers["location"], "citizen"))
    cookie = dict(world.browser.cookies)
    await world.browser.get(back)

    async with world.new_browser() as same:
        same.cookies.set("__Host-ehb-login", cookie["__Host-ehb-login"], domain="ehb.test", path="/")
        replayed = await same.get(back)

    assert replayed.status_code == 400
    assert as_json(replayed)["code"] == "LOGIN_STATE_INVALID"


async def test_of_two_callbacks_at_once_one_wins(world: World, provider: StandInProvider) -> None:
    begun = await world.begin()
    back = path_and_query(await provider.sign_in(begun.headers["location"], "citizen"))

    answers = await asyncio.gather(*(world.browser.get(back) for _ in range(5)))

    assert sorted(answer.status_code for answer in answers) == [303, 400, 400, 400, 400]


@pytest.mark.parametrize(("seconds", "finishes"), [(599, True), (600, False)])
async def test_a_login_lasts_ten_minutes(world: World, provider: StandInProvider, seconds: int, finishes: bool) -> None:
    """Row O1."""
    begun = await world.begin()
    back = path_and_query(await provider.sign_in(begun.headers["location"], "citizen"))

    world.clock.advance(seconds=seconds)
    answer = await world.browser.get(back)

    assert (answer.status_code == 303) is finishes


async def test_a_citizen_who_declines_comes_back_to_the_app(world: World, provider: StandInProvider) -> None:
    begun = await world.begin()
    asked = parameters(begun.headers["location"])

    back = await provider.decline(begun.headers["location"])
    declined = await world.browser.get(f"/auth/callback?state={asked['state']}&{back.partition('?')[2]}")

    answer = parameters(declined.headers["location"])
    assert answer["error"] == "access_denied"
    assert answer["error_code"] == "LOGIN_DENIED"
    assert answer["state"] == APP_STATE
    assert "code" not in answer


async def test_a_refusal_of_ours_after_the_login_reaches_the_app(world: World, provider: StandInProvider) -> None:
    world.people.refuse = Forbidden()
    begun = await world.begin()

    back = await provider.sign_in(begun.headers["location"], "citizen")
    refused = await world.browser.get(path_and_query(back))

    answer = parameters(refused.headers["location"])
    assert (answer["error"], answer["error_code"]) == ("server_error", "FORBIDDEN")


@pytest.mark.parametrize("uris", [(), ("/relative",), ("https://app.test/done#fragment",)])
def test_an_app_without_a_usable_redirect_uri_is_a_mistake_of_the_operator(uris: tuple[str, ...]) -> None:
    with pytest.raises(Misconfigured):
        MobileClient("ehb-mobile", frozenset(uris))
