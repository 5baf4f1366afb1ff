"""Sessions: a login under way, its one-time code, and the session that the code opens.

Owns the values that `auth` decides about and `ehb.store.sessions` keeps. Leaves every lifetime and every
protocol to `auth`; a moment comes in as `now`.

The one invariant: nothing here can be presented by anybody. A token, a code, a state and a browser secret
appear only as their SHA-256, so whoever reads the database cannot sign in with what they read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
class Delegation:
    """An access token of a session in the hands of a facility's system (RFC 8693), as its SHA-256."""

    digest: bytes
    expires_at: datetime
    actor: str
    """The facility's client that acts."""
    facility: str
    jkt: str | None = None
    """Thumbprint of the client's DPoP key, if it proved one."""


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
    delegated: tuple[Delegation, ...] = ()
    """Tokens that facilities' systems hold; each bound to a key of its own, or to none."""

    def in_force(self, now: datetime) -> bool:
        return self.ended_at is None and now < self.ends_at

    def token(self, digest: bytes, now: datetime) -> AccessToken | None:
        """The access token with this SHA-256, if it is in force at this moment; not one that was delegated."""
        held = (one for one in self.access if one.digest == digest and now < one.expires_at)
        return next(held, None) if self.in_force(now) else None

    def whose(self, digest: bytes, jkt: str | None, now: datetime) -> Principal | None:
        """Whom the token with this SHA-256 speaks for at this moment, with proof of this key or of none."""
        if self.jkt == jkt and self.token(digest, now) is not None:
            return self.principal
        for one in self.delegated:
            if one.digest == digest and one.jkt == jkt and now < one.expires_at and self.in_force(now):
                roles = tuple(role for role in self.principal.roles if role.facility == one.facility)[:1]
                return replace(self.principal, roles=roles, actor=one.actor)
        return None


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
