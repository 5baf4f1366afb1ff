"""Where a facility publishes its keys, as it is registered, and what the operator says about networks (row A5)."""

from __future__ import annotations

from pathlib import Path

import pytest

from ehb.app import outside
from ehb.errors import Misconfigured
from ehb.settings import Settings, from_environment
from ehb.store.mongo import Mongo
from ehb.store.registry import Registry


async def test_a_client_is_found_with_the_address_of_its_keys(mongo: Mongo) -> None:
    uri = "https://keys.example.vn/jwks.json"
    await Registry(mongo).register("99002", "Hai", "publishing", jwks_uri=uri)

    client = await Registry(mongo).find_client("publishing")

    assert client is not None
    assert (client.jwks, client.jwks_uri, client.active) == ((), uri, True)


def test_networks_of_our_own_are_named_in_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EHB_FACILITY_KEYS_NETWORKS", "10.20.0.0/16, fd12::/16")

    networks = outside(from_environment()).networks

    assert [str(one) for one in networks] == ["10.20.0.0/16", "fd12::/16"]


def test_no_network_of_our_own_is_open_by_itself() -> None:
    assert outside(Settings()).networks == ()


def test_certificates_that_cannot_be_read_are_said_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")

    with pytest.raises(Misconfigured, match="EHB_FACILITY_KEYS_CA"):
        outside(Settings(facility_keys_ca=tmp_path / "ca.pem"))
