"""Traces (standards row E5): a tree for each request, with nothing of anybody in it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from auth.eid_config import EidConfig
from auth.errors import ProviderUnavailable
from auth.key_sets import KeySets
from auth.outside import Outside
from auth.provider import Provider
from ehb.custodian import Custodian
from ehb.request_log import HEADER
from ehb.store.mongo import connect
from ehb.traces import NAMED, current, failed, first, say
from tests.builders import FACILITY, NATIONAL_ID, visit_file
from tests.house import BASE, Clock, House
from tests.sockets import talking
from tests.test_consent import OTHER_DOCTOR, doctor, world
from tests.test_log_leaks import lived
from tests.test_logs import NAME, SECRET, broken
from tests.test_streams import EVENTS
from tests.traces import Kept, kept

BOOK = "query($p: ID!) { healthBook(patient: $p, purpose: TREATMENT) { asOf timeline { nodes { id } } } }"
HOSTILE = {
    "traceparent": f"00-{'0' * 20}{NATIONAL_ID}-00f067aa0ba902b7-01",
    "tracestate": f"ehb={NATIONAL_ID}",
    "baggage": f"patient={NATIONAL_ID}",
}


@pytest.fixture(autouse=True)
def seen() -> Iterator[Kept]:
    """Before the house is built, as `ehb serve` does it."""
    with kept() as found:
        yield found


def of_request(seen: Kept, answer: httpx2.Response) -> ReadableSpan:
    """The first span of the request that was answered so."""
    [span] = [one for one in seen.spans if (one.attributes or {}).get("ehb.request") == answer.headers[HEADER]]
    return span


async def asked(house: House, token: str, query: str, **more: Any) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {token}", **more.pop("headers", {})}
    return await house.http.post("/graphql", json={"query": query, **more}, headers=headers)


async def test_a_whole_day_leaves_nothing_of_anybody_in_any_span(house: House, seen: Kept) -> None:
    """Row E5."""
    secrets = await lived(house)

    text = seen.text()
    assert len(secrets) > 20
    assert len(seen.spans) > 200
    assert {one for one in secrets if one in text or ascii(one)[1:-1] in text} == set()
    made_by_chance = r'"[a-z_]+_id": "0x[0-9a-f]+"|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'
    assert not re.search(r"\b[0-9]{9}\b|\b[0-9]{12}\b", re.sub(made_by_chance, "", text))
    names = {name for name, _ in NAMED.values()}
    for span in seen.spans:
        assert set(span.attributes or {}) <= names
        assert not re.search(r"[0-9]|\?", span.name), span.name
        assert not span.events
        assert not span.links
        assert span.status.description is None
        assert not any("?" in str(value) for value in (span.attributes or {}).values()), span.attributes


async def test_a_secret_in_a_span_is_found_by_that(house: House, seen: Kept) -> None:
    await house.http.get("/livez")
    [span] = seen.named("GET /livez")
    span._attributes = {"leaked": NAME}

    assert NAME in seen.text()


@pytest.mark.parametrize("word", sorted(NAMED))
@pytest.mark.parametrize("value", [SECRET, NATIONAL_ID, NAME, "EHB:P:ABCDEFGH", "a\nb", {"a": SECRET}, b"x", None])
def test_a_value_that_is_not_shaped_as_its_name_promises_is_not_kept(seen: Kept, word: str, value: object) -> None:
    one = first(f"read {NAME}")
    facts: dict[str, Any] = {word: value, "patient": value}
    say(one, **facts)
    one.end()

    [span] = seen.spans
    assert span.name == "?"
    assert dict(span.attributes or {}) == {NAMED[word][0]: "?"}


async def test_a_read_is_a_tree_from_the_request_to_the_database(house: House, seen: Kept) -> None:
    """Row E5."""
    citizen, _, _ = await world(house)

    answer = await asked(house, citizen, f"query Q{NATIONAL_ID} {{ mine: myHealthBook {{ asOf }} }}")

    root = of_request(seen, answer)
    assert (root.name, root.kind, root.parent) == ("POST /graphql", SpanKind.SERVER, None)
    assert dict(root.attributes or {}) == {
        "ehb.request": answer.headers[HEADER],
        "http.request.method": "POST",
        "http.route": "/graphql",
        "http.response.status_code": 200,
        "graphql.operation.type": "query",
        "ehb.roots": ("myHealthBook",),
        "ehb.kind": "CITIZEN",
    }
    assert seen.tree(root) == {
        "find sessions": {},
        "graphql": {
            "decide": {},
            "insert audit_events": {},
            "find people": {},
            "find records": {},
            "open records": {},
        },
    }
    [graphql] = [one for one in seen.under(root) if one.name == "graphql"]
    assert dict(graphql.attributes or {}) == {"graphql.operation.type": "query", "ehb.roots": ("myHealthBook",)}
    [command] = [one for one in seen.under(graphql) if one.name == "find records"]
    assert command.kind is SpanKind.CLIENT
    assert dict(command.attributes or {}) == {
        "db.system.name": "mongodb",
        "db.operation.name": "find",
        "db.collection.name": "records",
    }


async def test_a_refusal_names_its_code_and_is_no_failure(house: House, seen: Kept) -> None:
    _, _, book = await world(house)
    stranger = await doctor(house, OTHER_DOCTOR, "000088/TEST-CCHN", "99002")

    root = of_request(seen, await asked(house, stranger, BOOK, variables={"p": book}))

    [graphql] = [one for one in seen.under(root) if one.name == "graphql"]
    [decide] = [one for one in seen.under(graphql) if one.name == "decide"]
    assert (decide.attributes or {})["ehb.codes"] == (root.attributes or {})["ehb.codes"] == ("FORBIDDEN",)
    assert {one.name for one in seen.under(decide)} >= {"find grants", "insert audit_events"}
    assert {one.status.status_code for one in (root, graphql, decide)} == {StatusCode.UNSET}


async def test_a_bug_is_its_type_and_its_place(house: House, seen: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    token, facility = await house.citizen(NATIONAL_ID), await house.facility(FACILITY)
    monkeypatch.setattr(Custodian, "read", broken)
    monkeypatch.setattr(Custodian, "receipt", broken)

    answers = [await asked(house, token, "{ myHealthBook { asOf } }")]
    bearer = {"Authorization": f"Bearer {facility}"}
    answers.append(await house.http.get("/facility/submissions/x", headers=bearer))

    for answer, status in zip(answers, (200, 500), strict=True):
        root = of_request(seen, answer)
        attributes = dict(root.attributes or {})
        assert (root.status.status_code, root.status.description) == (StatusCode.ERROR, None)
        assert attributes["http.response.status_code"] == status
        assert attributes["error.type"] == "RuntimeError"
        assert str(attributes["ehb.place"]).startswith("test_logs.py:")
        assert attributes["ehb.codes"] == ("INTERNAL",)
        assert not root.events
    assert "HIV" not in seen.text()


async def test_a_command_that_fails_says_the_kind_of_the_failure(seen: Kept, mongo_uri: str) -> None:
    mongo, request = connect(mongo_uri, "test_traces"), first("GET /livez")
    with current(request), pytest.raises(Exception, match=NATIONAL_ID):
        await mongo.database["people"].find_one({f"${NATIONAL_ID}": NAME})
    request.end()
    await mongo.close()

    [command] = seen.named("find people")
    assert command.status.status_code is StatusCode.ERROR
    assert (command.attributes or {})["error.type"] == "BadValue"
    assert NATIONAL_ID not in seen.text()


async def test_what_a_caller_says_about_traces_changes_nothing(house: House, seen: Kept) -> None:
    """Row E5."""
    token = await house.citizen(NATIONAL_ID)

    plain = await asked(house, token, "{ me { kind } }")
    hostile = await asked(house, token, "{ me { kind } }", headers=HOSTILE)

    one, other = of_request(seen, plain), of_request(seen, hostile)
    assert other.parent is None
    assert other.context is not None
    assert one.context is not None
    assert not other.context.trace_state
    assert one.context.trace_id != other.context.trace_id
    assert seen.tree(one) == seen.tree(other)
    assert set(plain.headers) == set(hostile.headers)
    assert not set(hostile.headers) & set(HOSTILE)
    assert NATIONAL_ID not in seen.text()


async def test_odd_methods_and_paths_are_not_named(house: House, seen: Kept) -> None:
    root = of_request(seen, await house.http.request(NATIONAL_ID, f"/{NATIONAL_ID}"))

    assert root.name == "HTTP other"
    assert (root.attributes or {})["http.request.method"] == "_OTHER"


async def test_what_the_eid_is_asked_is_told_by_what_it_is_for(house: House, seen: Kept) -> None:
    await house.citizen(NATIONAL_ID)

    found = {one.name: one for one in seen.spans if one.name.startswith("eid ")}
    assert set(found) == {"eid discovery", "eid token", "eid jwks"}
    assert dict(found["eid token"].attributes or {}) == {
        "ehb.wanted": "token",
        "http.request.method": "POST",
        "http.response.status_code": 200,
    }
    [callback] = seen.named("GET /auth/callback")
    assert found["eid token"] in seen.under(callback)
    assert house.provider.issuer not in seen.text()


async def test_an_eid_that_does_not_answer_is_a_failure(seen: Kept) -> None:
    nobody = "http://127.0.0.1:9"
    config = EidConfig(issuer=nobody, client_id="ehb", callback_url=f"{BASE}/auth/callback", allow_http=True)
    provider, request = Provider(config, Clock()), first("GET /auth/login")
    with current(request), pytest.raises(ProviderUnavailable):
        await provider.metadata()
    request.end()
    await provider.close()

    [asking] = seen.named("eid discovery")
    assert asking.status.status_code is StatusCode.ERROR
    assert (asking.attributes or {})["error.type"] == "ProviderUnavailable"
    assert str((asking.attributes or {})["ehb.place"]).startswith("provider.py:")


async def test_fetching_the_keys_of_a_facility_is_a_span_without_their_address(house: House, seen: Kept) -> None:
    async def nowhere(host: str, port: int) -> list[str]:
        raise OSError(host)

    request = first("POST /auth/token")
    with current(request):
        key_sets = KeySets(Outside(resolve=nowhere), house.clock)
        held = key_sets._held("https://keys.example.vn/jwks.json")
        await key_sets._fetch(held, "https://keys.example.vn/jwks.json")
    request.end()

    [fetch] = seen.named("facility keys")
    assert fetch.kind is SpanKind.CLIENT
    assert (fetch.attributes or {})["error.type"] == "FetchRefused"
    assert "example" not in seen.text()


async def test_a_stream_is_a_span_that_ends_and_its_idle_time_leaves_none(
    house: House, server: str, seen: Kept
) -> None:
    token = await house.citizen(NATIONAL_ID)
    headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
    async with (
        httpx2.AsyncClient() as http,
        http.stream("POST", f"{server}/graphql", json={"query": EVENTS}, headers=headers) as stream,
    ):
        lines = stream.aiter_lines()
        await anext(lines)
        await asyncio.sleep(4)
    await _until(lambda: any("subscription" in str(one.attributes) for one in seen.named("POST /graphql")))

    [root] = [one for one in seen.named("POST /graphql") if "subscription" in str(one.attributes)]
    [graphql] = [one for one in seen.under(root) if one.name == "graphql"]
    assert (graphql.attributes or {})["ehb.roots"] == ("accessEvents",)
    assert {one.name for one in seen.under(graphql)} == {"decide", "find people", "insert audit_events"}
    assert not [one for one in seen.spans if "getMore" in one.name]
    assert len([one for one in seen.under(root) if "sessions" in one.name]) == 1


async def test_each_subscription_of_a_socket_is_a_span_of_it(house: House, server: str, seen: Kept) -> None:
    token = await house.citizen(NATIONAL_ID)

    async with talking(server, token) as talk:
        for name in ("1", "2"):
            await talk.subscribe(EVENTS, name)
        await asyncio.sleep(0.5)
        await house.submit(await house.facility(FACILITY), visit_file())
        await house.data(token, "{ myHealthBook { asOf } }")
        heard: set[str] = set()
        while heard != {"1", "2"}:
            heard.add((await talk.hear())["id"])
    await _until(lambda: seen.named("GET /graphql"))

    [root] = seen.named("GET /graphql")
    assert (root.attributes or {})["http.response.status_code"] == 101
    followed = [one for one in seen.under(root) if one.name == "graphql"]
    assert len(followed) == 2
    assert all("decide" in seen.tree(one) for one in followed)
    assert {one.end_time is None for one in seen.spans} == {False}


async def _until(claim: Any) -> None:
    async with asyncio.timeout(10):
        while not claim():  # noqa: ASYNC110  the server sees a moment later that nobody listens
            await asyncio.sleep(0.02)


async def test_nothing_is_kept_outside_of_a_request(house: House, seen: Kept) -> None:
    await house.mongo.database["people"].find_one({})
    failed(RuntimeError(SECRET))

    assert seen.spans == []
    assert not type(trace.get_tracer_provider()).__module__.startswith("opentelemetry.sdk")
