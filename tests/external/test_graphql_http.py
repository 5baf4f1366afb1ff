"""GraphQL over HTTP as the audits of npm graphql-http understand it: none warns, none fails (rows H1 to H4)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.external.node import installed, node

AUDITS = 61
GET = {"5A70", "D6D5", "6A70"}
"""What the draft says a server MAY do with GET. In production we do not: variables in a URL end up in logs."""
INTROSPECTION = {"28B9", "2EA1"}
"""They are about variables, and use `__type` to try them, which is off in production (row L4)."""


@installed
async def test_all_audits_are_ok_in_the_developer_profile(server: str) -> None:
    """Rows H1, H2, H3 and H4."""
    found = await node("graphql_http_audits.mjs", f"{server}/graphql")

    assert [one for one in found if one["status"] != "ok"] == []
    assert len(found) == AUDITS


class TestInProduction:
    @pytest.fixture
    def changes(self) -> dict[str, Any]:
        return {"profile": "production", "trusted_documents": False}

    @installed
    async def test_all_audits_are_ok_but_those_that_ask_by_get_or_by_introspection(self, server: str) -> None:
        found = await node("graphql_http_audits.mjs", f"{server}/graphql")

        not_ok = {one["id"]: one["status"] for one in found if one["status"] != "ok"}
        assert set(not_ok) <= GET | INTROSPECTION
        assert {not_ok[name] for name in GET & set(not_ok)} <= {"notice"}
