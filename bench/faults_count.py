"""Counting after the faults, from outside: receipts over HTTP, books as their owners read them.

The one invariant: nothing here looks at how the store keeps things; it asks what a facility and a citizen can ask.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2

from bench.visit import FACILITY
from bench.world import NOW, World, reader
from ehb.client import FacilityClient, Refused, SigningKey
from ehb.domain.access import Purpose
from ehb.domain.book import ReadQuery
from ehb.domain.identity import ElectronicIdentity
from ehb.domain.records import Encounter
from ehb.domain.submission import Receipt, Status

_PAGE = """query($after: String) { mySubmissions(first: 100, after: $after) {
  counts { status count } nodes { id episode version status records } pageInfo { hasNextPage endCursor } } }"""


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit of a person, sent in so many versions."""

    episode: str
    national_id: str
    versions: int

    def note(self, version: int) -> str:
        """What the visit's encounter says in this version, so that the book tells which one it shows."""
        return f"{self.episode} v{version}"


@dataclass(frozen=True, slots=True)
class Sent:
    """A version of a visit that the server has acknowledged."""

    visit: Visit
    version: int
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Counted:
    """How much was looked at, and how much of it was wrong."""

    right: dict[str, int]
    wrong: dict[str, int]


async def count(world: World, base: str, key: SigningKey, visits: list[Visit], sent: list[Sent]) -> Counted:
    """Compare everything that was acknowledged with everything that is there."""
    try:
        async with FacilityClient(base, FACILITY, key) as client:
            changed = [one for one in sent if not await _as_it_was(client, one)]
            listed = [node async for node in _listed(base, client)]
        stored = Counter((node["episode"], node["version"]) for node in listed if node["status"] == "ACCEPTED")
        expected = {(visit.episode, version) for visit in visits for version in range(1, visit.versions + 1)}
        notes, records = await _books(world, visits)
    finally:
        await world.mongo.close()
    wanted = {(visit.episode, visit.versions) for visit in visits}
    promised = sum(node["records"] for node in listed if (node["episode"], node["version"]) in wanted)
    return Counted(
        {
            "receipts asked for again by their id": len(sent),
            "receipts listed": len(listed),
            "records in the books": records,
            "records that the newest receipts promise": promised,
        },
        {
            "acknowledged versions that are missing": len({(s.visit.episode, s.version) for s in sent} - stored.keys()),
            "versions that are missing after the resend": len(expected - stored.keys()),
            "versions that are there twice": sum(number - 1 for number in stored.values()),
            "versions that nobody sent": len(stored.keys() - expected),
            "receipts that do not say the same by their id": len(changed),
            "acknowledged with the wrong version number": sum(one.receipt.version != one.version for one in sent),
            "visits missing from their book": sum(visit.note(visit.versions) not in notes for visit in visits),
            "visits twice, or in an old version, in their book": notes.total()
            - len({visit.note(visit.versions) for visit in visits} & notes.keys()),
            "records too many or too few": abs(records - promised),
        },
    )


async def _as_it_was(client: FacilityClient, sent: Sent) -> bool:
    """Whether the receipt by its id says what it said, and that it was replaced exactly when it was."""
    try:
        now = await client.receipt(sent.receipt.id)
    except Refused:
        return False
    said, newest = sent.receipt, sent.version == sent.visit.versions
    return (
        now.status is Status.ACCEPTED
        and said.status in (Status.ACCEPTED, Status.UNCHANGED)
        and (now.id, now.episode, now.version, now.records, now.problems, now.received_at)
        == (said.id, said.episode, said.version, said.records, said.problems, said.received_at)
        and (now.replaced_by is None) == newest
        and now.retracted_at is None
    )


async def _listed(base: str, client: FacilityClient) -> AsyncIterator[dict[str, Any]]:
    """All receipts, as the facility lists them."""
    after: str | None = None
    async with httpx2.AsyncClient(base_url=base, timeout=60) as http:
        while True:
            headers = {"Authorization": f"Bearer {await client.access_token()}"}
            asked = {"query": _PAGE, "variables": {"after": after}}
            page = (await http.post("/graphql", json=asked, headers=headers)).json()["data"]["mySubmissions"]
            for node in page["nodes"]:
                yield node
            if not page["pageInfo"]["hasNextPage"]:
                return
            after = page["pageInfo"]["endCursor"]


async def _books(world: World, visits: list[Visit]) -> tuple[Counter[str], int]:
    """The notes of all encounters in all books, which tell visit and version, and how many records there are."""
    notes: Counter[str] = Counter()
    records = 0
    for number in dict.fromkeys(visit.national_id for visit in visits):
        identity = ElectronicIdentity("https://eid.example.vn", number, number, None, None, 2, NOW)
        patient_id = (await world.custodian.sign_in(identity, path="bench")).patient_id
        opened = await world.custodian.read(
            reader(patient_id), patient_id, Purpose.PATIENT_REQUEST, ReadQuery(), path="bench"
        )
        records += len(opened.records)
        notes.update(record.note or "" for record in opened.records if isinstance(record, Encounter))
    return notes, records
