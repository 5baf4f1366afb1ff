"""`python -m bench.profiled --port N`: `ehb serve`, looked at in even steps of the processor time that it uses.

Each look counts for the innermost frame that belongs to a layer of the house; what C code does counts for who called
it. SIGUSR1 begins again, SIGTERM writes the counts as JSON to EHB_BENCH_PROFILE. The one invariant: it is
`ehb.cli.serving.production_app` that is looked at, with the settings of any operator.
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

LAYERS = {
    "/signxml/": "signature",
    "/ehb/formats/visit_signature": "signature",
    "/ehb/formats/xmldsig": "signature",
    "/ehb/formats/": "reading the file",
    "/ehb/domain/": "rules and records",
    "/ehb/services/": "rules and records",
    "/ehb/custodian": "rules and records",
    "/ehb/store/vault": "sealing",
    "/ehb/store/": "store",
    "/pymongo/": "driver",
    "/bson/": "driver",
    "/auth/": "who is calling",
    "/ehb/": "HTTP",
    "/starlette/": "HTTP",
    "/uvicorn/": "HTTP",
    "/prometheus_client/": "HTTP",
}
_STEP = 0.001
"""Seconds; the kernel makes it a few thousandths. So shares are counted, and seconds are taken from the clock."""
_ROOT = str(Path(__file__).parent.parent)


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
        uvicorn.run(
            "ehb.cli.serving:production_app", factory=True, port=given.port, access_log=False, log_level="warning"
        )
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
        if not layer:
            layer = next((found for part, found in LAYERS.items() if part in name), "")
        if layer and name.startswith(_ROOT) and "/.venv/" not in name and "/bench/" not in name:
            return layer, f"{Path(name).relative_to(_ROOT)}:{frame.f_code.co_name}"
        frame = frame.f_back
    return layer or "event loop", ""


if __name__ == "__main__":
    main()
