"""What a bundle is: its references, its labels, its times, and what is named in the receipt."""

from __future__ import annotations

from typing import Any

import pytest

from ehb.domain.sensitivity_problems import label_problems
from ehb.domain.submission import Severity
from tests.fhir import (
    ABOUT,
    PATIENT_URL,
    bundle,
    code,
    document,
    patient,
    places,
    resource,
    visit_of,
)

V3 = "http://terminology.hl7.org/CodeSystem/"


def _labelled(system: str, value: str) -> dict[str, Any]:
    return {"meta": {"security": [{"system": V3 + system, "code": value}]}}


# References


@pytest.mark.parametrize(
    "reference",
    [
        {"reference": "urn:uuid:who"},
        {"reference": "Practitioner/who"},
        {"reference": "Practitioner/who/_history/3"},
        {"reference": "Practitioner?identifier=urn:staff|17"},
        {"type": "Practitioner", "identifier": {"system": "urn:staff", "value": "17"}},
    ],
    ids=str,
)
def test_a_reference_is_followed_in_every_form(reference: dict[str, Any]) -> None:
    who = {
        "_url": "urn:uuid:who",
        "resourceType": "Practitioner",
        "id": "who",
        "identifier": [{"system": "urn:staff", "value": "17"}],
        "name": [{"prefix": ["BS."], "family": "Trần", "given": ["Văn", "Thử"]}],
    }

    visit = visit_of(bundle(resource("Condition", recorder=reference), who))

    (draft,) = visit.drafts
    assert draft.record.provenance.author is not None
    assert draft.record.provenance.author.name == "BS. Trần Văn Thử"
    assert [one.rule for one in visit.problems] == []


def test_an_absolute_reference_is_followed_by_full_url() -> None:
    url = "https://his.test/fhir/Organization/1"
    clinic = {"_url": url, "resourceType": "Organization", "id": "1", "name": "Phòng khám Thử"}

    visit = visit_of(bundle(resource("Encounter", serviceProvider={"reference": url}), clinic))

    assert visit.drafts[0].record.provenance.organization == "Phòng khám Thử"


def test_a_reference_out_of_a_transaction_keeps_its_display_and_is_named() -> None:
    visit = visit_of(bundle(resource("Condition", recorder={"reference": "Practitioner/9", "display": "BS. Xa"})))

    author = visit.drafts[0].record.provenance.author
    assert author is not None
    assert author.name == "BS. Xa"
    assert places(visit, "fhir.reference_unresolved") == [("Condition", "recorder")]


def test_a_reference_to_what_the_book_does_not_read_is_no_fault() -> None:
    bill = {"_url": "urn:uuid:cover", "resourceType": "Coverage", "status": "active"}
    drug = resource("MedicationRequest", insurance=[{"reference": "urn:uuid:cover"}])

    visit = visit_of(bundle(drug, bill))

    assert len(visit.drafts) == 1
    assert places(visit, "fhir.billing_not_kept") == [("Coverage", None)]
    assert places(visit, "fhir.field_not_kept") == [("MedicationRequest", "insurance")]


def test_a_resource_about_another_patient_of_the_bundle_is_refused() -> None:
    other = {**patient(), "_url": "urn:uuid:other"}

    visit = visit_of(bundle(other, resource("Condition", subject={"reference": "urn:uuid:other"})))

    assert ("fhir.patient_other", "Bundle.entry[2].resource.subject") in [
        (one.rule, one.field) for one in visit.problems
    ]


NATIONAL = "http://fhir.ehealth.gov.vn/core/sid/national_id"
OWN = [{"system": NATIONAL, "value": "999185000001"}, {"system": "urn:his:mrn", "value": "A-1"}]


@pytest.mark.parametrize(
    ("subject", "refused"),
    [
        ({"identifier": {"system": NATIONAL, "value": "999185000002"}}, True),
        ({"identifier": {"system": NATIONAL, "value": "999185000002"}, "type": "Patient"}, True),
        ({"identifier": {"system": "urn:his:mrn", "value": "B-2"}}, True),
        ({"reference": "Group/g"}, True),
        ({"reference": "https://his.test/fhir/Group/g/_history/2"}, True),
        ({"identifier": {"system": NATIONAL, "value": " 999185000001"}}, False),
        ({"identifier": {"system": "urn:his:mrn", "value": "a-1"}}, False),
        ({"identifier": {"system": "urn:another:mrn", "value": "B-2"}}, False),
        ({"display": "Nguyễn Thị Thử"}, False),
    ],
)
@pytest.mark.parametrize("name", ["subject", "patient"])
def test_resource_about_another_by_number_or_type_is_refused(name: str, subject: dict[str, Any], refused: bool) -> None:
    kind = "Condition" if name == "subject" else "AllergyIntolerance"
    group = {"_url": "https://his.test/fhir/Group/g", "resourceType": "Group", "id": "g"}

    visit = visit_of(bundle(group, resource(kind, **{name: subject}), of=patient(identifier=OWN)))

    assert ("fhir.patient_other" in {one.rule for one in visit.problems}) is refused


