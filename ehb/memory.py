"""Give freed memory back to the system: glibc keeps what a large file took, thread by thread.

Invariant: where there is no `malloc_trim` (another C library), nothing happens.
"""

from __future__ import annotations

import ctypes

_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)


def release_memory() -> None:
    """Return free memory of all arenas; takes some milliseconds, so it is called after large files alone."""
    if _trim is not None:
        _trim(0)
