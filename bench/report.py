"""The table at the end of a run: a row for each figure that has a reach, whatever the measures printed on their way.

The one invariant: a row stands beside its floor of the same run, or has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """One line, in the columns of README.md."""

    measure: str
    floor: str
    ours: str
    figure: str
    reach: str


_HEAD = Row("measure", "floor", "ours", "ratio or figure", "reach")


def table(rows: Sequence[Row]) -> str:
    """The rows as a table of Markdown, in columns."""
    widths = [max(len(one) for one in column) for column in zip(_HEAD, *rows, strict=True)]
    ruled = Row(*("-" * width for width in widths))
    return "\n".join(
        "| " + " | ".join(one.ljust(width) for one, width in zip(row, widths, strict=True)) + " |"
        for row in (_HEAD, ruled, *rows)
    )
