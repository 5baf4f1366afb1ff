"""The intake of one visit of 40 rows, bytes to acknowledged transaction, against the least that any intake does.

Floor: lxml parses the envelope and the tables in it, and one bare `insert_many` writes the documents of the same
records with majority acknowledgement. The one invariant: every round is a new episode of a person who has a book.
"""

from __future__ import annotations

import base64
import os
from collections import defaultdict
from functools import partial
from statistics import median

from lxml import etree
from pymongo import monitoring

from bench.report import Row
from bench.rounds import in_turns, line, ratio
from bench.visit import ROWS, forty_rows
from bench.world import NOW, SUBMITTER, World, national_id, on
from ehb.domain.submission import Receipt, Status
from ehb.formats import visit_xml
from ehb.services import submission

_visit = partial(forty_rows, national_id=national_id(999_999))


async def measure(world: World, *, rounds: int) -> list[Row]:
    """Take turns, print."""
    records = world.mongo.database["records"]
    there = {bytes(one["_id"]) async for one in records.find({}, {"_id": 1})}
    first = await _sent(world, _visit("LK-first"))
    documents = [one async for one in records.find() if bytes(one["_id"]) not in there]
    assert len(documents) == first.records

    warm_up = max(3, rounds // 10)
    bodies = [_visit(f"LK-{number}") for number in range(warm_up + rounds)]
    same = [[{**one, "_id": bytes(one["_id"])[:16] + os.urandom(22)} for one in documents] for _ in bodies]

    async def parsed(number: int) -> None:
        _parsed(bodies[number])

    async def floor(number: int) -> None:
        _parsed(bodies[number])
        await records.insert_many(same[number])

    async def read(number: int) -> None:
        visit_xml.read(bodies[number])

    async def intake(number: int) -> None:
        receipt = await _sent(world, bodies[number])
        assert (receipt.status, receipt.records) == (Status.ACCEPTED, first.records)

    turns = {"floor": floor, "intake": intake, "parsed": parsed, "read": read}
    timed = await in_turns(turns, rounds=rounds, warm_up=warm_up)
    rows, size = sum(ROWS.values()), len(_visit("LK-first"))
    print(f"intake: one visit of {rows} rows, {size:,} bytes, {first.records} records")
    print(line("lxml alone", timed["parsed"]))
    print(line("lxml and one bare insert_many (the floor)", timed["floor"]))
    print(line("visit_xml.read: parse, check, map", timed["read"]))
    print(line("the whole intake", timed["intake"]))
    for text in await _round_trips(world, min(rounds, 50)):
        print(text)
    against = ratio(timed["intake"], timed["floor"])
    print(f"  ratio to the floor: {against}    reach: 3")
    return [Row("`intake`: time of a visit", timed["floor"].shown, timed["intake"].shown, against, "3")]


async def _sent(world: World, body: bytes) -> Receipt:
    visit = visit_xml.read(body)
    return await submission.submit(world.custodian, SUBMITTER, visit, body, now=NOW, path="bench")


def _parsed(body: bytes) -> None:
    for content in etree.fromstring(body).iter("NOIDUNGFILE"):
        etree.fromstring(base64.b64decode(content.text or ""))


class _Clock(monitoring.CommandListener):
    """Takes the time of every command of the driver."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, float]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        pass

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        self.taken.append((event.command_name, event.duration_micros / 1000))

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


async def _round_trips(world: World, rounds: int) -> list[str]:
    """The commands of one intake, in order, from a client of its own that is watched."""
    clock = _Clock()
    watched = on(world.uri, world.mongo.database.name, world.keys, listener=clock)
    taken: defaultdict[tuple[int, str], list[float]] = defaultdict(list)
    try:
        await _sent(watched, _visit("LK-watched"))  # connects, too
        for number in range(rounds):
            clock.taken.clear()
            await _sent(watched, _visit(f"LK-watched-{number}"))
            for place, (name, milliseconds) in enumerate(clock.taken):
                taken[place, name].append(milliseconds)
    finally:
        await watched.mongo.close()
    usual = [(name, median(times)) for (_, name), times in taken.items() if len(times) > rounds / 2]
    shown = ", ".join(f"{name} {milliseconds:.2f}" for name, milliseconds in usual)
    total = sum(milliseconds for _, milliseconds in usual)
    return [f"  its {len(usual)} round trips, {total:.2f} ms in all: {shown}"]
