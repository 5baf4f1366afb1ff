"""The second between the launch of an embedded mongod and its first accepted write.

It owns the dialogue: wait for the listener, then either make the replica set and its one user (a new
folder) or move the kept replica set to today's port. `ehb.store.embedded` owns the process and the folder.

Invariant: it speaks only to the mongod it was given. Readiness is read from that mongod's own log, for a
port that answers may be somebody else's, and every wait ends when the report pipe says that it has died.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from ehb.errors import EhbError
from ehb.store import mongod_failures as failures

REPLICA_SET = "ehb"
USER = "ehb"
_LISTENING = '"id":23016,'  # "Waiting for connections", the same number since 4.4
_AUTHENTICATION_FAILED = 18
_POLL = 0.01


def uri(port: int, password: str) -> str:
    """The address for everybody else; direct, so that nothing depends on the member's name."""
    return f"{_direct_uri(port, password)}&replicaSet={REPLICA_SET}"


def _direct_uri(port: int, password: str) -> str:
    """Without the set's name: a node that is not yet, or no longer, in its set does not know it."""
    query = "authSource=admin&authMechanism=SCRAM-SHA-256&directConnection=true"
    return f"mongodb://{USER}:{password}@127.0.0.1:{port}/?{query}"


@dataclass(frozen=True, slots=True)
class Startup:
    """One launch; `report` is the watchdog's output, which becomes readable when mongod has ended."""

    folder: Path
    port: int
    version: str
    report: IO[bytes]
    deadline: float

    def until_listening(self) -> int:
        """mongod's process id, once it accepts connections."""
        first = self.report.readline()
        if not first:
            raise self._ended()
        self._poll(lambda: _LISTENING in self._log("mongod.log"))
        return int(first)

    def until_writable(self, password: str, *, made: bool) -> None:
        """`made` says that the folder already holds the replica set and the user."""
        try:
            if not made:
                self._initiate(password)
            with _client(_direct_uri(self.port, password)) as client:
                if made:
                    self._move_here(client)
                self._poll(lambda: _writable(client))
        except PyMongoError as error:
            if self._has_ended():
                raise self._ended() from error
            if isinstance(error, OperationFailure) and error.code == _AUTHENTICATION_FAILED:
                raise failures.wrong_password(self.folder) from error
            raise failures.unwilling(self.folder, str(error)) from error

    def _initiate(self, password: str) -> None:
        """Through the localhost exception, which closes with the first user."""
        with _client(f"mongodb://127.0.0.1:{self.port}/?directConnection=true") as client:
            members = [{"_id": 0, "host": f"127.0.0.1:{self.port}"}]
            settings = {"electionTimeoutMillis": 500, "heartbeatIntervalMillis": 500}
            config = {"_id": REPLICA_SET, "members": members, "settings": settings}
            client.admin.command("replSetInitiate", config)
            self._poll(lambda: _writable(client))
            user = {"pwd": password, "roles": ["root"], "mechanisms": ["SCRAM-SHA-256"]}
            client.admin.command({"createUser": USER, **user})

    def _move_here(self, client: MongoClient[dict[str, Any]]) -> None:
        """The kept configuration names the last run's port; forced, for a removed node has no primary."""
        config = client.admin.command("replSetGetConfig")["config"]
        here = f"127.0.0.1:{self.port}"
        if config["members"][0]["host"] != here:
            config["members"][0]["host"] = here
            config["version"] += 1
            client.admin.command("replSetReconfig", config, force=True)

    def _poll(self, done: Callable[[], bool]) -> None:
        while not done():
            if self._has_ended(within=_POLL):
                raise self._ended()
            if time.monotonic() > self.deadline:
                raise failures.too_slow(self.folder, self._log("mongod.log", "mongod.out"))

    def _has_ended(self, within: float = 0.0) -> bool:
        return bool(select.select([self.report], [], [], within)[0])

    def _ended(self) -> EhbError:
        log = self._log("mongod.log", "mongod.out")
        return failures.from_log(log, self.folder, self.port, self.version)

    def _log(self, *names: str) -> str:
        files = [self.folder / name for name in names]
        return "\n".join(file.read_text(errors="replace") for file in files if file.exists())


def _client(address: str) -> MongoClient[dict[str, Any]]:
    return MongoClient(address, serverSelectionTimeoutMS=10_000)


def _writable(client: MongoClient[dict[str, Any]]) -> bool:
    return bool(client.admin.command("hello")["isWritablePrimary"])
