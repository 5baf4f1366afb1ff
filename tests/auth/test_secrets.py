"""What must not be found: in the database, in the log, in an address."""

from __future__ import annotations

import logging
from base64 import b64encode
from typing import Any

from bson import encode
from pymongo.asynchronous.database import AsyncDatabase

from ehb.store.sessions import create_indexes
from tests.auth.world import APP_STATE, CLIENT_SECRET, SIGNED_IN, VERIFIER, World, as_json, parameters, path_and_query
from tests.logs import written
from tests.providers import StandInProvider


async def dump(database: AsyncDatabase[dict[str, Any]]) -> bytes:
    """Everything that lies in the database, as it lies there."""
    found = b""
    for name in await database.list_collection_names():
        async for document in database[name].find():
            found += name.encode() + encode(document)
    return found


async def everything(world: World, provider: StandInProvider) -> dict[str, str]:
    """Every kind of sign-in, refresh and misuse once; gives all that was secret in it, by name."""
    begun = await world.begin()
    asked = parameters(begun.headers["location"])
    secrets = {f"eid {name}": asked[name] for name in ("state", "nonce")}
    secrets["cookie"] = world.browser.cookies["__Host-ehb-login"]
    back = await provider.sign_in(begun.headers["location"], "citizen")
    secrets["eid code"] = parameters(back)["code"]
    finished = await world.browser.get(path_and_query(back))
    secrets["code"] = parameters(finished.headers["location"])["code"]
    await world.browser.get(path_and_query(back))
    tokens = as_json(await world.redeem(secrets["code"]))
    fresh = as_json(await world.refresh(tokens["refresh_token"]))
    for name in ("access_token", "refresh_token"):
        secrets[f"first {name}"], secrets[f"second {name}"] = tokens[name], fresh[name]
    secrets["assertion"] = world.assertion(jti="the-id-of-the-assertion")
    secrets["facility token"] = as_json(await world.assert_facility(secrets["assertion"]))["access_token"]
    await world.assert_facility(secrets["assertion"])
    return secrets


async def misuse(world: World, secrets: dict[str, str]) -> None:
    await world.whoami("nonsense")
    await world.redeem(secrets["code"])
    await world.refresh(secrets["first refresh_token"])


async def test_the_database_holds_nothing_that_could_be_presented(
    world: World, provider: StandInProvider, database: AsyncDatabase[dict[str, Any]]
) -> None:
    """Row A3."""
    secrets = await everything(world, provider)
    pending = parameters((await world.begin()).headers["location"])
    secrets |= {f"pending {name}": pending[name] for name in ("state", "nonce")}
    secrets["pending cookie"] = world.browser.cookies["__Host-ehb-login"]

    lying = await dump(database)

    assert set(await database.list_collection_names()) == {
        "logins",
        "login_codes",
        "sessions",
        "assertion_ids",
        "proof_ids",
        "budgets",
    }
    for name, secret in secrets.items():
        assert secret.encode() not in lying, name
        assert secret[:22].encode() not in lying, name
    for value in (*SIGNED_IN.values(), "citizen", VERIFIER, "the-id-of-the-assertion"):
        assert len(value) < 3 or value.encode() not in lying


async def test_the_log_holds_no_secret_and_nobody(world: World, provider: StandInProvider) -> None:
    with written(libraries=logging.INFO) as out:
        secrets = await everything(world, provider)
        await misuse(world, secrets)

    said = out.getvalue()
    assert "session" in said
    for name, secret in secrets.items():
        assert secret not in said, name
    basic = b64encode(CLIENT_SECRET.encode()).decode()
    for value in (SIGNED_IN["SoDinhDanh"], SIGNED_IN["HoVaTen"], "citizen", APP_STATE, VERIFIER, CLIENT_SECRET, basic):
        assert value not in said


async def test_stale_documents_are_dropped_by_the_database(database: AsyncDatabase[dict[str, Any]]) -> None:
    await create_indexes(database)
    await create_indexes(database)

    for name in ("logins", "login_codes", "sessions", "assertion_ids", "proof_ids"):
        indexes = await database[name].index_information()
        assert [index["expireAfterSeconds"] for index in indexes.values() if "expireAfterSeconds" in index] == [0]


async def test_the_expiry_field_is_a_date_in_every_document(
    world: World, provider: StandInProvider, database: AsyncDatabase[dict[str, Any]]
) -> None:
    await everything(world, provider)
    await world.begin()

    for name, field in {
        "logins": "expires_at",
        "login_codes": "forget_at",
        "sessions": "ends_at",
        "assertion_ids": "expires_at",
    }.items():
        assert await database[name].count_documents({field: {"$not": {"$type": "date"}}}) == 0
        assert await database[name].count_documents({field: {"$type": "date"}}) > 0
