"""Error codes are a closed list (standards row E2): on every path, in every language, for every kind of caller."""

from __future__ import annotations

import importlib
import pkgutil
import re
from typing import Any

import pytest
import strawberry
from graphql import GraphQLError

import auth
import ehb
import graphql_schema
from ehb.errors import Code, EhbError
from ehb.logs import family
from graphql_schema.errors import presented
from tests.builders import FACILITY, NATIONAL_ID, visit_file
from tests.house import House
from tests.test_architecture import call_of, roots, victim

PROBLEM = "application/problem+json"
DEMO = ("ehb.demo", "ehb.__main__")
"""Rooms that are no part of the API."""


def whole_family() -> list[type[EhbError]]:
    for package in (ehb, auth, graphql_schema):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.startswith(DEMO):
                importlib.import_module(module.name)
    return [one for one in family() if one.__module__.partition(".")[0] in ("ehb", "auth", "graphql_schema")]


def test_a_finer_code_is_the_nearest_of_the_list_in_graphql() -> None:
    by_name = {kind.__name__: kind.shared_code() for kind in whole_family()}

    assert by_name["OtherFacility"] is Code.FORBIDDEN
    assert by_name["StepUpRequired"] is Code.STEP_UP_REQUIRED
    assert by_name["TooLarge"] is Code.BAD_USER_INPUT
    assert by_name["TookTooLong"] is Code.INTERNAL


def test_details_of_an_error_never_replace_its_code() -> None:
    error = EhbError()
    error.details = {"code": "ANYTHING", "more": 1}

    shown = presented(GraphQLError("x", original_error=error), "en")

    assert shown["extensions"].pop("correlationId")
    assert shown["extensions"] == {"code": "INTERNAL", "more": 1}


FAULTY: tuple[Any, ...] = (
    {"query": "{"},
    {"query": ""},
    {"query": "{ nothing }"},
    {"query": "query A { me { kind } } query B { me { kind } }"},
    {"query": "query A { me { kind } }", "operationName": "B"},
    {"query": "subscription { bookChanged { time } }"},
    {"query": "query($n: Int!) { myAccessLog(first: $n) { nodes { id } } }", "variables": {"n": "x"}},
    {"query": "query($n: Int!) { myAccessLog(first: $n) { nodes { id } } }"},
    {"query": '{ myAccessLog(from: "never") { nodes { id } } }'},
    {"query": "{ me { kind } " + "a: me { kind } " * 40 + "}"},
    {"query": "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"},
    {"query": "{ me { kind } }" + " " * 100_001},
    {"documentId": "sha256:" + "0" * 64},
    {"documentId": "x"},
    {"query": 1},
    {"query": "{ me { kind } }", "variables": []},
    [],
    None,
)


def judged(answer: Any) -> list[str]:
    """The codes of one answer; every error has one, and a problem the codes of a problem."""
    body = answer.json()
    if answer.headers["content-type"].startswith(PROBLEM):
        assert set(body) >= {"type", "title", "status", "detail", "code"}, body
        assert body["status"] == answer.status_code
        assert body["code"] in {kind.code for kind in whole_family()}
        return [body["code"]]
    codes = [one["extensions"]["code"] for one in body.get("errors", ())]
    assert all(code in set(Code) for code in codes), body
    assert answer.status_code < 500, body
    return codes


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json", "text/event-stream"])
async def test_every_faulty_request_is_refused_with_a_code_of_the_list(house: House, accept: str) -> None:
    """Row E2."""
    token = await house.citizen(NATIONAL_ID)

    for asked in FAULTY:
        if accept == "text/event-stream" and "bookChanged" in str(asked):
            continue  # this one is no fault there
        for authorization in ({}, {"Authorization": f"Bearer {token}"}, {"Authorization": "Bearer nonsense"}):
            headers = {"Accept": accept, **authorization}
            answer = await house.http.post("/graphql", json=asked, headers=headers)
            if answer.headers["content-type"].startswith("text/event-stream"):
                found = re.findall(r'"code":\s*"([A-Z_]+)"', answer.text)
                assert found or "data" in answer.text, (asked, answer.text)
                assert set(found) <= set(Code), (asked, answer.text)
            else:
                assert judged(answer), (asked, answer.text)


