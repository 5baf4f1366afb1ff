"""Each class of attack in the OWASP GraphQL cheat sheet, tried from outside as its attacker would.

The profile is the developer's, where most is open; what production closes besides is in test_profile and
test_trusted_documents. Limits one by one are in test_limits, test_cost, test_allowance and test_timeout.
"""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import pytest

from ehb.custodian import door
from ehb.domain.provision import Action
from graphql_schema.limits import MAX_ERRORS
from tests.builders import FACILITY, NATIONAL_ID, visit_file
from tests.house import House
from tests.test_architecture import PUBLIC_ROOTS, call_of, roots
from tests.test_consent import world

ASKING = {"Accept": "application/graphql-response+json", "Accept-Language": "en"}
ME = "{ me { kind } }"
STRANGER = ("999185900009", "Lê Thị Lạ")


async def answered(house: House, query: str, token: str | None = None, **variables: Any) -> tuple[int, dict[str, Any]]:
    headers = ASKING if token is None else {**ASKING, "Authorization": f"Bearer {token}"}
    answer = await house.http.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
    found: dict[str, Any] = answer.json()
    return answer.status_code, found


def codes(answer: dict[str, Any]) -> set[str]:
    return {str(error["extensions"]["code"]) for error in answer.get("errors", ())}


INJECTED = [
    "' || '1'=='1",
    '{"$gt": ""}',
    "$where: sleep(5000)",
    "'; return true; //",
    "../../etc/passwd",
    "\x00",
    "<script>alert(1)</script>",
    "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>",
    "${7*7}{{7*7}}",
    ".*",
    "\u202e\ufeff\u0130",
    "9" * 10_000,
]


@pytest.mark.parametrize("text", INJECTED, ids=range(len(INJECTED)))
async def test_injection_every_root_takes_any_text_as_text(house: House, text: str) -> None:
    await house.submit(await house.facility(FACILITY), visit_file())
    token = await house.citizen(*STRANGER)
    written = json.dumps(text)[1:-1]

    for operation, name, field in roots():
        query = call_of(operation, name, field, {"id": written, "text": written})
        _, answer = await answered(house, query, token)
        assert "INTERNAL" not in codes(answer), (name, answer)
        assert "etc/passwd" not in str(answer) or "root:" not in str(answer)


@pytest.mark.parametrize("value", [{"$ne": None}, {"$regex": "^9"}, ["x"], True, 1.5])
async def test_injection_an_operator_of_the_database_is_no_text(house: House, value: Any) -> None:
    token = await house.citizen(NATIONAL_ID)

    for query in ("query($x: String!) { bookId(number: $x) }", "query($x: String!) { facility(code: $x) { code } }"):
        status, answer = await answered(house, query, token, x=value)
        assert status == 400
        assert codes(answer) == {"BAD_USER_INPUT"}


def _chain(below: str, kind: str) -> str:
    """Sixty fragments, each with the next one below it."""
    links = (f"fragment f{n} on {kind} {{ {below.format(n + 1)} }}" for n in range(60))
    return " ".join([*links, f"fragment f60 on {kind} {{ __typename }}"])


