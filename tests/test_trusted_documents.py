"""Trusted documents (row H7): added whole or not at all, run by id, and in production nothing else runs."""

from __future__ import annotations

import asyncio
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ehb.domain.trusted_documents import TrustedDocument, document_id
from ehb.errors import BadInput, Conflict, NotFound, UnknownDocument
from ehb.formats import document_manifest
from ehb.store.mongo import Mongo
from ehb.store.trusted_documents import TrustedDocuments
from graphql_schema.trusted_documents import Documents
from tests.builders import NATIONAL_ID
from tests.house import House
from tests.running import ehb

NOW = datetime(2026, 11, 20, tzinfo=UTC)
ME = "query Me { me { kind } }"
KIND = "query Kind($code: String!) { facility(code: $code) { code } }"
UNKNOWN = "sha256:" + "0" * 64
ASKING = {"Accept": "application/graphql-response+json", "Accept-Language": "en"}


def digest(algorithm: str, text: str) -> str:
    return hashlib.new(algorithm, text.encode()).hexdigest()


def test_the_id_is_that_of_the_appendix_for_its_own_example() -> None:
    text = "query ($id: ID!) {\n  user(id: $id) {\n    name\n  }\n}"

    assert document_id(text) == "sha256:7dba4bd717b41f10434822356a93c32b1fb4907b983e854300ad839f84cdcd6e"


@pytest.mark.parametrize(
    ("manifest", "aliases"),
    [
        ({digest("md5", ME): ME}, (digest("md5", ME),)),
        ({digest("sha1", ME): ME}, (digest("sha1", ME),)),
        ({digest("sha256", ME): ME}, (digest("sha256", ME),)),
        ({f"sha256:{digest('sha256', ME)}": ME}, ()),
        ({"me-1.0": ME, "me-1.1": ME}, ("me-1.0", "me-1.1")),
        (
            {
                "format": "apollo-persisted-query-manifest",
                "version": 1,
                "operations": [{"id": digest("sha256", ME), "name": "Me", "type": "query", "body": ME}],
            },
            (digest("sha256", ME),),
        ),
    ],
    ids=["relay md5", "codegen sha1", "sha256", "prefixed", "names", "apollo"],
)
def test_row_h7_each_manifest_is_read(manifest: dict[str, Any], aliases: tuple[str, ...]) -> None:
    assert document_manifest.read(json.dumps(manifest).encode()) == [TrustedDocument(ME, aliases=aliases)]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'"x"',
        json.dumps({digest("md5", "x"): ME}).encode(),
        json.dumps({digest("sha256", "x"): ME}).encode(),
        json.dumps({f"sha256:{digest('sha256', 'x')}": ME}).encode(),
        json.dumps({"sha256:abc": ME}).encode(),
        json.dumps({"x-mine:1": ME}).encode(),
        json.dumps({"": ME}).encode(),
        json.dumps({"a b": ME}).encode(),
        json.dumps({"a": ""}).encode(),
        json.dumps({"a": {"text": ME}}).encode(),
        json.dumps({"format": "apollo-persisted-query-manifest", "version": 1}).encode(),
        json.dumps({"format": "apollo-persisted-query-manifest", "operations": ["x"]}).encode(),
    ],
)
def test_a_manifest_that_is_none_or_whose_key_is_no_digest_of_its_text_is_refused(content: bytes) -> None:
    with pytest.raises(BadInput):
        document_manifest.read(content)


async def test_a_document_is_found_by_its_id_and_its_aliases_and_added_once(mongo: Mongo) -> None:
    stored = TrustedDocuments(mongo)

    first = await stored.add([TrustedDocument(ME, ("Me",), ("old",)), TrustedDocument(KIND, ("Kind",))], NOW)
    again = await stored.add([TrustedDocument(ME, ("Me",), ("new",))], NOW)

    assert (first, again) == (2, 0)
    assert {await stored.find(one) for one in (document_id(ME), "old", "new")} == {ME}
    assert await stored.find(UNKNOWN) is None
    assert {one.id: one.aliases for one in await stored.listed()} == {
        document_id(ME): ("old", "new"),
        document_id(KIND): (),
    }


async def test_an_alias_never_names_two_documents_and_then_none_of_them_is_added(mongo: Mongo) -> None:
    stored = TrustedDocuments(mongo)
    await stored.add([TrustedDocument(ME, aliases=("mine",))], NOW)

    with pytest.raises(Conflict):
        await stored.add([TrustedDocument("{ __typename }"), TrustedDocument(KIND, aliases=("mine",))], NOW)

    assert [one.text for one in await stored.listed()] == [ME]
    assert await stored.find("mine") == ME


