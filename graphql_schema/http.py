"""GraphQL over HTTP (draft of the GraphQL-over-HTTP specification, standards rows H1–H8, G2).

Own and small, because the stock view answers request errors with 200 and `data: null`. Owns status codes, sizes and
times; leaves who is calling to the `principal_from` it is given. The one invariant: a response is never cacheable, and
a request error carries no `data` key.
"""

from __future__ import annotations

from asyncio import timeout
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Any

import orjson
from graphql import GraphQLError, OperationType
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from ehb.bodies import body_of
from ehb.custodian import Custodian
from ehb.domain.identity import Principal, PrincipalKind
from ehb.errors import EhbError, MethodNotAllowed, NotAcceptable, RateLimited, TookTooLong, UnsupportedMediaType
from ehb.problems import language_of, problem_response
from ehb.services.registry import Facilities, Practitioners
from ehb.signing import Signer
from ehb.traces import span
from graphql_schema.allowance import Allowance
from graphql_schema.asking import JSON, RESPONSE, asked_by_get, asked_by_post, media_type, well_formed
from graphql_schema.context import Context
from graphql_schema.errors import answer, faulty
from graphql_schema.event_stream import EVENT_STREAM, EventStream, follows, once
from graphql_schema.ide import ide
from graphql_schema.ids import OpaqueIds
from graphql_schema.operations import ANSWERED_ONCE, READING, Operations, OtherTransport
from graphql_schema.running import Streams
from graphql_schema.trusted_documents import Documents

LARGEST_BODY = 2_000_000


class GraphQLEndpoint:
    """`POST /graphql`; in the developer profile `GET /graphql` too, which the routes decide."""

    def __init__(
        self,
        operations: Operations,
        *,
        custodian: Custodian,
        facilities: Facilities,
        practitioners: Practitioners,
        ids: OpaqueIds,
        signer: Signer,
        clock: Callable[[], datetime],
        principal_from: Callable[[Request], Awaitable[Principal]],
        address_of: Callable[[HTTPConnection], str | None],
        streams: Streams,
        allowance: Allowance,
        documents: Documents,
        seconds: float,
    ) -> None:
        self.operations = operations
        self._custodian = custodian
        self._facilities = facilities
        self._practitioners = practitioners
        self._ids = ids
        self._signer = signer
        self._clock = clock
        self._principal_from = principal_from
        self._address_of = address_of
        self._streams = streams
        self._allowance = allowance
        self._documents = documents
        self._seconds = seconds

    async def __call__(self, request: Request) -> Response:
        by_get = request.method != "POST"
        accept = request.headers.get("accept", "")
        if by_get and "text/html" in accept and not {"query", "documentId"} & set(request.query_params):
            return ide()
        kind = media_type(accept)
        language = language_of(request.headers)
        if kind is None:
            return problem_response(NotAcceptable(), language)
        if by_get and kind == EVENT_STREAM:
            return _not_by_get(language)
        if not by_get and request.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
            return problem_response(UnsupportedMediaType(), language)
        try:
            if kind == EVENT_STREAM:
                self._streams.check_origin(request.headers)
            asked = (
                asked_by_get(request.query_params) if by_get else asked_by_post(await body_of(request, LARGEST_BODY))
            )
        except EhbError as error:
            return problem_response(error, language)
        principal = await self._principal_from(request)
        address = self._address_of(request) if principal.kind is PrincipalKind.ANONYMOUS else None
        context = self.context(principal, language, address)
        try:
            asked = await self._documents.completed(asked)
            if kind == EVENT_STREAM and follows(asked):
                again = partial(self._principal_from, request)
                return EventStream(self.operations, asked, context, again, self._streams)
            with self._allowance.turn(context.principal, address):
                errors, data = await self._executed(asked, context, READING if by_get else ANSWERED_ONCE)
            if kind == EVENT_STREAM:
                return once(orjson.dumps(answer(errors, data, language)), language)
        except EhbError as error:
            errors, data = [GraphQLError(error.en, original_error=error)], None
        except OtherTransport as error:
            if by_get and error.kind is OperationType.MUTATION:
                return _not_by_get(language)
            errors, data = [GraphQLError(f"A subscription is answered as {EVENT_STREAM}: ask for it by Accept.")], None
        return _answer(errors, data, RESPONSE if kind == EVENT_STREAM else kind, language)

    async def asked(self, parameters: object) -> dict[str, Any]:
        """What a message of another protocol asks for, checked like a body. Raises BadInput and UnknownDocument."""
        return await self._documents.completed(well_formed(parameters))

    def context(self, principal: Principal, language: str, address: str | None = None) -> Context:
        """What the resolvers of one operation have at hand."""
        return Context(
            principal=principal,
            custodian=self._custodian,
            facilities=self._facilities,
            practitioners=self._practitioners,
            ids=self._ids,
            signer=self._signer,
            language=language,
            clock=self._clock,
            spend=partial(self._allowance.spend, address=address),
        )

    async def _executed(
        self, asked: dict[str, Any], context: Context, allowed: tuple[OperationType, ...]
    ) -> tuple[list[GraphQLError], Any]:
        """Errors and data. Raises TookTooLong when it was cancelled."""
        try:
            with span("graphql"):
                async with timeout(self._seconds):
                    return await self.operations.run(asked, context, allowed)
        except TimeoutError:
            raise TookTooLong from None


def _not_by_get(language: str) -> Response:
    return problem_response(MethodNotAllowed(), language, {"Allow": "POST"})


def _answer(errors: list[GraphQLError], data: Any, kind: str, language: str) -> Response:
    return Response(
        orjson.dumps(answer(errors, data, language)),
        status_code=_status(errors[0], kind) if faulty(errors, data) else 200,
        headers={"Cache-Control": "no-store", "Content-Language": language, **_waiting(errors)},
        media_type=f"{kind}; charset=utf-8",
    )


def _status(error: GraphQLError, kind: str) -> int:
    """The status of a request error. What we refuse ourselves is said by the status in both media types, for whatever
    stands between us and the client; a faulty document is 200 for old clients (draft section 6.4.1)."""
    if isinstance(error.original_error, EhbError):
        return error.original_error.http_status
    return 400 if kind == RESPONSE else 200


def _waiting(errors: list[GraphQLError]) -> dict[str, str]:
    """RFC 9110 section 10.2.3, when anything was asked for too often."""
    waits = [one.original_error.retry_after for one in errors if isinstance(one.original_error, RateLimited)]
    return {"Retry-After": str(max(waits))} if waits else {}
