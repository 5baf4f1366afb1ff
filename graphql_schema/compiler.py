"""Writes the functions that project a pure subtree: see `graphql_schema.execution` for when they are used.

For each class of values that comes by, the fields of its GraphQL type become one function; which is for which class is
found out once (`_Dispatch`) and remembered with the plan. What a class says of its attributes (`typing.get_type_hints`)
is taken for a guess: code for the guessed class of a nested object stands inside, behind a look at the class that is
really there, so a wrong guess takes the longer way and says the same.

The one invariant: what a function gives for a value is what stock execution would have made of it, or it raises.
"""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any, NoReturn

from graphql import (
    GraphQLEnumType,
    GraphQLLeafType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    is_abstract_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
    is_specified_scalar_type,
)
from graphql.pyutils import Undefined, is_awaitable

from graphql_schema.subtree import Arguments, Field, Objects

_CLASSES = 64
"""Classes whose functions one selection remembers; then it begins again."""
_LEAVES = 256
"""Scalars and enums whose functions are shared by all plans; a schema has some thirty."""
_EXACT = {"String": "str", "ID": "str", "Boolean": "bool"}
"""Scalars of the specification whose values of just this class are shown as they are."""

Projection = Callable[[Any, GraphQLResolveInfo[Any]], Any]


class Doubt(Exception):
    """The value is not what compiled code knows; stock execution will say what it is."""


def compiled(kind: GraphQLOutputType, below: Objects) -> Projection:
    """The function for values of this type of which this is selected."""
    code = _Code(None)
    return code.function(f"return {code.value(kind, below, 'o', None)}")


class _Code:
    """The source of one function. Every name in it that is not ours is a number, an attribute or a `repr`."""

    def __init__(self, dispatches: dict[int, _Dispatch] | None) -> None:
        self._names: dict[str, Any] = {"doubt": _doubt}
        self._named: dict[int, str] = {}
        self._lines: list[str] = []
        self._dispatches = dispatches if dispatches is not None else {}
        """One for each selection, however many classes it is below."""

    def function(self, *last: str) -> Projection:
        source = "\n".join(["def project(o, i):", *[f" {line}" for line in (*self._lines, *last)]])
        exec(source, self._names)  # noqa: S102  the source is ours: numbers, attribute names, reprs of parsed names
        made: Projection = self._names.pop("project")
        return made

    def _name(self, value: Any) -> str:
        name = self._named.setdefault(id(value), f"n{len(self._names)}")
        self._names[name] = value
        return name

    def fields(self, kind: GraphQLObjectType, fields: tuple[Field, ...], cls: type, it: str, indent: str) -> str:
        """A display of the fields of the object in `it`; lines before it take what it is made of."""
        hints, shown = _hints(cls), []
        for field in fields:
            if field.kind is None:
                shown.append(f"{field.name!r}: {kind.name!r}")
                continue
            var, hint = f"v{len(self._lines)}", None
            if isinstance(field.source, str):
                source, hint = f"{it}.{field.source}", hints.get(field.source)
            else:
                source = f"{self._name(field.source)}({it}{', i' if field.asks_info else ''}{self._given(field)})"
            self._lines.append(f"{indent}{var} = {source}")
            shown.append(f"{field.name!r}: {self._inside(field.kind, field.below, var, hint, indent)}")
        return f"{{{', '.join(shown)}}}"

    def _given(self, field: Field) -> str:
        if field.arguments is None:
            return ""
        return f", **{self._name(field.arguments)}{'(i)' if isinstance(field.arguments, Arguments) else ''}"

    def _inside(self, kind: GraphQLOutputType, below: Objects | None, it: str, hint: Any, indent: str) -> str:
        """The value of a field; that of a single object of the guessed class is made by lines of their own."""
        named, guess = kind.of_type if is_non_null_type(kind) else kind, _class_in(hint)
        if below is None or guess is None or not is_object_type(named) or not _admits(named, guess):
            return self.value(kind, below, it, hint)
        made = f"m{it}"
        self._lines.append(f"{indent}if type({it}) is {self._name(guess)}:")
        inner = self.fields(*below.fields[named.name], guess, it, f"{indent} ")
        self._lines.append(f"{indent} {made} = {inner}")
        self._lines.append(f"{indent}else:")
        self._lines.append(f"{indent} {made} = {self.value(kind, below, it, None)}")
        return made

    def value(self, kind: GraphQLOutputType, below: Objects | None, it: str, hint: Any) -> str:
        """An expression for the value that stands in the variable `it`."""
        inner: Any = kind.of_type if is_non_null_type(kind) else kind
        if is_list_type(inner):
            shown = self._list(inner.of_type, below, it, _class_of_items(hint))
        elif below is not None:
            dispatch = self._dispatch(below)
            shown = f"({self._name(dispatch.cases)}.get(type({it})) or {self._name(dispatch)}({it}, i))({it}, i)"
        else:
            return self._leaf(inner, it, nullable=inner is kind)
        return f"({shown} if {it} is not None else {'None' if inner is kind else 'doubt()'})"

    def _list(self, kind: GraphQLOutputType, below: Objects | None, it: str, guess: type | None) -> str:
        item = f"{it}_"
        shown = self.value(kind, below, item, None)
        named = kind.of_type if is_non_null_type(kind) else kind
        if below is not None and guess is not None and is_object_type(named) and _admits(named, guess):
            projection = self._name(self._dispatch(below).projection(named.name, guess))
            shown = f"{projection}({item}, i) if type({item}) is {self._name(guess)} else {shown}"
        return f"(([{shown} for {item} in {it}] if {it} else []) if type({it}) in (list, tuple) else doubt())"

    def _dispatch(self, below: Objects) -> _Dispatch:
        if id(below) not in self._dispatches:
            self._dispatches[id(below)] = _Dispatch(below, self._dispatches)
        return self._dispatches[id(below)]

    def _leaf(self, kind: GraphQLLeafType, it: str, *, nullable: bool) -> str:
        missing = "None" if nullable else "doubt()"
        if isinstance(kind, GraphQLEnumType):
            return f"({self._name(_names_of(kind))}[{it}] if {it} is not None else {missing})"
        shown = f"({self._name(_shown(kind))}({it}) if {it} is not None else {missing})"
        exact = _EXACT.get(kind.name) if is_specified_scalar_type(kind) else None
        if kind.coerce_output_value is str:
            exact = "str"
        if kind.name == "Int" and is_specified_scalar_type(kind):
            return f"({it} if type({it}) is int and -2147483648 <= {it} <= 2147483647 else {shown})"
        return f"({it} if type({it}) is {exact} else {shown})" if exact else shown


