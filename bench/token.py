"""What it costs to know who asks: an access token, a proof of possession, a token under a trivial GraphQL request.

Floor of the request: the same route of the same server, asked the same by nobody, over HTTP and in turns, so that the
difference is authentication alone.
The one invariant: every request is judged from its headers, and each caller has another token.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import orjson
from joserfc import jwt
from joserfc.jwk import ECKey

from auth.dpop import Proofs
from auth.sessions import Sessions
from auth.tokens import digest, key_of, random_text, s256
from bench.api import access_token
from bench.asking import asker
from bench.report import Row
from bench.serving import serving
from bench.sides import Plan, Question, Side, by_rate, in_rounds
from bench.world import World
from ehb.app import utc_now
from ehb.store.sessions import SignIns
from ehb.store.vault import Vault

BASE = "https://book.example.vn"
REACH, VERIFIED, PROVEN = 0.6, 100.0, 300.0
"""Of the floor's rate; microseconds of a verification, and of a proof."""
CALLERS = 16
_BODY = orjson.dumps({"query": "{ __typename }"})
_BATCH = 100


@dataclass(frozen=True, slots=True)
class Sizes:
    """How often it is looked at: one verification, and the rounds over HTTP."""

    looks: int
    rounds: int
    seconds: float


async def measure(world: World, mongod: int, sizes: Sizes) -> list[Row]:
    """Fill, take turns, print."""
    await world.fill(CALLERS, 1)
    tokens = [await access_token(world, book) for book in world.books]
    rows = await _verification(world, tokens[0], sizes.looks)
    with tempfile.TemporaryDirectory(prefix="ehb-bench-") as folder:
        keys = Path(folder) / "keys.json"
        world.keys.save(keys)
        async with asker() as asking:
            with serving(world.uri, world.mongo.database.name, keys) as server:
                ours = Side("by an access token", server.base, [_question(one) for one in tokens], server.pid)
                floor = Side("by nobody (the floor)", server.base, [_question()] * CALLERS, server.pid)
                plan = Plan(CALLERS, sizes.rounds, sizes.seconds, warm_up=3)
                taken = await in_rounds(asking, [floor, ours], plan, mongod)
    print(f"token: a trivial GraphQL request over HTTP, {CALLERS} connections, {sizes.rounds} rounds")
    return [by_rate("`token`: rate", taken, REACH), *rows]


def _question(token: str | None = None) -> Question:
    known = {"Authorization": f"Bearer {token}"} if token else {}
    return Question("POST", "/graphql", {"Content-Type": "application/json", **known}, _BODY)


async def _verification(world: World, token: str, looks: int) -> list[Row]:
    """One token: with its session read, without; and one proof, without the memory of used ones."""
    store = SignIns(world.mongo.database, Vault(world.keys))
    sessions, proofs = Sessions(store, utc_now), Proofs(store, BASE, utc_now)
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

    reads = [await _microseconds(whole) for _ in range(looks)]
    print("token: one verification")
    print(f"  with the read of its session: median {statistics.median(reads):.0f} µs")
    rows: list[Row] = []
    alone_and_proven = (("a verification without it", alone, VERIFIED), ("a DPoP proof, all of it", proven, PROVEN))
    for name, work, reach in alone_and_proven:
        taken = [_batch(work) for _ in range(looks)]
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
