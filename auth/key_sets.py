"""Key sets that facilities publish at an address of theirs (`jwks_uri`, SMART Backend Services, standards row A5).

Owns how long a set is believed and how often it is fetched: a set is fresh for ten minutes, an unknown key id
fetches it again, at most once in half a minute whoever asks, and a set that cannot be fetched any more counts for an
hour in all. So a key that a facility takes out of its set is of no use an hour later at the latest.

The one invariant: whoever needs a key that we hold waits for nobody.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from auth.jws import Unverified, VerificationKey, keys_for, verification_keys
from auth.outside import FetchRefused, Outside
from auth.sessions import Clock
from ehb.logs import log
from ehb.traces import span

FRESH = timedelta(minutes=10)
PAUSE = timedelta(seconds=30)
LONGEST = timedelta(hours=1)
_MOST_KEYS = 20
_MOST_SETS = 5_000
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class _KeySet:
    keys: list[VerificationKey] = field(default_factory=list)
    fetched: datetime = _NEVER
    tried: datetime = _NEVER
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class KeySets:
    """The key sets of this worker, by address."""

    def __init__(self, outside: Outside, clock: Clock) -> None:
        self._outside = outside
        self._clock = clock
        self._sets: OrderedDict[str, _KeySet] = OrderedDict()

    async def keys_for(self, token: Unverified, uri: str) -> list[VerificationKey]:
        """The keys of this set that may have signed the token; none when it cannot be fetched."""
        held = self._held(uri)
        known = keys_for(token, held.keys)
        if known and self._clock() - held.fetched < FRESH:
            return known
        async with held.lock:
            if self._clock() - held.tried >= PAUSE:
                held.tried = self._clock()
                await self._fetch(held, uri)
            return keys_for(token, held.keys) if self._clock() - held.fetched < LONGEST else []

    def _held(self, uri: str) -> _KeySet:
        held = self._sets.setdefault(uri, _KeySet())
        self._sets.move_to_end(uri)
        if len(self._sets) > _MOST_SETS:
            self._sets.popitem(last=False)
        return held

    async def _fetch(self, held: _KeySet, uri: str) -> None:
        try:
            with span("facility keys", outward=True):
                fetched = await self._outside.fetch(uri)
            held.keys = _public_keys(fetched)
        except FetchRefused as refused:
            log.warning("a facility's key set was not fetched", why=refused.why)
            return
        held.fetched = self._clock()


def _public_keys(text: bytes) -> list[VerificationKey]:
    """The public keys of a JWK set; one that is published with its private half is nobody's any more."""
    try:
        listed = json.loads(text)["keys"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise FetchRefused("JWK set") from None
    if not isinstance(listed, list):
        raise FetchRefused("JWK set")
    public = [one for one in listed if isinstance(one, dict) and "d" not in one and "k" not in one]
    return verification_keys(public[:_MOST_KEYS])
