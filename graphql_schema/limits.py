"""What a document may ask for, judged before anything walks through it (standards rows L1–L4, E6).

Each fragment is measured once and its measure is used wherever it is spread, so a document that multiplies itself
by spreading fragments in fragments is measured in one pass and refused; stock rules walk every spread again, which
doubles the time with every level. Then it is validated, without guesses at what was meant; then its cost is reckoned
(`graphql_schema.cost`) and charged. The one invariant: what is too large is not validated, and what costs too much
is not executed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    parse,
    specified_rules,
    validate,
)
from graphql.type import GraphQLSchema
from graphql.validation import MaxIntrospectionDepthRule
from strawberry.extensions import SchemaExtension

from ehb.domain.identity import PrincipalKind
from ehb.errors import CostExceeded, EhbError
from graphql_schema.context import Context
from graphql_schema.cost import MAX_COST, MAX_COST_ANONYMOUS, Sizes, cost, sizes, sizing, weight

MAX_TOKENS, MAX_DEPTH, MAX_FIELDS, MAX_ROOTS, MAX_ALIASES = 2_000, 14, 5_000, 10, 30
MAX_DIRECTIVES, MAX_INTROSPECTIONS, MAX_ERRORS = 30, 2, 10
RULES = (*specified_rules, MaxIntrospectionDepthRule)
_INTROSPECTION = ("__schema", "__type")
_KEPT = 128
"""Documents that are remembered: the largest that is allowed takes 0.9 MB."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A selection with every fragment spread out: levels, fields in all and at the top, aliases, and so on."""

    depth: int = 0
    fields: int = 0
    roots: int = 0
    aliases: int = 0
    directives: int = 0
    introspections: int = 0

    def __add__(self, other: Measure) -> Measure:
        """Two selections side by side."""
        return Measure(
            max(self.depth, other.depth),
            self.fields + other.fields,
            self.roots + other.roots,
            self.aliases + other.aliases,
            self.directives + other.directives,
            self.introspections + other.introspections,
        )

    def problem(self) -> str | None:
        """What is too much, None when nothing is."""
        for name, found, most in (
            ("levels deep", self.depth, MAX_DEPTH),
            ("fields", self.fields, MAX_FIELDS),
            ("aliases", self.aliases, MAX_ALIASES),
            ("root fields", self.roots, MAX_ROOTS),
            ("directives", self.directives, MAX_DIRECTIVES),
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
                introspects = node.name.value in _INTROSPECTION
                total += Measure(
                    1 if introspects else below.depth + 1,  # a rule of its own says how deep that may go
                    below.fields + 1,
                    1,
                    below.aliases + (node.alias is not None),
                    below.directives,
                    below.introspections + introspects,
                )
            elif isinstance(node, InlineFragmentNode):
                total += measured(node.selection_set)
            elif isinstance(node, FragmentSpreadNode):
                total += spread(node.name.value) + Measure(fields=1)
            total += Measure(directives=len(node.directives or ()))
        return total

    def spread(name: str) -> Measure:
        if name not in known and name in fragments:
            known[name] = Measure()  # while it is measured: what spreads itself has no measure
            known[name] = measured(fragments[name].selection_set)
        return known.get(name, Measure())

    for one in document.definitions:
        if isinstance(one, OperationDefinitionNode):
            yield measured(one.selection_set)


@dataclass(frozen=True, eq=False, slots=True)
class Judged:
    """A document that was parsed, measured and validated, with what was found. Equal to itself alone."""

    document: DocumentNode
    problems: list[GraphQLError]
    sizing: tuple[str, ...]


class Judge:
    """Judges each document once and each operation's cost once for every set of sizes, as long as it is kept."""

    def __init__(self, *, introspection: bool, max_cost: int = MAX_COST) -> None:
        self.max_cost = max_cost
        self._introspection = introspection
        self.judged = lru_cache(maxsize=_KEPT)(self._judged)
        self._cost = lru_cache(maxsize=_KEPT)(self._reckoned)

    def cost(
        self, schema: GraphQLSchema, judged: Judged, name: str | None, variables: Mapping[str, Any] | None = None
    ) -> int:
        """Points of one operation of a document without problems."""
        return self._cost(schema, judged, name, sizes(judged.sizing, variables))

    def _judged(self, schema: GraphQLSchema, text: str) -> Judged:
        """Raises GraphQLError for what cannot be parsed."""
        document = parse(text, max_tokens=MAX_TOKENS)
        measured = list(measures(document))
        if not self._introspection and any(one.introspections for one in measured):
            problems = ["Introspection is off here: `ehb schema` prints the schema."]
        else:
            problems = [problem for one in measured if (problem := one.problem()) is not None]
        errors = [GraphQLError(one) for one in problems] or validate(
            schema, document, RULES, max_errors=MAX_ERRORS, hide_suggestions=True
        )
        return Judged(document, [_own_words(error) for error in errors], sizing(document))

    def _reckoned(self, schema: GraphQLSchema, judged: Judged, name: str | None, said: Sizes) -> int:
        return cost(schema, judged.document, name, said)


class WithinLimits(SchemaExtension):
    """Lets an operation through that is within all limits, and charges its cost to whoever asks."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._found: Judged | None = None

    def on_parse(self) -> Iterator[None]:
        context = self.execution_context
        context.parse_options["max_tokens"] = MAX_TOKENS
        try:
            self._found = self._judge.judged(context.schema._schema, context.query or "")
            context.graphql_document = self._found.document
        except GraphQLError:
            self._found = None  # strawberry parses it once more, and says what is wrong as its transports expect it
        yield

    async def on_validate(self) -> AsyncIterator[None]:
        try:
            self.execution_context.pre_execution_errors = await self._problems()
        except EhbError as error:
            self.execution_context.pre_execution_errors = [GraphQLError(error.en, original_error=error)]
        yield

    async def _problems(self) -> list[GraphQLError]:
        """Raises CostExceeded and RateLimited."""
        asked, found = self.execution_context, self._found
        if found is None:
            return []
        if asked._provided_operation_name is None and _operations(found.document) > 1:
            return [GraphQLError("The document has several operations: operationName must say which one.")]
        if not found.problems:
            context: Context = asked.context
            most = MAX_COST_ANONYMOUS if context.principal.kind is PrincipalKind.ANONYMOUS else self._judge.max_cost
            points = self._judge.cost(asked.schema._schema, found, asked._provided_operation_name, asked.variables)
            points += weight(asked.variables, most)
            if points > most:
                raise CostExceeded(points, most)
            await context.spend(context.principal, points)
        return list(found.problems)


def _own_words(error: GraphQLError) -> GraphQLError:
    """Python makes no number of more than 4,300 digits, which is the document's fault."""
    if isinstance(error.original_error, ValueError):
        return GraphQLError("A number in the document is too long.", error.nodes)
    return error


def _operations(document: DocumentNode) -> int:
    return sum(isinstance(one, OperationDefinitionNode) for one in document.definitions)