@pytest.mark.parametrize("caller", ["anonymous", "stranger", "owner", "facility"])
async def test_every_root_answers_with_codes_of_the_list_alone(house: House, caller: str) -> None:
    """Row E2."""
    ids = await victim(house)
    tokens = {
        "anonymous": None,
        "stranger": await house.citizen("999185900009", "Lê Thị Lạ"),
        "owner": await house.citizen(NATIONAL_ID),
        "facility": await house.facility(FACILITY),
    }
    headers = {"Authorization": f"Bearer {tokens[caller]}"} if tokens[caller] else {}

    seen: set[str] = set()
    for operation, name, field in roots():
        for given in (ids.get(name, {"id": "x"}), {"id": "x"}, {"text": "\x00"}):
            query = call_of(operation, name, field, given)
            answer = await house.http.post("/graphql", json={"query": query}, headers=headers)
            seen |= set(judged(answer))

    assert seen
    assert "INTERNAL" not in seen


async def test_whatever_plain_http_refuses_is_a_problem_with_a_code(house: House) -> None:
    """Row E2."""
    token = await house.citizen(NATIONAL_ID)
    paths = {getattr(route, "path", "") for route in house.app.routes} | {"/", "/nothing", "/graphql/", "/auth"}

    for path in sorted(paths - {""}):
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            for headers in ({}, {"Authorization": f"Bearer {token}"}, {"Authorization": "x", "Accept-Language": "en"}):
                answer = await house.http.request(method, path.replace("{id}", "x"), headers=headers, content=b"{")
                assert answer.status_code < 500, (method, path)
                if answer.status_code >= 400 and not path.startswith("/auth/"):
                    assert answer.headers["content-type"].startswith(PROBLEM), (method, path, answer.text)
                    assert judged(answer)
                elif answer.status_code >= 400:  # OAuth's own shape, with our code in it
                    assert answer.json()["code"] in {kind.code for kind in whole_family()}, (method, path)


async def test_a_wrong_method_says_which_there_are_and_a_wrong_type_what_is_wrong(house: House) -> None:
    put = await house.http.put("/facility/submissions", content=visit_file())
    accept = await house.http.post("/graphql", json={"query": "{ me { kind } }"}, headers={"Accept": "image/png"})
    sent = await house.http.post("/graphql", content=b"x", headers={"Content-Type": "text/plain"})

    assert (put.status_code, put.headers["allow"], put.json()["code"]) == (405, "POST", "METHOD_NOT_ALLOWED")
    assert (accept.status_code, accept.json()["code"]) == (406, "NOT_ACCEPTABLE")
    assert (sent.status_code, sent.json()["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


SECRET = f"Nguyễn Thị Thử {NATIONAL_ID}"


@strawberry.type
class Wrong:
    """Answers values that are none of their types."""

    @strawberry.field
    def number(self) -> int:
        return SECRET  # type: ignore[return-value]

    @strawberry.field
    def words(self) -> str:
        return None  # type: ignore[return-value]

    @strawberry.field
    def many(self) -> list[str]:
        return 5  # type: ignore[return-value]

    @strawberry.field
    def code(self) -> Code:
        return SECRET  # type: ignore[return-value]

    @strawberry.field
    def first(self, number: int) -> int:
        return number


strawberry.enum(Code)


@pytest.mark.parametrize("field", ["number", "words", "many", "code"])
def test_a_value_that_we_should_not_have_answered_is_a_bug_and_not_quoted(field: str) -> None:
    """Row E4."""
    result = strawberry.Schema(query=Wrong).execute_sync(f"{{ {field} }}")
    assert result.errors

    shown = [presented(error, "en") for error in result.errors]

    assert [one["extensions"]["code"] for one in shown] == ["INTERNAL"]
    assert [one["message"] for one in shown] == [EhbError.en]
    assert NATIONAL_ID not in str(shown)


def test_an_argument_that_cannot_be_is_the_callers_fault() -> None:
    query = "query($n: Int) { first(number: $n) }"
    result = strawberry.Schema(query=Wrong).execute_sync(query, variable_values={"n": None})
    assert result.errors

    assert [presented(error, "en")["extensions"]["code"] for error in result.errors] == ["BAD_USER_INPUT"]
