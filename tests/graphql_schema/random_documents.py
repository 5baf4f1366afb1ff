"""Random documents for a schema: aliases, fragments, directives and arguments with variables, every type and field.

Each is valid: an alias belongs to one field, so that no two fields share a name. The one invariant: the same
draws give the same document.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from graphql import (
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_interface_type,
    is_leaf_type,
    is_object_type,
    is_required_argument,
)
from hypothesis import strategies as st

CONDITIONS = ("yes", "no", "maybe")
FEW = "few"
"""The variable that is a number."""
_ARGUMENTS: tuple[dict[str, str], ...] = (
    {"first": "2"},
    {"first": f"${FEW}"},
    {"first": "0"},
    {"after": '"made up"'},
    {"first": "1", "facility": "$code", "kinds": '["Encounter", "Condition"]'},
    {"kinds": '["Nothing"]'},
    {"from": '"2026-11-20"', "to": "$day", "first": f"${FEW}"},
    {"from": "$day", "after": "$code"},
)
"""What lists are asked with; some of it they refuse."""


@dataclass
class _Writer:
    draw: st.DrawFn
    schema: GraphQLSchema
    fragments: list[str] = field(default_factory=list)

    def selection(self, kind: GraphQLNamedType, depth: int) -> str:
        parts = [self.part(kind, depth) for _ in range(self.draw(st.integers(1, 3)))]
        return "{ " + " ".join(part for part in [*parts, "__typename"] if part) + " }"

    def part(self, kind: GraphQLNamedType, depth: int) -> str:
        choice = self.draw(st.integers(0, 9))
        if choice == 0:
            return f"...{self.on(kind)}{self.directive()} {self.selection(kind, depth - 1)}" if depth > 0 else ""
        if choice == 1 and depth > 0 and len(self.fragments) < 4:
            name = f"F{len(self.fragments)}"
            self.fragments.append("")
            number = len(self.fragments) - 1
            self.fragments[number] = f"fragment {name} on {kind.name} {self.selection(kind, depth - 1)}"
            return f"...{name}{self.directive()}"
        if is_abstract_type(kind) and (choice < 6 or not is_interface_type(kind)):
            possible = sorted(self.schema.get_possible_types(kind), key=lambda one: one.name)
            chosen = self.draw(st.sampled_from(possible))
            return f"... on {chosen.name}{self.directive()} {self.selection(chosen, depth - 1)}" if depth > 0 else ""
        return self.field(kind, depth)

    def field(self, kind: GraphQLNamedType, depth: int) -> str:
        if not (is_object_type(kind) or is_interface_type(kind)):
            return ""
        name = self.draw(st.sampled_from(sorted(kind.fields)))
        found = kind.fields[name]
        if any(is_required_argument(argument) for argument in found.args.values()):
            return ""
        alias, given = self.draw(st.sampled_from(["", "", "", f"{name}2: ", f"{name}_: "])), ""
        asked = [one for one in _ARGUMENTS if one.keys() <= found.args.keys()]
        number = self.draw(st.integers(-1, len(asked) - 1))
        if number >= 0:
            shown = ", ".join(f"{argument}: {value}" for argument, value in asked[number].items())
            alias, given = f"{name}With{number}: ", f"({shown})"
        below = get_named_type(found.type)
        if is_leaf_type(below):
            return f"{alias}{name}{self.directive()}"
        return f"{alias}{name}{given}{self.directive()} {self.selection(below, depth - 1)}" if depth > 0 else ""

    def on(self, kind: GraphQLNamedType) -> str:
        return self.draw(st.sampled_from(["", f" on {kind.name}"]))

    def directive(self) -> str:
        if self.draw(st.integers(0, 7)):
            return ""
        name, value = (
            self.draw(st.sampled_from(["skip", "include"])),
            self.draw(st.sampled_from(["true", "false", *(f"${one}" for one in CONDITIONS)])),
        )
        return f" @{name}(if: {value})"


@st.composite
def documents(draw: st.DrawFn, schema: GraphQLSchema, root: GraphQLObjectType, depth: int) -> str:
    """A query document over one schema, as text; its variables: `CONDITIONS`, Boolean or null, the number `FEW`."""
    writer = _Writer(draw, schema)
    selection = writer.selection(root, depth)
    declared = ", ".join(f"${one}: Boolean = false" for one in CONDITIONS)
    declared += f', ${FEW}: Int! = 2, $day: Date = "2026-11-21", $code: String'
    return "\n".join([f"query Q({declared}) {selection}", *writer.fragments])
