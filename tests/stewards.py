"""What a steward does in a test: the operator's door, without a process of its own."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from ehb.custodian import Custodian
from ehb.domain.guardianship import Appointment, Relation
from ehb.domain.identity import Principal, PrincipalKind
from ehb.formats.sensitivity_lists import code_lists
from ehb.services import stewardship
from ehb.store.store import Store
from ehb.store.vault import Vault
from tests.house import House

STEWARD = Principal(PrincipalKind.STEWARD, client_id="ehb people", session="steward:staff-7")
PATH = "test"


def stewards_door(house: House) -> Custodian:
    """The custodian as `ehb people` opens it, by the clock of the house."""
    return Custodian(Store(house.mongo, Vault(house.keys), code_lists()), house.clock)


async def appoint(
    house: House,
    ward: str,
    guardian: str,
    relation: Relation = Relation.PARENT,
    *,
    since: date = date(2020, 1, 1),
    until: date | None = None,
    birth_date: str | None = None,
) -> None:
    """Enter a guardianship between two numbers."""
    appointment = Appointment(relation, "giấy khai sinh", since, until, birth_date)
    await stewardship.appoint(stewards_door(house), STEWARD, ward, guardian, appointment, path=PATH)


def environment(house: House, mongo_uri: str, folder: Path) -> dict[str, str]:
    """What an operator's command needs to work on the database of the house."""
    keys = folder / "keys.json"
    house.keys.save(keys)
    return {
        "EHB_MONGO_URI": mongo_uri,
        "EHB_DATABASE": house.mongo.database.name,
        "EHB_KEYS_FILE": str(keys),
        "EHB_EID__ISSUER": "https://eid.example",
        "EHB_EID__CLIENT_SECRET": "secret",
        "EHB_BASE_URL": "https://book.example",
        "EHB_MOBILE_REDIRECT_URIS": "https://app.example/back",
    }
