"""Whatever a facility sends, by file or by typed input: an answer that names the fault, and never part of a visit."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as some

from tests.builders import FACILITY, NATIONAL_ID
from tests.fhir import ABOUT, TIME, body_of, bundle, code, resource
from tests.house import House
from tests.intake.mutations import JUNK, VALUES, inputs, visits
from tests.intake.store import held, wholly

_ANYTHING_GOES = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
QUICK = settings(max_examples=50, deadline=None, suppress_health_check=_ANYTHING_GOES)
LONG = settings(
    max_examples=1_000, deadline=None, suppress_health_check=_ANYTHING_GOES, phases=(Phase.generate, Phase.shrink)
)
REFUSALS = {400: {"BAD_USER_INPUT"}, 403: {"OTHER_FACILITY"}, 413: {"TOO_LARGE"}}

SUBMIT = """mutation($input: VisitSummaryInput!) { submitVisitSummary(input: $input) {
  id status episode version records problems { severity rule table row field messageVi messageEn } } }"""
_TEXT = {"text": "Thử"}
_AMOUNT = {"value": "12.50", "unit": "mg", "comparator": "<"}
_CODED = {"coding": [{"system": "http://loinc.org", "code": "1-8", "display": "x", "version": "2"}], "text": "Thử"}
VALID: dict[str, Any] = {
    "episode": "FUZZ-1",
    "patient": {
        "identifier": NATIONAL_ID,
        "nationality": "000",
        "fullName": "Nguyễn Thị Thử",
        "birthDate": "1985-03-07",
        "sex": "female",
        "address": "Hà Nội",
        "phone": "0999",
    },
    "encounter": {
        "time": TIME,
        "code": _CODED,
        "practitioner": "900001",
        "labels": ["HIV"],
        "period": {"start": TIME, "end": TIME},
        "reason": "Đau đầu",
        "weight": {"value": "60.5", "unit": "kg"},
    },
    "conditions": [{"time": "2026-10", "code": _CODED, "role": "SECONDARY", "note": "x"}],
    "allergies": [{"time": "2010", "code": _TEXT, "criticality": "high"}],
    "procedures": [{"time": TIME, "code": _TEXT, "quantity": {"value": "1"}}],
    "prescriptions": [{"time": TIME, "code": _TEXT, "dosage": "1 viên", "quantity": _AMOUNT}],
    "immunizations": [{"time": "2026-09-01", "code": _TEXT, "doseNumber": 2, "lotNumber": "L1"}],
    "laboratoryResults": [
        {
            "time": TIME,
            "code": _TEXT,
            "results": [{"code": _TEXT, "value": _AMOUNT}, {"code": _TEXT, "text": "âm tính"}],
        }
    ],
    "homeReadings": [{"time": TIME, "code": _TEXT, "value": {"value": "120", "unit": "mmHg"}}],
}
BUNDLE = bundle(
    resource("Encounter", reasonCode=[code("x")]),
    resource("Condition", note=[{"text": "x"}], severity=code("nặng")),
    resource("Observation", valueQuantity={"value": 1.50, "unit": "mg"}, performer=[ABOUT]),
    resource("MedicationRequest", dosageInstruction=[{"text": "1 viên"}]),
)


async def _sent(house: House, body: bytes, kind: str) -> None:
    """Send a body, and see that the answer and the store fit each other."""
    token, before = await house.facility(FACILITY), await held(house)

    headers = {"Authorization": f"Bearer {token}", "Content-Type": kind}
    answer = await house.http.post("/facility/submissions", content=body, headers=headers)

    said = answer.json()
    if answer.status_code in REFUSALS:
        assert said["code"] in REFUSALS[answer.status_code], said
        assert await held(house) == before
        return
    assert answer.status_code in (200, 201, 202, 422), said
    event(said["status"])
    errors = [one for one in said["problems"] if one["severity"] == "ERROR"]
    assert bool(errors) == (said["status"] == "REJECTED")
    assert all(one["rule"] and one["message_vi"] and one["message_en"] for one in said["problems"])
    wholly(before, await held(house), said)
    if said["status"] != "UNCHANGED":
        again = await house.http.get(f"/facility/submissions/{said['id']}", headers=headers)
        assert again.json() == said


async def _typed(house: House, given: dict[str, Any]) -> None:
    """Send typed input, and see the same."""
    token, before = await house.facility(FACILITY), await held(house)

    asked = json.dumps({"query": SUBMIT, "variables": {"input": given}})
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    answer = await house.http.post("/graphql", content=asked.encode(), headers=headers)

    said = answer.json()
    if "errors" in said or "data" not in said:
        assert answer.status_code in (200, 400, 413), said
        codes = {one["extensions"]["code"] for one in said["errors"]} if "errors" in said else {said["code"]}
        assert codes <= {"BAD_USER_INPUT", "TOO_LARGE", "COST_EXCEEDED"}, said
        assert await held(house) == before
        return
    receipt = said["data"]["submitVisitSummary"]
    event(receipt["status"])
    errors = [one for one in receipt["problems"] if one["severity"] == "ERROR"]
    assert bool(errors) == (receipt["status"] == "REJECTED")
    wholly(before, await held(house), receipt)


@QUICK
@given(body=visits())
async def test_a_mutated_visit_file_is_taken_or_refused_as_a_whole(house: House, body: bytes) -> None:
    await _sent(house, body, "application/xml")


@QUICK
@given(given_input=inputs(VALID))
async def test_mutated_typed_input_is_taken_or_refused_as_a_whole(house: House, given_input: dict[str, Any]) -> None:
    await _typed(house, given_input)


@QUICK
@given(given_bundle=inputs(BUNDLE))
async def test_a_mutated_bundle_is_taken_or_refused_as_a_whole(house: House, given_bundle: dict[str, Any]) -> None:
    await _sent(house, json.dumps(given_bundle).encode(), "application/fhir+json")


@QUICK
@given(
    body=some.one_of(
        some.binary(max_size=200), VALUES.map(str.encode), JUNK.map(lambda junk: json.dumps(junk).encode())
    )
)
@pytest.mark.parametrize("kind", ["application/xml", "application/fhir+json", "text/xml; charset=utf-16"])
async def test_bytes_that_are_nothing_are_refused(house: House, kind: str, body: bytes) -> None:
    await _sent(house, body, kind)


async def test_what_is_mutated_is_valid_before(house: House) -> None:
    token = await house.facility(FACILITY)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}

    typed = await house.data(token, SUBMIT, {"input": VALID})
    bundled = await house.http.post("/facility/submissions", content=body_of(BUNDLE), headers=headers)

    assert typed["submitVisitSummary"]["status"] == "ACCEPTED"
    assert bundled.json()["status"] == "ACCEPTED"


@pytest.mark.long
@pytest.mark.timeout(600)
@LONG
@given(body=visits())
async def test_a_thousand_mutated_visit_files(house: House, body: bytes) -> None:
    await _sent(house, body, "application/xml")


@pytest.mark.long
@pytest.mark.timeout(600)
@LONG
@given(given_input=inputs(VALID))
async def test_a_thousand_mutated_typed_inputs(house: House, given_input: dict[str, Any]) -> None:
    await _typed(house, given_input)
