"""A facility's connection to a server: signed in, and tried again while the trouble is one that passes.

SMART Backend Services shape: `client_credentials` with `private_key_jwt` (RFC 7523). The one invariant: every
request may be sent twice, so only requests that are safe to repeat go through here.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
from joserfc import jwt

from ehb.client.key import SigningKey
from ehb.client.patience import Patience, asked_pause
from ehb.errors import EhbError, Misconfigured, Unavailable

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_RENEW = 30.0
_PASSES = (409, 429, 502, 503, 504)


class Refused(EhbError):
    """The server's no, with its stable code; mended by whom the code names."""

    def __init__(self, code: str, vi: str, en: str, status: int) -> None:
        super().__init__(vi=vi, en=en)
        self.code = code
        self.http_status = status


class SignInRefused(Refused):
    """The server does not let this client in, whatever it sends: mended with whoever keeps the registry."""


class Connection:
    """One client at one server."""

    def __init__(
        self,
        url: str,
        client_id: str,
        key: SigningKey,
        patience: Patience,
        transport: httpx2.AsyncBaseTransport | None,
    ) -> None:
        self.url = url.rstrip("/")
        self._client_id = client_id
        self._key = key
        self._patience = patience
        try:
            self._http = httpx2.AsyncClient(base_url=self.url, timeout=60, transport=transport)
        except httpx2.InvalidURL as error:
            raise no_address(self.url) from error
        self._signing_in = asyncio.Lock()
        self._token = ""
        self._renew_at = 0.0
        self._answered = False
        self.stopped = asyncio.Event()
        """Set: nothing is tried again, nor waited for."""

    async def close(self) -> None:
        await self._http.aclose()

    async def request(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **request: Any
    ) -> httpx2.Response:
        """The answer, when it is a good one or about what was sent (422). A token that is not known is renewed once.

        Raises Refused for a no, Unavailable when nobody answers, Misconfigured when it is another kind of server.
        """
        for last in (False, True):
            bearer = {"Authorization": f"Bearer {await self.access_token()}", **(headers or {})}
            answer = await self._send(method, path, headers=bearer, **request)
            if answer.is_success or answer.status_code == 422:
                return answer
            if answer.status_code != 401 or last:
                break
            self._renew_at = 0.0
        raise _refusal(answer)

    async def access_token(self) -> str:
        """A good access token; a new one half a minute before the last runs out. Raises Refused or Unavailable."""
        async with self._signing_in:
            if time.monotonic() >= self._renew_at:
                await self._sign_in()
            return self._token

    async def _sign_in(self) -> None:
        form = {"grant_type": "client_credentials", "client_assertion_type": _ASSERTION}
        answer = await self._send("POST", "/auth/token", lambda: {**form, "client_assertion": self._assertion()})
        if answer.status_code != 200:
            raise self._no_entry(_refusal(answer, SignInRefused))
        try:
            granted = answer.json()
            self._token = str(granted["access_token"])
            self._renew_at = time.monotonic() + float(granted["expires_in"]) - _RENEW
        except (ValueError, KeyError, TypeError) as error:
            raise no_address(self.url) from error

    def _no_entry(self, refused: Refused) -> Refused:
        """The server's no to signing in, with who asked where: it says on purpose no more than that."""
        refused.vi += f" (client {self._client_id}, khóa {self._key.key.thumbprint()[:8]}…, {self.url})"
        refused.en += f" (client {self._client_id}, key {self._key.key.thumbprint()[:8]}…, {self.url})"
        return refused

    def _assertion(self) -> str:
        now = int(time.time())
        claims = {
            "iss": self._client_id,
            "sub": self._client_id,
            "aud": f"{self.url}/auth/token",
            "jti": secrets.token_urlsafe(16),
            "iat": now,
            "exp": now + 120,
        }
        header = {"alg": self._key.algorithm, "kid": self._key.key.thumbprint()}
        return jwt.encode(header, claims, self._key.key, algorithms=[self._key.algorithm])

    async def _send(
        self, method: str, path: str, form: Callable[[], dict[str, str]] | None = None, **request: Any
    ) -> httpx2.Response:
        """The answer to a request, tried again while the trouble is one that passes. `form` is made anew each time."""
        waiting = self._patience.begin(answered=self._answered)
        while True:
            asked = 0.0
            try:
                answer = await self._http.request(method, path, data=form() if form else None, **request)
            except (httpx2.UnsupportedProtocol, httpx2.InvalidURL) as error:
                raise no_address(self.url) from error
            except httpx2.HTTPError as error:
                failure: EhbError = Unavailable(
                    vi=f"Không kết nối được {self.url}.", en=f"{self.url} does not answer ({type(error).__name__})."
                )
            else:
                self._answered = True
                if answer.status_code not in _PASSES:
                    return answer
                asked, failure = asked_pause(answer.headers.get("Retry-After")), _refusal(answer)
            pause = waiting.next(asked)
            if pause is None or not await self._rested(pause):
                raise failure

    async def _rested(self, seconds: float) -> bool:
        """True after so many seconds, False at once when we are to stop."""
        try:
            await asyncio.wait_for(self.stopped.wait(), seconds)
        except TimeoutError:
            return True
        return False


def no_address(url: str) -> Misconfigured:
    """What is there answers, but not as we would."""
    return Misconfigured(
        vi=f"{url} không phải địa chỉ của dịch vụ này.", en=f"{url} is not an address of this service."
    )


def _refusal(answer: httpx2.Response, kind: type[Refused] = Refused) -> Refused:
    try:
        said = dict(answer.json())
    except (ValueError, TypeError):
        said = {}
    code = str(said.get("code") or said.get("error") or f"HTTP_{answer.status_code}")
    text = str(said.get("detail") or said.get("error_description") or answer.reason_phrase)
    if code.startswith("HTTP_") and answer.status_code in _PASSES:
        code = Unavailable.code  # a proxy in front of the server
    return kind(code, text, _ENGLISH.get(text, text), answer.status_code)


def _family(kind: type[EhbError] = EhbError) -> Iterator[type[EhbError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _family(child)


_ENGLISH = {kind.vi: kind.en for kind in _family()}
"""The server answers in Vietnamese; what it says in prepared words is said in English too."""
