"""Spans of the commands that the database is sent: which command, to which collection (standards row E5).

Never the command itself, its filter, the reply, or the words of a failure, all of which quote documents. The one
invariant: a command is a span of the request that sent it, or none.
"""

from __future__ import annotations

from contextvars import ContextVar

from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from ehb.traces import Span, begun, failed, say

_running: ContextVar[tuple[int, Span] | None] = ContextVar("command", default=None)
"""The driver tells the beginning and the end of a command in one task; of one that is broken off, no end."""


class TracedCommands(CommandListener):
    """Heard by a client only while spans are kept: see `ehb.store.mongo.connect`."""

    def started(self, event: CommandStartedEvent) -> None:
        name = event.command_name
        found = event.command.get("collection" if name == "getMore" else name)
        about = {"collection": found} if isinstance(found, str) else {}
        span = begun(" ".join((name, *about.values())), outward=True, system="mongodb", command=name, **about)
        if span.is_recording():
            _running.set((event.request_id, span))

    def succeeded(self, event: CommandSucceededEvent) -> None:
        if (span := _span_of(event)) is not None:
            span.end()

    def failed(self, event: CommandFailedEvent) -> None:
        if (span := _span_of(event)) is not None:
            failed(one=span)
            say(span, error=event.failure.get("codeName") or event.failure.get("errtype"))
            span.end()


def _span_of(event: CommandSucceededEvent | CommandFailedEvent) -> Span | None:
    running = _running.get()
    return running[1] if running is not None and running[0] == event.request_id else None
