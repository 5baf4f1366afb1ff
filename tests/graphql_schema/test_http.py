"""GraphQL over HTTP: media types, status codes, and what an error tells."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from ehb.custodian import Custodian
from tests.builders import FACILITY, NATIONAL_ID, visit_file
from tests.house import House
from tests.logs import written

RESPONSE = "application/graphql-response+json"
ME = {"query": "{ me { kind } }"}


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        (RESPONSE, RESPONSE),
    ],
)
async def test_the_answer_comes_in_the_media_type_that_was_asked_for(
    house: House, accept: str | None, answered: str
) -> None:
    """Rows H1, H5."""
    answer = await house.http.post("/graphql", json=ME, headers={"Accept": accept} if accept else {"Accept": ""})

    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"{answered}; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "query", ["{", "{ nothing }", "query($x: Int!) { me { kind } }", "{ me { kind } } query B { me { kind } }"]
)
async def test_a_faulty_request_is_400_without_data(house: House, query: str) -> None:
    """Rows G2, H2."""
    answer = await house.http.post("/graphql", json={"query": query}, headers={"Accept": RESPONSE})

    assert answer.status_code == 400
    assert "data" not in answer.json()
    assert all(error["extensions"]["code"] == "BAD_USER_INPUT" for error in answer.json()["errors"])


async def test_a_faulty_request_is_200_for_old_clients_and_still_without_data(house: House) -> None:
    """Row G2."""
    answer = await house.http.post("/graphql", json={"query": "{ nothing }"}, headers={"Accept": "application/json"})

    assert answer.status_code == 200
    assert "data" not in answer.json()


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"{}", "application/json", 400),
        (b'{"query": 1}', "application/json", 400),
        (b'{"query": "{ me { kind } }", "variables": []}', "application/json", 400),
        (b'{"query": "{ me { kind } }"}', "text/plain", 415),
        (b"query=x", "application/x-www-form-urlencoded", 415),
        (b'{"query": "' + b" " * 2_000_001 + b'"}', "application/json", 413),
    ],
)
async def test_what_is_no_request_is_refused_before_it_is_parsed(
    house: House, content: bytes, kind: str, status: int
) -> None:
    """Row H3. Row H8."""
    answer = await house.http.post("/graphql", content=content, headers={"Content-Type": kind})

    assert answer.status_code == status


async def test_a_media_type_that_we_do_not_speak_is_406(house: House) -> None:
    answer = await house.http.post("/graphql", json=ME, headers={"Accept": "text/html"})

    assert answer.status_code == 406


async def test_a_bad_token_is_401_and_never_an_anonymous_call(house: House) -> None:
    answer = await house.http.post("/graphql", json=ME, headers={"Authorization": "Bearer nonsense"})

    assert answer.status_code == 401
    assert answer.json()["code"] == "UNAUTHENTICATED"
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


@pytest.mark.parametrize(
    "query",
    [
        "{ " + "".join(f"a{number}: me {{ kind }} " for number in range(40)) + "}",
        "{ " + "me { kind } " * 700 + "}",
        "{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }",
    ],
)
async def test_a_document_that_is_too_wide_or_too_deep_is_refused(house: House, query: str) -> None:
    """Row L1."""
    answer = await house.ask(None, query)

    assert "data" not in answer
    assert answer["errors"]


async def test_messages_come_in_the_language_that_was_asked_for(house: House) -> None:
    vietnamese = await house.ask(None, "{ myHealthBook { asOf } }", language="vi")
    english = await house.ask(None, "{ myHealthBook { asOf } }", language="en")

    assert vietnamese["errors"][0]["message"] == "Bạn cần đăng nhập."
    assert english["errors"][0]["message"] == "You need to sign in."


async def test_a_bug_is_masked_and_neither_answer_nor_log_says_what_it_said(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows H5, E4."""

    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("Nguyễn Thị Thử 999185000001 has HIV")

    await house.submit(await house.facility(FACILITY), visit_file())
    token = await house.citizen(NATIONAL_ID)
    monkeypatch.setattr(Custodian, "read", broken)

    with written(libraries=logging.DEBUG) as out:
        answer = await house.ask(token, "{ myHealthBook { asOf } }")

    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "INTERNAL"
    assert error["extensions"]["correlationId"] in out.getvalue()
    assert "HIV" not in str(answer)
    assert "HIV" not in out.getvalue()


