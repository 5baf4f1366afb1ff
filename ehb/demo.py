"""The demo: everything on one machine. A private mongod, a stand-in eID provider, the API, and invented people.

People come in through the real intake: their visit files are sent by a facility's client with a facility's key.
Loopback only, demo keys only. The one invariant: when it stops, for whatever reason, nothing of it keeps running.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any

import httpx2
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr
from tqdm import tqdm

from ehb import synthetic
from ehb.app import create_app
from ehb.client import FacilityClient, SigningKey
from ehb.domain.submission import Status
from ehb.errors import EhbError, Misconfigured, Unavailable
from ehb.settings import EidSettings, Settings
from ehb.store import embedded
from ehb.store.migrations import migrate
from ehb.store.mongo import connect
from ehb.store.registry import Registry
from ehb.store.vault import Keys

_PARALLEL = 8
_MOBILE_CLIENT = "ehb-mobile"


@dataclass(frozen=True, slots=True)
class Demo:
    """What `ehb demo` was asked for."""

    host: str = "127.0.0.1"
    port: int = 8000
    people: int = 50
    seed: int = 1
    data: Path | None = None
    ready_file: Path | None = None


def run(demo: Demo, environment: Settings, say: Callable[[str], None] = print) -> None:
    """Start everything, seed, say where to look, and serve until Ctrl-C or SIGTERM. Raises Misconfigured."""
    if demo.host not in ("127.0.0.1", "localhost", "::1"):
        raise Misconfigured(
            vi="Bản demo chỉ chạy trên 127.0.0.1: ai cũng đăng nhập được vào đó.",
            en="The demo serves on 127.0.0.1 only: its eID lets anybody in.",
        )
    with contextlib.ExitStack() as stack:
        stack.enter_context(_terminable())
        folder = _folder(demo, stack)
        listening = stack.enter_context(_listening(demo.host, demo.port))
        base = f"http://{demo.host}:{listening.getsockname()[1]}"
        say(f"Starting MongoDB, the stand-in eID provider and the API at {base} …")
        if environment.mongo_uri is not None:
            uri = environment.mongo_uri.get_secret_value()
        else:
            uri = stack.enter_context(embedded.start(folder / "mongo", mongod=environment.mongod)).uri
        issuer = stack.enter_context(_provider())
        settings = Settings(
            mongo_uri=SecretStr(uri),
            database="ehb_demo",
            base_url=base,
            mobile_client_id=_MOBILE_CLIENT,
            mobile_redirect_uris=(f"{base}/demo/signed-in",),
            eid=EidSettings(issuer=issuer, client_secret=SecretStr("demo"), default_level=2),
        )
        asyncio.run(_serve(demo, settings, _keys(folder), folder, listening, say))


async def _serve(
    demo: Demo, settings: Settings, keys: Keys, folder: Path, listening: socket.socket, say: Callable[[str], None]
) -> None:
    signers = await _register_facilities(settings, folder)
    app = create_app(settings, keys)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, server_header=False))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        while not server.started:
            if serving.done():
                await serving
                raise Unavailable
            await asyncio.sleep(0.01)
        people = list(synthetic.people(demo.people, demo.seed))
        await _register_people(settings.eid.issuer, people)
        await _seed(demo, settings, people, signers, serving)
        ready = _ready(settings, people, folder)
        if demo.ready_file is not None:
            _write_whole(demo.ready_file, json.dumps(ready, ensure_ascii=False, indent=1))
        say(_welcome(ready))
        await serving
    finally:
        server.should_exit = True
        await serving


async def _register_facilities(settings: Settings, folder: Path) -> dict[str, SigningKey]:
    assert settings.mongo_uri is not None  # noqa: S101  set by `run`
    mongo = connect(settings.mongo_uri.get_secret_value(), settings.database)
    try:
        await migrate(mongo)
        registry = Registry(mongo)
        signers: dict[str, SigningKey] = {}
        for facility in synthetic.facilities():
            signer = SigningKey.load(_facility_key(folder, facility.code))
            await registry.register(facility.code, facility.name, facility.code, [signer.public_jwk])
            signers[facility.code] = signer
        return signers
    finally:
        await mongo.close()


async def _register_people(issuer: str, people: Sequence[synthetic.Person]) -> None:
    """Tell the stand-in eID provider who exists: names, numbers and birth dates as ID token claims."""
    async with httpx2.AsyncClient(base_url=issuer) as provider:
        for person in people:
            if person.national_id is not None:
                await _may_sign_in(provider, person.sub, person.national_id, person.full_name, person.birth_date)
        for clinician in synthetic.clinicians():
            await _may_sign_in(provider, clinician.sub, clinician.national_id, clinician.full_name, None)


async def _may_sign_in(
    provider: httpx2.AsyncClient, sub: str, national_id: str, name: str, birth_date: str | None
) -> None:
    claims: dict[str, Any] = {"SoDinhDanh": national_id, "HoVaTen": name, "acr": "2"}
    if birth_date is not None:
        claims["birthdate"] = birth_date
    (await provider.put(f"/users/{sub}", json=claims)).raise_for_status()


async def _seed(
    demo: Demo,
    settings: Settings,
    people: Sequence[synthetic.Person],
    signers: dict[str, SigningKey],
    serving: asyncio.Task[None],
) -> None:
    """Send every person's visit files. Files that were sent before are answered UNCHANGED, so a seed goes on."""
    done = _mark(demo)
    if done is not None and done.exists():
        return
    files = [file for person in people for file in synthetic.visit_files(person, demo.seed)]
    async with contextlib.AsyncExitStack() as stack:
        clients = {
            code: await stack.enter_async_context(FacilityClient(settings.base_url, code, signer))
            for code, signer in signers.items()
        }
        with tqdm(total=len(files), desc="Sending visit files", unit=" files", mininterval=0.5, file=sys.stderr) as bar:
            queue = iter(files)

            async def send() -> None:
                while batch := list(islice(queue, 1)):
                    receipt = await clients[batch[0].facility].submit(batch[0].content)
                    if receipt.status is Status.REJECTED:
                        raise EhbError(vi=f"{batch[0].name} bị từ chối.", en=f"{batch[0].name} was rejected.")
                    bar.update()

            senders = asyncio.gather(*(send() for _ in range(_PARALLEL)))
            await asyncio.wait([senders, serving], return_when=asyncio.FIRST_COMPLETED)
            if not senders.done():
                senders.cancel()
                raise KeyboardInterrupt
            await senders
    if done is not None:
        done.touch()


