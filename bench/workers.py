"""Two workers of `ehb serve` against one: whole books over HTTP, one asking process, in turns.

There is no floor but one worker itself. The database and the asking process run on the same machine and share its
processors, so two looks: with a share of a processor for each worker (`bench.quota`) and room for everybody else, which
is what a second worker adds where it has a processor; and without, beside what it could be at most here: as many books
as all processors give when each takes what it took with one worker, from the server, the database and the client.

The one invariant: both servers have the same books, and each round asks both.
"""

from __future__ import annotations

import os

from bench.asking import asker
from bench.book import MANY, Sizes
from bench.book_sides import sides
from bench.quota import NoQuota, limited
from bench.report import Row
from bench.rounds import spread
from bench.serving import SERVE, with_workers
from bench.sides import Plan, Round, Side, by_rate, in_rounds
from bench.world import World

REACH = 1.7
SHARE = 0.4
"""Of one processor: two workers, the database and the client then leave a fifth of two processors free."""


async def measure(world: World, mongod: int, sizes: Sizes) -> list[Row]:
    """Serve twice, take turns, print."""
    programs = {"one": SERVE, "two": (*SERVE, "--workers", "2")}
    plan = Plan(MANY, sizes.rounds, sizes.seconds, warm_up=3)
    print(f"workers: whole books, {MANY} connections, {sizes.rounds} rounds of {sizes.seconds:g} s")
    rows = []
    async with sides(world, sizes.people, programs) as made, asker() as asking:
        one, two = made.ours(name="one worker", server="one"), made.ours(name="two workers", server="two")
        try:
            with limited([pid for side in (one, two) for pid in _at_work(side)], SHARE):
                shared = await in_rounds(asking, [one, two], plan, mongod)
            print(f"  {SHARE:g} of a processor for each worker:")
            rows.append(by_rate(f"`workers`, {SHARE:g} of a processor each: two to one", shared, REACH))
        except NoQuota as error:
            print(f"  no share of a processor for each worker: {error}")
        taken = await in_rounds(asking, [one, two], plan, mongod)
    print("  and with what they find:")
    row = by_rate("`workers`: two to one", taken, REACH)
    processors = len(os.sched_getaffinity(0))
    most = spread([processors / busy(each) for each in taken[one.name]])
    used = spread([busy(each) / processors for each in taken[two.name]])
    print(f"  at most, on {processors} processors: {most}; two workers, database and client kept them busy: {used}")
    return [*rows, row, Row("`workers`: the most that these processors allow", "", "", most, "")]


def _at_work(side: Side) -> list[int]:
    """The processes that answer: of several workers not the one that started them."""
    assert side.pid is not None
    return with_workers(side.pid)[1:] or [side.pid]


def busy(each: Round) -> float:
    """How many processors were at work in a round: server, database and client."""
    return each.rate * (each.processor + each.database + each.client) / 1000
