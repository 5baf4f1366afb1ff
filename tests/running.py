"""Programs of this project as processes of their own, as a user starts them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

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
