"""`python -m bench [MEASURE ...]`: read, intake, memory, submit, folder, demo, faults, decide, consent, token."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import uvloop

from bench import consent, decide, demo, faults, folder, intake, machine, memory, read, submit, token
from bench.world import world
from ehb.store import embedded

_USUAL = ("read", "intake", "memory", "submit")
_IN_A_WORLD = (*_USUAL, "consent", "folder", "token")
_ALL = (*_IN_A_WORLD, "demo", "faults", "decide")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the measures that were asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Speed and size, each against its floor in the same run. Prints; never passes or fails.",
        epilog="only when named: consent, decide, token, demo (clones), faults (kills, counts), folder (10,000 files).",
    )
    parser.add_argument("measures", nargs="*", metavar="MEASURE", help=", ".join(_ALL))
    parser.add_argument("--quick", action="store_true", help="small sizes and few rounds: does it run, not how fast")
    parser.add_argument("--visits", type=int, default=500, help="faults: how many submissions (500)")
    parser.add_argument("--seed", type=int, default=1, help="faults: which random moments (1)")
    given = parser.parse_args(arguments)
    unknown = set(given.measures) - {*_ALL}
    if unknown:
        parser.error(f"no such measure: {', '.join(sorted(unknown))}")
    wanted = given.measures or _USUAL
    with embedded.start(cache_gb=1.0) as mongod:
        print(machine.described(mongod.uri))
        print("python -m bench " + " ".join(sys.argv[1:] if arguments is None else arguments))
        for name in wanted:
            print(flush=True)
            if name in _IN_A_WORLD:
                uvloop.run(_one(name, mongod, quick=given.quick))
    if "demo" in wanted:
        demo.measure()
    if "decide" in wanted:
        decide.measure(batches=20 if given.quick else 1_000)
    if "faults" in wanted:
        kills = max(3, given.visits // 25)
        return 1 if faults.measure(faults.Wish(given.visits, kills, given.seed)) else 0
    return 0


async def _one(name: str, mongod: embedded.EmbeddedMongo, *, quick: bool) -> None:
    """One measure in a database of its own."""
    async with world(mongod.uri, f"bench_{name}") as there:
        if name == "read":
            await read.measure(there, people=20 if quick else 2_000, records=100, rounds=10 if quick else 500)
        elif name == "intake":
            await intake.measure(there, rounds=5 if quick else 200)
        elif name == "consent":
            await consent.measure(there, people=10 if quick else 200, records=100, rounds=10 if quick else 400)
        elif name == "submit":
            await submit.measure(there, mongod.pid, submit.Sizes(2, 8) if quick else submit.Sizes(20, 80))
        elif name == "token":
            await token.measure(there, rounds=10 if quick else 200)
        elif name == "folder":
            await folder.measure(there, files=100 if quick else 10_000)
        else:
            people, requests = (10, 50) if quick else (100, 10_000)
            await memory.measure(there, people=people, records=100, requests=requests)


if __name__ == "__main__":
    sys.exit(main())
