"""Logins: a browser's walk from the app through the eID and back to the app.

RFC 8252 (native apps), RFC 9700 sections 2.1 and 4.7. Owns the login transaction: who started it, which
browser may finish it, where the answer goes. Leaves the eID's answer to `oidc` and tokens to `sessions`.

The one invariant: a browser is only ever sent to a registered redirect URI of the app or to the configured
eID, and a login is finished once, by the browser that started it, within ten minutes.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol
from urllib.parse import urlencode, urlsplit

from auth.attempt import Attempt
from auth.errors import (
    LevelTooLow,
    LoginFailed,
    LoginRequestInvalid,
    LoginStateInvalid,
    ProviderUnavailable,
    ResponseTypeUnsupported,
)
from auth.oidc import RelyingParty
from auth.sessions import Clock, Lifetimes, Sessions
from auth.tokens import digest, is_challenge, random_text
from ehb.domain.identity import ElectronicIdentity, SignedIn
from ehb.domain.session import Login
from ehb.errors import EhbError, Misconfigured
from ehb.logs import log
from ehb.request_log import note

_STATE = re.compile(r"[\x20-\x7e]{1,512}")

_LEVELS = ("1", "2", "3", "4")
"""Our `acr_values`: the levels of Decree 69/2024 Art 20."""
_AGE = re.compile(r"[0-9]{1,6}")
_LONGEST_AGE = 86_400
CLOCK_LEEWAY = 90
"""Seconds that the eID's clock may be behind ours, when an age is judged."""

SignIn = Callable[[ElectronicIdentity], Awaitable[SignedIn]]
"""Finds or opens the person's book and returns its 16-byte key."""


class LoginStore(Protocol):
    """Keeps logins under way."""

    async def add_login(self, login: Login) -> None: ...

    async def take_login(self, state: bytes, browser: bytes) -> Login | None:
        """The login, for the first caller only, and only for its own browser. Gone afterwards."""


@dataclass(frozen=True, slots=True)
class MobileClient:
    """The app: a public client, known by its id and by where it can be reached."""

    client_id: str
    redirect_uris: frozenset[str]

    def __post_init__(self) -> None:
        if not self.redirect_uris or any(not urlsplit(uri).scheme or "#" in uri for uri in self.redirect_uris):
            raise Misconfigured(
                vi="redirect_uri của ứng dụng phải là URI tuyệt đối, không có phần #.",
                en="The app needs at least one redirect URI; each is absolute and has no fragment.",
            )


@dataclass(frozen=True, slots=True)
class Step:
    """Where the browser goes next, and the secret that its cookie holds from now on (None: no cookie)."""

    location: str = field(repr=False)
    browser: str | None = field(default=None, repr=False)


class Logins:
    """Begins and finishes logins."""

    def __init__(
        self,
        store: LoginStore,
        eid: RelyingParty,
        sessions: Sessions,
        sign_in: SignIn,
        app: MobileClient,
        issuer: str,
        clock: Clock,
        lifetimes: Lifetimes | None = None,
    ) -> None:
        self._store = store
        self._eid = eid
        self._sessions = sessions
        self._sign_in = sign_in
        self._app = app
        self._issuer = issuer
        self._clock = clock
        self._lifetime = (lifetimes or Lifetimes()).login

    async def begin(self, query: Mapping[str, str]) -> Step:
        """To the eID; or back to the app when the eID does not answer.

        `acr_values` and `max_age` ask for a stronger or a more recent login (RFC 9470); `dpop_jkt` names the key
        without which the code will be of no use (RFC 9449 section 10). Raises LoginRequestInvalid,
        and then the browser must not be redirected anywhere.
        """
        redirect_uri, state = query.get("redirect_uri", ""), query.get("state", "")
        registered = query.get("client_id") == self._app.client_id and redirect_uri in self._app.redirect_uris
        s256 = query.get("code_challenge_method") == "S256" and is_challenge(query.get("code_challenge", ""))
        if not registered or not s256 or not _STATE.fullmatch(state):
            raise LoginRequestInvalid
        level, max_age = _wanted(query)
        jkt = query.get("dpop_jkt")
        if jkt is not None and not is_challenge(jkt):
            raise LoginRequestInvalid
        ours, browser = random_text(), random_text()
        login = Login(
            state=digest(ours),
            browser=digest(browser),
            client_id=self._app.client_id,
            redirect_uri=redirect_uri,
            code_challenge=query["code_challenge"],
            app_state=state,
            expires_at=self._clock() + self._lifetime,
            level=level,
            max_age=max_age,
            jkt=jkt,
        )
        if query.get("response_type", "code") != "code":
            return Step(self._refusal(login, ResponseTypeUnsupported()))
        try:
            location = await self._eid.authorization_url(ours, Attempt(browser), level=level, max_age=max_age)
        except EhbError as error:
            return Step(self._refusal(login, error))
        await self._store.add_login(login)
        return Step(location, browser)

    async def finish(self, answer: Mapping[str, str], browser: str | None) -> Step:
        """Back to the app, with a code or with an error (RFC 6749 sections 4.1.2 and 4.1.2.1).

        Raises LoginStateInvalid when there is no such login in this browser, and then nobody is redirected.
        """
        state = answer.get("state")
        if not state or not browser:
            raise LoginStateInvalid
        login = await self._store.take_login(digest(state), digest(browser))
        if login is None or self._clock() >= login.expires_at:
            raise LoginStateInvalid
        try:
            identity = await self._eid.identity(answer, Attempt(browser))
            self._check_strength(login, identity)
            who = await self._sign_in(identity)
            code = await self._sessions.issue_code(login, who, identity)
        except EhbError as error:
            return Step(self._refusal(login, error))
        return Step(self._to_app(login, {"code": code}))

    def _check_strength(self, login: Login, identity: ElectronicIdentity) -> None:
        """What was asked for is a wish to the eID (OpenID Connect Core section 3.1.2.1), so the answer is judged."""
        if identity.assurance_level < login.level:
            raise LevelTooLow
        if login.max_age is not None:
            oldest = self._clock() - timedelta(seconds=login.max_age + CLOCK_LEEWAY)
            if identity.authenticated_at is None or identity.authenticated_at < oldest:
                raise LevelTooLow

    def _refusal(self, login: Login, error: EhbError) -> str:
        note(code=error.code)
        log.info("a login was refused", code=error.code)
        return self._to_app(
            login,
            {
                "error": error.error if isinstance(error, LoginFailed | ProviderUnavailable) else "server_error",
                "error_description": error.en,
                "error_code": error.code,
            },
        )

    def _to_app(self, login: Login, answer: dict[str, str]) -> str:
        """`iss` tells an app with several servers which of them answered (RFC 9207)."""
        more = urlencode({**answer, "state": login.app_state, "iss": self._issuer})
        return f"{login.redirect_uri}{'&' if '?' in login.redirect_uri else '?'}{more}"


def _wanted(query: Mapping[str, str]) -> tuple[int, int | None]:
    """The level and the age that an app asks for when we asked for more (RFC 9470 section 4). Raises on nonsense.

    Of several `acr_values` the lowest counts: any of them will do for the app.
    """
    asked, age = query.get("acr_values", "").split(), query.get("max_age")
    if any(one not in _LEVELS for one in asked) or (age is not None and not _AGE.fullmatch(age)):
        raise LoginRequestInvalid
    return min((int(one) for one in asked), default=0), min(int(age), _LONGEST_AGE) if age is not None else None
