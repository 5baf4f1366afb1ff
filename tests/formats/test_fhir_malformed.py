"""Broken bundles: every fault comes back with its path and a stable rule, all at once, and nothing is ever raised."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ehb.domain.identity import NATIONAL_ID
from ehb.domain.submission import refused
from ehb.formats.fhir_problems import MESSAGES
from tests.fhir import ABOUT, TIME, body_of, bundle, code, document, patient, resource, visit_of

GOOD = body_of(bundle(resource("Condition"), resource("Observation", valueQuantity={"value": 1, "unit": "kg"})))

NO_BUNDLE: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "fhir.json"),
    "white space": (b" \n\t ", "fhir.json"),
    "text": (b"Bundle", "fhir.json"),
    "XML": (b"<Bundle xmlns='http://hl7.org/fhir'/>", "fhir.json"),
    "half a bundle": (GOOD[: len(GOOD) // 2], "fhir.json"),
    "two bundles": (GOOD + GOOD, "fhir.json"),
    "a comma too many": (GOOD.replace(b"}]", b"},]", 1), "fhir.json"),
    "single quotes": (GOOD.replace(b'"', b"'"), "fhir.json"),
    "bytes that are no UTF-8": (GOOD.replace(b"Asthma", b"Asth\xffma"), "fhir.json"),
    "UTF-16": (GOOD.decode().encode("utf-16"), "fhir.json"),
    "a NUL": (GOOD.replace(b"Asthma", b"Asth\x00ma"), "fhir.json"),
    "null": (b"null", "fhir.not_bundle"),
    "a number": (b"1", "fhir.not_bundle"),
    "a list": (b"[]", "fhir.not_bundle"),
    "a list of bundles": (b"[" + GOOD + b"]", "fhir.not_bundle"),
    "an empty object": (b"{}", "fhir.not_bundle"),
    "a resource alone": (body_of(patient()), "fhir.not_bundle"),
    "another case": (GOOD.replace(b'"Bundle"', b'"bundle"'), "fhir.not_bundle"),
    "a type that is a list": (b'{"resourceType": ["Bundle"]}', "fhir.not_bundle"),
    "a thousand lists": (b"[" * 1000 + b"]" * 1000, "fhir.deep"),
    "a million lists": (b"[" * 1_000_000, "fhir.too_many"),
    "a hundred thousand lists": (b"[" * 100_000 + b"]" * 100_000, "fhir.deep"),
    "a million numbers": (b"[" + b"1," * 1_000_000 + b"1]", "fhir.too_many"),
}


@pytest.mark.parametrize("name", NO_BUNDLE)
def test_what_is_no_bundle_is_refused_with_one_rule(name: str) -> None:
    body, rule = NO_BUNDLE[name]

    visit = visit_of(body)

    assert [one.rule for one in visit.problems] == [rule]
    assert (visit.drafts, visit.facility) == ((), "99001")


ENTRY = "Bundle.entry[1].resource"


def _on(kind: str, **content: Any) -> dict[str, Any]:
    return bundle(resource(kind, **content))


FAULTS: dict[str, tuple[dict[str, Any], list[tuple[str, str | None]]]] = {
    "no type": (bundle(resource("Condition"), type=None), [("fhir.null", "Bundle.type")]),
    "a history": (bundle(resource("Condition"), type="history"), [("fhir.bundle_type", "Bundle.type")]),
    "a type there is not": (bundle(resource("Condition"), type="visit"), [("fhir.code", "Bundle.type")]),
    "entries that are an object": (
        bundle(entry={}),
        [("fhir.type", "Bundle.entry"), ("fhir.patient_missing", "Bundle.entry")],
    ),
    "an entry that is null": (
        bundle(entry=[None]),
        [("fhir.null", "Bundle.entry[0]"), ("fhir.patient_missing", "Bundle.entry")],
    ),
    "an entry without a resource": (
        bundle(entry=[{"request": {"method": "DELETE", "url": "Patient/1"}}]),
        [("fhir.required", "Bundle.entry[0].resource"), ("fhir.patient_missing", "Bundle.entry")],
    ),
    "a resource that is null": (
        bundle(entry=[{"resource": None}]),
        [("fhir.null", "Bundle.entry[0].resource"), ("fhir.patient_missing", "Bundle.entry")],
    ),
    "no resource type": (bundle({"id": "1"}), [("fhir.required", f"{ENTRY}.resourceType")]),
    "a resource type there is not": (
        bundle({"resourceType": "Visit"}),
        [("fhir.resource_type", f"{ENTRY}.resourceType")],
    ),
    "a day that does not exist": (
        _on("Condition", onsetDateTime="2026-02-30"),
        [("fhir.date", f"{ENTRY}.onsetDateTime")],
    ),
    "a time without a zone": (
        _on("Observation", effectiveDateTime="2026-10-05T08:00:00"),
        [("fhir.date", f"{ENTRY}.effectiveDateTime")],
    ),
    "a Vietnamese date": (_on("Condition", onsetDateTime="05/10/2026"), [("fhir.date", f"{ENTRY}.onsetDateTime")]),
    "a year past the calendar": (
        _on("Condition", onsetDateTime="0000-01-01"),
        [("fhir.date", f"{ENTRY}.onsetDateTime")],
    ),
    "the last moment west of Greenwich": (
        _on("Condition", onsetDateTime="9999-12-31T23:59:59-12:00"),
        [("fhir.date", f"{ENTRY}.onsetDateTime")],
    ),
    "a birth date with a time": (
        bundle(resource("Condition"), of=patient(birthDate=TIME)),
        [("fhir.date", "Bundle.entry[0].resource.birthDate")],
    ),
    "a number as text": (
        _on("Observation", valueQuantity={"value": "72.5"}),
        [("fhir.type", f"{ENTRY}.valueQuantity.value")],
    ),
    "text as a number": (_on("Condition", code={"text": 7}), [("fhir.type", f"{ENTRY}.code.text")]),
    "true as a number": (
        _on("Observation", valueQuantity={"value": True}),
        [("fhir.type", f"{ENTRY}.valueQuantity.value")],
    ),
    "one where many may be": (_on("Observation", category=code("Lab")), [("fhir.type", f"{ENTRY}.category")]),
    "many where one may be": (_on("Condition", code=[code("Asthma")]), [("fhir.type", f"{ENTRY}.code")]),
    "null among codes": (_on("Condition", code={"coding": [None]}), [("fhir.null", f"{ENTRY}.code.coding[0]")]),
    "null for a value": (_on("Condition", recordedDate=None), [("fhir.null", f"{ENTRY}.recordedDate")]),
    "an empty text": (_on("Condition", code={"text": ""}), [("fhir.empty", f"{ENTRY}.code.text")]),
    "an empty list": (_on("Condition", category=[]), [("fhir.empty", f"{ENTRY}.category")]),
    "an empty object": (_on("Condition", code={}), [("fhir.empty", f"{ENTRY}.code")]),
    "a required element missing": (
        bundle({"resourceType": "Observation", "status": "final", "subject": ABOUT}),
        [("fhir.required", f"{ENTRY}.code")],
    ),
    "a status there is not": (_on("Observation", status="done"), [("fhir.code", f"{ENTRY}.status")]),
    "a gender there is not": (
        bundle(resource("Condition"), of=patient(gender="nữ")),
        [("fhir.code", "Bundle.entry[0].resource.gender")],
    ),
    "two values": (
        _on("Observation", valueString="cao", valueQuantity={"value": 1}),
        [("fhir.choice", f"{ENTRY}.value")],
    ),
    "an element there is not": (_on("Condition", onsetDatetime=TIME), [("fhir.field_unknown", ENTRY)]),
    "a modifier extension": (
        _on("Condition", modifierExtension=[{"url": "http://x", "valueBoolean": True}]),
        [("fhir.modifier", f"{ENTRY}.modifierExtension")],
    ),
    "implicit rules": (_on("Condition", implicitRules="http://x"), [("fhir.modifier", f"{ENTRY}.implicitRules")]),
    "two patients": (bundle(patient()), [("fhir.patient_count", ENTRY)]),
    "no patient": (
        bundle(entry=[{"fullUrl": "urn:uuid:1", "resource": resource("Condition", subject={"display": "A"})}]),
        [("fhir.patient_missing", "Bundle.entry")],
    ),
    "a reference to nothing": (
        _on("Condition", encounter={"reference": "urn:uuid:nothing"}),
        [("fhir.reference_dangling", f"{ENTRY}.encounter.reference")],
    ),
    "a contained resource that is not there": (
        _on("MedicationStatement", medicationCodeableConcept=code("A"), informationSource={"reference": "#no"}),
        [("fhir.reference_dangling", f"{ENTRY}.informationSource.reference")],
    ),
    "somebody else's resource": (
        _on("Condition", subject={"reference": "Patient/other"}),
        [("fhir.reference_dangling", f"{ENTRY}.subject.reference")],
    ),
    "one URL twice": (
        bundle(resource("Condition", _url="urn:uuid:same"), resource("Condition", _url="urn:uuid:same")),
        [("fhir.full_url_repeated", "Bundle.entry[2].fullUrl")],
    ),
    "a document without a composition": (
        bundle(resource("Condition"), type="document"),
        [("fhir.document", "Bundle.entry[0].resource")],
    ),
    "a document that names what it does not hold": (
        document({"section": [{"title": "A", "entry": [{"reference": "Condition/9"}]}]}),
        [("fhir.reference_dangling", "Bundle.entry[0].resource.section[0].entry[0].reference")],
    ),
    "a drug that is nowhere": (
        bundle(
            {
                "resourceType": "MedicationRequest",
                "status": "active",
                "intent": "order",
                "subject": ABOUT,
                "authoredOn": TIME,
                "medicationReference": {"reference": "Medication/9"},
            }
        ),
        [("fhir.reference_dangling", f"{ENTRY}.medicationReference")],
    ),
    "no time anywhere": (
        bundle({"resourceType": "AllergyIntolerance", "patient": ABOUT}),
        [("fhir.time_missing", ENTRY)],
    ),
    "a number of the wrong length": (
        bundle(
            resource("Condition"),
            of=patient(identifier=[{"system": NATIONAL_ID, "value": "9990"}]),
        ),
        [("fhir.identifier_format", "Bundle.entry[0].resource.identifier[0].value")],
    ),
    "several faults": (
        bundle(
            resource("Condition", onsetDateTime="2026-13", code={"text": ""}),
            resource("Observation", status="done", issued="today"),
        ),
        [
            ("fhir.empty", f"{ENTRY}.code.text"),
            ("fhir.date", f"{ENTRY}.onsetDateTime"),
            ("fhir.code", "Bundle.entry[2].resource.status"),
            ("fhir.date", "Bundle.entry[2].resource.issued"),
        ],
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_comes_back_with_its_path(name: str) -> None:
    value, expected = FAULTS[name]

    visit = visit_of(value)

    found = [(one.rule, one.field) for one in visit.problems if one.severity == "ERROR"]
    assert sorted(found, key=str) == sorted(expected, key=str)


TEXTUAL: dict[str, tuple[bytes, bytes, str, str]] = {
    "NaN": (b'"value": 1', b'"value": NaN', "fhir.number", "Bundle.entry[2].resource.valueQuantity.value"),
    "minus infinity": (
        b'"value": 1',
        b'"value": -Infinity',
        "fhir.number",
        "Bundle.entry[2].resource.valueQuantity.value",
    ),
    "a huge exponent": (
        b'"value": 1',
        b'"value": 1e999999999',
        "fhir.number",
        "Bundle.entry[2].resource.valueQuantity.value",
    ),
    "a number of ten thousand digits": (
        b'"value": 1',
        b'"value": ' + b"9" * 10_000,
        "fhir.number",
        "Bundle.entry[2].resource.valueQuantity.value",
    ),
    "a moment that is a number without measure": (
        b'"onsetDateTime": "2026-10-05T08:00:00+07:00"',
        b'"onsetDateTime": 1e31',
        "fhir.number",
        "Bundle.entry[1].resource.onsetDateTime",
    ),
    "a name twice": (
        b'"code": {',
        b'"code": {"text": "A"}, "code": {',
        "fhir.key_repeated",
        "Bundle.entry[1].resource",
    ),
    "half a character": (b"Asthma", b"\\ud800", "fhir.text", "Bundle.entry[1].resource.code.coding[0].display"),
    "a control character": (b"Asthma", b"A\\u0000", "fhir.text", "Bundle.entry[1].resource.code.coding[0].display"),
}


@pytest.mark.parametrize("name", TEXTUAL)
def test_what_json_lets_pass_and_fhir_does_not_has_its_path_too(name: str) -> None:
    good, bad, rule, path = TEXTUAL[name]
    assert good in GOOD

    visit = visit_of(GOOD.replace(good, bad, 1))

    assert [(one.rule, one.field) for one in visit.problems if one.severity == "ERROR"] == [(rule, path)]


@pytest.mark.parametrize("where", ["identifier", "id"])
def test_a_broken_episode_code_can_still_be_written_down(where: str) -> None:
    code_of = {"identifier": '{"value": "\\ud800"}', "id": '"\\ud800"'}[where]
    body = GOOD.replace(b'"identifier": {"system": "urn:test", "value": "B-1"}', f'"{where}": {code_of}'.encode())

    assert visit_of(body).episode.encode()


def test_a_byte_order_mark_does_no_harm() -> None:
    assert not refused(visit_of(b"\xef\xbb\xbf" + GOOD).problems)


def test_a_made_up_name_never_stands_in_a_path() -> None:
    visit = visit_of(
        json.dumps(_on("Condition", nguyenVanA999185000001={"\ud800": "\ud800"}, code={"text": "A"})).encode()
    )

    said = "\n".join(f"{one.field} {one.table} {one.message_en} {one.message_vi}" for one in visit.problems)
    assert "nguyen" not in said
    assert "999185000001" not in said
    assert "Bundle.entry[1].resource.?.?" in said


def test_a_value_never_stands_in_a_problem() -> None:
    secret = "Bí mật của Thử"
    wrong = _on("Condition", onsetDateTime=secret, code={"coding": [{"code": f" {secret}", "display": 7}]}, note=secret)

    visit = visit_of(wrong)

    assert len(visit.problems) >= 3
    assert secret not in repr(visit.problems)


def test_every_rule_has_words_in_both_languages() -> None:
    for rule, (vi, en) in MESSAGES.items():
        assert rule.startswith("fhir.")
        assert vi.strip() != en.strip()
        assert vi.endswith(".")
        assert en.endswith(".")
