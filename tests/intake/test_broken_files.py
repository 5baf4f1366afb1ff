"""Broken files, each with its expected rules: the receipt names them, and the store holds all of a visit or nothing."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from ehb.client import FHIR
from ehb.domain.clinical_rules import clinical_problems
from ehb.domain.submission import Problem, Severity, refused
from ehb.formats import fhir, visit_xml
from tests.builders import FACILITY, NOW
from tests.house import House
from tests.intake.cases import Case
from tests.intake.corpus import SECTIONS
from tests.intake.store import held, wholly

ALL = [(f"{section}: {case.name}", case) for section, cases in SECTIONS.items() for case in cases]


def problems_of(case: Case) -> tuple[Problem, ...]:
    """What the format and the domain find, before anything is stored. The signature is looked at by the route."""
    visit = fhir.read(case.body, FACILITY) if case.kind == FHIR else visit_xml.read(case.body)
    return (*visit.problems, *clinical_problems(visit, now=NOW))


def rules(problems: tuple[Problem, ...], severity: Severity) -> set[str]:
    return {problem.rule for problem in problems if problem.severity is severity}


def test_there_are_at_least_four_hundred_cases_and_no_two_have_one_name() -> None:
    assert len({name for name, _ in ALL}) == len(ALL) >= 400


@pytest.mark.parametrize("case", [pytest.param(case, id=name[:100]) for name, case in ALL])
def test_a_broken_file_is_refused_by_its_own_rules_or_taken_with_its_warnings(case: Case) -> None:
    problems = problems_of(case)

    assert rules(problems, Severity.ERROR) == case.errors
    assert rules(problems, Severity.WARNING) >= case.warnings - {"signature.unverified"}
    assert refused(problems) == bool(case.errors)


def parts(cases: list[Case], size: int = 40) -> Iterator[list[Case]]:
    for start in range(0, len(cases), size):
        yield cases[start : start + size]


@pytest.mark.parametrize(
    "cases",
    [
        pytest.param(part, id=f"{section} {n}")
        for section, cases in SECTIONS.items()
        for n, part in enumerate(parts(cases))
    ],
)
async def test_its_receipt_says_so_over_http_and_the_store_holds_all_of_it_or_nothing(
    house: House, cases: list[Case]
) -> None:
    token = await house.facility(FACILITY)
    for case in cases:
        before = await held(house)

        answer = await send(house, token, case)

        receipt = answer.json()
        assert answer.status_code == (422 if case.errors else receipt_status(receipt)), (case.name, answer.text[:300])
        said = {severity: {one["rule"] for one in receipt["problems"] if one["severity"] == severity}
                for severity in ("ERROR", "WARNING")}  # fmt: skip
        assert said["ERROR"] == case.errors, case.name
        if receipt["status"] != "UNCHANGED":  # what a receipt says is what it said the first time
            assert said["WARNING"] >= case.warnings, case.name
        assert all(one["message_vi"] and one["message_en"] for one in receipt["problems"]), case.name
        wholly(before, await held(house), receipt)


async def send(house: House, token: str, case: Case) -> Any:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": case.kind}
    return await house.http.post("/facility/submissions", content=case.body, headers=headers)


def receipt_status(receipt: dict[str, Any]) -> int:
    return {"ACCEPTED": 201, "UNCHANGED": 200, "WAITING_FOR_IDENTITY": 202}[receipt["status"]]


async def test_a_broken_file_leaves_no_trace_of_its_person(house: House) -> None:
    token, number = await house.facility(FACILITY), "999" + "".join(secrets.choice("0123456789") for _ in range(9))
    for cases in SECTIONS.values():
        for case in cases:
            if case.errors and b"999185000001" in case.body:
                await send(house, token, Case(case.name, case.body.replace(b"999185000001", number.encode())))

    for name in ("people", "identifiers", "episodes", "records"):
        assert await house.mongo.database[name].count_documents({}) == 0
