"""Generated operations against the running house (PyPI schemathesis): no bug, and no error without a code (row E2).

It lives in an environment of its own, from its own lock; `make` makes it where PyPI can be reached.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ehb.errors import Code
from tests.builders import FACILITY, NATIONAL_ID, visit_file
from tests.house import House
from tests.test_architecture import BLOCK, SHOW
from tests.test_architecture import roots as every_root
from tests.test_consent import doctor

HERE = Path(__file__).parent
TOOL = Path(sys.executable).parents[1] / "schemathesis" / "bin" / "st"
SCHEMA = HERE.parents[1] / "graphql_schema" / "schema.graphql"
EXAMPLES = int(os.environ.get("EHB_EXAMPLES", "120"))
OF_FACILITIES = ("Mutation.submitVisitSummary", "Mutation.retractSubmission", "Query.submission", "Query.mySubmissions")
WITHOUT_ARGUMENTS = {"Query.me", "Query.myWards"}
"""Of these there is not so much to make up."""
PATIENCE = 900
"""Seconds for one caller, at most: making things up is what takes long, and machines differ by a factor of two."""

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(2 * PATIENCE + 60),
    pytest.mark.skipif(not TOOL.exists(), reason="schemathesis is not installed: PyPI could not be reached from here"),
]


@pytest.fixture
def changes() -> dict[str, Any]:
    return {"person_points": 2_000_000_000, "facility_points": 2_000_000_000}


async def ids_of(house: House, token: str) -> list[str]:
    """Ids of a book and of everything in it and about it."""
    own = (await house.data(token, "{ myHealthBook { patientId timeline(first: 3) { nodes { id } } } }"))[
        "myHealthBook"
    ]
    consent = (await house.data(token, BLOCK))["giveConsent"]["consent"]["id"]
    shown = (await house.data(token, SHOW))["startPresentation"]["presentation"]["id"]
    log = (await house.data(token, "{ myAccessLog(first: 1) { nodes { id } } }"))["myAccessLog"]["nodes"]
    return [own["patientId"], consent, shown, *(one["id"] for one in [*own["timeline"]["nodes"], *log])]


async def generated(url: str, token: str, ids: list[str], folder: Path, *arguments: str) -> Counter[str]:
    """Run schemathesis to its end: how many operations it made of each root. Fails with what it found."""
    report = folder / "report.ndjson"
    command: list[str | Path] = [
        TOOL, "run", SCHEMA, "--url", url, "-H", f"Authorization:Bearer {token}", "-H", "Accept-Language:en",
        "--checks", "typed", "--phases", "fuzzing", "--max-examples", str(EXAMPLES), "--seed", "1", "--workers", "2",
        "--report", "ndjson", "--report-ndjson-path", report, "--suppress-health-check", "all", "--no-color",
        *arguments,
    ]  # fmt: skip
    environment = {
        **os.environ,
        "EHB_CODES": " ".join(Code),
        "EHB_IDS": json.dumps(ids),
        "SCHEMATHESIS_HOOKS": str(HERE / "schemathesis_checks.py"),
    }
    running = await asyncio.create_subprocess_exec(
        *command, env=environment, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        said, _ = await asyncio.wait_for(running.communicate(), PATIENCE)
    except TimeoutError:
        running.kill()
        raise
    assert running.returncode == 0, said.decode()[-6_000:]
    return asked_in(report)


def asked_in(report: Path) -> Counter[str]:
    """How many operations each root was asked with, by the report of schemathesis."""
    asked: Counter[str] = Counter()
    for line in report.read_text().splitlines():
        recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder") or {}
        asked[recorder.get("label", "")] += len(recorder.get("interactions", ()))
    return asked


async def test_nothing_that_can_be_generated_meets_a_bug(house: House, server: str, tmp_path: Path) -> None:
    """Row E2, and row E4 the other way round: what is no bug is not answered as one."""
    receipt = (await house.submit(await house.facility(FACILITY), visit_file())).json()["id"]
    clinician = await doctor(house, NATIONAL_ID, "000077/TEST-CCHN", FACILITY)
    ids = await ids_of(house, clinician)

    others = ("--exclude-name", OF_FACILITIES[0])  # what takes longest to make up is made up for who may send it
    asked = await generated(f"{server}/graphql", clinician, ids, tmp_path, *others)
    only = [part for name in OF_FACILITIES for part in ("--include-name", name)]
    sent = await generated(f"{server}/graphql", await house.facility(FACILITY), [receipt], tmp_path, *only)

    roots = {f"{operation.capitalize()}.{name}" for operation, name, _ in every_root()}
    enough = {name for name, count in (asked + sent).items() if count >= EXAMPLES // 2}
    assert enough >= roots - WITHOUT_ARGUMENTS
