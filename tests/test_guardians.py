"""Guardians through the whole house: by the law's ages, proven, revocable, shown as who they are."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from ehb.domain.guardianship import Relation
from ehb.domain.identity import Principal, PrincipalKind
from ehb.errors import BadInput, Conflict, Forbidden, NotFound
from ehb.services import stewardship
from tests.builders import FACILITY, NATIONAL_ID, visit_file
from tests.house import House
from tests.stewards import PATH, STEWARD, appoint, stewards_door
from tests.test_consent import GIVE, permit

CHILD, PARENT = "999215000011", NATIONAL_ID
BOOK = """query($p: ID!) { healthBook(patient: $p, purpose: FAMILY_REQUEST) {
  timeline(first: 100) { nodes { __typename labels } } } }"""
WARDS = "{ myWards { patient name relation birthDate } }"


def aged(years: int, *, days: int = 0) -> str:
    """The birth date of somebody who has been this old for so many days, as the national file writes it."""
    today = date.today()
    return f"{(date(today.year - years, today.month, min(today.day, 28)) - timedelta(days=days)):%Y%m%d}0000"


def told_of_child(years: int, *, days: int = 3) -> dict[str, str]:
    """What a file says of the child."""
    return {"SO_CCCD": CHILD, "HO_TEN": "Nguyễn Văn Con", "NGAY_SINH": aged(years, days=days)}


async def child(house: House, years: int, *, days: int = 3, **fields: str) -> str:
    """A child with a visit and a parent; the parent's token."""
    parent = await house.citizen(PARENT, "Nguyễn Thị Mẹ", birthdate="1985-03-07")
    visit = visit_file({**told_of_child(years, days=days), "MA_LK": "LK-CHILD", **fields})
    receipt = (await house.submit(await house.facility(FACILITY), visit)).json()
    if receipt["status"] == "WAITING_FOR_IDENTITY":  # the digits of the number say another year of birth
        await stewardship.resolve(stewards_door(house), STEWARD, receipt["id"], CHILD, path=PATH)
    return parent


async def read(house: House, token: str, patient: str) -> list[dict[str, Any]] | None:
    answer = await house.ask(token, BOOK, {"p": patient})
    if "errors" in answer:
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
        return None
    return list(answer["data"]["healthBook"]["timeline"]["nodes"])


async def wards(house: House, token: str) -> list[dict[str, Any]]:
    return list((await house.data(token, WARDS))["myWards"])


async def test_a_parent_reads_the_book_of_a_child_once_it_is_proven_and_no_longer_than_it_stands(house: House) -> None:
    parent = await child(house, 5)
    found = await house.data(parent, f'{{ bookId(number: "{CHILD}") }}')

    before = await read(house, parent, found["bookId"])
    await appoint(house, CHILD, PARENT)
    [ward] = await wards(house, parent)
    during = await read(house, parent, ward["patient"])
    await stewardship.end_guardian(stewards_door(house), STEWARD, CHILD, PARENT, path=PATH)
    after = await read(house, parent, ward["patient"])

    assert before is None
    assert during
    assert after is None
    assert (ward["name"], ward["relation"], ward["patient"]) == ("Nguyễn Văn Con", "PARENT", found["bookId"])
    assert await wards(house, parent) == []


@pytest.mark.parametrize(("years", "days", "sees_all"), [(14, 300, True), (15, 3, False), (17, 3, False)])
async def test_from_15_what_is_sensitive_is_closed_to_a_parent(
    house: House, years: int, days: int, *, sees_all: bool
) -> None:
    parent = await child(house, years, days=days, MA_BENH_CHINH="B20")
    await appoint(house, CHILD, PARENT)

    seen = await read(house, parent, (await wards(house, parent))[0]["patient"])

    assert seen is not None
    assert bool(seen) is sees_all


async def test_it_ends_by_itself_at_18(house: House) -> None:
    parent = await child(house, 17)
    await appoint(house, CHILD, PARENT)
    [ward] = await wards(house, parent)
    before = await read(house, parent, ward["patient"])

    # The eID vouches for the birth date, which a facility had wrong by a year: the child is of age.
    await house.citizen(CHILD, "Nguyễn Văn Con", birthdate=f"{datetime.strptime(aged(18)[:8], '%Y%m%d').date()}")

    assert before
    assert await wards(house, parent) == []
    assert await read(house, parent, ward["patient"]) is None


async def test_what_a_guardian_does_is_shown_as_theirs(house: House) -> None:
    parent = await child(house, 5)
    await appoint(house, CHILD, PARENT)
    [ward] = await wards(house, parent)

    given = await house.data(
        parent,
        GIVE.replace("$terms: ConsentInput!", "$terms: ConsentInput!, $p: ID").replace(
            "consent: $terms", "consent: $terms, patient: $p"
        ),
        {**permit(), "p": ward["patient"]},
    )
    consents = await house.data(
        parent, "query($p: ID!) { myConsents(patient: $p) { givenBy needs approvals } }", {"p": ward["patient"]}
    )

    assert given["giveConsent"]["problems"] == []
    assert consents["myConsents"] == [
        {"givenBy": "REPRESENTATIVE", "needs": ["REPRESENTATIVE"], "approvals": ["REPRESENTATIVE"]}
    ]
    line = await house.mongo.database["audit_events"].find_one({"path": "giveConsent"})
    assert line is not None
    assert line["rule"] == "REPRESENTATION"
    assert line["agent"]["patient"] != line["patient"]


