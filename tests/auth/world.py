"""A small world for the tests of `auth`: the routes on a Starlette app, a browser, an app on a phone, a facility.

Only the clock, the register of facilities and the finding of a person are stood in for; the database, the
provider and the HTTP between them are real.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from pymongo.asynchronous.database import AsyncDatabase
from starlette.applications import Starlette
from starlette.authentication import requires
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from auth.backend import BearerBackend, unauthenticated
from auth.clients import FacilityAuthentication
from auth.logins import Logins, MobileClient
from auth.logout import LogoutTokens
from auth.logout_routes import logout_routes
from auth.oidc import EidConfig, RelyingParty
from auth.provider import JWT_BEARER
from auth.routes import auth_routes
from auth.sessions import Sessions
from auth.tokens import random_text, s256
from ehb.domain.identity import ElectronicIdentity, SignedIn
from ehb.domain.session import FacilityClient
from ehb.store.sessions import SignIns

BASE = "https://ehb.test"
APP = MobileClient("ehb-mobile", frozenset({"https://app.test/done", "vn.test.app:/done?kind=native"}))
REDIRECT_URI = "https://app.test/done"
VERIFIER = "the-verifier-of-the-app-is-long-enough-for-rfc-7636"
CLIENT_SECRET = "our secret: 100% + more"
APP_STATE = "state of the app"
SIGNED_IN = {"SoDinhDanh": "999203000001", "HoVaTen": "Nguyễn Văn Thử", "acr": "2", "birthdate": "1990-01-02"}

EC_KEY = ECKey.generate_key("P-384", {"kid": "ec", "use": "sig"})
RSA_KEY = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})
HOSPITAL = FacilityClient("hospital-system", "01001", (EC_KEY.as_dict(private=False), RSA_KEY.as_dict(private=False)))


class Clock:
    """Stands still until a test moves it. It starts now, because the provider lives in real time."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC).replace(microsecond=0)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


class Register:
    """The register of facilities' machines."""

    def __init__(self, *clients: FacilityClient) -> None:
        self.clients = {client.client_id: client for client in clients}

    async def find_client(self, client_id: str) -> FacilityClient | None:
        return self.clients.get(client_id)


class People:
    """Knows a person by (issuer, subject), and remembers what it was told."""

    def __init__(self) -> None:
        self.identities: list[ElectronicIdentity] = []
        self.refuse: Exception | None = None
        self.one_person = False
        """Whether all accounts are of one person."""

    async def sign_in(self, identity: ElectronicIdentity) -> SignedIn:
        if self.refuse is not None:
            raise self.refuse
        self.identities.append(identity)
        whose = "one person" if self.one_person else f"{identity.issuer} {identity.subject}"
        return SignedIn(hashlib.sha256(whose.encode()).digest()[:16])


@requires("citizen")
async def only_citizens(request: Request) -> Response:
    return JSONResponse({})


async def whoami(request: Request) -> Response:
    principal = request.user.principal
    return JSONResponse(
        {
            "kind": principal.kind,
            "patient": principal.patient_id.hex() if principal.patient_id else None,
            "facility": principal.facility,
            "level": principal.assurance_level,
            "session": principal.session,
        }
    )


class World:
    """Everything wired as `ehb.app` wires it."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]], issuer: str, base: str = BASE, **eid: Any) -> None:
        self.base = base
        self.clock = Clock()
        self.people = People()
        self.register = Register(HOSPITAL)
        store = SignIns(database)
        config = {"client_secret": CLIENT_SECRET, "level_map": {"1": 1, "2": 2}, **eid}
        callback, logged_out = f"{base}/auth/callback", f"{base}/auth/logged-out"
        settings = EidConfig(issuer=issuer, client_id="ehb", callback_url=callback, logged_out_url=logged_out, **config)
        self.eid = RelyingParty(settings, self.clock)
        self.sessions = Sessions(store, self.clock)
        logins = Logins(store, self.eid, self.sessions, self.people.sign_in, APP, base, self.clock)
        facilities = FacilityAuthentication(self.register, store, (f"{base}/auth/token", base), self.clock)
        routes = auth_routes(logins=logins, sessions=self.sessions, facilities=facilities, base_url=base)
        logout_tokens = LogoutTokens(self.eid.tokens, issuer, store, self.clock)
        routes += logout_routes(
            sessions=self.sessions, eid=self.eid, logout_tokens=logout_tokens, client_jwks=settings.public_jwks
        )
        backend = BearerBackend(self.sessions)
        self.app = Starlette(
            routes=[*routes, Route("/whoami", whoami), Route("/citizens", only_citizens)],
            middleware=[Middleware(AuthenticationMiddleware, backend=backend, on_error=unauthenticated)],
        )
        self.browser = self.new_browser()
        self.phone = self.new_browser()

    def new_browser(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(self.app), base_url=self.base)

    async def close(self) -> None:
        await self.browser.aclose()
        await self.phone.aclose()
        await self.eid.close()

    async def begin(self, **changes: str | None) -> httpx2.Response:
        """The app opens the browser at our login."""
        asked: dict[str, str | None] = {
            "client_id": APP.client_id,
            "redirect_uri": REDIRECT_URI,
            "code_challenge": s256(VERIFIER),
            "code_challenge_method": "S256",
            "state": APP_STATE,
        }
        params = {name: value for name, value in (asked | changes).items() if value is not None}
        return await self.browser.get("/auth/login", params=params)

    async def redeem(self, code: str, **changes: str) -> httpx2.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": APP.client_id,
            "redirect_uri": REDIRECT_URI,
            "code_verifier": VERIFIER,
        }
        return await self.phone.post("/auth/token", data=form | changes)

    async def refresh(self, token: str, client_id: str = APP.client_id) -> httpx2.Response:
        form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": client_id}
        return await self.phone.post("/auth/token", data=form)

    async def whoami(self, token: str | None) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        return await self.phone.get("/whoami", headers=headers)

    async def assert_facility(self, assertion: str, **more: str) -> httpx2.Response:
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": JWT_BEARER,
            "client_assertion": assertion,
        }
        return await self.phone.post("/auth/token", data=form | more)

    def assertion(
        self,
        key: ECKey | RSAKey = EC_KEY,
        algorithm: str = "ES384",
        **changes: object,
    ) -> str:
        """What a facility's own software signs; None leaves a claim out."""
        now = int(self.clock().timestamp())
        claims: dict[str, object] = {
            "iss": HOSPITAL.client_id,
            "sub": HOSPITAL.client_id,
            "aud": f"{BASE}/auth/token",
            "iat": now,
            "exp": now + 120,
            "jti": random_text(),
        }
        told = {name: value for name, value in (claims | changes).items() if value is not None}
        return jwt.encode({"alg": algorithm, "kid": key.kid}, told, key, algorithms=[algorithm])


def parameters(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def path_and_query(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def as_json(response: httpx2.Response) -> Mapping[str, Any]:
    document: Mapping[str, Any] = response.json()
    return document
