"""npm oidc-provider as the eID of a whole house behind a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import uvicorn
from pydantic import SecretStr

from auth.eid_keys import write_keys
from auth.tokens import random_text, s256
from ehb.app import create_app
from ehb.settings import EidSettings, Settings
from ehb.store.vault import Keys
from tests.external.node import HERE, NODE
from tests.house import CLIENT, REDIRECT, Clock

PERSON = {"SoDinhDanh": "999203000001", "HoVaTen": "Nguyễn Văn Thử", "birthdate": "1990-01-02"}
SUBJECT = "someone"
ENCRYPTED = {"alg": "ECDH-ES+A256KW", "enc": "A256GCM"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Eid:
    """A provider and a house that trusts it."""

    base: str
    issuer: str
    http: httpx2.AsyncClient
    clock: Clock = field(default_factory=Clock)

    async def who(self, **said: Any) -> list[dict[str, Any]]:
        """Say who signs in next and how; gives what was asked of the provider since the last time."""
        answer = await self.http.post(f"{self.issuer}/control", json=said)
        requests: list[dict[str, Any]] = answer.json()["requests"]
        return requests

    async def login(self, browser: httpx2.AsyncClient | None = None, **asked: str) -> dict[str, str]:
        """Walk a browser from the app through the eID and back; what the app is told, and its verifier."""
        verifier = random_text()
        if browser is not None:
            return await self._walk(browser, verifier, asked)
        async with httpx2.AsyncClient() as fresh:
            return await self._walk(fresh, verifier, asked)

    async def _walk(self, browser: httpx2.AsyncClient, verifier: str, asked: Mapping[str, str]) -> dict[str, str]:
        answer = await browser.get(
            f"{self.base}/auth/login",
            params={
                "client_id": CLIENT,
                "redirect_uri": REDIRECT,
                "code_challenge": s256(verifier),
                "code_challenge_method": "S256",
                "state": "app-state",
                **asked,
            },
        )
        for _ in range(12):
            location = answer.headers.get("location")
            assert location, answer.text
            location = str(answer.url.join(location))
            if location.startswith(REDIRECT):
                told = parse_qs(urlsplit(location).query)
                return {"verifier": verifier, **{name: values[0] for name, values in told.items()}}
            answer = await browser.get(location)
        raise AssertionError("the browser walks in a circle")

    async def tokens(self, told: Mapping[str, str]) -> dict[str, Any]:
        """Redeem our code as the app does."""
        assert "code" in told, told
        form = {"grant_type": "authorization_code", "client_id": CLIENT, "redirect_uri": REDIRECT}
        form |= {"code": told["code"], "code_verifier": told["verifier"]}
        granted: dict[str, Any] = (await self.http.post(f"{self.base}/auth/token", data=form)).json()
        return granted

    async def me(self, token: str) -> dict[str, Any]:
        """Who the house believes that this is."""
        answer = await self.http.post(
            f"{self.base}/graphql",
            json={"query": "{ me { kind name assuranceLevel } }"},
            headers={"Authorization": f"Bearer {token}", "Accept-Language": "en"},
        )
        said: dict[str, Any] = answer.json()
        return said


@contextlib.asynccontextmanager
async def running(mongo_uri: str, database: str, folder: Path, profile: str, **more: Any) -> AsyncIterator[Eid]:
    """Both started, the provider first; `more` goes to the provider."""
    ours, theirs = free_port(), free_port()
    base = f"http://127.0.0.1:{ours}"
    keys_file = folder / "eid-keys.json"
    write_keys(keys_file)
    client: dict[str, Any] = {
        "client_id": "ehb",
        "redirect_uris": [f"{base}/auth/callback"],
        "post_logout_redirect_uris": [f"{base}/auth/logged-out"],
        "backchannel_logout_uri": f"{base}/auth/backchannel-logout",
        "backchannel_logout_session_required": True,
        "id_token_signed_response_alg": "ES256",
    }
    eid: dict[str, Any] = {"client_id": "ehb", "level_map": {"1": 1, "2": 2, "3": 3}, "profile": profile}
    if profile == "fapi2":
        client |= {
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": "ES256",
            "jwks_uri": f"{base}/auth/client-jwks.json",
            "dpop_bound_access_tokens": True,
            "id_token_encrypted_response_alg": ENCRYPTED["alg"],
            "id_token_encrypted_response_enc": ENCRYPTED["enc"],
            "userinfo_signed_response_alg": "ES256",
            "userinfo_encrypted_response_alg": ENCRYPTED["alg"],
            "userinfo_encrypted_response_enc": ENCRYPTED["enc"],
        }
        eid["keys_file"] = keys_file
    else:
        client |= {"client_secret": "only for tests, and long enough for anybody"}
        eid["client_secret"] = SecretStr(client["client_secret"])
    given = {"port": theirs, "profile": profile, "clients": [client], "people": {SUBJECT: PERSON}, **more}
    process = await asyncio.create_subprocess_exec(
        NODE,
        HERE / "provider.mjs",
        json.dumps(given),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    issuer = json.loads(await asyncio.wait_for(process.stdout.readline(), 60))["issuer"]
    clock = Clock()
    settings = Settings(
        mongo_uri=SecretStr(mongo_uri),
        database=database,
        base_url=base,
        mobile_client_id=CLIENT,
        mobile_redirect_uris=(REDIRECT,),
        trusted_documents=False,
        eid=EidSettings(issuer=issuer, **eid),
    )
    server = uvicorn.Server(
        uvicorn.Config(create_app(settings, Keys.generate(), clock=clock), port=ours, log_config=None)
    )
    serving = asyncio.create_task(server.serve())
    try:
        async with httpx2.AsyncClient() as http:
            while not server.started:  # noqa: ASYNC110  uvicorn tells it by a flag
                await asyncio.sleep(0.01)
            yield Eid(base, issuer, http, clock)
    finally:
        server.should_exit = True
        await serving
        process.terminate()
        await process.communicate()


__all__ = ["PERSON", "SUBJECT", "Eid", "running"]
