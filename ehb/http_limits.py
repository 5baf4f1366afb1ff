"""What the server takes from a connection before any of it is parsed into a request (standards row H6).

uvicorn on httptools limits neither how long the head of a request is nor how long it takes to come, so a connection
that drips headers would be held for ever, at no cost to whoever opened it. Bodies have their limits in `ehb.bodies`;
of a body that nobody reads, because the request was answered without it, the rest is let go by for some seconds.
The one invariant: a head that is too long or too slow never reaches the app, and its connection ends.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

LARGEST_HEAD = 16_384
"""Bytes of request line and headers together; a token of ours takes a hundred."""
HEAD_SECONDS = 10.0
"""From the connection, or the first byte of a later request on it, to the end of the headers."""


UNREAD_SECONDS = 10.0
"""From an answer to the end of the body that it did not wait for; closing at once might take the answer away again."""


class _TooLong(Exception):
    """Ends the parser's work; uvicorn answers then, in our words."""


class LimitedProtocol(HttpToolsProtocol):
    """One connection. 431 for a head that is too long, 408 for one that does not come to its end (RFC 6585, 9110)."""

    head_seconds = HEAD_SECONDS
    unread_seconds = UNREAD_SECONDS

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._head, self._in_head, self._messages = 0, True, 0
        self._patience: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._patience = self.loop.call_later(self.head_seconds, self._end, 408)

    def connection_lost(self, exc: Exception | None) -> None:
        self._patient()
        self._read()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        unfinished = self._head + len(data) if self._in_head else 0
        message = max(self._messages, 1)
        super().data_received(data)
        if self._in_head and self._messages <= message and not self.transport.is_closing():
            self._head = max(self._head, unfinished)  # a line without an end is counted by nobody else
            if self._head > LARGEST_HEAD:
                self._end(431)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head, self._in_head = 0, True
        self._messages += 1
        if self._patience is None:
            self._patience = self.loop.call_later(self.head_seconds, self._end, 408)

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._patient()
        self._in_head = False
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle is not None and self.cycle.response_complete and self.cycle.more_body:
            self._unread = self.loop.call_later(self.unread_seconds, self.transport.close)

    def on_message_complete(self) -> None:
        self._read()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        if self._head > LARGEST_HEAD:
            self._end(431)
        else:
            super().send_400_response(msg)

    def _count(self, more: int) -> None:
        self._head += more
        if self._head > LARGEST_HEAD:
            raise _TooLong

    def _patient(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _read(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _end(self, status: int) -> None:
        self._patient()
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:  # or it would be taken for the answer to another request
            self.transport.write(STATUS_LINE[status] + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()
