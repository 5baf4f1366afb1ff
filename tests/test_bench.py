"""The measurements run; how fast they are is for `bench/README.md` and never for a test."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.long
def test_read_intake_and_submit_run_in_their_quick_form_and_print_their_ratios() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--quick", "read", "intake", "submit"],
        check=False,
        capture_output=True,
        text=True,
        timeout=110,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ratio to the floor: ") == 3
