"""What a connection may take of us: the size of a head and of a body, and the time of both (row H6)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import uvicorn
from starlette.requests import Request

from ehb.bodies import body_of
from ehb.errors import TooLarge, TooSlow
from ehb.http_limits import LARGEST_HEAD, LimitedProtocol
from tests.builders import FACILITY
from tests.house import House

LIVE = b"GET /livez HTTP/1.1\r\nHost: here\r\n"
OK, TOO_LONG, TIMED_OUT = b"HTTP/1.1 200", b"HTTP/1.1 431", b"HTTP/1.1 408"


async def told(server: str, *parts: bytes, pause: float = 0.02) -> bytes:
    """What the server says to these bytes, sent one after the other, until it closes."""
    host, port = server.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    answer = asyncio.create_task(_all_of(reader))
    try:
        for part in parts:
            if not answer.done():
                writer.write(part)
                await asyncio.sleep(pause)
        async with asyncio.timeout(10):
            return await answer
    finally:
        writer.close()
        await asyncio.gather(answer, return_exceptions=True)


async def _all_of(reader: asyncio.StreamReader) -> bytes:
    """All that comes, also when the server hangs up on what it did not read."""
    found = b""
    while True:
        try:
            piece = await reader.read(65_536)
        except ConnectionError:
            return found
        if not piece:
            return found
        found += piece


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([LIVE + b"Connection: close\r\n\r\n"], OK),
        ([LIVE + b"X: " + b"x" * 8_000 + b"\r\nConnection: close\r\n\r\n"], OK),
        ([LIVE + b"X: " + b"x" * LARGEST_HEAD + b"\r\n\r\n"], TOO_LONG),
        ([LIVE + b"X: " + b"x" * LARGEST_HEAD, b"x" * 100], TOO_LONG),
        ([LIVE, *[b"X: " + b"x" * 1_000 + b"\r\n"] * 20], TOO_LONG),
        ([LIVE + b"X: y\r\n" * 3_000 + b"\r\n"], TOO_LONG),
        ([b"GET /livez?" + b"x" * LARGEST_HEAD + b" HTTP/1.1\r\n\r\n"], TOO_LONG),
        ([b"G" + b"x" * LARGEST_HEAD], b"HTTP/1.1 400"),
        ([LIVE + b"\r\n", LIVE + b"X: " + b"x" * LARGEST_HEAD + b"\r\n\r\n"], OK),
    ],
    ids=["small", "large", "long line", "endless line", "many writes", "many lines", "long url", "no method", "second"],
)
async def test_row_h6_a_head_that_is_too_long_is_431(server: str, parts: list[bytes], expected: bytes) -> None:
    """Row H6."""
    answer = await told(server, *parts)

    assert answer.startswith(expected)
    if parts[0] == LIVE + b"\r\n":
        assert TOO_LONG in answer


async def test_a_large_body_is_not_taken_for_a_head(server: str) -> None:
    async with httpx2.AsyncClient(base_url=server) as http:
        answers = [await http.post("/graphql", content=b" " * 100_000, headers=JSON) for _ in range(2)]
        answers.append(await http.get("/livez"))

    assert [one.status_code for one in answers] == [400, 400, 200]


async def test_two_requests_in_one_piece_are_two_answers(server: str) -> None:
    post = b"POST /graphql HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nContent-Length: 20000\r\n\r\n"

    answer = await told(server, post + b" " * 20_000 + LIVE, b"Connection: close\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 400")
    assert OK in answer


JSON = {"Content-Type": "application/json"}
FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    "first",
    [
        b"GET /livez HTTP/1.1\r\nHost: here\r\nContent-Length: 5000\r\n\r\n",
        b"POST /graphql HTTP/1.1\r\nHost: here\r\nContent-Type: text/plain\r\nContent-Length: 5000\r\n\r\n",
        b"POST /auth/token HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
    ids=["not asked for", "of a wrong type", "in chunks"],
)
async def test_row_h6_a_body_that_nobody_waits_for_does_not_hold_its_connection(
    server: str, monkeypatch: pytest.MonkeyPatch, first: bytes
) -> None:
    """Row H6: the answer comes at once, and the rest may go by for a while."""
    monkeypatch.setattr(LimitedProtocol, "unread_seconds", 0.5)
    piece = b"1\r\nx\r\n" if b"chunked" in first else b"x"

    answer = await told(server, first, *[piece] * 60, pause=0.1)

    assert answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 415", b"HTTP/1.1 400"))


async def test_who_sends_the_rest_in_time_is_answered_again_on_the_same_connection(server: str) -> None:
    head = b"POST /graphql HTTP/1.1\r\nHost: here\r\nContent-Type: text/plain\r\nContent-Length: 3000\r\n\r\n"

    answer = await told(server, head, b"x" * 1_500, b"x" * 1_500, LIVE + b"Connection: close\r\n\r\n", pause=0.1)

    assert answer.startswith(b"HTTP/1.1 415")
    assert OK in answer


@pytest.mark.parametrize("parts", [[], [b"GE"], [LIVE], [LIVE + b"\r\n", LIVE]], ids=["silent", "verb", "head", "next"])
async def test_row_h6_a_head_that_does_not_come_to_its_end_is_408(
    server: str, parts: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row H6."""
    monkeypatch.setattr(LimitedProtocol, "head_seconds", 0.3)

    answer = await told(server, *parts)

    assert TIMED_OUT in answer
    assert answer.startswith(OK if len(parts) == 2 else TIMED_OUT)


