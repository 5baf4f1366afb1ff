"""What is asked for in the same moment goes to the database as one: most of a small command is its round trip.

While one command is under way, whoever asks waits for its end and goes with the next, so that a busy process sends few
large commands and an idle one sends each at once. For a read and for a durable line of the trail alike.

The one invariant: a command begins after it was asked for, so nobody is told what was true before they asked. That is
why a session may be read this way and not be remembered: an ended one is refused at the very next request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

from ehb.traces import span

Q = TypeVar("Q")
A = TypeVar("A")
MOST = 500
"""Questions of one command."""


class Together(Generic[Q, A]):
    """Sends the questions of everybody who asks while another command is under way as one."""

    def __init__(
        self, send: Callable[[Sequence[Q]], Awaitable[Sequence[A | Exception]]], command: str, collection: str
    ) -> None:
        """`send` gives one answer for each question, in their order, or what went wrong with that one.

        `command` and `collection` are what a trace says of each question.
        """
        self._send = send
        self._facts = {"system": "mongodb", "command": command, "collection": collection}
        self._waiting: list[tuple[Q, asyncio.Future[A]]] = []
        self._under_way: asyncio.Task[None] | None = None

    async def one(self, question: Q) -> A:
        """Its answer. Raises what went wrong with it, or with the command."""
        future: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if self._under_way is None or self._under_way.done():
            self._under_way = asyncio.create_task(self._work(), context=Context())  # nobody's request in particular
        with span(f"{self._facts['command']} {self._facts['collection']}", outward=True, **self._facts):
            return await asyncio.shield(future)

    async def _work(self) -> None:
        """A task begins in the next turn of the loop: until then others may join, afterwards they wait."""
        while self._waiting:
            asked, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            answers: Sequence[A | Exception]
            try:
                answers = await self._send([question for question, _ in asked])
            except Exception as error:
                answers = [error] * len(asked)
            except BaseException:
                for _, future in [*asked, *self._waiting]:
                    future.cancel()
                self._waiting = []
                raise
            for (_, future), answer in zip(asked, answers, strict=True):
                if isinstance(answer, Exception):
                    future.set_exception(answer)
                    future.exception()  # whoever asked may have gone away
                else:
                    future.set_result(answer)
