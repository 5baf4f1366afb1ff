"""Previews through the whole house: exactly what the viewer would get, and why they would not get the rest."""

from __future__ import annotations

from typing import Any

from tests.builders import FACILITY
from tests.house import House
from tests.stewards import appoint
from tests.test_access_log import log
from tests.test_consent import given, permit, seen, world
from tests.test_emergency import opened as opened_emergency
from tests.test_guardians import CHILD, PARENT, child, read, wards
from tests.test_presentation import opened, show

PREVIEW = """query($viewer: ViewerInput!, $patient: ID) { previewBook(viewer: $viewer, patient: $patient) {
  permitted rule text book { withheld timeline(first: 100) { nodes { __typename id } } }
  withheld { reason source record { __typename id } } } }"""
DOCTOR = {"kind": "PRACTITIONER", "licence": "000077/TEST-CCHN"}


async def preview(house: House, token: str, viewer: dict[str, Any], patient: str | None = None) -> dict[str, Any]:
    return dict((await house.data(token, PREVIEW, {"viewer": viewer, "patient": patient}))["previewBook"])


def ids(found: dict[str, Any]) -> list[str]:
    return [node["id"] for node in found["book"]["timeline"]["nodes"]] if found["book"] else []


async def own_records(house: House, citizen: str) -> list[dict[str, Any]]:
    book = await house.data(citizen, "{ myHealthBook { timeline(first: 100) { nodes { __typename id } } } }")
    return list(book["myHealthBook"]["timeline"]["nodes"])


async def test_it_is_what_the_clinician_gets_and_says_why_not_the_rest(house: House) -> None:
    citizen, token, book = await world(house)
    records = await own_records(house, citizen)
    hidden = next(one["id"] for one in records if one["__typename"] == "Condition")

    nothing = await preview(house, citizen, DOCTOR)
    consent = await given(
        house,
        citizen,
        permit(select={"sections": ["CONDITIONS", "PRESCRIPTIONS"]}, exceptions=[{"sections": ["PRESCRIPTIONS"]}]),
    )
    await house.data(citizen, "mutation($id: ID!) { restrictRecord(id: $id) { id } }", {"id": hidden})
    some = await preview(house, citizen, DOCTOR)

    assert (nothing["permitted"], nothing["rule"], nothing["book"]) == (False, "NO_LEGAL_GROUND", None)
    assert nothing["text"] == "nothing allows it"
    assert len(nothing["withheld"]) == len(records)
    assert (some["permitted"], some["rule"]) == (True, "CONSENT")
    assert ids(some) == await seen(house, token, book)
    why = {one["record"]["id"]: one for one in some["withheld"]}
    assert set(why) == {one["id"] for one in records} - set(ids(some))
    assert why[hidden]["reason"] == "BLOCKED"
    excepted = [one for one in why.values() if one["reason"] == "EXCEPTED"]
    assert {one["record"]["__typename"] for one in excepted} == {"MedicationRequest"}
    assert {one["source"] for one in excepted} == {consent}
    assert "NO_LEGAL_GROUND" in {one["reason"] for one in why.values()}


async def test_it_leaves_no_line_of_the_viewer_and_uses_nothing_up(house: House) -> None:
    citizen, token, book = await world(house)
    await given(house, citizen, permit(maxUses=1))

    for _ in range(3):
        await preview(house, citizen, DOCTOR)
    lines = await log(house, citizen)

    assert not [one for one in lines if one["who"] == "PRACTITIONER"]
    assert [one["count"] for one in lines if one["action"] == "PREVIEW" and one["who"] == "YOURSELF"] == [3]
    assert await seen(house, token, book)
    assert (await preview(house, citizen, DOCTOR))["permitted"] is False


async def test_a_block_a_presentation_and_an_emergency_are_seen_through(house: House) -> None:
    citizen, token, book = await world(house)
    shown = await show(house, citizen)
    await opened(house, token, shown["code"])

    presented = await preview(house, citizen, DOCTOR)
    colleague = await preview(house, citizen, {"kind": "FACILITY", "facility": FACILITY})
    emergency = await preview(house, citizen, {"kind": "EMERGENCY", "facility": FACILITY})
    declared = await preview(house, citizen, {"kind": "EMERGENCY_DECLARED", "facility": FACILITY})
    await given(house, citizen, {"terms": {"permit": False, "granteeKind": "FACILITY", "grantee": FACILITY}})
    blocked = await preview(house, citizen, DOCTOR)

    assert presented["rule"] == "PRESENTATION"
    assert colleague["permitted"] is False
    assert emergency["rule"] == declared["rule"] == "EMERGENCY"
    assert 0 < len(ids(emergency)) < len(ids(declared))
    assert (blocked["permitted"], blocked["rule"]) == (False, "BLOCKED")
    assert await house.mongo.database["grants"].count_documents({"type": "emergency"}) == 0
    await opened_emergency(house, token, book)
    assert (await preview(house, citizen, {"kind": "EMERGENCY", "facility": FACILITY}))["rule"] == "EMERGENCY"


async def test_a_child_sees_what_a_parent_sees_and_the_parent_nothing_by_it(house: House) -> None:
    parent = await child(house, 16, MA_BENH_CHINH="B20")
    await appoint(house, CHILD, PARENT)
    [ward] = await wards(house, parent)
    token = await house.citizen(CHILD, "Nguyễn Văn Con", birthdate="2010-01-01")
    [guardian] = (await house.data(token, "{ myGuardians { id } }"))["myGuardians"]

    through = await preview(house, token, {"kind": "GUARDIAN", "guardian": guardian["id"]})
    place = {"kind": "FACILITY", "facility": FACILITY}
    refused = await house.ask(parent, PREVIEW, {"viewer": place, "patient": ward["patient"]})

    assert through["rule"] == "REPRESENTATION"
    assert len(ids(through)) == len(await read(house, parent, ward["patient"]) or [])
    assert {one["reason"] for one in through["withheld"]} == {"SENSITIVE"}
    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_viewer_whom_the_registry_does_not_know_is_said(house: House) -> None:
    citizen, _, _ = await world(house)

    for viewer in ({"kind": "PRACTITIONER", "licence": "NOBODY/0"}, {"kind": "FACILITY"}, {"kind": "GUARDIAN"}):
        answer = await house.ask(citizen, PREVIEW, {"viewer": viewer})
        assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    elsewhere = await preview(house, citizen, {**DOCTOR, "facility": "99002"})
    assert (elsewhere["permitted"], elsewhere["rule"]) == (False, "ROLE_NOT_IN_FORCE")
