"""The house keeps its shape (HOUSE §4 and §5): types, wiring, imports, order, and a sweep over every way in.

Each guard is shown to bite: a violation is planted, in a copy or in a text, and must be caught.
"""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    get_named_type,
)
from starlette.routing import Route, WebSocketRoute

from graphql_schema.schema import make_schema
from tests.builders import FACILITY, NATIONAL_ID, visit_file
from tests.house import House

ROOT = Path(__file__).parents[1]
SOURCES = sorted(path for folder in ("ehb", "auth", "graphql_schema") for path in (ROOT / folder).rglob("*.py"))


def calls_of(name: str, source: str) -> list[int]:
    """Lines on which `name` is called, by whatever path it is reached."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Name) and node.func.id == name)
            or (isinstance(node.func, ast.Attribute) and node.func.attr == name)
        )
    ]


def test_a_permit_is_made_by_the_decision_and_nowhere_else() -> None:
    makers = {path.relative_to(ROOT).as_posix() for path in SOURCES if calls_of("Permit", path.read_text())}

    assert makers == {"ehb/domain/access.py"}


@pytest.mark.parametrize("planted", ["Permit(ground)", "access.Permit(**everything)", "x = [Permit() for _ in y]"])
def test_a_planted_permit_is_caught(planted: str) -> None:
    assert calls_of("Permit", planted)


def test_a_permit_is_not_copied_into_a_wider_one() -> None:
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("replace") and node.args:
                assert "permit" not in ast.unparse(node.args[0]).lower(), f"{path}:{node.lineno}"


def test_the_store_is_opened_for_the_custodian_and_for_nobody_else() -> None:
    makers = {path.relative_to(ROOT).as_posix() for path in SOURCES if calls_of("Store", path.read_text())}
    source = (ROOT / "ehb/app.py").read_text()

    assert makers == {"ehb/app.py"}
    assert source.count("Store(") == source.count("Custodian(Store(") == 1


def methods_without_permit(source: str, owner: str) -> set[str]:
    """Public methods of a class that take no parameter annotated `Permit`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef) and node.name == owner:
            for method in node.body:
                if isinstance(method, ast.AsyncFunctionDef) and not method.name.startswith("_"):
                    kinds = {ast.unparse(given.annotation) for given in method.args.args if given.annotation}
                    if "Permit" not in kinds:
                        found.add(method.name)
    return found


def test_every_way_into_the_store_takes_a_permit() -> None:
    """Row L8."""
    source = (ROOT / "ehb/store/store.py").read_text()

    assert methods_without_permit(source, "Store") == {
        "record_event",
        "facility_in_force",  # public master data, as are the next two
        "role_in_force",
        "practitioner_known",
        "spend",  # counts how often somebody asked, before anything is opened
    }
    shelf = (ROOT / "ehb/store/consents.py").read_text()
    assert methods_without_permit(shelf, "ConsentShelf") == {
        "standing",  # what the decision itself needs; only the door asks for it
        "blind_number",  # of the number that the caller brings
    }
    assert methods_without_permit((ROOT / "ehb/store/guardians.py").read_text(), "GuardianShelf") == set()
    assert methods_without_permit((ROOT / "ehb/store/access_log.py").read_text(), "AccessLog") == set()
    shelf = (ROOT / "ehb/store/presentations.py").read_text()
    assert methods_without_permit(shelf, "PresentationShelf") == {
        "presented",  # takes the digest of 160 random bits that only the code holds
    }


def test_a_planted_store_method_without_a_permit_is_caught() -> None:
    planted = "    async def dump(self, patient_id: bytes) -> None: ...\n\n    async def record_event"
    source = (ROOT / "ehb/store/store.py").read_text().replace("    async def record_event", planted)

    assert "dump" in methods_without_permit(source, "Store")


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command; lint_imports_command()",
            "--no-cache",
        ],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


