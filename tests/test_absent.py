"""Not yours and not there are the same answer, on every root that takes an id (standards row E3).

The same in body and code, and in what the database is asked, which is what time it takes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from graphql import GraphQLObjectType, get_named_type
from pymongo.monitoring import CommandStartedEvent

from graphql_schema.ids import OpaqueIds
from graphql_schema.schema import make_schema
from tests.builders import FACILITY, NATIONAL_ID
from tests.hearing import Hearing, heard
from tests.house import House
from tests.test_architecture import BLOCK, SHOW
from tests.test_consent import OTHER_DOCTOR, doctor, world
from tests.test_emergency import OPEN, REASON

CITIZEN, DOCTOR, HOSPITAL = "citizen", "doctor", "hospital"
BOOK, RECORD, GRANT, EMERGENCY, LINE, RECEIPT = "book", "record", "grant", "emergency", "line", "receipt"
ROOTS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "healthBook": (BOOK, "query($id: ID!) { healthBook(patient: $id, purpose: TREATMENT) { asOf } }", (DOCTOR,)),
    "record": (RECORD, "query($id: ID!) { record(id: $id, purpose: TREATMENT) { id } }", (CITIZEN, DOCTOR)),
    "recordVersions": (
        RECORD,
        "query($id: ID!) { recordVersions(id: $id, purpose: TREATMENT) { id } }",
        (CITIZEN, DOCTOR),
    ),
    "node": (RECORD, "query($id: ID!) { node(id: $id) { id } }", (CITIZEN, DOCTOR)),
    "nodes": (RECORD, "query($id: ID!) { nodes(ids: [$id]) { id } }", (CITIZEN, DOCTOR)),
    "myConsents": (BOOK, "query($id: ID!) { myConsents(patient: $id) { id } }", (CITIZEN, DOCTOR)),
    "consentText": (
        BOOK,
        "query($id: ID!) { consentText(patient: $id, consent: {permit: false, granteeKind: ANYBODY}) { text } }",
        (CITIZEN, DOCTOR),
    ),
    "myPresentations": (BOOK, "query($id: ID!) { myPresentations(patient: $id) { id } }", (CITIZEN, DOCTOR)),
    "myEmergencies": (BOOK, "query($id: ID!) { myEmergencies(patient: $id) { id } }", (CITIZEN, DOCTOR)),
    "myGuardians": (BOOK, "query($id: ID!) { myGuardians(patient: $id) { name } }", (CITIZEN, DOCTOR)),
    "myAccessLog": (BOOK, "query($id: ID!) { myAccessLog(patient: $id) { nodes { id } } }", (CITIZEN, DOCTOR)),
    "previewBook": (
        BOOK,
        'query($id: ID!) { previewBook(patient: $id, viewer: {kind: FACILITY, facility: "99001"}) { permitted } }',
        (CITIZEN, DOCTOR),
    ),
    "accessProof": (LINE, "query($id: ID!) { accessProof(id: $id) { index } }", (CITIZEN, DOCTOR)),
    "disputeAccess": (
        LINE,
        'mutation($id: ID!) { disputeAccess(id: $id, reason: "không phải tôi") { id } }',
        (CITIZEN, DOCTOR),
    ),
    "giveConsent": (
        BOOK,
        """mutation($id: ID!) { giveConsent(patient: $id, consent: {permit: false, granteeKind: ANYBODY}) {
          consent { id } } }""",
        (CITIZEN, DOCTOR),
    ),
    "approveConsent": (GRANT, "mutation($id: ID!) { approveConsent(id: $id) { id } }", (CITIZEN, DOCTOR)),
    "withdrawConsent": (GRANT, "mutation($id: ID!) { withdrawConsent(id: $id) { id } }", (CITIZEN, DOCTOR)),
    "restrictRecord": (RECORD, "mutation($id: ID!) { restrictRecord(id: $id) { id } }", (CITIZEN, DOCTOR)),
    "reportNotMine": (RECORD, "mutation($id: ID!) { reportNotMine(id: $id) { id } }", (CITIZEN, DOCTOR)),
    "liftRestriction": (RECORD, "mutation($id: ID!) { liftRestriction(id: $id) { id } }", (CITIZEN, DOCTOR)),
    "startPresentation": (
        BOOK,
        "mutation($id: ID!) { startPresentation(patient: $id, presentation: {sections: [CONDITIONS]}) { code } }",
        (CITIZEN, DOCTOR),
    ),
    "endPresentation": (GRANT, "mutation($id: ID!) { endPresentation(id: $id) { id } }", (CITIZEN, DOCTOR)),
    "declareEmergency": (
        EMERGENCY,
        "mutation($id: ID!) { declareEmergency(id: $id, declared: true) { until } }",
        (CITIZEN, DOCTOR),
    ),
    "endEmergency": (EMERGENCY, "mutation($id: ID!) { endEmergency(id: $id) { id } }", (CITIZEN, DOCTOR)),
    "reviewEmergencyAccess": (
        EMERGENCY,
        "mutation($id: ID!) { reviewEmergencyAccess(id: $id, verdict: PROPER) { verdict } }",
        (CITIZEN, DOCTOR),
    ),
    "submission": (RECEIPT, "query($id: ID!) { submission(id: $id) { id } }", (HOSPITAL, CITIZEN)),
    "retractSubmission": (
        RECEIPT,
        'mutation($id: ID!) { retractSubmission(id: $id, reason: "nhập nhầm") { id } }',
        (HOSPITAL, CITIZEN),
    ),
}
ASIDE = {
    "openInEmergency": "opens a foreign book to whoever is on duty; that nobody has a book is said, for it saves time",
}
"""Roots with an id for which what is there and what is not differ, on purpose."""
PROMISED = {
    "withdrawConsent",
    "approveConsent",
    "restrictRecord",
    "reportNotMine",
    "liftRestriction",
    "endPresentation",
    "endEmergency",
    "declareEmergency",
    "reviewEmergencyAccess",
}
"""Roots about one thing by its id: NOT_FOUND for whoever may do such a thing at all."""


class Asked(Hearing):
    """The commands that the database was sent, but for those about the caller alone: the points of their budget, which
    a worker reserves for many operations at once, and what the registry says of them, which it remembers a while."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def started(self, event: CommandStartedEvent) -> None:
        collection = event.command.get(event.command_name)
        if collection not in ("budgets", "facilities", "practitioners"):
            self.seen.append(f"{event.command_name} {collection}")


