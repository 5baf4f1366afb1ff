"""What `ehb submit` does: any number of files, a few at a time, one line for each and a table at the end.

The one invariant: standard output holds results only; progress and interruptions are told on standard error.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from tqdm import tqdm

from ehb.cli.submit_summary import Summary, problem_lines
from ehb.client import FacilityClient, Failed, Outcome, Sent, SigningKey
from ehb.client.journal import Journal, journal_name, open_journal
from ehb.client.patience import Patience
from ehb.client.visit_files import visit_files
from ehb.domain.submission import Status
from ehb.signing_files import Signer


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be sent, as whom, and how."""

    paths: Sequence[Path]
    url: str
    client_id: str
    key: Path
    sign_with: Path | None
    certificate: Path | None
    dry_run: bool
    parallel: int
    patience: float
    as_json: bool
    resume_file: Path | None
    resume: bool


def nothing_to_send(wish: Wish) -> bool:
    """Only folders without a single file are named."""
    return next(visit_files(wish.paths), None) is None


async def submit_files(wish: Wish) -> int:
    """Send files and print what became of them; returns 0 when the server took them all, else 1."""
    key = SigningKey.load(wish.key)
    signer = Signer.load(wish.sign_with, wish.certificate) if wish.sign_with and wish.certificate else None
    total = sum(1 for _ in visit_files(wish.paths))
    summary = Summary(total)
    with _journal(wish) as journal:
        patience = Patience(wish.patience)
        async with FacilityClient(wish.url, wish.client_id, key, patience=patience) as client:
            await client.access_token()
            with _stopping(client), tqdm(total=total, unit=" files", file=sys.stderr, disable=total < 2) as bar:
                async for outcome in client.submit_many(
                    visit_files(wish.paths),
                    parallel=wish.parallel,
                    dry_run=wish.dry_run,
                    signer=signer,
                    journal=journal,
                ):
                    summary.add(outcome)
                    bar.update()
                    for line in (_as_json(outcome),) if wish.as_json else _in_words(outcome):
                        tqdm.write(line, file=sys.stdout)
    if wish.as_json:
        print(json.dumps({"summary": summary.as_json()}))
    elif total > 1:
        print("\n" + summary.in_words())
    return 0 if summary.good else 1


def _journal(wish: Wish) -> contextlib.AbstractContextManager[Journal | None]:
    """In the file that is named, or in the first folder that is sent; single files are always sent."""
    path = wish.resume_file
    if path is None:
        folder = next((one for one in wish.paths if one.is_dir()), None)
        path = folder / journal_name(wish.url, wish.client_id) if folder else None
    if path is None or not wish.resume or wish.dry_run:
        return contextlib.nullcontext()
    return open_journal(path, wish.url, wish.client_id)


@contextlib.contextmanager
def _stopping(client: FacilityClient) -> Iterator[None]:
    """The first SIGINT or SIGTERM lets what is on its way arrive; the second ends at once."""
    loop, signals = asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM)

    def stop() -> None:
        forget()
        client.stop()
        print("\nĐang dừng; gửi nốt những tệp dở dang. / Stopping; what is on its way arrives.", file=sys.stderr)

    def forget() -> None:
        for one in signals:
            loop.remove_signal_handler(one)

    for one in signals:
        loop.add_signal_handler(one, stop)
    try:
        yield
    finally:
        forget()


def _as_json(outcome: Outcome) -> str:
    said: dict[str, Any] = {"path": str(outcome.path), "status": None, "sent_before": False, "receipt": None}
    if isinstance(outcome, Failed):
        error = outcome.error
        said["error"] = {"code": error.code, "message_vi": error.vi, "message_en": error.en}
    elif isinstance(outcome, Sent):
        said |= {"status": outcome.receipt.status, "receipt": msgspec.to_builtins(outcome.receipt)}
    else:
        receipt = msgspec.to_builtins(outcome.receipt) if outcome.receipt else {"id": outcome.receipt_id}
        said |= {"status": outcome.status, "sent_before": True, "receipt": receipt}
    return json.dumps(said, ensure_ascii=False)


def _in_words(outcome: Outcome) -> list[str]:
    if isinstance(outcome, Failed):
        return [f"{outcome.path}: {outcome.error.code}  {outcome.error.vi} / {outcome.error.en}"]
    receipt = outcome.receipt
    if isinstance(outcome, Sent):
        taken = outcome.receipt.status is not Status.REJECTED  # what is refused has no version and no records
        kept = f"version {outcome.receipt.version}, {_counted(outcome.receipt.records)}, " if taken else ""
        head = f"{outcome.path}: {outcome.receipt.status}  {kept}receipt {outcome.receipt.id}"
        return [head, *problem_lines(outcome.receipt.problems)]
    head = f"{outcome.path}: {outcome.status}  đã gửi trước đó / sent before, receipt {outcome.receipt_id}"
    return [head, *(problem_lines(receipt.problems) if receipt else ())]


def _counted(records: int) -> str:
    return "1 record" if records == 1 else f"{records} records"
