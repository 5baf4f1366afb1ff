"""A real MongoDB without installing one: a private mongod for the demo and the tests.

`start()` runs mongod as a replica set of one on 127.0.0.1, with SCRAM, and gives back its URI. It owns
the data folder: `db/` is mongod's, beside it lie our password, the key file, a lock and the log.
`mongod_binary` says which program runs, `mongod_startup` brings it to its first write, `mongod_watchdog`
ends it, `mongod_failures` explains.

Invariant: the database lives exactly as long as this process or until `stop()`, whichever ends first,
and a folder is used by one mongod at a time: the lock is held by mongod itself and dies with it.

A folder counts as made once `password.new` has become `password`: that is the last step of the first
start. A first start that was cut short left nothing worth keeping and is begun again.

Never for production: the packaged server is old (6.0.5). A real cluster is `EHB_MONGO_URI`.
"""

from __future__ import annotations

import asyncio
import atexit
import base64
import contextlib
import fcntl
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

from ehb.store import mongod_failures as failures
from ehb.store.mongod_binary import Mongod, usable
from ehb.store.mongod_startup import REPLICA_SET, Startup, uri

SPACE_NEEDED = 64 << 20  # a new folder takes about half of it; a full disk makes mongod hang, not fail
LOCK_PATIENCE = 3.0  # the mongod of a process that was just killed is still closing its files
_POLL = 0.01


def start(
    data: Path | None = None,
    *,
    mongod: str | None = None,
    port: int = 0,
    cache_gb: float = 0.25,
    timeout: float = 60.0,
) -> EmbeddedMongo:
    """A running database in `data`, or in a temporary folder that disappears with it.

    `mongod` is the value of EHB_MONGOD; `port` 0 takes a free one. Blocks until writes are accepted,
    0.7 to 1.5 seconds; never call it on an event loop. Raises Misconfigured with the remedy.
    """
    folder = Path(tempfile.mkdtemp(prefix="ehb-mongod-")) if data is None else data.expanduser().absolute()
    try:
        with _locked(folder) as lock:
            program = usable(mongod, folder / "lib")
            return _start(folder, data is None, lock, program, port, cache_gb, timeout)
    except BaseException as error:
        if data is None:
            shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise failures.from_os_error(error, folder) from error
        raise


@dataclass(frozen=True, slots=True)
class EmbeddedMongo:
    """A running database. `stop()` ends it; so does leaving a `with` block, and the end of the process."""

    uri: str = field(repr=False)  # it holds the password
    data: Path
    port: int
    pid: int
    _throw_away: bool = field(repr=False)
    _watchdog: subprocess.Popen[bytes] = field(repr=False)
    _owner: int = field(default_factory=os.getpid, repr=False)

    def stop(self) -> None:
        """End mongod and wait for it; a second call, or one in a forked child, does nothing."""
        if os.getpid() != self._owner:
            return
        _end(self._watchdog)
        if self._throw_away:
            shutil.rmtree(self.data, ignore_errors=True)
        atexit.unregister(self.stop)

    async def ended(self) -> None:
        """Wait until mongod is gone: stopped by us, killed, or broken."""
        report = cast("IO[bytes]", self._watchdog.stdout).fileno()  # the number stays when the file is closed
        loop, gone = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(report, gone.set)  # the watchdog closes it; nothing else comes after the process id
        try:
            await gone.wait()
        finally:
            loop.remove_reader(report)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _start(
    folder: Path, throw_away: bool, lock: int, program: Mongod, port: int, cache_gb: float, timeout: float
) -> EmbeddedMongo:
    if shutil.disk_usage(folder).free < SPACE_NEEDED:
        raise failures.disk_full(folder)
    made = (folder / "password").exists()
    if not made:
        shutil.rmtree(folder / "db", ignore_errors=True)
        _write_secret(folder / "password.new", secrets.token_urlsafe(24))
    (folder / "db").mkdir(mode=0o700, exist_ok=True)
    _write_secret(folder / "keyfile", base64.b64encode(secrets.token_bytes(96)).decode())
    password = (folder / ("password" if made else "password.new")).read_text()

    port = _free_port(port)
    command = [str(program.path), *_options(folder, port, cache_gb)]
    watchdog = _watched(command, folder, throw_away, lock, program.environment)
    starting = Startup(folder, port, program.version, cast("IO[bytes]", watchdog.stdout), time.monotonic() + timeout)
    try:
        pid = starting.until_listening()
        starting.until_writable(password, made=made)
        if not made:
            (folder / "password.new").rename(folder / "password")
    except BaseException:
        _end(watchdog)
        raise
    handle = EmbeddedMongo(uri(port, password), folder, port, pid, throw_away, watchdog)
    atexit.register(handle.stop)
    return handle


