"""Token exchange (RFC 8693): a facility's system acts for a clinician who works there (standards row A6).

The clinician signs in with their eID and hands their access token to the system; the system, which proves itself
with its key, gets a token of its own: the same person, in the role at this facility and in no other, for five
minutes at most, never longer than the token it was made from, without refresh. It is one more token of the clinician's
session, so whatever ends the session ends it; `Principal.actor` names the system, and the trail shows both. What it
may be used for is `access`'s to say: care, and nothing of the clinician's own.

A clinician whose tokens are bound to a key hands over a proof as well (`subject_token_dpop`: made for this endpoint
and for that token), and then the system cannot do with the clinician's own token anything but this.

The one invariant: nothing is widened. A token that came out of an exchange is no subject of another.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Protocol

from auth.dpop import ProofRefused, Proofs
from auth.errors import (
    DelegationRefused,
    ScopeInvalid,
    SubjectTokenInvalid,
    TargetInvalid,
    TokenProofInvalid,
    TokenRefused,
)
from auth.sessions import Clock, Tokens
from auth.tokens import delegated_token, digest, own_key_of
from ehb.domain.identity import PractitionerRole
from ehb.domain.session import Delegation, FacilityClient, Session

GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  a name, no secret
LIFE = timedelta(seconds=300)

RoleInForce = Callable[[PractitionerRole], Awaitable[bool]]
"""Whether the registry knows this role today."""


class DelegationStore(Protocol):
    """Keeps the tokens that are delegated by a session, with it."""

    async def find_session(self, key: bytes) -> Session | None: ...

    async def add_delegation(self, key: bytes, subject: bytes, delegation: Delegation) -> bool:
        """False when the session, or its token with the digest `subject`, is no more."""


class Exchange:
    """Exchanges a clinician's token for a facility's."""

    def __init__(
        self, store: DelegationStore, proofs: Proofs, role_in_force: RoleInForce, base_url: str, clock: Clock
    ) -> None:
        self._store = store
        self._proofs = proofs
        self._role_in_force = role_in_force
        self._targets = (base_url, f"{base_url}/graphql")
        self._clock = clock

    async def tokens(self, form: Mapping[str, str], client: FacilityClient, *, path: str, jkt: str | None) -> Tokens:
        """The system's token for the clinician. Raises TokenRefused and its kind.

        `jkt` is the key that the system itself proved, and binds the new token.
        """
        token = self._subject(form)
        key, now = own_key_of(token), self._clock()
        session = await self._store.find_session(key) if key else None
        subject = session.token(digest(token), now) if session else None
        if session is None or subject is None:
            raise SubjectTokenInvalid
        if session.jkt is not None:
            await self._prove(form, token, session.jkt, path)
        role = next((one for one in session.principal.roles if one.facility == client.facility), None)
        if role is None or not await self._role_in_force(role):
            raise DelegationRefused
        ends = min(now + LIFE, subject.expires_at, session.ends_at)
        access = delegated_token(session.key)
        delegation = Delegation(digest(access), ends, client.client_id, client.facility, jkt)
        if not await self._store.add_delegation(session.key, subject.digest, delegation):
            raise SubjectTokenInvalid
        return Tokens(access, None, int((ends - now).total_seconds()), bound=jkt is not None)

    def _subject(self, form: Mapping[str, str]) -> str:
        """The subject token of a request that asks for no more than there is (section 2.1)."""
        if form.get("subject_token_type") != ACCESS_TOKEN or "actor_token" in form or "subject_token" not in form:
            raise TokenRefused
        if form.get("requested_token_type", ACCESS_TOKEN) != ACCESS_TOKEN:
            raise TokenRefused
        if any(form.get(name, self._targets[0]) not in self._targets for name in ("audience", "resource")):
            raise TargetInvalid
        if "scope" in form:
            raise ScopeInvalid
        return form["subject_token"]

    async def _prove(self, form: Mapping[str, str], token: str, jkt: str, path: str) -> None:
        """The clinician's app has signed for this exchange of this token."""
        try:
            proof = self._proofs.read(form.get("subject_token_dpop", ""), method="POST", path=path, access_token=token)
            if proof.jkt != jkt:
                raise ProofRefused("jwk")
            await self._proofs.spend(proof)
        except ProofRefused as refused:
            raise TokenProofInvalid(refused.what) from None
