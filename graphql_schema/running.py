"""Running streams: what ends one, how many there may be, and the answers of an operation one after the other.

Shared by the two ways in which they come, `event_stream` (SSE) and `transport_ws` (WebSocket); what is told when the
right to a book ends is the source's own affair. Decision: whether a login still stands is asked again and again, not
told, because asking also finds what nobody tells (a token's last second, a database that no longer answers), and is
one read by `_id`. We give up that an idle stream costs nothing.

The one invariant: a stream does not outlive its login, however busy it is; one about which nothing can be found out
ends as well.
"""

from __future__ import annotations

import asyncio
import enum
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterator
from contextlib import aclosing, contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from graphql import GraphQLError
from starlette.datastructures import Headers

from ehb.domain.identity import Principal
from ehb.errors import EhbError, Forbidden, RateLimited, Unauthenticated, Unavailable
from ehb.traces import apart
from graphql_schema.context import Context
from graphql_schema.errors import answer
from graphql_schema.operations import Operations, OtherTransport

LOOK_EVERY = 1.5
"""Seconds between two looks at whether the login still stands; a stream ends within two of its end."""
LONGEST_LOOK = 5.0
"""Seconds that one look may take: who cannot be asked about has no stream."""
SLOWEST = 20.0
"""Seconds that a client may leave what it was sent unread."""
MOST_OF_ONE = 8
"""Connections that one person, or one facility, may follow on at once, in each process."""
MOST = 2_000
"""Connections on which anybody may follow at once, in each process."""
LATER = 10
"""Seconds after which somebody who follows too much may try again."""
_AGAIN = 0.2
_PORTS = {"http": 80, "https": 443}


class End(enum.Enum):
    """Why a connection of streams ends, when it is not the client who ends it."""

    LOGIN_OVER = "the login is over"
    NOT_KNOWN = "whether the login still stands cannot be found out"
    SHUTDOWN = "this process ends"


class Streams:
    """All connections of this process on which somebody follows something."""

    def __init__(self, base_url: str, origins: Collection[str] = ()) -> None:
        self._origins = frozenset(map(origin_of, (base_url, *origins)))
        self._closing = asyncio.Event()
        self._of_each: Counter[bytes | str] = Counter()
        self._count = 0
        self._looks: set[asyncio.Future[object]] = set()

    def close(self) -> None:
        """End them all: this process is about to. None is opened any more."""
        self._closing.set()

    def check_origin(self, headers: Headers) -> None:
        """Raise Forbidden for a page of a foreign site. Browsers name it (RFC 6454 section 7); apps name none."""
        if not self._origins.issuperset(headers.getlist("origin")):
            raise Forbidden

    @contextmanager
    def place(self, principal: Principal) -> Iterator[None]:
        """One connection's place. Raises RateLimited when there are too many, Unavailable when the process ends."""
        who = principal.patient_id or principal.facility or principal.session
        if self._closing.is_set():
            raise Unavailable
        if self._count >= MOST or self._of_each[who] >= MOST_OF_ONE:
            raise RateLimited(LATER)
        self._count += 1
        self._of_each[who] += 1
        try:
            yield
        finally:
            self._count -= 1
            self._of_each[who] -= 1
            if not self._of_each[who]:
                del self._of_each[who]

    async def end(self, principal: Callable[[], Awaitable[object]]) -> End:
        """Wait for what ends a connection, and say what it was. `principal` raises when the login is over."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await self._closing.wait()
                return End.SHUTDOWN
            with apart():
                look = asyncio.ensure_future(principal())
            self._looks.add(look)  # goes on when the stream is gone: breaking off would cost the database's connection
            look.add_done_callback(self._seen)
            await asyncio.wait({look}, timeout=LONGEST_LOOK)
            if not look.done():
                return End.NOT_KNOWN
            try:
                look.result()
            except (Unauthenticated, Forbidden):
                return End.LOGIN_OVER
            except EhbError:
                return End.NOT_KNOWN

    def _seen(self, look: asyncio.Future[object]) -> None:
        self._looks.discard(look)
        if not look.cancelled():
            look.exception()


async def answers(
    operations: Operations, asked: dict[str, Any], context: Context
) -> AsyncGenerator[tuple[dict[str, Any], bool]]:
    """Each answer of one subscription, safe to send, and whether it is a no to the whole of it."""
    begun = False
    try:
        async with aclosing(operations.follow(asked, context)) as results:
            async for errors, data in results:
                yield answer(errors, data, context.language), not begun and data is None and bool(errors)
                begun = True
    except OtherTransport:
        error = GraphQLError("Only subscriptions are followed here: send queries and mutations by POST.")
        yield answer([error], None, context.language), True
    except EhbError as refused:
        error = GraphQLError(refused.en, original_error=refused)
        yield answer([error], None, context.language), True


async def stopped(*tasks: asyncio.Future[Any]) -> None:
    """Cancel, and wait until they are done: more than once, for what waits for the database may miss the first time.

    (`asyncio.wait_for` of Python 3.11 drops a cancellation that comes together with the answer; PyMongo uses it.)
    """
    left = {one for one in tasks if not one.done()}
    while left:
        for one in left:
            one.cancel()
        _, left = await asyncio.wait(left, timeout=_AGAIN)
    for one in tasks:
        if not one.cancelled():
            one.exception()  # seen; asyncio would log its text


def origin_of(address: str) -> str:
    """The origin of an address as a browser writes it (RFC 6454 section 6.2): no path, no port that goes without."""
    parts = urlsplit(address)
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname
    port = "" if parts.port in (None, _PORTS.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"
