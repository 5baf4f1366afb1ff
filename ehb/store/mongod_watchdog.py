"""The watchdog: a tiny process of its own that starts mongod and outlives nobody.

It owns the life of one mongod: it is its parent, holds the read end of a pipe whose only write end is
in the process that asked for the database, and ends mongod when that pipe closes, however it closes:
`stop()`, a normal exit, `kill -9`. `ehb.store.embedded` starts it as a script (standard library only, so
that it is up in milliseconds) and reads from its standard output mongod's process id, then end of file
once mongod is gone.

Invariant: no path out of this process leaves mongod running or a throw-away folder behind. If the
watchdog itself is killed, the kernel ends mongod (PR_SET_PDEATHSIG, Linux only).
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import sys

GRACE = 20.0  # seconds a kept database gets for its last checkpoint
_PR_SET_PDEATHSIG = 1
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(throw_away: str, command: list[str]) -> None:
    """Run `command` until standard input closes or speaks; `throw_away` is the folder to remove, or empty."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # only the asker decides when the database ends
    alive, held_by_mongod = os.pipe()
    pid = os.fork()
    if pid == 0:
        _become_mongod(command, held_by_mongod)
    os.close(held_by_mongod)
    with contextlib.suppress(BrokenPipeError):  # the asker is dead already: the pipe says so below
        os.write(1, b"%d\n" % pid)

    ready, _, _ = select.select([0, alive], [], [])
    if alive in ready:  # mongod went first: say so, then wait until the asker has read its log
        os.close(1)
        os.read(0, 1)
    else:
        _end(pid, alive, at_once=bool(throw_away))
    os.waitpid(pid, 0)
    if throw_away:
        shutil.rmtree(throw_away, ignore_errors=True)


def _become_mongod(command: list[str], alive: int) -> None:
    watchdog = os.getppid()
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != watchdog:  # it died before we could ask to be told
            os._exit(1)
    os.set_inheritable(alive, True)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # the report is the watchdog's; mongod writes to its own file
    os.execv(command[0], command)  # noqa: S606  found and tried by mongod_binary, never a shell


def _end(pid: int, alive: int, *, at_once: bool) -> None:
    if not at_once:
        os.kill(pid, signal.SIGTERM)
        gone, _, _ = select.select([alive], [], [], GRACE)
        if gone:
            return
    os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
