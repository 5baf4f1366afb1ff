"""A small world for the tests of `auth`: the routes on a Starlette app, a browser, an app on a phone, a facility.

Only the clock, the register of facilities and the finding of a person are stood in for; the database, the
provider and the HTTP between them are real.
"""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
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

from auth.attempts import Attempts
from auth.backend import TokenBackend, unauthenticated
from auth.clients import FacilityAuthentication
from auth.discovery import discovery_routes
from auth.dpop import Proofs
from auth.exchange import Exchange
from auth.key_sets import KeySets
from auth.logins import Logins, MobileClient
from auth.logout import LogoutTokens
from auth.logout_routes import logout_routes
from auth.oidc import EidConfig, RelyingParty
from auth.outside import Outside
from auth.provider import JWT_BEARER
from auth.routes import auth_routes
from auth.sessions import Sessions
from auth.token_endpoint import token_routes
from auth.tokens import random_text, s256
from ehb.domain.identity import ElectronicIdentity, PractitionerRole, SignedIn
from ehb.domain.session import FacilityClient
from ehb.store.budgets import Budgets
from ehb.store.mongo import Mongo
from ehb.store.sessions import SignIns
from ehb.store.vault import Keys, Vault

BASE = "https://ehb.test"
APP = MobileClient("ehb-mobile", frozenset({"https://app.test/done", "vn.test.app:/done?kind=native"}))
REDIRECT_URI = "https://app.test/done"
VERIFIER = "the-verifier-of-the-app-is-long-enough-for-rfc-7636"
SCOPES = ("system/*.c",)
CLIENT_SECRET = "our secret: 100% + more"
APP_STATE = "state of the app"
SIGNED_IN = {"SoDinhDanh": "999203000001", "HoVaTen": "Nguyễn Văn Thử", "acr": "2", "birthdate": "1990-01-02"}

EC_KEY = ECKey.generate_key("P-384", {"kid": "ec", "use": "sig"})
RSA_KEY = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})
P256_KEY = ECKey.generate_key("P-256", {"kid": "p256", "use": "sig"})
HOSPITAL = FacilityClient(
    "hospital-system", "01001", tuple(key.as_dict(private=False) for key in (EC_KEY, RSA_KEY, P256_KEY))
)


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
        self.roles: tuple[PractitionerRole, ...] = ()
        self.one_person = False
        """Whether all accounts are of one person."""

    async def sign_in(self, identity: ElectronicIdentity) -> SignedIn:
        if self.refuse is not None:
            raise self.refuse
        self.identities.append(identity)
        whose = "one person" if self.one_person else f"{identity.issuer} {identity.subject}"
        return SignedIn(hashlib.sha256(whose.encode()).digest()[:16], self.roles)


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
            "roles": [f"{role.licence}@{role.facility}" for role in principal.roles],
            "role": principal.role.facility if principal.role else None,
            "actor": principal.actor,
        }
    )


