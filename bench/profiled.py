"""`python -m bench.profiled --port N`: `ehb serve`, looked at in even steps of the processor time that it uses.

Each look counts for the layer of the innermost frame that has one (`bench.layers`). SIGUSR1 begins again, SIGTERM
writes the counts as JSON to EHB_BENCH_PROFILE. The one invariant: it is `ehb.cli.serving.production_app` that is looked
at, with the settings of any operator and the options of `ehb serve`.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from types import FrameType

import uvicorn

from bench.layers import layer_of
from bench.serving import TREE
from ehb.server import OPTIONS

_STEP = 0.001
"""Seconds; the kernel makes it a few thousandths. So shares are counted, and seconds are taken from the clock."""
_ROOT = str(TREE)


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m bench.profiled")
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    seen: Counter[tuple[str, str]] = Counter()
    signal.signal(signal.SIGPROF, lambda _, frame: seen.update((_place(frame),)))
    began = time.process_time()

    def again(*_: object) -> None:
        nonlocal began
        seen.clear()
        began = time.process_time()

    signal.signal(signal.SIGUSR1, again)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.setitimer(signal.ITIMER_PROF, _STEP, _STEP)
    try:
        uvicorn.run("ehb.cli.serving:production_app", factory=True, port=given.port, log_config=None, **OPTIONS)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        seconds = time.process_time() - began
        counts = [[*place, count] for place, count in seen.most_common()]
        Path(os.environ["EHB_BENCH_PROFILE"]).write_text(json.dumps({"seconds": seconds, "counts": counts}))


def _place(frame: FrameType | None) -> tuple[str, str]:
    """The layer, and the innermost function of this project on the way to it."""
    layer = ""
    while frame is not None:
        name = frame.f_code.co_filename
        inside = name.rpartition("/site-packages")[2].removeprefix(_ROOT)  # the tree may lie anywhere
        layer = layer or layer_of(f"{inside}:{frame.f_code.co_qualname}")
        if layer and name.startswith(_ROOT) and "/.venv/" not in name and "/bench/" not in name:
            return layer, f"{Path(name).relative_to(_ROOT)}:{frame.f_code.co_qualname}"
        frame = frame.f_back
    return layer or "event loop", ""


if __name__ == "__main__":
    main()
