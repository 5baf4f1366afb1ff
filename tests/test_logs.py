"""The log (standards rows E4, E5): one line for each request, found by its id, with nothing of anybody in it."""

from __future__ import annotations

import ast
import asyncio
import io
import json
import logging
import uuid
import warnings
from pathlib import Path
from typing import Any

import httpx2
import pytest

from ehb.custodian import Custodian
from ehb.errors import Unavailable
from ehb.logs import NAMED, configure, log, only_named
from ehb.request_log import HEADER, new_id, note
from tests.builders import FACILITY, NATIONAL_ID, visit_file
from tests.house import House
from tests.logs import written

ROOT = Path(__file__).parents[1]
NAME = "Nguyễn Thị Thử"
SECRET = f"{NAME} {NATIONAL_ID} has HIV"


def test_what_is_not_named_is_not_written_and_the_line_says_what_was_dropped() -> None:
    """Row E5."""
    with written() as out:
        log.warning("something", status=200, patient=SECRET, query="{ me }")

    [line] = out.lines
    assert line["status"] == 200
    assert line["dropped"] == ["patient", "query"]
    assert set(line) == {"event", "status", "dropped", "level", "logger", "time"}


@pytest.mark.parametrize("name", sorted(NAMED))
@pytest.mark.parametrize(
    "value",
    [SECRET, NATIONAL_ID, NAME, "eyJhbGciOiJFUzI1NiJ9.e30.c2ln", "EHB:P:ABCDEFGH", "a\nb", {"a": SECRET}, b"x", None],
)
def test_a_value_that_is_not_shaped_as_its_name_promises_is_not_written(name: str, value: object) -> None:
    line = only_named(None, "", {"event": "x", name: value, "level": "info"})
    listed = only_named(None, "", {"event": "x", name: [value]})

    assert line[name] == "?"
    assert listed[name] == ["?"]


def calls_of_the_log() -> list[tuple[str, ast.Call]]:
    found = []
    for room in ("ehb", "auth", "graphql_schema"):
        for path in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    owner = ast.unparse(node.func.value)
                    if owner in ("log", "_log") and node.func.attr in logging.getLevelNamesMapping().keys() | {
                        one.lower() for one in logging.getLevelNamesMapping()
                    } | {"exception"}:
                        found.append((f"{path.relative_to(ROOT)}:{node.lineno}", node))
    return found


def test_every_line_of_our_own_is_words_that_stand_in_the_source_and_named_values() -> None:
    calls = calls_of_the_log()

    assert len(calls) > 10
    for place, call in calls:
        assert isinstance(call.args[0], ast.Constant), place
        for keyword in call.keywords:
            assert keyword.arg is None or keyword.arg in NAMED or keyword.arg == "extra", (place, keyword.arg)


@pytest.mark.parametrize("of", ["pymongo.command", "httpx2", "auth.oidc", "uvicorn.error", "asyncio"])
def test_what_fills_in_the_words_of_a_library_and_what_an_exception_says_is_not_written(of: str) -> None:
    with written(libraries=logging.DEBUG) as out:
        logging.getLogger(of).warning("asked for %s", SECRET)
        logging.getLogger(of).warning("asked for it", extra={"patient": SECRET, "code": "CONFLICT"})
        try:
            raise ValueError(SECRET)
        except ValueError:
            logging.getLogger(of).exception("it failed")

    assert len(out.lines) == 3
    assert out.lines[1]["code"] == "CONFLICT"
    assert (out.lines[2]["error"], out.lines[2]["place"].partition(":")[0]) == ("ValueError", "test_logs.py")
    for part in (NAME, NATIONAL_ID, "HIV"):
        assert part not in out.getvalue()


def test_a_traceback_that_the_server_passes_on_is_not_written() -> None:
    with written() as out:
        logging.getLogger("uvicorn.error").error(f"Traceback (most recent call last):\n  ValueError: {SECRET}")
        logging.getLogger("uvicorn.error").error(f"Bad request {NATIONAL_ID}")
        logging.getLogger("uvicorn.error").error("Invalid HTTP request received.")

    assert [line["event"] for line in out.lines] == ["of a library"] * 2 + ["Invalid HTTP request received."]
    assert NATIONAL_ID not in out.getvalue()


def test_a_warning_of_python_is_heard_without_what_it_quotes() -> None:
    with written() as out, warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(SECRET, stacklevel=1)

    assert out.lines[0]["event"] == "of a library"
    assert NATIONAL_ID not in out.getvalue()


def test_a_terminal_gets_lines_for_people() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    with written():
        configure("INFO", terminal := Terminal())
        log.info("request", status=200, patient=SECRET)

    assert "status" in terminal.getvalue()
    assert not terminal.getvalue().startswith("{")
    assert NATIONAL_ID not in terminal.getvalue()


