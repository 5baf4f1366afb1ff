"""What ends: an emergency, a role, a facility. From the next request on nothing is left of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ehb.domain.emergency import DELEGATED, Rate, Verdict
from ehb.services import emergency as emergency_service
from ehb.store import remembered
from ehb.store.practitioners import Practitioners
from ehb.store.vault import Vault
from tests.builders import FACILITY, visit_file
from tests.house import House
from tests.stewards import PATH, STEWARD, stewards_door
from tests.test_consent import DOCTOR, OTHER_DOCTOR, doctor, given, permit, world
from tests.test_emergency import DECLARE, OPEN, QUEUE, REASON, REVIEW, code_of, kinds, opened

LICENCE, OTHER_LICENCE = "000077/TEST-CCHN", "000088/TEST-CCHN"
MINE = "{ myEmergencies { id licence verdict endedAt } }"
END = "mutation($id: ID!) { endEmergency(id: $id) { id } }"
TREATED = "query($p: ID!) { healthBook(patient: $p, purpose: TREATMENT) { timeline(first: 1) { nodes { id } } } }"
RETRACT = 'mutation($id: ID!) { retractSubmission(id: $id, reason: "nhập nhầm") { id } }'


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """The register is asked each time: as if ten seconds had passed."""
    monkeypatch.setattr(remembered, "SECONDS", 0.0)


async def reads(house: House, token: str, book: str) -> bool:
    return "errors" not in await house.ask(token, TREATED, {"p": book})


# Emergencies


async def test_misuse_ends_the_opening_and_bars_the_second_step(house: House) -> None:
    _, token, book = await world(house)
    colleague = await doctor(house, OTHER_DOCTOR, OTHER_LICENCE, FACILITY)
    emergency = await opened(house, token, book)
    before = await kinds(house, token, book)

    await house.data(colleague, REVIEW, {"id": emergency["id"], "v": "MISUSE"})

    assert before
    assert await kinds(house, token, book) is None
    assert await code_of(house, token, DECLARE, {"id": emergency["id"], "declared": True}) == "NOT_FOUND"
    assert await kinds(house, token, book) is None


async def test_misuse_that_was_found_before_ends_were_kept_opens_nothing(house: House) -> None:
    _, token, book = await world(house)
    emergency = await opened(house, token, book)
    judged = {"verdict": "MISUSE", "reviewed": house.clock(), "reviewer": OTHER_LICENCE}
    await house.mongo.database["grants"].update_one({"type": "emergency"}, {"$set": judged})

    assert await kinds(house, token, book) is None
    assert await code_of(house, token, DECLARE, {"id": emergency["id"], "declared": True}) == "NOT_FOUND"


async def test_person_sees_and_ends_an_emergency_and_it_is_reviewed_all_the_same(house: House) -> None:
    citizen, token, book = await world(house)
    colleague = await doctor(house, OTHER_DOCTOR, OTHER_LICENCE, FACILITY)
    emergency = await opened(house, token, book)
    [mine] = (await house.data(citizen, MINE))["myEmergencies"]

    await house.data(citizen, END, {"id": mine["id"]})

    assert mine["licence"] == LICENCE
    assert await kinds(house, token, book) is None
    assert await code_of(house, token, DECLARE, {"id": emergency["id"], "declared": True}) == "NOT_FOUND"
    assert await code_of(house, citizen, END, {"id": mine["id"]}) == "NOT_FOUND"
    assert await code_of(house, token, END, {"id": emergency["id"]}) == "NOT_FOUND"
    review = (await house.data(colleague, REVIEW, {"id": emergency["id"], "v": "PROPER"}))["reviewEmergencyAccess"]
    assert review["verdict"] == "PROPER"


async def test_colleagues_who_judge_each_other_need_a_steward(house: House) -> None:
    _, token, book = await world(house)
    colleague = await doctor(house, OTHER_DOCTOR, OTHER_LICENCE, FACILITY)
    review = REVIEW.replace("{ verdict reviewedAt }", "{ verdict needsSteward }")
    first = await opened(house, token, book)
    one = (await house.data(colleague, review, {"id": first["id"], "v": "PROPER"}))["reviewEmergencyAccess"]
    second = await opened(house, colleague, book)
    other = (await house.data(token, review, {"id": second["id"], "v": "PROPER"}))["reviewEmergencyAccess"]

    door = stewards_door(house)
    queue = await emergency_service.reviews(door, STEWARD, FACILITY, waiting=True, first=10, path=PATH)
    [(patient, held)] = queue.emergencies
    await emergency_service.review(door, STEWARD, patient, held.emergency.id, Verdict.MISUSE, path=PATH)
    after = (await house.data(token, QUEUE, {"waiting": False}))["emergencyReviews"]

    assert (one["needsSteward"], other["needsSteward"]) == (False, True)
    assert (queue.counts.proper, queue.counts.unconfirmed) == (2, 1)
    assert (after["proper"], after["misuse"], after["waiting"]) == (1, 1, 0)
    assert await kinds(house, colleague, book) is None


# Roles


async def change(house: House, **fields: Any) -> None:
    """The register says something else of the doctor, as another process would write it."""
    register = Practitioners(house.mongo, Vault(house.keys))
    known = await register.practitioner(LICENCE)
    assert known is not None
    await Practitioners(house.mongo, Vault(house.keys)).save([replace(known, **fields)])


@pytest.mark.usefixtures("forgetful")
async def test_licence_of_another_person_opens_nothing_to_the_first(house: House) -> None:
    citizen, token, book = await world(house)
    await given(house, citizen, permit())
    before = await reads(house, token, book)

    numbers = Practitioners(house.mongo, Vault(house.keys))
    await change(house, number=numbers.number_index("999185000333"))

    assert before
    assert not await reads(house, token, book)
    assert await code_of(house, token, OPEN, {"p": book, "reason": REASON}) == "FORBIDDEN"


@pytest.mark.usefixtures("forgetful")
@pytest.mark.parametrize("fields", [{"scope": "Răng hàm mặt"}, {"facilities": ("99002",)}], ids=["scope", "workplace"])
async def test_role_is_what_the_register_says_now(house: House, fields: dict[str, Any]) -> None:
    citizen, token, book = await world(house)
    await given(house, citizen, permit(granteeKind="ROLE", grantee="Nội khoa"))
    before = await reads(house, token, book)

    await change(house, **fields)

    assert before
    assert not await reads(house, token, book)
    again = await house.citizen(DOCTOR, "Bác sĩ Thử")
    assert not await reads(house, again, book) or "scope" not in fields


# Facilities


@pytest.mark.usefixtures("forgetful")
async def test_suspended_facility_can_do_nothing_from_the_next_request_on(house: House) -> None:
    token = await house.facility(FACILITY)
    receipt = (await house.submit(token, visit_file())).json()["id"]
    headers = {"Authorization": f"Bearer {token}"}

    await house.mongo.database["facilities"].update_one({"_id": FACILITY}, {"$set": {"active": False}})

    assert await code_of(house, token, RETRACT, {"id": receipt}) == "FORBIDDEN"
    for asked in ("{ mySubmissions { nodes { id } } }", f'{{ submission(id: "{receipt}") {{ id }} }}'):
        assert await code_of(house, token, asked, {}) == "FORBIDDEN"
    again = await house.http.get(f"/facility/submissions/{receipt}", headers=headers)
    dry = await house.submit(token, visit_file(), dry_run=True)
    assert (again.status_code, dry.status_code) == (403, 403)
    assert await house.mongo.database["submissions"].count_documents({"retracted": {"$exists": True}}) == 0


# A facility's rate


@pytest.mark.parametrize(
    ("today", "lately", "alarming"),
    [(4, 4, False), (5, 5, True), (6, 34, True), (6, 62, False), (7, 63, True), (300, 300 + 28 * 100, False)],
)
def test_three_times_the_usual_rate_is_an_alarm(today: int, lately: int, alarming: bool) -> None:
    assert Rate(today, lately).is_alarming is alarming


async def test_facility_that_opens_far_more_than_usual_raises_one_alarm_a_day(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    _, token, book = await world(house)

    for _ in range(7):
        await opened(house, token, book)

    told = [line for line in capsys.readouterr().err.splitlines() if "more emergencies than usual" in line]
    assert len(told) == 1
    assert f'"facility":"{FACILITY}"' in told[0].replace(" ", "")


async def test_systems_of_one_facility_open_a_bounded_number_of_books(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.test_delegation import exchanged

    _, token, book = await world(house)
    monkeypatch.setattr("ehb.custodian.emergencies.DELEGATED", replace(DELEGATED, most=2))
    system = (await exchanged(house, token))["access_token"]

    codes = []
    for _ in range(3):
        answer = await house.ask(system, OPEN, {"p": book, "reason": REASON})
        codes.append(answer["errors"][0]["extensions"]["code"] if "errors" in answer else None)

    assert codes == [None, None, "RATE_LIMITED"]
    assert "errors" not in await house.ask(token, OPEN, {"p": book, "reason": REASON})
