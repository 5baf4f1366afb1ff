"""The measurements run; how fast they are is for `bench/README.md` and never for a test."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest


@pytest.mark.long
def test_the_measures_run_in_their_quick_form_and_print_their_figures() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--quick", "read", "intake", "submit", "decide"],
        check=False,
        capture_output=True,
        text=True,
        timeout=110,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ratio to the floor: ") == 3
    assert re.search(r"median [0-9.]+, 95th percentile [0-9.]+    reach: 50$", done.stdout, re.M)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_killing_the_api_and_its_database_loses_nothing_that_was_acknowledged_and_doubles_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "faults", "--visits", "60", "--seed", "7"],
        check=False,
        capture_output=True,
        text=True,
        timeout=280,
    )

    counted = re.findall(r"(\d+)    reach: 0$", done.stdout, re.M)
    assert done.returncode == 0, done.stdout + done.stderr
    assert counted == ["0"] * 9
    assert re.search(r"receipts listed +60$", done.stdout, re.M)
