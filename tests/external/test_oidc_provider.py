"""Our relying party against npm oidc-provider, a certified OpenID provider: plain, and in its FAPI 2.0 profile."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from pymongo.asynchronous.database import AsyncDatabase

from tests.external.eid import PERSON, SUBJECT, Eid, running
from tests.external.node import installed
from tests.house import CLIENT

pytestmark = installed


@pytest.fixture(params=["oidc", "fapi2"])
async def eid(
    request: pytest.FixtureRequest, mongo_uri: str, database: AsyncDatabase[dict[str, Any]], tmp_path: Path
) -> AsyncIterator[Eid]:
    async with running(mongo_uri, database.name, tmp_path, request.param) as started:
        yield started


@pytest.fixture
async def fapi(mongo_uri: str, database: AsyncDatabase[dict[str, Any]], tmp_path: Path) -> AsyncIterator[Eid]:
    async with running(mongo_uri, database.name, tmp_path, "fapi2", inUserinfo=True) as started:
        yield started


async def test_a_person_signs_in_and_out_at_a_certified_provider(eid: Eid) -> None:
    """Rows O1 to O5 and O10: code flow, level, and a logout at the eID that ends our session through the back."""
    await eid.who(sub=SUBJECT, acr="2")
    async with httpx2.AsyncClient() as browser:
        tokens = await eid.tokens(await eid.login(browser))
        me = await eid.me(tokens["access_token"])
        await _sign_out_at_the_eid(eid, browser)

    assert me["data"]["me"] == {"kind": "CITIZEN", "name": PERSON["HoVaTen"], "assuranceLevel": 2}
    gone = await eid.http.post(
        f"{eid.base}/graphql",
        json={"query": "{ me { kind } }"},
        headers={"Authorization": f"Bearer {tokens['access_token']}"},
    )
    assert gone.status_code == 401


async def _sign_out_at_the_eid(eid: Eid, browser: httpx2.AsyncClient) -> None:
    """Row O10: the page of the provider where the person confirms, which then tells us behind the browser's back."""
    metadata = (await browser.get(f"{eid.issuer}/.well-known/openid-configuration")).json()
    page = await browser.get(metadata["end_session_endpoint"], params={"client_id": "ehb"})
    secret = page.text.partition('name="xsrf" value="')[2].partition('"')[0]
    done = await browser.post(f"{metadata['end_session_endpoint']}/confirm", data={"xsrf": secret, "logout": "yes"})
    assert done.status_code in (200, 302, 303), done.text


async def test_fapi_pushes_the_request_proves_possession_and_reads_what_is_encrypted(fapi: Eid) -> None:
    """Rows O7, O8, O9 and O11: PAR, private_key_jwt, DPoP with the provider's nonce, nested tokens, signed userinfo."""
    await fapi.who(sub=SUBJECT, acr="2")

    tokens = await fapi.tokens(await fapi.login())

    assert (await fapi.me(tokens["access_token"]))["data"]["me"]["name"] == PERSON["HoVaTen"]
    asked = {one["path"]: one for one in await fapi.who()}
    assert asked["/request"]["dpop"]
    assert (asked["/token"]["dpop"], asked["/token"]["authorization"]) == (True, None)
    assert (asked["/me"]["dpop"], asked["/me"]["authorization"]) == (True, "DPoP")
    assert set(parse_qs(asked["/auth"]["query"])) == {"client_id", "request_uri"}  # the browser carries nothing else


async def test_a_stronger_login_is_asked_for_and_checked(eid: Eid) -> None:
    """Row O5: `acr_values` and `max_age` go to the eID, and its answer is judged by us, not by it."""
    await eid.who(sub=SUBJECT, acr="3")
    strong = await eid.tokens(await eid.login(acr_values="3", max_age="300"))
    await eid.who(sub=SUBJECT, acr="2")
    weak = await eid.login(acr_values="3")
    await eid.who(sub=SUBJECT, acr="3", ago=4000)
    old = await eid.login(acr_values="3", max_age="300")

    assert (await eid.me(strong["access_token"]))["data"]["me"]["assuranceLevel"] == 3
    assert (weak["error"], weak["error_code"]) == ("unmet_authentication_requirements", "LOGIN_LEVEL_TOO_LOW")
    assert old["error_code"] == "LOGIN_LEVEL_TOO_LOW"


async def test_the_app_sends_the_browser_to_the_logout_of_the_provider(eid: Eid) -> None:
    """RP-Initiated Logout 1.0: the provider knows the address that we give, and where to send the browser back."""
    await eid.who(sub=SUBJECT, acr="2")
    async with httpx2.AsyncClient() as browser:
        tokens = await eid.tokens(await eid.login(browser))
        form = {"token": tokens["access_token"], "client_id": CLIENT}
        url = (await eid.http.post(f"{eid.base}/auth/logout", data=form)).json()["end_session_url"]
        page = await browser.get(url)

    assert page.status_code == 200
    assert parse_qs(urlsplit(url).query)["client_id"] == ["ehb"]