async def test_a_page_size_out_of_range_and_an_unknown_kind_are_said_in_words(house: House) -> None:
    """Row R5."""
    token = await house.citizen(NATIONAL_ID)

    for arguments in ("first: 0", "first: 101", "first: -1", 'kinds: ["Nonsense"]', 'after: "made up"'):
        answer = await house.ask(token, f"{{ myHealthBook {{ timeline({arguments}) {{ nodes {{ id }} }} }} }}")
        assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT", arguments


async def test_lists_are_narrowed_by_day_facility_and_kind(house: House) -> None:
    first, second = await house.facility(FACILITY), await house.facility("99002")
    await house.submit(first, visit_file())
    await house.submit(second, visit_file({"NGAY_VAO": "202609010800", "NGAY_RA": "202609010900"}, facility="99002"))
    token = await house.citizen(NATIONAL_ID)

    async def seen(arguments: str) -> list[dict[str, Any]]:
        wanted = "nodes { time provenance { facility { code } } }"
        query = f"{{ myHealthBook {{ timeline({arguments}) {{ {wanted} }} }} }}"
        nodes: list[dict[str, Any]] = (await house.data(token, query))["myHealthBook"]["timeline"]["nodes"]
        return nodes

    visits = await seen('kinds: ["Encounter"]')
    here = await seen('facility: "99002", kinds: ["Encounter"]')
    october = await seen('from: "2026-10-05", to: "2026-10-05", kinds: ["Encounter"]')
    nothing = await seen('from: "2026-10-06", kinds: ["Encounter"]')

    assert [visit["provenance"]["facility"]["code"] for visit in visits] == [FACILITY, "99002"]
    assert [visit["provenance"]["facility"]["code"] for visit in here] == ["99002"]
    assert [visit["time"][:10] for visit in october] == ["2026-10-05"]
    assert nothing == []


@pytest.mark.parametrize("name", ["000İ", "permi", "İ" * 10_000])
async def test_a_variable_of_an_unknown_name_is_refused_without_a_guess(house: House, name: str) -> None:
    """The letter İ is two when it is small, and a guesser that counts letters fell over it. Row E6."""
    variables = {"terms": {"permit": False, "granteeKind": "ANYBODY", name: None}}

    answer = await house.ask(
        None, "mutation($terms: ConsentInput!) { giveConsent(consent: $terms) { problems { code } } }", variables
    )

    assert {one["extensions"]["code"] for one in answer["errors"]} == {"BAD_USER_INPUT"}
    assert "Did you mean" not in answer["errors"][0]["message"]


async def test_nothing_is_released_when_the_trail_cannot_be_written(house: House) -> None:
    await house.submit(await house.facility(FACILITY), visit_file())
    token = await house.citizen(NATIONAL_ID)
    await house.mongo.database.command(
        "collMod", "audit_events", validator={"never": {"$exists": True}}, validationLevel="strict"
    )

    answer = await house.ask(token, "{ myHealthBook { patient { fullName } } }")

    assert answer["data"] is None
    assert answer["errors"][0]["extensions"]["code"] == "INTERNAL"


async def test_probes_and_metrics_say_how_it_goes_and_name_nobody(house: House) -> None:
    await house.ask(await house.citizen(NATIONAL_ID), "{ me { name } }")

    live, ready = await house.http.get("/livez"), await house.http.get("/readyz")
    metrics = (await house.http.get("/metrics")).text

    assert (live.status_code, ready.status_code) == (200, 200)
    assert 'ehb_http_requests_total{route="/graphql",status="200"}' in metrics
    assert NATIONAL_ID not in metrics
