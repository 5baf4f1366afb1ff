"""What is found out about a selection once, and kept with the nodes of its document.

Documents are kept and run again (`graphql_schema.limits`), so the nodes of one are the same objects each time. The one
invariant: what is kept is of the text of a document alone, never of a request, its variables or its answer.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

from graphql import FieldNode

V = TypeVar("V")
KEPT = 512
"""Selections that are known; the one that was used longest ago goes first."""


class ByNodes(OrderedDict[tuple[Any, ...], tuple[Sequence[FieldNode], V]]):
    """By the identity of field nodes, and of what else is given. The nodes are kept, so that their ids stay theirs."""

    def of(self, nodes: Sequence[FieldNode], make: Callable[[], V], *more: Hashable) -> V:
        """What is known of these nodes, made when nothing is."""
        key = (*more, *[id(node) for node in nodes])
        known = self.get(key)
        if known is not None:
            self.move_to_end(key)
            return known[1]
        made = make()
        self[key] = (nodes, made)
        if len(self) > KEPT:
            self.popitem(last=False)
        return made
