"""What a steward does in a test: the operator's door, without a process of its own."""

from __future__ import annotations

from datetime import date

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
) -> None:
    """Enter a guardianship between two numbers."""
    appointment = Appointment(relation, "giấy khai sinh", since, until)
    await stewardship.appoint(stewards_door(house), STEWARD, ward, guardian, appointment, path=PATH)