DOS = {
    "depth": ("levels deep", "{ myHealthBook { timeline { edges { node { " + "code { " * 12 + "text" + " }" * 17),
    "depth by fragments": ("levels deep", "{ me { ...f0 } } " + _chain("me {{ ...f{} }}", "Me")),
    "amount": ("points", "{ myHealthBook { timeline(first: 1000000) { nodes { id } } } }"),
    "amount through ids": ("points", "{ nodes(ids: [" + '"x",' * 900 + "]) { id } }"),
    "aliases": ("30 aliases", "{ me { " + " ".join(f"a{n}: kind" for n in range(40)) + " } }"),
    "aliases of a root": ("10 root fields", "{ " + " ".join(f"a{n}: me {{ kind }}" for n in range(11)) + " }"),
    "the same field again and again": ("one name", "{ me { " + "kind " * 1_990 + "} }"),
    "fragments that double": ("5000 fields", "{ ...f0 } " + _chain("...f{0} ...f{0}", "Query")),
    "fragments in a circle": ("itself via", "{ me { ...a } } fragment a on Me { ...b } fragment b on Me { ...a }"),
    "a fragment in itself": ("within itself", "{ me { ...a } } fragment a on Me { kind ...a }"),
    "directives": ("2000 tokens", "{ me { kind " + "@include(if: true) " * 400 + "} }"),
    "directives that are none": ("30 directives", "{ me { kind " + "@a " * 900 + "} }"),
    "circular introspection": (
        "introspection depth",
        "{ __schema { types " + "{ fields { type " * 5 + "{ name } " + "} } " * 5 + "} }",
    ),
    "introspection many times": (
        "2 introspection fields",
        "{ " + " ".join(f"a{n}: __schema {{ types {{ name }} }}" for n in range(9)) + " }",
    ),
    "tokens": ("2000 tokens", "{ me { kind } }" + " " + "# \n" * 10 + "fragment a on Me { kind } " * 300),
    "nesting of values": ("nested too deeply", "{ facility(code: " + "[" * 900 + "]" * 900 + ") { code } }"),
    "a long document": ("too large", "{ me { kind } } #" + "x" * 1_000_000),
    "variables": ("never used", "query(" + " ".join(f"$a{n}: Int" for n in range(400)) + ") { me { kind } }"),
}


@pytest.mark.parametrize(("said", "query"), DOS.values(), ids=DOS)
async def test_denial_of_service_is_refused_quickly_and_without_data(house: House, said: str, query: str) -> None:
    token = await house.citizen(NATIONAL_ID)

    begun = time.process_time()
    status, answer = await answered(house, query, token)
    taken = time.process_time() - begun

    assert status in (400, 413)
    assert "data" not in answer
    assert said in answer["errors"][0]["message"]
    assert codes(answer) <= {"BAD_USER_INPUT", "COST_EXCEEDED"}
    assert taken < 5  # not a figure of speed: each of these is meant to take for ever


@pytest.mark.parametrize("body", [b"[]", b'[{"query": "{ me { kind } }"}]', json.dumps([{"query": ME}] * 500).encode()])
async def test_batching_arrays_of_requests_are_refused(house: House, body: bytes) -> None:
    """Row H8."""
    answer = await house.http.post("/graphql", content=body, headers={**ASKING, "Content-Type": "application/json"})

    assert answer.status_code == 400
    assert "data" not in answer.text


