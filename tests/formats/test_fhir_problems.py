"""The words of FHIR problems: of one and of several."""

from __future__ import annotations

import pytest

from ehb.formats.fhir_problems import MESSAGES, problem


@pytest.mark.parametrize(
    ("rule", "one", "two"),
    [
        ("fhir.identifier_unknown", "1 identifier is of a system", "2 identifiers are of a system"),
        ("fhir.reference_unresolved", "1 reference leads out", "2 references lead out"),
        ("fhir.time_assumed", "1 resource says no time", "2 resources say no time"),
        ("fhir.billing_not_kept", "1 billing resource is not", "2 billing resources are not"),
    ],
)
def test_one_is_not_said_as_several(rule: str, one: str, two: str) -> None:
    assert problem(rule, count=1).message_en.startswith(one)
    assert problem(rule, count=2).message_en.startswith(two)


@pytest.mark.parametrize("rule", sorted(MESSAGES))
def test_every_message_has_all_its_words(rule: str) -> None:
    for count in (1, 2):
        said = problem(rule, count=count)
        assert not set("{}") & set(said.message_vi + said.message_en)
