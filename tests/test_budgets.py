"""What could be used to try numbers and codes has a budget by the hour, for each person, whichever worker they meet."""

from __future__ import annotations

from asyncio import gather
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ehb.custodian import door
from ehb.domain.provision import Action
from ehb.store.budgets import Budgets
from ehb.store.mongo import Mongo
from tests.builders import NATIONAL_ID
from tests.house import House
from tests.test_consent import world

NUMBERS = door.BUDGETS[Action.FIND_PATIENT]
FIND = f'{{ bookId(number: "{NATIONAL_ID}") }}'
OPEN = 'mutation { openPresentation(code: "EHB:P:AAAA") { problems { code } } }'


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    budgets = {action: replace(budget, most=3) for action, budget in door.BUDGETS.items()}
    monkeypatch.setattr(door, "BUDGETS", budgets)


async def asked(house: House, token: str, query: str) -> str:
    answer = await house.ask(token, query)
    return str(answer["errors"][0]["extensions"]["code"]) if "errors" in answer else "OK"


@pytest.mark.parametrize("query", [FIND, OPEN], ids=["numbers", "codes"])
async def test_it_is_used_up(house: House, query: str) -> None:
    _, doctor, _ = await world(house)

    answers = [await asked(house, doctor, query) for _ in range(5 - (query == FIND))]

    assert answers[-2:] == ["RATE_LIMITED"] * 2
    assert answers.count("OK") == 3 - (query == FIND)  # the doctor has looked one number up already


async def test_of_many_at_once_no_more_go_through(house: House) -> None:
    _, doctor, _ = await world(house)

    answers = await gather(*(asked(house, doctor, OPEN) for _ in range(20)))

    assert sorted(answers) == ["OK"] * 3 + ["RATE_LIMITED"] * 17


async def test_everybody_has_their_own_and_what_is_over_it_is_in_the_trail(house: House) -> None:
    citizen, doctor, _ = await world(house)

    for _ in range(4):
        await asked(house, doctor, FIND)

    assert await asked(house, citizen, FIND) == "OK"
    refused = {"outcome": "DENY", "rule": "TOO_OFTEN", "action": Action.FIND_PATIENT.value}
    assert await house.mongo.database["audit_events"].count_documents(refused) == 2


async def test_it_comes_back_with_the_hour_and_the_count_names_nobody(mongo: Mongo) -> None:
    budgets, now = Budgets(mongo), datetime(2026, 11, 20, 9, 59, 59, tzinfo=UTC)

    counts = [await budgets.spend(b"d" * 16, NUMBERS, 1, now) for _ in range(3)]
    later = await budgets.spend(b"d" * 16, NUMBERS, 1, now + timedelta(seconds=1))
    kept = await mongo.database["budgets"].find().to_list()

    assert (counts, later) == ([1, 2, 3], 1)
    assert {frozenset(one) for one in kept} == {frozenset({"_id", "count", "expires"})}
    assert not any(b"d" * 16 in one["_id"] for one in kept)
