"""The two profiles: what production refuses, and what a developer has instead (rows H4, L4, L5)."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

import pytest
from graphql import get_introspection_query

from tests.house import House

ASKING = {"Accept": "application/graphql-response+json", "Accept-Language": "en"}
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
INTROSPECTION = [
    get_introspection_query(),
    "{ __schema { queryType { name } } }",
    '{ __type(name: "Query") { name } }',
    '{ me { kind } ...x } fragment x on Query { a: __type(name: "Me") { name } }',
]


class TestProduction:
    @pytest.fixture
    def changes(self) -> dict[str, Any]:
        return {"profile": "production", "trusted_documents": False}

    @pytest.mark.parametrize("query", INTROSPECTION)
    async def test_row_l4_introspection_is_off(self, house: House, query: str) -> None:
        """Row L4."""
        answer = await house.http.post("/graphql", json={"query": query}, headers=ASKING)

        assert answer.status_code == 400
        assert "Introspection is off" in answer.json()["errors"][0]["message"]

    async def test_a_type_name_is_no_introspection(self, house: House) -> None:
        assert await house.ask(None, "{ __typename me { __typename } }") == {
            "data": {"__typename": "Query", "me": {"__typename": "Me"}}
        }

    async def test_rows_h4_and_l5_there_is_no_get_neither_for_queries_nor_for_a_page(self, house: House) -> None:
        for headers in (ASKING, BROWSER):
            for params in ({}, {"query": "{ me { kind } }"}):
                answer = await house.http.get("/graphql", params=params, headers=headers)
                assert answer.status_code == 405
                assert answer.headers["allow"] == "POST"
                assert "<script" not in answer.text


async def test_row_l4_a_developer_reads_the_whole_schema(house: House) -> None:
    """Row L4."""
    [standard, *others] = INTROSPECTION

    for query in (standard, *others):
        assert "errors" not in await house.ask(None, query), query


async def test_row_l5_the_page_is_wholly_from_our_origin_and_its_policy_lets_nothing_else_in(house: House) -> None:
    """Row L5."""
    answer = await house.http.get("/graphql", headers=BROWSER)

    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    [script] = re.findall(r"<script>(.*?)</script>", answer.text, re.S)
    [style] = re.findall(r"<style>(.*?)</style>", answer.text, re.S)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert policy == {
        "default-src": "'none'",
        "script-src": digest(script),
        "style-src": digest(style),
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert not re.search(r"(src|href)\s*=|https?://|\bon[a-z]+\s*=\s*[\"']|style=|innerHTML|eval\(", answer.text)
    assert answer.headers["cache-control"] == "no-store"


def digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


async def test_the_questions_that_the_page_asks_are_ones_that_we_answer(house: House) -> None:
    page = (await house.http.get("/graphql", headers=BROWSER)).text
    kinds = re.search(r"KINDS = `(.*?)`", page, re.S)
    asked = re.search(r"ASKED = `(.*?)`", page, re.S)
    assert kinds is not None
    assert asked is not None

    answer = await house.ask(None, asked[1].replace("${KINDS}", kinds[1]))

    assert "errors" not in answer
    assert "HealthBook" in {one["name"] for one in answer["data"]["__schema"]["types"]}


GET: list[tuple[dict[str, str], int]] = [
    ({"query": "{ me { kind } }"}, 200),
    ({"query": "query($c: String!) { facility(code: $c) { code } }", "variables": '{"c": "99001"}'}, 200),
    ({"query": "query A { me { kind } } query B { me { name } }", "operationName": "A"}, 200),
    ({"query": "{ me { kind } }", "extensions": "{}"}, 200),
    ({"query": 'mutation { approveConsent(id: "x") { id } }'}, 405),
    ({"query": 'query A { me { kind } } mutation B { approveConsent(id: "x") { id } }', "operationName": "B"}, 405),
    ({"query": "subscription { bookChanged { facility } }"}, 400),
    ({"query": "{ nothing }"}, 400),
    ({"query": "{ me { kind } }", "variables": "{"}, 400),
    ({"query": "{ me { kind } }", "variables": "[]"}, 400),
    ({"query": ""}, 400),
    ({}, 400),
    ({"documentId": "sha256:" + "0" * 64}, 400),
]


@pytest.mark.parametrize(("params", "status"), GET)
async def test_row_h4_get_asks_and_never_changes_anything(house: House, params: dict[str, str], status: int) -> None:
    """Row H4."""
    answer = await house.http.get("/graphql", params=params, headers=ASKING)

    assert answer.status_code == status
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers.get("allow") == ("POST" if status == 405 else None)


async def test_row_h4_no_mutation_goes_by_get_as_a_stream_either(house: House) -> None:
    """Row H4."""
    params = {"query": 'mutation { approveConsent(id: "x") { id } }'}

    answer = await house.http.get("/graphql", params=params, headers={"Accept": "text/event-stream"})

    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
