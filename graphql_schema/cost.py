"""What an operation may cost, reckoned from its text and its variables before anything runs (standards row L3).

One point is some five microseconds of a worker: what graphql-core takes to complete one value.

| what | points |
|---|---|
| a value | 1 |
| a field with fields below it | 2 |
| a list that is paged by `first`: it is read, opened and cut | 500 |
| a root that reads: a decision, a line of the trail, a read | 500 |
| a root that writes: the same, and a transaction | 1,000 |
| a value in the variables, an object in them | 1, 20 |

What stands in a list counts as often as the list may be long: as `first` of the field above it says, as there are
`ids`, and else ten times. Of the kinds that one record may be the dearest counts. What `@skip` or `@include` may leave
out counts too. Introspection has limits of its own (`graphql_schema.limits`) and counts as one root.

The one invariant: each fragment is reckoned once, however often it is spread.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    Node,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    get_operation_ast,
    is_leaf_type,
)

VALUE, OBJECT, PAGE, READ, WRITE, LIST, INPUT = 1, 2, 500, 500, 1_000, 10, 20
MAX_COST = 100_000
"""About half a second of a worker; every section of a book, fifty records each with codes and provenance, just fits."""
MAX_COST_ANONYMOUS = 5_000
"""For whoever is not signed in: a page of the public registry."""
_ENDLESS = 2**31
"""More than a length can be: graphql-core refuses it later."""
Sizes = tuple[tuple[str, int | None], ...]


@dataclass(frozen=True, slots=True)
class Price:
    """Points of a selection: those that count once, and those for each item of the list that the field above pages."""

    once: int = 0
    each: int = 0

    def __add__(self, other: Price) -> Price:
        return Price(self.once + other.once, self.each + other.each)

    def __or__(self, other: Price) -> Price:
        """Either of two: the dearer."""
        return Price(max(self.once, other.once), max(self.each, other.each))


def sizing(document: DocumentNode) -> tuple[str, ...]:
    """Names of the variables that say how long a list is."""
    return tuple(sorted({found.name.value for found in _sizes(document) if isinstance(found, VariableNode)}))


def sizes(names: tuple[str, ...], variables: Mapping[str, Any] | None) -> Sizes:
    """What the variables of these names say; None for those that say nothing."""
    given = variables or {}
    return tuple((name, _length(given.get(name))) for name in names)


def weight(variables: Mapping[str, Any] | None, most: int) -> int:
    """Points of what the variables hold, which is made into objects before all else; counts little beyond `most`."""
    points, waiting = 0, [*(variables or {}).values()]
    while waiting and points <= most:
        value = waiting.pop()
        if isinstance(value, dict):
            points += INPUT
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        points += VALUE
    return points


def cost(schema: GraphQLSchema, document: DocumentNode, name: str | None, said: Sizes = ()) -> int:
    """Points of the operation of this name in a document that is valid; the defaults where a size is not said."""
    operation = get_operation_ast(document, name)
    if operation is None:
        return 0
    root = schema.get_root_type(operation.operation)
    fragments = {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}
    lengths = {**_defaults(operation), **{one: length for one, length in said if length is not None}}
    found = _Reckoning(schema, fragments, lengths, root).selection(operation.selection_set, root)
    return found.once + LIST * found.each


def _sizes(node: Node) -> Iterator[Node]:
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, FieldNode):
            yield from (given.value for given in one.arguments or () if given.name.value in ("first", "ids"))
        selections = getattr(one, "selection_set", None)
        waiting += getattr(one, "definitions", ()) + (selections.selections if selections else ())


def _length(value: object) -> int | None:
    """What a variable says about a length, None when it says nothing that graphql-core would take."""
    if isinstance(value, list):
        return len(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return min(int(value), _ENDLESS)
    return None


def _defaults(operation: OperationDefinitionNode) -> dict[str, int]:
    """Lengths by the defaults of the operation's own variables."""
    given = ((one.variable.name.value, one.default_value) for one in operation.variable_definitions or ())
    return {name: length for name, value in given if (length := _written(value, {})) is not None}


def _written(value: Node | None, variables: Mapping[str, int]) -> int | None:
    """The length that a value in the document says."""
    if isinstance(value, VariableNode):
        return variables.get(value.name.value)
    if isinstance(value, IntValueNode):
        return min(int(value.value[:20]), _ENDLESS)
    return len(value.values) if isinstance(value, ListValueNode) else None


@dataclass(slots=True)
class _Reckoning:
    """One walk through one operation."""

    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: Mapping[str, int]
    root: GraphQLObjectType | None
    _known: dict[str, Price] = field(default_factory=dict)

    def selection(self, selected: SelectionSetNode | None, parent: Any) -> Price:
        """The price of fields side by side; of fragments for several kinds the dearest kind."""
        total, kinds = Price(), dict[str, Price]()
        for node in selected.selections if selected else ():
            if isinstance(node, FieldNode):
                total += self._field(node, parent)
                continue
            kind, found = self._fragment(cast("InlineFragmentNode | FragmentSpreadNode", node), parent)
            if kind is parent or not isinstance(kind, GraphQLObjectType):
                total += found
            else:
                kinds[kind.name] = kinds.get(kind.name, Price()) + found
        dearest = Price()
        for one in kinds.values():
            dearest |= one
        return total + dearest

    def _fragment(self, node: InlineFragmentNode | FragmentSpreadNode, parent: Any) -> tuple[Any, Price]:
        if isinstance(node, InlineFragmentNode):
            kind = self.schema.get_type(node.type_condition.name.value) if node.type_condition else parent
            return kind, self.selection(node.selection_set, kind)
        name = node.name.value
        kind = self.schema.get_type(self.fragments[name].type_condition.name.value)
        if name not in self._known:
            self._known[name] = self.selection(self.fragments[name].selection_set, kind)
        return kind, self._known[name]

    def _field(self, node: FieldNode, parent: Any) -> Price:
        name = node.name.value
        own = _root_price(self.schema, parent) if parent is self.root else 0
        if name.startswith("__"):
            return Price(VALUE if name == "__typename" else own)
        kinds = cast("GraphQLObjectType | GraphQLInterfaceType", parent).fields
        defined = kinds[name]
        kind = get_named_type(defined.type)
        if is_leaf_type(kind):
            price = VALUE
        else:
            below = self.selection(node.selection_set, kind)
            page = self._said(node, defined, "first")
            price = OBJECT + below.once + (LIST * below.each if page is None else PAGE + page * below.each)
        if not isinstance(get_nullable_type(defined.type), GraphQLList):
            return Price(own + price)
        items = self._said(node, defined, "ids")
        return Price(items * (own + price)) if items is not None else Price(own, price)

    def _said(self, node: FieldNode, defined: GraphQLField, argument: str) -> int | None:
        """What this argument says, or the schema's default for it; None when the field has no such argument."""
        if argument not in defined.args:
            return None
        said = next(
            (_written(one.value, self.variables) for one in node.arguments or () if one.name.value == argument), None
        )
        if said is None:
            default = defined.args[argument].default_value
            said = default if isinstance(default, int) else 1
        return max(said, 1)


def _root_price(schema: GraphQLSchema, root: Any) -> int:
    return WRITE if root is schema.mutation_type else READ
