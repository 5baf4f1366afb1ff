"""Bundles that mean harm: the reader never raises, stays quick, and takes no more memory than they are worth."""

from __future__ import annotations

import copy
import json
import random
import time
import tracemalloc
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from ehb.domain.clinical_rules import clinical_problems
from ehb.domain.submission import refused
from tests.builders import NOW
from tests.fhir import ABOUT, TIME, body_of, bundle, document, resource, sample, visit_of


def test_extensions_nested_too_deep_are_refused_where_they_get_deep() -> None:
    extension: dict[str, Any] = {"url": "http://x", "valueString": "x"}
    for _ in range(100):
        extension = {"url": "http://x", "extension": [extension]}

    visit = visit_of(bundle(resource("Condition", extension=[extension])))

    assert {one.rule for one in visit.problems} == {"fhir.deep"}
    assert all(one.field and one.field.startswith("Bundle.entry[1].resource.extension[0]") for one in visit.problems)


def test_a_large_resource_that_thousands_name_is_not_copied_into_each() -> None:
    drug = {"_url": "urn:uuid:drug", "resourceType": "Medication", "code": {"text": "A" * 500_000}}
    taken = [
        {
            "resourceType": "MedicationStatement",
            "status": "active",
            "subject": ABOUT,
            "effectiveDateTime": TIME,
            "medicationReference": {"reference": "urn:uuid:drug"},
        }
        for _ in range(5_000)
    ]
    body = body_of(bundle(drug, *taken))

    tracemalloc.start()
    visit = visit_of(body)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert [one.rule for one in visit.problems if one.severity == "ERROR"] == ["fhir.too_many"]
    assert most < 200_000_000


def test_panels_that_name_each_other_are_read_once_and_none_is_lost() -> None:
    labs = [{"coding": [{"code": "laboratory"}]}]
    ring = [
        resource(
            "Observation",
            _url=f"urn:uuid:ring-{number}",
            category=labs,
            valueString=f"giá trị {number}",
            hasMember=[{"reference": f"urn:uuid:ring-{(number + 1) % 500}"}],
        )
        for number in range(500)
    ]

    begun = time.process_time()
    visit = visit_of(bundle(*ring))

    assert time.process_time() - begun < 5
    texts = [result.text for draft in visit.drafts for result in getattr(draft.record, "results", ())]
    assert sorted(texts) == sorted(f"giá trị {number}" for number in range(500))


def test_more_faults_than_anybody_mends_end_the_reading() -> None:
    body = body_of(bundle(entry=[{}] * 200_000))

    begun = time.process_time()
    visit = visit_of(body)

    assert time.process_time() - begun < 5
    assert len(visit.problems) == 10_000
    assert refused(visit.problems)


def test_a_narrative_nested_without_end_loses_no_word_and_no_time() -> None:
    deep = "<div>" + "<b>x" * 100_000 + "<" * 100_000 + "&lt;</div>"

    begun = time.process_time()
    (draft,) = visit_of(bundle(resource("Condition", text={"status": "additional", "div": deep}))).drafts

    assert time.process_time() - begun < 5
    assert repr(draft.record).count("x" * 100) == 1_000
    assert "<&lt;" not in repr(draft.record)


def test_roles_that_name_each_other_end() -> None:
    role = {
        "_url": "urn:uuid:role",
        "resourceType": "PractitionerRole",
        "practitioner": {"reference": "urn:uuid:role"},
        "organization": {"reference": "urn:uuid:role"},
    }

    visit = visit_of(bundle(resource("Condition", asserter={"reference": "urn:uuid:role"}), role))

    assert len(visit.drafts) == 1


SEEDS = [
    *(json.loads(sample(name)) for name in ("ips-official-immunization", "aups-provider-summary")),
    document(
        {"section": [{"title": "A", "text": {"status": "generated", "div": "<div>A</div>"}}]},
        *(
            resource(kind, text={"status": "additional", "div": "<div><p>Chữ</p></div>"})
            for kind in (
                "AllergyIntolerance", "Appointment", "CarePlan", "ClinicalImpression", "Condition",
                "DeviceUseStatement", "DiagnosticReport", "DocumentReference", "Encounter", "ImagingStudy",
                "Immunization", "MedicationRequest", "Observation", "Procedure", "ServiceRequest",
            )
        ),
    ),
]  # fmt: skip
STRANGE: list[Any] = [
    None, True, False, 0, -1, 10**25, "", " ", "x", "#", "#x", "\ud800", "2026-02-30", TIME, "urn:uuid:r-1", [], {},
    [[]], [None], {"reference": "#"}, {"reference": ["x"]}, {"code": ["x"]}, {"value": {}}, {"coding": [{}]},
    {"resourceType": 1},
    "entered-in-error", "text/plain", {"status": "additional", "div": "<"}, [{"system": 1, "value": []}],
]  # fmt: skip


NAMES = ["id", "extension", "_status", "status", "x", "reference"]


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a value."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        held = waiting.pop()
        inner = list(held.items()) if isinstance(held, dict) else list(enumerate(held))
        for key, item in inner:
            found.append((held, key))
            if isinstance(item, dict | list):
                waiting.append(item)
    return found


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=some.integers(0, 2**32), which=some.integers(0, len(SEEDS) - 1), changes=some.integers(1, 4))
def test_whatever_is_changed_in_a_bundle_nothing_is_raised(seed: int, which: int, changes: int) -> None:
    chance = random.Random(seed)
    value = copy.deepcopy(SEEDS[which])
    for _ in range(changes):
        places = _places(value)
        container, key = chance.choice(places)
        kind = chance.randrange(4)
        if kind == 0:
            del container[key]
        elif kind == 1:
            container[key] = copy.deepcopy(chance.choice(STRANGE))
        elif kind == 2:
            other, its = chance.choice(places)
            container[key] = copy.deepcopy(other[its])
        elif isinstance(container, dict):
            container[chance.choice(["id", "extension", "_status", "status", "x", "reference"])] = chance.choice(
                STRANGE
            )
    body = json.dumps(value).encode()

    visit = visit_of(body)

    assert visit.content
    assert visit.episode.encode() is not None
    for problem in (*visit.problems, *clinical_problems(visit, now=NOW)):
        assert problem.message_vi
        assert problem.rule
    if not refused(visit.problems):
        assert visit.drafts


@settings(max_examples=200, deadline=None)
@given(body=some.binary(max_size=200))
def test_no_bytes_are_raised_about(body: bytes) -> None:
    assert refused(visit_of(body).problems)


@settings(max_examples=200, deadline=None)
@given(
    value=some.recursive(
        some.none() | some.booleans() | some.integers() | some.floats() | some.text(),
        lambda inner: some.lists(inner) | some.dictionaries(some.sampled_from(["entry", "resource", "id"]), inner),
    )
)
def test_no_json_is_raised_about(value: Any) -> None:
    wrapped = value if not isinstance(value, dict) else {"resourceType": "Bundle", "type": "batch", **value}

    assert refused(visit_of(json.dumps(wrapped).encode()).problems)
