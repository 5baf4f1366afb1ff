"""What a document may ask for, judged before anything walks through it (standards rows L1–L4, E6).

Each fragment is measured once and its measure is used wherever it is spread, so a document that multiplies itself
by spreading fragments in fragments is measured in one pass and refused; stock rules walk every spread again, which
doubles the time with every level. Then it is validated, without guesses at what was meant; then its cost is reckoned
(`graphql_schema.cost`) and charged. The one invariant: what is too large is not validated, and what costs too much
is not executed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
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
    OperationType,
    SelectionSetNode,
    parse,
    specified_rules,
    validate,
)
from graphql.type import GraphQLSchema
from graphql.validation import MaxIntrospectionDepthRule
from graphql.validation.rules import overlapping_fields_can_be_merged

from graphql_schema.cost import MAX_COST, Sizes, cost, sizes, sizing

MAX_TOKENS, MAX_DEPTH, MAX_FIELDS, MAX_ROOTS, MAX_ALIASES = 2_000, 14, 5_000, 10, 30
MAX_DIRECTIVES, MAX_INTROSPECTIONS, MAX_ERRORS = 30, 2, 10
MAX_SAME_NAME = 50
"""Fields with one response name that would be merged: validation compares each with each of them."""
overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = 100_000  # a fifth of the library's: about a tenth of a second
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


def merges_too_many(document: DocumentNode) -> bool:
    """Whether more than MAX_SAME_NAME fields with one response name lie in one merged selection.

    Fragments are spread out as merging spreads them. Call it for a document whose measures are within their limits.
    """
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}

    def fields(selection: SelectionSetNode, inside: frozenset[str]) -> Iterator[FieldNode]:
        for node in selection.selections:
            if isinstance(node, FieldNode):
                yield node
            elif isinstance(node, InlineFragmentNode):
                yield from fields(node.selection_set, inside)
            elif isinstance(node, FragmentSpreadNode) and node.name.value in fragments.keys() - inside:
                yield from fields(fragments[node.name.value].selection_set, inside | {node.name.value})

    def too_many(selections: list[SelectionSetNode], depth: int) -> bool:
        merged: dict[str, list[FieldNode]] = {}
        for selection in selections:
            for node in fields(selection, frozenset()):
                merged.setdefault((node.alias or node.name).value, []).append(node)
        if any(len(same) > MAX_SAME_NAME for same in merged.values()):
            return True
        below = ([one.selection_set for one in same if one.selection_set] for same in merged.values())
        return depth > 0 and any(too_many(one, depth - 1) for one in below if one)

    return any(
        too_many([one.selection_set], MAX_DEPTH + 1)
        for one in document.definitions
        if isinstance(one, OperationDefinitionNode)
    )


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a document: what log and traces may say of it.

    Never its aliases, its variables or its text, which are the caller's own words and may hold anything; nor its name.
    """

    name: str | None = field(repr=False)
    kind: OperationType
    roots: tuple[str, ...]
    """Names of the schema; empty for an operation of a faulty document."""


@dataclass(frozen=True, eq=False, slots=True)
class Judged:
    """A document that was parsed, measured and validated, with what was found. Equal to itself alone."""

    document: DocumentNode
    problems: list[GraphQLError]
    sizing: tuple[str, ...]
    operations: tuple[Operation, ...]

    def operation(self, name: str | None) -> Operation | None:
        """The one that is asked for: by its name, or the first."""
        return next((one for one in self.operations if name in (None, one.name)), None)


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
        if not problems and merges_too_many(document):
            problems = [f"The operation is too large: more than {MAX_SAME_NAME} fields of one name in one place."]
        errors = [GraphQLError(one) for one in problems] or validate(
            schema, document, RULES, max_errors=MAX_ERRORS, hide_suggestions=True
        )
        found = [_own_words(error) for error in errors]
        return Judged(document, found, sizing(document), tuple(_operations(document, valid=not errors)))

    def _reckoned(self, schema: GraphQLSchema, judged: Judged, name: str | None, said: Sizes) -> int:
        return cost(schema, judged.document, name, said)


def _own_words(error: GraphQLError) -> GraphQLError:
    """Python makes no number of more than 4,300 digits, which is the document's fault."""
    if isinstance(error.original_error, ValueError):
        return GraphQLError("A number in the document is too long.", error.nodes)
    return error


def _operations(document: DocumentNode, *, valid: bool) -> Iterator[Operation]:
    """A faulty document may spread fragments in circles, and its roots may be anybody's words."""
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}

    def roots(selection: SelectionSetNode) -> Iterator[str]:
        for node in selection.selections:
            if isinstance(node, FieldNode):
                yield node.name.value
            elif isinstance(node, InlineFragmentNode):
                yield from roots(node.selection_set)
            elif isinstance(node, FragmentSpreadNode):
                yield from roots(fragments[node.name.value].selection_set)

    for one in document.definitions:
        if isinstance(one, OperationDefinitionNode):
            found = tuple(dict.fromkeys(roots(one.selection_set))) if valid else ()
            yield Operation(one.name.value if one.name else None, one.operation, found)
