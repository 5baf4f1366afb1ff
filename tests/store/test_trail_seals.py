"""The sealed trail on a real database: whatever somebody does to it behind our back is found and named."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo.monitoring import CommandSucceededEvent

from ehb.domain.audit import AuditEvent
from ehb.domain.merkle import included, leaf_hash
from ehb.domain.trail_seal import Finding, leaf_of
from ehb.signing import CHECKPOINT, CONSENT_RECEIPT, NotSigned, Signer, verified
from ehb.store.audit_trail import AuditTrail
from ehb.store.mongo import Mongo, connect
from ehb.store.trail_audit import TrailAudit
from ehb.store.trail_seals import LOOK_BACK, TrailProofs, TrailSeals
from ehb.store.vault import Keys, Vault
from tests.hearing import Hearing, heard
from tests.house import House
from tests.running import ehb
from tests.stewards import environment
from tests.test_access_log import log
from tests.test_consent import seen, world

BEGIN = datetime(2026, 11, 1, 8, tzinfo=UTC)
SIGNER = Signer(b"s" * 32)

VAULT = Vault(Keys.generate())


def event(time: datetime, patient: bytes = b"p" * 16) -> AuditEvent:
    who = ("CITIZEN", "s", b"d" * 16, "99001")
    return AuditEvent(time, "healthBook", "READ", "TREAT", "PERMIT", "CONSENT", *who, patient, ())


def sealer(mongo: Mongo, now: datetime) -> TrailSeals:
    return TrailSeals(mongo, SIGNER, lambda: now, lag=timedelta())


async def trail(mongo: Mongo, *, batches: int = 3, lines: int = 20) -> None:
    """Some sealed batches, a minute each."""
    written = AuditTrail(mongo, VAULT)
    for batch in range(batches):
        begin = BEGIN + timedelta(minutes=batch)
        await asyncio.gather(
            *(written.append(event(begin + timedelta(seconds=line), os.urandom(16))) for line in range(lines))
        )
        assert await sealer(mongo, begin + timedelta(minutes=1)).seal() == 1


async def findings(mongo: Mongo, **how: Any) -> list[Finding]:
    return [one async for one in TrailAudit(mongo, SIGNER).verify(**how)]


async def test_an_untouched_trail_has_nothing_to_find(mongo: Mongo) -> None:
    await trail(mongo)
    seen_lines: list[int] = []

    assert await findings(mongo, progress=seen_lines.append) == []
    assert sum(seen_lines) == 60


async def some_line(mongo: Mongo, number: int = 25) -> bytes:
    found = await mongo.database["audit_events"].find({}, {"_id": 1}).sort("time").to_list()
    return bytes(found[number]["_id"])


async def change(mongo: Mongo, field: str, value: object) -> str:
    line = await some_line(mongo)
    await mongo.database["audit_events"].update_one({"_id": line}, {"$set": {field: value}})
    return line.hex()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("outcome", "DENY"),
        ("rule", "EMERGENCY"),
        ("time", BEGIN + timedelta(seconds=81)),
        ("agent.licence", "L-2"),
        ("agent.patient", b"x" * 16),
        ("patient", None),
        ("source", b"c" * 16),
        ("sections", ["CONDITIONS"]),
        ("added later", True),
    ],
)
async def test_a_changed_line_is_named(mongo: Mongo, field: str, value: object) -> None:
    await trail(mongo)
    line = await change(mongo, field, value)

    found = await findings(mongo)

    assert ("CHANGED", 2, line) in [(one.kind, one.batch, one.line) for one in found]
    assert {one.line for one in found} == {line}


def test_an_event_from_before_has_the_leaf_that_it_was_sealed_with() -> None:
    """Key and licence side by side, no verb: as events were kept once. The digest was computed by the code of then."""
    agent = {"kind": "CITIZEN", "session": "s", "patient": b"d" * 16, "facility": "99001", "licence": "L-1"}
    document = {
        "_id": b"p" * 32,
        "time": BEGIN,
        "path": "healthBook",
        "action": "READ",
        "purpose": "TREAT",
        "outcome": "PERMIT",
        "rule": "CONSENT",
        "patient": b"p" * 16,
        "agent": {**agent, "actor": "99001"},
        "source": b"c" * 16,
        "sections": ["CONDITIONS"],
    }

    assert leaf_of(document).hash.hex() == "91656f8c2e382a90e6ea10b1467de785f267d0dea3b58d2bc7e9e828f03bc700"


async def test_a_removed_line_is_named(mongo: Mongo) -> None:
    await trail(mongo)
    line = await some_line(mongo)
    await mongo.database["audit_events"].delete_one({"_id": line})

    [found] = await findings(mongo)

    assert (found.kind, found.batch, found.line) == ("REMOVED", 2, line.hex())


@pytest.mark.parametrize("when", [BEGIN + timedelta(seconds=30), BEGIN - timedelta(days=1), None])
async def test_an_inserted_line_is_named(mongo: Mongo, when: datetime | None) -> None:
    await trail(mongo, batches=15, lines=2)
    await AuditTrail(mongo, VAULT).append(event(when or BEGIN))
    forged = await mongo.database["audit_events"].find_one({"agent.patient": b"d" * 16, "patient": b"p" * 16})
    assert forged is not None
    if when is None:
        await mongo.database["audit_events"].update_one({"_id": forged["_id"]}, {"$set": {"time": "no time"}})

    [found] = await findings(mongo)

    assert (found.kind, found.line) == ("INSERTED", bytes(forged["_id"]).hex())


async def remove_batch(mongo: Mongo) -> None:
    await mongo.database["audit_seals"].delete_one({"_id": 2})


async def swap_leaf(mongo: Mongo) -> None:
    """What somebody would do who changed a line and wants the batch to agree."""
    line = await some_line(mongo)
    await mongo.database["audit_events"].update_one({"_id": line}, {"$set": {"outcome": "DENY"}})
    document = await mongo.database["audit_events"].find_one({"_id": line})
    batch = await mongo.database["audit_seals"].find_one({"_id": 2})
    assert document is not None
    assert batch is not None
    blob = bytes(batch["leaves"])
    place = blob.index(line) + 32
    blob = blob[:place] + leaf_of(document).hash + blob[place + 32 :]
    await mongo.database["audit_seals"].update_one({"_id": 2}, {"$set": {"leaves": blob}})


async def narrow_window(mongo: Mongo) -> None:
    moment = BEGIN + timedelta(seconds=90)
    await mongo.database["audit_seals"].update_one({"_id": 2}, {"$set": {"until": moment}})


async def sign_with_another_key(mongo: Mongo) -> None:
    forged = Signer(b"x" * 32).sign(CHECKPOINT, {"batch": 2})
    await mongo.database["audit_seals"].update_one({"_id": 2}, {"$set": {"checkpoint": forged}})


async def take_another_checkpoint(mongo: Mongo) -> None:
    first = await mongo.database["audit_seals"].find_one({"_id": 1})
    assert first is not None
    await mongo.database["audit_seals"].update_one({"_id": 2}, {"$set": {"checkpoint": first["checkpoint"]}})


@pytest.mark.parametrize(
    ("tamper", "kind"),
    [
        (remove_batch, "BATCH_REMOVED"),
        (swap_leaf, "BATCH_CHANGED"),
        (narrow_window, "BATCH_CHANGED"),
        (sign_with_another_key, "BAD_SIGNATURE"),
        (take_another_checkpoint, "BATCH_CHANGED"),
    ],
)
async def test_a_batch_that_was_touched_is_named(
    mongo: Mongo, tamper: Callable[[Mongo], Awaitable[None]], kind: str
) -> None:
    await trail(mongo)

    await tamper(mongo)

    assert (kind, 2) in [(one.kind, one.batch) for one in await findings(mongo)]


async def test_a_tail_that_was_cut_off_is_found_against_a_kept_checkpoint(mongo: Mongo) -> None:
    await trail(mongo)
    latest = await sealer(mongo, BEGIN).latest()
    assert latest is not None
    await mongo.database["audit_seals"].delete_one({"_id": 3})
    await mongo.database["audit_events"].delete_many({"time": {"$gte": BEGIN + timedelta(minutes=2)}})

    assert await findings(mongo) == []
    assert [(one.kind, one.batch) for one in await findings(mongo, kept=latest.checkpoint)] == [("BATCH_REMOVED", 3)]
    with pytest.raises(NotSigned):
        await findings(mongo, kept="made up")


async def test_a_line_that_comes_late_is_sealed_and_one_that_comes_too_late_is_not(mongo: Mongo) -> None:
    await trail(mongo)
    written = AuditTrail(mongo, VAULT)
    await written.append(event(BEGIN + timedelta(seconds=70)))
    assert len(await findings(mongo)) == 0  # not yet sealed, and young enough to be
    assert await sealer(mongo, BEGIN + timedelta(minutes=4)).seal() == 1
    assert await findings(mongo) == []

    late = BEGIN + timedelta(minutes=4) + LOOK_BACK
    await written.append(event(late - timedelta(seconds=1)))
    await sealer(mongo, late).seal()
    await written.append(event(BEGIN + timedelta(seconds=75)))
    await written.append(event(late + timedelta(seconds=1)))
    await sealer(mongo, late + timedelta(minutes=1)).seal()

    assert [one.kind for one in await findings(mongo)] == ["INSERTED"]


async def test_a_late_line_is_sealed_once_though_earlier_batches_do_not_say_what_was_late(mongo: Mongo) -> None:
    await trail(mongo)
    written, seals = AuditTrail(mongo, VAULT), mongo.database["audit_seals"]
    await written.append(event(BEGIN + timedelta(seconds=70)))
    assert await sealer(mongo, BEGIN + timedelta(minutes=4)).seal() == 1
    await seals.update_many({}, {"$unset": {"fresh": 1, "late": 1}})

    await written.append(event(BEGIN + timedelta(seconds=71)))
    assert await sealer(mongo, BEGIN + timedelta(minutes=5)).seal() == 1
    await sealer(mongo, BEGIN + timedelta(minutes=6)).seal()

    assert sum([len(one["leaves"]) // 64 async for one in seals.find()]) == 62
    assert await findings(mongo) == []


async def test_a_line_late_for_the_very_first_batch_is_sealed_too(mongo: Mongo) -> None:
    await trail(mongo, batches=1)
    await AuditTrail(mongo, VAULT).append(event(BEGIN - timedelta(milliseconds=40)))
    assert await findings(mongo) == []  # not yet sealed, and young enough to be

    assert await sealer(mongo, BEGIN + timedelta(minutes=2)).seal() == 1
    await trail_on(mongo, BEGIN + timedelta(minutes=20))

    assert await findings(mongo) == []


async def trail_on(mongo: Mongo, now: datetime) -> None:
    """One more line and its batch, long after."""
    await AuditTrail(mongo, VAULT).append(event(now - timedelta(seconds=1)))
    assert await sealer(mongo, now).seal() == 1


async def test_where_nothing_came_late_no_sealed_line_is_read_again(mongo: Mongo, mongo_uri: str) -> None:
    """Ten minutes of everybody's lines are a hundred thousand in a busy house, each half minute, in each worker."""
    await trail(mongo)
    await AuditTrail(mongo, VAULT).append(event(BEGIN + timedelta(minutes=3, seconds=1)))
    with heard(Read()) as read:
        other = connect(mongo_uri, mongo.database.name)
        try:
            assert await sealer(other, BEGIN + timedelta(minutes=4)).seal() == 1
        finally:
            await other.close()

    assert read.lines == [1]
    assert read.leaves == 0


