"""What log and traces may say of an operation: its type and the roots that it asks for (standards row E5).

Never its name, its aliases, its variables or its text, which are the caller's own words and may hold anything. The one
invariant: a name that is noted is a name of the schema.
"""

from __future__ import annotations

from collections.abc import Iterator

from graphql import FieldNode, FragmentDefinitionNode, OperationDefinitionNode, SelectionSetNode
from graphql.language import DocumentNode, FragmentSpreadNode, InlineFragmentNode
from strawberry.extensions import SchemaExtension

from ehb.request_log import note
from ehb.traces import say


class Noted(SchemaExtension):
    """Notes each operation that is executed: by then it is known to be valid."""

    def on_execute(self) -> Iterator[None]:
        document, wanted = self.execution_context.graphql_document, self.execution_context.operation_name
        for one in document.definitions if document is not None else ():
            if isinstance(one, OperationDefinitionNode) and wanted in (None, "", one.name and one.name.value):
                operation, roots = one.operation.value, _roots(document, one.selection_set)
                note(operation=operation, roots=roots)
                say(operation=operation, roots=roots)
                break
        yield


def _roots(document: DocumentNode | None, selection: SelectionSetNode) -> tuple[str, ...]:
    found: list[str] = []
    for node in selection.selections:
        if isinstance(node, FieldNode):
            found.append(node.name.value)
        elif isinstance(node, InlineFragmentNode):
            found += _roots(document, node.selection_set)
        elif isinstance(node, FragmentSpreadNode):
            for one in document.definitions if document is not None else ():
                if isinstance(one, FragmentDefinitionNode) and one.name.value == node.name.value:
                    found += _roots(document, one.selection_set)
    return tuple(dict.fromkeys(found))
