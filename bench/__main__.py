"""`python -m bench [read] [intake] [memory] [demo]`: the measurements of README.md."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import uvloop

from bench import demo, intake, machine, memory, read
from bench.world import world
from ehb.store import embedded

_USUAL = ("read", "intake", "memory")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the measures that were asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Speed and size, each against its floor in the same run. Prints; never passes or fails.",
        epilog="read, intake and memory run when nothing is named; demo clones, installs and takes a minute or two.",
    )
    parser.add_argument("measures", nargs="*", metavar="MEASURE", help="read, intake, memory, demo")
    parser.add_argument("--quick", action="store_true", help="small sizes and few rounds: does it run, not how fast")
    given = parser.parse_args(arguments)
    unknown = set(given.measures) - {*_USUAL, "demo"}
    if unknown:
        parser.error(f"no such measure: {', '.join(sorted(unknown))}")
    wanted = given.measures or _USUAL
    with embedded.start(cache_gb=1.0) as mongod:
        print(machine.described(mongod.uri))
        print("python -m bench " + " ".join(sys.argv[1:] if arguments is None else arguments))
        for name in wanted:
            print(flush=True)
            if name != "demo":
                uvloop.run(_one(name, mongod.uri, quick=given.quick))
    if "demo" in wanted:
        demo.measure()
    return 0


async def _one(name: str, uri: str, *, quick: bool) -> None:
    """One measure in a database of its own."""
    async with world(uri, f"bench_{name}") as there:
        if name == "read":
            await read.measure(there, people=20 if quick else 2_000, records=100, rounds=10 if quick else 500)
        elif name == "intake":
            await intake.measure(there, rounds=5 if quick else 200)
        else:
            people, requests = (10, 50) if quick else (100, 10_000)
            await memory.measure(there, people=people, records=100, requests=requests)


if __name__ == "__main__":
    sys.exit(main())
