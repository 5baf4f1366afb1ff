"""A stand-in for the citizen's app: signs a person in the way a phone does, for tours, tests and demos.

RFC 8252 and RFC 7636 from the app's side. It types the login name into the form of the stand-in eID provider,
which asks for nothing else; no real provider lets it. The one invariant: it has no way in that an app does not have.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import httpx2

from ehb.errors import EhbError, Unavailable


class SignInFailed(EhbError):
    """Mended by the person: the login name is not known, or the login was declined."""

    code = "LOGIN_FAILED"
    http_status = 401
    vi = "Đăng nhập không thành công."
    en = "The login did not succeed."

    def __init__(self, who: str, said: str = "") -> None:
        """`who` said no, and `said` why, as far as that goes."""
        why = f": {said}" if said else ""
        super().__init__(
            vi=f"{type(self).vi} {who} từ chối{why}. Tên đăng nhập có đúng không? `ehb demo` in ra các tên.",
            en=f"{type(self).en} {who} refused{why}. Is the login name right? `ehb demo` prints those there are.",
        )


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the app keeps after a login."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: int


def sign_in(base: str, subject: str, *, client_id: str, redirect_uri: str) -> Tokens:
    """A whole login of `subject`. Raises SignInFailed, or Unavailable when nobody answers."""
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    state = secrets.token_urlsafe(16)
    try:
        with httpx2.Client(timeout=30) as browser:
            to_eid = browser.get(
                f"{base}/auth/login",
                params={
                    "client_id": client_id,
                    "redirect_uri": redirect_uri,
                    "code_challenge": challenge,
                    "code_challenge_method": "S256",
                    "state": state,
                },
            )
            to_us = browser.post(_next(to_eid, base), data={"sub": subject})
            to_app = browser.get(_next(to_us, "eID"))
            answer = parse_qs(urlsplit(_next(to_app, base)).query)
            if answer.get("state") != [state]:
                raise SignInFailed(base, "state")
            if "code" not in answer:
                said = answer.get("error_description", answer.get("error", []))
                raise SignInFailed("eID", " ".join(said).rstrip("."))
            tokens = browser.post(
                f"{base}/auth/token",
                data={
                    "grant_type": "authorization_code",
                    "client_id": client_id,
                    "redirect_uri": redirect_uri,
                    "code": answer["code"][0],
                    "code_verifier": verifier,
                },
            )
    except httpx2.HTTPError as error:
        raise Unavailable(vi=f"Không kết nối được {base}.", en=f"{base} does not answer.") from error
    if tokens.status_code != 200:
        raise SignInFailed(base, _said(tokens))
    granted = tokens.json()
    return Tokens(granted["access_token"], granted["refresh_token"], granted["expires_in"])


def _next(answer: httpx2.Response, who: str) -> str:
    location = answer.headers.get("location")
    if not location:
        raise SignInFailed(who, _said(answer))
    return str(location)


def _said(answer: httpx2.Response) -> str:
    """The code of a refusal, else its status; of a page for people nothing more."""
    try:
        return str(answer.json()["code"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code}"
