"""Compiled execution: a subtree that is pure data becomes one function, and runs once for each record.

graphql-core completes every field of every record by itself, 3 to 5 µs each; a book of 100 records and 2,000 fields
costs 10 ms of that. But below a page of records nothing is left to decide: the fields are attributes, the types are
known. Such a selection is turned into Python source once for each document, type and set of `@skip`/`@include` values,
and kept with the document's own nodes.

How it stays right. (1) It compiles what stock collection gives (`collect_subfields`), so aliases, fragments and
directives are graphql-core's own doing. (2) It leaves a subtree alone unless every field of it is a plain attribute,
`__typename`, or a resolver marked `pure`. (3) Compiled code only knows how things go well. A null where none may be, a
value of another type than its field's, a class that is not the type's, any exception: the value is handed to stock
execution, which runs from the start and makes the errors, their paths and the nulls that bubble. Nothing of a pure
subtree has an effect, so running it again changes nothing. (4) `tests/graphql_schema/test_execution.py` runs random
documents through both and compares bytes; a change of graphql-core shows there first.

A selection is compiled when a second operation asks it, and only so many fields of it: who sends something else each
time costs what stock execution costs, which is what they are charged for (`graphql_schema.cost`).

The switch: `make_schema(compiled=False)`. The one invariant: an answer is what stock execution would have answered.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from graphql import (
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLOutputType,
    GraphQLResolveInfo,
    SelectionSetNode,
    VariableNode,
)
from graphql.execution.collect_fields import FieldDetailsList
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from graphql_schema.by_nodes import ByNodes
from graphql_schema.compiler import Projection, compiled
from graphql_schema.subtree import Impure, Objects, subtree

_FIELDS = 60_000
"""Fields of all functions that are kept; each takes 0.9 KB. Those that were used longest ago go first."""


@dataclass(slots=True)
class _Plan:
    """What is known of one selection with one set of values in its `@skip` and `@include`."""

    below: Objects | None
    """What is selected; None where stock execution is needed for it, though perhaps not for what lies deeper."""
    first: object
    """The run of an operation that asked first."""
    function: Projection | None = None
    """Made when another one asks."""


class CompiledExecution(StrawberryGraphQLCoreExecutionContext):
    """graphql-core's executor, with a shorter way through pure data."""

    _conditions: ClassVar[ByNodes[tuple[str, ...]]] = ByNodes()
    """The variables that decide which fields are in a selection."""
    _plans: ClassVar[ByNodes[_Plan]] = ByNodes()

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._run = object()
        self._within_first = False
        """Whether what is completed lies in a selection that is asked first: nothing below needs a plan of its own."""

    def complete_value(
        self,
        return_type: GraphQLOutputType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Any,
        result: Any,
        position_context: Any,
    ) -> Any:
        """The value as stock execution completes it, by a compiled plan where there is one and all goes well."""
        watched = self.middleware_manager is not None and self.middleware_manager.middlewares
        plain = position_context is None and result is not None and not watched and not self._within_first
        plan = self._plan(return_type, field_details_list) if plain else None
        if plan is not None and plan.function is not None:
            try:
                return plan.function(result, info)
            except Exception:
                return super().complete_value(
                    return_type, field_details_list, info, path, result, position_context
                )  # which finds out what is wrong
        self._within_first = self._within_first or (plan is not None and plan.below is not None)
        try:
            return super().complete_value(return_type, field_details_list, info, path, result, position_context)
        finally:
            if plain:
                self._within_first = False

    def build_response(self, data: dict[str, Any] | None) -> Any:
        """The answer. What was lent to resolvers leads back here: only the garbage collector would free a request."""
        self.async_helpers = None  # type: ignore[assignment]
        return super().build_response(data)

    def _plan(self, return_type: GraphQLOutputType, details: FieldDetailsList) -> _Plan | None:
        if details[0].node.selection_set is None:
            return None
        nodes = [one.node for one in details]
        conditions = self._conditions.of(nodes, lambda: _names_of_conditions(nodes, self.fragment_definitions))
        values = tuple([self.variable_values.coerced.get(name) for name in conditions])
        plan = self._plans.of(nodes, lambda: _Plan(self._pure(return_type, details), self._run), return_type, values)
        if plan.function is None and plan.below is not None and plan.first is not self._run:
            plan.function = compiled(return_type, plan.below)
            self._make_room()
        return plan

    def _make_room(self) -> None:
        sizes = {key: plan.below.size for key, (_, plan) in self._plans.items() if plan.function and plan.below}
        total = sum(sizes.values())
        for key, size in sizes.items():
            if total <= _FIELDS:
                return
            del self._plans[key]
            total -= size

    def _pure(self, return_type: GraphQLOutputType, details: FieldDetailsList) -> Objects | None:
        """None for a subtree that is not pure data, is too large, or has conditions that are none."""
        try:
            return subtree(self, return_type, details)
        except (Impure, GraphQLError):
            return None


def _names_of_conditions(
    nodes: Iterable[FieldNode], fragments: Mapping[str, FragmentDefinitionNode]
) -> tuple[str, ...]:
    """Names of variables in `@skip` and `@include` anywhere below these nodes, in order."""
    found: set[str] = set()
    left: list[SelectionSetNode | None] = [node.selection_set for node in nodes]
    spread: set[str] = set()
    while left:
        selection = left.pop()
        for node in selection.selections if selection else ():
            found.update(_variables(node.directives))
            if not isinstance(node, FragmentSpreadNode):
                left.append(getattr(node, "selection_set", None))
            elif (name := node.name.value) not in spread and name in fragments:
                spread.add(name)
                left.append(fragments[name].selection_set)
    return tuple(sorted(found))


def _variables(directives: Iterable[DirectiveNode] | None) -> Iterator[str]:
    for directive in directives or ():
        for argument in directive.arguments or ():
            if isinstance(argument.value, VariableNode):
                yield argument.value.name.value
