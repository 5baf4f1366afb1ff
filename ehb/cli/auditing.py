"""`ehb audit`: sealing and verifying the trail, on the machine that holds the keys of the deployment.

The one invariant: what is printed names places and batches, never what a line says.
"""

from __future__ import annotations

import json
import sys
from datetime import date, datetime, time, timedelta
from pathlib import Path

from tqdm import tqdm

from ehb.app import open_trail
from ehb.cli.serving import house
from ehb.domain.coding import VIETNAM
from ehb.domain.trail_seal import Finding
from ehb.errors import BadInput
from ehb.signing import NotSigned


async def seal() -> int:
    """Seal what is settled; how many batches that were."""
    async with open_trail(*house()) as (seals, _):
        return await seals.seal()


async def checkpoint() -> int:
    """Print the newest checkpoint; 1 when there is none yet."""
    async with open_trail(*house()) as (seals, _):
        latest = await seals.latest()
    if latest is None:
        print("ehb: nothing is sealed yet", file=sys.stderr)
        return 1
    print(latest.checkpoint)
    return 0


async def verify(since: date | None, until: date | None, kept: Path | None, *, as_json: bool) -> int:
    """Print everything that is not as it was sealed; 1 when there is anything. Raises BadInput for a bad checkpoint."""
    found = lines = 0

    def looked_at(more: int) -> None:
        nonlocal lines
        lines += more
        bar.update(more)

    async with open_trail(*house()) as (_, audit):
        with tqdm(unit=" lines", desc="verified", file=sys.stderr, disable=None) as bar:
            try:
                async for finding in audit.verify(
                    since=_midnight(since) if since else None,
                    until=_midnight(until + timedelta(days=1)) if until else None,
                    kept=_checkpoint(kept) if kept else None,
                    progress=looked_at,
                ):
                    found += 1
                    print(_told(finding, as_json=as_json))
            except NotSigned:
                raise BadInput(
                    vi="Tệp không phải điểm kiểm tra do hệ thống này ký.",
                    en="The file is no checkpoint of this system.",
                ) from None
    print(f"{lines} sealed lines, {found} findings", file=sys.stderr)
    return 1 if found else 0


def _told(finding: Finding, *, as_json: bool) -> str:
    when = finding.time.isoformat(timespec="milliseconds") if finding.time else None
    if as_json:
        return json.dumps({"kind": finding.kind, "batch": finding.batch, "line": finding.line, "time": when})
    place = f"  line {finding.line}" if finding.line else ""
    return f"{finding.kind}  batch {finding.batch}{place}{f'  of {when}' if when else ''}"


def _checkpoint(file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError):
        raise BadInput(vi=f"Không đọc được {file}.", en=f"Cannot read {file}.") from None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), VIETNAM)
