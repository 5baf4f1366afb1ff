"""What lies in the store, counted from outside: whether a submission is there wholly or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.house import House


@dataclass(frozen=True)
class Held:
    """How many of each there are."""

    current: int
    records: int
    episodes: int
    submissions: int
    people: int


async def held(house: House) -> Held:
    """Count."""
    database = house.mongo.database
    return Held(
        current=await database["records"].count_documents({"state": "current"}),
        records=await database["records"].count_documents({}),
        episodes=await database["episodes"].count_documents({}),
        submissions=await database["submissions"].count_documents({}),
        people=await database["people"].count_documents({}),
    )


def wholly(before: Held, after: Held, receipt: dict[str, Any]) -> None:
    """The store is what the receipt says: everything of the visit, or nothing but the receipt itself."""
    status = receipt["status"]
    assert after.submissions == before.submissions + (status != "UNCHANGED"), receipt
    if status in ("REJECTED", "UNCHANGED"):
        assert (after.current, after.records, after.episodes, after.people) == (
            before.current,
            before.records,
            before.episodes,
            before.people,
        ), receipt
    elif status == "WAITING_FOR_IDENTITY":
        assert (after.records, after.people) == (before.records, before.people), receipt
    elif receipt["version"] == 1:
        assert after.current == before.current + receipt["records"], receipt
        assert after.episodes == before.episodes + 1, receipt
    else:
        assert after.episodes == before.episodes, receipt
        assert after.records >= before.records, receipt
        assert after.current >= receipt["records"], receipt