@pytest.mark.parametrize(
    ("subject", "warned"),
    [
        ({"display": "Trần Thị Khác"}, True),
        ({"display": "NGUYEN THI THU"}, False),
        ({"display": "Nguyễn Thử"}, False),
        ({**ABOUT, "display": "Trần Thị Khác"}, False),
    ],
)
def test_subject_with_another_name_alone_is_warned_about(subject: dict[str, Any], warned: bool) -> None:
    visit = visit_of(bundle(resource("Condition", subject=subject)))

    rules = [(one.rule, one.severity) for one in visit.problems]
    assert (("fhir.subject_name", Severity.WARNING) in rules) is warned
    assert len(visit.drafts) == 1


@pytest.mark.parametrize("kind", ["transaction", "batch", "collection"])
def test_every_kind_of_bundle_that_carries_resources_is_taken(kind: str) -> None:
    assert len(visit_of(bundle(resource("Condition"), type=kind)).drafts) == 1


# Named in the receipt


def test_what_has_no_place_is_counted_by_type() -> None:
    unread = [{"resourceType": "Flag", "status": "active"}, {"resourceType": "Claim"}, {"resourceType": "Flag"}]
    unused = {"_url": "urn:uuid:o", "resourceType": "Organization", "name": "Không ai nhắc"}

    visit = visit_of(bundle(resource("Condition"), *unread, unused))

    named = {(one.rule, one.table): one.message_en for one in visit.problems}
    assert named.keys() == {
        ("fhir.billing_not_kept", "Claim"),
        ("fhir.not_kept", "Flag"),
        ("fhir.not_kept", "Organization"),
    }
    assert named["fhir.not_kept", "Flag"].startswith("2 ")
    assert {one.severity for one in visit.problems} == {"WARNING"}


@pytest.mark.parametrize(
    "wrong",
    [
        resource("Observation", status="entered-in-error"),
        resource("Condition", verificationStatus=code("Entered in Error", "entered-in-error")),
        resource("MedicationRequest", status="entered-in-error"),
        resource("DiagnosticReport", status="entered-in-error"),
    ],
    ids=lambda one: str(one["resourceType"]),
)
def test_what_was_entered_in_error_is_not_shown_and_named(wrong: dict[str, Any]) -> None:
    visit = visit_of(bundle(resource("Encounter"), wrong))

    assert [draft.table for draft in visit.drafts] == ["Encounter"]
    assert places(visit, "fhir.entered_in_error") == [(wrong["resourceType"], None)]


def test_a_result_entered_in_error_leaves_its_report_and_is_named() -> None:
    good = resource("Observation", _url="urn:uuid:good", valueString="đúng")
    wrong = resource("Observation", _url="urn:uuid:wrong", valueString="sai", status="entered-in-error")
    named = [{"reference": "urn:uuid:good"}, {"reference": "urn:uuid:wrong"}]

    visit = visit_of(bundle(resource("DiagnosticReport", result=named), good, wrong))

    (draft,) = visit.drafts
    assert "đúng" in repr(draft.record)
    assert "sai" not in repr(draft.record)
    assert places(visit, "fhir.entered_in_error") == [("Observation", None)]


def test_an_element_without_a_place_is_named_once_for_all_its_resources() -> None:
    extension = [{"url": "http://x", "valueString": "y"}]

    visit = visit_of(bundle(*(resource("Condition", extension=extension) for _ in range(3))))

    (named,) = [one for one in visit.problems if one.rule == "fhir.field_not_kept"]
    assert (named.table, named.field) == ("Condition", "extension")
    assert "3 resources" in named.message_en


# Labels


@pytest.mark.parametrize(
    ("security", "labels"),
    [
        (_labelled("v3-ActCode", "HIV"), ("HIV",)),
        (_labelled("v3-ActCode", "ETH"), ("ETH",)),
        (_labelled("v3-Confidentiality", "R"), ("R",)),
        (_labelled("v3-Confidentiality", "V"), ("V",)),
        (_labelled("v3-Confidentiality", "N"), ()),
        (_labelled("v3-ActReason", "HTEST"), ()),
    ],
    ids=str,
)
def test_a_senders_label_becomes_a_label(security: dict[str, Any], labels: tuple[str, ...]) -> None:
    visit = visit_of(bundle(resource("Condition", **security)))

    assert visit.drafts[0].record.labels == labels
    assert visit.labels == frozenset(labels)


