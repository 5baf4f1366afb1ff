"""What a refusal costs: a stranger's read of a book with 500 consents, and a large file from one who may not send.

Floors: the same stranger's read of a book about which nothing stands; for the file there is none. The one invariant:
every stranger is another one, so each refusal is decided and written down as the first of its kind.
"""

from __future__ import annotations

import asyncio
import itertools
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median

from bench.api import access_token
from bench.consent import agree
from bench.report import Row
from bench.rounds import Timed, in_turns, line, ratio
from bench.serving import Server, processor_seconds, resident, serving
from bench.world import World
from ehb.domain.access import Purpose
from ehb.domain.book import ReadQuery
from ehb.domain.identity import PractitionerRole, Principal, PrincipalKind
from ehb.domain.registry import RegisteredPractitioner
from ehb.errors import Forbidden
from ehb.store.practitioners import Practitioners
from ehb.store.vault import Vault

REACH = 1.2
STANDING = 500
FILE_BYTES = 9_000_000
_OTHER_FACILITY = "99777"
_ROLE = PractitionerRole("000098/TEST-CCHN", _OTHER_FACILITY)
_QUERY = ReadQuery()
_PIECE = 65_536


async def measure(world: World, mongod: int, *, rounds: int, standing: int = STANDING) -> list[Row]:
    """Fill, agree, take turns, print; then send the file."""
    await world.fill(4, 20)
    crowded, empty = world.books[:2], world.books[2:]
    entry = RegisteredPractitioner(_ROLE.licence, "Bác sĩ Lạ", (_OTHER_FACILITY,))
    await Practitioners(world.mongo, Vault(world.keys)).save([entry])
    for book in crowded:
        for nth in range(standing):
            await agree(world, book, nth)
    strangers = _strangers()
    asked = {"none": partial(_refused, world, strangers, empty), "many": partial(_refused, world, strangers, crowded)}
    used: dict[str, list[float]] = {name: [] for name in asked}
    turns = {name: partial(_counted, turn, used[name]) for name, turn in asked.items()}
    warm_up = max(3, rounds // 10)
    timed = await in_turns(turns, rounds=rounds, warm_up=warm_up)
    processor = {name: Timed(tuple(seconds[warm_up:])) for name, seconds in used.items()}
    database = {name: await _of_the_database(turn, mongod, rounds) for name, turn in asked.items()}

    print(f"refused: a doctor whom nothing lets in asks for a book about which {standing} consents stand, or none")
    print(line("nothing stands (the floor)", timed["none"]))
    print(line(f"{standing} consents stand", timed["many"]))
    for name, what in (("none", "nothing stands"), ("many", f"{standing} stand")):
        print(f"  processor, {what}: ours {processor[name].milliseconds:.2f} ms, mongod {database[name]:.2f} ms")
    taken = ratio(timed["many"], timed["none"])
    worked = ratio(processor["many"], processor["none"])
    print(f"  ratio in time: {taken}    reach: {REACH}")
    print(f"  ratio in our processor time: {worked}    reach: {REACH}")
    name = f"`refused`, {standing} consents"
    return [
        Row(f"{name}: time", timed["none"].shown, timed["many"].shown, taken, f"{REACH}"),
        Row(f"{name}: CPU", processor["none"].shown, processor["many"].shown, worked, f"{REACH}"),
        await _large_file(world, max(5, rounds // 20)),
    ]


def _strangers() -> Iterator[Principal]:
    """Doctors with one licence, each with another account."""
    for number in itertools.count(1):
        account = b"stranger" + number.to_bytes(8, "big")
        yield Principal(
            PrincipalKind.CITIZEN,
            account,
            roles=(_ROLE,),
            role=_ROLE,
            client_id="ehb-mobile",
            session=f"s{number}",
            assurance_level=2,
        )


async def _refused(world: World, strangers: Iterator[Principal], books: list[bytes], number: int) -> None:
    try:
        await world.custodian.read(next(strangers), books[number % len(books)], Purpose.TREATMENT, _QUERY, path="bench")
    except Forbidden:
        return
    raise AssertionError("a stranger was let in")


async def _counted(turn: Callable[[int], Awaitable[None]], used: list[float], number: int) -> None:
    began = time.process_time()
    await turn(number)
    used.append(time.process_time() - began)


async def _of_the_database(turn: Callable[[int], Awaitable[None]], mongod: int, times: int) -> float:
    """Milliseconds of the database's processor time for each."""
    began = processor_seconds(mongod)
    for number in range(times):
        await turn(number)
    return (processor_seconds(mongod) - began) / times * 1000


async def _large_file(world: World, times: int) -> Row:
    """A person who is signed in and no facility sends 9 MB: when the answer comes, and what it adds to the server."""
    token = await access_token(world, world.books[0])
    with tempfile.TemporaryDirectory(prefix="ehb-bench-") as folder:
        keys = Path(folder) / "keys.json"
        world.keys.save(keys)
        with serving(world.uri, world.mongo.database.name, keys) as server:
            await _answered(server, token, 1_000)
            before = resident(server.pid)
            seconds = [await _answered(server, token, FILE_BYTES) for _ in range(times)]
            more = resident(server.pid, "VmHWM") - before
    shown = f"{median(seconds) * 1000:.1f} ms"
    print(f"  a file of {FILE_BYTES / 1_000_000:.0f} MB from one who may not send: refused after {shown} (median of")
    print(f"  {times}, {max(seconds) * 1000:.1f} ms at most), {more:.1f} MB more at the peak    reach: 50 ms, 5 MB")
    return Row("`refused`, a file of 9 MB", "", shown, f"{more:.1f} MB more", "50 ms, 5 MB")


async def _answered(server: Server, token: str, size: int) -> float:
    """Send a file and stop when the answer comes. Seconds until then."""
    host, port = server.base.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /facility/submissions HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/xml\r\n"
    head += f"Authorization: Bearer {token}\r\nContent-Length: {size}\r\n\r\n"
    began = time.perf_counter()
    writer.write(head.encode())
    sending = asyncio.create_task(_sent(writer, size))
    status = await reader.readline()
    taken = time.perf_counter() - began
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    writer.transport.abort()
    if b" 403 " not in status:
        raise AssertionError(f"answered {status!r}")
    return taken


async def _sent(writer: asyncio.StreamWriter, size: int) -> None:
    for start in range(0, size, _PIECE):
        writer.write(b"x" * min(_PIECE, size - start))
        await writer.drain()
