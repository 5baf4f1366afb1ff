"""The log of a test: everything that the process would write, read back."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ehb.logs import _output, configure

_NAMES = ("uvicorn",)


class Written(io.StringIO):
    """What was written; `lines` are its lines as values."""

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]

    def of(self, event: str) -> list[dict[str, Any]]:
        """The lines of one event."""
        return [line for line in self.lines if line["event"] == event]


@contextmanager
def written(level: str = "DEBUG", *, libraries: int = logging.WARNING) -> Iterator[Written]:
    """Log as `ehb serve` does, into memory; afterwards everything is as it was."""
    root, stream = logging.getLogger(), Written()
    handlers, levels = root.handlers[:], {name: logging.getLogger(name).level for name in _NAMES}
    before, ours = root.level, dict(vars(_output))
    configure(level, stream)
    root.setLevel(libraries)
    try:
        yield stream
    finally:
        logging.captureWarnings(False)
        root.handlers[:] = handlers
        root.setLevel(before)
        vars(_output).update(ours)
        for name, one in levels.items():
            logging.getLogger(name).setLevel(one)
