"""The `ehb` command. Exit status: 0 good, 1 refused or failed, 2 wrong usage.

Owns arguments, progress and what is printed; every command is a few lines around the room that does the work.
The one invariant: no secret and no identity number is taken as an argument or printed, for arguments and
terminals are logged; the exception is `ehb login`, whose product is a token.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ehb.cli import audit, documents, people, registry, submit
from ehb.errors import EhbError, Misconfigured

_DEMO_REDIRECT = "/demo/signed-in"
_URL = os.environ.get("EHB_URL", "http://127.0.0.1:8000")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; what a user could have prevented is one line on stderr, never a traceback."""
    parser = _parser()
    given = parser.parse_args(arguments)
    _quietly()
    try:
        return int(given.run(given) or 0)
    except EhbError as error:
        print(f"ehb: {error.vi}\n     {error.en}  [{error.code}]", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("ehb."):
            raise
        print(
            "ehb: Bản cài đặt này không có phần demo.\n"
            "     This installation has no demo parts; they come with a clone of the project.",
            file=sys.stderr,
        )
        return 1
    except (KeyError, IndexError) as error:
        if given.command != "ask":
            raise
        print(f"ehb: --pick: the answer has no {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130 if given.command != "demo" else 0
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _quietly() -> None:
    from ehb.logs import configure

    configure("WARNING")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ehb", description="Sổ sức khỏe điện tử · the electronic health book")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    demo = _command(commands, "demo", _demo, "everything on this machine: database, eID stand-in, API, invented people")
    demo.add_argument("--host", default="127.0.0.1", help="address to serve on, loopback only (127.0.0.1)")
    demo.add_argument("--port", type=_port, default=8000, help="port to serve on; 0 takes a free one (8000)")
    demo.add_argument("--people", type=_count, default=50, help="how many people to invent (50)")
    demo.add_argument("--seed", type=int, default=1, help="which people: the same seed gives the same ones (1)")
    demo.add_argument("--data", type=Path, help="folder that keeps everything for the next start (thrown away)")
    demo.add_argument("--ready-file", type=Path, help="file to write when ready: URLs, people, keys, as JSON")

    serve = _command(commands, "serve", _serve, "the production server; settings come from the environment (EHB_…)")
    serve.add_argument("--host", default="127.0.0.1", help="address to serve on (127.0.0.1)")
    serve.add_argument("--port", type=_port, default=8000, help="port to serve on (8000)")
    serve.add_argument("--workers", type=_count, default=1, help="processes (1)")

    synth = _command(commands, "synth", _synth, "invented people and their visit files in the national format")
    synth.add_argument("--people", type=_count, required=True, help="how many people")
    synth.add_argument("--seed", type=int, default=1, help="the same seed gives the same bytes (1)")
    synth.add_argument("--out", type=Path, required=True, help="folder to write to")

    submit.add_command(commands)

    login = _command(
        commands, "login", _login, "sign in at a demo as a person, as the app does; prints an access token"
    )
    login.add_argument("sub", metavar="NAME", help="login name at the stand-in eID provider, such as citizen-0001")
    login.add_argument("--url", default=_URL, help=f"server, also as EHB_URL ({_URL})")

    ask = _command(commands, "ask", _ask, "ask GraphQL one question and print the answer")
    ask.add_argument("query", help="a GraphQL document, or - to read it from standard input")
    ask.add_argument("--url", default=_URL, help=f"server, also as EHB_URL ({_URL})")
    ask.add_argument("--token-file", type=Path, help="file with an access token; without it you ask as nobody")
    ask.add_argument("--facility", help="ask as this facility (client), with --key")
    ask.add_argument("--key", type=Path, help="private key of the facility's client, PEM")
    ask.add_argument("--pick", metavar="PATH", help="print one value of the answer only, such as data.me.name")
    ask.add_argument("--follow", type=float, metavar="SECONDS", help="a subscription: print what comes, for so long")
    ask.add_argument("--variables", default="{}", help="variables as JSON")
    ask.add_argument("--language", choices=("vi", "en"), default="vi", help="language of messages (vi)")

    registry.add_commands(commands)

    people.add_commands(commands)
    audit.add_commands(commands)
    documents.add_commands(commands)

    keys = _command(commands, "keys", None, "the keys of this deployment")
    made = keys.add_subparsers(dest="action", required=True, metavar="ACTION")
    new = _command(made, "new", _new_keys, "make a key file for EHB_KEYS_FILE")
    new.add_argument("--out", type=Path, required=True, help="file to write, mode 0600; never replaces one")

    eid = _command(made, "eid", _new_eid_keys, "make our keys as the eID's client, for EHB_EID__KEYS_FILE")
    eid.add_argument("--out", type=Path, required=True, help="file to write, mode 0600; never replaces one")

    _command(commands, "migrate", _migrate, "bring the database to the layout of this version")
    _command(commands, "schema", _schema, "print the GraphQL schema")
    return parser


def _command(commands: Any, name: str, run: Any, summary: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=summary, description=summary)
    if run is not None:
        command.set_defaults(run=run)
    return command


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return port


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return count


def _demo(given: argparse.Namespace) -> None:
    from ehb import demo
    from ehb.settings import from_environment

    wanted = demo.Demo(given.host, given.port, given.people, given.seed, given.data, given.ready_file)
    demo.run(wanted, from_environment(), lambda text: print(text, flush=True))


def _serve(given: argparse.Namespace) -> None:
    from ehb import server
    from ehb.cli.serving import prepare
    from ehb.logs import configure

    configure(asyncio.run(prepare()))
    server.serve(
        "ehb.cli.serving:production_app",
        host=given.host,
        port=given.port,
        workers=given.workers,
        timeout_graceful_shutdown=20,
    )


def _synth(given: argparse.Namespace) -> None:
    from tqdm import tqdm

    from ehb import synthetic

    for _ in tqdm(synthetic.write(given.out, given.people, given.seed), total=given.people, unit=" people"):
        pass
    print(given.out)


def _login(given: argparse.Namespace) -> None:
    from ehb import phone

    base = given.url.rstrip("/")
    print(phone.sign_in(base, given.sub, client_id="ehb-mobile", redirect_uri=base + _DEMO_REDIRECT).access_token)


def _ask(given: argparse.Namespace) -> int:
    from ehb.cli.asking import Question, ask, follow

    query = sys.stdin.read() if given.query == "-" else given.query
    question = Question(
        given.url.rstrip("/"),
        query,
        variables=given.variables,
        language=given.language,
        token_file=given.token_file,
        facility=given.facility,
        key_file=given.key,
    )
    if given.follow is None:
        return _told(ask(question), given.pick)
    status = 0
    for answer in follow(question, given.follow):
        status = max(status, _told(answer, given.pick))
    return status


def _told(answer: dict[str, Any], pick: str | None) -> int:
    refused = "errors" in answer or "data" not in answer
    if pick and not refused:
        value: Any = answer
        for name in pick.split("."):
            value = value[int(name)] if isinstance(value, list) else value[name]
        print(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), flush=True)
    else:
        print(json.dumps(answer, ensure_ascii=False, indent=2), flush=True)
    return 1 if refused else 0


def _new_keys(given: argparse.Namespace) -> None:
    from ehb.store.vault import Keys

    try:
        Keys.generate().save(given.out)
    except OSError as error:
        raise Misconfigured(
            vi=f"Không ghi được {given.out}.", en=f"Cannot write {given.out}: {error.strerror}."
        ) from error
    print(f"{given.out}: keep a copy where the database is not; without it no book opens.")


def _new_eid_keys(given: argparse.Namespace) -> None:
    from auth.eid_keys import write_keys

    try:
        write_keys(given.out)
    except OSError as error:
        raise Misconfigured(
            vi=f"Không ghi được {given.out}.", en=f"Cannot write {given.out}: {error.strerror}."
        ) from error
    print(f"{given.out}: register https://(our address)/auth/client-jwks.json at the eID as this client's jwks_uri.")


def _migrate(_: argparse.Namespace) -> None:
    from ehb.cli.serving import migrate_now

    print(f"layout {asyncio.run(migrate_now())}")


def _schema(_: argparse.Namespace) -> None:
    from graphql_schema.schema import make_schema

    print(make_schema().as_str())
