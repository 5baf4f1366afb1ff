"""Our own sessions: one-time codes, opaque access tokens, rotating refresh tokens.

RFC 6749 sections 4.1.2 and 6, RFC 7636, RFC 7009, RFC 9700 section 4.14. Owns every lifetime and what a misuse
ends. Leaves keeping, and the atomicity of "once", to a `SessionStore`.

Decision: tokens are opaque and each request reads its session, so a session that was ended is refused at the
very next request; we give up stateless verification. A refresh token that is not the current one ends its
session, because the app and a thief cannot be told apart. Once per rotation, for ten seconds, the previous token
is taken as the retry of an app that never got our answer; the token in that answer is dead then, so a thief who
used the grace is found out at the app's next refresh.

The one invariant: at any moment at most one refresh token of a session is good, and no token is ever stored.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from auth.errors import BoundElsewhere, CodeInvalid, SessionEnded
from auth.tokens import answers, digest, key_of, name_in, new_name, new_token, own_key_of, random_text, session_key
from ehb.domain.identity import ElectronicIdentity, Principal, PrincipalKind, SignedIn
from ehb.domain.session import AccessToken, Account, FacilityClient, Login, LoginCode, Rotation, Session
from ehb.errors import Unauthenticated
from ehb.logs import log

Clock = Callable[[], datetime]
OnEnd = Callable[[Principal], Awaitable[None]]
"""Told whose session just ended, so that what was opened in it ends too (standards row O12)."""


async def nothing_else(_: Principal) -> None:
    """Nothing ends with a session but its tokens."""


class SessionStore(Protocol):
    """Keeps codes and sessions. Every method is one atomic step, and durable when it returns."""

    async def add_code(self, code: LoginCode) -> None: ...

    async def use_code(self, code: bytes) -> LoginCode | None:
        """The code, for the first caller only."""

    async def find_used_code(self, code: bytes) -> LoginCode | None: ...

    async def open_session(self, session: Session) -> bool:
        """False when the session was forbidden before it began."""

    async def find_session(self, key: bytes) -> Session | None: ...

    async def rotate(self, key: bytes, client_id: str, rotation: Rotation) -> Session | None:
        """The session with its new tokens; None when the old token is not good for a rotation."""

    async def end_session(self, key: bytes, now: datetime) -> None: ...

    async def end_delegation(self, key: bytes, delegated: bytes) -> None:
        """End the one delegated token with this digest."""

    async def forbid_session(self, key: bytes, now: datetime, until: datetime) -> None:
        """End the session, or make sure that it cannot be opened any more."""

    async def end_sessions_of(self, account: Account, now: datetime, until: datetime) -> list[Session]:
        """End all sessions of an account, or of one login of it, and what codes would open; gives those in force."""

    async def end_other_accounts(
        self, patient_id: bytes, account: Account, now: datetime, until: datetime
    ) -> list[Session]:
        """The same for whatever this person opened through another account."""


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long things live. The defaults are upper limits of the standards we follow; shorten, do not lengthen."""

    login: timedelta = timedelta(minutes=10)
    code: timedelta = timedelta(seconds=60)
    access: timedelta = timedelta(minutes=10)
    facility_access: timedelta = timedelta(seconds=300)
    session: timedelta = timedelta(days=30)
    grace: timedelta = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the token endpoint hands out, once."""

    access: str = field(repr=False)
    refresh: str | None = field(repr=False)
    expires_in: int
    bound: bool = False
    """To a DPoP key; otherwise they are bearer tokens."""


class Sessions:
    """Issues tokens, and says whose a token is."""

    def __init__(
        self, store: SessionStore, clock: Clock, lifetimes: Lifetimes | None = None, on_end: OnEnd = nothing_else
    ) -> None:
        self._store = store
        self._clock = clock
        self._lifetimes = lifetimes or Lifetimes()
        self._on_end = on_end

    async def issue_code(self, login: Login, who: SignedIn, identity: ElectronicIdentity) -> str:
        """The app's one-time code for a login that the eID finished.

        Whose account at the eID has changed is signed out of the old one (standards row O12).
        """
        name = new_name()
        code, now = new_token(name), self._clock()
        account = Account.of(identity.issuer, identity.subject, identity.session_id)
        until = now + self._lifetimes.session
        for session in await self._store.end_other_accounts(who.patient_id, account, now, until):
            await self._on_end(session.principal)
        await self._store.add_code(
            LoginCode(
                code=digest(code),
                session=session_key(name),
                client_id=login.client_id,
                redirect_uri=login.redirect_uri,
                code_challenge=login.code_challenge,
                principal=Principal(
                    PrincipalKind.CITIZEN,
                    patient_id=who.patient_id,
                    roles=who.roles,
                    client_id=login.client_id,
                    assurance_level=identity.assurance_level,
                    authenticated_at=identity.authenticated_at,
                    session=random_text(),
                ),
                account=account,
                expires_at=now + self._lifetimes.code,
                jkt=login.jkt,
            )
        )
        return code

    async def redeem(
        self, code: str, *, client_id: str, redirect_uri: str, verifier: str, jkt: str | None = None
    ) -> Tokens:
        """The first tokens of a session, bound to the key that was proven, if one was.

        Whatever is wrong, the code is spent by the attempt. Raises CodeInvalid.
        """
        name = name_in(code)
        if name is None:
            raise CodeInvalid
        login = await self._store.use_code(digest(code))
        now = self._clock()
        if login is None:
            await self._end_reused(code, now)
            raise CodeInvalid
        fits = login.client_id == client_id and login.redirect_uri == redirect_uri and login.jkt in (None, jkt)
        if not fits or now >= login.expires_at or not answers(verifier, login.code_challenge):
            raise CodeInvalid
        refresh = new_token(name)
        access, kept = self._access(name, now, self._lifetimes.access)
        opened = await self._store.open_session(
            Session(
                key=login.session,
                principal=login.principal,
                access=(kept,),
                refresh=digest(refresh),
                ends_at=now + self._lifetimes.session,
                account=login.account,
                jkt=jkt,
            )
        )
        if not opened:
            raise CodeInvalid
        return Tokens(access, refresh, _seconds(self._lifetimes.access), bound=jkt is not None)

    async def refresh(self, token: str, *, client_id: str, jkt: str | None = None) -> Tokens:
        """New tokens for the current refresh token; any other token of the session ends it. Raises SessionEnded.

        Raises BoundElsewhere without the key that the session began with: a thief gains nothing, so nothing ends.
        """
        name = name_in(token)
        if name is None:
            raise SessionEnded
        now, key, refresh = self._clock(), session_key(name), new_token(name)
        access, kept = self._access(name, now, self._lifetimes.access)
        rotation = Rotation(digest(token), digest(refresh), kept, now, now - self._lifetimes.grace, jkt)
        session = await self._store.rotate(key, client_id, rotation)
        if session is None:
            await self._end_misused(key, now, jkt)
            raise SessionEnded
        return Tokens(access, refresh, _seconds(min(kept.expires_at, session.ends_at) - now), bound=jkt is not None)

    async def open_for_facility(self, client: FacilityClient, jkt: str | None = None) -> Tokens:
        """One access token for a facility that has proved itself; it signs again for the next (RFC 6749 4.4.3)."""
        name, now = new_name(), self._clock()
        token, kept = self._access(name, now, self._lifetimes.facility_access)
        await self._store.open_session(
            Session(
                key=session_key(name),
                principal=Principal(
                    PrincipalKind.FACILITY,
                    facility=client.facility,
                    client_id=client.client_id,
                    session=random_text(),
                ),
                access=(kept,),
                refresh=None,
                ends_at=kept.expires_at,
                jkt=jkt,
            )
        )
        return Tokens(token, None, _seconds(self._lifetimes.facility_access), bound=jkt is not None)

    async def revoke(self, token: str, *, client_id: str) -> None:
        """RFC 7009: end the session of any of its tokens, spent ones too. Silent about everything else.

        A facility ends what was delegated to it, and not the session of the person who did.
        """
        key = key_of(token)
        session = await self._store.find_session(key) if key else None
        if session is None:
            return
        if session.principal.client_id == client_id and own_key_of(token) is not None:
            await self._end(session)
        elif any(one.digest == digest(token) and one.actor == client_id for one in session.delegated):
            await self._store.end_delegation(session.key, digest(token))

    async def end_everywhere(self, token: str, *, client_id: str) -> None:
        """End all sessions of the account that a token of this session speaks for. Silent like `revoke`."""
        key = own_key_of(token)
        session = await self._store.find_session(key) if key else None
        now = self._clock()
        if session is None or session.principal.client_id != client_id or not session.in_force(now):
            return
        await self._end(session)
        if session.account is not None:
            await self.end_account(Account(session.account.subject))

    async def end_account(self, account: Account) -> None:
        """End all sessions of an account, or of one of its logins at the eID (back-channel logout)."""
        now = self._clock()
        for session in await self._store.end_sessions_of(account, now, now + self._lifetimes.session):
            await self._on_end(session.principal)

    async def principal(self, access_token: str, jkt: str | None = None) -> Principal:
        """Whose token this is, now, in the hands of who has proved this key, or none. Raises Unauthenticated.

        A bound token without its key is refused, and so is a bearer token with one (RFC 9449 section 7.2).
        """
        key = key_of(access_token)
        session = await self._store.find_session(key) if key else None
        principal = session.whose(digest(access_token), jkt, self._clock()) if session else None
        if principal is None:
            raise Unauthenticated
        return principal

    async def _end_reused(self, code: str, now: datetime) -> None:
        """RFC 6749 section 4.1.2. The first use may still be under way, so its session is forbidden, not only ended."""
        used = await self._store.find_used_code(digest(code))
        if used is not None:
            session = await self._store.find_session(used.session)
            await self._store.forbid_session(used.session, now, now + self._lifetimes.session)
            if session is not None and session.in_force(now):
                await self._on_end(session.principal)
            log.warning("a login code was used twice; its session is ended", session=used.principal.session)

    async def _end_misused(self, key: bytes, now: datetime, jkt: str | None) -> None:
        session = await self._store.find_session(key)
        if session is not None and session.in_force(now):
            if session.jkt != jkt:
                log.warning("a refresh token came without its key", session=session.principal.session)
                raise BoundElsewhere
            await self._end(session)
            log.warning("a spent refresh token was used; its session is ended", session=session.principal.session)

    async def _end(self, session: Session) -> None:
        now = self._clock()
        await self._store.end_session(session.key, now)
        if session.in_force(now) and session.account is not None:  # a facility's token has nothing that ends with it
            await self._on_end(session.principal)

    def _access(self, name: bytes, now: datetime, life: timedelta) -> tuple[str, AccessToken]:
        token = new_token(name)
        return token, AccessToken(digest(token), now + life)


def _seconds(life: timedelta) -> int:
    return int(life.total_seconds())
