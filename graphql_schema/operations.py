"""One operation from its text to its answers, whichever way it came: judged, charged, noted, run by graphql-core.

strawberry makes the schema and its own `Schema.execute` would run it; that way leads through extensions and a runner
of them for each step, which took a third of the time of a small question. Here the steps are calls.

The one invariant: nothing runs that is not within all limits, valid, of a type that its transport allows, and paid for.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial
from inspect import isawaitable
from typing import Any

import strawberry
from graphql import ExecutionResult, GraphQLError, OperationType, execute, subscribe
from strawberry.execution import optimized_is_awaitable

from ehb.domain.identity import PrincipalKind
from ehb.errors import CostExceeded
from ehb.request_log import note
from ehb.traces import say
from graphql_schema.context import Context
from graphql_schema.cost import MAX_COST_ANONYMOUS, weight
from graphql_schema.limits import Judge, Judged

CHARACTERS_A_POINT = 4
"""Of a free document: what its validation costs at most, in points."""
READING = (OperationType.QUERY,)
ANSWERED_ONCE = (OperationType.QUERY, OperationType.MUTATION)
_FOLLOWED = (OperationType.SUBSCRIPTION,)


class OtherTransport(Exception):
    """An operation of a type that is not asked for this way."""

    def __init__(self, kind: OperationType) -> None:
        super().__init__(kind.value)
        self.kind = kind


class Operations:
    """Every operation on the schema."""

    def __init__(self, schema: strawberry.Schema, judge: Judge) -> None:
        self._schema = schema._schema
        self._judge = judge
        same: dict[str, Any] = {
            "executor_class": schema.execution_context_class,
            "is_awaitable": optimized_is_awaitable,
        }
        self._execute: Callable[..., Any] = partial(execute, self._schema, **same)
        self._subscribe: Callable[..., Any] = partial(subscribe, self._schema, **same)

    async def run(
        self, asked: dict[str, Any], context: Context, allowed: tuple[OperationType, ...] = ANSWERED_ONCE
    ) -> tuple[list[GraphQLError], Any]:
        """Errors and data of a query or a mutation.

        Raises OtherTransport for an operation of another type, CostExceeded and RateLimited.
        """
        admitted = await self._admitted(asked, context, allowed)
        if not isinstance(admitted, Judged):
            return admitted, None
        try:
            found = self._execute(admitted.document, **_values(asked, context))
            result: ExecutionResult = await found if isawaitable(found) else found
        except Exception as error:  # graphql-core itself failed
            return [_seen(error)], None
        return result.errors or [], result.data

    async def follow(self, asked: dict[str, Any], context: Context) -> AsyncGenerator[tuple[list[GraphQLError], Any]]:
        """Errors and data of each answer of a subscription; one that may not begin has one answer, without data.

        Raises OtherTransport for an operation of another type, CostExceeded and RateLimited.
        """
        admitted = await self._admitted(asked, context, _FOLLOWED)
        if not isinstance(admitted, Judged):
            yield admitted, None
            return
        try:
            begun = self._subscribe(admitted.document, **_values(asked, context))
            source = await begun if isawaitable(begun) else begun
            if isinstance(source, ExecutionResult):
                yield source.errors or [], source.data
                return
            async with aclosing(source) as results:
                async for result in results:
                    yield result.errors or [], result.data
        except Exception as error:  # of the source: graphql-core lets it through
            yield [_seen(error)], None

    async def _admitted(
        self, asked: dict[str, Any], context: Context, allowed: tuple[OperationType, ...]
    ) -> Judged | list[GraphQLError]:
        """What may run now, or why it may not."""
        if "documentId" not in asked:  # a free text is parsed and validated before its cost is known
            await context.spend(context.principal, len(asked["query"]) // CHARACTERS_A_POINT)
        try:
            judged = self._judge.judged(self._schema, asked["query"])
        except GraphQLError as error:
            return [error]
        name = asked.get("operationName") or None
        operation = judged.operation(name)
        if operation is None:
            return [GraphQLError("The document has no operation, or none with this operationName.")]
        if operation.kind not in allowed:
            raise OtherTransport(operation.kind)
        if name is None and len(judged.operations) > 1:
            return [GraphQLError("The document has several operations: operationName must say which one.")]
        if judged.problems:
            return list(judged.problems)
        await self._charge(judged, name, asked.get("variables"), context)
        note(operation=operation.kind.value, roots=operation.roots)
        say(operation=operation.kind.value, roots=operation.roots)
        return judged

    async def _charge(
        self, judged: Judged, name: str | None, variables: dict[str, Any] | None, context: Context
    ) -> None:
        nobody = context.principal.kind is PrincipalKind.ANONYMOUS
        most = MAX_COST_ANONYMOUS if nobody else self._judge.max_cost
        points = self._judge.cost(self._schema, judged, name, variables) + weight(variables, most)
        if points > most:
            raise CostExceeded(points, most)
        await context.spend(context.principal, points)


def _values(asked: dict[str, Any], context: Context) -> dict[str, Any]:
    return {
        "variable_values": asked.get("variables"),
        "operation_name": asked.get("operationName") or None,
        "context_value": context,
    }


def _seen(error: Exception) -> GraphQLError:
    return error if isinstance(error, GraphQLError) else GraphQLError("", original_error=error)
