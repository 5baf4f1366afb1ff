"""What a document may ask for, judged before anything walks through it (standards rows L1–L3).

Each fragment is measured once and its measure is used wherever it is spread, so a document that multiplies itself
by spreading fragments in fragments is measured in one pass and refused; stock rules walk every spread again, which
doubles the time with every level. The one invariant: this comes first, and what is too large is not validated.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    validate,
)
from graphql.type import GraphQLSchema
from graphql.validation import ASTValidationRule
from strawberry.extensions import SchemaExtension

MAX_DEPTH, MAX_FIELDS, MAX_ALIASES, MAX_INTROSPECTIONS = 14, 5_000, 30, 2
_INTROSPECTION = ("__schema", "__type")
_KEPT = 512


@dataclass(frozen=True, slots=True)
class Measure:
    """A selection with every fragment spread out: levels, fields, aliases, introspections."""

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    introspections: int = 0

    def __add__(self, other: Measure) -> Measure:
        """Two selections side by side."""
        return Measure(
            max(self.depth, other.depth),
            self.fields + other.fields,
            self.aliases + other.aliases,
            self.introspections + other.introspections,
        )

    def problem(self) -> str | None:
        """What is too much, None when nothing is."""
        for name, found, most in (
            ("levels deep", self.depth, MAX_DEPTH),
            ("fields", self.fields, MAX_FIELDS),
            ("aliases", self.aliases, MAX_ALIASES),
            ("introspection fields", self.introspections, MAX_INTROSPECTIONS),
        ):
            if found > most:
                return f"The operation is too large: more than {most} {name}."
        return None


def measures(document: DocumentNode) -> Iterator[Measure]:
    """The measure of each operation. A fragment that spreads itself counts once; validation refuses it."""
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    known: dict[str, Measure] = {}

    def measured(selection: SelectionSetNode | None) -> Measure:
        total = Measure()
        for node in selection.selections if selection else ():
            if isinstance(node, FieldNode):
                below = measured(node.selection_set)
                total += Measure(
                    below.depth + 1,
                    below.fields + 1,
                    below.aliases + (node.alias is not None),
                    below.introspections + (node.name.value in _INTROSPECTION),
                )
            elif isinstance(node, InlineFragmentNode):
                total += measured(node.selection_set)
            elif isinstance(node, FragmentSpreadNode):
                below = spread(node.name.value)
                total += Measure(below.depth, below.fields + 1, below.aliases, below.introspections)
        return total

    def spread(name: str) -> Measure:
        if name not in known and name in fragments:
            known[name] = Measure()  # while it is measured: what spreads itself has no measure
            known[name] = measured(fragments[name].selection_set)
        return known.get(name, Measure())

    for one in document.definitions:
        if isinstance(one, OperationDefinitionNode):
            yield measured(one.selection_set)


class WithinLimits(SchemaExtension):
    """Measures a document, then validates it; both once for each document that the parser's cache knows."""

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        if context.graphql_document is not None:
            schema, rules = context.schema._schema, tuple(context.validation_rules)
            unnamed = context._provided_operation_name is None and _operations(context.graphql_document) > 1
            context.pre_execution_errors = (
                [GraphQLError("The document has several operations: operationName must say which one.")]
                if unnamed
                else _judged(schema, context.graphql_document, rules)
            )
        yield


def _operations(document: DocumentNode) -> int:
    return sum(isinstance(one, OperationDefinitionNode) for one in document.definitions)


@lru_cache(maxsize=_KEPT)
def _judged(
    schema: GraphQLSchema, document: DocumentNode, rules: tuple[type[ASTValidationRule], ...]
) -> list[GraphQLError]:
    too_much = [GraphQLError(problem) for one in measures(document) if (problem := one.problem()) is not None]
    return too_much or validate(schema, document, rules)
