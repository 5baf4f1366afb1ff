"""Codes, access tokens and refresh tokens of a citizen's session."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from auth.errors import CodeInvalid
from auth.sessions import Sessions
from auth.tokens import new_name, new_token
from ehb.domain.session import Session
from ehb.store.sessions import SignIns
from ehb.store.vault import Keys, Vault
from tests.auth.world import APP, REDIRECT_URI, VERIFIER, World, as_json

Tokens = dict[str, Any]


async def test_a_code_answers_with_a_short_access_token_and_a_refresh_token(world: World, code: str) -> None:
    answer = await world.redeem(code)

    assert answer.status_code == 200
    assert as_json(answer)["expires_in"] == 600
    assert as_json(answer)["token_type"] == "Bearer"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["pragma"] == "no-cache"


async def test_a_second_use_of_a_code_ends_what_the_first_one_opened(world: World, code: str) -> None:
    """Row A1."""
    tokens = as_json(await world.redeem(code))

    again = await world.redeem(code)

    assert again.status_code == 400
    assert (as_json(again)["error"], as_json(again)["code"]) == ("invalid_grant", "CODE_INVALID")
    assert (await world.whoami(tokens["access_token"])).status_code == 401
    assert as_json(await world.refresh(tokens["refresh_token"]))["code"] == "SESSION_ENDED"


async def test_of_many_uses_of_a_code_at_once_no_session_is_left(world: World, code: str) -> None:
    answers = await asyncio.gather(*(world.redeem(code) for _ in range(8)))

    opened = [as_json(answer) for answer in answers if answer.status_code == 200]
    assert len(opened) <= 1
    for tokens in opened:
        assert (await world.whoami(tokens["access_token"])).status_code == 401


class SlowToOpen(SignIns):
    """A worker that stops between spending a code and opening its session."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]]) -> None:
        super().__init__(database, Vault(Keys.generate()))
        self.waiting, self.go_on = asyncio.Event(), asyncio.Event()

    async def open_session(self, session: Session) -> bool:
        self.waiting.set()
        await self.go_on.wait()
        return await super().open_session(session)


async def test_a_code_used_again_while_its_session_is_being_opened_opens_none(
    world: World, code: str, database: AsyncDatabase[dict[str, Any]]
) -> None:
    store = SlowToOpen(database)
    slow = Sessions(store, world.clock)
    first = asyncio.create_task(
        slow.redeem(code, client_id=APP.client_id, redirect_uri=REDIRECT_URI, verifier=VERIFIER)
    )
    await store.waiting.wait()

    second = await world.redeem(code)
    store.go_on.set()

    assert second.status_code == 400
    with pytest.raises(CodeInvalid):
        await first


@pytest.mark.parametrize(
    "change",
    [
        {"code_verifier": "x" * 43},
        {"code_verifier": "short"},
        {"redirect_uri": "vn.test.app:/done?kind=native"},
        {"client_id": "another-app"},
    ],
)
async def test_a_code_is_bound_to_verifier_redirect_uri_and_client_and_spent_by_the_attempt(
    world: World, code: str, change: dict[str, str]
) -> None:
    wrong = await world.redeem(code, **change)
    right = await world.redeem(code)

    assert as_json(wrong)["code"] == "CODE_INVALID"
    assert as_json(right)["code"] == "CODE_INVALID"


@pytest.mark.parametrize("missing", ["code_verifier", "client_id", "redirect_uri"])
async def test_an_incomplete_request_does_not_spend_the_code(world: World, code: str, missing: str) -> None:
    incomplete = await world.redeem(code, **{missing: ""})
    complete = await world.redeem(code)

    assert as_json(incomplete)["error"] == "invalid_request"
    assert complete.status_code == 200


@pytest.mark.parametrize(("seconds", "status"), [(59, 200), (60, 400)])
async def test_a_code_lasts_sixty_seconds(world: World, code: str, seconds: int, status: int) -> None:
    """Row A1."""
    world.clock.advance(seconds=seconds)

    assert (await world.redeem(code)).status_code == status


async def test_a_refresh_gives_new_tokens_for_the_same_session(world: World, tokens: Tokens) -> None:
    fresh = as_json(await world.refresh(tokens["refresh_token"]))

    before = as_json(await world.whoami(tokens["access_token"]))
    after = as_json(await world.whoami(fresh["access_token"]))
    assert fresh["refresh_token"] != tokens["refresh_token"]
    assert fresh["access_token"] != tokens["access_token"]
    assert before == after


@pytest.mark.parametrize(("seconds", "status"), [(599, 200), (600, 401)])
async def test_an_access_token_lasts_ten_minutes(world: World, tokens: Tokens, seconds: int, status: int) -> None:
    """Row A3."""
    world.clock.advance(seconds=seconds)

    assert (await world.whoami(tokens["access_token"])).status_code == status


