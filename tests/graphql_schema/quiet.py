"""A schema to run random documents on."""

from __future__ import annotations

import strawberry
from graphql import GraphQLError
from strawberry.types import ExecutionContext


class QuietSchema(strawberry.Schema):
    """The stock one logs a trace for every error of every document."""

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Errors are part of the answers that are compared."""
