"""The published samples go in completely: counted from outside, resource by resource and field by field."""

from __future__ import annotations

import json
import re
import time
import tracemalloc
from collections import Counter
from typing import Any

import pytest

from ehb.domain.coding import instant_of
from ehb.domain.records import DiagnosticReport
from ehb.domain.submission import VisitSummary, refused
from tests.fhir import IPS, SYNTHEA, sample, visit_of, with_number

NAMED = ("fhir.billing_not_kept", "fhir.not_kept", "fhir.entered_in_error")
FOLDED = {"Patient", "Organization", "Practitioner", "PractitionerRole", "Medication", "Goal"}


def _resources(body: bytes) -> list[dict[str, Any]]:
    return [entry["resource"] for entry in json.loads(body)["entry"]]


def _named(visit: VisitSummary) -> Counter[str]:
    """How many resources of each type the receipt names."""
    found: Counter[str] = Counter()
    for one in visit.problems:
        if one.rule in NAMED:
            count = re.match(r"\d+", one.message_en)
            assert count is not None
            assert count.group() in one.message_vi
            assert one.table is not None
            found[one.table] += int(count.group())
    return found


def _inside_reports(resources: list[dict[str, Any]]) -> int:
    """How many Observations a report or a panel names, counted from the references alone."""
    return len(
        {
            reference["reference"]
            for one in resources
            if one["resourceType"] in ("DiagnosticReport", "Observation")
            for reference in (*one.get("result", ()), *one.get("hasMember", ()))
        }
    )


@pytest.mark.parametrize("name", [*SYNTHEA, *IPS])
def test_every_resource_is_a_record_or_part_of_one_or_named(name: str) -> None:
    body = sample(name)
    resources = _resources(body)

    visit = visit_of(body)

    sent = Counter(one["resourceType"] for one in resources)
    records = Counter(draft.table for draft in visit.drafts)
    named = _named(visit)
    inside = {kind: count for kind, count in sent.items() if kind in FOLDED} | {
        "Observation": _inside_reports(resources)
    }
    assert not refused(visit.problems)
    assert {kind: records[kind] + named[kind] + inside.get(kind, 0) for kind in sent} == dict(sent)


@pytest.mark.parametrize("name", SYNTHEA)
def test_billing_is_named_with_its_number_and_nothing_else_is_left_out(name: str) -> None:
    body = sample(name)
    sent = Counter(one["resourceType"] for one in _resources(body))

    assert _named(visit_of(body)) == {kind: sent[kind] for kind in ("Claim", "ExplanationOfBenefit")}


@pytest.mark.parametrize("name", [*SYNTHEA, *IPS])
def test_every_number_of_an_observation_is_in_the_book_with_its_digits(name: str) -> None:
    body = sample(name)
    numbers = re.compile(r'"valueQuantity"\s*:\s*\{[^}]*?"value"\s*:\s*([-0-9.eE]+)')

    visit = visit_of(body)

    sent = Counter(numbers.findall(body.decode()))
    reports = [draft.record for draft in visit.drafts if isinstance(draft.record, DiagnosticReport)]
    kept = Counter(str(one.value.value) for report in reports for one in report.results if one.value is not None)
    assert kept == sent


@pytest.mark.parametrize("name", [*SYNTHEA, *IPS])
def test_every_name_of_a_code_is_in_a_record(name: str) -> None:
    body = sample(name)
    drafts = visit_of(body).drafts
    kept = "\n".join(repr(draft.record) for draft in drafts)
    kinds = {draft.table for draft in drafts}

    missing = {
        code.get("display")
        for one in _resources(body)
        if one["resourceType"] in kinds
        for code in one.get("code", {}).get("coding", ())
        if code.get("display") and repr(code["display"])[1:-1] not in kept
    }

    assert missing == set()


@pytest.mark.parametrize("name", IPS)
def test_every_word_of_a_document_is_in_its_record(name: str) -> None:
    body = sample(name)
    (paper,) = [draft.record for draft in visit_of(body).drafts if draft.table == "Composition"]
    (composition,) = [one for one in _resources(body) if one["resourceType"] == "Composition"]

    words = {
        word
        for section in composition["section"]
        for word in re.findall(r"\w+", re.sub(r"<[^>]*>|&[#\w]+;", " ", section["text"]["div"]))
    }

    assert words - set(re.findall(r"\w+", getattr(paper, "note", ""))) == set()


@pytest.mark.parametrize("name", [*SYNTHEA, *IPS])
def test_every_record_has_a_time_of_its_own_bundle(name: str) -> None:
    body = sample(name)

    for draft in visit_of(body).drafts:
        assert draft.record.time.encode() in body
        assert instant_of(draft.record.time)


def test_what_the_book_has_no_place_for_is_named_by_type_and_element() -> None:
    visit = visit_of(sample("dino_barton"))

    named = {(one.table, one.field) for one in visit.problems if one.rule == "fhir.field_not_kept"}

    assert ("Patient", "deceasedDateTime") in named
    assert ("Patient", "maritalStatus") in named
    assert ("ImagingStudy", "series.uid") in named
    assert ("Condition", "encounter") in named


def test_a_large_bundle_is_read_quickly_and_in_little_memory() -> None:
    body = with_number(sample("dino_barton"))
    visit_of(body)

    begun = time.process_time()
    visit_of(body)
    taken = time.process_time() - begun
    tracemalloc.start()
    visit_of(body)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert taken < 1.0
    assert most < 25 * len(body)
