"""Signing in again, more strongly, for what opens a book further (RFC 9470; standards rows O5 and A4)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.builders import FACILITY, NATIONAL_ID, visit_file
from tests.house import CLIENT, REDIRECT, House
from tests.test_consent import GIVE, permit
from tests.test_presentation import START

WANTED = {"acrValues": "3", "maxAge": 300, "code": "STEP_UP_REQUIRED"}
CLAIMS = {"SoDinhDanh": NATIONAL_ID, "HoVaTen": "Nguyễn Thị Thử"}
MINE = "{ myHealthBook { timeline { nodes { id } } } }"
HIDE = "mutation($id: ID!) { restrictRecord(id: $id) { id } }"
SHOW = "mutation($id: ID!) { liftRestriction(id: $id) { id } }"


async def signed_in(house: House, acr: str = "3", **asked: str) -> str:
    answer = await house.sign_in("stepping", {**CLAIMS, "acr": acr}, asked)
    assert "access_token" in answer, answer
    return str(answer["access_token"])


async def refused(house: House, token: str, query: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = await house.ask(token, query, variables)
    [error] = answer["errors"]
    extensions: dict[str, Any] = error["extensions"]
    return extensions


async def test_a_book_opens_at_the_level_that_the_settings_name(house: House) -> None:
    weak, enough = await signed_in(house, "1"), await signed_in(house, "2")

    assert await refused(house, weak, MINE) == {"acrValues": "2", "code": "STEP_UP_REQUIRED"}
    assert "errors" not in await house.ask(enough, MINE)


@pytest.mark.parametrize(
    ("query", "variables"),
    [(GIVE, permit()), (START, {"show": {"sections": ["CONDITIONS"]}})],
    ids=("a consent", "a showing without a passcode"),
)
async def test_what_opens_a_book_needs_a_fresh_and_strong_login(
    house: House, query: str, variables: dict[str, Any]
) -> None:
    """Rows O5, A4."""
    usual, strong = await signed_in(house, "2"), await signed_in(house, "3")

    assert await refused(house, usual, query, variables) == WANTED
    assert "errors" not in await house.ask(strong, query, variables)
    house.clock.ahead += timedelta(minutes=6)
    assert await refused(house, strong, query, variables) == WANTED
    assert "errors" not in await house.ask(strong, MINE)
    lines = await house.mongo.database["audit_events"].count_documents({"rule": "STEP_UP"})
    assert lines == 2


async def test_what_closes_a_book_needs_no_more_than_reading(house: House) -> None:
    """A passcode, a restriction, a withdrawal: nobody is kept from closing what is theirs."""
    await house.submit(await house.facility(FACILITY), visit_file())
    strong, usual = await signed_in(house, "3"), await signed_in(house, "2")
    given = (await house.data(strong, GIVE, permit()))["giveConsent"]["consent"]["id"]
    record = (await house.data(usual, MINE))["myHealthBook"]["timeline"]["nodes"][0]["id"]

    guarded = await house.ask(usual, START, {"show": {"sections": ["CONDITIONS"], "passcode": "2468"}})
    withdrawn = await house.ask(usual, "mutation($id: ID!) { withdrawConsent(id: $id) { id } }", {"id": given})
    hidden = await house.ask(usual, HIDE, {"id": record})

    assert [answer.get("errors") for answer in (guarded, withdrawn, hidden)] == [None, None, None]


async def test_what_keeps_somebody_out_is_ended_by_a_fresh_and_strong_login_alone(house: House) -> None:
    await house.submit(await house.facility(FACILITY), visit_file())
    usual, strong = await signed_in(house, "2"), await signed_in(house, "3")
    record = (await house.data(usual, MINE))["myHealthBook"]["timeline"]["nodes"][0]["id"]
    hiding = (await house.data(usual, HIDE, {"id": record}))["restrictRecord"]["id"]

    assert await refused(house, usual, SHOW, {"id": record}) == WANTED
    by_its_id = "mutation($id: ID!) { withdrawConsent(id: $id) { id } }"
    assert await refused(house, usual, by_its_id, {"id": hiding}) == WANTED
    assert "errors" not in await house.ask(strong, SHOW, {"id": record})


async def test_the_app_asks_for_what_it_was_told_and_gets_it_or_a_clear_no(house: House) -> None:
    asked = {"acr_values": str(WANTED["acrValues"]), "max_age": str(WANTED["maxAge"])}

    strong = await signed_in(house, "3", **asked)
    weak = await house.sign_in("stepping", {**CLAIMS, "acr": "2"}, asked)

    assert "errors" not in await house.ask(strong, GIVE, permit())
    assert (weak["error"], weak["error_code"]) == ("unmet_authentication_requirements", "LOGIN_LEVEL_TOO_LOW")


@pytest.mark.parametrize("asked", [{"acr_values": "9"}, {"acr_values": "3 x"}, {"max_age": "-1"}, {"max_age": "1e9"}])
async def test_a_wish_that_is_none_is_refused_before_anybody_is_sent_anywhere(
    house: House, asked: dict[str, str]
) -> None:
    fitting = {
        "client_id": CLIENT,
        "redirect_uri": REDIRECT,
        "code_challenge": "x" * 43,
        "code_challenge_method": "S256",
        "state": "app-state",
    }

    assert (await house.http.get("/auth/login", params=fitting)).status_code == 303
    assert (await house.http.get("/auth/login", params={**fitting, **asked})).status_code == 400
