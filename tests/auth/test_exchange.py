"""Token exchange (RFC 8693, row A6): a facility's system acts for a clinician, and nothing is widened."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest
from joserfc.jwk import ECKey

from auth.exchange import ACCESS_TOKEN, GRANT
from auth.provider import JWT_BEARER
from ehb.domain.identity import PractitionerRole
from tests.auth.conftest import Arrive
from tests.auth.world import BASE, HOSPITAL, World, as_json, parameters

HERE = PractitionerRole("900001/TEST-CCHN", "01001", "nội khoa")
ELSEWHERE = PractitionerRole("900001/TEST-CCHN", "01002", "nội khoa")
PHONE, SYSTEM = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")


@pytest.fixture
def clinician(world: World) -> None:
    """Whoever signs in works at two facilities, one of which is HOSPITAL's."""
    world.people.roles = (ELSEWHERE, HERE)


@pytest.fixture
async def theirs(clinician: None, world: World, arrive: Arrive) -> Mapping[str, Any]:
    """The clinician's own tokens."""
    return as_json(await world.redeem(parameters(await arrive())["code"]))


async def exchanged(world: World, subject: str, proof: str | None = None, **changes: str) -> httpx2.Response:
    form = {"grant_type": GRANT, "subject_token": subject, "subject_token_type": ACCESS_TOKEN}
    return await world.assert_facility(world.assertion(), proof, **(form | changes))


async def test_a_system_gets_a_short_token_of_the_clinician_in_the_role_at_its_facility(
    world: World, theirs: Mapping[str, Any]
) -> None:
    """Row A6."""
    answer = as_json(await exchanged(world, theirs["access_token"]))
    me = as_json(await world.whoami(answer["access_token"]))
    self = as_json(await world.whoami(theirs["access_token"]))

    assert answer["issued_token_type"] == ACCESS_TOKEN
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 300)
    assert "refresh_token" not in answer
    assert (me["actor"], me["role"], me["roles"]) == (HOSPITAL.client_id, "01001", ["900001/TEST-CCHN@01001"])
    assert (me["patient"], me["session"]) == (self["patient"], self["session"])
    assert (self["actor"], len(self["roles"])) == (None, 2)


async def test_the_clinicians_other_facility_is_out_of_reach(world: World, theirs: Mapping[str, Any]) -> None:
    token = as_json(await exchanged(world, theirs["access_token"]))["access_token"]

    with pytest.raises(Exception, match="practitioner of this facility"):
        await world.phone.get("/whoami", headers={"Authorization": f"Bearer {token}", "EHB-Facility": "01002"})


@pytest.mark.parametrize(("seconds", "status"), [(299, 200), (300, 401)])
async def test_it_lasts_five_minutes(world: World, theirs: Mapping[str, Any], seconds: int, status: int) -> None:
    token = as_json(await exchanged(world, theirs["access_token"]))["access_token"]
    world.clock.advance(seconds=seconds)

    assert (await world.whoami(token)).status_code == status


async def test_it_never_outlives_the_token_it_was_made_from(world: World, theirs: Mapping[str, Any]) -> None:
    world.clock.advance(seconds=590)
    answer = as_json(await exchanged(world, theirs["access_token"]))

    world.clock.advance(seconds=10)

    assert answer["expires_in"] == 10
    assert (await world.whoami(answer["access_token"])).status_code == 401


async def test_it_ends_with_the_clinicians_session(world: World, theirs: Mapping[str, Any]) -> None:
    token = as_json(await exchanged(world, theirs["access_token"]))["access_token"]

    await world.phone.post("/auth/revoke", data={"token": theirs["refresh_token"], "client_id": "ehb-mobile"})

    assert (await world.whoami(token)).status_code == 401


async def test_it_stays_when_the_clinicians_app_refreshes(world: World, theirs: Mapping[str, Any]) -> None:
    token = as_json(await exchanged(world, theirs["access_token"]))["access_token"]

    await world.refresh(theirs["refresh_token"])

    assert (await world.whoami(token)).status_code == 200


