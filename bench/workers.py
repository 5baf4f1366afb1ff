"""Two workers of `ehb serve` against one: whole books over HTTP, one asking process, in turns.

There is no floor but one worker itself. The database and the asking process run on the same machine and share its
processors, so beside the ratio stands what it could be at most here: as many books as all processors give when each
takes what it took with one worker, from the server, the database and the client together.

The one invariant: both servers have the same books, and each round asks both.
"""

from __future__ import annotations

import os

from bench.asking import asker
from bench.book import MANY, Sizes
from bench.book_sides import sides
from bench.report import Row
from bench.rounds import spread
from bench.serving import SERVE
from bench.sides import Plan, Round, by_rate, in_rounds
from bench.world import World

REACH = 1.7


async def measure(world: World, mongod: int, sizes: Sizes) -> list[Row]:
    """Serve twice, take turns, print."""
    programs = {"one": SERVE, "two": (*SERVE, "--workers", "2")}
    async with sides(world, sizes.people, programs) as made, asker() as asking:
        one, two = made.ours(name="one worker", server="one"), made.ours(name="two workers", server="two")
        taken = await in_rounds(asking, [one, two], Plan(MANY, sizes.rounds, sizes.seconds, warm_up=3), mongod)
    print(f"workers: whole books, {MANY} connections, {sizes.rounds} rounds of {sizes.seconds:g} s")
    row = by_rate("`workers`: two to one", taken, REACH)
    processors = len(os.sched_getaffinity(0))
    most = spread([processors / busy(each) for each in taken[one.name]])
    used = spread([busy(each) / processors for each in taken[two.name]])
    print(f"  at most, on {processors} processors: {most}; two workers, database and client kept them busy: {used}")
    return [row, Row("`workers`: the most that these processors allow", "", "", most, "")]


def busy(each: Round) -> float:
    """How many processors were at work in a round: server, database and client."""
    return each.rate * (each.processor + each.database + each.client) / 1000
