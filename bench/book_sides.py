"""Who reads books against whom: `ehb serve`, a bare route, stock strawberry, each in a process, with the same books.

Ours is as in production: login, consent, sealing and the durable trail, each person by a token of their own; raised
are only the budgets. The other two (`bench.plain`) have our own answers as plain documents and are told whose book it
is.

The one invariant: before anything is measured, each side has answered for several people what ours answers.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from bench.api import access_token, timeline
from bench.plain import copied
from bench.serving import SERVE, Server, serving
from bench.sides import Question, Side
from bench.stock import PERSON
from bench.world import World

WHOLE = 100
"""Records of one book."""
_JSON = {"Content-Type": "application/json"}
_PLAIN = (sys.executable, "-m", "bench.plain")
_LOOKED_AT = 5
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Sides:
    """The servers, and what each person asks of them."""

    servers: dict[str, Server]
    people: list[bytes]
    tokens: list[str]

    def ours(self, first: int = WHOLE, *, name: str = "ours", server: str = "ours") -> Side:
        """The newest records of everybody's own book, each asked for by themselves."""
        questions = [asked_of_us(token, first) for token in self.tokens]
        return Side(name, self.servers[server].base, questions, self.servers[server].pid)

    def bare(self, first: int = WHOLE) -> Side:
        """The same of the bare route."""
        questions = [Question("GET", f"/book/{one.hex()}?first={first}") for one in self.people]
        return Side("the bare route (the floor)", self.servers["bare"].base, questions, self.servers["bare"].pid)

    def stock(self, first: int = WHOLE) -> Side:
        """The same of stock strawberry, in the same words."""
        body = orjson.dumps({"query": timeline(first)})
        questions = [Question("POST", "/graphql", {**_JSON, PERSON: one.hex()}, body) for one in self.people]
        return Side("stock strawberry", self.servers["stock"].base, questions, self.servers["stock"].pid)


def asked_of_us(token: str, first: int) -> Question:
    """One person's question to our server."""
    body = orjson.dumps({"query": timeline(first)})
    return Question("POST", "/graphql", {**_JSON, "Authorization": f"Bearer {token}"}, body)


@asynccontextmanager
async def sides(world: World, people: int, programs: Mapping[str, Sequence[str]] | None = None) -> AsyncIterator[Sides]:
    """Books of so many people, and servers: ours and the two plain ones, or those of `programs`, by name."""
    await world.fill(people, WHOLE)
    tokens = [await access_token(world, book) for book in world.books]
    if programs is None:
        programs = {"ours": SERVE, "bare": (*_PLAIN, "bare"), "stock": (*_PLAIN, "stock")}
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ehb-bench-")))
        world.keys.save(folder / "keys.json")
        servers = {
            name: stack.enter_context(
                serving(world.uri, world.mongo.database.name, folder / "keys.json", program=program)
            )
            for name, program in programs.items()
        }
        made = Sides(servers, list(world.books), tokens)
        if "bare" in servers:
            await _copy(world, made)
            await agree(made.ours(), made.bare())
        if "stock" in servers:
            await agree(made.ours(), made.stock())
        yield made


async def _copy(world: World, made: Sides) -> None:
    """Keep our answers for everybody as the plain documents."""
    ours = made.ours()
    for start in range(0, len(made.people), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        answers = await asyncio.gather(*(_nodes(ours, one) for one in ours.questions[some]))
        for patient_id, nodes in zip(made.people[some], answers, strict=True):
            assert len(nodes) == WHOLE
            await copied(world.mongo.database, patient_id, nodes)


async def _nodes(side: Side, question: Question) -> list[dict[str, Any]]:
    answer = orjson.loads((await side.answer(question)).content)
    assert "errors" not in answer, answer["errors"]
    nodes: list[dict[str, Any]] = answer["data"]["myHealthBook"]["timeline"]["nodes"]
    return nodes


async def agree(ours: Side, other: Side) -> None:
    """Raises AssertionError when the other side does not answer what ours does."""
    for one, theirs in list(zip(ours.questions, other.questions, strict=True))[:_LOOKED_AT]:
        expected, found = (await ours.answer(one)).content, (await other.answer(theirs)).content
        assert orjson.loads(found) == orjson.loads(expected), f"{other.name} answers something else"
