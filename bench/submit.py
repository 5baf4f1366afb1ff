"""Sustained intake over HTTP: signed visit files of 40 rows, one worker, several connections, majority acknowledgement.

Floor: one loop that parses the same files with lxml, seals payloads of the same sizes with AES-GCM and writes
the same number of documents with one `insert_many`, majority acknowledged. Rounds take turns. The one invariant:
every file is a new episode, and every answer says ACCEPTED with all its records.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding
from joserfc.jwk import ECKey
from lxml import etree

from bench.layers import print_profile
from bench.report import Row
from bench.rounds import Timed, in_turns, ratio
from bench.serving import Server, processor_seconds, serving
from bench.visit import FACILITY, ROWS, forty_rows
from bench.world import World, national_id
from ehb.client import FacilityClient, SigningKey
from ehb.demo.certificates import make_certificate
from ehb.formats.public_keys import certificates_from
from ehb.services.registry_lists import Wish, load_certificates
from ehb.signing_files import Signer
from ehb.store.mongo import Document
from ehb.store.registry import Registry

CONNECTIONS = 8


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is sent."""

    rounds: int
    files: int
    """In each round."""


async def measure(world: World, mongod: int, sizes: Sizes) -> list[Row]:
    """Take turns with the floor, then look at where the time goes; print."""
    key, signer = await _registered(world)
    with tempfile.TemporaryDirectory(prefix="ehb-bench-") as folder:
        keys = Path(folder) / "keys.json"
        world.keys.save(keys)
        database, profile = world.mongo.database.name, Path(folder) / "profile.json"
        with serving(world.uri, database, keys) as server:
            async with FacilityClient(server.base, FACILITY, key) as client:
                row = await _against_the_floor(world, server, client, signer, sizes, mongod)
        program = (sys.executable, "-m", "bench.profiled")
        with serving(world.uri, database, keys, program=program, EHB_BENCH_PROFILE=str(profile)) as server:
            async with FacilityClient(server.base, FACILITY, key) as client:
                await _sent(server, client, list(_files(signer, "warm", 20)), CONNECTIONS)
                os.kill(server.pid, signal.SIGUSR1)
                files = list(_files(signer, "profile", sizes.files * 8))
                await _sent(server, client, files, CONNECTIONS)
        print_profile(json.loads(profile.read_text()), len(files), "file")
    return [row]


