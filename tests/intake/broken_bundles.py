"""FHIR bundles that are broken: as bytes, as JSON, as FHIR, as one visit of one person."""

from __future__ import annotations

import json
from typing import Any

from tests.fhir import ABOUT, TIME, body_of, bundle, code, patient, resource
from tests.intake.cases import FHIR, Case, refused, taken, warned

GOOD = body_of(bundle(resource("Condition"), resource("Observation")))
TEXT = GOOD.decode()
_SYSTEM = patient()["identifier"][0]["system"]


def _no(name: str, body: bytes | str | object, *rules: str) -> Case:
    return refused(name, body if isinstance(body, bytes | str) else body_of(body), *rules, kind=FHIR)


def _condition(**content: Any) -> bytes:
    return body_of(bundle(resource("Condition", **content)))


def _without(name: str) -> dict[str, Any]:
    made = resource("Condition")
    del made[name]
    return bundle(made)


def _numbered(value: str) -> dict[str, Any]:
    return bundle(resource("Condition"), of=patient(identifier=[{"system": _SYSTEM, "value": value}]))


CASES: list[Case] = [
    # Not JSON
    _no("nothing", b"", "fhir.json"),
    _no("white space", b" \n", "fhir.json"),
    _no("a word", b"Bundle", "fhir.json"),
    _no("XML", b"<Bundle xmlns='http://hl7.org/fhir'/>", "fhir.json"),
    _no("UTF-16", TEXT.encode("utf-16"), "fhir.json"),
    _no("a lost byte", GOOD.replace("ễ".encode(), b"\xe1\xbb", 1), "fhir.json"),
    *[_no(f"cut off after {tenths} tenths", GOOD[: len(GOOD) * tenths // 10], "fhir.json") for tenths in range(1, 10)],
    _no("a comma too many", TEXT.replace("}]", "},]", 1), "fhir.json"),
    _no("single quotes", TEXT.replace('"', "'"), "fhir.json"),
    _no("a comment", TEXT.replace("{", "{/* x */", 1), "fhir.json"),
    _no("two bundles", TEXT + TEXT, "fhir.json"),
    _no("a line for each resource", TEXT + "\n" + TEXT, "fhir.json"),
    _no("NaN", TEXT.replace('"type": "transaction"', '"type": NaN'), "fhir.number"),
    _no("a control character", TEXT.replace("Nguyễn", "Nguy\x01n"), "fhir.json"),
    _no("ten thousand levels", b"[" * 10_000 + b"]" * 10_000, "fhir.deep"),
    _no("a name twice", TEXT.replace('"type": "transaction"', '"type": "transaction", "type": "batch"'),
        "fhir.key_repeated"),
    # Not a bundle
    _no("a list", b"[]", "fhir.not_bundle"),
    _no("null", b"null", "fhir.not_bundle"),
    _no("a number", b"1", "fhir.not_bundle"),
    _no("a resource alone", resource("Condition"), "fhir.not_bundle"),
    _no("a bundle of search results", {**bundle(resource("Condition")), "type": "searchset"}, "fhir.bundle_type"),
    _no("a bundle of a type that there is not", {**bundle(resource("Condition")), "type": "parcel"}, "fhir.code"),
    _no("a document that begins with a condition", {**bundle(resource("Condition")), "type": "document",
                                                    "timestamp": TIME}, "fhir.document"),
    # Resources that are none
    _no("a resource of a type that there is not", bundle({"resourceType": "Illness"}), "fhir.resource_type"),
    _no("a resource without a type", bundle({"code": code("x")}), "fhir.required"),
    _no("a field that there is not", _condition(illness="x"), "fhir.field_unknown"),
    _no("a text for a list", _condition(category="x"), "fhir.type"),
    _no("a number for a text", _condition(code={"text": 1}), "fhir.type"),
    _no("a list for one thing", _condition(code=[code("x")]), "fhir.type"),
    _no("null for a code", _condition(code=None), "fhir.null"),
    _no("an empty text", _condition(code={"text": ""}), "fhir.empty"),
    _no("an empty object", _condition(code={}), "fhir.empty"),
    _no("no subject", _without("subject"), "fhir.required"),
    _no("a modifier that we do not know", _condition(modifierExtension=[{"url": "http://x", "valueBoolean": True}]),
        "fhir.modifier"),
    _no("a half of a surrogate pair", TEXT.replace("Asthma", "\\ud800"), "fhir.text"),
    # Dates and numbers
    *[_no(f"a date: {how}", _condition(onsetDateTime=value), "fhir.date") for how, value in {
        "30 February": "2026-02-30",
        "month 13": "2026-13",
        "slashes": "05/10/2026",
        "the national form": "202610050800",
        "a time without a zone": "2026-10-05T08:00:00",
        "a word": "hôm qua",
        "five digits of a year": "20260-01-01",
        "Arabic digits": "٢٠٢٦",
    }.items()],
    _no("a date that is a number", _condition(onsetDateTime=2026), "fhir.type"),
    _no("two onsets", _condition(onsetString="x"), "fhir.choice"),
    _no("a quantity that is a text", body_of(bundle(resource("Observation", valueQuantity={"value": "1"}))),
        "fhir.type"),
    _no("a quantity beyond everything", json.dumps(bundle(resource("Observation", valueQuantity={"value": 0})))
        .replace('"value": 0', '"value": 1e999999'), "fhir.number"),
    _no("a condition of the year 2999", _condition(onsetDateTime="2999-01-01"), "time.future"),
    # One visit of one person
    _no("nobody", {**bundle(), "entry": []}, "fhir.patient_missing"),
    _no("two people", bundle(resource("Condition"), {**patient(), "_url": "urn:uuid:two"}), "fhir.patient_count"),
    _no("about nobody of the bundle", _condition(subject={"reference": "urn:uuid:nobody"}), "fhir.reference_dangling"),
    _no("one address for two resources", bundle(resource("Condition"), {**resource("Observation"),
                                                                        "_url": "urn:uuid:r-1"}),
        "fhir.full_url_repeated"),
    *[_no(f"a number of the person: {how}", _numbered(value), "fhir.identifier_format") for how, value in {
        "eleven digits": "99918500001",
        "thirteen digits": "9991850000011",
        "a letter": "99918500000O",
    }.items()],
    # Taken
    warned("bills are not kept", body_of(bundle(resource("Condition"), {
        "resourceType": "Claim", "status": "active", "type": code("x"), "use": "claim", "patient": ABOUT,
        "created": TIME, "provider": {"display": "x"}, "priority": code("x"),
        "insurance": [{"sequence": 1, "focal": True, "coverage": {"display": "x"}}]})),
        "fhir.billing_not_kept", kind=FHIR),
    warned("a person without a number", body_of(bundle(resource("Condition"), of=patient(identifier=[
        {"system": "urn:hospital", "value": "1"}]))), "fhir.identifier_missing", kind=FHIR),
    taken("a byte-order mark", b"\xef\xbb\xbf" + GOOD, kind=FHIR),
    taken("escapes instead of letters", json.dumps(json.loads(GOOD)), kind=FHIR),
    taken("unusual text", _condition(code={"text": "e\u0301👩🏽‍⚕️\u202e𠀀 {$ne: 1}"}), kind=FHIR),
]  # fmt: skip
