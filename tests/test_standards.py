"""`docs/standards.md` keeps its word: every row of the checklist is there, and every test it names is, and names it."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROW = re.compile(r"^\| ([A-Z][0-9]+) \| (.+?) \| (.*) \|$", re.MULTILINE)
ROWS = {
    row: (how, re.findall(r"`(tests/[^`]+)`", tests))
    for row, how, tests in ROW.findall((ROOT / "docs/standards.md").read_text())
}
MUST = {
    "G": (1, 2, 3, 4, 5, 6, 7),
    "H": (1, 2, 3, 4, 5, 6),
    "R": (1, 2, 3, 4, 5),
    "E": (1, 2, 3, 4, 5, 6),
    "W": (1, 2, 3),
    "L": (1, 2, 3, 4, 5, 6, 7, 8),
    "O": (1, 2, 3, 4, 5, 6, 10, 12),
    "A": (1, 2, 3, 4, 5, 7, 8, 9),
}
"""The rows that a server of this kind must answer."""


def test_every_row_that_must_be_answered_is() -> None:
    assert {f"{letter}{number}" for letter, numbers in MUST.items() for number in numbers} - set(ROWS) == set()


@pytest.mark.parametrize(("row", "test"), [(row, test) for row, (_, tests) in ROWS.items() for test in tests])
def test_a_test_that_shows_a_row_is_there_and_names_it(row: str, test: str) -> None:
    file, _, name = test.partition("::")
    said = _docstrings(ROOT / file).get(name)

    assert said is not None, "there is no such test"
    assert re.search(rf"\b{row}\b", said), "it does not name the row"


@pytest.mark.parametrize("row", ROWS)
def test_a_row_is_shown_by_a_test(row: str) -> None:
    assert ROWS[row][1]


@cache
def _docstrings(file: Path) -> dict[str, str]:
    tree = ast.parse(file.read_text())
    tests = (one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))
    return {one.name: ast.get_docstring(one) or "" for one in tests}
