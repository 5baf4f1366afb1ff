"""GraphQL over WebSocket: the `graphql-transport-ws` protocol of npm graphql-ws (standards rows W1 to W3).

Own and small, because the library's handler lets a socket outlive its login, sends messages and errors as they are,
and takes queries. Owns the protocol and its close codes; the login and the number of connections are the affair of
`running`, what may be asked that of `http`.

Decisions. A socket lives no longer than the access token it began with: the client opens another one with its next
token, and nothing on an open socket makes it more than it was. Queries and mutations are refused: POST is the one way
in for them, with its limits, its trusted documents and its log lines. Credentials come in `connection_init`, because
a browser cannot set headers, or in the headers of the upgrade; whoever brings none is not let in, because nobody
anonymous has anything to follow.

The one invariant: whatever ends a connection, nothing that ran on it runs on.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any

import orjson
from graphql import GraphQLError
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket, WebSocketDisconnect

from ehb.domain.identity import Principal, PrincipalKind
from ehb.errors import EhbError, Forbidden, RateLimited, Unauthenticated, Unavailable
from ehb.problems import language_of, problem_response
from ehb.request_log import bug
from ehb.traces import span
from graphql_schema.context import Context
from graphql_schema.errors import presented
from graphql_schema.http import GraphQLEndpoint
from graphql_schema.running import LATER, SLOWEST, End, Streams, answers, stopped
from graphql_schema.ws_messages import (
    Allowance,
    CloseCode,
    Closed,
    Complete,
    ConnectionInit,
    Message,
    Ping,
    Subscribe,
    credentials,
    message_in,
)

PROTOCOL = "graphql-transport-ws"
INIT_WAIT = 5.0
"""Seconds in which a connection says whose it is."""
IDLE = 60.0
"""Seconds that a connection is kept on which nothing is followed and nothing is said."""
FAREWELL = 2.0
"""Seconds in which the last word must be sent."""
MOST_AT_ONCE = 8
"""Subscriptions on one connection."""
MOST_STRANGERS, MOST_OF_ADDRESS = 1_000, 50
"""Connections in one process that have not said yet whose they are; those of them from one public address."""
Admission = tuple[Principal, Callable[[], Awaitable[object]]]
"""Who was let in, and a way to ask whether they still may; a proof of possession is used up by the first look."""
_CODES = {End.LOGIN_OVER: CloseCode.FORBIDDEN, End.NOT_KNOWN: CloseCode.TRY_LATER, End.SHUTDOWN: CloseCode.GOING_AWAY}


class SocketEndpoint:
    """The WebSocket side of `/graphql`."""

    def __init__(
        self,
        endpoint: GraphQLEndpoint,
        admit: Callable[[Headers], Awaitable[Admission]],
        streams: Streams,
        address_of: Callable[[HTTPConnection], str | None],
    ) -> None:
        """`address_of` says from which public address a connection comes; None when a proxy does not tell."""
        self._endpoint = endpoint
        self._admit = admit
        self._streams = streams
        self._address_of = address_of
        self._strangers: Counter[str | None] = Counter()

    async def serve(self, socket: WebSocket) -> None:
        """One connection, from the upgrade to its end. Raises nothing: there is nobody above to tell."""
        try:
            self._streams.check_origin(socket.headers)
            address = self._address_of(socket)
            full = address is not None and self._strangers[address] >= MOST_OF_ADDRESS
            if full or self._strangers.total() >= MOST_STRANGERS:
                raise Unavailable
        except EhbError as error:
            await socket.send_denial_response(problem_response(error, language_of(socket.headers)))
            return
        try:
            if PROTOCOL not in socket.scope["subprotocols"]:
                await socket.accept()
                raise Closed(CloseCode.PROTOCOL)
            await socket.accept(PROTOCOL)
            await self._talk(socket)
        except Closed as closed:
            await _close(socket, closed.code)
        except (WebSocketDisconnect, TimeoutError):
            return  # nobody is there, or nobody who reads
        except Exception as error:  # the server would log its text
            bug(error)
            await _close(socket, CloseCode.BUG)

    async def _talk(self, socket: WebSocket) -> None:
        connection = _Connection(socket, self._endpoint)
        address = self._address_of(socket)
        self._strangers[address] += 1
        try:
            headers = await connection.introduction()
            principal, again = await self._admitted(headers)
        finally:
            self._strangers[address] -= 1
            if not self._strangers[address]:
                del self._strangers[address]
        try:
            with self._streams.place(principal):
                context = self._endpoint.context(principal, language_of(headers))
                await connection.follow(context, self._streams.end(again))
        except (RateLimited, Unavailable):
            raise Closed(CloseCode.TRY_LATER) from None

    async def _admitted(self, headers: Headers) -> Admission:
        try:
            principal, again = await self._admit(headers)
        except (Unauthenticated, Forbidden):
            raise Closed(CloseCode.FORBIDDEN) from None
        except EhbError:
            raise Closed(CloseCode.TRY_LATER) from None
        if principal.kind is PrincipalKind.ANONYMOUS:
            raise Closed(CloseCode.FORBIDDEN)
        return principal, again


class _Connection:
    """A connection and what is followed on it."""

    def __init__(self, socket: WebSocket, endpoint: GraphQLEndpoint) -> None:
        self._socket = socket
        self._endpoint = endpoint
        self._allowance = Allowance(asyncio.get_running_loop().time)
        self._followed: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def introduction(self) -> Headers:
        """The headers of the upgrade with what `connection_init` says instead. Raises Closed."""
        try:
            async with asyncio.timeout(INIT_WAIT):
                while not isinstance(said := await self._heard(), ConnectionInit):
                    if isinstance(said, Subscribe):
                        raise Closed(CloseCode.UNAUTHORIZED)
        except TimeoutError:
            raise Closed(CloseCode.INIT_TIMEOUT) from None
        return credentials(self._socket.headers, said)

    async def follow(self, context: Context, end: Awaitable[End]) -> None:
        """Acknowledge, and do what the client says until it leaves or something ends the connection."""
        ending = asyncio.ensure_future(end)
        listening = asyncio.create_task(self._listen(context))
        whatever: set[asyncio.Future[Any]] = {ending, listening, self._failed}
        try:
            await asyncio.wait(whatever, return_when=asyncio.FIRST_COMPLETED)
            if ending.done():
                raise Closed(_CODES[ending.result()])
            await (self._failed if self._failed.done() else listening)
        finally:
            if not self._failed.cancel():
                self._failed.exception()
            await stopped(ending, listening, *self._tasks)

    async def _listen(self, context: Context) -> None:
        await self._say({"type": "connection_ack"})
        while True:
            try:
                async with asyncio.timeout(IDLE):
                    said = await self._heard()
            except TimeoutError:
                if self._tasks:
                    continue
                raise Closed(CloseCode.IDLE) from None
            if isinstance(said, ConnectionInit):
                raise Closed(CloseCode.SECOND_INIT)
            if isinstance(said, Subscribe):
                await self._subscribe(said, context)
            elif isinstance(said, Complete) and (task := self._followed.pop(said.id, None)) is not None:
                await stopped(task)

    async def _subscribe(self, said: Subscribe, context: Context) -> None:
        if said.id in self._followed:
            raise Closed(CloseCode.DUPLICATE_ID)
        try:
            if len(self._tasks) >= MOST_AT_ONCE:
                raise RateLimited(LATER)
            asked = await self._endpoint.asked(said.payload)
        except EhbError as error:
            shown = presented(GraphQLError(error.en, original_error=error), context.language)
            await self._say({"id": said.id, "type": "error", "payload": [shown]})
            return
        task = asyncio.create_task(self._traced(said.id, asked, context))
        self._followed[said.id] = task
        self._tasks.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None and not self._failed.done():
            self._failed.set_exception(fault)

    async def _traced(self, name: str, asked: dict[str, Any], context: Context) -> None:
        with span("graphql"):
            await self._tell(name, asked, context)

    async def _tell(self, name: str, asked: dict[str, Any], context: Context) -> None:
        """Every answer as it comes; the id is free again before the last word."""
        async with aclosing(answers(self._endpoint.operations, asked, context)) as coming:
            async for answer, refused in coming:
                if refused:
                    self._followed.pop(name, None)
                    await self._say({"id": name, "type": "error", "payload": answer["errors"]})
                    return
                await self._say({"id": name, "type": "next", "payload": answer})
        self._followed.pop(name, None)
        await self._say({"id": name, "type": "complete"})

    async def _heard(self) -> Message:
        """The next message that asks for something; pings are answered on the way. Raises Closed."""
        while True:
            received = await self._socket.receive()
            if received["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(received.get("code") or 1005)
            self._allowance.spend()
            said = message_in(received.get("text"))
            if not isinstance(said, Ping):
                return said
            await self._say({"type": "pong"})

    async def _say(self, message: dict[str, Any]) -> None:
        """Raises TimeoutError when the client does not read."""
        async with asyncio.timeout(SLOWEST):
            await self._socket.send_text(orjson.dumps(message).decode())


async def _close(socket: WebSocket, code: CloseCode) -> None:
    with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):  # it may be closed by now
        async with asyncio.timeout(FAREWELL):
            await socket.close(code, code.reason)
