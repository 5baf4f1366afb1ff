"""The budget of points: for each actor, across workers, by the minute (rows L3 and L7)."""

from __future__ import annotations

from asyncio import gather
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ehb.domain.budget import MINUTE, Budget, actor
from ehb.domain.identity import ANONYMOUS, Principal, PrincipalKind
from ehb.errors import RateLimited
from ehb.store.budgets import Budgets
from ehb.store.mongo import Mongo
from graphql_schema.allowance import Allowance
from tests.builders import FACILITY, NATIONAL_ID
from tests.house import House

MOST, STEP = 5_000, 100
NOW = datetime(2026, 11, 20, 9, 59, 15, tzinfo=UTC)
PERSON, OTHER = (Principal(PrincipalKind.CITIZEN, patient_id=letter * 16) for letter in (b"a", b"b"))
ASKED = {"query": "{ me { kind } }"}  # 503 points


class Worker:
    """One worker's purses, on a clock that stands still; counts how often it asks the database."""

    def __init__(self, mongo: Mongo) -> None:
        self.now, self.asked = NOW, 0
        self._counts = Budgets(mongo)
        budget = Budget("graphql", MOST, MINUTE)
        self.allowance = Allowance(self, lambda: self.now, person=budget, facility=budget)

    async def spend(self, actor: bytes, budget: Budget, amount: int, now: datetime) -> int:
        self.asked += 1
        return await self._counts.spend(actor, budget, amount, now)

    async def granted(self, points: int, times: int, who: Principal = PERSON) -> int:
        """Of so many requests at once, how many went through."""
        done = await gather(*(self.allowance.spend(who, points) for _ in range(times)), return_exceptions=True)
        assert all(one is None or isinstance(one, RateLimited) for one in done), done
        return sum(one is None for one in done)


async def test_row_l3_one_worker_gives_the_budget_and_not_a_point_more(mongo: Mongo) -> None:
    """Row L3."""
    worker = Worker(mongo)

    assert sum([await worker.granted(7, 1) for _ in range(MOST)]) in range((MOST - STEP) // 7, MOST // 7 + 1)
    assert await worker.granted(1, 1, OTHER) == 1


async def test_row_l3_all_workers_together_give_at_most_a_step_for_each_more(mongo: Mongo) -> None:
    """Row L3."""
    workers = [Worker(mongo) for _ in range(5)]

    spent = 10 * sum(await gather(*(worker.granted(10, 300) for worker in workers)))

    assert MOST - 5 * STEP <= spent <= MOST + 5 * STEP


async def test_whoever_asks_little_costs_no_round_trip_and_whoever_has_nothing_left_no_further_one(
    mongo: Mongo,
) -> None:
    worker = Worker(mongo)

    await worker.granted(10, 10)
    little = worker.asked
    for _ in range(60):
        await worker.granted(100, 1)
    much = worker.asked
    await worker.granted(100, 50)

    assert little == 0
    assert much <= MOST // STEP
    assert worker.asked == much


async def test_it_comes_back_with_the_minute_and_the_wait_is_said(mongo: Mongo) -> None:
    worker = Worker(mongo)
    await worker.granted(100, 60)

    with pytest.raises(RateLimited) as refused:
        await worker.allowance.spend(PERSON, 100)
    worker.now += timedelta(seconds=refused.value.retry_after)

    assert refused.value.details == {"retryAfter": 45}
    assert await worker.granted(100, 1) == 1


async def test_more_than_the_whole_budget_at_once_is_never_had(mongo: Mongo) -> None:
    worker = Worker(mongo)

    assert await worker.granted(MOST + 1, 1) == 0


def test_the_actor_is_the_person_or_the_client_and_else_nobody() -> None:
    at_work = Principal(PrincipalKind.CITIZEN, patient_id=b"a" * 16, facility=FACILITY, session="another login")
    clients = [Principal(PrincipalKind.FACILITY, facility=FACILITY, client_id=name) for name in ("x", "y")]

    assert actor(ANONYMOUS) is None
    assert actor(at_work) == actor(PERSON)
    assert len({actor(PERSON), actor(OTHER), *map(actor, clients)}) == 4


@pytest.fixture
def changes() -> dict[str, Any]:
    return {"person_points": 1_100, "facility_points": 10**6}


async def test_over_http_it_is_429_with_the_seconds_to_wait(house: House) -> None:
    headers = {"Authorization": f"Bearer {await house.citizen(NATIONAL_ID)}", "Accept-Language": "en"}

    for _ in range(8):
        answer = await house.http.post("/graphql", json=ASKED, headers=headers)
        if answer.status_code != 200:
            break

    assert answer.status_code == 429
    [error] = answer.json()["errors"]
    assert "data" not in answer.json()
    assert error["extensions"]["code"] == "RATE_LIMITED"
    assert 1 <= error["extensions"]["retryAfter"] <= 60
    assert answer.headers["retry-after"] == str(error["extensions"]["retryAfter"])
    facility = {"Authorization": f"Bearer {await house.facility(FACILITY)}"}
    assert (await house.http.post("/graphql", json=ASKED, headers=facility)).status_code == 200
    assert (await house.http.post("/graphql", json=ASKED)).status_code == 200