class Shelf:
    """Documents in memory; counts the times that it is looked into."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.asked = 0

    async def find(self, identifier: str) -> str | None:
        self.asked += 1
        return self.texts.get(identifier)


async def test_a_worker_finds_new_documents_at_once_and_remembers_the_newest_only() -> None:
    shelf = Shelf()
    documents = Documents(shelf, only_trusted=True)
    with pytest.raises(BadInput):
        await documents.completed({"documentId": "n0"})

    shelf.texts = {f"n{number}": ME for number in range(600)}
    found = [await documents.completed({"documentId": f"n{number}"}) for number in range(600)]
    asked = shelf.asked
    await documents.completed({"documentId": "n599"})

    assert {one["query"] for one in found} == {ME}
    assert shelf.asked == asked == 601
    await documents.completed({"documentId": "n0"})
    assert shelf.asked == asked + 1


async def test_a_worker_forgets_within_a_minute_what_was_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000.0
    monkeypatch.setattr("graphql_schema.trusted_documents.monotonic", lambda: now)
    shelf = Shelf()
    shelf.texts = {"mine": ME}
    documents = Documents(shelf, only_trusted=True)
    await documents.completed({"documentId": "mine"})
    del shelf.texts["mine"]

    now += 59
    assert (await documents.completed({"documentId": "mine"}))["query"] == ME
    now += 2
    with pytest.raises(UnknownDocument):
        await documents.completed({"documentId": "mine"})


async def test_documents_are_removed_by_id_or_alias_all_or_none(mongo: Mongo) -> None:
    stored = TrustedDocuments(mongo)
    await stored.add([TrustedDocument(ME, aliases=("mine", "old")), TrustedDocument(KIND)], NOW)

    with pytest.raises(NotFound, match="nobodys"):
        await stored.remove([document_id(KIND), "nobodys"])
    assert len(await stored.listed()) == 2
    removed = await stored.remove(["mine", "old", document_id(ME)])

    assert [one.text for one in removed] == [ME]
    assert [one.text for one in await stored.listed()] == [KIND]
    assert await stored.find("old") is None
    assert await stored.add([TrustedDocument("{ __typename }", aliases=("mine",))], NOW) == 1


@pytest.mark.parametrize(
    "identifier", ["", "sha256:", "SHA256:" + "0" * 64, "$ne", "a" * 129, "../x", "sha256:" + "G" * 64]
)
async def test_what_is_no_identifier_is_not_looked_up(identifier: str) -> None:
    shelf = Shelf()

    with pytest.raises(BadInput):
        await Documents(shelf, only_trusted=False).completed({"documentId": identifier})

    assert shelf.asked == 0


class TestInProduction:
    @pytest.fixture
    def changes(self) -> dict[str, Any]:
        return {"profile": "production"}

    async def asked(self, house: House, token: str | None = None, **asked: object) -> tuple[int, dict[str, Any]]:
        headers = ASKING if token is None else {**ASKING, "Authorization": f"Bearer {token}"}
        answer = await house.http.post("/graphql", json=asked, headers=headers)
        found: dict[str, Any] = answer.json()
        return answer.status_code, found

    async def test_row_h7_a_known_document_runs_with_its_variables(self, house: House) -> None:
        """Row H7."""
        await TrustedDocuments(house.mongo).add([TrustedDocument(ME, aliases=("me",)), TrustedDocument(KIND)], NOW)
        token = await house.citizen(NATIONAL_ID)

        assert await self.asked(house, token, documentId=document_id(ME)) == (
            200,
            {"data": {"me": {"kind": "CITIZEN"}}},
        )
        assert (await self.asked(house, documentId="me"))[0] == 200
        assert await self.asked(house, documentId=document_id(KIND), variables={"code": "99001"}) == (
            200,
            {"data": {"facility": {"code": "99001"}}},
        )

    async def test_row_h7_an_unknown_one_is_400_until_it_is_added(self, house: House) -> None:
        """Row H7."""
        status, answer = await self.asked(house, documentId=document_id(ME))
        await TrustedDocuments(house.mongo).add([TrustedDocument(ME)], NOW)

        assert status == 400
        [error] = answer["errors"]
        assert error["extensions"] == {"code": "PERSISTED_DOCUMENT_NOT_FOUND"}
        assert "data" not in answer
        assert (await self.asked(house, documentId=document_id(ME)))[0] == 200

    @pytest.mark.parametrize(
        "asked",
        [
            {"query": ME},
            {"query": ME, "documentId": None},
            {"query": ME, "documentId": document_id(ME)},
            {"query": ME, "extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest("sha256", ME)}}},
            {"query": "{"},
        ],
    )
    async def test_row_h7_a_free_query_is_refused_and_never_learnt(self, house: House, asked: dict[str, Any]) -> None:
        """Row H7."""
        await TrustedDocuments(house.mongo).add([TrustedDocument(ME)], NOW)

        status, answer = await self.asked(house, **asked)

        assert status == 400
        assert "documentId" in answer["errors"][0]["message"]
        assert len(await TrustedDocuments(house.mongo).listed()) == 1

    async def test_no_free_query_runs_as_a_stream(self, house: House) -> None:
        answer = await house.http.post("/graphql", json={"query": ME}, headers={"Accept": "text/event-stream"})

        assert answer.status_code == 400
        assert answer.headers["content-type"].startswith("application/graphql-response+json")

    @pytest.mark.parametrize("asked", [{"documentId": 1}, {"documentId": ["x"]}, {"documentId": {"$ne": ""}}, {}])
    async def test_what_is_no_text_is_no_identifier(self, house: House, asked: dict[str, Any]) -> None:
        status, answer = await self.asked(house, **asked)

        assert (status, answer["code"]) == (400, "BAD_USER_INPUT")


def environment(mongo_uri: str, database: str) -> dict[str, str]:
    return {"EHB_MONGO_URI": mongo_uri, "EHB_DATABASE": database}


async def test_the_command_adds_and_lists(mongo: Mongo, mongo_uri: str, tmp_path: Path) -> None:
    manifest = tmp_path / "persisted.json"
    manifest.write_text(json.dumps({digest("md5", ME): ME, "kind": KIND}))
    settings = environment(mongo_uri, mongo.database.name)

    added, again, listed = [
        await asyncio.to_thread(lambda *given: ehb("documents", *given, **settings), *given)
        for given in (("add", manifest), ("add", manifest), ("list",))
    ]

    assert [done.returncode for done in (added, again, listed)] == [0, 0, 0], added.stderr
    assert "2 new of 2" in added.stdout
    assert "0 new of 2" in again.stdout
    assert document_id(ME) in listed.stdout
    assert "Me" in listed.stdout
    assert digest("md5", ME) in listed.stdout

    removed, unknown = [
        await asyncio.to_thread(lambda: ehb("documents", "remove", "kind", **settings)) for _ in range(2)
    ]
    assert (removed.returncode, unknown.returncode) == (0, 1)
    assert removed.stdout == f"{document_id(KIND)}  Kind\n"
    assert "nothing was removed" in unknown.stderr


async def test_the_command_says_what_is_wrong_with_each_document_and_adds_none(
    mongo: Mongo, mongo_uri: str, tmp_path: Path
) -> None:
    manifest = tmp_path / "persisted.json"
    dear = " ".join(f"c{n}: corrections(first: 100) {{ nodes {{ {FIELDS} }} }}" for n in range(20))
    faulty = {
        "syntax": "query A {",
        "field": "query B {\n  me { nothing } }",
        "deep": "query C { " + "a { " * 20 + "b" + " }" * 21,
        "spy": "query D { __schema { types { name } } }",
        "none": "fragment f on Me { kind }",
        "dear": f"query E {{ myHealthBook {{ {dear} }} }}",
        "long": "query F { me { kind } } #" + "x" * 100_000,
    }
    manifest.write_text(json.dumps({"good": ME, **faulty}))

    done = await asyncio.to_thread(
        lambda: ehb("documents", "add", manifest, **environment(mongo_uri, mongo.database.name))
    )

    assert done.returncode == 1
    assert len([line for line in done.stderr.splitlines() if line.startswith("ehb: ")]) >= len(faulty) + 1
    for said in SAID:
        assert said in done.stderr, said
    assert "Traceback" not in done.stderr
    assert await TrustedDocuments(mongo).listed() == []


SAID = (
    "Cannot query field 'nothing'",
    "B: 2:8",
    "levels deep",
    "Introspection is off",
    "points",
    "longer",
    "nothing was added: 7 of 8",
)
FIELDS = "id time section code { text coding { system code display version } } provenance { submittedAt source }"


def test_the_command_validates_without_a_database(tmp_path: Path) -> None:
    (tmp_path / "good.json").write_text(json.dumps({"good": ME}))
    (tmp_path / "bad.json").write_text("[]")

    assert ehb("documents", "add", "--dry-run", tmp_path / "good.json").returncode == 0
    refused = ehb("documents", "add", "--dry-run", tmp_path / "bad.json")
    missing = ehb("documents", "add", "--dry-run", tmp_path / "none.json")
    assert (refused.returncode, missing.returncode) == (1, 1)
    assert "Traceback" not in refused.stderr + missing.stderr