@pytest.fixture
async def slow() -> AsyncIterator[str]:
    """A server whose every answer takes a second."""

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await asyncio.sleep(1)
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})

    running = uvicorn.Server(uvicorn.Config(app, http=LimitedProtocol, port=0, lifespan="off", log_config=None))
    serving = asyncio.create_task(running.serve())
    while not running.started:  # noqa: ASYNC110  uvicorn tells it by a flag
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}"
    running.should_exit = True
    await serving


@pytest.mark.parametrize("more", [LIVE, LIVE + b"X: " + b"x" * LARGEST_HEAD], ids=["too slow", "too long"])
async def test_a_head_behind_a_request_that_still_runs_is_never_answered_in_its_place(
    slow: str, monkeypatch: pytest.MonkeyPatch, more: bytes
) -> None:
    """Pipelining (RFC 9112 section 9.3.2): answers come in the order of the requests, or not at all."""
    monkeypatch.setattr(LimitedProtocol, "head_seconds", 0.3)

    assert (await told(slow, LIVE + b"Connection: close\r\n\r\n")).startswith(OK)
    assert await told(slow, LIVE + b"\r\n", more, pause=0.1) == b""


async def test_whoever_drips_headers_is_not_waited_for(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LimitedProtocol, "head_seconds", 0.3)

    answer = await told(server, LIVE, *[b"X: y\r\n"] * 8, pause=0.1)

    assert answer.startswith(TIMED_OUT)


def request_of(pieces: AsyncIterator[bytes]) -> Request:
    async def receive() -> dict[str, object]:
        piece = await anext(pieces, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


async def dripping(pause: float, count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        await asyncio.sleep(pause)
        yield b"x"


async def test_row_h6_a_body_that_stops_or_drips_is_too_slow_and_one_that_comes_is_taken() -> None:
    """Row H6."""
    with pytest.raises(TooSlow):
        await body_of(request_of(dripping(5, 1)), 100, pause=0.1, seconds=5)
    with pytest.raises(TooSlow):
        await body_of(request_of(dripping(0.05, 100)), 100, pause=1, seconds=0.3)
    with pytest.raises(TooLarge):
        await body_of(request_of(dripping(0, 101)), 100)

    assert await body_of(request_of(dripping(0.01, 10)), 100, pause=1, seconds=5) == b"x" * 10


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/graphql", "application/json"),
        ("/facility/submissions", "application/xml"),
        *((f"/auth/{name}", FORM) for name in ("token", "revoke", "logout", "backchannel-logout")),
    ],
)
async def test_row_h6_a_body_without_an_end_is_408_on_every_path(
    house: House, server: str, monkeypatch: pytest.MonkeyPatch, path: str, kind: str
) -> None:
    monkeypatch.setattr(body_of, "__kwdefaults__", {"pause": 0.3, "seconds": 5})
    head = f"POST {path} HTTP/1.1\r\nHost: here\r\nContent-Type: {kind}\r\nContent-Length: 100\r\n"
    token = await house.facility(FACILITY)

    answer = await told(server, f"{head}Authorization: Bearer {token}\r\n\r\n<".encode())

    assert answer.startswith(TIMED_OUT)
    assert b"connection: close" in answer.lower()
    assert b"REQUEST_TIMEOUT" in answer
