"""Fetal sex sent by a facility: the rest of the visit stands in the book, the receipt says what does not."""

from __future__ import annotations

import pytest

from ehb.domain.fetal_sex import WITHHELD
from tests.builders import FACILITY, NATIONAL_ID, NOTE, visit_file
from tests.house import House

NOTES = "{ myHealthBook { treatment { clinicalNotes { nodes { description } } } } }"
SEND = """mutation($text: String!, $number: String!) { submitVisitSummary(input: {
  episode: "G-1", patient: {identifier: $number, birthDate: "1985"},
  encounter: {time: "2026-10-05"},
  conditions: [{time: "2026-10-05", code: {coding: [{system: "http://hl7.org/fhir/sid/icd-10", code: "Z34.0"}]}}],
  clinicalNotes: [{time: "2026-10-05", description: $text}]
}) { __typename ... on Receipt { status problems { rule } } } }"""
TEXT = "Thai 20 tuần, giới tính nam, tim thai đều. Hẹn khám lại."
KEPT = f"Thai 20 tuần, {WITHHELD}, tim thai đều. Hẹn khám lại."


@pytest.mark.parametrize("dry_run", [False, True])
async def test_a_visit_file_loses_the_clause_and_nothing_else(house: House, dry_run: bool) -> None:
    facility = await house.facility(FACILITY)
    body = visit_file({"MA_BENH_CHINH": "Z34.0"}, with_tables={"XML5": [{**NOTE, "DIEN_BIEN_LS": TEXT}]})

    receipt = (await house.submit(facility, body, dry_run=dry_run)).json()

    assert receipt["status"] == "ACCEPTED"
    assert [(one["rule"], one["table"], one["row"], one["field"]) for one in receipt["problems"]] == [
        ("fetal_sex.withheld", "XML5", 1, "DIEN_BIEN_LS")
    ]
    if not dry_run:
        book = (await house.data(await house.citizen(NATIONAL_ID), NOTES))["myHealthBook"]
        assert book["treatment"]["clinicalNotes"]["nodes"] == [{"description": KEPT}]


async def test_typed_input_loses_it_too(house: House) -> None:
    facility = await house.facility(FACILITY)

    answer = await house.data(facility, SEND, {"text": TEXT, "number": NATIONAL_ID})

    assert [one["rule"] for one in answer["submitVisitSummary"]["problems"]] == ["fetal_sex.withheld"]
    book = (await house.data(await house.citizen(NATIONAL_ID), NOTES))["myHealthBook"]
    assert book["treatment"]["clinicalNotes"]["nodes"] == [{"description": KEPT}]