async def test_batching_by_aliases_spends_the_budget_of_numbers_as_often(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nine guesses in one operation are nine guesses, and when one is over the budget none is answered."""
    _, doctor, _ = await world(house)
    found = {"action": Action.FIND_PATIENT.value, "outcome": "PERMIT"}
    events = house.mongo.database["audit_events"]
    before = await events.count_documents(found)
    monkeypatch.setattr(door, "BUDGETS", {action: replace(one, most=4) for action, one in door.BUDGETS.items()})

    _, answer = await answered(
        house, "{ " + " ".join(f'a{n}: bookId(number: "{NATIONAL_ID}")' for n in range(9)) + " }", doctor
    )

    assert answer["data"] is None
    assert codes(answer) == {"RATE_LIMITED"}
    assert all(1 <= error["extensions"]["retryAfter"] <= 3_600 for error in answer["errors"])
    assert await events.count_documents(found) - before <= 4 - before


SUGGESTED = [
    "{ m { kind } }",
    "{ me { kin } }",
    "{ facility(cod: 1) { code } }",
    "{ healthBook(patient: 1, purpose: TREATMEN) { asOf } }",
    "query($x: Strin) { me { kind } }",
    "{ me { kind @includ(if: true) } }",
    "{ ... on Quer { me { kind } } }",
    "mutation { giveConsent(consent: {permi: true}) { problems { code } } }",
]


@pytest.mark.parametrize("query", SUGGESTED)
async def test_suggestions_no_error_helps_to_guess_a_name(house: House, query: str) -> None:
    """Row E6."""
    status, answer = await answered(house, query)

    assert status == 400
    assert "mean" not in str(answer)


async def test_excessive_errors_there_are_few_and_they_show_nothing_of_the_inside(house: House) -> None:
    status, answer = await answered(
        house, "{ " + " ".join(f"nothing{n}" for n in range(9)) + " me { " + "x " * 900 + "} }"
    )

    assert status == 400
    assert 1 <= len(answer["errors"]) <= MAX_ERRORS + 1
    for word in ("Traceback", ".py", "strawberry", "graphql-core", "mongo", "pymongo", "File "):
        assert word not in str(answer)


async def test_bola_no_id_opens_what_is_somebody_elses(house: House) -> None:
    """Every id that the owner can read, on every root that takes ids, for a stranger and for another facility."""
    receipt = (await house.submit(await house.facility(FACILITY), visit_file())).json()
    owner, stranger = await house.citizen(NATIONAL_ID), await house.citizen(*STRANGER)
    book = (await house.data(owner, "{ myHealthBook { patientId timeline { nodes { id } } } }"))["myHealthBook"]
    ids = [book["patientId"], receipt["id"], *(node["id"] for node in book["timeline"]["nodes"][:2])]
    other = await house.facility("99002")

    for operation, name, field in roots():
        if name in PUBLIC_ROOTS or operation == "mutation":
            continue
        for one in ids:
            for token in (stranger, other):
                _, answer = await answered(house, call_of(operation, name, field, {"id": one}), token)
                assert "INTERNAL" not in codes(answer), (name, answer)
                assert NATIONAL_ID not in str(answer)
                if "ids" in field.args or "id" in field.args or ("patient" in field.args and name == "healthBook"):
                    assert not any(_given(answer)), (name, answer)


def _given(answer: dict[str, Any]) -> list[Any]:
    return [
        one for value in (answer.get("data") or {}).values() for one in (value if isinstance(value, list) else [value])
    ]


FORMS = [
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "",
    "text/plain; application/json",
]


@pytest.mark.parametrize("kind", FORMS)
async def test_csrf_no_form_of_another_site_is_a_request(house: House, kind: str) -> None:
    token = await house.citizen(NATIONAL_ID)
    body = json.dumps({"query": 'mutation { approveConsent(id: "x") { id } }'}).encode()

    answer = await house.http.post(
        "/graphql", content=body, headers={"Content-Type": kind, "Authorization": f"Bearer {token}"}
    )

    assert answer.status_code == 415


async def test_csrf_a_cookie_is_nobody_and_no_other_site_may_read_an_answer(house: House) -> None:
    token = await house.citizen(NATIONAL_ID)

    cookie = await house.http.post(
        "/graphql", json={"query": ME}, headers={"Cookie": f"token={token}; session={token}"}
    )
    preflight = await house.http.options(
        "/graphql", headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    )

    assert cookie.json() == {"data": {"me": {"kind": "ANONYMOUS"}}}
    assert preflight.status_code == 405
    for answer in (cookie, preflight):
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert "set-cookie" not in answer.headers


async def test_csrf_a_link_changes_nothing(house: House) -> None:
    """Row H4, with a token that a careless client might put into its headers for all requests."""
    token = await house.citizen(NATIONAL_ID)
    mutation = (
        'mutation { giveConsent(consent: {permit: false, granteeKind: FACILITY, grantee: "99002"}) { consent { id } } }'
    )

    answer = await house.http.get(
        "/graphql", params={"query": mutation}, headers={**ASKING, "Authorization": f"Bearer {token}"}
    )

    assert answer.status_code == 405
    assert await house.data(token, "{ myConsents { id } }") == {"myConsents": []}


class TestProduction:
    @pytest.fixture
    def changes(self) -> dict[str, Any]:
        return {"profile": "production", "trusted_documents": False}

    async def test_introspection_and_ide_are_off(self, house: House) -> None:
        """Rows L4 and L5."""
        status, answer = await answered(house, "{ __schema { types { name } } }")
        page = await house.http.get("/graphql", headers={"Accept": "text/html"})

        assert (status, "data" in answer) == (400, False)
        assert page.status_code == 405
