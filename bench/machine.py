"""What the figures were measured on: a figure without its machine says nothing."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from pymongo import MongoClient

_PARTS = ("pymongo", "msgspec", "lxml", "cryptography", "strawberry-graphql", "uvicorn", "uvloop")


def described(uri: str) -> str:
    """A few lines: date, processor, memory, Python, mongod, the parts that matter."""
    with MongoClient[dict[str, object]](uri) as client:
        mongod = client.server_info()["version"]
    processor = next(
        (text.partition(":")[2].strip() for text in _lines("/proc/cpuinfo") if text.startswith("model name")),
        platform.processor(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return "\n".join(
        (
            f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC · {os.cpu_count()} cores {processor} · {memory:.0f} GB · "
            f"load before {load}",
            f"Python {platform.python_version()} · mongod {mongod} · {platform.platform()}",
            " · ".join(f"{part} {version(part)}" for part in _PARTS),
        )
    )


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
