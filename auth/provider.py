"""The eID provider on the wire: its metadata, its keys, its PAR, token and userinfo endpoints.

Owns fetching, caching and the translation of httpx2's errors. Leaves every judgement about a login to `oidc`.

Decision: authlib for the request that the browser carries (`oidc`) and for PKCE (`tokens`), plain httpx2 for our
own calls, not authlib's AsyncOAuth2Client. That client keeps the last token as its own state, so
it cannot be shared by two logins; it does not form-encode the client's secret (RFC 6749 section 2.3.1); and PAR
(RFC 9126), DPoP (RFC 9449) and an assertion addressed to the issuer are not in it. What is left is one POST.

The one invariant: nothing is asked over plain HTTP, except on this machine or by an explicit setting.
"""

from __future__ import annotations

import asyncio
import functools
import ssl
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

import httpx2

from auth.attempt import Attempt, ProofKey
from auth.eid_config import EidConfig, is_safe
from auth.errors import IssuerMismatch, LoginDenied, ProviderUnavailable
from auth.jws import Unverified, VerificationKey, keys_for, signed, verification_keys
from auth.tokens import random_text
from ehb.logs import log
from ehb.traces import say, span

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


@functools.cache
def _trust() -> ssl.SSLContext:
    """The certificates that this machine trusts: reading them takes 40 ms."""
    return httpx2.create_ssl_context()


