"""`ehb people` as a steward types it: guardians, emergencies that nobody at the facility can judge, objections."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders import FACILITY
from tests.house import House
from tests.running import ehb
from tests.stewards import environment
from tests.test_access_log import DISPUTE, log
from tests.test_consent import seen, world
from tests.test_emergency import opened
from tests.test_guardians import CHILD, PARENT, child, wards

BY = ("--steward", "staff-7")


@pytest.mark.long
async def test_a_guardian_is_entered_and_ended_and_no_number_is_an_argument(
    house: House, mongo_uri: str, tmp_path: Path
) -> None:
    parent = await child(house, 5)
    pair, settings = f"{CHILD}\n{PARENT}\n", environment(house, mongo_uri, tmp_path)
    proven = ("--relation", "PARENT", "--proof", "giấy khai sinh")

    entered = ehb("people", "guardian", *BY, *proven, stdin=pair, **settings)
    represented = await wards(house, parent)
    twice = ehb("people", "guardian", *BY, *proven, stdin=pair, **settings)
    ended = ehb("people", "end-guardian", *BY, stdin=pair, **settings)
    again = ehb("people", "end-guardian", *BY, stdin=pair, **settings)

    assert [one.returncode for one in (entered, twice, ended, again)] == [0, 1, 0, 1]
    assert len(represented) == 1
    assert await wards(house, parent) == []
    assert "[CONFLICT]" in twice.stderr
    assert "[NOT_FOUND]" in again.stderr
    assert CHILD not in twice.stderr + again.stderr


@pytest.mark.long
async def test_emergencies_are_listed_and_judged_and_objections_shown(
    house: House, mongo_uri: str, tmp_path: Path
) -> None:
    citizen, token, book = await world(house)
    await opened(house, token, book)
    await seen(house, token, book)
    [line] = await log(house, citizen, outcome="DENY")
    await house.data(citizen, DISPUTE, {"id": line["id"], "reason": "Tôi không đến khám"})
    settings = environment(house, mongo_uri, tmp_path)

    listed = ehb("people", "emergencies", *BY, "--facility", FACILITY, **settings)
    place = listed.stdout.split()[0]
    judged = ehb("people", "review", *BY, place, "--verdict", "MISUSE", **settings)
    after = ehb("people", "emergencies", *BY, "--facility", FACILITY, **settings)
    wrong = ehb("people", "review", *BY, "nonsense", "--verdict", "PROPER", **settings)
    disputes = ehb("people", "disputes", *BY, **settings)

    assert [one.returncode for one in (listed, judged, after, wrong, disputes)] == [0, 0, 0, 1, 0]
    assert f"{FACILITY}: 1 emergencies, 0 proper, 0 misuse, 1 waiting (0 overdue)" in listed.stdout
    assert after.stdout == f"{FACILITY}: 1 emergencies, 0 proper, 1 misuse, 0 waiting (0 overdue)\n"
    assert "Tôi không đến khám" in disputes.stdout
    assert "READ DENY NO_LEGAL_GROUND" in disputes.stdout
