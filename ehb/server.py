"""The HTTP server: uvicorn, with an end to what it would put up with.

uvicorn waits for ever for a client that does not read, and answers pings into a buffer without end. Owns the options
with which every command serves, and what the app is told before the process ends.

The one invariant: what one connection may hold in memory has a limit, whoever is at the other end.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import socket
import sys
from typing import Any

import uvicorn
from uvicorn.config import STARTUP_FAILURE
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.supervisors import multiprocess
from websockets.frames import Frame

from ehb.http_limits import LimitedProtocol

BEFORE_SHUTDOWN = "before_shutdown"
"""Key of the lifespan's state: a function to call when the process is about to end, once or more often."""
PATIENCE = 15.0
"""Seconds that a full write buffer (64 KB) may stay full; then the connection is cut."""
FAREWELL = 3.0
"""Seconds that a client has to answer a closing handshake."""
LAST_REQUEST = 0.5
"""Seconds that an idle connection is kept when the process ends: a client may just have asked on it, and not know."""
MOST_UNSENT = 256 * 1024
"""Bytes of answers to pings, and of what came before them, that a client may leave unread."""
MOST_FRAGMENTS = 1_000


class _Impatient(asyncio.Protocol):
    """Cuts off a client that does not read."""

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    _cut: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        self._cut = self.loop.call_later(PATIENCE, self.transport.abort)
        super().pause_writing()

    def resume_writing(self) -> None:
        if self._cut is not None:
            self._cut.cancel()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._cut is not None:
            self._cut.cancel()
        super().connection_lost(exc)


class Http(_Impatient, LimitedProtocol):
    """One HTTP connection. When the process ends, a request that is on its way is still answered, as the last one."""

    _leaving = False

    def shutdown(self) -> None:
        _about_to_end(self.app_state)
        if self._idle():
            self._leaving = True
            self.loop.call_later(LAST_REQUEST, self._leave)
        else:
            super().shutdown()

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if self._leaving and self.cycle is not None:
            self.cycle.keep_alive = False

    def _leave(self) -> None:
        if self._idle():
            self.transport.close()

    def _idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete


class Sockets(_Impatient, WebSocketsSansIOProtocol):
    """One WebSocket connection."""

    def shutdown(self) -> None:
        """Let the app close it with 1001; uvicorn would with 1012, before the app knows."""
        if _about_to_end(self.app_state) and self.handshake_complete and not self.close_sent:
            self.stop_keepalive()
        else:
            super().shutdown()

    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.close":
            self.loop.call_later(FAREWELL, self.transport.abort)

    def handle_ping(self) -> None:
        super().handle_ping()
        if self.transport.get_write_buffer_size() > MOST_UNSENT:
            self.transport.abort()

    def handle_cont(self, event: Frame) -> None:
        super().handle_cont(event)
        if len(self.frames) > MOST_FRAGMENTS:
            self.transport.abort()


def _about_to_end(state: dict[str, Any]) -> bool:
    tell = state.get(BEFORE_SHUTDOWN)
    if tell is not None:
        tell()
    return tell is not None


class _Server(uvicorn.Server):
    """Takes whoever has connected before it stops listening: they may have asked, and the kernel would cut them off."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        listening = [socket.socket(fileno=os.dup(one.fileno())) for server in self.servers for one in server.sockets]
        for server in self.servers:
            server.close()
        for one in listening:
            with one:
                await self._take(one)
        await super().shutdown(sockets)

    async def _take(self, listening: socket.socket) -> None:
        listening.setblocking(False)
        listening.listen(0)  # nobody joins those who wait
        while True:
            try:
                connected, _ = listening.accept()
            except BlockingIOError:
                return
            await asyncio.get_running_loop().connect_accepted_socket(self._connection, connected)

    def _connection(self) -> asyncio.Protocol:
        protocol: Any = self.config.http_protocol_class
        made: asyncio.Protocol = protocol(self.config, self.server_state, self.lifespan.state)
        return made


class _Worker(multiprocess.Process):
    """One of several workers."""

    @property
    def server(self) -> uvicorn.Server:
        if self._server is None:
            self._server = _Server(self.config)
        return self._server


class _Workers(multiprocess.Multiprocess):
    """Several workers behind one listener, which the one who started them lets go before they are told to end.

    uvicorn keeps it until the last of them is gone; meanwhile the kernel takes connections that nobody will read.
    """

    def terminate_all(self) -> None:
        for one in self.sockets:
            one.close()
        super().terminate_all()


def serve(app: str, **options: Any) -> None:
    """Serve until a signal; `options` are those of `uvicorn.Config`. `app` is a factory as an import string."""
    config = uvicorn.Config(app, factory=True, log_config=None, **OPTIONS, **options)
    if config.workers > 1:
        vars(multiprocess)["Process"] = _Worker  # which it names, and takes no other
        _Workers(config, sockets=[config.bind_socket()]).run()
        return
    server = _Server(config)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)


_COLLECT_AFTER = 100_000
"""Objects more than before, that may hold others: a whole book in flight is some 3,000. At 10,000 the collector walked
through the books in flight again and again, a tenth of the processor's time; a request leaves it nothing."""


def settle() -> None:
    """What is there from the start stays, so the garbage collector need not look at it again, and looks less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)


OPTIONS: dict[str, Any] = {
    "http": Http,
    "ws": Sockets,
    "ws_max_size": 256 * 1024,
    "ws_per_message_deflate": False,  # a small frame may hold a large message, and secrets beside chosen text (CRIME)
    "ws_ping_interval": 20.0,
    "ws_ping_timeout": 20.0,
    "server_header": False,
    "access_log": False,
}
"""What `uvicorn.Config` and `uvicorn.run` take."""
