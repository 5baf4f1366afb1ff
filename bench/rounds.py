"""Taking turns: several ways of doing a thing are timed in one loop, so that what disturbs one disturbs all.

The one invariant: a figure is a median over rounds, never a best case.
"""

from __future__ import annotations

import gc
import statistics
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

Turn = Callable[[int], Awaitable[object]]
"""One way of doing a thing, given the number of the round."""


@dataclass(frozen=True, slots=True)
class Timed:
    """The seconds of one way, round by round."""

    seconds: tuple[float, ...]

    @property
    def milliseconds(self) -> float:
        return statistics.median(self.seconds) * 1000

    @property
    def shown(self) -> str:
        return f"{self.milliseconds:.2f} ms"


async def in_turns(turns: Mapping[str, Turn], *, rounds: int, warm_up: int) -> dict[str, Timed]:
    """The time of each way in each round. Who begins a round rotates; rounds of the warm-up do not count."""
    names = list(turns)
    taken: dict[str, list[float]] = {name: [] for name in names}
    gc.collect()
    gc.freeze()  # what the bench itself holds is no burden of what is measured
    for number in range(warm_up + rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            start = perf_counter()
            await turns[name](number)
            seconds = perf_counter() - start
            if number >= warm_up:
                taken[name].append(seconds)
    gc.unfreeze()
    return {name: Timed(tuple(seconds)) for name, seconds in taken.items()}


def ratio(one: Timed, floor: Timed) -> str:
    """The median of the rounds' ratios, with the middle half of them."""
    return spread([ours / theirs for ours, theirs in zip(one.seconds, floor.seconds, strict=True)])


def spread(ratios: Sequence[float]) -> str:
    """Their median, with the middle half of them; of three or fewer, all."""
    low, middle, high = (
        statistics.quantiles(ratios, n=4) if len(ratios) > 3 else (min(ratios), statistics.median(ratios), max(ratios))
    )
    return f"{middle:.2f} (middle half of {len(ratios)} rounds: {low:.2f} to {high:.2f})"


def line(name: str, timed: Timed) -> str:
    """One line of a report."""
    return f"  {name:<46}{timed.milliseconds:8.2f} ms"
