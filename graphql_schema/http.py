"""GraphQL over HTTP (draft of the GraphQL-over-HTTP specification, standards rows H1–H6, G2).

Own and small, because the stock view answers request errors with 200 and `data: null`. Owns media types,
status codes and sizes; leaves who is calling to the `principal_from` it is given. The one invariant: a
response is never cacheable, and a request error carries no `data` key.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Any

import orjson
import strawberry
from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import Response
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.graphql import OperationType

from ehb.bodies import body_of
from ehb.custodian import Custodian
from ehb.domain.identity import Principal
from ehb.errors import BadInput, EhbError, RateLimited
from ehb.problems import language_of, problem_response
from ehb.services.registry import Facilities, Practitioners
from ehb.signing import Signer
from graphql_schema.context import Context
from graphql_schema.errors import presented
from graphql_schema.event_stream import EVENT_STREAM, EventStream
from graphql_schema.ids import OpaqueIds
from graphql_schema.running import Streams

_RESPONSE = "application/graphql-response+json"
_JSON = "application/json"
LARGEST_BODY = 2_000_000


class GraphQLEndpoint:
    """`POST /graphql`."""

    def __init__(
        self,
        schema: strawberry.Schema,
        *,
        custodian: Custodian,
        facilities: Facilities,
        practitioners: Practitioners,
        ids: OpaqueIds,
        signer: Signer,
        clock: Callable[[], datetime],
        principal_from: Callable[[Request], Awaitable[Principal]],
        streams: Streams,
        spend: Callable[[Principal, int], Awaitable[None]],
    ) -> None:
        self.schema = schema
        self._custodian = custodian
        self._facilities = facilities
        self._practitioners = practitioners
        self._ids = ids
        self._signer = signer
        self._clock = clock
        self._principal_from = principal_from
        self._streams = streams
        self._spend = spend

    async def asked(self, parameters: object) -> dict[str, Any]:
        """What a request asks for, checked: one step for POST, SSE and WebSocket. Raises BadInput."""
        return _asked(parameters)

    def context(self, principal: Principal, language: str) -> Context:
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
            spend=self._spend,
        )

    async def __call__(self, request: Request) -> Response:
        language = language_of(request.headers)
        media_type = _media_type(request.headers.get("accept", ""))
        if media_type is None:
            return Response("Not Acceptable", 406, {"Cache-Control": "no-store"}, "text/plain")
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _JSON:
            return Response("Unsupported Media Type", 415, {"Cache-Control": "no-store"}, "text/plain")
        try:
            if media_type == EVENT_STREAM:
                self._streams.check_origin(request.headers)
            asked = await self.asked(_json(await body_of(request, LARGEST_BODY)))
        except EhbError as error:
            return problem_response(error, language)
        context = self.context(await self._principal_from(request), language)
        if media_type == EVENT_STREAM:
            return EventStream(self.schema, asked, context, partial(self._principal_from, request), self._streams)
        try:
            result = await self.schema.execute(
                asked["query"],
                variable_values=asked.get("variables"),
                operation_name=asked.get("operationName") or None,
                context_value=context,
                allowed_operation_types=(OperationType.QUERY, OperationType.MUTATION),
            )
            errors, data = list(result.errors or ()), result.data
        except CannotGetOperationTypeError:
            errors, data = [GraphQLError("The document has no operation, or none with this operationName.")], None
        except InvalidOperationTypeError:
            errors, data = [GraphQLError(f"A subscription is answered as {EVENT_STREAM}: ask for it by Accept.")], None
        answer: dict[str, Any] = {}
        if errors:
            answer["errors"] = [presented(error, language) for error in errors]
        faulty = bool(errors) and data is None and all(error.path is None for error in errors)
        if not faulty:
            answer["data"] = data
        return Response(
            orjson.dumps(answer),
            status_code=_status(errors[0], media_type) if faulty else 200,
            headers={"Cache-Control": "no-store", "Content-Language": language, **_waiting(errors)},
            media_type=f"{media_type}; charset=utf-8",
        )


def _status(error: GraphQLError, media_type: str) -> int:
    """The status of a request error. What we refuse ourselves is said by the status in both media types, for whatever
    stands between us and the client; a faulty document is 200 for old clients (draft section 6.4.1)."""
    if isinstance(error.original_error, EhbError):
        return error.original_error.http_status
    return 400 if media_type == _RESPONSE else 200


def _waiting(errors: list[GraphQLError]) -> dict[str, str]:
    """RFC 9110 section 10.2.3, when anything was asked for too often."""
    waits = [one.original_error.retry_after for one in errors if isinstance(one.original_error, RateLimited)]
    return {"Retry-After": str(max(waits))} if waits else {}


def _media_type(accept: str) -> str | None:
    """The media type of the answer: what is asked for, application/json when nothing is; None for neither."""
    wanted = [part.partition(";")[0].strip().lower() for part in accept.split(",") if part.strip()]
    for name in wanted:
        if name == _RESPONSE:
            return _RESPONSE
        if name == EVENT_STREAM:
            return EVENT_STREAM
        if name in (_JSON, "*/*", "application/*"):
            return _JSON
    return None if wanted else _JSON


_PARAMETERS: tuple[tuple[str, type, tuple[str, str]], ...] = (
    ("variables", dict, ("đối tượng", "an object")),
    ("operationName", str, ("chuỗi", "a string")),
    ("extensions", dict, ("đối tượng", "an object")),
)


def _json(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise BadInput(vi="Nội dung không phải JSON.", en="The body is not JSON.") from None


def _asked(asked: object) -> dict[str, Any]:
    """The parameters of a well-formed request. Raises BadInput."""
    if not isinstance(asked, dict) or not isinstance(asked.get("query"), str) or not asked["query"].strip():
        raise BadInput(vi="Thiếu `query`.", en="`query` is missing or not a string.")
    for name, kind, said in _PARAMETERS:
        if not isinstance(asked.get(name), kind | None):
            raise BadInput(vi=f"`{name}` phải là {said[0]}.", en=f"`{name}` must be {said[1]}.")
    return asked