class World:
    """Everything wired as `ehb.app` wires it."""

    def __init__(
        self,
        database: AsyncDatabase[dict[str, Any]],
        issuer: str,
        base: str = BASE,
        outside: Outside | None = None,
        **eid: Any,
    ) -> None:
        self.base = base
        self.clock = Clock()
        self.people = People()
        self.lapsed: set[PractitionerRole] = set()
        self.register = Register(HOSPITAL)
        store = SignIns(database, Vault(Keys.generate()))
        config = {"client_secret": CLIENT_SECRET, "level_map": {"1": 1, "2": 2}, **eid}
        callback, logged_out = f"{base}/auth/callback", f"{base}/auth/logged-out"
        settings = EidConfig(issuer=issuer, client_id="ehb", callback_url=callback, logged_out_url=logged_out, **config)
        self.eid = RelyingParty(settings, self.clock)
        self.sessions = Sessions(store, self.clock)
        logins = Logins(store, self.eid, self.sessions, self.people.sign_in, APP, base, self.clock)
        key_sets = KeySets(outside or Outside(), self.clock)
        audiences = (f"{base}/auth/token", base)
        facilities = FacilityAuthentication(self.register, store, audiences, self.clock, key_sets)
        attempts = Attempts(Budgets(Mongo(database.client, database)), self.clock)
        self.proofs = Proofs(store, base, self.clock)
        routes = auth_routes(logins=logins, attempts=attempts, base_url=base)
        exchange = Exchange(store, self.proofs, self.role_in_force, base, self.clock)
        routes += token_routes(
            sessions=self.sessions,
            facilities=facilities,
            proofs=self.proofs,
            exchange=exchange,
            attempts=attempts,
            scopes=SCOPES,
        )
        routes += discovery_routes(base_url=base, scopes=SCOPES)
        logout_tokens = LogoutTokens(self.eid.tokens, issuer, store, self.clock)
        routes += logout_routes(
            sessions=self.sessions, eid=self.eid, logout_tokens=logout_tokens, client_jwks=settings.public_jwks
        )
        backend = TokenBackend(self.sessions, self.proofs)
        self.app = Starlette(
            routes=[*routes, Route("/whoami", whoami), Route("/citizens", only_citizens)],
            middleware=[Middleware(AuthenticationMiddleware, backend=backend, on_error=unauthenticated)],
        )
        self.browser = self.new_browser()
        self.phone = self.new_browser()

    async def role_in_force(self, role: PractitionerRole) -> bool:
        return role not in self.lapsed

    def new_browser(self, address: str = "127.0.0.1") -> httpx2.AsyncClient:
        """A browser or an app at this address."""
        transport = httpx2.ASGITransport(self.app, client=(address, 50_000))
        return httpx2.AsyncClient(transport=transport, base_url=self.base)

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

    async def redeem(self, code: str, proof: str | None = None, **changes: str) -> httpx2.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": APP.client_id,
            "redirect_uri": REDIRECT_URI,
            "code_verifier": VERIFIER,
        }
        return await self.phone.post("/auth/token", data=form | changes, headers=_with(proof))

    async def refresh(self, token: str, client_id: str = APP.client_id, proof: str | None = None) -> httpx2.Response:
        form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": client_id}
        return await self.phone.post("/auth/token", data=form, headers=_with(proof))

    async def whoami(self, token: str | None) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        return await self.phone.get("/whoami", headers=headers)

    async def whoami_with(self, token: str, *proofs: str, scheme: str = "DPoP") -> httpx2.Response:
        """The same, with proofs of possession."""
        headers = [("Authorization", f"{scheme} {token}"), *(("DPoP", proof) for proof in proofs)]
        return await self.phone.get("/whoami", headers=headers)

    def proof(self, key: ECKey, token: str | None = None, **changes: object) -> str:
        """What an app signs to prove possession of its key: for the token endpoint, or with a token for /whoami."""
        return proof_by(
            key,
            "POST" if token is None else "GET",
            f"{self.base}/auth/token" if token is None else f"{self.base}/whoami",
            self.clock(),
            token,
            **changes,
        )

    async def assert_facility(self, assertion: str, proof: str | None = None, **more: str) -> httpx2.Response:
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": JWT_BEARER,
            "client_assertion": assertion,
        }
        return await self.phone.post("/auth/token", data=form | more, headers=_with(proof))

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


def proof_by(key: ECKey, method: str, url: str, now: datetime, token: str | None = None, **changes: object) -> str:
    """A DPoP proof (RFC 9449 section 4.2), by hand, because the library refuses to write wrong ones.

    `header` changes the header; None leaves a claim out.
    """
    header: dict[str, object] = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=False)}
    claims: dict[str, object] = {"htm": method, "htu": url, "iat": int(now.timestamp()), "jti": random_text()}
    if token is not None:
        claims["ath"] = s256(token)
    more = changes.pop("header", {})
    assert isinstance(more, dict)
    parts = [
        {name: value for name, value in one.items() if value is not None} for one in (header | more, claims | changes)
    ]
    text = ".".join(_base64url(json.dumps(_told(part)).encode()) for part in parts)
    private = key.private_key
    assert private is not None
    r, s = decode_dss_signature(private.sign(text.encode(), ECDSA(SHA256())))
    size = (private.key_size + 7) // 8
    return f"{text}.{_base64url(r.to_bytes(size, 'big') + s.to_bytes(size, 'big'))}"


def _told(part: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in part.items() if value is not None}


def _base64url(value: bytes) -> str:
    return urlsafe_b64encode(value).decode().rstrip("=")


def _with(proof: str | None) -> dict[str, str]:
    return {"DPoP": proof} if proof is not None else {}


def parameters(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def path_and_query(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def as_json(response: httpx2.Response) -> Mapping[str, Any]:
    document: Mapping[str, Any] = response.json()
    return document