class _Dispatch:
    """Says which function is for a class, once for each; here a type depends on the class of its value alone."""

    def __init__(self, below: Objects, dispatches: dict[int, _Dispatch]) -> None:
        self._below = below
        self._dispatches = dispatches
        self.cases: dict[type, Projection] = {}

    def __call__(self, value: Any, info: GraphQLResolveInfo[Any]) -> Projection:
        """Raises Doubt, or what the type's own functions raise, for a value that is not of the type."""
        _certain(value)
        kind = self._below.kind
        if is_abstract_type(kind):
            name = kind.resolve_type(value, info, kind) if kind.resolve_type is not None else None
        else:
            name = kind.name if is_object_type(kind) else None
        if not isinstance(name, str) or name not in self._below.fields:
            raise Doubt
        found = self._below.fields[name][0]
        if found.is_type_of is not None and found.is_type_of(value, info) is not True:
            raise Doubt
        return self.projection(name, type(value))

    def projection(self, name: str, cls: type) -> Projection:
        """The function for values of this class, which are of the object type of this name."""
        known = self.cases.get(cls)
        if known is None:
            if len(self.cases) >= _CLASSES:
                self.cases.clear()
            code = _Code(self._dispatches)
            known = code.function(f"return {code.fields(*self._below.fields[name], cls, 'o', '')}")
            self.cases[cls] = known
        return known


def _doubt() -> NoReturn:
    raise Doubt


def _certain(value: Any) -> None:
    """Raises Doubt for what stock execution takes for something else than a value."""
    if value is Undefined or isinstance(value, Exception) or is_awaitable(value):
        raise Doubt


def _admits(kind: GraphQLObjectType, cls: type) -> bool:
    """Whether every value of this class, and of no class below it, is a value of the type."""
    return kind.is_type_of is None and not issubclass(cls, (BaseException, Awaitable))


def _hints(cls: type) -> dict[str, Any]:
    """What a class says of its attributes; nothing where it says what cannot be understood."""
    with suppress(Exception):
        return typing.get_type_hints(cls)
    return {}


def _class_in(hint: Any) -> type | None:
    """The class of an object that a hint promises, with or without null: one of Python's own has no fields."""
    given = [one for one in _members(hint) if one is not type(None)]
    is_one = len(given) == 1 and isinstance(given[0], type) and given[0].__module__ != "builtins"
    return given[0] if is_one else None


def _class_of_items(hint: Any) -> type | None:
    for one in _members(hint):
        if typing.get_origin(one) in (tuple, list):
            return _class_in(typing.get_args(one)[0])
    return None


def _members(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)


@lru_cache(_LEAVES)
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


@lru_cache(_LEAVES)
def _names_of(kind: GraphQLEnumType) -> _EnumNames:
    return _EnumNames(kind)
