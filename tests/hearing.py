"""What the database is asked by every client of a test, whoever makes it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from pymongo import monitoring
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent


class Hearing(CommandListener):
    """Hears commands and notes nothing; a test says of what it wants to know."""

    def started(self, event: CommandStartedEvent) -> None:
        """A command goes out."""

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Its answer came."""

    def failed(self, event: CommandFailedEvent) -> None:
        """It was refused; a transaction that lost a race begins again."""


_Hearing = TypeVar("_Hearing", bound=Hearing)


@contextmanager
def heard(by: _Hearing) -> Iterator[_Hearing]:
    """Every client that is made from here on is heard, so this comes before the house."""
    before = monitoring._LISTENERS.command_listeners[:]
    monitoring.register(by)
    try:
        yield by
    finally:
        monitoring._LISTENERS.command_listeners[:] = before
