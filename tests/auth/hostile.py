"""An eID provider that lies on request: a real HTTP server that signs what a test tells it to.

Each test changes one thing of an otherwise correct provider; `behave()` puts everything back.
"""

from __future__ import annotations

import hmac
import json
import secrets
import socket
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import httpx2
import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.auth.world import World, parameters, path_and_query

Claims = dict[str, Any]
SUBJECT = "subject-of-the-hostile-provider"


class HostileProvider:
    """One server in one thread, with everything that a test may twist as an attribute."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.issuer = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.key = RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})
        self.behave()
        routes = [
            Route("/.well-known/openid-configuration", self._metadata),
            Route("/authorize", self._authorize),
            Route("/par", self._par, methods=["POST"]),
            Route("/token", self._token, methods=["POST"]),
            Route("/jwks", self._jwks),
            Route("/userinfo", self._userinfo),
        ]
        config = uvicorn.Config(Starlette(routes=routes), ws="none", lifespan="off", log_config=None, access_log=False)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)

    def behave(self) -> None:
        """An honest provider again."""
        self.published = self.key
        self.metadata: Claims = {}
        self.answer: dict[str, str | None] = {}
        self.claims: Claims = {}
        self.tokens: Claims = {}
        self.user: Claims = {}
        self.sign: Callable[[Claims], str] = self.honestly
        self.token_requests: list[dict[str, str]] = []
        self.par: Claims = {}
        self.pushed: list[dict[str, str]] = []
        self.proofs: list[str | None] = []
        self.authorizations: list[str | None] = []
        self.key_fetches = 0
        self.metadata_fetches = 0
        self._nonces: dict[str, str] = {}

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._socket.close()

    def honestly(self, claims: Claims) -> str:
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)

    def with_algorithm(self, algorithm: str, key: Any) -> Callable[[Claims], str]:
        registry = JWSRegistry(algorithms=[algorithm])
        return lambda claims: jwt.encode({"alg": algorithm, "kid": self.key.kid}, claims, key, registry=registry)

    async def _metadata(self, request: Request) -> Response:
        self.metadata_fetches += 1
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
                "pushed_authorization_request_endpoint": f"{self.issuer}/par",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
                "authorization_response_iss_parameter_supported": True,
                "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            }
            | self.metadata
        )

    async def _par(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        self.pushed.append(form)
        self.proofs.append(request.headers.get("dpop"))
        answer = {"request_uri": f"urn:ietf:params:oauth:request_uri:{len(self.pushed) - 1}", "expires_in": 60}
        return JSONResponse(answer | self.par, status_code=400 if "error" in self.par else 201)

    async def _authorize(self, request: Request) -> Response:
        pushed = request.query_params.get("request_uri")
        asked: Mapping[str, str] = self.pushed[int(pushed.rpartition(":")[2])] if pushed else request.query_params
        code = secrets.token_urlsafe(16)
        self._nonces[code] = asked["nonce"]
        honest: dict[str, str | None] = {"code": code, "state": asked["state"], "iss": self.issuer}
        answer = {name: value for name, value in (honest | self.answer).items() if value is not None}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(answer)}", status_code=302)

    async def _token(self, request: Request) -> Response:
        form = {name: str(value) for name, value in (await request.form()).items()}
        self.token_requests.append(form)
        self.proofs.append(request.headers.get("dpop"))
        self.authorizations.append(request.headers.get("authorization"))
        now = int(time.time())
        claims: Claims = {
            "iss": self.issuer,
            "sub": SUBJECT,
            "aud": "ehb",
            "iat": now,
            "exp": now + 300,
            "nonce": self._nonces[form["code"]],
            "SoDinhDanh": "999203000001",
            "HoVaTen": "Nguyễn Văn Thử",
            "acr": "2",
        }
        told = {name: value for name, value in (claims | self.claims).items() if value is not None}
        honest = {"access_token": "provider-access", "token_type": "Bearer", "id_token": self.sign(told)}
        return JSONResponse(honest | self.tokens, status_code=400 if "error" in self.tokens else 200)

    async def _jwks(self, request: Request) -> Response:
        self.key_fetches += 1
        return JSONResponse({"keys": [self.published.as_dict(private=False)]})

    async def _userinfo(self, request: Request) -> Response:
        self.authorizations.append(request.headers.get("authorization"))
        return JSONResponse({"sub": SUBJECT, **self.user})


async def walked(world: World) -> dict[str, str]:
    """A whole login at the hostile provider; what the app is told at its end."""
    location = (await world.begin()).headers["location"]
    if "/authorize?" in location:
        async with httpx2.AsyncClient() as browser:
            back = (await browser.get(location)).headers["location"]
        location = (await world.browser.get(path_and_query(back))).headers["location"]
    return parameters(location)


def hmac_signed(claims: Claims, secret: bytes, key_id: str) -> str:
    """HS256 by hand, because joserfc rightly refuses a public key as its secret (RFC 8725 section 2.1)."""
    parts = [{"alg": "HS256", "kid": key_id}, claims]
    text = ".".join(_base64url(json.dumps(part).encode()) for part in parts)
    return f"{text}.{_base64url(hmac.digest(secret, text.encode(), 'sha256'))}"


def _base64url(value: bytes) -> str:
    return urlsafe_b64encode(value).decode().rstrip("=")
