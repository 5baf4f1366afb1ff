"""`ehb registry`: its arguments. What it does is in `registering`, so that `ehb --help` stays quick."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import Any

FACILITY_COLUMNS = (
    "code, name, name_since, gln, province, type, active, client_id, jwks, jwks_uri, valid_from, valid_until"
)
PRACTITIONER_COLUMNS = "licence, name, facilities, scope, national_id, valid_from, valid_until"


def add_commands(commands: Any) -> None:
    """`ehb registry …`; `ehb facility register` is the older name of `ehb registry register`."""
    family = _command(commands, "registry", "facilities and practitioners: load lists, register one facility")
    actions = family.add_subparsers(dest="action", required=True, metavar="ACTION")
    load = _command(actions, "load", "load lists; loading one again changes nothing")
    load.add_argument("--facilities", type=Path, metavar="CSV", help=f"columns: {FACILITY_COLUMNS}")
    load.add_argument("--practitioners", type=Path, metavar="CSV", help=f"columns: {PRACTITIONER_COLUMNS}")
    load.add_argument("--certificates", type=Path, metavar="DIR", help="files CODE.pem, CODE-anything.cer, PEM or DER")
    load.add_argument("--dry-run", action="store_true", help="tell what would happen and change nothing")
    load.add_argument(
        "--complete",
        action="store_true",
        help="the lists are all there is: end who is not in them; withdraw a facility's certificates that have no file",
    )
    load.set_defaults(run=_load)
    _add_register(actions)
    older = _command(commands, "facility", "the older name of `ehb registry`")
    _add_register(older.add_subparsers(dest="action", required=True, metavar="ACTION"))


def _add_register(actions: Any) -> None:
    register = _command(actions, "register", "let a facility's system sign in with its key")
    register.add_argument("--code", required=True, help="facility code")
    register.add_argument("--name", required=True, help="what the facility is called")
    register.add_argument("--client-id", help="client to register, when it is not the facility code")
    keys = register.add_mutually_exclusive_group(required=True)
    keys.add_argument("--key", type=Path, help="public key of the client, PEM")
    keys.add_argument("--jwks-uri", metavar="URL", help="https address at which the client publishes its keys")
    register.set_defaults(run=_register)


def _command(commands: Any, name: str, summary: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=summary, description=summary)
    return command


def _register(given: argparse.Namespace) -> None:
    from ehb.cli.registering import register_facility

    client_id = given.client_id or given.code
    asyncio.run(register_facility(given.code, given.name, client_id, given.key, given.jwks_uri))
    print(f"{given.code}: {given.name}, client {client_id}")


def _load(given: argparse.Namespace) -> int:
    from ehb.cli.registering import load_lists, told

    reports = asyncio.run(
        load_lists(
            facilities=given.facilities,
            practitioners=given.practitioners,
            certificates=given.certificates,
            dry_run=given.dry_run,
            complete=given.complete,
        )
    )
    print(told(reports, dry_run=given.dry_run))
    return 1 if any(report.refused for report in reports) else 0
