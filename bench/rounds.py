"""Interleaved timing: several ways of doing a thing take turns, so that whatever disturbs one disturbs all.

The one invariant: a figure is a median over rounds and never a best case.
"""

from __future__ import annotations

import gc
import statistics
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import perf_counter

Turn = Callable[[int], Awaitable[object]]
"""One way of doing a thing, given the number of the round."""


@dataclass(frozen=True, slots=True)
class Timed:
    """The seconds of one contestant, round by round."""

    seconds: tuple[float, ...]

    @property
    def milliseconds(self) -> float:
        """The median."""
        return statistics.median(self.seconds) * 1000


async def interleaved(turns: Mapping[str, Turn], *, rounds: int, warm_up: int) -> dict[str, Timed]:
    """The time of each contestant in each round; the order within a round rotates, the first rounds do not count."""
    names = list(turns)
    taken: dict[str, list[float]] = {name: [] for name in names}
    gc.collect()
    gc.freeze()
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


def ratio(of: Timed, to: Timed) -> str:
    """The median of the ratios of each round, with the middle half of them."""
    ratios = sorted(one / other for one, other in zip(of.seconds, to.seconds, strict=True))
    if len(ratios) < 4:
        return f"{statistics.median(ratios):.2f}"
    low, middle, high = statistics.quantiles(ratios, n=4)
    return f"{middle:.2f} (middle half of {len(ratios)} rounds: {low:.2f} to {high:.2f})"
