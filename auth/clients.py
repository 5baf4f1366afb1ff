"""Facilities: machines that prove themselves by signing (private_key_jwt).

RFC 7523 sections 2.2 and 3, OpenID Connect Core section 9, SMART Backend Services. Owns every check on a client
assertion. Leaves registration and the memory of used assertions to the store.

The one invariant: nothing about an assertion is told to somebody who did not sign it with a registered key.
Unknown client, suspended client and wrong key get one answer after one signature check; only then come
audience, time and replay, each with its own code.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from auth.assertion_errors import (
    AssertionAudience,
    AssertionExpired,
    AssertionInvalid,
    AssertionReplayed,
    AssertionTooLong,
    ClientRefused,
)
from auth.jws import (
    ClaimRefused,
    Claims,
    NotVerified,
    Unverified,
    VerificationKey,
    check_claims,
    decoys,
    keys_for,
    unverified,
    verification_keys,
    verified,
)
from auth.key_sets import KeySets
from auth.provider import JWT_BEARER
from auth.sessions import Clock
from ehb.domain.session import FacilityClient

ALGORITHMS = ("ES256", "ES384", "RS256", "RS384", "PS256")
_LIFE = timedelta(minutes=5)
LEEWAY = timedelta(seconds=90)
"""How far a facility's clock may be from ours: machines without a time service drift by a minute, not by ten."""
_LONGEST_ID = 256


class FacilityClients(Protocol):
    """The register of facilities' machines."""

    async def find_client(self, client_id: str) -> FacilityClient | None: ...


class AssertionIds(Protocol):
    """The memory of used assertions, shared by all workers."""

    async def claim_assertion(self, client_id: str, jti: str, expires_at: datetime) -> bool:
        """True for the first caller only, until the assertion has expired."""


class FacilityAuthentication:
    """Says which registered facility signed an assertion."""

    def __init__(
        self,
        clients: FacilityClients,
        used: AssertionIds,
        audiences: Collection[str],
        clock: Clock,
        key_sets: KeySets,
    ) -> None:
        self._clients = clients
        self._key_sets = key_sets
        self._used = used
        self._audiences = list(audiences)
        self._clock = clock
        self._decoys = decoys(ALGORITHMS)

    async def authenticate(self, form: Mapping[str, str]) -> FacilityClient:
        """The facility behind `client_assertion`. Raises ClientRefused or one of its kind."""
        if form.get("client_assertion_type") != JWT_BEARER:
            raise AssertionInvalid
        try:
            token = unverified(form.get("client_assertion", ""), ALGORITHMS)
        except NotVerified:
            raise AssertionInvalid from None
        client_id = token.claims.get("sub")
        if not isinstance(client_id, str) or not client_id or form.get("client_id", client_id) != client_id:
            raise AssertionInvalid
        client = await self._clients.find_client(client_id)
        claims = await self._verified(token, client)
        if client is None or not client.active or claims is None:
            raise ClientRefused
        jti, expires_at = self._checked(claims, client_id)
        if not await self._used.claim_assertion(client_id, jti, expires_at + LEEWAY):
            raise AssertionReplayed
        return client

    async def _verified(self, token: Unverified, client: FacilityClient | None) -> Claims | None:
        """One signature check for everybody: for strangers with a key that nobody holds the other half of."""
        keys = await self._keys(token, client) if client is not None and client.active else []
        try:
            return verified(token, keys or [self._decoys[token.algorithm]])
        except NotVerified:
            return None

    async def _keys(self, token: Unverified, client: FacilityClient) -> list[VerificationKey]:
        if client.jwks_uri is not None:
            return await self._key_sets.keys_for(token, client.jwks_uri)
        return keys_for(token, verification_keys(client.jwks))

    def _checked(self, claims: Claims, client_id: str) -> tuple[str, datetime]:
        now = self._clock()
        try:
            check_claims(
                claims,
                now=now,
                leeway=int(LEEWAY.total_seconds()),
                aud=self._audiences,
                iss=client_id,
                sub=client_id,
                exp=None,
                jti=None,
            )
        except ClaimRefused as refused:
            if refused.expired:
                raise AssertionExpired from None
            raise (AssertionAudience if refused.claim == "aud" else AssertionInvalid) from None
        if claims["exp"] > (now + _LIFE + LEEWAY).timestamp():
            raise AssertionTooLong
        if len(claims["jti"]) > _LONGEST_ID:
            raise AssertionInvalid
        return claims["jti"], datetime.fromtimestamp(claims["exp"], now.tzinfo)
