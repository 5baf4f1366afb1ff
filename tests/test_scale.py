"""`docs/scale.md` keeps up with the layout: it says of every collection how it is spread over shards."""

from __future__ import annotations

import re
from pathlib import Path

from bench.world import on
from ehb.store.migrations import CLUSTERED, migrate
from ehb.store.vault import Keys

PAGE = (Path(__file__).parent.parent / "docs/scale.md").read_text()


async def test_every_collection_of_the_layout_has_its_row(mongo_uri: str) -> None:
    there = on(mongo_uri, "scale_page", Keys.generate())
    try:
        await migrate(there.mongo)
        made = await there.mongo.database.list_collection_names()
    finally:
        await there.mongo.client.drop_database("scale_page")
        await there.mongo.close()

    said = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (`[^|]+) \|", PAGE, re.MULTILINE))))

    assert {*made, *CLUSTERED} - said == set()
