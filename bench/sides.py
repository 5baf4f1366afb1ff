"""Sides that answer over HTTP take turns: the same client asks each of them for a moment, round after round.

The one invariant: what is compared was asked in the same round, over as many connections, and every answer was whole.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx2

from bench.asking import Asker, Order
from bench.report import Row
from bench.rounds import spread
from bench.serving import processor_seconds, with_workers

_STRIDE = 37
"""Questions apart where rounds begin, so that each asks about other people first."""


@dataclass(frozen=True, slots=True)
class Question:
    """One request. Its headers may hold a token, so it is not shown."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    body: bytes = b""

    def bytes_for(self, host: str) -> bytes:
        """The request as it travels."""
        headers = {"Host": host, "Accept": "*/*", **self.headers}
        if self.body:
            headers["Content-Length"] = str(len(self.body))
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{self.method} {self.path} HTTP/1.1\r\n{lines}\r\n".encode() + self.body


@dataclass(frozen=True, slots=True)
class Side:
    """Somebody who answers questions, and on this machine the process that does it."""

    name: str
    base: str
    questions: Sequence[Question]
    pid: int | None = None

    async def answer(self, question: Question) -> httpx2.Response:
        """One answer, to be looked at. Raises httpx2.HTTPError when there is none."""
        async with httpx2.AsyncClient(base_url=self.base, timeout=60) as http:
            return await http.request(
                question.method, question.path, headers=question.headers, content=question.body or None
            )

    def order(self, number: int, connections: int, seconds: float) -> Order:
        """What to ask in one round."""
        parts = urlsplit(self.base)
        tls = parts.scheme == "https"
        start = number * _STRIDE % len(self.questions)
        asked = [one.bytes_for(parts.netloc) for one in (*self.questions[start:], *self.questions[:start])]
        return Order(parts.hostname or "", parts.port or (443 if tls else 80), asked, connections, seconds, tls)

    def used(self) -> float:
        """Seconds of the processors that its processes have used so far; 0 for one on another machine."""
        return sum(processor_seconds(one) for one in with_workers(self.pid)) if self.pid is not None else 0.0


@dataclass(frozen=True, slots=True)
class Round:
    """What one side did in one round: answers a second, milliseconds of answers, and of processors for an answer."""

    rate: float
    milliseconds: tuple[float, ...]
    processor: float
    database: float
    client: float
    size: float

    @property
    def p50(self) -> float:
        return statistics.median(self.milliseconds)

    @property
    def p99(self) -> float:
        return percentile(self.milliseconds, 99)


@dataclass(frozen=True, slots=True)
class Plan:
    """How the sides take turns."""

    connections: int
    rounds: int
    seconds: float
    warm_up: int = 1


Rounds = dict[str, list[Round]]


async def in_rounds(asker: Asker, sides: Sequence[Side], plan: Plan, mongod: int) -> Rounds:
    """What each side did in each round. Who begins a round rotates; rounds of the warm-up do not count."""
    taken: Rounds = {side.name: [] for side in sides}
    for number in range(plan.warm_up + plan.rounds):
        first = number % len(sides)
        for side in (*sides[first:], *sides[:first]):
            used, stored = side.used(), processor_seconds(mongod)
            asked = await asker.ask(side.order(number, plan.connections, plan.seconds))
            count = len(asked.milliseconds)
            if number >= plan.warm_up:
                each = 1000 / count
                taken[side.name].append(
                    Round(
                        rate=count / asked.seconds,
                        milliseconds=tuple(asked.milliseconds),
                        processor=(side.used() - used) * each,
                        database=(processor_seconds(mongod) - stored) * each,
                        client=asked.processor * each,
                        size=asked.size / count,
                    )
                )
    return taken


def median(rounds: Sequence[Round], figure: Callable[[Round], float]) -> float:
    """The median of the rounds' figures."""
    return statistics.median(map(figure, rounds))


def compared(ours: Sequence[Round], theirs: Sequence[Round], figure: Callable[[Round], float]) -> str:
    """The median of the rounds' ratios, with the middle half of them."""
    return spread([figure(one) / figure(other) for one, other in zip(ours, theirs, strict=True)])


def by_rate(measure: str, taken: Rounds, reach: float) -> Row:
    """Print what two sides did, the floor first, and how their rates compare."""
    (_, floor), (name, ours) = taken.items()
    print(HEAD)
    for side, rounds in taken.items():
        print(told(side, rounds))
    ratio = compared(ours, floor, lambda each: each.rate)
    print(f"  rate {name} to that of the line above: {ratio}    reach: {reach}")
    rates = [f"{median(rounds, lambda each: each.rate):.0f} a second" for rounds in (floor, ours)]
    return Row(measure, rates[0], rates[1], ratio, f"{reach}")


def percentile(values: Sequence[float], part: int) -> float:
    """The smallest value that so many of a hundred do not exceed."""
    ranked = sorted(values)
    return ranked[max(0, -(-len(ranked) * part // 100) - 1)]


HEAD = f"  {'':<34}{'a second':>9}{'p50 ms':>9}{'p99 ms':>9}{'CPU ms':>9}{'mongod':>9}{'client':>9}{'bytes':>10}"


def told(name: str, rounds: Sequence[Round]) -> str:
    """One line of a report, under `HEAD`: percentiles of all answers, medians of the rest."""
    every = [one for each in rounds for one in each.milliseconds]
    figures = (
        median(rounds, lambda one: one.rate),
        percentile(every, 50),
        percentile(every, 99),
        median(rounds, lambda one: one.processor),
        median(rounds, lambda one: one.database),
        median(rounds, lambda one: one.client),
    )
    return f"  {name:<34}{''.join(f'{one:9.2f}' for one in figures)}{median(rounds, lambda one: one.size):10,.0f}"
