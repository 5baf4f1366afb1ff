"""`ehb audit`: its arguments. What it does is in `auditing`, so that `ehb --help` stays quick."""

from __future__ import annotations

import argparse
import asyncio
from datetime import date
from pathlib import Path
from typing import Any


def add_commands(commands: Any) -> None:
    """`ehb audit …`."""
    audit = _command(commands, "audit", "the trail: seal it, verify it, print its newest checkpoint")
    actions = audit.add_subparsers(dest="action", required=True, metavar="ACTION")
    _command(actions, "seal", "seal what is settled now; the server does it by itself").set_defaults(run=_seal)
    verify = _command(
        actions, "verify", "find lines that were changed, removed or inserted; exit status 1 when there are any"
    )
    verify.add_argument("--since", type=date.fromisoformat, help="first day, YYYY-MM-DD; from the beginning without it")
    verify.add_argument("--until", type=date.fromisoformat, help="last day, YYYY-MM-DD; to the end without it")
    verify.add_argument(
        "--checkpoint", type=Path, metavar="FILE", help="a checkpoint kept elsewhere: shows that the end was cut off"
    )
    verify.add_argument("--json", action="store_true", help="one JSON object per finding")
    verify.set_defaults(run=_verify)
    _command(
        actions, "checkpoint", "print the newest signed checkpoint; keep it where nobody who writes the database writes"
    ).set_defaults(run=_checkpoint)


def _command(commands: Any, name: str, summary: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=summary, description=summary)
    return command


def _seal(_: argparse.Namespace) -> None:
    from ehb.cli import auditing

    print(f"{asyncio.run(auditing.seal())} batches sealed")


def _verify(given: argparse.Namespace) -> int:
    from ehb.cli import auditing

    return asyncio.run(auditing.verify(given.since, given.until, given.checkpoint, as_json=given.json))


def _checkpoint(_: argparse.Namespace) -> int:
    from ehb.cli import auditing

    return asyncio.run(auditing.checkpoint())