async def test_a_system_revokes_its_own_token_and_not_the_session(world: World, theirs: Mapping[str, Any]) -> None:
    token = as_json(await exchanged(world, theirs["access_token"]))["access_token"]
    signed = {"client_assertion_type": JWT_BEARER, "client_assertion": world.assertion()}

    await world.phone.post("/auth/revoke", data={"token": token, **signed})

    assert (await world.whoami(token)).status_code == 401
    assert (await world.whoami(theirs["access_token"])).status_code == 200


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/auth/revoke", {"client_id": "ehb-mobile", "token": "{}"}),
        ("/auth/logout", {"client_id": "ehb-mobile", "token": "{}"}),
        ("/auth/logout", {"client_id": "ehb-mobile", "token": "{}", "everywhere": "true"}),
        ("/auth/token", {"client_id": "ehb-mobile", "grant_type": "refresh_token", "refresh_token": "{}"}),
        ("/auth/token", {"client_id": "01001", "grant_type": "refresh_token", "refresh_token": "{}"}),
    ],
)
@pytest.mark.parametrize("made_up", [False, True])
async def test_whoever_holds_a_systems_token_cannot_end_the_session(
    world: World, theirs: Mapping[str, Any], path: str, form: dict[str, str], made_up: bool
) -> None:
    """Row A6: nor with a text that begins like it, of the length of a token of the session."""
    token = as_json(await exchanged(world, theirs["access_token"]))["access_token"]
    shown = token[:43] + "A" * 21 if made_up else token

    await world.phone.post(path, data={name: value.format(shown) for name, value in form.items()})

    assert (await world.whoami(theirs["access_token"])).status_code == 200
    assert (await world.whoami(token)).status_code == 200


async def test_another_system_revokes_nothing(world: World, theirs: Mapping[str, Any]) -> None:
    world.register.clients["another"] = dataclasses.replace(HOSPITAL, client_id="another")
    token = as_json(await exchanged(world, theirs["access_token"]))["access_token"]
    signed = {"client_assertion_type": JWT_BEARER, "client_assertion": world.assertion(iss="another", sub="another")}

    await world.phone.post("/auth/revoke", data={"token": token, **signed})

    assert (await world.whoami(token)).status_code == 200


async def test_a_token_that_was_exchanged_is_not_exchanged_again(world: World, theirs: Mapping[str, Any]) -> None:
    token = as_json(await exchanged(world, theirs["access_token"]))["access_token"]

    refused = await exchanged(world, token)

    assert (refused.status_code, as_json(refused)["code"]) == (400, "SUBJECT_TOKEN_INVALID")


@pytest.mark.parametrize("which", ["refresh", "nonsense", "unknown", "ended", "expired", "facility"])
async def test_only_a_living_access_token_of_a_person_is_exchanged(
    world: World, theirs: Mapping[str, Any], which: str
) -> None:
    facility = as_json(await world.assert_facility(world.assertion()))["access_token"]
    given = {"refresh": theirs["refresh_token"], "nonsense": "x", "unknown": "A" * 64, "facility": facility}
    if which == "ended":
        await world.phone.post("/auth/revoke", data={"token": theirs["access_token"], "client_id": "ehb-mobile"})
    if which == "expired":
        world.clock.advance(seconds=600)

    refused = as_json(await exchanged(world, given.get(which, theirs["access_token"])))

    code = "DELEGATION_REFUSED" if which == "facility" else "SUBJECT_TOKEN_INVALID"
    assert (refused["error"], refused["code"]) == ("invalid_request", code)


async def test_nobody_is_delegated_to_a_facility_where_they_do_not_work(
    world: World, theirs: Mapping[str, Any], tokens: dict[str, Any]
) -> None:
    world.register.clients["hospital-system"] = dataclasses.replace(HOSPITAL, facility="01003")

    refused = await exchanged(world, theirs["access_token"])

    assert as_json(refused)["code"] == "DELEGATION_REFUSED"


