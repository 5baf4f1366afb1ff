"""Fetching from an address that a facility chose never leads into our own network (row A5, SSRF guard)."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from auth.outside import LARGEST, TIMEOUT, FetchRefused, Outside
from tests.auth.key_server import NAME, KeyServer

LOOPBACK = ipaddress.ip_network("127.0.0.0/8")


@pytest.fixture
async def keys(tmp_path: Path) -> AsyncIterator[KeyServer]:
    server = KeyServer(tmp_path)
    await server.start()
    yield server
    await server.stop()


class Names:
    """A name server: the addresses of each answer in turn, the last one for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        return self.answers[min(self.asked, len(self.answers)) - 1]


def inside(server: KeyServer, *answers: Sequence[str]) -> Outside:
    """The world with our loopback network opened, as in a hospital network."""
    return Outside((LOOPBACK,), server.trust(), Names(*(answers or [["127.0.0.1"]])))


async def why(outside: Outside, url: str) -> str:
    with pytest.raises(FetchRefused) as refused:
        await outside.fetch(url)
    return refused.value.why


async def test_a_document_is_fetched_once_its_network_is_allowed(keys: KeyServer) -> None:
    fetched = await inside(keys).fetch(keys.uri)

    assert fetched == b'{"keys": []}'
    [request] = keys.requests
    assert request.startswith("GET /jwks.json HTTP/1.1\r\n")
    assert f"host: {NAME}:{keys.port}" in request.lower()
    assert "cookie" not in request.lower()


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.1.2.3",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104  an address to refuse
        "169.254.169.254",
        "168.63.129.16",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::808:808",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "2001:0:7f00:1::",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "ff02::1",
        "2001:db8::1",
        "not an address",
    ],
)
async def test_an_address_that_is_not_public_is_never_spoken_to(address: str) -> None:
    """Row A5."""
    assert await why(Outside(resolve=Names([address])), "https://keys.test/jwks.json") == "address"


@pytest.mark.parametrize("address", ["1.1.1.1", "203.162.0.11", "2606:4700::1111"])
def test_a_public_address_is_allowed(address: str) -> None:
    assert Outside()._chosen([address]) == ipaddress.ip_address(address)


@pytest.mark.parametrize("address", ["169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254", "224.0.0.1"])
async def test_no_setting_opens_where_a_cloud_tells_its_secrets(address: str) -> None:
    everything = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))

    assert await why(Outside(everything, resolve=Names([address])), "https://keys.test/") == "address"


async def test_a_name_that_leads_inside_as_well_is_refused() -> None:
    assert await why(Outside(resolve=Names(["1.1.1.1", "127.0.0.1"])), "https://keys.test/") == "address"


async def test_a_name_is_resolved_once_and_its_address_is_the_one_that_is_spoken_to(keys: KeyServer) -> None:
    """DNS rebinding: the second answer leads elsewhere, and nobody asks for it."""
    outside = inside(keys, ["127.0.0.1"], ["169.254.169.254"])

    await outside.fetch(keys.uri)

    assert isinstance(outside.resolve, Names)
    assert outside.resolve.asked == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://keys.test/",
        "ftp://keys.test/",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "https://me:secret@keys.test/",
        "https://keys.test/#part",
        "https://keys.test:0/",
        "https://keys.test:99999/",
        "https://kéys.test/",
        "keys.test",
        "",
    ],
)
async def test_only_plain_https_addresses_are_fetched(url: str) -> None:
    names = Names(["1.1.1.1"])

    assert await why(Outside(resolve=names), url) == "url"
    assert names.asked == 0


async def test_an_address_written_as_a_number_is_judged_like_any_other() -> None:
    for url in (
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://localhost/",
    ):
        assert await why(Outside(), url) in ("address", "name"), url


async def test_tls_checks_the_name_and_not_the_address(keys: KeyServer) -> None:
    other_name = keys.uri.replace(NAME, "other.test")
    strangers = Outside((LOOPBACK,), None, Names(["127.0.0.1"]))

    assert await why(inside(keys), other_name) == "ConnectError"
    assert await why(strangers, keys.uri) == "ConnectError"
    assert keys.requests == []


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: https://keys.test/other\r\nContent-Length: 0\r\n\r\n", "status 302"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "status 404"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b" " * 100_000, "size"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + b" " * (LARGEST + 1), "size"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", "encoding"),
        (b"no http at all\r\n\r\n", "RemoteProtocolError"),
    ],
    ids=["redirect", "missing", "large", "large without a length", "compressed", "no HTTP"],
)
async def test_an_answer_that_is_no_plain_small_document_is_refused(
    keys: KeyServer, answer: bytes, reason: str
) -> None:
    keys.answer = answer

    assert await why(inside(keys), keys.uri) == reason
    assert len(keys.requests) == 1


async def test_a_server_that_does_not_answer_costs_three_seconds(keys: KeyServer) -> None:
    keys.slow = 30
    begun = asyncio.get_running_loop().time()

    assert await why(inside(keys), keys.uri) in ("timeout", "ReadTimeout")
    assert asyncio.get_running_loop().time() - begun < TIMEOUT + 1
