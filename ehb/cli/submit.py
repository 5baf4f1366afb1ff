"""`ehb submit`: its arguments. What it does is in `submitting`, so that `ehb --help` stays quick."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import Any

_SUMMARY = "send visit files as a facility"
_MORE = """A folder is sent with all *.xml and *.json in it and under it. What was sent is remembered in
FOLDER/.ehb-submit-…, so a run that was interrupted goes on where it ended; Ctrl-C lets what is on its way arrive.
Exit status: 0 all were taken, 1 some were refused, failed or not sent, 2 wrong usage."""
_MOST_PARALLEL = 64


def add_command(commands: Any) -> None:
    """`ehb submit`."""
    submit: argparse.ArgumentParser = commands.add_parser("submit", help=_SUMMARY, description=_SUMMARY, epilog=_MORE)
    submit.add_argument(
        "paths", nargs="+", type=Path, metavar="FILE|FOLDER", help="visit file in the national XML format, FHIR Bundle"
    )
    submit.add_argument("--url", required=True, help="server, such as http://127.0.0.1:8000")
    submit.add_argument("--facility", required=True, metavar="CODE", help="facility code")
    submit.add_argument("--client-id", help="registered client, when it is not the facility code")
    submit.add_argument("--key", type=Path, required=True, metavar="KEY.pem", help="private key of the client")
    submit.add_argument("--sign-with", type=Path, metavar="KEY.pem", help="sign XML files with this key; --certificate")
    submit.add_argument(
        "--certificate", type=Path, metavar="CERT.pem", help="the registered certificate of --sign-with"
    )
    submit.add_argument("--dry-run", action="store_true", help="let the server judge the files and store nothing")
    submit.add_argument("--parallel", type=_parallel, default=4, metavar="N", help="files on their way at once (4)")
    submit.add_argument("--patience", type=_seconds, default=60.0, metavar="SECONDS", help="how long to try again (60)")
    submit.add_argument("--json", action="store_true", help="one JSON object for each file, and a last one with counts")
    resume = submit.add_mutually_exclusive_group()
    resume.add_argument("--resume-file", type=Path, metavar="FILE", help="remember here what was sent")
    resume.add_argument("--no-resume", action="store_true", help="send everything, remember nothing")
    submit.set_defaults(run=_submit, usage_error=submit.error)


def _submit(given: argparse.Namespace) -> int:
    if (given.sign_with is None) != (given.certificate is None):
        given.usage_error("--sign-with and --certificate go together")

    from ehb.cli.submitting import Wish, nothing_to_send, submit_files

    wish = Wish(
        paths=given.paths,
        url=given.url.rstrip("/"),
        client_id=given.client_id or given.facility,
        key=given.key,
        sign_with=given.sign_with,
        certificate=given.certificate,
        dry_run=given.dry_run,
        parallel=given.parallel,
        patience=given.patience,
        as_json=given.json,
        resume_file=given.resume_file,
        resume=not given.no_resume,
    )
    if nothing_to_send(wish):
        given.usage_error("no *.xml and no *.json there")
    return asyncio.run(submit_files(wish))


def _parallel(text: str) -> int:
    count = int(text)
    if not 1 <= count <= _MOST_PARALLEL:
        raise argparse.ArgumentTypeError(f"a number from 1 to {_MOST_PARALLEL}")
    return count


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= 86_400:
        raise argparse.ArgumentTypeError("seconds, a day at most")
    return seconds
