"""Writes the function that projects a pure subtree: see `graphql_schema.execution` for when it is used.

The one invariant: what the function gives for a value is what stock execution would have made of it, or it raises.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLLeafType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
    is_specified_scalar_type,
)
from graphql.execution.collect_fields import FieldDetailsList
from graphql.pyutils import Undefined, is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types.field import StrawberryField

_EXACT = {"String": "str", "ID": "str", "Boolean": "bool"}
"""Scalars of the specification whose values of just this class are shown as they are."""

Projection = Callable[[Any, GraphQLResolveInfo[Any]], Any]
F = TypeVar("F", bound=Callable[..., Any])


class Doubt(Exception):
    """The value is not what compiled code knows; stock execution will say what it is."""


def pure(resolver: F) -> F:
    """Mark a resolver that depends on its source and on `info.context` alone, changes nothing and awaits nothing."""
    resolver.is_pure = True  # type: ignore[attr-defined]
    return resolver


class _Impure(Exception):
    """Something below needs stock execution."""


class Compiler:
    """Writes the source of one plan. Every name in it that is not ours is a number or a `repr`."""

    def __init__(self, executor: StrawberryGraphQLCoreExecutionContext) -> None:
        self._executor = executor
        self._names: dict[str, Any] = {"doubt": _doubt}

    def plan(self, return_type: GraphQLOutputType, details: FieldDetailsList) -> Projection | None:
        """None for a subtree that is not pure data."""
        try:
            value = self._value(return_type, details, "o")
        except _Impure:
            return None
        return self._function([f"return {value}"])

    def _function(self, lines: list[str]) -> Projection:
        source = "\n    ".join(["def project(o, i):", *lines])
        exec(source, self._names)  # noqa: S102  the source is ours: numbers, attribute names, reprs of parsed names
        made: Projection = self._names.pop("project")
        return made

    def _name(self, value: Any) -> str:
        name = f"n{len(self._names)}"
        self._names[name] = value
        return name

    def _value(self, kind: GraphQLOutputType, details: FieldDetailsList, it: str) -> str:
        """An expression for the value that stands in the variable `it`."""
        if not is_non_null_type(kind):
            return f"(None if {it} is None else {self._there(kind, details, it)})"
        return f"({self._there(kind.of_type, details, it)} if {it} is not None else doubt())"

    def _there(self, kind: GraphQLOutputType, details: FieldDetailsList, it: str) -> str:
        """The same for a value that is not None."""
        if is_leaf_type(kind):
            return self._leaf(kind, it)
        if is_list_type(kind):
            item = f"{it}_"
            listed = f"[{self._value(kind.of_type, details, item)} for {item} in {it}]"
            return f"({listed} if type({it}) in (list, tuple) else doubt())"
        cases: dict[type, Projection] = {}
        admit = _Admission(kind, self._projections(kind, details), cases)
        return f"({self._name(cases)}.get(type({it})) or {self._name(admit)}({it}, i))({it}, i)"

    def _leaf(self, kind: GraphQLLeafType, it: str) -> str:
        if isinstance(kind, GraphQLEnumType):
            return f"{self._name(_EnumNames(kind))}[{it}]"
        shown = f"{self._name(_shown(kind))}({it})"
        exact = _EXACT.get(kind.name) if is_specified_scalar_type(kind) else None
        if kind.coerce_output_value is str:
            exact = "str"
        if kind.name == "Int" and is_specified_scalar_type(kind):
            return f"({it} if type({it}) is int and -2147483648 <= {it} <= 2147483647 else {shown})"
        return f"({it} if type({it}) is {exact} else {shown})" if exact else shown

    def _projections(self, kind: GraphQLOutputType, details: FieldDetailsList) -> _Projections:
        """The projection of every object type that a value of this type can have."""
        if is_abstract_type(kind):
            types = self._executor.schema.get_possible_types(kind)
            return {one.name: (one, self._projection(one, details)) for one in types}
        if is_object_type(kind):
            return {kind.name: (kind, self._projection(kind, details))}
        raise _Impure

    def _projection(self, kind: GraphQLObjectType, details: FieldDetailsList) -> Projection:
        grouped, deferred, _ = self._executor.collect_subfields(kind, details)
        if deferred:
            raise _Impure
        lines: list[str] = []
        shown: list[str] = []
        for name, chosen in grouped.items():
            field_name = chosen[0].node.name.value
            if field_name == "__typename":
                shown.append(f"{name!r}: {kind.name!r}")
                continue
            field_def = self._executor.schema.get_field(kind, field_name)
            if field_def is None or field_def.args or any(one.fragment_variable_values for one in chosen):
                raise _Impure
            it = f"v{len(lines)}"
            lines.append(f"{it} = {self._source(field_def)}")
            shown.append(f"{name!r}: {self._value(field_def.type, chosen, it)}")
        return self._function([*lines, f"return {{{', '.join(shown)}}}"])

    def _source(self, field_def: GraphQLField) -> str:
        """Where a field's value comes from: an attribute, or a pure resolver."""
        definition = field_def.extensions.get("strawberry-definition")
        if not isinstance(definition, StrawberryField) or definition.extensions or definition.permission_classes:
            raise _Impure
        resolver = definition.base_resolver
        if resolver is None and definition.default_resolver is getattr:
            return f"o.{definition.python_name}"
        if resolver is None or not getattr(resolver.wrapped_func, "is_pure", False):
            raise _Impure
        return f"{self._name(resolver.wrapped_func)}(o{', i' if resolver.info_parameter else ''})"


_Projections = dict[str, tuple[GraphQLObjectType, Projection]]


def _doubt() -> NoReturn:
    raise Doubt


def _certain(value: Any) -> None:
    """Raises Doubt for what stock execution takes for something else than a value."""
    if value is Undefined or isinstance(value, Exception) or is_awaitable(value):
        raise Doubt


class _Admission:
    """Says which projection is for a class, once for each; here a type depends on the class of its value alone."""

    def __init__(self, kind: GraphQLOutputType, projections: _Projections, cases: dict[type, Projection]) -> None:
        self._kind = kind
        self._projections = projections
        self._cases = cases

    def __call__(self, value: Any, info: GraphQLResolveInfo[Any]) -> Projection:
        """Raises Doubt, or what the type's own functions raise, for a value that is not of the type."""
        _certain(value)
        kind = self._kind
        if is_abstract_type(kind):
            name = kind.resolve_type(value, info, kind) if kind.resolve_type is not None else None
        else:
            name = kind.name if is_object_type(kind) else None
        if not isinstance(name, str) or name not in self._projections:
            raise Doubt
        found, projection = self._projections[name]
        if found.is_type_of is not None and found.is_type_of(value, info) is not True:
            raise Doubt
        self._cases[type(value)] = projection
        return projection


def _shown(kind: GraphQLLeafType) -> Callable[[Any], Any]:
    """What completes a leaf, without a word about what is wrong."""
    coerce = kind.coerce_output_value

    def shown(value: Any) -> Any:
        _certain(value)
        made = coerce(value)
        if made is None or made is Undefined:
            raise Doubt
        return made

    return shown


class _EnumNames(dict[Any, str]):
    """The names of an enum's members, each asked for once."""

    def __init__(self, kind: GraphQLEnumType) -> None:
        super().__init__()
        self._shown = _shown(kind)

    def __missing__(self, value: Any) -> str:
        name: str = self._shown(value)
        if isinstance(value, enum.Enum):
            self[value] = name
        return name
