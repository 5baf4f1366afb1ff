"""Which episode a bundle tells about, what counts as its content, and whose it is."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from ehb.domain.records import LegalStatus
from ehb.domain.submission import VisitSummary
from tests.fhir import (
    TIME,
    body_of,
    bundle,
    document,
    patient,
    resource,
    sample,
    visit_of,
    with_number,
)


def _identities(visit: VisitSummary) -> set[str]:
    return {draft.identity for draft in visit.drafts}


# The episode


def test_the_bundles_own_identifier_is_the_episode() -> None:
    assert visit_of(bundle(resource("Condition"))).episode == "urn:test|B-1"
    assert visit_of(bundle(resource("Condition"), identifier={"value": "B-1"})).episode == "B-1"


def test_then_the_documents_then_the_bundles_id() -> None:
    held = document({"identifier": {"system": "urn:d", "value": "D-1"}}, id="id-1")
    del held["identifier"]
    assert visit_of(held).episode == "urn:d|D-1"

    del held["entry"][0]["resource"]["identifier"]
    assert visit_of(held).episode == "id-1"


def _nameless(*resources: dict[str, Any], of: dict[str, Any] | None = None) -> dict[str, Any]:
    held = bundle(*resources, of=of)
    del held["identifier"]
    return held


def test_a_bundle_without_a_name_is_known_by_its_patient_and_first_encounter() -> None:
    first = resource("Encounter", period={"start": "2026-01-05"})
    later = resource("Encounter", period={"start": "2026-02-05"}, _url="urn:uuid:later")
    sent = visit_of(_nameless(first)).episode

    assert visit_of(_nameless(later, resource("Condition"), first)).episode == sent
    assert visit_of(_nameless(later)).episode != sent
    assert len(sent) > 10


def test_two_patients_whom_an_exporter_calls_the_same_never_share_an_episode() -> None:
    stay = resource("Encounter")
    other = patient(identifier=[{**patient()["identifier"][0], "value": "999185900002"}])

    assert visit_of(_nameless(stay)).episode != visit_of(_nameless(stay, of=other)).episode


def test_a_number_does_not_stand_in_the_episode_code() -> None:
    assert patient()["identifier"][0]["value"] not in visit_of(_nameless(resource("Encounter"))).episode


# The content


def _shuffled(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict):
        names = list(value)
        chance.shuffle(names)
        return {name: _shuffled(value[name], chance) for name in names}
    return [_shuffled(one, chance) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("seed", range(5))
def test_order_and_white_space_and_when_it_was_bundled_do_not_matter(seed: int) -> None:
    held = json.loads(sample("ips-official-immunization"))
    sent = visit_of(held)
    other = _shuffled(held, random.Random(seed))
    other["timestamp"] = "2026-11-01T00:00:00Z"
    rest = other["entry"][1:]
    random.Random(seed).shuffle(rest)
    other["entry"] = [other["entry"][0], *rest]
    for entry in other["entry"]:
        entry["resource"].setdefault("meta", {})["lastUpdated"] = "2026-11-01T00:00:00Z"
        entry["request"] = {"method": "POST", "url": "x"}

    again = visit_of(json.dumps(other, indent=3).encode())

    assert again.content == sent.content
    assert again.episode == sent.episode
    assert _identities(again) == _identities(sent)


@pytest.mark.parametrize(
    ("before", "after"),
    [(b"72.50", b"72.5"), (b"72.50", b"72.51"), (b"kg", b"Kg"), (b"72.50", b'"72.50"')],
)
def test_a_changed_digit_or_letter_is_another_content(before: bytes, after: bytes) -> None:
    held = body_of(bundle(resource("Observation", valueQuantity={"value": 1, "unit": "kg"})))
    sent = held.replace(b'"value": 1', b'"value": 72.50')

    assert visit_of(sent).content != visit_of(sent.replace(before, after)).content


def test_a_record_is_the_same_thing_in_every_version_of_the_bundle() -> None:
    body = with_number(sample("carla_echevarria"))
    changed = body.replace(b'"finished"', b'"in-progress"', 1)

    assert _identities(visit_of(body)) == _identities(visit_of(changed))
    assert len(_identities(visit_of(body))) == len(visit_of(body).drafts)


def test_a_signed_bundle_is_worth_a_signature_that_nobody_verified_yet() -> None:
    signature = {"type": [{"code": "x"}], "when": TIME, "who": {"display": "BV Thử"}, "data": "c2ln"}

    assert visit_of(bundle(resource("Condition"), signature=signature)).signature is LegalStatus.SIGNATURE_UNVERIFIED
    assert visit_of(bundle(resource("Condition"))).signature is LegalStatus.UNSIGNED


# Facility


@pytest.mark.parametrize(("said", "expected"), [("99001", "99001"), ("99002", "99002"), ("1234567", "99001")])
def test_the_facility_is_the_senders_unless_the_bundle_names_another(said: str, expected: str) -> None:
    keeper = {
        "_url": "urn:uuid:keeper",
        "resourceType": "Organization",
        "identifier": [{"system": "http://fhir.ehealth.gov.vn/core/sid/provider-license-number", "value": said}],
    }

    visit = visit_of(document({"custodian": {"reference": "urn:uuid:keeper"}}, keeper))

    assert visit.facility == expected
    assert {draft.record.provenance.facility.code for draft in visit.drafts} == {"99001"}