GIVE_FOR = GIVE.replace("$terms: ConsentInput!", "$terms: ConsentInput!, $p: ID").replace(
    "consent: $terms)", "consent: $terms, patient: $p)"
)
OTHERS = (
    "query($p: ID!, $why: Purpose!) { healthBook(patient: $p, purpose: $why) { timeline { nodes { id labels } } } }"
)


@pytest.mark.parametrize(
    ("years", "terms", "reads"),
    [
        (6, {"purposes": ["RESEARCH"], "labels": ["HIV"]}, False),
        (6, {"purposes": ["RESEARCH"], "granteeKind": "FACILITY", "grantee": FACILITY}, False),
        (6, {"purposes": ["FAMILY_REQUEST"], "labels": ["HIV"]}, False),
        (6, {"purposes": ["FAMILY_REQUEST"]}, True),
        (8, {"purposes": ["FAMILY_REQUEST"]}, False),
    ],
)
async def test_a_parents_word_alone_lets_no_third_person_study_a_child_or_see_what_is_sensitive(
    house: House, years: int, terms: dict[str, Any], *, reads: bool
) -> None:
    parent = await child(house, years)
    await appoint(house, CHILD, PARENT)
    [ward] = await wards(house, parent)
    aunt_number = "999185000333"
    aunt = await house.citizen(aunt_number, "Nguyễn Thị Dì")
    proposed = permit(**{"granteeKind": "PERSON", "grantee": aunt_number, **terms})

    given = (await house.data(parent, GIVE_FOR, {**proposed, "p": ward["patient"]}))["giveConsent"]
    held = await house.data(parent, "query($p: ID!) { myConsents(patient: $p) { inForce } }", {"p": ward["patient"]})
    answer = await house.ask(aunt, OTHERS, {"p": ward["patient"], "why": terms["purposes"][0]})

    assert given["problems"] == []
    assert "your health book" not in given["consent"]["text"]
    assert "the health book of the person whom you represent" in given["consent"]["text"]
    assert held["myConsents"] == [{"inForce": reads}]
    assert ("errors" not in answer) is reads


async def test_a_parent_does_not_show_what_is_closed_to_them(house: House) -> None:
    parent = await child(house, 16, MA_BENH_CHINH="B20")
    await appoint(house, CHILD, PARENT)
    [ward] = await wards(house, parent)
    start = """mutation($p: ID!, $labels: [String!]) { startPresentation(patient: $p, presentation: {
      sections: [CONDITIONS], labels: $labels}) { code } }"""

    plain = await house.ask(parent, start, {"p": ward["patient"], "labels": []})
    labelled = await house.ask(parent, start, {"p": ward["patient"], "labels": ["HIV"]})

    assert "errors" not in plain
    assert labelled["errors"][0]["extensions"]["code"] == "FORBIDDEN"


@pytest.mark.parametrize(
    ("years", "relation", "since", "until", "error"),
    [
        (20, Relation.PARENT, date(2020, 1, 1), None, Conflict),
        (5, Relation.PARENT, date(2020, 1, 2), date(2020, 1, 1), BadInput),
    ],
)
async def test_what_the_law_does_not_know_is_refused(
    house: House, years: int, relation: Relation, since: date, until: date | None, error: type[Exception]
) -> None:
    parent = await child(house, years)

    with pytest.raises(error):
        await appoint(house, CHILD, PARENT, relation, since=since, until=until)

    assert await wards(house, parent) == []


async def test_an_adult_ward_has_the_guardian_that_a_court_appointed(house: House) -> None:
    parent = await child(house, 40)

    await appoint(house, CHILD, PARENT, Relation.GUARDIAN_OF_WARD)

    [ward] = await wards(house, parent)
    assert await read(house, parent, ward["patient"])


async def test_nobody_is_entered_twice_or_as_their_own_or_by_themselves(house: House) -> None:
    await child(house, 5)
    await appoint(house, CHILD, PARENT)

    with pytest.raises(Conflict):
        await appoint(house, CHILD, PARENT)
    with pytest.raises(Conflict):
        await appoint(house, CHILD, CHILD)
    with pytest.raises(NotFound):
        await appoint(house, CHILD, "999185000555")
    citizen = Principal(PrincipalKind.CITIZEN, patient_id=b"x" * 16, session="s", assurance_level=2)
    with pytest.raises(Forbidden):
        await stewardship.end_guardian(stewards_door(house), citizen, CHILD, PARENT, path=PATH)
    refused = await house.mongo.database["audit_events"].count_documents({"outcome": "DENY", "path": PATH})
    assert refused == 4


async def test_both_sides_see_it(house: House) -> None:
    await child(house, 16)
    await appoint(house, CHILD, PARENT)
    token = await house.citizen(CHILD, "Nguyễn Văn Con", birthdate="2010-01-01")

    found = await house.data(token, "{ myGuardians { name relation endedAt } }")

    assert found["myGuardians"] == [{"name": "Nguyễn Thị Mẹ", "relation": "PARENT", "endedAt": None}]
