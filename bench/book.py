"""A whole own book over HTTP: 100 records, twenty leaf fields of each, many people at once.

Floor: a bare route that fetches the same content as plain documents and sends it with orjson; beside it stock
strawberry over the same documents, and any other server that is named (`bench.peer`). All have one worker and take
turns within a second. `page` is the first twenty records, and how much longer the slowest of a hundred readers waits.

The one invariant: all sides answer the same content (`bench.book_sides`), over as many connections in the same round.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.asking import Asker, asker
from bench.book_sides import WHOLE, sides
from bench.peer import Peer, checked
from bench.plain import size_of
from bench.report import Row
from bench.sides import HEAD, Plan, Round, Rounds, Side, compared, in_rounds, median, percentile, told
from bench.world import World

FEW, MANY, READERS = 8, 16, 32
RATE, STOCK, P50, P99, PROCESSOR, TAIL = 0.5, 6.0, 2.7, 3.3, 3.0, 4.0
"""Reaches: of the floor's rate, of stock strawberry's, of the floor's times; milliseconds; p99 of p50 of a page."""
_PAGE = 20


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is asked."""

    people: int
    rounds: int
    seconds: float
    """Of each turn."""

    def plan(self, connections: int) -> Plan:
        return Plan(connections, self.rounds, self.seconds)


async def measure(world: World, mongod: int, sizes: Sizes, peer: Peer | None) -> list[Row]:
    """Serve, take turns at two numbers of connections, print."""
    async with sides(world, sizes.people) as made, asker() as asking:
        ours, bare, stock = made.ours(), made.bare(), made.stock()
        everybody = [bare, ours, stock]
        if peer is not None:
            everybody.append(await checked(peer))
        sealed, plain = await size_of(world.mongo.database, "records"), await size_of(world.mongo.database)
        print(f"book: {WHOLE} records, 20 leaf fields of each, {sizes.people} people by a token of their own each;")
        print(f"  a record is {sealed} bytes sealed and {plain} as a plain document")
        few = await _in_turns(asking, everybody, sizes.plan(FEW), mongod)
        many = await _in_turns(asking, everybody, sizes.plan(MANY), mongod)
    rows = [
        _row(f"`book`, {MANY} connections: rate", _RATE, many, ours, bare, f"{RATE:g}"),
        _row(f"`book`, {MANY}: rate, to stock strawberry", _RATE, many, ours, stock, f"{STOCK:g}"),
        _row(f"`book`, {FEW} connections: p50", _P50, few, ours, bare, f"{P50:g}"),
        _row(f"`book`, {FEW}: p99", _P99, few, ours, bare, f"{P99:g}"),
        _row(f"`book`, {MANY}: CPU of the server for a book", _CPU, many, ours, bare, f"ours {PROCESSOR:g} ms"),
    ]
    if peer is not None:
        rows.append(_row(f"`book`, {MANY}: rate, to the peer", _RATE, many, ours, everybody[-1], ""))
    for row in rows:
        print(f"  {row.measure}: {row.figure}    reach: {row.reach}")
    return rows


async def page(world: World, mongod: int, sizes: Sizes) -> list[Row]:
    """The newest twenty records, 32 readers at once: what one waits usually, and what one of a hundred waits."""
    async with sides(world, max(sizes.people, 2 * READERS)) as made, asker() as asking:
        ours, bare = made.ours(_PAGE), made.bare(_PAGE)
        print(f"page: the newest {_PAGE} of {WHOLE} records")
        taken = await _in_turns(asking, [bare, ours], sizes.plan(READERS), mongod)
    tail, floor = _tail(taken[ours.name]), _tail(taken[bare.name])
    print(f"  p99 to p50: {tail:.2f}, the floor's {floor:.2f}    reach: {TAIL:g}")
    p50, p99 = (percentile(_all(taken[ours.name]), part) for part in (50, 99))
    shown = f"p50 {p50:.1f} ms, p99 {p99:.1f} ms"
    return [Row(f"`page`, {READERS} connections: p99 to p50", f"{floor:.2f}", shown, f"{tail:.2f}", f"{TAIL:g}")]


async def _in_turns(asking: Asker, everybody: list[Side], plan: Plan, mongod: int) -> Rounds:
    taken = await in_rounds(asking, everybody, plan, mongod)
    print(f"  {plan.connections} connections, {plan.rounds} rounds of {plan.seconds:g} s; milliseconds for an answer:")
    print(HEAD)
    for name, rounds in taken.items():
        print(told(name, rounds), flush=True)
    return taken


_Figure = tuple[Callable[[Round], float], str]
_RATE: _Figure = (lambda one: one.rate, "{:.0f} a second")
_P50: _Figure = (lambda one: one.p50, "{:.1f} ms")
_P99: _Figure = (lambda one: one.p99, "{:.1f} ms")
_CPU: _Figure = (lambda one: one.processor, "{:.2f} ms")


def _row(measure: str, figure: _Figure, taken: Rounds, ours: Side, other: Side, reach: str) -> Row:
    value, form = figure
    mine, theirs = taken[ours.name], taken[other.name]
    floor, own = (form.format(median(rounds, value)) for rounds in (theirs, mine))
    return Row(measure, floor, own, compared(mine, theirs, value), reach)


def _all(rounds: list[Round]) -> list[float]:
    return [one for each in rounds for one in each.milliseconds]


def _tail(rounds: list[Round]) -> float:
    every = _all(rounds)
    return percentile(every, 99) / percentile(every, 50)
