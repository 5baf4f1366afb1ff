"""A database that hangs: it keeps its connections and says nothing, which is worse than one that is gone."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from ehb.errors import Unavailable
from ehb.store import embedded
from ehb.store.mongo import PING_SECONDS, connect
from ehb.store.registry import Registry


@pytest.mark.long
async def test_a_database_that_hangs_is_said_soon_and_found_again() -> None:
    """Readiness at once, everybody else once the driver has noticed; then all goes on."""
    with embedded.start() as mongod:
        mongo = connect(mongod.uri, "test_hanging")
        registry = Registry(mongo)
        await mongo.ping()
        os.kill(mongod.pid, signal.SIGSTOP)
        try:
            async with asyncio.timeout(PING_SECONDS + 2):
                with pytest.raises(Unavailable):
                    await mongo.ping()
            async with asyncio.timeout(20):
                with pytest.raises(Unavailable):
                    await registry.facility("99001")
        finally:
            os.kill(mongod.pid, signal.SIGCONT)
        async with asyncio.timeout(20):
            assert await registry.facility("99001") is None
        await mongo.close()
