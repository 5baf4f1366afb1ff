"""Scan the lock files for known advisories; `make audit` and CI run it.

Exit status 0: nothing found, or nobody could be asked (then it says "skipped"). 1: an advisory that nobody has looked
at. An advisory that does not concern us is named in `.ci/advisories.txt` with its date and reason.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
KNOWN = ROOT / ".ci" / "advisories.txt"
LOCKS = ("serve.txt", "traces.txt", "demo.txt", "dev.txt")


def known() -> set[str]:
    """Advisories that were looked at: the first word of each line; a line without a date and a reason is an error."""
    found: set[str] = set()
    for line in KNOWN.read_text("utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            identifier, date, *reason = line.split()
            if len(date) != 10 or not reason:
                raise SystemExit(f"{KNOWN.name}: a date and a reason are missing: {line}")
            found.add(identifier)
    return found


def judge(report: str, looked_at: set[str]) -> list[str]:
    """One line for each advisory of a report of pip-audit (JSON) that nobody has looked at."""
    return [
        f"{package['name']} {package['version']}: {advisory['id']} (mended in {', '.join(advisory['fix_versions'])})"
        for package in json.loads(report)["dependencies"]
        for advisory in package.get("vulns", ())
        if not {advisory["id"], *advisory.get("aliases", ())} & looked_at
    ]


def main(command: list[str]) -> int:
    """Run pip-audit (`command`) over every lock file."""
    looked_at, found, skipped = known(), [], []
    for name in LOCKS:
        asked = [*command, "--requirement", str(ROOT / "locks" / name), "--require-hashes", "--disable-pip"]
        done = subprocess.run(
            [*asked, "--format", "json", "--timeout", "10"], capture_output=True, text=True, check=False
        )
        try:
            found += judge(done.stdout, looked_at)
        except (ValueError, KeyError):
            last = done.stderr.strip().splitlines()[-1:] or ["no answer"]
            skipped.append(f"{name}: {last[0][:200]}")
    for line in dict.fromkeys(found):
        print(line)
    for line in skipped:
        print(f"audit skipped, the advisory service could not be asked: {line}")
    if not found and not skipped:
        print(f"{len(LOCKS)} lock files, no advisory")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