async def test_a_citizen_without_a_role_is_delegated_to_nobody(world: World, tokens: dict[str, Any]) -> None:
    assert as_json(await exchanged(world, tokens["access_token"]))["code"] == "DELEGATION_REFUSED"


async def test_a_role_that_has_lapsed_since_the_login_delegates_nothing(
    world: World, theirs: Mapping[str, Any]
) -> None:
    world.lapsed.add(HERE)

    assert as_json(await exchanged(world, theirs["access_token"]))["code"] == "DELEGATION_REFUSED"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"client_assertion": "x.y.z"}, "invalid_client"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:jwt"}, "invalid_request"),
        ({"subject_token_type": ""}, "invalid_request"),
        ({"subject_token": ""}, "invalid_request"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"),
        ({"actor_token": "somebody"}, "invalid_request"),
        ({"audience": "https://other.test"}, "invalid_target"),
        ({"resource": "https://other.test"}, "invalid_target"),
        ({"scope": "system/*.c"}, "invalid_scope"),
    ],
)
async def test_a_request_for_something_else_is_refused(
    world: World, theirs: Mapping[str, Any], changes: dict[str, str], error: str
) -> None:
    assert as_json(await exchanged(world, theirs["access_token"], **changes))["error"] == error


async def test_a_request_may_name_us_as_its_target(world: World, theirs: Mapping[str, Any]) -> None:
    answer = await exchanged(world, theirs["access_token"], audience=BASE, resource=f"{BASE}/graphql")

    assert answer.status_code == 200


async def test_a_systems_token_is_bound_to_the_key_of_the_system(world: World, theirs: Mapping[str, Any]) -> None:
    answer = as_json(await exchanged(world, theirs["access_token"], world.proof(SYSTEM)))
    token = answer["access_token"]

    bare, proven = await world.whoami(token), await world.whoami_with(token, world.proof(SYSTEM, token))

    assert answer["token_type"] == "DPoP"
    assert (bare.status_code, as_json(proven)["actor"]) == (401, HOSPITAL.client_id)


@pytest.fixture
async def bound(clinician: None, world: World, arrive: Arrive) -> str:
    """The clinician's own access token, bound to their phone."""
    tokens = as_json(await world.redeem(parameters(await arrive())["code"], world.proof(PHONE)))
    return str(tokens["access_token"])


def handed_over(world: World, token: str, key: ECKey = PHONE, **changes: object) -> str:
    """What the clinician's phone signs for this exchange of this token."""
    return world.proof(key, token, htm="POST", htu=f"{BASE}/auth/token", **changes)


async def test_a_bound_token_is_exchanged_with_the_phones_consent_and_is_of_no_other_use(
    world: World, bound: str
) -> None:
    answer = await exchanged(world, bound, subject_token_dpop=handed_over(world, bound))

    assert as_json(await world.whoami(as_json(answer)["access_token"]))["actor"] == HOSPITAL.client_id
    assert (await world.whoami(bound)).status_code == 401


@pytest.mark.parametrize("which", ["none", "another key", "another token", "another address", "used"])
async def test_a_bound_token_alone_is_exchanged_for_nothing(world: World, bound: str, which: str) -> None:
    """A stolen one, in the hands of a facility that is none of theirs or has been broken into."""
    used = handed_over(world, bound)
    proofs = {
        "another key": handed_over(world, bound, SYSTEM),
        "another token": handed_over(world, "A" * 64),
        "another address": world.proof(PHONE, bound),
        "used": used,
    }
    if which == "used":
        assert (await exchanged(world, bound, subject_token_dpop=used)).status_code == 200
    given = {"subject_token_dpop": proofs[which]} if which in proofs else {}

    refused = await exchanged(world, bound, **given)

    assert as_json(refused)["error"] == "invalid_dpop_proof"
