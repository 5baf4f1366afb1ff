"""The eID provider on the wire: its metadata, its keys, its token and userinfo endpoints.

Owns fetching, caching and the translation of httpx2's errors. Leaves every judgement about a login to `oidc`.

Decision: authlib for the request that the browser carries (`oidc`) and for PKCE (`tokens`), plain httpx2 for our
own calls, not authlib's AsyncOAuth2Client. That client keeps the last token as its own state, so
it cannot be shared by two logins; it does not form-encode the client's secret (RFC 6749 section 2.3.1); and the
next steps (PAR, DPoP, an assertion addressed to the issuer) are not in it. What is left is one POST.

The one invariant: nothing is asked over plain HTTP, except on this machine or by an explicit setting.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote_plus, urlsplit

import httpx2

from auth.errors import IssuerMismatch, LoginDenied, ProviderUnavailable
from auth.jws import ASYMMETRIC, Unverified, VerificationKey, keys_for, signed, verification_keys
from auth.tokens import random_text
from ehb.errors import Misconfigured

_log = logging.getLogger(__name__)
_KEPT = timedelta(hours=1)
_PAUSE = timedelta(seconds=30)
"""How long an unknown key id must wait before it may make us fetch the keys again."""
_REST = timedelta(seconds=5)
"""How long a provider that did not answer is left alone, so that logins do not queue for its timeout."""
_NEVER = datetime.min.replace(tzinfo=UTC)
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_ASSERTION_LIFE = 60
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

Clock = Callable[[], datetime]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class EidConfig:
    """Everything that differs between one eID provider and another."""

    issuer: str
    client_id: str
    callback_url: str
    client_secret: str | None = field(default=None, repr=False)
    client_key: Mapping[str, Any] | None = field(default=None, repr=False)
    """A private JWK: we then authenticate by private_key_jwt instead of a secret."""
    client_key_alg: str = "ES256"
    scope: str = "openid profile"
    national_id_claim: str = "SoDinhDanh"
    old_national_id_claim: str = "SoCMND"
    name_claim: str = "HoVaTen"
    birth_date_claim: str = "birthdate"
    level_claim: str = "acr"
    level_map: Mapping[str, int] = field(default_factory=dict)
    default_level: int = 0
    """The level of a login whose level claim is absent or unknown."""
    id_token_algs: tuple[str, ...] = ("RS256", "ES256", "PS256")
    timeout: float = 10.0
    leeway: int = 30
    allow_http: bool = False

    def __post_init__(self) -> None:
        if not _is_safe(self.issuer, self.allow_http):
            raise Misconfigured(en="The eID issuer must be an https URL.", vi="Địa chỉ eID phải dùng https.")
        if not self.id_token_algs or not set(self.id_token_algs) <= ASYMMETRIC:
            raise Misconfigured(
                vi="eID chỉ được ký bằng RS*, PS* hoặc ES*.", en="The eID may sign with RS*, PS* or ES* only."
            )


class Provider:
    """One provider, with one pool of connections; close it when the app ends."""

    def __init__(self, config: EidConfig, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._http = httpx2.AsyncClient(timeout=config.timeout)
        self._lock = asyncio.Lock()
        self._metadata: Json | None = None
        self._keys: list[VerificationKey] = []
        self._metadata_at = self._keys_at = self._failed_at = _NEVER

    async def close(self) -> None:
        await self._http.aclose()

    async def metadata(self) -> Json:
        """The discovery document, at most an hour old. Raises IssuerMismatch when it names another issuer."""
        async with self._lock:
            now = self._clock()
            if self._metadata is None or now - self._metadata_at > _KEPT:
                if now - self._failed_at < _REST:
                    raise ProviderUnavailable
                self._failed_at = now
                self._metadata = await self._discover()
                self._metadata_at, self._failed_at = now, _NEVER
            return self._metadata

    async def keys_for(self, token: Unverified) -> list[VerificationKey]:
        """The provider's keys that may have signed this token; an unknown key id fetches them once more."""
        metadata = await self.metadata()
        async with self._lock:
            age = self._clock() - self._keys_at
            if age > _KEPT or (age > _PAUSE and not keys_for(token, self._keys)):
                answer = await self._get(metadata["jwks_uri"])
                listed = answer.get("keys")
                self._keys = verification_keys(listed if isinstance(listed, list) else [])
                self._keys_at = self._clock()
            return keys_for(token, self._keys)

    async def redeem(self, code: str, verifier: str) -> Json:
        """Exchange the eID's code (RFC 6749 section 4.1.3, RFC 7636). Raises LoginDenied when it is refused."""
        metadata = await self.metadata()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._config.callback_url,
            "code_verifier": verifier,
        }
        headers = {"Accept": "application/json"} | self._authenticate(form)
        response = await self._send("POST", metadata["token_endpoint"], data=form, headers=headers)
        answer = _json(response)
        if response.status_code == 200 and isinstance(answer.get("id_token"), str):
            return answer
        if answer.get("error") == "invalid_grant":
            raise LoginDenied
        _log.error("the eID refused our token request with status %d", response.status_code)
        raise ProviderUnavailable

    async def userinfo(self, access_token: str) -> Json:
        """The claims of the userinfo endpoint (OpenID Connect Core section 5.3); empty when there is none."""
        endpoint = (await self.metadata()).get("userinfo_endpoint")
        if not isinstance(endpoint, str) or not _is_safe(endpoint, self._config.allow_http):
            return {}
        return await self._get(endpoint, headers={"Authorization": f"Bearer {access_token}"})

    async def _discover(self) -> Json:
        document = await self._get(f"{self._config.issuer.rstrip('/')}/.well-known/openid-configuration")
        if document.get("issuer") != self._config.issuer:
            _log.error("the eID's metadata names another issuer than the configured one")
            raise IssuerMismatch
        for name in _ENDPOINTS:
            endpoint = document.get(name)
            if not isinstance(endpoint, str) or not _is_safe(endpoint, self._config.allow_http):
                _log.error("the eID's metadata has no usable %s", name)
                raise ProviderUnavailable
        return document

    def _authenticate(self, form: dict[str, str]) -> dict[str, str]:
        """Add our client authentication to the form, or return it as a header."""
        config = self._config
        if config.client_key is not None:
            now = int(self._clock().timestamp())
            claims = {"iss": config.client_id, "sub": config.client_id, "aud": config.issuer, "iat": now}
            claims |= {"exp": now + _ASSERTION_LIFE, "jti": random_text()}
            form["client_assertion_type"] = JWT_BEARER
            form["client_assertion"] = signed(claims, config.client_key, config.client_key_alg)
            return {}
        if config.client_secret is None:
            form["client_id"] = config.client_id
            return {}
        pair = f"{quote_plus(config.client_id)}:{quote_plus(config.client_secret)}"
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}

    async def _get(self, url: str, headers: Mapping[str, str] | None = None) -> Json:
        response = await self._send("GET", url, headers={"Accept": "application/json", **(headers or {})})
        if response.status_code != 200:
            _log.error("the eID answered a GET with status %d", response.status_code)
            raise ProviderUnavailable
        return _json(response)

    async def _send(self, method: str, url: str, **options: Any) -> httpx2.Response:
        try:
            return await self._http.request(method, url, **options)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            _log.error("the eID does not answer: %s", type(error).__name__)
            raise ProviderUnavailable from None


def _json(response: httpx2.Response) -> Json:
    try:
        document = response.json()
    except (ValueError, RecursionError):
        raise ProviderUnavailable from None
    if not isinstance(document, dict):
        raise ProviderUnavailable
    return document


def _is_safe(url: str, allow_http: bool) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    if not host:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and (allow_http or _is_loopback(host)))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