class Read(Hearing):
    """How many lines each look into the trail gave, and how many batches came with their leaves."""

    def __init__(self) -> None:
        self.lines: list[int] = []
        self.leaves = 0

    def succeeded(self, event: CommandSucceededEvent) -> None:
        cursor = event.reply.get("cursor", {})
        batch, of = cursor.get("firstBatch", []), str(cursor.get("ns", "")).rpartition(".")[2]
        if of == "audit_events" and event.command_name == "find":
            self.lines.append(len(batch))
        elif of == "audit_seals":
            self.leaves += sum("leaves" in one for one in batch)


async def test_a_time_too_short_is_left_for_later(mongo: Mongo) -> None:
    await trail(mongo)
    await AuditTrail(mongo, VAULT).append(event(BEGIN + timedelta(minutes=3, seconds=1)))
    half = timedelta(seconds=30)

    assert await sealer(mongo, BEGIN + timedelta(minutes=3, seconds=29)).seal(at_least=half) == 0
    assert await sealer(mongo, BEGIN + timedelta(minutes=3, seconds=30)).seal(at_least=half) == 1


async def test_many_workers_seal_at_once_while_others_write(mongo: Mongo) -> None:
    written = AuditTrail(mongo, VAULT)

    async def write(worker: int) -> None:
        for line in range(40):
            await written.append(event(BEGIN + timedelta(milliseconds=line * 5 + worker)))

    async def seal() -> None:
        for step in range(10):
            await sealer(mongo, BEGIN + timedelta(milliseconds=20 * step)).seal()

    await asyncio.gather(*(write(worker) for worker in range(4)), *(seal() for _ in range(4)))
    await sealer(mongo, BEGIN + timedelta(minutes=1)).seal()

    sealed = 0
    async for batch in mongo.database["audit_seals"].find():
        sealed += len(batch["leaves"]) // 64
    assert sealed == 160
    assert await findings(mongo) == []


