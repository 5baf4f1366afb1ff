"""Plain HTTP: probes and metrics, and the facilities' door for visit files.

Translation only: bytes in, receipt out; problems as RFC 9457. The one invariant: a body is read no further
than it may be long, and nothing of it comes back in an answer or a log.
"""

from __future__ import annotations

import asyncio
from asyncio import Semaphore, timeout
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial

import msgspec
import orjson
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ehb.bodies import body_of
from ehb.custodian import Custodian
from ehb.domain.identity import Principal, PrincipalKind
from ehb.domain.records import LegalStatus
from ehb.domain.registry import Certificate
from ehb.domain.signature import with_signature
from ehb.domain.submission import Receipt, Status, VisitSummary
from ehb.errors import BadInput, Busy, EhbError, Unauthenticated, UnsupportedMediaType
from ehb.formats import fhir, visit_xml
from ehb.formats.visit_signature import verify
from ehb.memory import release_memory
from ehb.services import submission
from ehb.services.registry import Facilities, certificates_of

_STATUS = {Status.ACCEPTED: 201, Status.UNCHANGED: 200, Status.WAITING_FOR_IDENTITY: 202, Status.REJECTED: 422}
_XML = ("application/xml", "text/xml")
_FHIR = "application/fhir+json"
_SUBMIT = "POST /facility/submissions"
MAX_FILES_AT_ONCE = 64
"""Files of one sender that one worker has in hand."""
MAX_FILES_READ_AT_ONCE = 2
"""Large files that one worker reads at the same time; each may take twenty times its size in memory."""
READ_WAIT_SECONDS = 20.0
POINTS_A_FILE, BYTES_A_POINT = 1_000, 100
"""What a file costs of its sender's points: 6,000 small ones in a minute, or 600 megabytes."""
_THREAD_FROM = 200_000
"""Bytes from which a file is read in a thread, so that it does not hold up everybody else.

A thread of asyncio's own: one of AnyIO's outlives an interrupted event loop, and the process with it."""


def plain_routes(
    *,
    custodian: Custodian,
    registry: Facilities,
    principal_from: Callable[[Request], Awaitable[Principal]],
    clock: Callable[[], datetime],
    ready: Callable[[], Awaitable[None]],
    turn: Callable[[Principal], AbstractContextManager[None]],
    spend: Callable[[Principal, int], Awaitable[None]],
    largest_file: int,
    public_keys: Mapping[str, object],
) -> list[Route]:
    """The routes of this room. `turn` and `spend` are how much an actor may do at once and in a minute."""
    reading_now = Semaphore(MAX_FILES_READ_AT_ONCE)

    async def submit(request: Request) -> Response:
        """Who may not send is refused before anything is read."""
        principal = await principal_from(request)
        if principal.kind is PrincipalKind.ANONYMOUS:
            raise Unauthenticated
        await submission.may_submit(custodian, principal, path=_SUBMIT)
        fhir_sent, dry_run = _is_fhir(request), _flag(request, "dry_run")
        with turn(principal):
            body = await body_of(request, largest_file)
            await spend(principal, POINTS_A_FILE + len(body) // BYTES_A_POINT)
            return await take(principal, body, fhir_sent=fhir_sent, dry_run=dry_run)

    async def take(principal: Principal, body: bytes, *, fhir_sent: bool, dry_run: bool) -> Response:
        now = clock()
        read: Callable[[bytes], VisitSummary]
        if fhir_sent:
            read = partial(fhir.read, facility=principal.facility or "")
        else:
            read = partial(_read, certificates=await certificates_of(registry, principal.facility), now=now)
        visit = await _in_turn(reading_now, read, body) if len(body) > _THREAD_FROM else read(body)
        receipt = await submission.submit(
            custodian,
            principal,
            visit,
            body,
            now=now,
            path=_SUBMIT,
            dry_run=dry_run,
        )
        return _receipt(receipt, _STATUS[receipt.status], kept=not dry_run)

    async def again(request: Request) -> Response:
        principal = await principal_from(request)
        receipt = await submission.receipt(
            custodian, principal, request.path_params["id"], path="GET /facility/submissions/{id}"
        )
        return _receipt(receipt, 200, kept=True)

    async def livez(_: Request) -> Response:
        return Response("ok\n", media_type="text/plain")

    async def readyz(_: Request) -> Response:
        try:
            await ready()
        except EhbError:
            return Response("not ready\n", 503, media_type="text/plain")
        return Response("ok\n", media_type="text/plain")

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)

    async def jwks(_: Request) -> Response:
        headers = {"Cache-Control": "public, max-age=3600"}
        return Response(orjson.dumps(public_keys), headers=headers, media_type="application/jwk-set+json")

    return [
        Route("/.well-known/jwks.json", jwks, methods=["GET"]),
        Route("/facility/submissions", submit, methods=["POST"]),
        Route("/facility/submissions/{id}", again, methods=["GET"]),
        Route("/livez", livez, methods=["GET"]),
        Route("/readyz", readyz, methods=["GET"]),
        Route("/metrics", metrics, methods=["GET"]),
    ]


def _is_fhir(request: Request) -> bool:
    """Whether a bundle was sent, and not a visit file. Raises UnsupportedMediaType for anything else."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ("application/json", "application/fhir+xml"):
        raise UnsupportedMediaType(
            vi="Bundle của FHIR R4 phải gửi dạng JSON với Content-Type: application/fhir+json.",
            en="A FHIR R4 Bundle is sent as JSON with Content-Type: application/fhir+json.",
        )
    if kind not in (*_XML, _FHIR):
        raise UnsupportedMediaType
    return kind == _FHIR


def _read(body: bytes, certificates: Sequence[Certificate], now: datetime) -> VisitSummary:
    visit = visit_xml.read(body)
    if visit.signature is LegalStatus.UNSIGNED:
        return visit
    return with_signature(visit, verify(body, certificates, now))


async def _in_turn(places: Semaphore, read: Callable[[bytes], VisitSummary], body: bytes) -> VisitSummary:
    """Read a large file in a thread, when one of the places is free, and give its memory back to the system.

    Raises Busy when no place is free in time.
    """
    try:
        async with timeout(READ_WAIT_SECONDS):
            await places.acquire()
    except TimeoutError:
        raise Busy(READ_WAIT_SECONDS) from None
    try:
        return await asyncio.to_thread(read, body)
    finally:
        places.release()
        release_memory()


def _receipt(receipt: Receipt, status: int, *, kept: bool) -> Response:
    headers = {"Cache-Control": "no-store"}
    if kept:
        headers["Location"] = f"/facility/submissions/{receipt.id}"
    return Response(msgspec.json.encode(receipt), status, headers, "application/json")


def _flag(request: Request, name: str) -> bool:
    """The one parameter that there is. A misspelt one would turn a rehearsal into the real thing."""
    given = request.query_params.multi_items()
    if any(key != name for key, _ in given) or len(given) > 1:
        raise BadInput(vi=f"Chỉ nhận một tham số: {name}.", en=f"The only parameter is {name}, once.")
    value = given[0][1].lower() if given else "false"
    if value not in ("true", "false"):
        raise BadInput(vi=f"{name} phải là true hoặc false.", en=f"{name} must be true or false.")
    return value == "true"
