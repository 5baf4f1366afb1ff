"""A stand-in eID provider: the real `oidc-provider-mock` as its own process, driven by HTTP.

Owns the process and the clicks in its login form. The one invariant: nothing in here reaches into the
provider; what a browser and an operator cannot do, a test cannot do either.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self
from urllib.parse import quote

import httpx2

_PATIENCE = 30.0


class StandInProvider:
    """One running provider. `issuer` is what an EidConfig needs."""

    def __init__(self) -> None:
        port = _free_port()
        self.issuer = f"http://127.0.0.1:{port}"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "oidc_provider_mock", "--host", "127.0.0.1", "--port", str(port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "NO_COLOR": "1"},
        )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def register(self, subject: str, claims: Mapping[str, object]) -> None:
        """A person who can sign in; the claims go into the ID token as they are."""
        httpx2.put(f"{self.issuer}/users/{quote(subject, safe='')}", json=dict(claims)).raise_for_status()

    async def sign_in(self, authorization_url: str, subject: str) -> str:
        """Type the subject into the login form; returns where the browser is sent."""
        return await self._submit(authorization_url, {"sub": subject})

    async def decline(self, authorization_url: str) -> str:
        """Press the other button."""
        return await self._submit(authorization_url, {"action": "deny"})

    def stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def _submit(self, url: str, form: dict[str, str]) -> str:
        async with httpx2.AsyncClient() as browser:
            answer = await browser.post(url, data=form)
        if not answer.is_redirect:
            raise AssertionError(f"the provider answered {answer.status_code}")
        return answer.headers["location"]

    def _wait(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                if httpx2.get(f"{self.issuer}/.well-known/openid-configuration").is_success:
                    return
            except httpx2.TransportError:
                time.sleep(0.05)
        raise RuntimeError("oidc-provider-mock did not start; run `python -m oidc_provider_mock` to see why")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
