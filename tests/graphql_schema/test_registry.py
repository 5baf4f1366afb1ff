"""The registry over GraphQL, without login: found with and without accents, page by page, the public part only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from ehb.formats.registry_csv import read_facilities, read_practitioners
from ehb.services.registry_lists import Wish, load_facilities, load_practitioners
from ehb.store.practitioners import Practitioners
from ehb.store.registry import Registry
from ehb.store.vault import Vault
from graphql_schema.schema import make_schema
from tests.builders import NATIONAL_ID
from tests.house import House

LIST = """code,name,province,type,gln,valid_from,valid_until
79001,Bệnh viện Chợ Rẫy Thử,79,hospital,4006381333931,2010-01-01,
79002,Phòng khám Đa khoa Thử,79,clinic,,,2020-12-31
01001,Bệnh viện Bạch Mai Thử,01,hospital,,,
01002,Trạm Y tế Hai Bà,01,station,,,
"""
STAFF = f"""licence,name,facilities,scope,national_id,valid_until
000123/HNO-CCHN,Nguyễn Thị Thử,79001;01001,Nội khoa,{NATIONAL_ID},2030-12-31
"""
PAGE = """query ($first: Int!, $after: String, $province: String, $type: String, $name: String) {
  facilities(first: $first, after: $after, province: $province, type: $type, name: $name) {
    nodes { code } edges { cursor node { code } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""


@pytest.fixture
async def listed(house: House) -> House:
    """The house with four facilities, one of them ended, beside its own two."""
    wish, registry = Wish(date(2026, 11, 1)), Registry(house.mongo)
    await load_facilities(registry, "f", read_facilities("f", LIST.encode()), wish)
    register = Practitioners(house.mongo, Vault(house.keys))
    await load_practitioners(register, registry, "p", read_practitioners("p", STAFF.encode()), wish)
    return house


async def page(house: House, **wanted: Any) -> dict[str, Any]:
    answer = await house.ask(None, PAGE, {"first": 10, **wanted})
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]["facilities"]
    return found


async def codes(house: House, **wanted: Any) -> list[str]:
    return [one["code"] for one in (await page(house, **wanted))["nodes"]]


async def refusal(house: House, wanted: Mapping[str, Any]) -> str:
    answer = await house.ask(None, PAGE, {"first": 10, **wanted})
    return str(answer["errors"][0]["extensions"]["code"])


async def test_a_facility_is_shown_to_everybody(listed: House) -> None:
    query = """{
      facility(code: " 79001") { code gln name names { name since } province type validFrom validUntil inForce }
      ended: facility(code: "79002") { inForce validUntil } nobody: facility(code: "00000") { code } }"""

    data = (await listed.ask(None, query))["data"]

    assert data["facility"] == {
        "code": "79001",
        "gln": "4006381333931",
        "name": "Bệnh viện Chợ Rẫy Thử",
        "names": [{"name": "Bệnh viện Chợ Rẫy Thử", "since": None}],
        "province": "79",
        "type": "hospital",
        "validFrom": "2010-01-01",
        "validUntil": None,
        "inForce": True,
    }
    assert data["ended"] == {"inForce": False, "validUntil": "2020-12-31"}
    assert data["nobody"] is None


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Bạch Mai", ["01001"]),
        ("bach mai", ["01001"]),
        ("BACH MAI", ["01001"]),
        ("mai bạch", ["01001"]),
        ("đa khoa", ["79002"]),
        ("da khoa", ["79002"]),
        ("chơ ray", ["79001"]),
        ("benh vien thu", ["01001", "79001", "99001", "99002"]),
        ("ben", ["01001", "79001", "99001", "99002"]),
        ("enh", []),
        (".*", []),
        ("", []),
        ("!!!", []),
    ],
)
async def test_a_name_is_found_with_and_without_accents(listed: House, name: str, found: list[str]) -> None:
    assert await codes(listed, name=name) == found


async def test_an_old_name_finds_the_facility_too(listed: House) -> None:
    renamed = "code,name\n01001,Bệnh viện Đổi Tên\n"
    await load_facilities(Registry(listed.mongo), "f", read_facilities("f", renamed.encode()), Wish(date(2026, 11, 1)))

    assert await codes(listed, name="bach mai") == ["01001"]
    assert await codes(listed, name="doi ten") == ["01001"]


async def test_filters_narrow_together(listed: House) -> None:
    assert await codes(listed, province="79") == ["79001", "79002"]
    assert await codes(listed, type="hospital") == ["01001", "79001"]
    assert await codes(listed, province="79", type="hospital") == ["79001"]
    assert await codes(listed, province="", type="hospital") == []


async def test_pages_follow_each_other_without_gap_or_overlap(listed: House) -> None:
    seen: list[str] = []
    after, pages = None, 0
    while True:
        found = await page(listed, first=4, after=after)
        seen += [one["node"]["code"] for one in found["edges"]]
        assert found["pageInfo"]["hasPreviousPage"] is (after is not None)
        assert found["pageInfo"]["endCursor"] == found["edges"][-1]["cursor"]
        after, pages = found["pageInfo"]["endCursor"], pages + 1
        if not found["pageInfo"]["hasNextPage"]:
            break

    assert seen == ["01001", "01002", "79001", "79002", "99001", "99002"]
    assert pages == 2


async def test_a_cursor_belongs_to_its_list(listed: House) -> None:
    cursor = (await page(listed, first=1))["pageInfo"]["endCursor"]

    assert await refusal(listed, {"after": cursor, "province": "79"}) == "BAD_USER_INPUT"
    assert await refusal(listed, {"after": "nonsense"}) == "BAD_USER_INPUT"


@pytest.mark.parametrize("wanted", [{"first": 0}, {"first": 101}, {"first": -1}, {"name": "a" * 101}])
async def test_what_is_too_much_is_refused(listed: House, wanted: dict[str, Any]) -> None:
    assert await refusal(listed, wanted) == "BAD_USER_INPUT"


@pytest.mark.parametrize("licence", ["000123/HNO-CCHN", " 000123/hno-cchn "])
async def test_a_practitioner_is_shown_with_the_public_part(listed: House, licence: str) -> None:
    query = """query ($licence: String!) { practitioner(licence: $licence) {
      licence name facilities { code name } scope validFrom validUntil inForce } }"""

    answer = await listed.ask(None, query, {"licence": licence})

    assert answer["data"]["practitioner"] == {
        "licence": "000123/HNO-CCHN",
        "name": "Nguyễn Thị Thử",
        "facilities": [
            {"code": "79001", "name": "Bệnh viện Chợ Rẫy Thử"},
            {"code": "01001", "name": "Bệnh viện Bạch Mai Thử"},
        ],
        "scope": "Nội khoa",
        "validFrom": None,
        "validUntil": "2030-12-31",
        "inForce": True,
    }


async def test_an_unknown_licence_is_nobodys(listed: House) -> None:
    assert (await listed.ask(None, '{ practitioner(licence: "1/X") { name } }'))["data"]["practitioner"] is None


def test_nothing_but_the_public_part_has_a_field() -> None:
    types = make_schema()._schema.type_map

    assert set(types["RegisteredPractitioner"].fields) == {  # type: ignore[attr-defined]
        "licence", "name", "facilities", "scope", "validFrom", "validUntil", "inForce",
    }  # fmt: skip
    assert set(types["RegisteredFacility"].fields) == {  # type: ignore[attr-defined]
        "code", "gln", "name", "names", "province", "type", "validFrom", "validUntil", "inForce",
    }  # fmt: skip
