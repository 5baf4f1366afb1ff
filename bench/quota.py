"""A share of a processor for each process, no more, as a container would have it: Linux control groups, by root.

On a machine where client, database and servers share the processors, two workers cannot show twice what one does; with
a share each, and room for everybody else, what holds them back is their own. The one invariant: after the block every
process is where it was, and the groups are gone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

_PERIOD = 10_000
"""Microseconds: short, or a worker would stand still for most of a tenth of a second."""
_FIRST, _SECOND = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")
"""Where version 1 has the controller of processors, and version 2 all of them."""


class NoQuota(Exception):
    """This machine does not let us share out its processors."""


@contextmanager
def limited(pids: Sequence[int], share: float) -> Iterator[None]:
    """So much of one processor for each of these processes. Raises NoQuota, before anything is limited."""
    root = _FIRST if (_FIRST / "cpu.cfs_quota_us").exists() else _SECOND
    with ExitStack() as stack:
        try:
            for pid in pids:
                stack.enter_context(_group(root, pid, int(share * _PERIOD)))
        except OSError as error:
            raise NoQuota(error.strerror or type(error).__name__) from error
        yield


@contextmanager
def _group(root: Path, pid: int, quota: int) -> Iterator[None]:
    group = root / f"ehb-bench-{os.getpid()}-{pid}"
    group.mkdir()
    try:
        if root == _FIRST:
            (group / "cpu.cfs_period_us").write_text(str(_PERIOD))
            (group / "cpu.cfs_quota_us").write_text(str(quota))
        else:
            (group / "cpu.max").write_text(f"{quota} {_PERIOD}")
        (group / "cgroup.procs").write_text(str(pid))
        yield
        (root / "cgroup.procs").write_text(str(pid))
    finally:
        group.rmdir()
