"""Request bodies: read no further than they may be long, and wait no longer than they may take (standards row H6).

The one invariant: a body over its limits is refused before it is held or parsed, whatever its Content-Length says.
"""

from __future__ import annotations

from asyncio import get_running_loop, timeout_at

from starlette.requests import ClientDisconnect, Request

from ehb.errors import BadInput, TooLarge, TooSlow

PAUSE_SECONDS, BODY_SECONDS = 10.0, 120.0
"""The longest pause between two pieces, and the longest time for all: ten megabytes at 0.7 Mbit/s."""


async def body_of(
    request: Request, largest: int, *, pause: float = PAUSE_SECONDS, seconds: float = BODY_SECONDS
) -> bytes:
    """The whole body. Raises TooLarge over `largest` bytes, TooSlow, BadInput when the caller went away."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > largest:
        raise TooLarge
    body, clock = bytearray(), get_running_loop().time
    end = clock() + seconds
    try:
        async with timeout_at(min(end, clock() + pause)) as patience:
            async for chunk in request.stream():
                patience.reschedule(min(end, clock() + pause))
                body += chunk
                if len(body) > largest:
                    raise TooLarge
    except ClientDisconnect:
        raise BadInput from None
    except TimeoutError:
        raise TooSlow from None
    return bytes(body)
