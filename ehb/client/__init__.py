"""A facility's client: signs in with its key, sends visit files, gives typed receipts.

What `ehb submit` uses, and what a facility's own software may import. What can pass is tried again: a lost
connection, a server that is busy or restarts; sending the same file again is always safe. The one invariant: a
receipt comes back only for what the server answered.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import msgspec
from cryptography.hazmat.primitives.hashes import SHA256

from ehb.client.connection import Connection, Refused, SignInRefused, no_address
from ehb.client.journal import Entry, Journal
from ehb.client.key import SigningKey
from ehb.client.patience import Patience
from ehb.client.visit_files import FHIR, XML, content_of, content_type_of, episode_of
from ehb.domain.submission import Receipt, Status
from ehb.errors import EhbError, Misconfigured
from ehb.formats.visit_signing import NotAVisitFile
from ehb.signing_files import Signer

__all__ = [
    "FHIR",
    "XML",
    "FacilityClient",
    "Failed",
    "Outcome",
    "Refused",
    "Remembered",
    "Sent",
    "SignInRefused",
    "SigningKey",
]

_NOT_ABOUT_THE_FILE = ("UNAVAILABLE", "RATE_LIMITED", "UNAUTHENTICATED", "FACILITY_SUSPENDED")
_receipt = msgspec.json.Decoder(Receipt).decode


@dataclass(frozen=True, slots=True)
class Sent:
    """A file that the server has judged: its receipt says how."""

    path: Path
    receipt: Receipt
    seconds: float


@dataclass(frozen=True, slots=True)
class Remembered:
    """A file that an earlier run sent, by the journal; not sent again.

    `receipt` is what the server says of it today, asked for when the file was refused or waited; else None.
    """

    path: Path
    receipt_id: str
    status: Status
    receipt: Receipt | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """A file without a receipt; `error.code` says why, and who can mend it."""

    path: Path
    error: EhbError
    seconds: float


Outcome = Sent | Remembered | Failed


class FacilityClient:
    """One facility at one server. Use as an async context manager.

    Files of any number go through `submit_many`; each gives one typed outcome, as soon as there is one::

        async with FacilityClient(url, "99001", SigningKey.load(Path("99001.pem"))) as client:
            async for outcome in client.submit_many(visit_files([Path("exports")]), parallel=8):
                match outcome:
                    case Sent(path, receipt):
                        print(path.name, receipt.status, receipt.records, [one.rule for one in receipt.problems])
                    case Failed(path, error):
                        print(path.name, error.code, error.message("en"))
    """

    def __init__(
        self,
        url: str,
        client_id: str,
        key: SigningKey,
        *,
        patience: Patience = Patience(),  # noqa: B008  frozen
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._connection = Connection(url, client_id, key, patience, transport)

    async def __aenter__(self) -> FacilityClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close()

    def stop(self) -> None:
        """Let `submit_many` end: what is on its way is waited for, nothing else is begun or tried again."""
        self._connection.stopped.set()

    async def submit(self, body: bytes, *, dry_run: bool = False, content_type: str | None = None) -> Receipt:
        """Send one visit file or FHIR Bundle; which of the two is seen from its content unless it is said.

        Raises Refused for a no without a receipt, Unavailable when nobody answers for as long as patience lasts.
        """
        params = {"dry_run": "true"} if dry_run else {}
        headers = {"Content-Type": content_type or content_type_of(body)}
        return await self._receipt("POST", "/facility/submissions", params=params, content=body, headers=headers)

    async def receipt(self, receipt_id: str) -> Receipt:
        """A receipt again, as it is now. Raises Refused (NOT_FOUND) for one that is gone or another facility's."""
        return await self._receipt("GET", f"/facility/submissions/{receipt_id}")

    async def submit_many(
        self,
        paths: Iterable[Path],
        *,
        parallel: int = 4,
        dry_run: bool = False,
        signer: Signer | None = None,
        journal: Journal | None = None,
    ) -> AsyncIterator[Outcome]:
        """Send files, a few at a time, and give each one's outcome in the order in which they come.

        Ends early when going on is of no use: the server is gone, or does not let this client in. Then the last
        outcome is Failed, and the paths that were not begun have none. `signer` signs the files in the national
        format; the journal knows a file with another signature as another. Two files of one visit go one after the
        other, in the order of the paths: the later is the later version.
        """
        waiting, pending, useless = iter(paths), set[asyncio.Task[Outcome]](), False
        newest: dict[bytes, asyncio.Task[Outcome]] = {}
        sending = _Sending(dry_run, signer, None if dry_run else journal)
        try:
            while True:
                while len(pending) < parallel and not useless and not self._connection.stopped.is_set():
                    path = next(waiting, None)
                    if path is None:
                        break
                    body = await _read(path)
                    visit = episode_of(body) if isinstance(body, bytes) else None
                    before = newest.get(visit) if visit else None
                    task = asyncio.create_task(self._outcome(path, body, sending, before))
                    pending.add(task)
                    if visit:
                        newest[visit] = task
                if not pending:
                    return
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                newest = {visit: task for visit, task in newest.items() if task in pending}
                for task in done:
                    outcome = task.result()
                    useless = useless or (isinstance(outcome, Failed) and _not_about_the_file(outcome.error))
                    yield outcome
        finally:
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)

    async def _outcome(
        self, path: Path, body: bytes | EhbError, sending: _Sending, before: asyncio.Task[Outcome] | None
    ) -> Outcome:
        if before is not None:
            await asyncio.wait([before])
        start = time.monotonic()
        try:
            if isinstance(body, EhbError):
                raise body
            digest = hashlib.sha256(sending.signed_as + body).digest()
            entry = sending.journal.find(digest) if sending.journal else None
            if entry is not None and (remembered := await self._remembered(path, entry)):
                return remembered
            kind = content_type_of(body)
            if sending.signer is not None and kind == XML:
                body = await asyncio.to_thread(_signed, sending.signer, body)
            receipt = await self.submit(body, dry_run=sending.dry_run, content_type=kind)
        except EhbError as error:
            return Failed(path, error, time.monotonic() - start)
        if sending.journal is not None:
            await sending.journal.keep(digest, receipt)
        return Sent(path, receipt, time.monotonic() - start)

    async def _remembered(self, path: Path, entry: Entry) -> Remembered | None:
        """What an earlier run got; None when the server does not know that receipt any more."""
        if entry.status in (Status.ACCEPTED, Status.UNCHANGED):
            return Remembered(path, entry.receipt, entry.status)
        try:
            receipt = await self.receipt(entry.receipt)
        except Refused as refused:
            if refused.http_status == 404:
                return None
            raise
        return Remembered(path, receipt.id, receipt.status, receipt)

    async def access_token(self) -> str:
        """A good access token, for what else the facility asks. Raises Refused or Unavailable."""
        return await self._connection.access_token()

    async def _receipt(self, method: str, path: str, **request: Any) -> Receipt:
        answer = await self._connection.request(method, path, **request)
        try:
            return _receipt(answer.content)
        except msgspec.MsgspecError as error:
            raise no_address(self._connection.url) from error


@dataclass(frozen=True, slots=True)
class _Sending:
    """How the files of one run are sent."""

    dry_run: bool
    signer: Signer | None
    journal: Journal | None

    @property
    def signed_as(self) -> bytes:
        return self.signer.certificate.fingerprint(SHA256()) if self.signer else b""


def _not_about_the_file(error: EhbError) -> bool:
    return isinstance(error, SignInRefused | Misconfigured) or error.code in _NOT_ABOUT_THE_FILE


async def _read(path: Path) -> bytes | EhbError:
    try:
        return await asyncio.to_thread(content_of, path)
    except EhbError as error:
        return error


def _signed(signer: Signer, body: bytes) -> bytes:
    """Signed, or as it is when it is no XML: the server says what is wrong with it."""
    try:
        return signer.sign(body)
    except NotAVisitFile:
        return body
