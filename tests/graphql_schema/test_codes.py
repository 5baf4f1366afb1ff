"""The codes of `errors[].extensions` are a closed list, whatever is raised anywhere (row E2)."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLError

import auth
import ehb
import graphql_schema
from ehb.errors import Code, EhbError
from graphql_schema.errors import presented

README = (Path(__file__).parent.parent.parent / "README.md").read_text()
CODES = frozenset(one.value for one in Code)
NEVER_TOLD = {"CONSENT_REQUIRED"}
"""It would say that there is a book which consent could open: FORBIDDEN says nothing (row E3)."""


def family(kind: type[EhbError] = EhbError) -> Iterator[type[EhbError]]:
    yield kind
    for one in kind.__subclasses__():
        yield from family(one)


def everything_imported() -> list[type[EhbError]]:
    for package in (ehb, auth, graphql_schema):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    return [kind for kind in family() if kind.__module__.partition(".")[0] in ("ehb", "auth", "graphql_schema")]


@pytest.mark.parametrize("kind", everything_imported(), ids=lambda kind: kind.__name__)
def test_every_error_of_ours_has_a_code_of_the_list(kind: type[EhbError]) -> None:
    """Row E2."""
    needed = [
        one
        for one in inspect.signature(kind).parameters.values()
        if one.default is inspect.Parameter.empty and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
    ]
    given: dict[str, Any] = {one.name: {"vi": "không", "en": "no"}.get(one.name, 3) for one in needed}
    error = kind(**given)

    shown = presented(GraphQLError(error.en, original_error=error), "en")

    assert shown["extensions"]["code"] in CODES
    assert shown["message"] == error.en
    assert error.vi != error.en


def test_the_readme_names_all_that_a_client_can_meet() -> None:
    """Row E2: documented, and nothing documented that does not exist."""
    [listed] = re.findall(r"Branch on `extensions.code`:\n(.*?)\.\n", README, flags=re.DOTALL)

    assert set(re.findall(r"[A-Z_]{3,}", listed)) == CODES - NEVER_TOLD
