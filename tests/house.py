"""The whole house for a test: the real app on a real mongod, with people and facilities who can sign in.

Owns the clicks and calls that a citizen's phone and a facility's system make. The one invariant: everything
goes through HTTP; only `mongo` looks behind the door, to check what lies there.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.applications import Starlette

from ehb.store.mongo import Mongo
from ehb.store.vault import Keys
from tests.providers import StandInProvider

BASE = "http://127.0.0.1:8000"
REDIRECT = "http://127.0.0.1:9/app"
CLIENT = "ehb-mobile"


@dataclass(slots=True)
class Clock:
    """The time by which the house lives: the real one, or `ahead` of it."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass(slots=True)
class House:
    """A running API, seen from outside."""

    app: Starlette
    http: httpx2.AsyncClient
    mongo: Mongo
    keys: Keys
    provider: StandInProvider
    facility_keys: dict[str, ECKey] = field(default_factory=dict)
    clock: Clock = field(default_factory=Clock)

    async def sign_in(
        self,
        subject: str,
        claims: Mapping[str, object],
        asked: Mapping[str, str] | None = None,
        proof: str | None = None,
    ) -> dict[str, Any]:
        """A whole eID login of a person on the app; gives the token response, or the error that the app gets.

        `asked` are parameters that the app adds, such as `acr_values`. A DPoP proof binds the tokens to its key.
        """
        self.provider.register(subject, {"acr": "3", **claims})
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        asked = {"code_challenge": challenge, **(asked or {})}
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(self.app), base_url=BASE) as browser:
            return await self._walk(browser, subject, verifier, asked, proof)

    async def _walk(
        self,
        browser: httpx2.AsyncClient,
        subject: str,
        verifier: str,
        asked: Mapping[str, str],
        proof: str | None,
    ) -> dict[str, Any]:
        begun = await browser.get(
            "/auth/login",
            params={
                "client_id": CLIENT,
                "redirect_uri": REDIRECT,
                "code_challenge_method": "S256",
                "state": "app-state",
                **asked,
            },
        )
        back = urlsplit(await self.provider.sign_in(begun.headers["location"], subject))
        finished = await browser.get(f"{back.path}?{back.query}")
        answer = parse_qs(urlsplit(finished.headers["location"]).query)
        if "code" not in answer:
            return {name: values[0] for name, values in answer.items()}
        tokens = await self.http.post(
            "/auth/token",
            data={
                "grant_type": "authorization_code",
                "client_id": CLIENT,
                "redirect_uri": REDIRECT,
                "code": answer["code"][0],
                "code_verifier": verifier,
            },
            headers={"DPoP": proof} if proof else {},
        )
        granted: dict[str, Any] = tokens.json()
        return granted

    async def citizen(self, national_id: str, name: str = "Nguyễn Thị Thử", **claims: object) -> str:
        """An access token of a person with this number."""
        subject = f"citizen-{hashlib.sha256(national_id.encode()).hexdigest()[:8]}"
        tokens = await self.sign_in(subject, {"SoDinhDanh": national_id, "HoVaTen": name, **claims})
        return str(tokens["access_token"])

    async def facility(self, code: str, proof: str | None = None) -> str:
        """An access token of a registered facility, bound to the key of a DPoP proof if there is one."""
        claims = {
            "iss": code,
            "sub": code,
            "aud": f"{BASE}/auth/token",
            "jti": secrets.token_hex(8),
            "exp": int(time.time()) + 120,
            "iat": int(time.time()),
        }
        assertion = jwt.encode({"alg": "ES256", "kid": code}, claims, self.facility_keys[code])
        answer = await self.http.post(
            "/auth/token",
            data={
                "grant_type": "client_credentials",
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "client_assertion": assertion,
            },
            headers={"DPoP": proof} if proof else {},
        )
        return str(answer.json()["access_token"])

    async def submit(self, token: str, body: bytes, *, dry_run: bool = False) -> httpx2.Response:
        """Send a visit file."""
        return await self.http.post(
            "/facility/submissions",
            params={"dry_run": "true"} if dry_run else {},
            content=body,
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/xml"},
        )

    async def ask(
        self, token: str | None, query: str, variables: Mapping[str, object] | None = None, language: str = "en"
    ) -> dict[str, Any]:
        """Ask GraphQL; gives the whole answer."""
        headers = {"Accept-Language": language}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        answer = await self.http.post("/graphql", json={"query": query, "variables": variables or {}}, headers=headers)
        asked: dict[str, Any] = answer.json()
        return asked

    async def data(self, token: str, query: str, variables: Mapping[str, object] | None = None) -> dict[str, Any]:
        """Ask GraphQL and expect no error."""
        answer = await self.ask(token, query, variables)
        assert "errors" not in answer, answer
        found: dict[str, Any] = answer["data"]
        return found
