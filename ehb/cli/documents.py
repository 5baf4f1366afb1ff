"""`ehb documents`: the GraphQL documents that may run in production (README, "Trusted documents").

The one invariant: a manifest is added whole, after every document of it was validated, or not at all.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ehb.errors import Misconfigured

if TYPE_CHECKING:
    from ehb.store.trusted_documents import TrustedDocuments


def add_commands(commands: Any) -> None:
    """`ehb documents …`."""
    documents = _command(commands, "documents", "trusted documents: what an app may ask in production")
    actions = documents.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = _command(actions, "add", "validate and add the documents of an app, from what its build wrote")
    add.add_argument(
        "manifest",
        type=Path,
        nargs="+",
        help="of relay-compiler, of graphql-codegen (persisted-documents.json), or of Apollo",
    )
    add.add_argument("--dry-run", action="store_true", help="only validate; needs no database")
    add.set_defaults(run=_add)
    remove = _command(actions, "remove", "let no app send these any more; workers know within a minute")
    remove.add_argument("identifier", nargs="+", help="an id or an alias, as `ehb documents list` says them")
    remove.set_defaults(run=_remove)
    _command(actions, "list", "ids, aliases and operations, the newest first").set_defaults(run=_list)


def _command(commands: Any, name: str, summary: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=summary, description=summary)
    return command


def _add(given: argparse.Namespace) -> int:
    from ehb.formats import document_manifest
    from graphql_schema.trusted_documents import checked

    found = [checked(one) for path in given.manifest for one in document_manifest.read(_content(path))]
    faulty = [(document, problems) for document, problems in found if problems]
    for document, problems in faulty:
        for problem in problems:
            print(f"ehb: {', '.join(document.operations) or document.id}: {problem}", file=sys.stderr)
    if faulty:
        print(f"ehb: nothing was added: {len(faulty)} of {len(found)} documents have problems", file=sys.stderr)
        return 1
    for document, _ in found:
        print(f"{document.id}  {', '.join(document.operations)}")
    if not given.dry_run:
        print(f"{asyncio.run(_stored([document for document, _ in found]))} new of {len(found)}")
    return 0


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Misconfigured(vi=f"Không đọc được {path}.", en=f"Cannot read {path}: {error.strerror}.") from error


async def _stored(documents: list[Any]) -> int:
    async with _opened() as stored:
        return await stored.add(documents, datetime.now(UTC))


def _remove(given: argparse.Namespace) -> None:
    async def removed() -> list[Any]:
        async with _opened() as stored:
            return await stored.remove(given.identifier)

    for one in asyncio.run(removed()):
        print(f"{one.id}  {', '.join(one.operations)}")


def _list(_: argparse.Namespace) -> None:
    async def listed() -> list[Any]:
        async with _opened() as stored:
            return await stored.listed()

    for one in asyncio.run(listed()):
        print(f"{one.id}  {one.added:%Y-%m-%d}  {', '.join(one.operations)}  {' '.join(one.aliases)}".rstrip())


@asynccontextmanager
async def _opened() -> AsyncIterator[TrustedDocuments]:
    from ehb.app import connected
    from ehb.settings import from_environment
    from ehb.store.migrations import migrate
    from ehb.store.trusted_documents import TrustedDocuments

    mongo = connected(from_environment())
    try:
        await migrate(mongo)
        yield TrustedDocuments(mongo)
    finally:
        await mongo.close()