class Provider:
    """One provider, with one pool of connections; close it when the app ends."""

    def __init__(self, config: EidConfig, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._http = httpx2.AsyncClient(verify=_trust(), timeout=config.timeout)
        self._lock = asyncio.Lock()
        self._metadata: Json | None = None
        self._proof_nonce: str | None = None
        """The last nonce that the provider wants in our proofs (RFC 9449 section 8)."""
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
                answer = await self._get("jwks", metadata["jwks_uri"])
                listed = answer.get("keys")
                self._keys = verification_keys(listed if isinstance(listed, list) else [])
                self._keys_at = self._clock()
            return keys_for(token, self._keys)

    async def pushes(self) -> bool:
        """Whether logins are pushed: FAPI 2.0 says so, or the provider does."""
        required = (await self.metadata()).get("require_pushed_authorization_requests") is True
        return self._config.is_fapi or required

    async def push(self, asked: Mapping[str, str], attempt: Attempt) -> str:
        """Hand over the parameters of a login behind the browser's back (RFC 9126); gives the `request_uri`."""
        endpoint = self._endpoint(await self.metadata(), "pushed_authorization_request_endpoint")
        response = await self._post("par", endpoint, asked, self._proof(attempt))
        request_uri = _json(response).get("request_uri")
        if response.status_code not in (200, 201) or not isinstance(request_uri, str) or not request_uri:
            log.error("the eID refused our pushed login", status=response.status_code)
            raise ProviderUnavailable
        return request_uri

    async def redeem(self, code: str, attempt: Attempt) -> Json:
        """Exchange the eID's code (RFC 6749 section 4.1.3, RFC 7636). Raises LoginDenied when it is refused."""
        metadata = await self.metadata()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._config.callback_url,
            "code_verifier": attempt.verifier,
        }
        proof = self._proof(attempt)
        response = await self._post("token", metadata["token_endpoint"], form, proof)
        answer = _json(response)
        if response.status_code == 200 and isinstance(answer.get("id_token"), str):
            if proof is not None and str(answer.get("token_type")).lower() != "dpop":
                log.error("the eID did not bind its access token to our key")
                raise ProviderUnavailable
            return answer
        if answer.get("error") == "invalid_grant":
            raise LoginDenied
        log.error("the eID refused our token request", status=response.status_code)
        raise ProviderUnavailable

    async def userinfo(self, access_token: str, attempt: Attempt) -> Json | str:
        """What the userinfo endpoint says (OpenID Connect Core section 5.3), empty when there is none.

        Text is a signed or encrypted token (`application/jwt`, section 5.3.2), which nobody has checked yet.
        """
        endpoint = (await self.metadata()).get("userinfo_endpoint")
        if not isinstance(endpoint, str) or not is_safe(endpoint, self._config.allow_http):
            return {}
        scheme = "DPoP" if self._config.is_fapi else "Bearer"
        headers = {"Accept": "application/json, application/jwt", "Authorization": f"{scheme} {access_token}"}
        proof = self._proof(attempt)
        response = await self._proven("userinfo", "GET", endpoint, proof, access_token, headers=headers)
        if response.status_code != 200:
            log.error("the eID's userinfo gave no answer", status=response.status_code)
            raise ProviderUnavailable
        if response.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/jwt":
            return response.text.strip()
        return _json(response)

    async def end_session_endpoint(self) -> str | None:
        """Where a browser ends its session at the eID (RP-Initiated Logout 1.0 section 2.1), if it can."""
        endpoint = (await self.metadata()).get("end_session_endpoint")
        return endpoint if isinstance(endpoint, str) and is_safe(endpoint, self._config.allow_http) else None

    async def _discover(self) -> Json:
        document = await self._get("discovery", f"{self._config.issuer.rstrip('/')}/.well-known/openid-configuration")
        if document.get("issuer") != self._config.issuer:
            log.error("the eID's metadata names another issuer than the configured one")
            raise IssuerMismatch
        for name in _ENDPOINTS:
            self._endpoint(document, name)
        return document

    def _endpoint(self, metadata: Json, name: str) -> str:
        endpoint = metadata.get(name)
        if not isinstance(endpoint, str) or not is_safe(endpoint, self._config.allow_http):
            log.error("the eID's metadata lacks something usable", claim=name)
            raise ProviderUnavailable
        return endpoint

    def _proof(self, attempt: Attempt) -> ProofKey | None:
        return attempt.proof_key if self._config.is_fapi else None

    async def _post(self, wanted: str, url: str, form: Mapping[str, str], proof: ProofKey | None) -> httpx2.Response:
        """A POST as the client that we are; signed anew for a second try, because an assertion is for one use."""

        def authenticated() -> dict[str, Any]:
            data = dict(form)
            headers = {"Accept": "application/json"} | self._authenticate(data)
            return {"data": data, "headers": headers}

        return await self._proven(wanted, "POST", url, proof, None, again=authenticated)

    async def _proven(
        self,
        wanted: str,
        method: str,
        url: str,
        proof: ProofKey | None,
        token: str | None,
        *,
        again: Callable[[], dict[str, Any]] | None = None,
        **options: Any,
    ) -> httpx2.Response:
        """A request with a proof of possession, once more when the provider wants another nonce in it."""
        for is_last in (False, True):
            sent = again() if again is not None else dict(options)
            if proof is not None:
                made = proof.proof(method, url, int(self._clock().timestamp()), nonce=self._proof_nonce, token=token)
                sent["headers"] = {**sent["headers"], "DPoP": made}
            response = await self._send(wanted, method, url, **sent)
            fresh, before = response.headers.get("dpop-nonce"), self._proof_nonce
            self._proof_nonce = fresh or before
            if proof is None or is_last or response.status_code not in (400, 401) or fresh in (None, before):
                break
        return response

    def _authenticate(self, form: dict[str, str]) -> dict[str, str]:
        """Add our client authentication to the form, or return it as a header."""
        config = self._config
        if config.signing_key is not None:
            now = int(self._clock().timestamp())
            claims = {"iss": config.client_id, "sub": config.client_id, "aud": config.issuer, "iat": now}
            claims |= {"exp": now + _ASSERTION_LIFE, "jti": random_text()}
            form["client_assertion_type"] = JWT_BEARER
            form["client_id"] = config.client_id
            form["client_assertion"] = signed(claims, config.signing_key, config.signing_alg)
            return {}
        if config.client_secret is None:
            form["client_id"] = config.client_id
            return {}
        pair = f"{quote_plus(config.client_id)}:{quote_plus(config.client_secret)}"
        return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}

    async def _get(self, wanted: str, url: str, headers: Mapping[str, str] | None = None) -> Json:
        response = await self._send(wanted, "GET", url, headers={"Accept": "application/json", **(headers or {})})
        if response.status_code != 200:
            log.error("the eID refused a GET", status=response.status_code)
            raise ProviderUnavailable
        return _json(response)

    async def _send(self, wanted: str, method: str, url: str, **options: Any) -> httpx2.Response:
        with span(f"eid {wanted}", outward=True, wanted=wanted, method=method) as sent:
            try:
                response = await self._http.request(method, url, **options)
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                log.error("the eID does not answer", error=type(error).__name__)
                raise ProviderUnavailable from None
            say(sent, status=response.status_code)
            return response


def _json(response: httpx2.Response) -> Json:
    try:
        document = response.json()
    except (ValueError, RecursionError):
        raise ProviderUnavailable from None
    if not isinstance(document, dict):
        raise ProviderUnavailable
    return document
