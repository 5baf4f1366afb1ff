"""What a facility learns about a person's identity from receipts: a few answers a day, then a neutral one.

A receipt warns when a visit contradicts what is known of a person. Without a bound, a facility could try birth dates
until no warning comes. After `IDENTITY_ANSWERS` answers in a day, each receipt of this facility about this person says
`identity.unchecked`, whether the visit fits or not. The visit itself is treated as always.

Invariant: a count stays although the transaction of the visit is undone.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ehb.domain.identity_problems import IDENTITY_ANSWERS, is_answer, without_answer
from ehb.domain.submission import Problem
from ehb.store.budgets import Budgets
from ehb.store.mongo import Mongo


class IdentityAnswers:
    """Counts the answers to each facility about each person."""

    def __init__(self, mongo: Mongo) -> None:
        self._budgets = Budgets(mongo)

    async def count(self, facility: str, person: bytes, now: datetime) -> bool:
        """Count one answer; whether it may be given."""
        spent = await self._budgets.spend(_asker(facility, person), IDENTITY_ANSWERS, 1, now)
        return spent <= IDENTITY_ANSWERS.most

    async def find_exhausted(self, asked: Iterable[tuple[str, bytes]], now: datetime) -> set[tuple[str, bytes]]:
        """Those facilities and people about whom nothing more is told today."""
        askers = {_asker(*one): one for one in asked}
        spent = await self._budgets.find_spent(list(askers), IDENTITY_ANSWERS, now)
        return {askers[asker] for asker, count in spent.items() if count >= IDENTITY_ANSWERS.most}

    async def limit(
        self, problems: tuple[Problem, ...], facility: str, person: bytes, now: datetime, *, exhausted: bool
    ) -> tuple[Problem, ...]:
        """The problems that a receipt about this person may name."""
        if exhausted or (any(map(is_answer, problems)) and not await self.count(facility, person, now)):
            return without_answer(problems)
        return problems


def _asker(facility: str, person: bytes) -> bytes:
    return f"{facility}\0".encode() + person
