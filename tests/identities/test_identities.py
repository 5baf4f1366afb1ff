"""Nobody ever reads a record about somebody for whom they have no ground, whatever files, logins and papers say."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.identities.machine import Identities

STEPS = 50
EXAMPLES = int(os.environ.get("EHB_IDENTITY_EXAMPLES", "400"))


@pytest.mark.timeout(1200)
def test_nobody_reads_what_is_about_others() -> None:
    run_state_machine_as_test(
        Identities,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=[*HealthCheck],
            phases=[Phase.generate, Phase.shrink],
        ),
    )
