"""Visits that come at once share a transaction, and each fares as if it had come alone."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter
from typing import Any

import msgspec
import pytest

from ehb.custodian import Custodian
from ehb.domain.identity import Principal, PrincipalKind
from ehb.domain.records import Encounter
from ehb.domain.submission import Receipt, Status, VisitSummary
from ehb.errors import Forbidden, TooLarge
from ehb.formats import visit_xml
from ehb.services import submission
from ehb.store.group_commit import ENOUGH
from ehb.store.records import LARGEST_RECORD
from tests.builders import FACILITY, NOW, visit_file
from tests.house import House
from tests.intake.store import held
from tests.test_round_trips import Watch, watched

__all__ = ["watched"]  # a fixture
SENDER = Principal(PrincipalKind.FACILITY, facility=FACILITY, client_id=FACILITY, session="s")
CARD = "GD4019990000001"
Custody = tuple[Custodian, Watch]


def number(nth: int) -> str:
    """A number that nobody can have."""
    return f"99918500{nth:04d}"


def visit(nth: int, fields: dict[str, str] | None = None) -> VisitSummary:
    """The visit of one person in one episode, both of this number."""
    return visit_xml.read(visit_file({"MA_LK": f"LK-{nth}", "SO_CCCD": number(nth), **(fields or {})}))


async def sent(custodian: Custodian, *visits: VisitSummary) -> list[Receipt | BaseException]:
    """What becomes of visits that come at once, in their order. The first finds nobody under way."""
    return await asyncio.gather(
        *(submission.submit(custodian, SENDER, one, b"<file/>", now=NOW, path="test") for one in visits),
        return_exceptions=True,
    )


def fared(receipts: list[Receipt | BaseException]) -> list[tuple[str, int]]:
    """Status and version of each, or what was raised."""
    return [
        (one.status.value, one.version) if isinstance(one, Receipt) else (type(one).__name__, 0) for one in receipts
    ]


async def count(house: House, collection: str, **wanted: object) -> int:
    return await house.mongo.database[collection].count_documents(wanted)


async def test_visits_that_come_at_once_share_their_commands(house: House, watched: Custody) -> None:
    custodian, watch = watched
    await sent(custodian, visit(0))
    watch.seen.clear()

    receipts = await sent(custodian, *(visit(nth) for nth in range(1, 2 + 2 * ENOUGH)))

    assert fared(receipts) == [("ACCEPTED", 1)] * (1 + 2 * ENOUGH)
    asked = Counter(one[1:].split()[0] + " " + one.split()[1] for one in watch.seen if one.startswith("+"))
    assert asked["commitTransaction 1"] == 3
    assert asked["insert records"] == asked["insert submissions"] == asked["insert audit_events"] == 3
    assert asked["find identifiers"] == asked["insert identifiers"] == asked["update people"] == 3
    assert asked["update episodes"] == 2


async def test_what_was_shared_is_as_it_would_be_of_one_alone(house: House, watched: Custody) -> None:
    custodian, _ = watched
    before = await held(house)

    receipts = await sent(custodian, *(visit(nth) for nth in range(1 + ENOUGH)))

    after = await held(house)
    records = [one.records for one in receipts if isinstance(one, Receipt)]
    assert (after.current, after.people) == (before.current + sum(records), before.people + 1 + ENOUGH)
    for nth in (0, ENOUGH):
        assert len(await book(house, nth)) == records[nth]
    own = await house.mongo.database["people"].distinct("_id")
    assert sorted(await house.mongo.database["audit_events"].distinct("patient", {"action": "SUBMIT"})) == sorted(own)


async def test_one_that_cannot_be_kept_fails_alone(house: House, watched: Custody) -> None:
    custodian, _ = watched
    [encounter, *others] = (whole := visit(2)).drafts
    assert isinstance(encounter.record, Encounter)
    endless = msgspec.structs.replace(encounter.record, note="x" * LARGEST_RECORD)
    broken = dataclasses.replace(whole, drafts=(dataclasses.replace(encounter, record=endless), *others))

    receipts = await sent(custodian, visit(0), visit(1), broken, visit(3), visit(4))

    assert isinstance(receipts[2], TooLarge)
    assert fared([*receipts[:2], *receipts[3:]]) == [("ACCEPTED", 1)] * 4
    assert (await count(house, "episodes"), await count(house, "submissions")) == (4, 4)
    assert (await count(house, "people"), await count(house, "audit_events", action="SUBMIT")) == (4, 4)


async def test_two_versions_of_one_visit_at_once_are_two_versions(house: House, watched: Custody) -> None:
    custodian, _ = watched
    await sent(custodian, visit(9))  # from now on the facility is known, and they arrive in this order
    versions = [visit(1, {"LY_DO_VV": reason}) for reason in ("Sốt", "Ho", "Mệt")]

    receipts = await sent(custodian, visit(0), *versions, visit(2))

    assert fared(receipts) == [("ACCEPTED", 1), ("ACCEPTED", 1), ("ACCEPTED", 2), ("ACCEPTED", 3), ("ACCEPTED", 1)]
    [newest] = [one for one in await book(house, 1) if one["__typename"] == "Encounter"]
    assert (newest["reason"], newest["provenance"]["version"]) == ("Mệt", 3)


async def test_the_same_visit_twice_at_once_is_kept_once(house: House, watched: Custody) -> None:
    custodian, _ = watched

    receipts = await sent(custodian, visit(0), visit(1), visit(1), visit(2), visit(3))

    assert sorted(fared(receipts)[1:3]) == [("ACCEPTED", 1), ("UNCHANGED", 1)]
    assert await count(house, "submissions") == 4


async def test_what_is_here_already_is_said_to_be(house: House, watched: Custody) -> None:
    custodian, _ = watched
    await sent(custodian, visit(1), visit(2))

    receipts = await sent(custodian, visit(0), visit(1), visit(2, {"LY_DO_VV": "Ho"}), visit(3), visit(4))

    assert fared(receipts) == [
        ("ACCEPTED", 1), ("UNCHANGED", 1), ("ACCEPTED", 2), ("ACCEPTED", 1), ("ACCEPTED", 1),
    ]  # fmt: skip


async def test_a_folder_that_is_sent_again_changes_nothing(house: House, watched: Custody) -> None:
    custodian, _ = watched
    visits = [visit(nth) for nth in range(2 + ENOUGH)]
    first = await sent(custodian, *visits)
    before = await held(house)

    again = await sent(custodian, *visits)

    assert fared(again) == [("UNCHANGED", 1)] * len(visits)
    assert [one.id for one in again if isinstance(one, Receipt)] == [
        one.id for one in first if isinstance(one, Receipt)
    ]
    assert await held(house) == before


async def test_one_new_person_in_many_visits_at_once_gets_one_book(house: House, watched: Custody) -> None:
    custodian, _ = watched
    mine = [visit(nth, {"SO_CCCD": number(1), "MA_THE_BHYT": CARD}) for nth in range(1, 6)]

    receipts = await sent(custodian, visit(0), *mine)

    assert fared(receipts) == [("ACCEPTED", 1)] * 6
    assert (await count(house, "people"), await count(house, "identifiers")) == (2, 3)
    assert len(await book(house, 1)) == 5 * len(await book(house, 0))


async def test_one_person_by_number_and_by_card_at_once_learns_from_both(house: House, watched: Custody) -> None:
    """A number and a card touch different things, and lead to one person, whose document both would write."""
    custodian, _ = watched
    await sent(custodian, visit(1, {"MA_THE_BHYT": CARD}))
    by_number = visit(2, {"SO_CCCD": number(1), "DIA_CHI": "Phố Thử"})
    by_card = visit(3, {"SO_CCCD": "", "MA_THE_BHYT": CARD, "DIEN_THOAI": "0900000000"})

    receipts = await sent(custodian, visit(0), by_number, by_card, visit(4), visit(5))

    assert fared(receipts) == [("ACCEPTED", 1)] * 5
    known = await house.data(await house.citizen(number(1)), "{ myHealthBook { patient { address phone } } }")
    assert known["myHealthBook"]["patient"] == {"address": "Phố Thử", "phone": "0900000000"}


async def test_what_waits_for_an_identity_is_joined_by_the_card_of_one_in_a_group(
    house: House, watched: Custody
) -> None:
    custodian, _ = watched
    [waits] = await sent(custodian, visit(9, {"SO_CCCD": "", "MA_THE_BHYT": CARD}))

    receipts = await sent(custodian, visit(0), visit(1, {"MA_THE_BHYT": CARD}), visit(2), visit(3), visit(4))

    assert fared([waits, *receipts]) == [("WAITING_FOR_IDENTITY", 1), *[("ACCEPTED", 1)] * 5]
    assert await count(house, "submissions", status=Status.WAITING_FOR_IDENTITY.value) == 0
    assert len(await book(house, 1)) == 2 * len(await book(house, 0))


async def test_nobody_and_somebody_at_once_each_fare_as_alone(house: House, watched: Custody) -> None:
    custodian, _ = watched
    nobody = visit(2, {"SO_CCCD": ""})
    refused = visit(3, {"NGAY_VAO": "20261301"})

    receipts = await sent(custodian, visit(0), visit(1), nobody, refused, visit(4), visit(5))

    assert [status for status, _ in fared(receipts)] == [
        "ACCEPTED", "ACCEPTED", "WAITING_FOR_IDENTITY", "REJECTED", "ACCEPTED", "ACCEPTED",
    ]  # fmt: skip
    assert (await count(house, "episodes"), await count(house, "submissions")) == (5, 6)


async def test_a_rehearsal_shares_with_nobody_and_stores_nothing(house: House, watched: Custody) -> None:
    custodian, _ = watched
    rehearsed = submission.submit(custodian, SENDER, visit(9), b"<file/>", now=NOW, path="test", dry_run=True)

    receipt, *others = await asyncio.gather(rehearsed, sent(custodian, *(visit(nth) for nth in range(3))))

    assert (receipt.status, fared(others[0])) == (Status.ACCEPTED, [("ACCEPTED", 1)] * 3)
    assert (await count(house, "episodes"), await count(house, "people")) == (3, 3)


async def test_of_one_whose_sender_goes_away_all_is_kept_or_nothing(house: House, watched: Custody) -> None:
    custodian, _ = watched
    for turns in range(0, 40, 3):
        before = await held(house)
        tasks = [asyncio.create_task(submitting(custodian, 10 * turns + nth)) for nth in range(5)]
        for _ in range(turns):
            await asyncio.sleep(0.0005)
        tasks[2].cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0.1)  # a group goes on without them
        after = await held(house)

        receipts = [one for one in done if isinstance(one, Receipt)]
        assert len(receipts) >= 4
        kept = after.submissions - before.submissions
        assert kept in (4, 5)
        assert (after.episodes - before.episodes, after.people - before.people) == (kept, kept)
        assert after.current - before.current == kept * receipts[0].records


async def test_a_stranger_in_the_crowd_is_refused_and_nobody_else(house: House, watched: Custody) -> None:
    custodian, _ = watched
    stranger = dataclasses.replace(SENDER, facility="99002")

    answers = await asyncio.gather(
        sent(custodian, *(visit(nth) for nth in range(4))),
        submission.submit(custodian, stranger, visit(9), b"<file/>", now=NOW, path="test"),
        return_exceptions=True,
    )

    assert isinstance(answers[1], Forbidden)
    assert isinstance(answers[0], list)
    assert fared(answers[0]) == [("ACCEPTED", 1)] * 4


@pytest.mark.parametrize("senders", [2, 8])
async def test_several_workers_that_take_the_same_visits_at_once_keep_each_once(
    house: House, watched: Custody, senders: int
) -> None:
    """Each worker groups for itself, so their transactions meet: who loses is done again, one by one."""
    custodian, _ = watched
    visits = [visit(nth) for nth in range(6)]

    token = await house.facility(FACILITY)
    bodies = [visit_file({"MA_LK": f"LK-{nth}", "SO_CCCD": number(nth)}) for nth in range(6)]
    answers, receipts = await asyncio.gather(
        asyncio.gather(*(house.submit(token, body) for body in bodies)), sent(custodian, *visits[: senders % 7])
    )

    assert {answer.status_code for answer in answers} <= {200, 201}
    assert all(isinstance(one, Receipt) for one in receipts)
    assert (await count(house, "episodes"), await count(house, "people"), await count(house, "submissions")) == (
        6,
        6,
        6,
    )


async def test_who_waits_for_a_card_and_who_brings_it_to_another_worker_do_not_miss_each_other(
    house: House, watched: Custody
) -> None:
    """Neither transaction sees what the other one writes, so both must write the same document."""
    custodian, _ = watched
    token = await house.facility(FACILITY)

    for nth in range(30):
        card = f"GD40199900{nth:05d}"
        waits = visit(100 + nth, {"SO_CCCD": "", "MA_THE_BHYT": card})
        brings = visit_file({"MA_LK": f"LK-{200 + nth}", "SO_CCCD": number(nth), "MA_THE_BHYT": card})
        await asyncio.gather(sent(custodian, waits), house.submit(token, brings))

    assert await count(house, "submissions", status="WAITING_FOR_IDENTITY") == 0
    assert await count(house, "submissions", status="ACCEPTED") == 60


async def submitting(custodian: Custodian, nth: int) -> Receipt:
    return await submission.submit(custodian, SENDER, visit(nth), b"<file/>", now=NOW, path="test")


async def book(house: House, nth: int) -> list[dict[str, Any]]:
    """The records that this person reads."""
    query = """{ myHealthBook { timeline(first: 100) { nodes {
      __typename time provenance { version } ... on Encounter { reason } } } } }"""
    found = await house.data(await house.citizen(number(nth)), query)
    nodes: list[dict[str, Any]] = found["myHealthBook"]["timeline"]["nodes"]
    return nodes
