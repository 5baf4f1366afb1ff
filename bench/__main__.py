"""`python -m bench [MEASURE ...]`: speed and size, each against its floor; one table at the end."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Awaitable, Callable, Sequence

import uvloop

from bench import (
    book,
    book_profile,
    consent,
    decide,
    decoding,
    demo,
    faults,
    folder,
    granularity,
    growth,
    intake,
    machine,
    memory,
    peer,
    read,
    refused,
    submit,
    token,
    workers,
)
from bench.report import Row, table
from bench.world import World, world
from ehb.store import embedded

_USUAL = ("read", "intake", "submit", "memory", "decide", "consent", "refused", "token", "book", "page", "workers")
_ALL = (*_USUAL, "decoding", "granularity", "folder", "demo", "faults", "growth")
_HOURS = """
An hour each, so by themselves: growth --people 10000,999999; memory --minutes 60. Their latest: bench/README.md"""
Measure = Callable[[World, embedded.EmbeddedMongo, argparse.Namespace], Awaitable[list[Row]]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the measures that were asked for."""
    parser = _parser()
    given = parser.parse_args(arguments)
    unknown = set(given.measures) - {*_ALL}
    if unknown:
        parser.error(f"no such measure: {', '.join(sorted(unknown))}")
    try:
        given.against = peer.peer_of(given)
        grown = growth.QUICK if given.quick else growth.sizes(given.people)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    wanted = given.measures or _USUAL
    rows: list[Row] = []
    with embedded.start(cache_gb=1.0) as mongod:
        print(machine.described(mongod.uri))
        print("python -m bench " + " ".join(sys.argv[1:] if arguments is None else arguments))
        for name in wanted:
            print(flush=True)
            if name in _IN_A_WORLD:
                rows += uvloop.run(_one(name, mongod, given))
            elif name == "decide":
                rows += decide.measure(batches=20 if given.quick else 1_000)
            elif name == "decoding":
                rows += decoding.measure(rounds=5 if given.quick else 500)
    if "growth" in wanted:
        rows += growth.measure(grown)
    if "demo" in wanted:
        demo.measure()
    failed = "faults" in wanted and faults.measure(faults.Wish(given.visits, max(3, given.visits // 25), given.seed))
    if not given.measures:
        print(_HOURS)
    if rows:
        print(f"\n{table(rows)}")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Speed and size, each against its floor in the same run. Prints; never passes or fails.",
        epilog="only when named: decoding, granularity, demo (clones), faults (kills), folder (10,000 files), growth.",
    )
    parser.add_argument("measures", nargs="*", metavar="MEASURE", help=", ".join(_ALL))
    parser.add_argument(
        "--people", default=",".join(map(str, growth.PEOPLE)), help="growth: sizes to read at, between commas"
    )
    parser.add_argument("--quick", action="store_true", help="small sizes and few rounds: does it run, not how fast")
    parser.add_argument("--profile", action="store_true", help="book: where our server's time goes, and nothing else")
    parser.add_argument("--minutes", type=int, default=0, help="memory: how long the load goes on after that (0)")
    parser.add_argument("--visits", type=int, default=500, help="faults: how many submissions (500)")
    parser.add_argument("--seed", type=int, default=1, help="faults: which random moments (1)")
    peer.arguments(parser)
    return parser


async def _one(name: str, mongod: embedded.EmbeddedMongo, given: argparse.Namespace) -> list[Row]:
    """One measure in a database of its own."""
    async with world(mongod.uri, f"bench_{name}") as there:
        return await _IN_A_WORLD[name](there, mongod, given)


async def _read(there: World, _: embedded.EmbeddedMongo, given: argparse.Namespace) -> list[Row]:
    people, rounds = (20, 10) if given.quick else (2_000, 500)
    return await read.measure(there, people=people, records=100, rounds=rounds)


async def _intake(there: World, _: embedded.EmbeddedMongo, given: argparse.Namespace) -> list[Row]:
    return await intake.measure(there, rounds=5 if given.quick else 200)


async def _submit(there: World, mongod: embedded.EmbeddedMongo, given: argparse.Namespace) -> list[Row]:
    return await submit.measure(there, mongod.pid, submit.Sizes(2, 8) if given.quick else submit.Sizes(20, 80))


async def _memory(there: World, _: embedded.EmbeddedMongo, given: argparse.Namespace) -> list[Row]:
    people, requests = (10, 50) if given.quick else (100, 10_000)
    return await memory.measure(there, people=people, records=100, requests=requests, minutes=given.minutes)


async def _consent(there: World, _: embedded.EmbeddedMongo, given: argparse.Namespace) -> list[Row]:
    people, rounds = (10, 10) if given.quick else (200, 400)
    return await consent.measure(there, people=people, records=100, rounds=rounds)


async def _refused(there: World, mongod: embedded.EmbeddedMongo, given: argparse.Namespace) -> list[Row]:
    rounds, standing = (10, 20) if given.quick else (400, refused.STANDING)
    return await refused.measure(there, mongod.pid, rounds=rounds, standing=standing)


async def _token(there: World, mongod: embedded.EmbeddedMongo, given: argparse.Namespace) -> list[Row]:
    sizes = token.Sizes(3, 2, 0.3) if given.quick else token.Sizes(20, 20, 1.0)
    return await token.measure(there, mongod.pid, sizes)


async def _book(there: World, mongod: embedded.EmbeddedMongo, given: argparse.Namespace) -> list[Row]:
    if given.profile:
        return await book_profile.measure(there, people=20 if given.quick else 200, seconds=2 if given.quick else 30)
    sizes = book.Sizes(20, 2, 0.3) if given.quick else book.Sizes(400, 20, 1.0)
    return await book.measure(there, mongod.pid, sizes, given.against)


async def _page(there: World, mongod: embedded.EmbeddedMongo, given: argparse.Namespace) -> list[Row]:
    return await book.page(there, mongod.pid, book.Sizes(20, 2, 0.3) if given.quick else book.Sizes(400, 10, 1.5))


async def _workers(there: World, mongod: embedded.EmbeddedMongo, given: argparse.Namespace) -> list[Row]:
    sizes = book.Sizes(20, 2, 0.3) if given.quick else book.Sizes(400, 15, 1.5)
    return await workers.measure(there, mongod.pid, sizes)


async def _granularity(there: World, _: embedded.EmbeddedMongo, given: argparse.Namespace) -> list[Row]:
    people, rounds = (20, 10) if given.quick else (1_000, 500)
    return await granularity.measure(there, people=people, records=100, rounds=rounds)


async def _folder(there: World, _: embedded.EmbeddedMongo, given: argparse.Namespace) -> list[Row]:
    await folder.measure(there, files=100 if given.quick else 10_000)
    return []


_IN_A_WORLD: dict[str, Measure] = {
    "read": _read,
    "granularity": _granularity,
    "intake": _intake,
    "submit": _submit,
    "memory": _memory,
    "consent": _consent,
    "refused": _refused,
    "token": _token,
    "book": _book,
    "page": _page,
    "workers": _workers,
    "folder": _folder,
}


if __name__ == "__main__":
    sys.exit(main())
