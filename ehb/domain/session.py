"""Sessions: a login under way, its one-time code, and the session that the code opens.

Owns the values that `auth` decides about and `ehb.store.sessions` keeps. Leaves every lifetime and every
protocol to `auth`; a moment comes in as `now`.

The one invariant: nothing here can be presented by anybody. A token, a code, a state and a browser secret
appear only as their SHA-256, so whoever reads the database cannot sign in with what they read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from ehb.domain.identity import Principal


@dataclass(frozen=True, slots=True)
class Account:
    """The account at the eID that a session rests on (OpenID Connect Core section 5.7: `iss` with `sub`), as SHA-256.

    A logout that the eID tells us of names the account, or one of its sessions there, or both.
    """

    subject: bytes | None
    """SHA-256 of issuer and subject."""
    sid: bytes | None = None
    """SHA-256 of issuer and the eID's own session id, where it names one."""

    @classmethod
    def of(cls, issuer: str, subject: str | None, sid: str | None) -> Account:
        """The account by its words, each bound to the issuer: two providers may use the same ones."""
        return cls(_bound(issuer, subject), _bound(issuer, sid))


def _bound(issuer: str, word: str | None) -> bytes | None:
    return sha256(f"{issuer}\0{word}".encode()).digest() if word else None


@dataclass(frozen=True, slots=True)
class Login:
    """A login between our redirect to the eID and its answer. One use, one browser."""

    state: bytes
    """SHA-256 of the `state` that travels through the eID."""
    browser: bytes
    """SHA-256 of the secret in the browser's cookie."""
    client_id: str
    redirect_uri: str
    code_challenge: str
    """The app's PKCE challenge (RFC 7636), answered when it redeems our code."""
    app_state: str = field(repr=False)
    expires_at: datetime
    level: int = 0
    """The level that the app asked for; the login is refused below it."""
    max_age: int | None = None
    """Seconds since the person proved themselves, at most, if the app asked."""
    jkt: str | None = None
    """Thumbprint of the key that the app will prove possession of (RFC 9449 section 10), if it said so."""


@dataclass(frozen=True, slots=True)
class LoginCode:
    """The app's one-time code. It names the session before that exists, so that a second use can end it."""

    code: bytes
    session: bytes
    """Key of the session that this code opens."""
    client_id: str
    redirect_uri: str
    code_challenge: str
    principal: Principal
    account: Account
    expires_at: datetime
    jkt: str | None = None
    """The code is of use with a proof by this key only; None for any or none."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """One access token of a session, as its SHA-256."""

    digest: bytes
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """A login of a person, or one token of a facility: the family of all tokens that descend from it."""

    key: bytes
    """SHA-256 of the first part of every token of the family; never logged. `principal.session` may be."""
    principal: Principal
    access: tuple[AccessToken, ...]
    refresh: bytes | None
    """SHA-256 of the one refresh token that is good; None for facilities."""
    ends_at: datetime
    ended_at: datetime | None = None
    account: Account | None = None
    """None for facilities: they have keys, not an account at the eID."""
    jkt: str | None = None
    """Thumbprint of the DPoP key that all its tokens are bound to (RFC 9449 section 6); None for bearer tokens."""

    def in_force(self, now: datetime) -> bool:
        return self.ended_at is None and now < self.ends_at

    def accepts(self, digest: bytes, now: datetime) -> bool:
        """The access token with this SHA-256 speaks for the principal at this moment."""
        return self.in_force(now) and any(token.digest == digest and now < token.expires_at for token in self.access)


@dataclass(frozen=True, slots=True)
class Rotation:
    """One refresh of a session: which token is given up, and what takes its place."""

    old: bytes
    """SHA-256 of the refresh token that was presented."""
    new: bytes
    access: AccessToken
    now: datetime
    grace_since: datetime
    """The token before the current one is good for one retry if the last rotation was after this moment."""
    jkt: str | None = None
    """Thumbprint of the key that the request proved possession of."""


@dataclass(frozen=True, slots=True)
class FacilityClient:
    """A facility's machine, as it was registered: its public keys, and whether it may still sign in."""

    client_id: str
    facility: str
    jwks: tuple[Mapping[str, Any], ...] = ()
    active: bool = True
    jwks_uri: str | None = None
    """Where it publishes its keys (https), instead of `jwks`."""
