"""What it costs to know who asks: an access token, a proof of possession, a token under a trivial GraphQL request.

Floor of the request: the same route with the same schema for a caller who is known beforehand, in one process and
without a socket, so that the difference is authentication alone.
The one invariant: every request is judged from its headers, and each caller has another token.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Awaitable, Callable
from dataclasses import replace
from time import perf_counter

import orjson
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message

from auth.backend import TokenBackend
from auth.dpop import Proofs
from auth.sessions import Sessions
from auth.tokens import digest, key_of, random_text, s256
from bench.api import access_token
from bench.report import Row
from bench.rounds import Turn, in_turns, line, spread
from bench.world import World
from ehb.app import utc_now
from ehb.domain.identity import Principal
from ehb.signing import Signer
from ehb.store.budgets import Budgets
from ehb.store.practitioners import Practitioners
from ehb.store.registry import Registry
from ehb.store.sessions import SignIns
from ehb.store.trusted_documents import TrustedDocuments
from ehb.store.vault import Vault
from graphql_schema.allowance import PERSON, Allowance
from graphql_schema.http import GraphQLEndpoint
from graphql_schema.ids import OpaqueIds
from graphql_schema.running import Streams
from graphql_schema.schema import make_schema
from graphql_schema.trusted_documents import Documents

BASE = "https://book.example.vn"
REACH, VERIFIED, PROVEN = 0.6, 100.0, 300.0
"""Of the floor's rate; microseconds of a verification, and of a proof."""
_BODY = orjson.dumps({"query": "{ __typename }"})
_TOGETHER, _AGAIN = 16, 10
"""Callers, and requests of each in a round."""
_BATCH = 100


async def measure(world: World, *, rounds: int) -> list[Row]:
    """Fill, take turns, print."""
    await world.fill(_TOGETHER, 1)
    store = SignIns(world.mongo.database)
    sessions, proofs = Sessions(store, utc_now), Proofs(store, BASE, utc_now)
    tokens = [await access_token(world, book) for book in world.books]
    rows = await _verification(store, sessions, proofs, tokens[0], rounds)
    known = await sessions.principal(tokens[0])
    backend = TokenBackend(sessions, proofs)

    async def known_beforehand(_: Request) -> Principal:
        return known

    bare, ours = _route(world, known_beforehand), _route(world, backend.principal_from)
    by_token = [[(b"authorization", f"Bearer {token}".encode())] for token in tokens]
    turns: dict[str, Turn] = {
        "bare": lambda _: _together(bare, [[] for _ in tokens]),
        "ours": lambda _: _together(ours, by_token),
    }
    timed = await in_turns(turns, rounds=rounds, warm_up=max(3, rounds // 10))
    print(f"token: {_TOGETHER} callers at once, {_AGAIN} trivial GraphQL requests of each")
    print(line("for a caller who is known (the floor)", timed["bare"]))
    print(line("by an access token", timed["ours"]))
    ratios = [bare / ours for bare, ours in zip(timed["bare"].seconds, timed["ours"].seconds, strict=True)]
    print(f"  of the floor's rate: {spread(ratios)}    reach: {REACH}")
    rates = [f"{_TOGETHER * _AGAIN * 1000 / timed[name].milliseconds:.0f} a second" for name in ("bare", "ours")]
    return [Row("`token`: rate", rates[0], rates[1], spread(ratios), f"{REACH}"), *rows]


async def _verification(store: SignIns, sessions: Sessions, proofs: Proofs, token: str, rounds: int) -> list[Row]:
    """One token: with its session read, without; and one proof, without the memory of used ones."""
    key = key_of(token)
    session = await store.find_session(key) if key else None
    assert session is not None
    phone = ECKey.generate_key("P-256")
    claims = {"htm": "POST", "htu": f"{BASE}/graphql", "iat": int(utc_now().timestamp()), "jti": random_text()}
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": phone.as_dict(private=False)}
    proof = jwt.encode(header, {**claims, "ath": s256(token)}, phone)

    def alone() -> object:
        return key_of(token) and session.whose(digest(token), None, utc_now())

    def proven() -> object:
        return proofs.read(proof, method="POST", path="/graphql", access_token=token)

    async def whole() -> object:
        return await sessions.principal(token)

    reads = [await _microseconds(whole) for _ in range(max(3, rounds // 10))]
    print("token: one verification")
    print(f"  with the read of its session: median {statistics.median(reads):.0f} µs")
    rows: list[Row] = []
    alone_and_proven = (("a verification without it", alone, VERIFIED), ("a DPoP proof, all of it", proven, PROVEN))
    for name, work, reach in alone_and_proven:
        taken = [_batch(work) for _ in range(max(3, rounds // 10))]
        median = statistics.median(taken)
        print(f"  {name}: median {median:.0f} µs    reach: {reach:.0f}")
        rows.append(Row(f"`token`: {name}", "", "", f"{median:.0f} µs", f"{reach:.0f} µs"))
    return rows


async def _microseconds(work: Callable[[], Awaitable[object]]) -> float:
    start = perf_counter()
    await work()
    return (perf_counter() - start) * 1e6


def _batch(work: Callable[[], object]) -> float:
    start = perf_counter()
    for _ in range(_BATCH):
        assert work() is not None
    return (perf_counter() - start) / _BATCH * 1e6


def _route(world: World, principal_from: Callable[[Request], Awaitable[Principal]]) -> Starlette:
    endpoint = GraphQLEndpoint(
        make_schema(),
        custodian=world.custodian,
        facilities=Registry(world.mongo),
        practitioners=Practitioners(world.mongo, Vault(world.keys)),
        ids=OpaqueIds(world.keys.opaque),
        signer=Signer(world.keys.signing),
        clock=utc_now,
        principal_from=principal_from,
        streams=Streams(BASE, ()),
        allowance=Allowance(Budgets(world.mongo), utc_now, person=replace(PERSON, most=10**12)),
        documents=Documents(TrustedDocuments(world.mongo), only_trusted=False),
        seconds=20,
    )

    async def graphql(request: Request) -> Response:
        return await endpoint(request)

    return Starlette(routes=[Route("/graphql", graphql, methods=["POST"])])


async def _together(app: Starlette, callers: list[list[tuple[bytes, bytes]]]) -> None:
    """All callers at once, each asking again as soon as it is answered."""

    async def calls(headers: list[tuple[bytes, bytes]]) -> None:
        for _ in range(_AGAIN):
            await _asked(app, headers)

    await asyncio.gather(*(calls(headers) for headers in callers))


async def _asked(app: Starlette, headers: list[tuple[bytes, bytes]]) -> None:
    """One request as a server hands it over. Raises AssertionError for any answer but the good one."""
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/graphql",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), (b"host", b"book.example.vn"), *headers],
    }
    status = 0

    async def receive() -> Message:
        return {"type": "http.request", "body": _BODY, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)

    await app(scope, receive, send)
    assert status == 200
