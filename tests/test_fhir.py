"""FHIR bundles through HTTP and a real mongod: accepted, unchanged, corrected, refused, waiting."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from ehb.client import FHIR, FacilityClient, SigningKey
from ehb.domain.submission import Status
from ehb.store.registry import Registry
from tests.builders import FACILITY, NATIONAL_ID, visit_file
from tests.fhir import LOINC, body_of, bundle, patient, resource, sample, with_number
from tests.house import BASE, House

BOOK = """{ myHealthBook {
  timeline(first: 100) { nodes { __typename provenance { source sourceRow version organization } } }
  treatment { laboratoryResults(first: 100) { nodes { time results { code { text } value { value unit } } } } }
} }"""
VALUES = """{ myHealthBook { prevention { healthChecks { nodes { results { value { value unit } } } } } } }"""

LEONOR = "999160000001"
"""A number for the woman of the sample, whose digits say her sex and year of birth."""


EVERY_WORD = """{ myHealthBook { timeline { nodes { __typename
  ... on Condition { note } ... on Composition { note } ... on DiagnosticReport { results { text note } conclusion }
} } } }"""


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


async def _send(house: House, token: str, body: bytes, kind: str = FHIR, **params: str) -> httpx2.Response:
    return await house.http.post(
        "/facility/submissions",
        params=params,
        content=body,
        headers={"Authorization": f"Bearer {token}", "Content-Type": kind, "Accept-Language": "en"},
    )


def _in_another_order(body: bytes) -> bytes:
    """The same bundle: keys and entries turned round, other white space, bundled at another moment."""

    def turned(value: Any) -> Any:
        return {name: value[name] for name in reversed(value)} if isinstance(value, dict) else value

    held = json.loads(body, parse_float=_Digits, object_hook=turned)
    held["entry"].reverse()
    text = json.dumps({**held, "timestamp": "2026-11-01T00:00:00Z"}, ensure_ascii=False, indent=1)
    return text.replace('"\\u0001', "").replace('\\u0001"', "").encode()


class _Digits(str):
    """A number as its text, marked so that it can lose its quotation marks again."""

    def __new__(cls, text: str) -> _Digits:
        return super().__new__(cls, f"\x01{text}\x01")


async def test_a_synthea_bundle_is_accepted_known_again_and_corrected(house: House) -> None:
    token = await house.facility(FACILITY)
    body = with_number(sample("leonor_trujillo"), LEONOR)

    first = await _send(house, token, body)
    again = await _send(house, token, _in_another_order(body))
    corrected = await _send(house, token, body.replace(b"105.96398401539962", b"105.90"))
    book = (await house.data(await house.citizen(LEONOR), BOOK))["myHealthBook"]

    assert (first.status_code, first.json()["status"], first.json()["version"]) == (201, "ACCEPTED", 1)
    assert first.json()["records"] == 157
    assert (again.status_code, again.json()["status"], again.json()["id"]) == (200, "UNCHANGED", first.json()["id"])
    assert (corrected.json()["status"], corrected.json()["version"]) == ("ACCEPTED", 2)
    assert corrected.json()["episode"] == first.json()["episode"]
    values = [
        result["value"]["value"]
        for report in book["treatment"]["laboratoryResults"]["nodes"]
        for result in report["results"]
        if result["value"]
    ]
    assert "105.90" in values
    assert "13.885858177788872" in values
    assert {node["provenance"]["source"] for node in book["timeline"]["nodes"]} == {"FHIR"}


async def test_a_number_keeps_its_digits_and_only_what_changed_is_a_new_version(house: House) -> None:
    token = await house.facility(FACILITY)
    weight = resource("Observation", valueQuantity={"value": 1, "unit": "kg"})
    sent = body_of(bundle(weight, resource("Condition"))).replace(b'"value": 1,', b'"value": 72.50,')

    await _send(house, token, sent)
    corrected = await _send(house, token, sent.replace(b"72.50", b"72.5"))
    citizen = await house.citizen(NATIONAL_ID)
    checks = (await house.data(citizen, VALUES))["myHealthBook"]["prevention"]["healthChecks"]["nodes"]
    nodes = (await house.data(citizen, BOOK))["myHealthBook"]["timeline"]["nodes"]

    assert corrected.json()["version"] == 2
    assert checks == [{"results": [{"value": {"value": "72.5", "unit": "kg"}}]}]
    assert {node["__typename"]: node["provenance"]["version"] for node in nodes} == {
        "DiagnosticReport": 2,
        "Condition": 1,
    }


async def test_the_book_says_who_did_it_and_who_sent_it(house: House) -> None:
    token = await house.facility(FACILITY)
    clinic = {"_url": "urn:uuid:clinic", "resourceType": "Organization", "name": "Phòng khám Thử"}
    stay = resource("Encounter", serviceProvider={"reference": "urn:uuid:clinic"})

    await _send(house, token, body_of(bundle(stay, clinic)))
    (node,) = (await house.data(await house.citizen(NATIONAL_ID), BOOK))["myHealthBook"]["timeline"]["nodes"]

    assert node["provenance"]["organization"] == "Phòng khám Thử"
    assert node["provenance"]["sourceRow"] == "Encounter#2"


async def test_a_malformed_bundle_is_refused_with_the_path_of_every_fault(house: House) -> None:
    token = await house.facility(FACILITY)
    wrong = [
        resource("Condition", onsetDateTime="2026-02-30"),
        resource("Observation", status="done"),
        resource("Observation", valueQuantity={"value": "72"}),
    ]

    answer = await _send(house, token, body_of(bundle(*wrong)))

    receipt = answer.json()
    assert (answer.status_code, receipt["status"], receipt["records"]) == (422, "REJECTED", 0)
    assert [(one["rule"], one["field"]) for one in receipt["problems"] if one["severity"] == "ERROR"] == [
        ("fhir.date", "Bundle.entry[1].resource.onsetDateTime"),
        ("fhir.code", "Bundle.entry[2].resource.status"),
        ("fhir.type", "Bundle.entry[3].resource.valueQuantity.value"),
    ]
    assert all(one["message_vi"] and one["message_en"] for one in receipt["problems"])


async def test_a_bundle_without_a_usable_number_waits_for_an_identity(house: House) -> None:
    token = await house.facility(FACILITY)

    answer = await _send(house, token, sample("ips-official-01"))

    assert (answer.status_code, answer.json()["status"]) == (202, "WAITING_FOR_IDENTITY")
    assert "fhir.identifier_missing" in {one["rule"] for one in answer.json()["problems"]}


async def test_a_dry_run_says_the_same_and_stores_nothing(house: House) -> None:
    token = await house.facility(FACILITY)
    body = body_of(bundle(resource("Condition")))

    tried = (await _send(house, token, body, dry_run="true")).json()

    assert (tried["status"], tried["records"]) == ("ACCEPTED", 1)
    assert await house.mongo.database["records"].count_documents({}) == 0


async def test_a_bundle_kept_by_another_facility_is_refused(house: House) -> None:
    token = await house.facility(FACILITY)
    other = {
        "_url": "urn:uuid:other",
        "resourceType": "Organization",
        "identifier": [{"system": "http://fhir.ehealth.gov.vn/core/sid/provider-license-number", "value": "99002"}],
    }
    stay = resource("Encounter", serviceProvider={"reference": "urn:uuid:other"})

    answer = await _send(house, token, body_of(bundle(stay, other)))

    assert (answer.status_code, answer.json()["code"]) == (403, "OTHER_FACILITY")


async def test_a_file_and_a_bundle_with_one_code_are_two_episodes_in_one_book(house: House) -> None:
    token = await house.facility(FACILITY)
    await house.submit(token, visit_file())

    sent = bundle(resource("Condition"), identifier={"value": "LK-1"})
    answer = (await _send(house, token, body_of(sent))).json()
    book = (await house.data(await house.citizen(NATIONAL_ID), BOOK))["myHealthBook"]

    assert (answer["episode"], answer["version"]) == ("LK-1", 1)
    assert len(book["timeline"]["nodes"]) == 7


@pytest.mark.parametrize(
    ("kind", "said"),
    [("application/json", True), ("application/fhir+xml", True), ("text/plain", False), ("", False)],
)
async def test_another_content_type_is_refused_and_the_right_one_named(house: House, kind: str, said: bool) -> None:
    token = await house.facility(FACILITY)

    answer = await _send(house, token, body_of(bundle(resource("Condition"))), kind)

    assert (answer.status_code, answer.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert ("application/fhir+json" in answer.json()["detail"]) is said


async def test_parameters_of_the_content_type_do_not_matter(house: House) -> None:
    token = await house.facility(FACILITY)

    answer = await _send(
        house, token, body_of(bundle(resource("Condition"))), "Application/FHIR+JSON; fhirVersion=4.0; charset=utf-8"
    )

    assert answer.status_code == 201


async def test_nobody_sends_a_bundle_without_signing_in_and_no_citizen_does(house: House) -> None:
    body = body_of(bundle(resource("Condition")))

    stranger = await house.http.post("/facility/submissions", content=body, headers={"Content-Type": FHIR})
    citizen = await _send(house, await house.citizen(NATIONAL_ID), body)

    assert (stranger.status_code, citizen.status_code) == (401, 403)
    assert await house.mongo.database["records"].count_documents({}) == 0


async def test_the_client_sends_a_bundle_as_what_it_is(house: House, tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(house.facility_keys[FACILITY].as_pem(private=True))
    key = SigningKey.load(path)
    await Registry(house.mongo).register(FACILITY, "Bệnh viện Thử", "fhir-client", [key.public_jwk])
    body = body_of(bundle(resource("Condition")))

    transport = httpx2.ASGITransport(house.app)
    async with FacilityClient(BASE, "fhir-client", key, transport=transport) as client:
        receipt = await client.submit(body, content_type=FHIR)

    assert receipt.status is Status.ACCEPTED


@pytest.mark.parametrize(
    "telling",
    [
        resource("Observation", code={"coding": [{"system": LOINC, "code": "11882-8"}]}, valueString="trai"),
        resource("Condition", note=[{"text": "Siêu âm thai: thai nhi là bé trai. Ối bình thường."}]),
        resource(
            "DocumentReference",
            content=[
                {"attachment": {"contentType": "text/plain", "data": _base64("Thai nhi là bé trai, ối bình thường")}}
            ],
        ),
    ],
    ids=["coded", "in words", "in base64"],
)
async def test_the_sex_of_a_fetus_is_withheld_from_a_bundle_too(house: House, telling: dict[str, Any]) -> None:
    token = await house.facility(FACILITY)
    mother = patient(birthDate="1985-05")
    birth_of_the_mother = resource("Encounter", period={"start": "1985-05"})
    visit = resource("Encounter", type=[{"text": "Khám thai"}])

    answer = await _send(house, token, body_of(bundle(birth_of_the_mother, visit, telling, of=mother)))
    found = (await house.data(await house.citizen(NATIONAL_ID), EVERY_WORD))["myHealthBook"]

    assert (answer.status_code, answer.json()["status"]) == (201, "ACCEPTED")
    assert "fetal_sex.withheld" in {one["rule"] for one in answer.json()["problems"]}
    assert "trai" not in json.dumps(found, ensure_ascii=False)