def _mark(demo: Demo) -> Path | None:
    return demo.data / f"seeded-{demo.people}-{demo.seed}" if demo.data is not None else None


def _ready(settings: Settings, people: Sequence[synthetic.Person], folder: Path) -> dict[str, Any]:
    """The ready file of the contract, §2."""
    return {
        "graphql": f"{settings.base_url}/graphql",
        "base": settings.base_url,
        "issuer": settings.eid.issuer,
        "client_id": settings.mobile_client_id,
        "redirect_uri": settings.mobile_redirect_uris[0],
        "citizens": [
            {"national_id": person.national_id, "name": person.full_name, "sub": person.sub}
            for person in people
            if person.national_id is not None
        ],
        "clinicians": [
            {
                "national_id": clinician.national_id,
                "name": clinician.full_name,
                "sub": clinician.sub,
                "licence": clinician.licence,
                "facility": clinician.facility,
            }
            for clinician in synthetic.clinicians()
        ],
        "facilities": [
            {
                "code": facility.code,
                "name": facility.name,
                "client_id": facility.code,
                "private_key_file": str(_facility_key(folder, facility.code).absolute()),
            }
            for facility in synthetic.facilities()
        ],
        "pid": os.getpid(),
    }


def _welcome(ready: dict[str, Any]) -> str:
    citizens = "\n".join(f"    {one['sub']}  {one['name']}" for one in ready["citizens"][:5])
    return f"""
  The electronic health book is ready.  Sổ sức khỏe điện tử đã sẵn sàng.

    GraphQL        {ready["graphql"]}
    eID provider   {ready["issuer"]}  (a stand-in: it asks for a login name and nothing else)

  Who can log in (of {len(ready["citizens"])}):
{citizens}

  In another terminal:
    .venv/bin/ehb login citizen-0001 --url {ready["base"]} > token
    .venv/bin/ehb ask --url {ready["base"]} --token-file token '{{ myHealthBook {{ patient {{ fullName }} }} }}'

  Ctrl-C stops all of it.
"""


def _folder(demo: Demo, stack: contextlib.ExitStack) -> Path:
    if demo.data is None:
        return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ehb-demo-", ignore_cleanup_errors=True)))
    try:
        demo.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(
            vi=f"Không tạo được thư mục {demo.data}.", en=f"Cannot make the folder {demo.data}: {error.strerror}."
        ) from error
    return demo.data


def _keys(folder: Path) -> Keys:
    path = folder / "keys.json"
    if not path.exists():
        Keys.generate(demo=True).save(path)
    return Keys.load(path)


def _facility_key(folder: Path, code: str) -> Path:
    path = folder / "facility-keys" / f"{code}.pem"
    if not path.exists():
        path.parent.mkdir(mode=0o700, exist_ok=True)
        pem = generate_private_key(SECP384R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
    return path


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        yield listening
    except OSError as error:
        raise Misconfigured(
            vi=f"Cổng {port} đang được dùng. Chọn cổng khác: --port 0 lấy một cổng trống.",
            en=f"Port {port} is taken. Choose another one; --port 0 takes a free one.",
        ) from error
    finally:
        listening.close()


@contextlib.contextmanager
def _provider() -> Iterator[str]:
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


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM stops the demo as Ctrl-C does, while it is still starting too."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _write_whole(path: Path, text: str) -> None:
    """The file appears with all its content or not at all: whoever waits for it never reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
