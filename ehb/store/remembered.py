"""What a process remembers of master data for a moment, so that not every request asks for it again.

The one invariant: nothing is older than ten seconds, and no more is kept than what fits; what is not there is not
remembered, for anybody may ask for anything and would push out what is needed.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Generic, TypeVar

SECONDS = 10.0
MOST = 4_096
T = TypeVar("T")


class Remembered(Generic[T]):
    """The latest things by their keys, in this process."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[float, T]] = OrderedDict()

    def get(self, key: str) -> T | None:
        """What was kept under this key less than ten seconds ago."""
        kept = self._kept.get(key)
        return kept[1] if kept is not None and time.monotonic() - kept[0] < SECONDS else None

    def keep(self, key: str, value: T) -> None:
        """Remember, and forget the oldest when there are too many."""
        self._kept[key] = (time.monotonic(), value)
        self._kept.move_to_end(key)
        while len(self._kept) > MOST:
            self._kept.popitem(last=False)

    def forget(self, key: str) -> None:
        """Because it has changed."""
        self._kept.pop(key, None)

    def keys(self) -> list[str]:
        """What is remembered, the oldest first."""
        return list(self._kept)
