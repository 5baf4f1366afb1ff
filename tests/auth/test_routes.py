"""The HTTP of signing in: headers, problems, discovery, malformed requests."""

from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from auth.exchange import GRANT
from ehb.problems import language_of
from tests.auth.world import BASE, World, as_json


@pytest.mark.parametrize("path", ["/auth/login", "/auth/callback?state=x&code=y"])
async def test_nothing_of_a_login_is_cached_or_told_to_other_sites(world: World, path: str) -> None:
    refused = await world.browser.get(path)
    begun = await world.begin()

    for answer in (refused, begun):
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"


async def test_a_browser_gets_a_page_in_both_languages_that_loads_nothing(world: World) -> None:
    page = await world.browser.get("/auth/callback", headers={"Accept": "text/html", "Accept-Language": "vi"})

    assert page.status_code == 400
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert "Hãy đăng nhập lại" in page.text
    assert "Start again from the app" in page.text
    assert "LOGIN_STATE_INVALID" in page.text


async def test_a_problem_shows_nothing_of_the_request(world: World) -> None:
    mark = "<script>mark</script>"

    page = await world.browser.get("/auth/login", params={"redirect_uri": mark}, headers={"Accept": "text/html"})
    problem = await world.browser.get("/auth/callback", params={"state": mark, "code": mark})

    assert "mark" not in page.text + problem.text


async def test_discovery_names_our_endpoints_and_methods(world: World) -> None:
    told = as_json(await world.phone.get("/.well-known/smart-configuration"))

    assert told["issuer"] == BASE
    assert told["token_endpoint"] == f"{BASE}/auth/token"
    assert told["authorization_endpoint"] == f"{BASE}/auth/login"
    assert told["revocation_endpoint"] == f"{BASE}/auth/revoke"
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert set(told["grant_types_supported"]) == {"authorization_code", "refresh_token", "client_credentials", GRANT}
    assert told["dpop_signing_alg_values_supported"] == ["ES256"]
    assert {"RS384", "ES384"} <= set(told["token_endpoint_auth_signing_alg_values_supported"])
    assert "client-confidential-asymmetric" in told["capabilities"]
    assert as_json(await world.phone.get("/.well-known/oauth-authorization-server")) == told


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "x", "client_id": "ehb-mobile"}, "invalid_grant"),
        ({"grant_type": "client_credentials"}, "invalid_client"),
        ({f"field{n}": "x" for n in range(40)}, "invalid_request"),
        ({"grant_type": "x" * 40_000}, "invalid_request"),
    ],
)
async def test_a_faulty_token_request_gets_the_error_of_rfc_6749(
    world: World, form: dict[str, str], error: str
) -> None:
    refused = await world.phone.post("/auth/token", data=form)

    assert refused.status_code in (400, 401)
    assert as_json(refused)["error"] == error
    assert as_json(refused)["code"]
    assert refused.headers["cache-control"] == "no-store"


async def test_a_field_given_twice_is_refused(world: World, code: str) -> None:
    body = f"grant_type=authorization_code&code={code}&code={code}"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    refused = await world.phone.post("/auth/token", content=body, headers=headers)

    assert as_json(refused)["error"] == "invalid_request"


@pytest.mark.parametrize("kind", ["application/json", "text/plain", ""])
async def test_a_token_request_is_a_form(world: World, kind: str) -> None:
    refused = await world.phone.post("/auth/token", content=b"grant_type=password", headers={"Content-Type": kind})

    assert as_json(refused)["error"] == "invalid_request"


async def test_bytes_that_are_no_text_are_refused(world: World) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    refused = await world.phone.post("/auth/token", content=b"grant_type=\xff", headers=headers)

    assert as_json(refused)["error"] == "invalid_request"


async def test_tokens_are_never_in_an_address(world: World) -> None:
    assert (await world.phone.get("/auth/token")).status_code == 405
    assert (await world.phone.get("/auth/revoke")).status_code == 405


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        ("", "vi"),
        ("fr", "vi"),
        ("en", "en"),
        ("en-US,vi", "en"),
        ("vi,en", "vi"),
        ("en;q=0.4, vi;q=0.9", "vi"),
        ("vi;q=0, en", "en"),
        ("en;q=many", "vi"),
    ],
)
def test_vietnamese_comes_first_unless_english_is_wanted_more(wanted: str, language: str) -> None:
    assert language_of(Headers({"Accept-Language": wanted})) == language