def test_a_label_that_we_do_not_know_is_kept_and_named() -> None:
    visit = visit_of(bundle(resource("Condition", **_labelled("v3-ActCode", "PERSISTLABEL"))))

    (named,) = label_problems(visit)
    assert (named.rule, named.table, named.field) == ("label.unknown", "Condition", "meta.security")
    assert visit.drafts[0].record.labels == ("PERSISTLABEL",)


@pytest.mark.parametrize(
    ("coding", "label"),
    [
        ({"system": "http://www.whocc.no/atc", "code": "J05AR10"}, "HIV"),
        ({"system": "http://loinc.org", "code": "20447-9"}, "HIV"),
        ({"system": "http://loinc.org", "code": "20507-0"}, "STD"),
    ],
)
def test_a_code_of_a_drug_or_a_test_labels_the_visit_although_its_resource_is_not_kept(
    coding: dict[str, str], label: str
) -> None:
    unkept = resource("MedicationDispense", status="completed", medicationCodeableConcept={"coding": [coding]})

    assert visit_of(bundle(resource("Condition"), unkept)).labels == {label}


def test_a_label_of_a_result_inside_a_report_labels_the_visit() -> None:
    inside = resource("Observation", _url="urn:uuid:in", **_labelled("v3-ActCode", "HIV"))

    visit = visit_of(bundle(resource("DiagnosticReport", result=[{"reference": "urn:uuid:in"}]), inside))

    assert visit.labels == {"HIV"}


@pytest.mark.parametrize(
    "system", ["http://hl7.org/fhir/sid/icd-10", "http://hl7.org/fhir/sid/icd-10-cm", "urn:vn:ICD10"]
)
def test_an_icd_10_code_labels_the_visit_wherever_it_stands(system: str) -> None:
    visit = visit_of(bundle(resource("Encounter", reasonCode=[code("HIV", "B20", system)])))

    assert visit.labels == {"HIV"}


def test_a_confidential_document_labels_all_its_records() -> None:
    assert visit_of(document({"confidentiality": "R"}, resource("Condition"))).labels == {"R"}


# Times


def test_what_says_no_time_takes_its_encounters_or_the_documents_and_says_so() -> None:
    allergy = {"resourceType": "AllergyIntolerance", "patient": ABOUT, "code": code("Tôm")}
    stay = resource("Encounter", _url="urn:uuid:stay", period={"start": "2026-05"})

    (_, by_stay) = visit_of(bundle(stay, {**allergy, "encounter": {"reference": "urn:uuid:stay"}})).drafts
    visit = visit_of(document({"date": "2026-06-07"}, allergy))

    assert by_stay.record.time == "2026-05"
    assert visit.drafts[1].record.time == "2026-06-07"
    assert "Không ghi thời điểm" in (getattr(visit.drafts[1].record, "note", None) or "")
    assert places(visit, "fhir.time_assumed") == [("AllergyIntolerance", None)]


@pytest.mark.parametrize(
    "time",
    [
        "1990",
        "1990-05",
        "1990-05-07",
        "2026-10-05T08:00:00+07:00",
        "2026-10-05T01:00:00Z",
        "2026-10-05T08:00:00.125+07:00",
    ],
)
def test_a_time_keeps_its_precision_and_its_zone(time: str) -> None:
    assert visit_of(bundle(resource("Condition", onsetDateTime=time))).drafts[0].record.time == time


def test_text_comes_out_composed_with_its_accents() -> None:
    decomposed = "Vie\u0302m pho\u0302\u0309i"

    (draft,) = visit_of(bundle(resource("Condition", code={"text": decomposed}))).drafts

    assert draft.record.code is not None
    assert draft.record.code.text == "Viêm phổi"


def test_a_contained_resource_is_part_of_its_holder() -> None:
    held = {"resourceType": "Organization", "id": "lab", "name": "Phòng xét nghiệm Thử"}
    test = resource("Observation", contained=[held], performer=[{"reference": "#lab"}])

    visit = visit_of(bundle(test))

    assert visit.drafts[0].record.provenance.organization == "Phòng xét nghiệm Thử"
    assert visit.problems == ()
    assert PATIENT_URL not in repr(visit.drafts)


def test_the_newest_encounter_says_of_which_day_a_whole_life_is() -> None:
    life = [resource("Encounter", period={"start": start}) for start in ("1990-05", "2026-10-05", "2001-01-01")]

    visit = visit_of(bundle(resource("Condition", onsetDateTime="1991"), *life))

    assert str(visit.day) == "2026-10-05"
    assert len(visit.drafts) == 4