async def test_an_old_refresh_token_kills_the_whole_family(world: World, tokens: Tokens) -> None:
    """Row A2."""
    fresh = as_json(await world.refresh(tokens["refresh_token"]))
    world.clock.advance(seconds=10)

    reused = await world.refresh(tokens["refresh_token"])

    assert (as_json(reused)["error"], as_json(reused)["code"]) == ("invalid_grant", "SESSION_ENDED")
    assert (await world.whoami(tokens["access_token"])).status_code == 401
    assert (await world.whoami(fresh["access_token"])).status_code == 401
    assert as_json(await world.refresh(fresh["refresh_token"]))["code"] == "SESSION_ENDED"


async def test_an_app_that_lost_our_answer_may_ask_again_within_ten_seconds(world: World, tokens: Tokens) -> None:
    """Row A2."""
    await world.refresh(tokens["refresh_token"])
    world.clock.advance(seconds=9)

    retried = as_json(await world.refresh(tokens["refresh_token"]))

    assert (await world.whoami(retried["access_token"])).status_code == 200
    assert (await world.refresh(retried["refresh_token"])).status_code == 200


async def test_the_retry_works_once_and_kills_the_family_when_it_is_tried_again(world: World, tokens: Tokens) -> None:
    await world.refresh(tokens["refresh_token"])
    retried = as_json(await world.refresh(tokens["refresh_token"]))

    third = await world.refresh(tokens["refresh_token"])

    assert as_json(third)["code"] == "SESSION_ENDED"
    assert (await world.whoami(retried["access_token"])).status_code == 401


async def test_a_thief_who_used_the_grace_is_found_out_at_the_next_refresh(world: World, tokens: Tokens) -> None:
    ours = as_json(await world.refresh(tokens["refresh_token"]))
    stolen = as_json(await world.refresh(tokens["refresh_token"]))

    assert (await world.whoami(ours["access_token"])).status_code == 401
    assert as_json(await world.refresh(ours["refresh_token"]))["code"] == "SESSION_ENDED"
    assert (await world.whoami(stolen["access_token"])).status_code == 401


async def test_of_many_refreshes_at_once_at_most_one_chain_survives(world: World, tokens: Tokens) -> None:
    answers = await asyncio.gather(*(world.refresh(tokens["refresh_token"]) for _ in range(8)))

    good = [as_json(answer) for answer in answers if answer.status_code == 200]
    assert len(good) <= 2
    living = [one for one in good if (await world.refresh(one["refresh_token"])).status_code == 200]
    assert len(living) <= 1


async def test_a_session_ends_after_thirty_days_however_often_it_was_refreshed(world: World, tokens: Tokens) -> None:
    world.clock.advance(days=29, hours=23, minutes=55)
    last = as_json(await world.refresh(tokens["refresh_token"]))

    world.clock.advance(minutes=5)

    assert last["expires_in"] == 300
    assert (await world.whoami(last["access_token"])).status_code == 401
    assert as_json(await world.refresh(last["refresh_token"]))["code"] == "SESSION_ENDED"


async def test_a_refresh_token_in_the_hands_of_another_client_ends_the_session(world: World, tokens: Tokens) -> None:
    refused = await world.refresh(tokens["refresh_token"], client_id="another-app")

    assert as_json(refused)["code"] == "SESSION_ENDED"
    assert (await world.whoami(tokens["access_token"])).status_code == 401


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
async def test_a_revoked_session_is_refused_at_the_very_next_request(world: World, tokens: Tokens, which: str) -> None:
    """Row A8."""
    revoked = await world.phone.post("/auth/revoke", data={"token": tokens[which], "client_id": APP.client_id})

    assert revoked.status_code == 200
    assert (await world.whoami(tokens["access_token"])).status_code == 401
    assert as_json(await world.refresh(tokens["refresh_token"]))["code"] == "SESSION_ENDED"


async def test_revoking_a_foreign_or_unknown_token_looks_the_same_and_does_nothing(
    world: World, tokens: Tokens
) -> None:
    foreign = await world.phone.post("/auth/revoke", data={"token": tokens["access_token"], "client_id": "another-app"})
    unknown = await world.phone.post("/auth/revoke", data={"token": new_token(new_name()), "client_id": APP.client_id})

    assert (foreign.status_code, foreign.content) == (unknown.status_code, unknown.content) == (200, b"")
    assert (await world.whoami(tokens["access_token"])).status_code == 200


async def test_a_refresh_token_is_no_access_token_and_a_code_is_neither(
    world: World, code: str, tokens: Tokens
) -> None:
    assert (await world.whoami(tokens["refresh_token"])).status_code == 401
    assert (await world.whoami(code)).status_code == 401
