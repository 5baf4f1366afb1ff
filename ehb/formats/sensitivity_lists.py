"""The code lists of sensitivity, as data (`sensitivity/*.csv`; sources and licences in `sensitivity/NOTICE.md`).

Owns the reading. A row says system, first and last code (or words), label and source; what a row means is the domain's.
The one invariant: a label that the lists name is a label that the book knows, or the mark of ordinary care.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import cache
from importlib import resources

from ehb.domain.sensitivity import SENSITIVITY_LABELS
from ehb.domain.sensitivity_lists import ORDINARY, CodeLists, Row

FILES = ("codes", "loinc", "words")


@cache
def code_lists() -> CodeLists:
    """All lists, read once. Raises ValueError for a row that cannot be meant."""
    return CodeLists(rows())


def rows() -> Iterator[Row]:
    """The rows of all files."""
    for name in FILES:
        path = resources.files("ehb.formats").joinpath("sensitivity", f"{name}.csv")
        with path.open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if row["label"] not in SENSITIVITY_LABELS and row["label"] != ORDINARY:
                    raise ValueError(f"{name}.csv: {row['label']} is no label")
                yield Row(row["system"], row["from"], row["to"] or row["from"], row["label"])