PLANTED = [
    ("graphql_schema/book.py", "import ehb.store.records"),
    ("ehb/services/book.py", "import ehb.store.store"),
    ("ehb/custodian/custodian.py", "import ehb.store.people"),
    ("auth/routes.py", "import ehb.custodian"),
    ("auth/sessions.py", "import ehb.domain.records"),
    ("ehb/domain/access.py", "import pymongo"),
    ("ehb/domain/book.py", "import ehb.services.book"),
    ("ehb/services/book.py", "import ehb.services.identity"),
    ("ehb/store/records.py", "import ehb.custodian"),
    ("ehb/routes.py", "import graphql_schema.book"),
    ("ehb/formats/visit_xml.py", "import ehb.settings"),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy")
    for name in ("ehb", "auth", "graphql_schema"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_the_import_contracts_hold(copy: Path) -> None:
    checked = lint_imports(copy)

    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(("place", "planted"), PLANTED)
def test_a_planted_import_is_caught(copy: Path, place: str, planted: str) -> None:
    file = copy / place
    clean = file.read_text()

    file.write_text(clean + f"\n{planted}\n")
    checked = lint_imports(copy)
    file.write_text(clean)

    assert checked.returncode == 1, checked.stdout + checked.stderr
    assert "BROKEN" in checked.stdout


BLOCK = """mutation { giveConsent(consent: {permit: false, granteeKind: FACILITY, grantee: "99002"}) {
  consent { id } problems { code } } }"""
SHOW = "mutation { startPresentation(presentation: {sections: [CONDITIONS]}) { code presentation { id } } }"
OWN_IDS = "{ myHealthBook { patientId timeline(first: 1) { nodes { id } } } }"
OWN_ROOTS = {
    "me",
    "myHealthBook",
    "myConsents",
    "giveConsent",
    "bookId",
    "myPresentations",
    "myEmergencies",
    "myWards",
    "myGuardians",
    "myAccessLog",
}
"""Roots that answer about the caller alone. Every other root must refuse a stranger."""
PUBLIC_ROOTS = {
    "consentText": "puts the caller's own terms into words, with names from the public registry",
    "consentVocabulary": "the words of consents and the scopes of the public registry",
    "facility": "master data: facilities and their scope are published (Decree 102/2025 Art 15)",
    "facilities": "master data, as above",
    "practitioner": "master data: practising licences are published; no identity number is shown",
}
"""Roots that answer nobody in particular, each with the reason. They reach no custodian, so nothing of a person."""
PUBLIC_ROUTES = {
    "/auth/login",
    "/auth/callback",
    "/auth/token",
    "/auth/revoke",
    "/auth/logout",
    "/auth/logged-out",
    "/auth/backchannel-logout",
    "/auth/client-jwks.json",
    "/.well-known/smart-configuration",
    "/.well-known/oauth-authorization-server",
    "/.well-known/jwks.json",
    "/livez",
    "/readyz",
    "/metrics",
}
"""Routes that ask for no principal; none of them reaches the custodian but through a finished login."""


def roots() -> Iterator[tuple[str, str, GraphQLField]]:
    schema = make_schema()._schema
    for operation, kind in (("query", schema.query_type), ("mutation", schema.mutation_type)):
        assert isinstance(kind, GraphQLObjectType)
        for name, field in kind.fields.items():
            yield operation, name, field


def value_for(kind: Any, ids: dict[str, str]) -> Any:
    """A literal that the type accepts, with the victim's own ids wherever an id fits."""
    if isinstance(kind, GraphQLNonNull):
        return value_for(kind.of_type, ids)
    if isinstance(kind, GraphQLList):
        return "[]"
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    if isinstance(kind, GraphQLInputObjectType):
        inner = ", ".join(
            f"{name}: {value_for(field.type, ids)}"
            for name, field in kind.fields.items()
            if (isinstance(field.type, GraphQLNonNull) and field.default_value in (None, ...)) or name == "identifier"
        )
        return f"{{{inner}}}"
    text = ids.get("text", "1985")
    return {"ID": f'"{ids.get("id", "x")}"', "Boolean": "false", "Int": "1"}.get(kind.name, f'"{text}"')


def call_of(operation: str, name: str, field: GraphQLField, ids: dict[str, str]) -> str:
    required = {key: value for key, value in field.args.items() if isinstance(value.type, GraphQLNonNull)}
    given = {key: value for key, value in required.items() if value.default_value in (None, ...) or key == "input"}
    arguments = ", ".join(f"{key}: {value_for(value.type, ids)}" for key, value in given.items())
    arguments = ids.get("arguments", arguments)
    arguments = ", ".join(part for part in (arguments, ids.get("optional", "")) if part)
    selection = "" if not hasattr(get_named_type(field.type), "fields") else " { __typename }"
    return f"{operation} {{ {name}{f'({arguments})' if arguments else ''}{selection} }}"


async def victim(house: House) -> dict[str, dict[str, str]]:
    """A person with a book, and for every root the ids with which one would try to get at it."""
    receipt = (await house.submit(await house.facility(FACILITY), visit_file())).json()
    token = await house.citizen(NATIONAL_ID)
    own = (await house.data(token, "{ myHealthBook { patientId timeline(first: 1) { nodes { id } } } }"))[
        "myHealthBook"
    ]
    consent = (await house.data(token, BLOCK))["giveConsent"]["consent"]
    shown = (await house.data(token, SHOW))["startPresentation"]
    return {
        "healthBook": {"id": own["patientId"]},
        "record": {"id": own["timeline"]["nodes"][0]["id"]},
        "node": {"id": own["timeline"]["nodes"][0]["id"]},
        "nodes": {"arguments": f'ids: ["{own["timeline"]["nodes"][0]["id"]}"]'},
        "submission": {"id": receipt["id"]},
        "restrictRecord": {"id": own["timeline"]["nodes"][0]["id"]},
        "liftRestriction": {"id": own["timeline"]["nodes"][0]["id"]},
        "withdrawConsent": {"id": consent["id"]},
        "approveConsent": {"id": consent["id"]},
        "openInEmergency": {"id": own["patientId"], "text": "a reason that is long enough"},
        "endPresentation": {"id": shown["presentation"]["id"]},
        "openPresentation": {"text": shown["code"]},
        "disputeAccess": {"text": "not me", "optional": f'patient: "{own["patientId"]}"'},
        "accessProof": {"optional": f'patient: "{own["patientId"]}"'},
        "previewBook": {"arguments": f'viewer: {{kind: FACILITY, facility: "99001"}}, patient: "{own["patientId"]}"'},
        "startPresentation": {"optional": f'patient: "{own["patientId"]}"'},
    }


@pytest.mark.parametrize("caller", ["anonymous", "stranger"])
async def test_every_root_field_refuses_whoever_has_no_legal_ground(house: House, caller: str) -> None:
    """Rows E3, L8."""
    ids = await victim(house)
    token = await house.citizen("999185900009", "Lê Thị Lạ") if caller == "stranger" else None
    denied = {"outcome": "DENY"}

    for operation, name, field in roots():
        if name == "me" or name in PUBLIC_ROOTS or (caller == "stranger" and name in OWN_ROOTS):
            continue
        before = await house.mongo.database["audit_events"].count_documents(denied)
        answer = await house.ask(token, call_of(operation, name, field, ids.get(name, {"id": "x"})))
        after = await house.mongo.database["audit_events"].count_documents(denied)

        given = [
            one for value in (answer.get("data") or {}).values() for one in ([value], value)[isinstance(value, list)]
        ]
        assert not any(given), name
        code = answer["errors"][0]["extensions"]["code"]
        assert code in ({"UNAUTHENTICATED"} if caller == "anonymous" else {"FORBIDDEN", "NOT_FOUND"}), (name, answer)
        assert after - before == (1 if caller == "stranger" else 0), name


def test_a_public_root_never_comes_near_the_door() -> None:
    sources = [(ROOT / f"{room}/registry.py").read_text() for room in ("graphql_schema", "ehb/services", "ehb/store")]

    assert {name for _, name, _ in roots()} >= set(PUBLIC_ROOTS)
    assert not any("custodian" in line for source in sources for line in source.splitlines() if "import" in line)
    assert not any("context.custodian" in source for source in sources)


async def test_nobody_is_told_who_they_are_not(house: House) -> None:
    answer = await house.ask(None, "{ me { kind name patientId abilities } }")

    assert answer["data"]["me"] == {"kind": "ANONYMOUS", "name": None, "patientId": None, "abilities": []}


async def test_every_route_refuses_whoever_has_no_legal_ground(house: House) -> None:
    ids = await victim(house)
    stranger = {"Authorization": f"Bearer {await house.citizen('999185900009', 'Lê Thị Lạ')}"}
    other_facility = {"Authorization": f"Bearer {await house.facility('99002')}"}

    for route in house.app.routes:
        if isinstance(route, WebSocketRoute):
            assert route.path == "/graphql"  # tests/test_transport_ws.py
            continue
        assert isinstance(route, Route)
        if route.path in PUBLIC_ROUTES or route.path == "/graphql":
            continue
        path = route.path.replace("{id}", ids["submission"]["id"])
        for method in (route.methods or set()) - {"HEAD"}:
            for headers, allowed in (({}, {401}), (stranger, {403, 404}), (other_facility, {403, 404})):
                answer = await house.http.request(
                    method, path, headers={**headers, "Content-Type": "application/xml"}, content=visit_file()
                )
                assert answer.status_code in allowed, (method, path, answer.status_code)
                assert answer.headers["content-type"] == "application/problem+json"
