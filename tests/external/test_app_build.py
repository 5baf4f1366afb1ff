"""An app built by Relay's compiler and by graphql-codegen: our schema suits both, what they write is trusted (row H7).

The builds are theirs, from the schema as it is committed; the manifests go through `ehb documents add`, and the app
then runs against a server that takes nothing but them.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.builders import FACILITY, NATIONAL_ID, visit_file
from tests.external.node import HERE, NODE, installed
from tests.house import House
from tests.running import ehb

SCHEMA = HERE.parents[1] / "graphql_schema" / "schema.graphql"
RELAY = ("relay-compiler/cli.js", "--noWatchman")
CODEGEN = ("@graphql-codegen/cli/cjs/bin.js", "--config", "codegen.json")
ASKING = {"Accept": "application/graphql-response+json", "Accept-Language": "en"}


@pytest.fixture
def changes() -> dict[str, Any]:
    return {"profile": "production"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app, built."""
    folder = tmp_path_factory.mktemp("build") / "app"
    shutil.copytree(HERE / "app", folder)
    shutil.copy(SCHEMA, folder)
    (folder / "node_modules").symlink_to(HERE / "node_modules")
    (folder / "relay" / "persisted.json").write_text("{}")  # Relay's compiler adds to what is there
    (folder / "relay" / "__generated__").mkdir()
    for place, (program, *arguments) in (("relay", RELAY), ("codegen", CODEGEN)):
        done = subprocess.run(
            [NODE, folder / "node_modules" / program, *arguments],
            cwd=folder / place,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


async def added(house: House, uri: str, manifest: Path) -> str:
    """What the operator sees who adds it."""
    settings = {"EHB_MONGO_URI": uri, "EHB_DATABASE": house.mongo.database.name}
    done = await asyncio.to_thread(lambda: ehb("documents", "add", manifest, **settings))
    assert done.returncode == 0, done.stderr
    return done.stdout


async def run(house: House, token: str, identifier: str, **variables: object) -> dict[str, Any]:
    """Send what the app sends; expect data."""
    answer = await house.http.post(
        "/graphql",
        json={"documentId": identifier, "variables": variables},
        headers={**ASKING, "Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 200, answer.text
    assert "errors" not in answer.json(), answer.text
    found: dict[str, Any] = answer.json()["data"]
    return found


@installed
async def test_row_h7_an_app_built_by_relay_runs(house: House, mongo_uri: str, app: Path) -> None:
    def id_of(operation: str) -> str:
        artifact = (app / "relay" / "__generated__" / f"{operation}.graphql.ts").read_text()
        [found] = re.findall(r'^    "id": "([0-9a-f]{32})"', artifact, re.M)
        return str(found)

    said = await added(house, mongo_uri, app / "relay" / "persisted.json")
    await house.submit(await house.facility(FACILITY), visit_file())
    token = await house.citizen(NATIONAL_ID)

    page = await run(house, token, id_of("TimelineQuery"), first=2, after=None, withPatient=True)
    edges = page["myHealthBook"]["timeline"]["edges"]
    rest = await run(house, token, id_of("TimelineQuery"), first=50, after=edges[1]["cursor"], withPatient=False)
    again = await run(house, token, id_of("TimelineRefetchQuery"), id=edges[0]["node"]["id"])
    terms = {"permit": False, "granteeKind": "FACILITY", "grantee": "99002"}
    blocked = await run(house, token, id_of("BlockMutation"), consent=terms)

    assert "4 new of 4" in said
    assert page["myHealthBook"]["patient"]["birthDate"]
    assert "patient" not in rest["myHealthBook"]
    assert rest["myHealthBook"]["timeline"]["edges"]
    assert again["node"]["id"] == edges[0]["node"]["id"]
    assert blocked["giveConsent"]["problems"] == []


@installed
async def test_row_h7_an_app_built_by_codegen_runs(house: House, mongo_uri: str, app: Path) -> None:
    manifest = app / "codegen" / "generated" / "persisted-documents.json"
    ids = {
        re.findall(r"(?:query|mutation) (\w+)", text)[0]: key for key, text in json.loads(manifest.read_text()).items()
    }

    said = await added(house, mongo_uri, manifest)
    facility = await house.facility(FACILITY)
    sent = (await house.submit(facility, visit_file())).json()

    assert "3 new of 3" in said
    assert (await run(house, facility, ids["WhoAmI"]))["me"]["kind"] == "FACILITY"
    assert len((await run(house, facility, ids["Hospitals"], first=1))["facilities"]["nodes"]) == 1
    retracted = await run(house, facility, ids["Retract"], id=sent["id"], reason="Nhập nhầm")
    assert retracted["retractSubmission"]["id"] == sent["id"]


@installed
async def test_what_the_build_did_not_write_does_not_run(house: House, mongo_uri: str, app: Path) -> None:
    await added(house, mongo_uri, app / "relay" / "persisted.json")

    for asked in ({"query": "{ me { kind } }"}, {"documentId": "f" * 32}):
        assert (await house.http.post("/graphql", json=asked, headers=ASKING)).status_code == 400
