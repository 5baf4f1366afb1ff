"""Strict clients that others wrote, npm oauth4webapi and openid-client, at our token endpoint (rows A1, A2, A5–A8)."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import uvicorn
from joserfc.jwk import ECKey, RSAKey
from pydantic import SecretStr

from ehb.app import create_app
from ehb.domain.registry import RegisteredPractitioner
from ehb.settings import EidSettings, Settings
from ehb.store.mongo import Mongo
from ehb.store.practitioners import Practitioners
from ehb.store.registry import Registry
from ehb.store.vault import Keys, Vault
from tests.builders import FACILITY
from tests.external.node import installed, node
from tests.house import CLIENT, REDIRECT
from tests.providers import StandInProvider

DOCTOR = "999185000077"
KEYS: list[ECKey | RSAKey] = [
    ECKey.generate_key("P-384", {"kid": "es384", "alg": "ES384"}),
    RSAKey.generate_key(2048, {"kid": "rs384", "alg": "RS384"}),
    ECKey.generate_key("P-256", {"kid": "es256", "alg": "ES256"}),
    RSAKey.generate_key(2048, {"kid": "ps256", "alg": "PS256"}),
]


@dataclass(frozen=True, slots=True)
class Issuer:
    """Our API at the very address that it says it has, as strict clients want it."""

    base: str
    client_id: str


@pytest.fixture
async def issuer(mongo: Mongo, mongo_uri: str, provider: StandInProvider) -> AsyncIterator[Issuer]:
    """A facility with a key of each kind, and a clinician who works there and can sign in as `clinician`."""
    listening = socket.create_server(("127.0.0.1", 0))
    base = f"http://127.0.0.1:{listening.getsockname()[1]}"
    keys = Keys.generate()
    settings = Settings(
        mongo_uri=SecretStr(mongo_uri),
        database=mongo.database.name,
        base_url=base,
        mobile_client_id=CLIENT,
        mobile_redirect_uris=(REDIRECT,),
        trusted_documents=False,
        eid=EidSettings(issuer=provider.issuer, client_secret=SecretStr("any secret")),
    )
    await Registry(mongo).register(FACILITY, "Bệnh viện Thử", "his", [key.as_dict(private=False) for key in KEYS])
    practitioners = Practitioners(mongo, Vault(keys))
    number = practitioners.number_index(DOCTOR)
    await practitioners.save([RegisteredPractitioner("000077/TEST", "Bác sĩ Thử", (FACILITY,), "x", number=number)])
    provider.register("clinician", {"SoDinhDanh": DOCTOR, "HoVaTen": "Bác sĩ Thử", "acr": "2"})
    running = uvicorn.Server(uvicorn.Config(create_app(settings, keys), log_config=None))
    serving = asyncio.create_task(running.serve([listening]))
    while not running.started:  # noqa: ASYNC110  uvicorn tells it by a flag
        await asyncio.sleep(0.01)
    yield Issuer(base, "his")
    running.should_exit = True
    await serving


@pytest.fixture
async def found(issuer: Issuer) -> dict[str, Any]:
    """What the clients say, step by step."""
    jwks = json.dumps({"keys": [{**key.as_dict(private=True), "use": "sig"} for key in KEYS]})
    told: dict[str, Any] = await node("oauth_clients.mjs", issuer.base, REDIRECT, "clinician", issuer.client_id, jwks)
    return told


@installed
async def test_strict_clients_get_what_they_are_promised_and_nothing_else(found: dict[str, Any]) -> None:
    """Row A5."""
    assert found["discovery"]["dpop_signing_alg_values_supported"] == ["ES256"]
    assert found["bearer"] == {
        "type": "bearer",
        "kind": "CITIZEN",
        "bare": "CITIZEN",
        "revoked": ["bearer invalid_token", "dpop -"],
    }
    assert found["dpop"] == {
        "type": "dpop",
        "kind": "CITIZEN",
        "bare": ["bearer invalid_token", "dpop -"],
        "revoked": ["dpop invalid_token"],
    }
    assert (found["iss wrong"], found["iss missing"]) == ("refused", "refused")
    assert set(found["facilities"]) == {
        f"{alg} {kind}" for alg in ("ES384", "RS384", "ES256", "PS256") for kind in ("bearer", "dpop")
    }
    for name, one in found["facilities"].items():
        revoked = ["dpop invalid_token"] if name.endswith("dpop") else ["bearer invalid_token", "dpop -"]
        assert one == {"kind": "FACILITY", "expires": 300, "scope": "system/*.c", "revoked": revoked}, name
    assert found["exchanged"] == {
        "type": "bearer",
        "issued": "urn:ietf:params:oauth:token-type:access_token",
        "expires": 300,
        "kind": "CITIZEN",
    }
