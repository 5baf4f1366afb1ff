"""Operations that take too long are stopped, and an actor has so many at once (row L6)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ehb.custodian import Custodian
from graphql_schema.allowance import AT_ONCE
from tests.builders import FACILITY, NATIONAL_ID, visit_file
from tests.house import House

BOOK = {"query": "{ myHealthBook { asOf } }"}
ASKING = {"Accept": "application/graphql-response+json", "Accept-Language": "en"}


@pytest.fixture
def changes() -> dict[str, Any]:
    return {"request_seconds": 2.0}


class Endless:
    """A read that never comes to its end; counts how many began and how many were cancelled."""

    def __init__(self) -> None:
        self.begun, self.cancelled = 0, 0

    async def __call__(self, *_: Any, **__: Any) -> None:
        self.begun += 1
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> Endless:
    found = Endless()
    monkeypatch.setattr(Custodian, "read", found)
    return found


@pytest.mark.parametrize("accept", [ASKING["Accept"], "text/event-stream"])
@pytest.mark.parametrize("query", [BOOK["query"], "{ a: myHealthBook { asOf } b: myHealthBook { asOf } }"])
async def test_row_l6_what_takes_too_long_is_cancelled_and_503(
    house: House, endless: Endless, query: str, accept: str
) -> None:
    """Row L6; asked as events it is not followed, and has the same limits."""
    headers = {**ASKING, "Accept": accept, "Authorization": f"Bearer {await house.citizen(NATIONAL_ID)}"}

    answer = await house.http.post("/graphql", json={"query": query}, headers=headers)

    assert answer.status_code == 503
    found = answer.headers["x-request-id"]
    assert answer.json() == {
        "errors": [
            {
                "message": "The request took too long and was stopped.",
                "extensions": {"code": "INTERNAL", "correlationId": found},
            }
        ]
    }
    assert endless.begun == endless.cancelled == query.count("myHealthBook")


async def test_row_l6_a_write_that_is_stopped_while_another_holds_its_place_did_not_happen(house: House) -> None:
    await house.submit(await house.facility(FACILITY), visit_file())
    token = await house.citizen(NATIONAL_ID)
    consents = "{ myConsents { id } }"
    give = (
        'mutation { giveConsent(consent: {permit: false, granteeKind: FACILITY, grantee: "99002"}) { consent { id } } }'
    )
    before = await house.data(token, consents)
    assert "errors" not in await house.ask(token, give)
    grants = house.mongo.database["grants"]

    async with house.mongo.client.start_session() as session, await session.start_transaction():
        for grant in await grants.find({}, session=session).to_list():
            await grants.update_one({"_id": grant["_id"]}, {"$set": {"held": 1}}, session=session)
        withdraw = await house.http.post(
            "/graphql",
            json={
                "query": "mutation($id: ID!) { withdrawConsent(id: $id) { id } }",
                "variables": {"id": (await house.data(token, consents))["myConsents"][0]["id"]},
            },
            headers={**ASKING, "Authorization": f"Bearer {token}"},
        )
        await session.abort_transaction()

    assert before == {"myConsents": []}
    assert withdraw.status_code == 503
    assert len((await house.data(token, consents))["myConsents"]) == 1


async def test_row_l6_an_actor_has_so_many_at_once_and_nobody_else_waits_for_them(
    house: House, endless: Endless
) -> None:
    """Row L6."""
    token, other = await house.citizen(NATIONAL_ID), await house.citizen("999185900009", "Lê Thị Lạ")
    headers = {**ASKING, "Authorization": f"Bearer {token}"}

    many = [asyncio.create_task(house.http.post("/graphql", json=BOOK, headers=headers)) for _ in range(AT_ONCE + 5)]
    refused, _ = await asyncio.wait(many, return_when=asyncio.FIRST_COMPLETED)
    others = await house.ask(other, '{ facility(code: "99001") { code } }')
    answers = await asyncio.gather(*many)

    assert refused.pop().result().status_code == 429
    assert others == {"data": {"facility": {"code": FACILITY}}}
    assert sorted(one.status_code for one in answers) == [429] * 5 + [503] * AT_ONCE
    assert {one.headers.get("retry-after") for one in answers if one.status_code == 429} == {"1"}
    assert "errors" not in await house.ask(token, '{ facility(code: "99001") { code } }')
