"""The schema: the roots of every feature word, put together.

The printed form is committed as `schema.graphql` and compared by a test: a change to it is a change that
clients feel.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Any

import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from graphql_schema.access_log import AccessLogMutation, AccessLogQuery
from graphql_schema.book_roots import BookQuery
from graphql_schema.consent import ConsentMutation, ConsentQuery
from graphql_schema.elements import COMPARATOR, DECIMAL, PARTIAL_DATE_TIME, Comparator, PartialDateTime
from graphql_schema.emergency import EmergencyMutation, EmergencyQuery
from graphql_schema.execution import CompiledExecution
from graphql_schema.identity import IdentityQuery
from graphql_schema.node import NodeQuery
from graphql_schema.presentation import PresentationMutation, PresentationQuery
from graphql_schema.preview import PreviewQuery
from graphql_schema.receipt import ReceiptQuery
from graphql_schema.records import RECORD_TYPES
from graphql_schema.registry import RegistryQuery
from graphql_schema.representation import RepresentationQuery
from graphql_schema.streams import StreamSubscription
from graphql_schema.submission import SubmissionMutation


@strawberry.type(description="What can be asked.")
class Query(
    AccessLogQuery,
    BookQuery,
    ConsentQuery,
    EmergencyQuery,
    IdentityQuery,
    NodeQuery,
    PresentationQuery,
    PreviewQuery,
    ReceiptQuery,
    RegistryQuery,
    RepresentationQuery,
):
    """All roots that read."""


@strawberry.type(description="What can be done.")
class Mutation(AccessLogMutation, ConsentMutation, EmergencyMutation, PresentationMutation, SubmissionMutation):
    """All roots that write."""


@strawberry.type(description="What can be followed: over SSE (`Accept: text/event-stream`) or WebSocket.")
class Subscription(StreamSubscription):
    """All roots that go on."""


class _NoSuggestions(StrawberryGraphQLCoreExecutionContext):
    """Guesses at names are nobody's business here, and graphql-core 3.3.2 fails over a letter such as İ in guessing."""

    @classmethod
    def build(cls, *arguments: Any, **options: Any) -> Any:
        """An executor that says what is wrong with variables and not what may have been meant."""
        return super().build(*arguments, **{**options, "hide_suggestions": True})


class _Compiled(_NoSuggestions, CompiledExecution):
    """What runs operations: see `graphql_schema.execution`."""


@cache
def make_schema(*, compiled: bool = True) -> strawberry.Schema:
    """The schema of the whole API, built once; `graphql_schema.operations` runs what is asked of it.

    `compiled` chooses between our execution and stock execution; answers are equal.
    """
    return strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        execution_context_class=_Compiled if compiled else _NoSuggestions,
        types=list(RECORD_TYPES),
        config=StrawberryConfig(
            scalar_map={PartialDateTime: PARTIAL_DATE_TIME, Decimal: DECIMAL, Comparator: COMPARATOR},
            relay_max_results=100,
        ),
    )
