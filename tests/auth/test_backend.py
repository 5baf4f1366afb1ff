"""A bearer token becomes a principal, or a 401; never an anonymous call by mistake."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.datastructures import Headers

from auth.backend import Caller, TokenBackend
from auth.tokens import new_name, new_token
from ehb.domain.identity import ANONYMOUS, PrincipalKind
from ehb.errors import Unauthenticated
from tests.auth.world import World, as_json


async def test_no_header_is_an_anonymous_caller(world: World) -> None:
    answer = await world.whoami(None)

    assert as_json(answer)["kind"] == "ANONYMOUS"


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Bearer a b", "Basic YTpi", "Bearer nonsense", f"Bearer {'A' * 64}", "Bearer ü"]
)
async def test_a_header_that_leads_to_nobody_is_refused(world: World, header: str) -> None:
    refused = await world.phone.get("/whoami", headers=[(b"Authorization", header.encode())])

    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == 'Bearer error="invalid_token", DPoP algs="ES256"'
    assert refused.headers["content-type"] == "application/problem+json"
    assert as_json(refused) == {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "detail": "Bạn cần đăng nhập.",
        "code": "UNAUTHENTICATED",
    }


async def test_the_refusal_speaks_english_to_who_asks_for_it(world: World) -> None:
    refused = await world.phone.get(
        "/whoami", headers={"Authorization": "Bearer x", "Accept-Language": "en-GB,en;q=0.9,vi;q=0.5"}
    )

    assert as_json(refused)["detail"] == "You need to sign in."


async def test_two_headers_are_refused(world: World, tokens: dict[str, Any]) -> None:
    both = [("authorization", f"Bearer {tokens['access_token']}"), ("authorization", f"Bearer {new_token(new_name())}")]

    assert (await world.phone.get("/whoami", headers=both)).status_code == 401


async def test_the_scheme_is_not_case_sensitive(world: World, tokens: dict[str, Any]) -> None:
    headers = {"Authorization": f"bEARER {tokens['access_token']}"}

    assert (await world.phone.get("/whoami", headers=headers)).status_code == 200


async def test_a_token_in_the_address_is_not_read(world: World, tokens: dict[str, Any]) -> None:
    """Row A9."""
    answer = await world.phone.get("/whoami", params={"access_token": tokens["access_token"]})

    assert as_json(answer)["kind"] == "ANONYMOUS"


async def test_a_route_can_require_a_kind_of_caller(world: World, tokens: dict[str, Any]) -> None:
    facility = as_json(await world.assert_facility(world.assertion()))["access_token"]

    answers = [
        await world.phone.get("/citizens", headers={"Authorization": f"Bearer {token}"})
        for token in (tokens["access_token"], facility)
    ]

    assert [answer.status_code for answer in answers] == [200, 403]


async def test_the_principal_can_be_read_from_headers_alone(world: World, tokens: dict[str, Any]) -> None:
    backend = TokenBackend(world.sessions, world.proofs)

    given = Headers({"Authorization": f"Bearer {tokens['access_token']}"})
    principal, admitted = await backend.admit(given, method="GET", path="/graphql")

    assert principal.kind is PrincipalKind.CITIZEN
    assert admitted is not None
    assert await backend.principal_of(admitted) == principal
    assert await backend.admit(Headers({}), method="GET", path="/graphql") == (ANONYMOUS, None)
    with pytest.raises(Unauthenticated):
        await backend.admit(Headers({"Authorization": "Bearer x"}), method="GET", path="/graphql")


async def test_a_caller_is_named_by_a_pseudonym_that_is_no_part_of_a_token(
    world: World, tokens: dict[str, Any]
) -> None:
    session = as_json(await world.whoami(tokens["access_token"]))["session"]

    assert len(session) == 43
    assert session not in str(tokens)


def test_an_anonymous_caller_is_not_authenticated_and_nobody_has_a_name() -> None:
    caller = Caller(ANONYMOUS)

    assert (caller.is_authenticated, caller.display_name, caller.identity) == (False, "", "")
