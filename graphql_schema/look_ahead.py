"""What the selection below a root needs of a book: sections, history, fields, one page where one list is all there is.

What is not needed is not fetched, opened or decoded, so a page of twenty costs the same in a book of a thousand
records. The audit event names sections, which a page does not change. The one invariant: the answer is the one that
the whole book would have given; in doubt (directives, several lists, arguments that are refused) more is fetched.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from graphql import FieldNode, FragmentSpreadNode, GraphQLObjectType, GraphQLResolveInfo, SelectionSetNode
from graphql.execution.values import VariableValues, get_argument_values
from strawberry.utils.str_converters import to_camel_case

from ehb.domain import book as domain
from ehb.domain.access import ALL_SECTIONS
from ehb.domain.records import RECORD_TYPES, Book, Section
from ehb.errors import BadInput
from graphql_schema.connections import Narrowing, window
from graphql_schema.context import Context, Info

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

    def fields(self, raw: GraphQLResolveInfo[Any]) -> frozenset[str] | None:
        """Attributes of the records that are in the lists; None for all, which the views of a whole book ask for."""
        if self.whole:
            return None
        names = (one.name.value for _, _, chosen in self.lists for one in _nodes(raw, chosen))
        return frozenset(_ATTRIBUTES[name] for name in names if name in _ATTRIBUTES)


def asked_of_book(info: Info, patient_id: bytes | None) -> domain.ReadQuery:
    """The query for the book below the root that `info` is of."""
    raw = info._raw_info
    needs = _Needs()
    for root in raw.field_nodes:
        for chosen in _fields(raw, root.selection_set):
            _add(raw, needs, chosen)
    page = None
    if patient_id is not None and not needs.whole and len(needs.lists) == 1:
        page = _window(raw, info.context, patient_id, *needs.lists[0])
    return domain.ReadQuery(frozenset(needs.sections), page, history=needs.history, fields=needs.fields(raw))


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


def _window(
    raw: GraphQLResolveInfo[Any], context: Context, patient_id: bytes, parent: str, name: str, node: FieldNode
) -> domain.Window | None:
    """None when the arguments will be refused, which is the list's to say."""
    kind = raw.schema.get_type(parent)
    if not isinstance(kind, GraphQLObjectType):
        return None
    variables = VariableValues({}, cast("dict[str, Any]", raw.variable_values))  # strawberry gives the values alone
    given = get_argument_values(kind.fields[node.name.value], node, variables)
    kinds = given.get("kinds")
    narrowing = Narrowing(
        given["first"],
        given.get("after"),
        given.get("from"),
        given.get("to"),
        given.get("facility"),
        tuple(kinds) if kinds is not None else None,
    )
    try:
        return window(context, patient_id, name, narrowing)
    except BadInput:
        return None


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