@contextmanager
def _locked(folder: Path) -> Iterator[int]:
    """The folder, made if need be and locked; mongod inherits the lock, so it lasts as long as mongod."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        deadline = time.monotonic() + LOCK_PATIENCE
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise failures.in_use(folder) from None
                time.sleep(_POLL)
        yield lock
    finally:
        os.close(lock)


def _watched(
    command: list[str], folder: Path, throw_away: bool, lock: int, environment: dict[str, str]
) -> subprocess.Popen[bytes]:
    """Start the watchdog in its own session, so that Ctrl-C reaches us alone and we decide the order."""
    (folder / "mongod.log").unlink(missing_ok=True)  # one run's log at most
    script = str(Path(__file__).with_name("mongod_watchdog.py"))
    with (folder / "mongod.out").open("wb") as out:
        watchdog = subprocess.Popen(  # noqa: S603  our own script
            [sys.executable, "-I", "-S", script, str(folder) if throw_away else "", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=out,
            bufsize=0,
            cwd="/",
            env=environment,
            pass_fds=[lock],
            start_new_session=True,
        )
    # Closed on exec already; a child that is only forked would keep mongod alive after our death.
    os.register_at_fork(after_in_child=lambda: _let_go(watchdog))
    return watchdog


def _let_go(watchdog: subprocess.Popen[bytes]) -> None:
    for pipe in (watchdog.stdin, watchdog.stdout):
        if pipe:
            with contextlib.suppress(OSError):
                pipe.close()


def _end(watchdog: subprocess.Popen[bytes]) -> None:
    if watchdog.stdin:
        with contextlib.suppress(OSError, ValueError):  # it was killed, or ended before
            watchdog.stdin.write(b"!")  # said aloud, in case a stray child holds the pipe open
    _let_go(watchdog)
    watchdog.wait()


def _free_port(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            raise failures.port_taken(port) from None
        return int(probe.getsockname()[1])


def _write_secret(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())  # a lost password is lost data


def _options(folder: Path, port: int, cache_gb: float) -> list[str]:
    return [
        *("--dbpath", str(folder / "db"), "--logpath", str(folder / "mongod.log"), "--quiet"),
        *("--bind_ip", "127.0.0.1", "--port", str(port), "--nounixsocket"),
        *("--replSet", REPLICA_SET, "--oplogSize", "256", "--keyFile", str(folder / "keyfile")),
        *("--networkMessageCompressors", "disabled", "--wiredTigerCacheSizeGB", str(cache_gb)),
        # Journal files are otherwise 100 MB each, and two are kept in reserve.
        *("--wiredTigerEngineConfigString", "log=(prealloc=false,file_max=32MB)"),
        *("--slowms", "60000"),  # a slow query's filter has no place in a log
        # What an API that was killed had begun holds its documents this long; every later sender of them waits.
        *("--setParameter", "transactionLifetimeLimitSeconds=15"),
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        *("--setParameter", "authenticationMechanisms=SCRAM-SHA-256"),
    ]
