"""What the selection below a root needs of a book: sections, history, fields, one page where one list is all there is.

What is not needed is not fetched, opened or decoded, so a page of twenty costs the same in a book of a thousand
records. The audit event names sections, which a page does not change. The one invariant: the answer is the one that
the whole book would have given; in doubt (directives, several lists, arguments that are refused) more is fetched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLResolveInfo,
    SelectionSetNode,
)
from strawberry.utils.str_converters import to_camel_case

from ehb.domain import book as domain
from ehb.domain.access import ALL_SECTIONS
from ehb.domain.records import RECORD_TYPES, Book, Section
from ehb.errors import BadInput
from graphql_schema.by_nodes import ByNodes
from graphql_schema.connections import Narrowing, window
from graphql_schema.context import Info
from graphql_schema.subtree import Arguments, Impure

_WHOLE: dict[str, frozenset[Section]] = {
    "summary": domain.SUMMARY_SECTIONS,
    "corrections": ALL_SECTIONS,
    "completeness": ALL_SECTIONS,
}
"""Fields that need every record of their sections, whatever else is asked."""
_TIMELINE = "timeline"
_SECTIONS: dict[str, Section] = {
    "".join(word.capitalize() if number else word.lower() for number, word in enumerate(section.split("_"))): section
    for section in Section
}
_BOOKS = {book.value.lower(): book for book in Book}
_KNOWN: ByNodes[_Asked] = ByNodes()
_ATTRIBUTES = {to_camel_case(name): name for kind in RECORD_TYPES for name in kind.__struct_fields__}
"""Fields of records, as the schema names them: each shows the attribute of its name, but for the id."""


@dataclass(slots=True)
class _Needs:
    """What a selection needs so far."""

    sections: set[Section] = field(default_factory=set)
    history: bool = False
    whole: bool = False
    lists: list[tuple[str, str, FieldNode]] = field(default_factory=list)
    """Lists that are paged: the type that has the field, the name of the list, the field."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is known of a selection from the text of its document."""

    everything: domain.ReadQuery
    """What it needs, page or no page."""
    name: str = ""
    """Of the one list that there is."""
    arguments: Arguments | None = None
    """Its arguments as they are written there."""
    given: Mapping[str, Any] | None = None
    """Their values, when no variable is among them."""


def asked_of_book(info: Info, patient_id: bytes | None) -> domain.ReadQuery:
    """The query for the book below the root that `info` is of."""
    raw = info._raw_info
    asked = _KNOWN.of(raw.field_nodes, lambda: _asked(raw))
    if asked.arguments is None or patient_id is None:
        return asked.everything
    try:
        given = asked.given if asked.given is not None else asked.arguments(raw)
        kinds = given.get("kinds")
        narrowing = Narrowing(**{**given, "kinds": tuple(kinds) if kinds is not None else None})
        page = window(info.context, patient_id, asked.name, narrowing)
    except (BadInput, GraphQLError):
        return asked.everything  # the arguments will be refused, which is the list's to say
    return replace(asked.everything, window=page)


def _asked(raw: GraphQLResolveInfo[Any]) -> _Asked:
    needs = _Needs()
    for root in raw.field_nodes:
        for chosen in _fields(raw, root.selection_set):
            _add(raw, needs, chosen)
    query = domain.ReadQuery(frozenset(needs.sections), history=needs.history, fields=_attributes(raw, needs))
    if needs.whole or len(needs.lists) != 1:
        return _Asked(query)
    parent, name, node = needs.lists[0]
    kind = raw.schema.get_type(parent)
    if not isinstance(kind, GraphQLObjectType):
        return _Asked(query)
    arguments = Arguments(raw.schema, kind.fields[node.name.value], node)
    try:
        return _Asked(query, name, arguments, None if arguments.vary else arguments(None))
    except (Impure, GraphQLError):
        return _Asked(query)


def _attributes(raw: GraphQLResolveInfo[Any], needs: _Needs) -> frozenset[str] | None:
    """Attributes of the records that are in the lists; None for all, which the views of a whole book ask for."""
    if needs.whole:
        return None
    names = (one.name.value for _, _, chosen in needs.lists for one in _nodes(raw, chosen))
    return frozenset(_ATTRIBUTES[name] for name in names if name in _ATTRIBUTES)


def _add(raw: GraphQLResolveInfo[Any], needs: _Needs, chosen: FieldNode) -> None:
    name = chosen.name.value
    if name == _TIMELINE:
        needs.sections |= ALL_SECTIONS
        needs.lists.append(("HealthBook", name, chosen))
    elif name in _WHOLE:
        needs.sections |= _WHOLE[name]
        needs.whole, needs.history = True, needs.history or name == "corrections"
    elif name in _BOOKS:
        for inner in _fields(raw, chosen.selection_set):
            if (section := _SECTIONS.get(inner.name.value)) is not None:
                needs.sections.add(section)
                needs.lists.append((f"{_BOOKS[name].value.capitalize()}Book", section.value, inner))


def _nodes(raw: GraphQLResolveInfo[Any], listed: FieldNode) -> Iterator[FieldNode]:
    """What is asked of each record of a list, whatever its kind."""
    for chosen in _fields(raw, listed.selection_set):
        edges = _fields(raw, chosen.selection_set) if chosen.name.value == "edges" else (chosen,)
        for node in edges:
            if node.name.value in ("node", "nodes"):
                yield from _fields(raw, node.selection_set)


def _fields(raw: GraphQLResolveInfo[Any], selection: SelectionSetNode | None) -> Iterator[FieldNode]:
    for node in selection.selections if selection else ():
        if isinstance(node, FieldNode):
            yield node
        elif isinstance(node, FragmentSpreadNode):
            yield from _fields(raw, raw.fragments[node.name.value].selection_set)
        else:
            yield from _fields(raw, node.selection_set)  # type: ignore[attr-defined]
