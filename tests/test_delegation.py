"""A facility's system reads for a clinician, through the whole house: what opens, what stays closed, what is told.

Standards row A6: the trail and the citizen's access log show the person and the system.
"""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

import pytest
from joserfc import jwt

from auth.exchange import ACCESS_TOKEN, GRANT
from ehb.domain.trail_seal import leaf_of
from ehb.store import remembered
from tests.builders import FACILITY
from tests.house import BASE, House
from tests.test_access_log import LOG
from tests.test_consent import given, permit, seen, world

SYSTEMS_LOG = LOG.replace("{ id text", "{ id system text")


async def exchanged(house: House, token: str, code: str = FACILITY) -> dict[str, Any]:
    """What the system of a facility gets for a clinician's token."""
    now = int(time.time())
    claims = {"iss": code, "sub": code, "aud": BASE, "jti": secrets.token_hex(8), "exp": now + 120}
    answer = await house.http.post(
        "/auth/token",
        data={
            "grant_type": GRANT,
            "subject_token": token,
            "subject_token_type": ACCESS_TOKEN,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": jwt.encode({"alg": "ES256", "kid": code}, claims, house.facility_keys[code]),
        },
    )
    found: dict[str, Any] = answer.json()
    return found


async def test_a_system_sees_what_its_clinician_sees_and_the_citizen_reads_of_both(house: House) -> None:
    """Row A6."""
    citizen, doctor, book = await world(house)
    await given(house, citizen, permit())
    system = (await exchanged(house, doctor))["access_token"]

    assert await seen(house, system, book) == await seen(house, doctor, book)

    lines = (await house.data(citizen, SYSTEMS_LOG, {"others": True, "actions": ["READ"]}))["myAccessLog"]["nodes"]
    themselves, through = sorted(lines, key=lambda line: line["system"] or "")
    assert (themselves["system"], through["system"]) == (None, FACILITY)
    assert {(one["who"], one["name"], one["licence"], one["facility"]) for one in lines} == {
        ("PRACTITIONER", "Bác sĩ Thử", "000077/TEST-CCHN", FACILITY)
    }
    assert f"Bác sĩ Thử (a practitioner), Bệnh viện Thử 99001, through the system {FACILITY} saw" in through["text"]
    assert "through the system" not in themselves["text"]


async def test_the_clinicians_own_affairs_are_closed_to_the_system_and_the_attempt_is_told(house: House) -> None:
    _, doctor, _ = await world(house)
    system = (await exchanged(house, doctor))["access_token"]

    for query in (
        "{ myHealthBook { patientId } }",
        "{ myAccessLog { nodes { id } } }",
        "{ myConsents { id } }",
        "{ myWards { patient } }",
        "mutation { startPresentation(presentation: {sections: [CONDITIONS]}) { code } }",
    ):
        answer = await house.ask(system, query)
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN", query

    lines = (await house.data(doctor, SYSTEMS_LOG, {"outcome": "DENY"}))["myAccessLog"]["nodes"]
    assert {(line["system"], line["rule"]) for line in lines} == {(FACILITY, "DELEGATED")}


async def test_a_system_is_told_for_whom_it_acts_and_nothing_of_the_clinicians_own(house: House) -> None:
    _, doctor, _ = await world(house)
    system = (await exchanged(house, doctor))["access_token"]

    me = (await house.data(system, "{ me { kind name patientId system role { facility } abilities } }"))["me"]

    assert me == {
        "kind": "CITIZEN",
        "name": None,
        "patientId": None,
        "system": FACILITY,
        "role": {"facility": FACILITY},
        "abilities": ["TREAT"],
    }


async def test_a_facility_ends_its_own_token(house: House) -> None:
    """Row A8."""
    token = await house.facility(FACILITY)
    now = int(time.time())
    claims = {"iss": FACILITY, "sub": FACILITY, "aud": BASE, "jti": secrets.token_hex(8), "exp": now + 120}
    signed = jwt.encode({"alg": "ES256", "kid": FACILITY}, claims, house.facility_keys[FACILITY])
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

    revoked = await house.http.post(
        "/auth/revoke", data={"token": token, "client_assertion_type": kind, "client_assertion": signed}
    )

    assert revoked.status_code == 200
    assert (
        await house.http.get("/facility/submissions/x", headers={"Authorization": f"Bearer {token}"})
    ).status_code == 401


async def test_it_ends_at_the_very_next_request_after_the_clinician_signs_out(house: House) -> None:
    """Row A8."""
    _, doctor, _ = await world(house)
    system = (await exchanged(house, doctor))["access_token"]

    await house.http.post("/auth/revoke", data={"token": doctor, "client_id": "ehb-mobile"})

    answer = await house.http.post(
        "/graphql", json={"query": "{ me { kind } }"}, headers={"Authorization": f"Bearer {system}"}
    )
    assert answer.status_code == 401


async def test_another_facility_gets_no_token_of_this_clinician(house: House) -> None:
    _, doctor, _ = await world(house)

    assert (await exchanged(house, doctor, "99002"))["code"] == "DELEGATION_REFUSED"


async def test_who_has_left_the_facility_since_the_login_is_not_delegated(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, doctor, _ = await world(house)
    monkeypatch.setattr(remembered, "SECONDS", 0.0)  # ten seconds later
    await house.mongo.database["practitioners"].update_many({}, {"$set": {"facilities": []}})

    assert (await exchanged(house, doctor))["code"] == "DELEGATION_REFUSED"


async def test_a_line_about_a_system_is_sealed_with_it_and_can_be_proven(house: House) -> None:
    citizen, doctor, book = await world(house)
    await given(house, citizen, permit())
    await seen(house, (await exchanged(house, doctor))["access_token"], book)

    [event] = await house.mongo.database["audit_events"].find({"agent.actor": FACILITY}).to_list()
    readable = json.loads(leaf_of(event).readable)
    assert readable["agent"]["actor"] == FACILITY
    without = {**event, "agent": {name: value for name, value in event["agent"].items() if name != "actor"}}
    assert "actor" not in json.loads(leaf_of(without).readable)["agent"]
    assert leaf_of(without).hash != leaf_of(event).hash