async def test_a_batch_is_cut_where_it_grows_too_long(mongo: Mongo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ehb.store.trail_seals.BATCH", 7)
    written = AuditTrail(mongo, VAULT)
    for line in range(20):
        await written.append(event(BEGIN + timedelta(milliseconds=line // 3)))
    for _ in range(9):  # more in one moment than a batch would hold
        await written.append(event(BEGIN + timedelta(milliseconds=50)))

    assert await sealer(mongo, BEGIN + timedelta(seconds=1)).seal() > 3

    assert await findings(mongo) == []


async def test_part_of_the_trail_can_be_verified(mongo: Mongo) -> None:
    await trail(mongo)
    line = await change(mongo, "rule", "EMERGENCY")
    window = {"since": BEGIN + timedelta(minutes=1), "until": BEGIN + timedelta(minutes=2)}

    assert [one.line for one in await findings(mongo, **window)] == [line]
    assert await findings(mongo, since=BEGIN + timedelta(minutes=2)) == []
    assert await findings(mongo, until=BEGIN + timedelta(minutes=1)) == []


async def test_a_proof_leads_from_the_line_to_what_we_signed(mongo: Mongo) -> None:
    await trail(mongo)
    line = await some_line(mongo)

    proof = await TrailProofs(mongo).proof(line)
    assert proof is not None
    head = bytes.fromhex(verified(CHECKPOINT, proof.checkpoint, SIGNER.public_jwks())["root"])

    assert proof.holds(head)
    await mongo.database["audit_events"].update_one({"_id": line}, {"$set": {"outcome": "DENY"}})
    changed = await TrailProofs(mongo).proof(line)
    assert changed is not None
    assert not changed.holds(head)
    assert await TrailProofs(mongo).proof(b"?" * 32) is None


def test_a_signature_is_over_one_kind_of_thing() -> None:
    token = SIGNER.sign(CHECKPOINT, {"a": 1})

    assert SIGNER.verify(CHECKPOINT, token) == {"a": 1}
    for kind, text, signer in (
        (CONSENT_RECEIPT, token, SIGNER),
        (CHECKPOINT, token[:-4] + "AAAA", SIGNER),
        (CHECKPOINT, "", SIGNER),
        (CHECKPOINT, token, Signer(b"x" * 32)),
    ):
        with pytest.raises(NotSigned):
            signer.verify(kind, text)


PROOF = "query($id: ID!) { accessProof(id: $id) { readable rest index size path checkpoint } }"


async def test_a_citizen_proves_a_line_with_nothing_but_our_public_key(house: House) -> None:
    citizen, token, book = await world(house)
    await seen(house, token, book)
    [line] = await log(house, citizen, outcome="DENY")
    before = (await house.data(citizen, PROOF, {"id": line["id"]}))["accessProof"]
    later = house.clock() + timedelta(seconds=1)
    await TrailSeals(house.mongo, Signer(house.keys.signing), lambda: later, lag=timedelta()).seal()

    proof = (await house.data(citizen, PROOF, {"id": line["id"]}))["accessProof"]
    stranger = await house.ask(token, PROOF, {"id": line["id"]})
    jwks = (await house.http.get("/.well-known/jwks.json")).json()

    claims = verified(CHECKPOINT, proof["checkpoint"], jwks)
    leaf = leaf_hash(hashlib.sha256(proof["readable"].encode()).digest() + bytes.fromhex(proof["rest"]))
    path = [bytes.fromhex(one) for one in proof["path"]]
    assert included(leaf, proof["index"], proof["size"], path, bytes.fromhex(claims["root"]))
    assert json.loads(proof["readable"])["rule"] == "NO_LEGAL_GROUND"
    assert before is None
    assert stranger["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert "d" not in jwks["keys"][0]


@pytest.mark.long
async def test_the_command_seals_verifies_and_prints_a_checkpoint(house: House, mongo_uri: str, tmp_path: Path) -> None:
    await trail(house.mongo)
    settings = environment(house, mongo_uri, tmp_path)
    await house.mongo.database["audit_seals"].delete_many({})  # those were made with the key of another house
    kept = tmp_path / "checkpoint"

    none = ehb("audit", "checkpoint", **settings)
    sealed = ehb("audit", "seal", **settings)
    good = ehb("audit", "verify", **settings)
    kept.write_text(ehb("audit", "checkpoint", **settings).stdout)
    against = ehb("audit", "verify", "--checkpoint", kept, **settings)
    line = await change(house.mongo, "rule", "EMERGENCY")
    bad = ehb("audit", "verify", "--json", **settings)
    wrong = ehb("audit", "verify", "--checkpoint", tmp_path / "keys.json", **settings)

    assert [one.returncode for one in (none, sealed, good, against, bad, wrong)] == [1, 0, 0, 0, 1, 1]
    assert sealed.stdout == "1 batches sealed\n"
    assert "60 sealed lines, 0 findings" in good.stderr
    assert [json.loads(one)["line"] for one in bad.stdout.splitlines()] == [line]
    assert "[BAD_USER_INPUT]" in wrong.stderr