async def _against_the_floor(
    world: World, server: Server, client: FacilityClient, signer: Signer, sizes: Sizes, mongod: int
) -> Row:
    records = world.mongo.database["records"]
    await _sent(server, client, list(_files(signer, "first", 1)), 1)
    pattern = await records.find().to_list()
    warm_up, floor = 2, _Floor(AESGCM(os.urandom(32)), pattern)
    batches = [list(_files(signer, f"round-{number}", sizes.files)) for number in range(warm_up + sizes.rounds)]
    alone = [list(_files(signer, f"alone-{number}", sizes.files // 4)) for number in range(warm_up + sizes.rounds)]

    needed: list[float] = []

    async def bare(number: int) -> None:
        began = time.process_time()
        for file in batches[number]:
            await records.insert_many(floor.documents(file))
        needed.append((time.process_time() - began) / sizes.files * 1000)

    async def bare_side_by_side(number: int) -> None:
        queue = iter(batches[number])

        async def one() -> None:
            for file in queue:
                await records.insert_many(floor.documents(file))

        await asyncio.gather(*(one() for _ in range(CONNECTIONS)))

    async def submitted(number: int) -> None:
        await _sent(server, client, batches[number], CONNECTIONS)

    async def one_by_one(number: int) -> None:
        await _sent(server, client, alone[number], 1)

    turns = {"bare": bare, "submitted": submitted, "alone": one_by_one, "side by side": bare_side_by_side}
    before = processor_seconds(server.pid)
    timed = await in_turns(turns, rounds=sizes.rounds, warm_up=warm_up)
    sent = (warm_up + sizes.rounds) * (sizes.files + sizes.files // 4)
    ours = (processor_seconds(server.pid) - before) / sent
    commands = await _commands(world, server, client, list(_files(signer, "counted", sizes.files)), mongod)

    size = len(batches[0][0])
    print(f"submit: signed files of {sum(ROWS.values())} rows, {size:,} bytes, {len(pattern)} records, over HTTP,")
    print(f"  one worker, {CONNECTIONS} connections, {sizes.rounds} rounds of {sizes.files} files")
    print(_rate("the bare limit: lxml, AES-GCM, insert_many, in a loop", timed["bare"], sizes.files))
    print(_rate(f"the bare limit, {CONNECTIONS} at once", timed["side by side"], sizes.files))
    print(_rate(f"submitted over {CONNECTIONS} connections", timed["submitted"], sizes.files))
    print(_rate("submitted over one connection", timed["alone"], sizes.files // 4))
    print(f"  of the processors, for one file: bare loop {median(needed):.1f} ms")
    print(f"  and when submitted: server {ours * 1000:.1f} ms, {commands}")
    against = ratio(timed["bare"], timed["submitted"])
    print(f"  ratio to the floor: {against}    reach: 0.5")
    rates = [f"{1000 * sizes.files / timed[name].milliseconds:.0f} a second" for name in ("bare", "submitted")]
    return Row("`submit`: rate", rates[0], rates[1], against, "0.5")


async def _registered(world: World) -> tuple[SigningKey, Signer]:
    """The facility with a key that signs in and a certificate that signs files."""
    registry = Registry(world.mongo)
    key = SigningKey(ECKey.generate_key("P-384"), "ES384")
    await registry.register(FACILITY, "Bệnh viện Đo", FACILITY, [key.public_jwk])
    private, now = generate_private_key(SECP256R1()), datetime.now(UTC)
    certificate = make_certificate(private, "Bệnh viện Đo", now)
    held = {FACILITY: certificates_from(certificate.public_bytes(Encoding.DER))}
    report = await load_certificates(registry, "certificates", held, (), Wish(now.date()))
    assert not report.refused
    return key, Signer(private, certificate)


def _files(signer: Signer, name: str, count: int) -> Iterator[bytes]:
    for number in range(count):
        yield signer.sign(forty_rows(f"LK-{name}-{number}", national_id(700_000 + number % 200)))


async def _sent(server: Server, client: FacilityClient, files: Sequence[bytes], connections: int) -> None:
    """Send files as cheaply as can be: what the sender needs of the processors is taken from the server."""
    host, port = server.base.removeprefix("http://").split(":")
    head = (
        f"POST /facility/submissions HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/xml\r\n"
        f"Authorization: Bearer {await client.access_token()}\r\nContent-Length: "
    ).encode()
    queue = iter(files)

    async def send() -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        for file in queue:
            writer.write(head + str(len(file)).encode() + b"\r\n\r\n" + file)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            receipt = json.loads(await reader.readexactly(int(length.partition(b":")[2])))
            assert receipt.get("status") == "ACCEPTED", receipt
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(send() for _ in range(connections)))


@dataclass(frozen=True, slots=True)
class _Floor:
    """What any intake does with a file before it writes."""

    key: AESGCM
    pattern: list[Document]

    def documents(self, file: bytes) -> list[Document]:
        for content in etree.fromstring(file).iter("NOIDUNGFILE"):
            etree.fromstring(base64.b64decode(content.text or ""))
        return [self._sealed(one) for one in self.pattern]

    def _sealed(self, one: Document) -> Document:
        place, nonce = bytes(one["_id"])[:16] + os.urandom(22), os.urandom(12)
        return {**one, "_id": place, "sealed": nonce + self.key.encrypt(nonce, one["sealed"][28:], place)}


async def _commands(world: World, server: Server, client: FacilityClient, files: list[bytes], mongod: int) -> str:
    """What the database does for one file: processor time, and commands that were not the bench's own."""
    before, began = await _counted(world), processor_seconds(mongod)
    await _sent(server, client, files, CONNECTIONS)
    after, ended = await _counted(world), processor_seconds(mongod)
    each = {name: (count - before.get(name, 0)) / len(files) for name, count in after.items()}
    told = ", ".join(f"{name} {count:.1f}" for name, count in sorted(each.items()) if count >= 0.5)
    return f"mongod {(ended - began) / len(files) * 1000:.1f} ms\n  commands for one file: {told}"


async def _counted(world: World) -> dict[str, int]:
    status = await world.mongo.client.admin.command("serverStatus")
    return {name: one["total"] for name, one in status["metrics"]["commands"].items() if isinstance(one, dict)}


def _rate(name: str, timed: Timed, files: int) -> str:
    each = timed.milliseconds / files
    return f"  {name:<56}{1000 / each:7.1f} a second {each:7.2f} ms each"
