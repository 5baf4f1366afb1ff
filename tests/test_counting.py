"""A counting check from outside: the rows of two thousand invented visits, and the records in the books.

Rows are counted with the standard library's XML parser, records over GraphQL by the people themselves, as their
phones would. Nothing here knows how a file is read.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx2
import pytest

from ehb import phone, synthetic
from tests.running import RunningDemo

PEOPLE, SEED = 400, 1
BOOK = """query ($after: String) { myHealthBook { timeline(first: 100, after: $after) {
  nodes { __typename ... on DiagnosticReport { status results { text } } } pageInfo { hasNextPage endCursor } } } }"""
COUNTS = "{ mySubmissions(first: 1) { counts { status count } } }"
_TEST_GROUPS = ("1", "2", "3")
_PAPERS = ("XML7", "XML8", "XML9", "XML10", "XML11", "XML12")
_CARE = ("XML6", "XML15")
_HIV_RESULTS = ("MA_LYDO_XNTL_VR", "KQ_XNTL_VR", "LAN_XN_PCR", "MA_KQ_XN_PCR")


def rows_of(content: bytes) -> dict[str, list[dict[str, str]]]:
    """The rows of a visit file by table, each as its non-empty fields."""
    found: dict[str, list[dict[str, str]]] = {}
    for part in ElementTree.fromstring(content).iter("FILEHOSO"):  # noqa: S314  our own bytes
        name, inside = part.findtext("LOAIHOSO", ""), part.find("NOIDUNGFILE")
        assert inside is not None
        table = inside[0] if len(inside) else ElementTree.fromstring(base64.b64decode(inside.text or ""))  # noqa: S314
        rows = [element for element in table.iter() if len(element) and not any(len(child) for child in element)]
        found[name] = [{field.tag: field.text for field in row if field.text and field.text.strip()} for row in rows]
    return found


def records_in(tables: dict[str, list[dict[str, str]]]) -> Counter[str]:
    """What the field tables say that these rows are."""
    [visit] = tables["XML1"]
    codes = ";".join(visit.get(field, "") for field in ("MA_BENH_CHINH", "MA_BENH_KT", "MA_BENH_YHCT"))
    slips = {row["NGAY_HEN_KL"][:8] for row in tables.get("XML14", [])}
    days = {day[:8] for day in visit.get("NGAY_TAI_KHAM", "").split(";") if day}
    services = tables.get("XML3", [])
    tests = [row for row in services if row.get("MA_NHOM") in _TEST_GROUPS and not row.get("MA_VAT_TU")]
    return Counter(
        {
            "Encounter": 1,
            "Condition": sum(bool(code.strip()) for code in codes.split(";")),
            "MedicationRequest": len(tables.get("XML2", [])),
            "Procedure": len(services) - len(tests),
            "result": len(tables.get("XML4", []))
            + sum(field in row for row in tables.get("XML6", []) for field in _HIV_RESULTS),
            "ClinicalImpression": len(tables.get("XML5", [])),
            "Composition": sum(len(tables.get(name, [])) for name in _PAPERS),
            "CarePlan": sum(len(tables.get(name, [])) for name in _CARE),
            "ServiceRequest": len(tables.get("XML13", [])),
            "Appointment": len(tables.get("XML14", [])) + len(days - slips),
        }
    )


def nodes_of(base: str, token: str) -> Iterator[dict[str, Any]]:
    """All records of a person's book, page by page."""
    after = None
    while True:
        asked = {"query": BOOK, "variables": {"after": after}}
        answer = httpx2.post(f"{base}/graphql", json=asked, headers={"Authorization": f"Bearer {token}"}, timeout=60)
        page = answer.json()["data"]["myHealthBook"]["timeline"]
        yield from page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return
        after = page["pageInfo"]["endCursor"]


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_two_thousand_visits_go_in_and_every_row_is_in_its_book(tmp_path: Path) -> None:
    people = list(synthetic.people(PEOPLE, SEED))
    expected: dict[str, Counter[str]] = {}
    visits = 0
    for person in people:
        files = [rows_of(file.content) for file in synthetic.visit_files(person, SEED)]
        visits += len(files)
        expected[person.sub] = sum((records_in(tables) for tables in files), Counter())

    found: dict[str, Counter[str]] = {}
    with RunningDemo(tmp_path, "--people", str(PEOPLE), "--seed", str(SEED), patience=400) as demo:
        for citizen in demo.ready["citizens"]:
            tokens = phone.sign_in(
                demo.base,
                citizen["sub"],
                client_id=demo.ready["client_id"],
                redirect_uri=demo.ready["redirect_uri"],
            )
            counted = found[citizen["sub"]] = Counter[str]()
            for node in nodes_of(demo.base, tokens.access_token):
                counted[node["__typename"]] += node["__typename"] != "DiagnosticReport"
                counted["result"] += len(node.get("results", ()))

    assert visits >= 2_000
    assert len(found) > PEOPLE * 0.8
    different = {sub: (+expected[sub] - +found[sub], +found[sub] - +expected[sub]) for sub in found}
    assert {sub: counts for sub, counts in different.items() if any(counts)} == {}
