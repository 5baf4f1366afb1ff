"""Fetching a document from an address that somebody else chose, without being sent into our own network (SSRF).

OWASP SSRF prevention, RFC 8725 section 3.10. The name is resolved once, every address behind it is judged, and the
connection goes to that very address while TLS checks the name: a name that is resolved to something else a moment
later (DNS rebinding) changes nothing. No redirect, no proxy, no cookie, no compressed body; little time, few bytes.

The one invariant: no packet goes to an address that is not public, unless the operator named its network.
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

import httpx2

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Host and port → the addresses behind it, as text."""

LARGEST = 65_536
TIMEOUT = 3.0
"""Bytes and seconds of one fetch, name and all."""
_PUBLIC_V6 = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_METADATA = frozenset(
    ipaddress.ip_address(one) for one in ("169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16")
)
"""Where clouds tell a machine its credentials. Some of it looks public; no setting opens these."""
_RESOLVERS = ThreadPoolExecutor(max_workers=4, thread_name_prefix="resolve")
"""Own threads: a name server that does not answer holds up nobody but those who ask here."""


class FetchRefused(Exception):
    """Nothing was fetched. `why` is a word for the log; it names no address."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class Outside:
    """The world beyond our network. `networks` are those of our own that a fetch may reach, such as a hospital's."""

    networks: tuple[Network, ...] = ()
    tls: ssl.SSLContext | None = None
    resolve: Resolve | None = None

    async def fetch(self, url: str) -> bytes:
        """The document at an https address. Raises FetchRefused."""
        parts = _parts(url)
        try:
            async with asyncio.timeout(TIMEOUT):
                port = parts.port or 443
                found = await (self.resolve or _system_resolve)(parts.hostname or "", port)
                return await self._from(self._chosen(found), port, parts)
        except TimeoutError:
            raise FetchRefused("timeout") from None
        except OSError:
            raise FetchRefused("name") from None

    def _chosen(self, found: Sequence[str]) -> Address:
        """The first address, if all are allowed: a name that leads inside as well is up to no good."""
        try:
            addresses = [ipaddress.ip_address(one.partition("%")[0]) for one in found]
        except ValueError:
            raise FetchRefused("address") from None
        if not addresses or not all(self._allows(one) for one in addresses):
            raise FetchRefused("address")
        return addresses[0]

    def _allows(self, address: Address) -> bool:
        for one in _meanings(address):
            if one in _METADATA or one.is_multicast or one.is_unspecified or one.is_link_local:
                return False
            if not is_public(one) and not any(one in network for network in self.networks):
                return False
        return True

    async def _from(self, address: Address, port: int, parts: SplitResult) -> bytes:
        host = f"[{address}]" if address.version == 6 else str(address)
        target = f"https://{host}:{port}{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        headers = {"Host": parts.netloc, "Accept": "application/json", "Accept-Encoding": "identity"}
        verify = self.tls or _usual_trust()
        body = b""
        try:
            async with (
                httpx2.AsyncClient(verify=verify, trust_env=False, follow_redirects=False, timeout=TIMEOUT) as client,
                client.stream("GET", target, headers=headers, extensions={"sni_hostname": parts.hostname}) as answer,
            ):
                if answer.status_code != 200:
                    raise FetchRefused(f"status {answer.status_code}")
                if answer.headers.get("content-encoding", "identity") != "identity":
                    raise FetchRefused("encoding")
                async for chunk in answer.aiter_raw():
                    body += chunk
                    if len(body) > LARGEST:
                        raise FetchRefused("size")
        except (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError) as error:
            raise FetchRefused(type(error).__name__) from None
        return body


def is_public(address: Address) -> bool:
    """An address that the whole internet can reach."""
    if isinstance(address, ipaddress.IPv6Address) and address not in _PUBLIC_V6:
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _meanings(address: Address) -> list[Address]:
    """The address, and the IPv4 address that it is another way of writing: mapped, 6to4, Teredo, NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        inner.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    return [address, *(one for one in inner if one is not None)]


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        safe = parts.scheme == "https" and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        safe = False
    if not safe or not url.isascii() or "@" in parts.netloc or parts.fragment:
        raise FetchRefused("url")
    return parts


@functools.cache
def _usual_trust() -> ssl.SSLContext:
    return httpx2.create_ssl_context(trust_env=False)


async def _system_resolve(host: str, port: int) -> Sequence[str]:
    loop = asyncio.get_running_loop()
    found = await loop.run_in_executor(_RESOLVERS, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    return [str(one[4][0]) for one in found]
