"""Request bodies: read no further than they may be long.

The one invariant: a body over its limit is refused before it is held or parsed, whatever its Content-Length says.
"""

from __future__ import annotations

from starlette.requests import ClientDisconnect, Request

from ehb.errors import BadInput, TooLarge


async def body_of(request: Request, largest: int) -> bytes:
    """The whole body. Raises TooLarge over `largest` bytes, BadInput when the caller went away."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > largest:
        raise TooLarge
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > largest:
                raise TooLarge
    except ClientDisconnect:
        raise BadInput from None
    return bytes(body)
