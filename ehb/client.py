"""A facility's client: signs in with its key, sends visit files, gives typed receipts.

What `ehb submit` uses, and what a facility's own software may import. SMART Backend Services shape:
`client_credentials` with `private_key_jwt` (RFC 7523). The one invariant: a receipt comes back only for what the
server answered; a broken connection raises, and sending the same file again is always safe.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from ehb.domain.submission import Receipt
from ehb.errors import EhbError, Misconfigured, Unavailable

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
XML, FHIR = "application/xml", "application/fhir+json"
_EC_ALGORITHMS = {"P-256": "ES256", "P-384": "ES384"}
_RENEW = 30.0
_receipt = msgspec.json.Decoder(Receipt).decode


class Refused(EhbError):
    """The server's no, with its stable code; mended by whom the code names."""

    def __init__(self, code: str, vi: str, en: str, status: int) -> None:
        super().__init__(vi=vi, en=en)
        self.code = code
        self.http_status = status


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A facility's private key and the algorithm it signs with."""

    key: ECKey | RSAKey
    algorithm: str

    @staticmethod
    def load(path: Path) -> SigningKey:
        """A PEM file with an EC (P-256, P-384) or RSA private key. Raises Misconfigured for anything else."""
        wrong = Misconfigured(
            vi=f"{path} không phải khóa riêng EC (P-256, P-384) hoặc RSA dạng PEM.",
            en=f"{path} is not a PEM private key of type EC (P-256, P-384) or RSA.",
        )
        try:
            pem = path.read_bytes()
        except OSError as error:
            raise Misconfigured(vi=f"Không đọc được {path}.", en=f"Cannot read {path}.") from error
        try:
            key: ECKey | RSAKey = ECKey.import_key(pem) if b"EC" in pem or not _is_rsa(pem) else RSAKey.import_key(pem)
            if not key.is_private:
                raise wrong
        except (JoseError, ValueError, TypeError):
            raise wrong from None
        algorithm = "RS384" if isinstance(key, RSAKey) else _EC_ALGORITHMS.get(key.curve_name)
        if algorithm is None:
            raise wrong
        return SigningKey(key, algorithm)

    @property
    def public_jwk(self) -> dict[str, Any]:
        """What the facility registers with us."""
        return {**self.key.as_dict(private=False), "kid": self.key.thumbprint(), "use": "sig", "alg": self.algorithm}


def _is_rsa(pem: bytes) -> bool:
    try:
        RSAKey.import_key(pem)
    except (JoseError, ValueError, TypeError):
        return False
    return True


class FacilityClient:
    """One facility at one server. Use as an async context manager."""

    def __init__(
        self, url: str, client_id: str, key: SigningKey, *, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        self._url = url.rstrip("/")
        self._client_id = client_id
        self._key = key
        self._http = httpx2.AsyncClient(base_url=self._url, timeout=60, transport=transport)
        self._token = ""
        self._renew_at = 0.0

    async def __aenter__(self) -> FacilityClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def submit(self, body: bytes, *, dry_run: bool = False, content_type: str = XML) -> Receipt:
        """Send one visit file, or a FHIR Bundle with that content type.

        Raises Refused for a no without a receipt, Unavailable when nobody answers.
        """
        headers = {"Authorization": f"Bearer {await self.access_token()}", "Content-Type": content_type}
        params = {"dry_run": "true"} if dry_run else {}
        answer = await self._send("/facility/submissions", params=params, content=body, headers=headers)
        if answer.status_code in (200, 201, 202, 422):
            return _receipt(answer.content)
        raise _refusal(answer)

    async def access_token(self) -> str:
        """A good access token; a new one half a minute before the last runs out. Raises Refused or Unavailable."""
        if time.monotonic() < self._renew_at:
            return self._token
        now = int(time.time())
        claims = {
            "iss": self._client_id,
            "sub": self._client_id,
            "aud": f"{self._url}/auth/token",
            "jti": secrets.token_urlsafe(16),
            "iat": now,
            "exp": now + 120,
        }
        header = {"alg": self._key.algorithm, "kid": self._key.key.thumbprint()}
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": _ASSERTION,
            "client_assertion": jwt.encode(header, claims, self._key.key, algorithms=[self._key.algorithm]),
        }
        answer = await self._send("/auth/token", data=form)
        if answer.status_code != 200:
            raise _refusal(answer)
        granted = answer.json()
        self._token = str(granted["access_token"])
        self._renew_at = time.monotonic() + float(granted["expires_in"]) - _RENEW
        return self._token

    async def _send(self, path: str, **request: Any) -> httpx2.Response:
        try:
            return await self._http.post(path, **request)
        except httpx2.HTTPError as error:
            raise Unavailable(
                vi=f"Không kết nối được {self._url}.", en=f"{self._url} does not answer ({type(error).__name__})."
            ) from error


def _refusal(answer: httpx2.Response) -> Refused:
    try:
        said = answer.json()
    except ValueError:
        said = {}
    code = str(said.get("code") or said.get("error") or f"HTTP_{answer.status_code}")
    text = str(said.get("detail") or said.get("error_description") or answer.reason_phrase)
    return Refused(code, text, text, answer.status_code)