async def test_a_request_is_one_line_with_its_route_its_caller_and_what_came_of_it(house: House) -> None:
    """Row E5."""
    token = await house.citizen(NATIONAL_ID, NAME)
    receipt = (await house.submit(await house.facility(FACILITY), visit_file())).json()["id"]

    with written("INFO") as out:
        answer = await house.http.post(
            f"/graphql?code={NATIONAL_ID}",
            json={
                "query": f"query Nguyen999{NATIONAL_ID} {{ mine: me {{ name }} myHealthBook {{ asOf }} }}",
                "variables": {"x": SECRET},
            },
            headers={"Authorization": f"Bearer {token}"},
        )
        await house.http.get(f"/facility/submissions/{receipt}", headers={"Authorization": f"Bearer {token}"})
        await house.http.request(NATIONAL_ID, f"/{NATIONAL_ID}")

    asked, refused, odd = out.of("request")
    assert len(out.lines) == 3
    assert (asked["method"], asked["route"], asked["status"]) == ("POST", "/graphql", 200)
    assert (asked["operation"], asked["roots"], asked["kind"]) == ("query", ["me", "myHealthBook"], "CITIZEN")
    assert asked["session"] == refused["session"] != "?"
    assert asked["milliseconds"] > 0
    assert asked["request"] == answer.headers[HEADER]
    assert (refused["route"], refused["status"], refused["codes"]) == (
        "/facility/submissions/{id}",
        403,
        ["FORBIDDEN"],
    )
    assert (odd["method"], odd["route"], odd["status"]) == ("other", "other", 404)
    for part in (NAME, NATIONAL_ID, "Nguyen999", receipt, token, "mine"):
        assert part not in out.getvalue()


async def test_a_stream_is_one_line_when_it_ends(house: House, server: str) -> None:
    token = await house.citizen(NATIONAL_ID)

    with written("INFO") as out:
        async with (
            httpx2.AsyncClient() as http,
            http.stream(
                "POST",
                f"{server}/graphql",
                json={"query": "subscription { accessEvents { text } }"},
                headers={"Authorization": f"Bearer {token}", "Accept": "text/event-stream"},
            ) as stream,
        ):
            await anext(stream.aiter_lines())
            assert out.of("request") == []
        async with asyncio.timeout(10):
            while not out.of("request"):  # noqa: ASYNC110  the server sees a moment later that nobody listens
                await asyncio.sleep(0.02)

    [line] = out.of("request")
    assert (line["operation"], line["roots"], line["status"]) == ("subscription", ["accessEvents"], 200)


GIVEN = new_id()


def test_an_id_that_looks_like_a_number_of_a_person_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made = iter([uuid.UUID(f"00000000-0000-4000-8000-{NATIONAL_ID}"), uuid.UUID(GIVEN)])
    monkeypatch.setattr(uuid, "uuid4", lambda: next(made))

    assert new_id() == GIVEN


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ([GIVEN], True),
        ([GIVEN, GIVEN], False),
        ([NATIONAL_ID], False),
        ([f"00000000-0000-4000-8000-{NATIONAL_ID}"], False),
        ([GIVEN.upper()], False),
        ([f"{GIVEN}\x20x"], False),
        (["eyJhbGciOiJFUzI1NiJ9.e30.c2ln"], False),
        ([""], False),
        (["a" * 10_000], False),
    ],
)
async def test_an_id_of_the_caller_is_taken_only_when_it_is_one_made_at_random(
    house: House, given: list[str], *, taken: bool
) -> None:
    with written("INFO") as out:
        answer = await house.http.get("/livez", headers=[(HEADER, one) for one in given])

    assert (answer.headers[HEADER] in given) is taken
    assert out.lines[0]["request"] == answer.headers[HEADER]
    assert uuid.UUID(answer.headers[HEADER])


async def broken(*_: Any, **__: Any) -> None:
    raise RuntimeError(SECRET)


async def test_a_bug_has_one_id_in_the_answer_the_header_and_the_log_row_e4(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row E4."""
    token, facility = await house.citizen(NATIONAL_ID), await house.facility(FACILITY)
    monkeypatch.setattr(Custodian, "read", broken)
    monkeypatch.setattr(Custodian, "receipt", broken)

    with written("INFO") as out:
        asked = await house.http.post(
            "/graphql", json={"query": "{ myHealthBook { asOf } }"}, headers={"Authorization": f"Bearer {token}"}
        )
        plain = await house.http.get("/facility/submissions/x", headers={"Authorization": f"Bearer {facility}"})

    extensions = asked.json()["errors"][0]["extensions"]
    assert extensions == {"code": "INTERNAL", "correlationId": asked.headers[HEADER]}
    assert (plain.status_code, plain.json()["code"]) == (500, "INTERNAL")
    assert plain.json()["correlationId"] == plain.headers[HEADER]
    bugs = {line["request"]: line for line in out.of("bug")}
    assert list(bugs) == [asked.headers[HEADER], plain.headers[HEADER]]
    assert all(line["error"] == "RuntimeError" for line in bugs.values())
    assert all(line["place"].startswith("test_logs.py:") for line in bugs.values())
    assert [line["codes"] for line in out.of("request")] == [["INTERNAL"], ["INTERNAL"]]
    for text in (out.getvalue(), asked.text, plain.text):
        assert not any(part in text for part in (NAME, NATIONAL_ID, "HIV"))


async def test_every_line_that_is_written_in_a_request_carries_its_id(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any, **__: Any) -> None:
        log.error("the database failed")
        logging.getLogger("pymongo").warning("it is away")
        raise Unavailable

    token = await house.citizen(NATIONAL_ID)
    monkeypatch.setattr(Custodian, "read", away)

    with written("INFO") as out:
        answer = await house.ask(token, "{ myHealthBook { asOf } }")

    assert len(out.lines) == 3
    assert {line["request"] for line in out.lines} == {answer["errors"][0]["extensions"]["correlationId"]}


def test_nothing_is_noted_outside_of_a_request() -> None:
    note(kind="CITIZEN", code="CONFLICT")

    with written() as out:
        log.info("request")

    assert "kind" not in json.loads(out.getvalue())
