"""Two workers of `ehb serve` against one: whole books over HTTP, one asking process, in turns.

There is no floor but one worker itself. The database and the asking process run on the same machine and share its
processors, so on two cores the ratio says how much of the second core was left.

The one invariant: both servers have the same books, and each round asks both.
"""

from __future__ import annotations

from bench.asking import asker
from bench.book import MANY, Sizes
from bench.book_sides import sides
from bench.report import Row
from bench.serving import SERVE
from bench.sides import HEAD, Plan, compared, in_rounds, median, told
from bench.world import World

REACH = 1.7


async def measure(world: World, mongod: int, sizes: Sizes) -> list[Row]:
    """Serve twice, take turns, print."""
    programs = {"one": SERVE, "two": (*SERVE, "--workers", "2")}
    async with sides(world, sizes.people, programs) as made, asker() as asking:
        one, two = made.ours(name="one worker", server="one"), made.ours(name="two workers", server="two")
        taken = await in_rounds(asking, [one, two], Plan(MANY, sizes.rounds, sizes.seconds, warm_up=3), mongod)
    print(f"workers: whole books, {MANY} connections, {sizes.rounds} rounds of {sizes.seconds:g} s")
    print(HEAD)
    for name, rounds in taken.items():
        print(told(name, rounds))
    ratio = compared(taken[two.name], taken[one.name], lambda each: each.rate)
    print(f"  rate of two to rate of one: {ratio}    reach: {REACH}")
    shown = [f"{median(taken[side.name], lambda each: each.rate):.0f} a second" for side in (one, two)]
    return [Row("`workers`: two to one", shown[0], shown[1], ratio, f"{REACH}")]
