"""How often somebody may fail here, and begin a login, within an hour, counted across workers (standards row L7).

A failing address is told to stop (429, Retry-After) once it has failed too often; what it sends is judged all the
same: a good code, token or assertion is never refused, and a refusal says why as ever. For behind one address there
may be a hospital, or ten thousand phones, and whoever shares it with them must not be able to shut them out. Nothing is
lost by that: what there is to guess has 256 random bits or a signature, and a code or refresh token that was used twice
ends its session.

Logins begun are counted for public addresses alone: a private one is a proxy that did not say for whom it asks.

The one invariant: what a stranger does at one address changes nothing at any other.
"""

from __future__ import annotations

import ipaddress
from datetime import datetime
from typing import Protocol

from starlette.requests import HTTPConnection

from auth.errors import TooManyLogins
from auth.sessions import Clock
from ehb.domain.budget import HOUR, Budget

FAILURES, LOGINS = Budget("TOKEN_REFUSED", 100, HOUR), Budget("LOGIN_BEGUN", 1_000, HOUR)
"""For one address."""


class Counter(Protocol):
    """Counts by actor, budget and window."""

    async def spend(self, actor: bytes, budget: Budget, amount: int, now: datetime) -> int:
        """How many there are in this window, with these."""


class Attempts:
    """Counts what goes wrong, and what is begun."""

    def __init__(self, counter: Counter, clock: Clock) -> None:
        self._counter = counter
        self._clock = clock

    async def failed(self, request: HTTPConnection) -> int | None:
        """A request to the token endpoint was refused. Seconds to wait from the hundred and first on, before None."""
        now = self._clock()
        failures = await self._counter.spend(_network(request).encode(), FAILURES, 1, now)
        return FAILURES.wait(now) if failures > FAILURES.most else None

    async def begun(self, request: HTTPConnection) -> None:
        """A login begins. Raises TooManyLogins."""
        now, network = self._clock(), public_address(request)
        if network is None:
            return
        if await self._counter.spend(network.encode(), LOGINS, 1, now) > LOGINS.most:
            raise TooManyLogins(retry_after=LOGINS.wait(now))


def _network(request: HTTPConnection) -> str:
    """Where a request comes from: the address, of IPv6 the /64 that one household or phone has to itself."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    return str(ipaddress.ip_network(f"{address}/{64 if address.version == 6 else 32}", strict=False).network_address)


def _is_public(network: str) -> bool:
    try:
        return ipaddress.ip_address(network).is_global
    except ValueError:
        return False


def public_address(request: HTTPConnection) -> str | None:
    """Where a request comes from, None when that is a proxy that does not say."""
    network = _network(request)
    return network if _is_public(network) else None
