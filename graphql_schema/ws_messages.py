"""The messages of `graphql-transport-ws` as types, and the codes with which a connection is closed.

The one invariant: what is not a whole, known message within the limits closes the connection, and no word of it is
given back.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
import orjson
from msgspec import Meta, Struct
from starlette.datastructures import Headers

LARGEST_MESSAGE = 64_000
"""Characters of one message; a subscription has no files to carry."""
LONGEST_ID = 128
BURST, EACH_SECOND = 60.0, 10.0
"""Messages that a client may send at once, and how many more every second."""
_AUTHORIZATION = "authorization"
_TAKEN = (_AUTHORIZATION, "dpop", "ehb-facility", "accept-language")
"""What `connection_init` may say in place of a header."""


class CloseCode(enum.IntEnum):
    """Why the server closes a connection: 1000 to 1013 of RFC 6455 section 7.4, 4400 to 4429 of the protocol.

    npm graphql-ws connects again after 1001, 1013 and 4403 with what its `connectionParams` say then, and after no
    other of these.
    """

    reason: str

    def __new__(cls, code: int, reason: str) -> CloseCode:
        one = int.__new__(cls, code)
        one._value_ = code
        one.reason = reason
        return one

    IDLE = 1000, "Nothing is followed"
    GOING_AWAY = 1001, "Going away"
    TOO_OFTEN = 1008, "Too many messages"
    BUG = 1011, "Internal error"
    TRY_LATER = 1013, "Try again later"
    BAD_MESSAGE = 4400, "Bad message"
    UNAUTHORIZED = 4401, "Unauthorized"
    FORBIDDEN = 4403, "Forbidden"
    PROTOCOL = 4406, "Subprotocol not acceptable"
    INIT_TIMEOUT = 4408, "Connection initialisation timeout"
    DUPLICATE_ID = 4409, "Subscriber already exists"
    SECOND_INIT = 4429, "Too many initialisation requests"


class Closed(Exception):
    """The server closes the connection."""

    def __init__(self, code: CloseCode) -> None:
        super().__init__(code.reason)
        self.code = code


Id = Annotated[str, Meta(min_length=1, max_length=LONGEST_ID)]


class ConnectionInit(Struct, tag_field="type", tag="connection_init", frozen=True):
    """Whose connection it is."""

    payload: dict[str, Any] | None = None


class Ping(Struct, tag_field="type", tag="ping", frozen=True):
    """Answered by a pong."""

    payload: dict[str, Any] | None = None


class Pong(Struct, tag_field="type", tag="pong", frozen=True):
    """Says that somebody is there."""

    payload: dict[str, Any] | None = None


class Subscribe(Struct, tag_field="type", tag="subscribe", frozen=True):
    """Begin an operation. The payload is what a POST would have as its body."""

    id: Id
    payload: dict[str, Any]


class Complete(Struct, tag_field="type", tag="complete", frozen=True):
    """The client has heard enough of an operation."""

    id: Id


Message = ConnectionInit | Ping | Pong | Subscribe | Complete


def message_in(text: str | None) -> Message:
    """The message of a frame. Raises Closed for a binary frame and for what is no message."""
    if text is None or len(text) > LARGEST_MESSAGE:
        raise Closed(CloseCode.BAD_MESSAGE)
    try:
        said: Message = msgspec.convert(orjson.loads(text), Message)
    except (orjson.JSONDecodeError, msgspec.ValidationError):
        raise Closed(CloseCode.BAD_MESSAGE) from None
    return said


def credentials(upgrade: Headers, said: ConnectionInit) -> Headers:
    """The headers of the upgrade, with those of the payload in their place; two authorizations stay two, and refused.

    A browser sends an Accept-Language of its own, so the payload's word is the later one. Raises Closed for a value
    that no header can hold.
    """
    given = [(name.lower(), value) for name, value in (said.payload or {}).items() if name.lower() in _TAKEN]
    if not all(isinstance(value, str) and value.isascii() and value.isprintable() for _, value in given):
        raise Closed(CloseCode.BAD_MESSAGE)
    replaced = {name.encode() for name, _ in given if name != _AUTHORIZATION}
    kept = [(name, value) for name, value in upgrade.raw if name not in replaced]
    return Headers(raw=[*kept, *((name.encode(), value.encode()) for name, value in given)])


class Allowance:
    """How much one client may still say: a bucket that fills with time (`clock` in seconds)."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._left, self._at = BURST, clock()

    def spend(self) -> None:
        """One message. Raises Closed when there were too many."""
        now = self._clock()
        self._left = min(BURST, self._left + (now - self._at) * EACH_SECOND) - 1
        self._at = now
        if self._left < 0:
            raise Closed(CloseCode.TOO_OFTEN)
