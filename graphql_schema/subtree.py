"""Pure subtrees of a selection: which fields of which types, each an attribute or a resolver marked `pure`.

Arguments that have no variable are read once, with the subtree; the others each time, by graphql-core and strawberry.

What stock collection gives for a selection (aliases, fragments, directives are its doing), taken down once for every
object type that may stand there, without the executor: what is kept of a document must not keep the request that came
with it. `graphql_schema.compiler` writes functions from it.

The one invariant: a subtree is taken down whole or not at all; whatever needs stock execution raises Impure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import strawberry
from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLSchema,
    ListValueNode,
    ObjectValueNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    is_object_type,
)
from graphql.execution.collect_fields import FieldDetailsList
from graphql.execution.values import VariableValues, get_argument_values
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types.arguments import convert_arguments
from strawberry.types.field import StrawberryField

F = TypeVar("F", bound=Callable[..., Any])
_Seen = Counter[str]
MOST = 2_000
"""Fields of one subtree, counted for each type that they can be of: twenty of each of a hundred records are 350."""


class Impure(Exception):
    """Something below needs stock execution."""


def pure(resolver: F) -> F:
    """Mark a resolver that depends on source, arguments and `info.context` alone, changes nothing and awaits nothing.

    What is wrong with an argument it raises; stock execution says so then.
    """
    resolver.is_pure = True  # type: ignore[attr-defined]
    return resolver


@dataclass(frozen=True, slots=True)
class Field:
    """One field as it is answered. Without a `kind` it is `__typename`."""

    name: str
    """Its key in the answer."""
    kind: GraphQLOutputType | None = None
    source: str | Callable[..., Any] = ""
    """The attribute that it shows, or the resolver that makes it."""
    asks_info: bool = False
    arguments: Mapping[str, Any] | Arguments | None = None
    """What the resolver is called with beside: its values, or what gives them each time."""
    below: Objects | None = None


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of one field as its document has them."""

    schema: GraphQLSchema
    field: GraphQLField
    node: FieldNode

    @property
    def vary(self) -> bool:
        """Whether any is a variable. Raises Impure for one inside of a list or an object."""
        given = [one.value for one in self.node.arguments or ()]
        if any(_varies(one) for one in given if not isinstance(one, VariableNode)):
            raise Impure
        return any(isinstance(one, VariableNode) for one in given)

    def __call__(self, info: GraphQLResolveInfo[Any] | None) -> dict[str, Any]:
        """By the names of Python. Raises GraphQLError for what stock execution refuses."""
        variables = VariableValues({}, cast("dict[str, Any]", info.variable_values)) if info else None
        values = get_argument_values(self.field, self.node, variables)
        made: strawberry.Schema = self.schema.extensions["strawberry-definition"]
        known = made.schema_converter.scalar_registry
        definition: StrawberryField = self.field.extensions["strawberry-definition"]
        return convert_arguments(values, definition.arguments, known, made.config)


def _varies(value: ValueNode) -> bool:
    if isinstance(value, ListValueNode):
        return any(_varies(one) for one in value.values)
    if isinstance(value, ObjectValueNode):
        return any(_varies(one.value) for one in value.fields)
    return isinstance(value, VariableNode)


@dataclass(frozen=True, slots=True)
class Objects:
    """A selection on objects: its fields for every object type that can stand there, by the type's name."""

    kind: GraphQLNamedType
    fields: dict[str, tuple[GraphQLObjectType, tuple[Field, ...]]]

    @property
    def size(self) -> int:
        """How many fields that is, with those below."""
        fields = [field for _, some in self.fields.values() for field in some]
        return len(fields) + sum(field.below.size for field in fields if field.below is not None)


def subtree(
    executor: StrawberryGraphQLCoreExecutionContext, kind: GraphQLOutputType, details: FieldDetailsList
) -> Objects | None:
    """What is selected below a field of this type; None for a leaf.

    Raises Impure, also for more than MOST fields, and GraphQLError for conditions that are neither true nor false.
    """
    return _objects(executor, kind, details, Counter())


def _objects(
    executor: StrawberryGraphQLCoreExecutionContext, kind: GraphQLOutputType, details: FieldDetailsList, seen: _Seen
) -> Objects | None:
    named = get_named_type(kind)
    if is_leaf_type(named):
        return None
    if is_abstract_type(named):
        types = executor.schema.get_possible_types(named)
    elif is_object_type(named):
        types = [named]
    else:
        raise Impure
    return Objects(named, {one.name: (one, _fields(executor, one, details, seen)) for one in types})


def _fields(
    executor: StrawberryGraphQLCoreExecutionContext, kind: GraphQLObjectType, details: FieldDetailsList, seen: _Seen
) -> tuple[Field, ...]:
    grouped, deferred, _ = executor.collect_subfields(kind, details)
    seen["fields"] += len(grouped)
    if deferred or seen["fields"] > MOST:
        raise Impure
    fields: list[Field] = []
    for name, chosen in grouped.items():
        field_name = chosen[0].node.name.value
        if field_name == "__typename":
            fields.append(Field(name))
            continue
        definition = executor.schema.get_field(kind, field_name)
        if definition is None or any(one.fragment_variable_values for one in chosen):
            raise Impure
        source, asks_info = _source(definition)
        arguments = _arguments(executor.schema, definition, chosen[0].node)
        below = _objects(executor, definition.type, chosen, seen)
        fields.append(Field(name, definition.type, source, asks_info, arguments, below))
    return tuple(fields)


def _arguments(schema: GraphQLSchema, field: GraphQLField, node: FieldNode) -> Mapping[str, Any] | Arguments | None:
    if not field.args:
        return None
    arguments = Arguments(schema, field, node)
    if arguments.vary:
        return arguments
    try:
        return arguments(None)
    except GraphQLError as error:
        raise Impure from error


def _source(field: GraphQLField) -> tuple[str | Callable[..., Any], bool]:
    """Where a field's value comes from: an attribute, or a pure resolver and whether it asks for `info`."""
    definition = field.extensions.get("strawberry-definition")
    if not isinstance(definition, StrawberryField) or definition.extensions or definition.permission_classes:
        raise Impure
    resolver = definition.base_resolver
    if resolver is None and definition.default_resolver is getattr:
        return definition.python_name, False
    if resolver is None or not getattr(resolver.wrapped_func, "is_pure", False):
        raise Impure
    made: Any = resolver.wrapped_func
    return made, resolver.info_parameter is not None
