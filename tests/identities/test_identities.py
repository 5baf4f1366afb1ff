"""Nobody ever reads a record about somebody for whom they have no ground, whatever files, logins and papers say."""

from __future__ import annotations

import asyncio
import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from ehb.store.mongo import Mongo
from ehb.store.registry import Registry
from ehb.store.vault import Keys
from tests.identities.machine import Identities
from tests.identities.real import Both, Real
from tests.identities.world import START

STEPS = 50
EXAMPLES = int(os.environ.get("IDENTITY_EXAMPLES", "4000"))
"""Times 50 steps; `make nightly` runs a million steps."""
REAL_EXAMPLES = max(8, EXAMPLES // 50)


def examples(count: int, steps: int) -> settings:
    return settings(
        max_examples=count,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=[*HealthCheck],
        phases=[Phase.generate, Phase.shrink],
    )


@pytest.mark.timeout(3600)
def test_nobody_reads_what_is_about_others() -> None:
    run_state_machine_as_test(Identities, settings=examples(EXAMPLES, STEPS))


@pytest.mark.timeout(3600)
async def test_real_store_answers_as_the_rules_do(mongo: Mongo) -> None:
    registry, keys, loop = Registry(mongo), Keys.generate(), asyncio.get_running_loop()
    for code in ("99001", "99002"):
        await registry.register(code, f"Bệnh viện Thử {code}", code)

    class OnDisk(Identities):
        make = staticmethod(lambda: Both(Real(mongo, keys, loop, START)))

    await asyncio.to_thread(run_state_machine_as_test, OnDisk, settings=examples(REAL_EXAMPLES, 20))
