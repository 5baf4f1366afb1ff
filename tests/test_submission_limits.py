"""Who may not come in is refused before any work: no body is read, nothing is parsed, nothing is validated."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx2
import pytest
from graphql import build_schema, parse

from ehb import routes
from ehb.formats import fhir, visit_xml
from ehb.store.store import KEPT_REFUSED
from graphql_schema import limits
from graphql_schema.limits import MAX_SAME_NAME, Judge, merges_too_many
from tests.builders import FACILITY, NATIONAL_ID, visit_file
from tests.house import House

XML = {"Content-Type": "application/xml"}
OVERLAPPING = "{ myHealthBook { timeline { nodes { " + "code { coding { system } } " * 240 + "} } } }"


async def post(house: House, token: str | None, content: Any, **headers: str) -> httpx2.Response:
    bearer = {"Authorization": f"Bearer {token}"} if token else {}
    return await house.http.post("/facility/submissions", content=content, headers={**XML, **bearer, **headers})


@pytest.mark.parametrize("who", ["anonymous", "citizen", "wrong type", "wrong parameter"])
async def test_body_of_a_caller_who_may_not_send_is_never_read(
    house: House, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    monkeypatch.setattr(routes, "body_of", lambda *_: pytest.fail("the body was read"))
    token = {"anonymous": None, "citizen": await house.citizen(NATIONAL_ID)}.get(who, await house.facility(FACILITY))
    url = "/facility/submissions?dryrun=1" if who == "wrong parameter" else "/facility/submissions"
    kind = "text/plain" if who == "wrong type" else "application/xml"
    headers = {"Content-Type": kind, **({"Authorization": f"Bearer {token}"} if token else {})}

    answer = await house.http.post(url, content=b"<a/>", headers=headers)

    expected = {"anonymous": 401, "citizen": 403, "wrong type": 415, "wrong parameter": 400}
    assert answer.status_code == expected[who]


async def test_refused_sender_leaves_an_event_and_a_sender_leaves_one_for_the_visit(house: House) -> None:
    events = house.mongo.database["audit_events"]
    citizen, facility = await house.citizen(NATIONAL_ID), await house.facility(FACILITY)

    await post(house, citizen, visit_file())
    refused = await events.count_documents({"action": "SUBMIT", "outcome": "DENY"})
    await post(house, facility, visit_file())
    permitted = await events.count_documents({"action": "SUBMIT", "outcome": "PERMIT"})

    assert (refused, permitted) == (1, 1)


@pytest.mark.parametrize("kind", ["xml", "tables", "fhir"])
async def test_file_of_too_many_elements_is_refused_before_it_is_parsed(kind: str) -> None:
    if kind == "fhir":
        assert {one.rule for one in fhir.read(b'{"a":[' + b"0," * 700_000 + b"0]}", FACILITY).problems} == {
            "fhir.too_many"
        }
        return
    many = b"<a/>" * 350_000
    body = b"<GIAMDINHHS>" + many * (2 if kind == "xml" else 1) + b"</GIAMDINHHS>"
    rules = {one.rule for one in visit_xml.read(body).problems}
    assert ("xml.too_many" in rules) is (kind == "xml")


@pytest.mark.parametrize("changes", [{"facility_points": 2_000}])
async def test_more_files_than_the_points_of_a_sender_wait(house: House) -> None:
    token = await house.facility(FACILITY)

    answers = [await post(house, token, visit_file({"MA_LK": f"LK-{nth}"})) for nth in range(4)]

    assert answers[0].status_code == 201
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0


async def test_bytes_of_refused_files_are_kept_up_to_a_quota(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ehb.store.store.KEPT_REFUSED", replace(KEPT_REFUSED, most=3_000))
    token = await house.facility(FACILITY)
    faulty = b"<GIAMDINHHS>" + b"x" * 2_000 + b"</GIAMDINHHS>"

    receipts = [(await post(house, token, faulty + b" " * nth)).json() for nth in range(3)]
    sizes = [len(one["sealed"]) async for one in house.mongo.database["submissions"].find().sort("received", 1)]

    assert {one["status"] for one in receipts} == {"REJECTED"}
    assert sizes[1] == sizes[2] < sizes[0]
    headers = {"Authorization": f"Bearer {token}"}
    again = await house.http.get(f"/facility/submissions/{receipts[2]['id']}", headers=headers)
    assert again.json()["problems"] == receipts[2]["problems"]


# GraphQL


def test_document_of_many_equal_names_is_refused_before_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "validate", lambda *_, **__: pytest.fail("it was validated"))

    judged = Judge(introspection=True).judged(build_schema("type Query { a: Int }"), OVERLAPPING)

    assert f"more than {MAX_SAME_NAME} fields of one name" in judged.problems[0].message


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("{ a { " + "b " * 50 + "} }", False),
        ("{ a { " + "b " * 51 + "} }", True),
        ("{ " + "a { b b b b b b b } " * 8 + "}", True),
        ("{ a { ...F " + "b " * 30 + "} } fragment F on T { " + "b " * 30 + "}", True),
        ("{ a { ... on T { " + "b " * 30 + "} ... on U { " + "b " * 30 + "} } }", True),
        ("{ " + " ".join(f"x{n}: a {{ b }}" for n in range(60)) + " }", False),
        ("{ a { ...F } } fragment F on T { b ...F }", False),
    ],
    ids=["at the limit", "over it", "merged one level up", "in a fragment", "inline", "aliases apart", "a circle"],
)
def test_names_are_counted_as_they_are_merged(text: str, refused: bool) -> None:
    assert merges_too_many(parse(text)) is refused


async def test_anonymous_callers_have_a_budget_by_address(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from graphql_schema import allowance

    monkeypatch.setattr(allowance, "UNKNOWN_ADDRESS", replace(allowance.UNKNOWN_ADDRESS, most=20_000))
    asked = {"query": "{ facilities(first: 5) { nodes { code } } }"}

    answers = [await house.http.post("/graphql", json=asked) for _ in range(60)]

    codes = [one.json().get("errors", [{}])[0].get("extensions", {}).get("code") for one in answers]
    assert codes[0] is None
    assert codes[-1] == "RATE_LIMITED"
    assert answers[-1].headers["retry-after"]


# Headers


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/livez"),
        ("GET", "/readyz"),
        ("GET", "/metrics"),
        ("GET", "/graphql"),
        ("POST", "/graphql"),
        ("POST", "/facility/submissions"),
        ("GET", "/.well-known/jwks.json"),
        ("GET", "/.well-known/smart-configuration"),
        ("GET", "/auth/login"),
        ("GET", "/auth/callback"),
        ("POST", "/auth/token"),
        ("GET", "/nowhere"),
        ("DELETE", "/livez"),
    ],
)
async def test_every_answer_forbids_guessing_its_type(house: House, method: str, path: str) -> None:
    answer = await house.http.request(method, path)

    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