@pytest.fixture(scope="module")
def asked() -> Iterator[Asked]:
    with heard(Asked()) as asked:
        yield asked


def test_every_root_that_takes_an_id_is_here() -> None:
    schema = make_schema()._schema
    found = set()
    for kind in (schema.query_type, schema.mutation_type):
        assert isinstance(kind, GraphQLObjectType)
        for name, field in kind.fields.items():
            if any(get_named_type(one.type).name == "ID" for one in field.args.values()):
                found.add(name)

    assert found == ROOTS.keys() | ASIDE.keys()


async def foreign(house: House) -> dict[str, str]:
    """Somebody's book with everything in it, by outside ids; the emergency is another facility's."""
    citizen, token, book = await world(house)
    own = await house.data(citizen, "{ myHealthBook { timeline(first: 1) { nodes { id } } } }")
    log = await house.data(citizen, "{ myAccessLog(first: 1) { nodes { id } } }")
    consent = (await house.data(citizen, BLOCK))["giveConsent"]["consent"]["id"]
    opened = (await house.data(token, OPEN, {"p": book, "reason": REASON}))["openInEmergency"]["id"]
    receipts = await house.data(await house.facility(FACILITY), "{ mySubmissions(first: 1) { nodes { id } } }")
    shown = (await house.data(citizen, SHOW))["startPresentation"]["presentation"]["id"]
    return {
        BOOK: book,
        RECORD: own["myHealthBook"]["timeline"]["nodes"][0]["id"],
        GRANT: consent,
        "shown": shown,
        EMERGENCY: opened,
        LINE: log["myAccessLog"]["nodes"][0]["id"],
        RECEIPT: receipts["mySubmissions"]["nodes"][0]["id"],
    }


def made_up(house: House, kind: str) -> str:
    """A well-formed id of nothing."""
    ids, nobody = OpaqueIds(house.keys.opaque), b"nobody's book..."
    return {
        BOOK: ids.patient(nobody),
        RECORD: ids.record(nobody, b"none" * 3),
        GRANT: ids.grant(nobody, b"none" * 4),
        EMERGENCY: ids.grant(nobody, b"none" * 4),
        LINE: ids.line(nobody + b"none" * 4),
        RECEIPT: "A" * 22,
    }[kind]


@pytest.mark.parametrize("torn", [False, True])
@pytest.mark.parametrize("who", [CITIZEN, DOCTOR, HOSPITAL])
async def test_what_is_not_yours_is_answered_as_what_is_not_there(
    asked: Asked, house: House, who: str, *, torn: bool
) -> None:
    """Row E3: body, code, and what the database is asked."""
    there = await foreign(house)

    async def token() -> str:
        match who:
            case "citizen":
                return await house.citizen("999185900009", "Lê Thị Lạ")
            case "doctor":
                return await doctor(house, OTHER_DOCTOR, "000088/TEST-CCHN", "99002")
        return await house.facility("99002")

    async def told(query: str, id: str) -> tuple[Any, list[str]]:
        await house.ask(bearer, query, {"id": id})  # master data is remembered from here on
        asked.seen.clear()
        answer = await house.ask(bearer, query, {"id": id})
        return answer, sorted(asked.seen)

    for name, (kind, query, callers) in ROOTS.items():
        if who not in callers:
            continue
        bearer = await token()
        real = await told(query, there["shown" if name == "endPresentation" else kind])
        nothing = await told(query, "bWFkZSB1cA" if torn else made_up(house, kind))

        assert real[0] == nothing[0], name
        code = real[0]["errors"][0]["extensions"]["code"]
        no_role = who == CITIZEN and "Emergency" in name
        assert code in ({"NOT_FOUND"} if name in PROMISED and not no_role else {"NOT_FOUND", "FORBIDDEN"}), name
        assert real[1] == nothing[1], name
        assert real[1], name


@pytest.mark.parametrize("name", ["withdrawConsent", "approveConsent", "restrictRecord", "endPresentation"])
async def test_an_owner_is_told_not_found_for_an_id_of_nothing(house: House, name: str) -> None:
    owner = await house.citizen(NATIONAL_ID)
    kind, query, _ = ROOTS[name]

    for id in (made_up(house, kind), "nonsense", ""):
        answer = await house.ask(owner, query, {"id": id})
        assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND", id
