"""More people out of one that the store wrote: the same documents, sealed anew for each under a key of their own.

The intake writes some people with their visits; a copy has another person key, data key, episodes, receipts, records
and places. What only equality uses (digests) is random, so nothing compresses better than in production. Facilities,
kinds, times of records and sizes stay; the trail has one line for each visit, as the intake leaves it.

The one invariant: a copy opens by the store like a person whom the store wrote.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from bench.visit import FULL_NAME, files
from bench.world import NOW, World, national_id
from ehb.domain.identity import NATIONAL_ID, Identifier, Principal, PrincipalKind
from ehb.domain.submission import PatientDetails, VisitSummary
from ehb.formats import visit_xml
from ehb.services import submission
from ehb.store.mongo import Document
from ehb.store.records import opened
from ehb.store.registry import Registry
from ehb.store.vault import DataKey, Vault

KINDS = ("people", "identifiers", "episodes", "submissions", "records", "audit_events")
"""The collections that grow with people and visits."""
_YEARS = timedelta(days=1500)
_CODE, _BODY, _PATIENT = b"code\0", b"body\0", b"patient\0"
Copies = dict[str, list[Document]]


@dataclass(frozen=True, slots=True)
class Template:
    """One person as they lie in the database, with what their seals hold."""

    patient_id: bytes
    patient: bytes
    episodes: list[Document]
    submissions: list[tuple[Document, bytes, bytes]]
    """With episode code and body, opened."""
    records: list[tuple[Document, bytes, list[bytes]]]
    """With payload and labels, opened."""
    events: list[Document]

    def copy(self, number: int, vault: Vault, chance: Random) -> Iterator[tuple[str, Document]]:
        """The documents of another person, who has this national id; `chance` spreads their visits over some years."""
        person = os.urandom(16)
        key, wrapped = vault.new_data_key(person)
        yield "people", {"_id": person, "sealed": key.seal(self.patient, _PATIENT + person), "key": wrapped}
        yield "identifiers", {"_id": identifier(vault, number), "patient": person}
        sent = {one["_id"]: os.urandom(16) for one, _, _ in self.submissions}
        episodes = {one["_id"]: os.urandom(16) for one in self.episodes}
        for episode in self.episodes:
            places = {"_id": episodes[episode["_id"]], "submission": sent[episode["submission"]], "patient": person}
            yield "episodes", {**episode, **places, "digest": os.urandom(len(episode["digest"]))}
        for found, code, body in self.submissions:
            place = sent[found["_id"]]
            sealed = {"code": key.seal(code, _CODE + place), "sealed": key.seal(body, _BODY + place)}
            moved = {"_id": place, "episode": episodes[found["episode"]], "patient": person, "received": _some(chance)}
            yield "submissions", {**found, **moved, **sealed}
        for found, payload, labels in self.records:
            yield "records", self._record(found, payload, labels, person, key, episodes)
        for event in self.events:
            moment = _some(chance)
            milliseconds = (int(moment.timestamp() * 1000) + 2**63).to_bytes(8, "big")
            yield (
                "audit_events",
                {
                    **event,
                    "_id": person + milliseconds + os.urandom(8),
                    "time": moment,
                    "patient": person,
                },
            )

    def _record(
        self,
        found: Document,
        payload: bytes,
        labels: list[bytes],
        person: bytes,
        key: DataKey,
        episodes: dict[bytes, bytes],
    ) -> Document:
        name = os.urandom(12)
        place = person + found["_id"][16:24] + name + found["_id"][36:]
        mine = payload.replace(self.patient_id, person).replace(found["key"], name)
        return {
            **found,
            "_id": place,
            "labels": [key.token(label) for label in labels],
            "key": name,
            "episode": episodes[found["episode"]],
            "digest": os.urandom(len(found["digest"])),
            "sealed": key.seal(mine, place),
        }


async def templates(world: World, people: int, records: int) -> list[Template]:
    """So many people with about so many records, written by the intake and read as they lie."""
    visits = [(visit, file) for file in files() if not (visit := visit_xml.read(file)).preliminary]
    registry = Registry(world.mongo)
    for code in {visit.facility for visit, _ in visits}:
        await registry.register(code, f"Bệnh viện {code}", code, [])
    nth = iter(visits * (1 + people * records // len(visits)))
    made: list[Template] = []
    for number in range(people):
        count = 0
        while count < records:
            count += await _sent(world, number, *next(nth))
        made.append(await _template(world, number))
    return made


def identifier(vault: Vault, number: int) -> bytes:
    """The blind index of a national id, as the store makes it."""
    return vault.blind_index("identifier", NATIONAL_ID, national_id(number))


async def _sent(world: World, number: int, visit: VisitSummary, body: bytes) -> int:
    details = PatientDetails((Identifier(NATIONAL_ID, national_id(number)),), full_name=FULL_NAME)
    sender = Principal(PrincipalKind.FACILITY, facility=visit.facility, client_id=visit.facility, session="bench")
    own = replace(visit, patient=details, episode=f"{visit.episode}-{number}")
    receipt = await submission.submit(world.custodian, sender, own, body, now=NOW, path="bench")
    return receipt.records


async def _template(world: World, number: int) -> Template:
    vault, there = Vault(world.keys), world.mongo.database
    found = await there["identifiers"].find_one({"_id": identifier(vault, number)})
    assert found is not None
    person = await there["people"].find_one({"_id": found["patient"]})
    assert person is not None
    owner = bytes(person["_id"])
    key = vault.data_key(owner, person["key"])
    return Template(
        owner,
        key.open(person["sealed"], _PATIENT + owner),
        await there["episodes"].find({"patient": owner}).to_list(),
        [
            (one, key.open(one["code"], _CODE + one["_id"]), key.open(one["sealed"], _BODY + one["_id"]))
            async for one in there["submissions"].find({"patient": owner})
        ],
        [
            (one, key.open(one["sealed"], one["_id"]), [label.encode() for label in opened(key, [one])[0].labels])
            async for one in there["records"].find(_span(owner, 38))
        ],
        await there["audit_events"].find(_span(owner, 32)).to_list(),
    )


def _span(owner: bytes, size: int) -> Document:
    """Everything of one person where places have so many bytes: MongoDB sorts by length first."""
    return {"_id": {"$gte": owner.ljust(size, b"\x00"), "$lte": owner.ljust(size, b"\xff")}}


def _some(chance: Random) -> datetime:
    return NOW - chance.random() * _YEARS
