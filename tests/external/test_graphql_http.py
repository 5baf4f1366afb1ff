"""GraphQL over HTTP as the audits of npm graphql-http understand it: none warns, none fails (rows H1 to H4)."""

from __future__ import annotations

from tests.external.node import installed, node

AUDITS = 61
GET = {"5A70", "D6D5", "6A70"}
"""What the draft says a server MAY do with GET. We do not: variables in a URL end up in logs."""


@installed
async def test_all_audits_pass_without_a_warning(server: str) -> None:
    """Row H1."""
    found = await node("graphql_http_audits.mjs", f"{server}/graphql")

    not_ok = [one for one in found if one["status"] != "ok"]
    assert [one for one in not_ok if one["id"] not in GET] == []
    assert {one["status"] for one in not_ok} <= {"notice"}
    assert len(found) == AUDITS
