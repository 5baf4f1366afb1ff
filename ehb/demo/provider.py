"""The stand-in eID provider of the demo: a process of its own that knows the invented people.

The one invariant: it ends with us, even when we are killed.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

import httpx2

from ehb import synthetic
from ehb.errors import Misconfigured


@contextlib.contextmanager
def provider() -> Iterator[str]:
    """The stand-in eID provider as a process of its own; it ends with us."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", _PROVIDER, str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    issuer = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{issuer}/.well-known/openid-configuration", process)
        yield issuer
    finally:
        process.terminate()
        process.wait()
        if process.stdin is not None:
            process.stdin.close()


_PROVIDER = """
import os, sys, threading
def end_with_parent():
    sys.stdin.buffer.read()
    os._exit(0)
threading.Thread(target=end_with_parent, daemon=True).start()
from oidc_provider_mock.__main__ import run
run(["--host", "127.0.0.1", "--port", sys.argv[1]])
"""


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(httpx2.HTTPError):
            if httpx2.get(url, timeout=1).status_code == 200:
                return
        time.sleep(0.05)
    raise Misconfigured(
        vi="Nhà cung cấp eID thay thế không khởi động được. Cài đặt: make demo, hoặc pip install 'ehb[demo]'.",
        en="The stand-in eID provider did not start. Install it with `make demo` or pip install 'ehb[demo]'.",
    )


async def register_people(issuer: str, people: Sequence[synthetic.Person]) -> None:
    """Tell the stand-in eID provider who exists: names, numbers and birth dates as ID token claims."""
    async with httpx2.AsyncClient(base_url=issuer) as provider:
        for person in people:
            if person.national_id is not None:
                claims = {"SoDinhDanh": person.national_id, "HoVaTen": person.full_name, "birthdate": person.birth_date}
                if person.old_number is not None:
                    claims["SoCMND"] = person.old_number
                await _may_sign_in(provider, person.sub, claims)
        for clinician in synthetic.clinicians():
            await _may_sign_in(
                provider, clinician.sub, {"SoDinhDanh": clinician.national_id, "HoVaTen": clinician.full_name}
            )


async def _may_sign_in(provider: httpx2.AsyncClient, sub: str, claims: dict[str, str]) -> None:
    (await provider.put(f"/users/{sub}", json={**claims, "acr": "3"})).raise_for_status()
