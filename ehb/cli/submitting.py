"""`ehb submit`: many files, a few at a time, one line for each and every problem in words."""

from __future__ import annotations

import sys
from asyncio import Semaphore, gather, to_thread
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from ehb.client import FHIR, XML, FacilityClient, SigningKey
from ehb.domain.submission import Problem, Receipt, Status
from ehb.errors import EhbError

_PARALLEL = 4


async def submit_files(files: Sequence[Path], *, url: str, client_id: str, key_file: Path, dry_run: bool) -> int:
    """Send files and print what became of them; returns 0 when the server took them all, else 1."""
    key = SigningKey.load(key_file)
    gate = Semaphore(_PARALLEL)
    async with FacilityClient(url, client_id, key) as client:
        with tqdm(total=len(files), unit=" files", file=sys.stderr, disable=len(files) < 2) as bar:

            async def send(file: Path) -> bool:
                async with gate:
                    try:
                        kind = FHIR if file.suffix.lower() == ".json" else XML
                        body = await to_thread(file.read_bytes)
                        receipt = await client.submit(body, dry_run=dry_run, content_type=kind)
                    except EhbError as error:
                        lines, good = [f"{file}: {error.code}  {error.vi} / {error.en}"], False
                    except OSError as error:
                        lines, good = [f"{file}: {error.strerror}"], False
                    else:
                        lines, good = _said(file, receipt), receipt.status is not Status.REJECTED
                    bar.update()
                    for line in lines:
                        tqdm.write(line, file=sys.stdout)
                    return good

            taken = await gather(*(send(file) for file in files))
    return 0 if all(taken) else 1


def _said(file: Path, receipt: Receipt) -> list[str]:
    head = f"{file}: {receipt.status}  version {receipt.version}, {receipt.records} records, receipt {receipt.id}"
    return [head, *(_problem(problem) for problem in receipt.problems)]


def _problem(problem: Problem) -> str:
    place = ".".join(
        part for part in (problem.table, f"#{problem.row}" if problem.row else None, problem.field) if part
    )
    return f"  {problem.severity} {place or 'file'} {problem.rule}: {problem.message_vi} / {problem.message_en}"
