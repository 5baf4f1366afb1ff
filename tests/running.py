"""Programs of this project as processes of their own, as a user starts them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

EHB = Path(sys.executable).parent / "ehb"


def ehb(*arguments: str | Path, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run one command to its end, with nothing in its environment but what is given."""
    return subprocess.run(
        [EHB, *arguments],
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **environment},
        capture_output=True,
        text=True,
        check=False,
        input=stdin,
        timeout=60,
    )


class RunningDemo:
    """`ehb demo`, ready. `ready` is what its ready file says."""

    def __init__(
        self, folder: Path, *arguments: str, environment: Mapping[str, str] | None = None, patience: float = 60
    ) -> None:
        self.folder = folder
        self._ready_file = folder / "ready.json"
        self._ready_file.unlink(missing_ok=True)
        self.log = folder / "demo.log"
        command: Sequence[str | Path] = [
            EHB, "demo", "--port", "0", "--data", folder / ".demo", "--ready-file", self._ready_file, *arguments,
        ]  # fmt: skip
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **(environment or {})},
                start_new_session=True,
            )
        deadline = time.monotonic() + patience
        while not self._ready_file.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop(signal.SIGKILL)
                raise AssertionError(self.log.read_text())
            time.sleep(0.05)
        self.ready: dict[str, Any] = json.loads(self._ready_file.read_text())

    @property
    def base(self) -> str:
        return str(self.ready["base"])

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it and wait; returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def processes_that_mention(text: str) -> list[str]:
    """Command lines of living processes that name `text`."""
    found: list[str] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                alive = (entry / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
            except (OSError, IndexError):
                continue
            if alive and text in command:
                found.append(command)
    return found


class RunningServer:
    """`ehb serve` on a database of its own, with facility 99001 registered. `key` is what that signs in with."""

    def __init__(self, folder: Path, mongo_uri: str, database: str) -> None:
        self.key = folder / "99001.pem"
        private = generate_private_key(SECP384R1())
        self.key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        public = folder / "99001.pub"
        public.write_bytes(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.base = f"http://127.0.0.1:{port}"
        self.environment = {
            "EHB_MONGO_URI": mongo_uri,
            "EHB_DATABASE": database,
            "EHB_KEYS_FILE": str(folder / "keys.json"),
            "EHB_BASE_URL": self.base,
            "EHB_EID__ISSUER": "https://eid.example.vn",
            "EHB_EID__CLIENT_SECRET": "never asked for",
            "EHB_MOBILE_REDIRECT_URIS": "https://app.example.vn/in",
        }
        ehb("keys", "new", "--out", folder / "keys.json")
        ehb("facility", "register", "--code", "99001", "--name", "Thử", "--key", public, **self.environment)
        self._command: Sequence[str | Path] = [EHB, "serve", "--port", str(port)]
        self.process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            self._command, env={"PATH": os.environ["PATH"], **self.environment}, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 60
        while True:
            try:
                if httpx2.get(f"{self.base}/readyz", timeout=5).status_code == 200:
                    return process
            except httpx2.HTTPError:
                assert process.poll() is None, "ehb serve ended"
            assert time.monotonic() < deadline, "ehb serve did not answer"
            time.sleep(0.05)

    def submit(self, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `ehb submit` as the facility, to its end."""
        return ehb(*self.submitting(*arguments)[1:], **environment)

    def submitting(self, *arguments: str | Path) -> list[str | Path]:
        """The command line of that."""
        return [EHB, "submit", "--url", self.base, "--facility", "99001", "--key", self.key, *arguments]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
