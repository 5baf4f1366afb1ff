"""Back-channel logout: the eID tells us that a session there ended (OpenID Connect Back-Channel Logout 1.0).

The one invariant: a logout token is believed once, is never an ID token, and names an account of our issuer.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

from auth.eid_tokens import EidTokens
from auth.errors import LoginFailed, LogoutTokenInvalid
from auth.provider import Clock
from ehb.domain.session import Account
from ehb.logs import log

EVENT = "http://schemas.openid.net/event/backchannel-logout"
_TYPES = ("logout+jwt", "application/logout+jwt", "jwt", "")
"""Section 2.4 recommends `logout+jwt`; what cannot be confused with it is taken too."""
_OLDEST = timedelta(minutes=5)
_LONGEST_ID = 256


class TokenIds(Protocol):
    """The memory of used tokens, shared by all workers."""

    async def claim_assertion(self, client_id: str, jti: str, expires_at: datetime) -> bool:
        """True for the first caller only, until the token has expired."""


class LogoutTokens:
    """Says which account, or which of its sessions, a logout token ends."""

    def __init__(self, tokens: EidTokens, issuer: str, used: TokenIds, clock: Clock) -> None:
        self._tokens = tokens
        self._issuer = issuer
        self._used = used
        self._clock = clock

    async def account(self, logout_token: str) -> Account:
        """Section 2.6. Raises LogoutTokenInvalid, and ProviderUnavailable when its keys cannot be fetched."""
        try:
            believed = await self._tokens.believed(logout_token, _TYPES, iat=None, jti=None)
        except LoginFailed:
            raise LogoutTokenInvalid from None
        claims, now = believed.claims, self._clock()
        events, sub, sid, jti = (claims.get(name) for name in ("events", "sub", "sid", "jti"))
        is_logout = isinstance(events, dict) and isinstance(events.get(EVENT), dict) and "nonce" not in claims
        names = [one for one in (sub, sid) if one is not None]
        named = bool(names) and all(isinstance(one, str) and one for one in names)
        issued = datetime.fromtimestamp(int(claims["iat"]), UTC)
        if not is_logout or not named or not isinstance(jti, str) or len(jti) > _LONGEST_ID or issued < now - _OLDEST:
            log.warning("a logout token was refused: it is none, names nobody, or is too old")
            raise LogoutTokenInvalid
        # the issuer's words may be those of one of our clients: they are kept apart by what a client cannot be called
        if not await self._used.claim_assertion(f"\0logout {self._issuer}", jti, now + 2 * _OLDEST):
            raise LogoutTokenInvalid
        return Account.of(self._issuer, sub, sid)
