"""Bound tokens through the whole house: GraphQL, server-sent events and the facilities' door (RFC 9449, row A2)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import httpx2
import pytest
from joserfc.jwk import ECKey

from tests.auth.world import proof_by
from tests.builders import FACILITY, NATIONAL_ID, visit_file
from tests.house import BASE, House
from tests.sockets import upgraded

KEY = ECKey.generate_key("P-256")


def with_proof(token: str, method: str, path: str) -> dict[str, str]:
    proof = proof_by(KEY, method, BASE + path, datetime.now(UTC), token)
    return {"Authorization": f"DPoP {token}", "DPoP": proof}


def for_a_token() -> str:
    return proof_by(KEY, "POST", f"{BASE}/auth/token", datetime.now(UTC))


async def test_graphql_takes_a_bound_token_with_a_fresh_proof(house: House) -> None:
    token = (await house.sign_in("bound", {"SoDinhDanh": NATIONAL_ID, "HoVaTen": "An"}, proof=for_a_token()))[
        "access_token"
    ]
    headers = with_proof(token, "POST", "/graphql")
    asked = {"query": "{ me { kind } }"}

    first = await house.http.post("/graphql", json=asked, headers=headers)
    again = await house.http.post("/graphql", json=asked, headers=headers)
    bare = await house.http.post("/graphql", json=asked, headers={"Authorization": f"Bearer {token}"})

    assert first.json()["data"]["me"]["kind"] == "CITIZEN"
    assert (again.status_code, again.json()["code"]) == (401, "DPOP_PROOF_INVALID")
    assert again.headers["www-authenticate"] == 'DPoP error="invalid_dpop_proof", algs="ES256"'
    assert (bare.status_code, bare.json()["code"]) == (401, "UNAUTHENTICATED")


async def test_a_facility_submits_with_a_bound_token(house: House) -> None:
    token = await house.facility(FACILITY, proof=for_a_token())
    path = "/facility/submissions"
    xml = {"Content-Type": "application/xml"}

    taken = await house.http.post(path, content=visit_file(), headers=with_proof(token, "POST", path) | xml)
    receipt = taken.headers["location"]
    again = await house.http.get(receipt, headers=with_proof(token, "GET", receipt))
    elsewhere = await house.http.get(receipt, headers=with_proof(token, "GET", path))

    assert (taken.status_code, again.status_code) == (201, 200)
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (401, "DPOP_PROOF_INVALID")


@pytest.mark.usefixtures("server")
async def test_a_stream_goes_on_after_its_one_proof_and_ends_with_the_session(house: House, server: str) -> None:
    """A proof works once, and a stream looks again and again whether its login still stands (row W2)."""
    tokens = await house.sign_in("bound", {"SoDinhDanh": NATIONAL_ID, "HoVaTen": "An"}, proof=for_a_token())
    token = tokens["access_token"]
    beats = 0
    async with (
        httpx2.AsyncClient(base_url=server, timeout=10) as phone,
        phone.stream(
            "POST",
            "/graphql",
            json={"query": "subscription { accessEvents { text } }"},
            headers=with_proof(token, "POST", "/graphql") | {"Accept": "text/event-stream"},
        ) as events,
    ):
        async with asyncio.timeout(15):
            async for line in events.aiter_lines():
                beats += line == ":"
                if beats == 3:
                    await house.http.post("/auth/revoke", data={"token": token, "client_id": "ehb-mobile"})
                if line.startswith("event: complete"):
                    break

    assert events.status_code == 200
    assert beats >= 3


async def test_a_socket_is_opened_by_a_token_with_its_proof_and_by_neither_alone(house: House, server: str) -> None:
    """The introduction carries what the headers of a request would; the handshake is a GET (row W2)."""
    tokens = await house.sign_in("bound", {"SoDinhDanh": NATIONAL_ID, "HoVaTen": "An"}, proof=for_a_token())
    token = tokens["access_token"]
    good = with_proof(token, "GET", "/graphql")

    async with upgraded(server) as talk:
        await talk.say("connection_init", payload=good)
        acknowledged = await talk.hear()
    codes = []
    for payload in (good, with_proof(token, "POST", "/graphql"), {"Authorization": f"Bearer {token}"}):
        async with upgraded(server) as talk:
            await talk.say("connection_init", payload=payload)
            codes.append(await talk.code())

    assert acknowledged["type"] == "connection_ack"
    assert codes == [4403, 4403, 4403]
