"""The demo: everything on one machine. A private mongod, a stand-in eID provider, the API, and invented people.

People come in through the real intake: their visit files are sent by a facility's client with a facility's key.
Loopback only, demo keys only. The one invariant: when it stops, for whatever reason, nothing of it keeps running.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from ehb import synthetic
from ehb.app import create_app
from ehb.client import SigningKey
from ehb.demo.certificates import signers
from ehb.demo.provider import provider, register_people
from ehb.demo.seeding import appoint_guardians, facility_keys, load_registry, seed
from ehb.demo.welcome import operators, ready, welcome, write_ready
from ehb.errors import Misconfigured, Unavailable
from ehb.logs import configure
from ehb.server import OPTIONS
from ehb.settings import EidSettings, Settings
from ehb.signing_files import Signer
from ehb.store import embedded
from ehb.store.vault import Keys, Vault

_MOBILE_CLIENT = "ehb-mobile"
_LAST_ANSWERS = 5
"""Seconds that requests have to end when we do."""


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
    configure(environment.log_level if "log_level" in environment.model_fields_set else "WARNING")
    with contextlib.ExitStack() as stack:
        stack.enter_context(_terminable())
        folder = _folder(demo, stack)
        listening = stack.enter_context(_listening(demo.host, demo.port))
        base = f"http://{demo.host}:{listening.getsockname()[1]}"
        say(f"Starting MongoDB, the stand-in eID provider and the API at {base} …")
        ended: Callable[[], Awaitable[None]]
        if environment.mongo_uri is not None:
            uri, ended = environment.mongo_uri.get_secret_value(), _never
        else:
            mongo = stack.enter_context(embedded.start(folder / "mongo", mongod=environment.mongod))
            uri, ended = mongo.uri, mongo.ended
        issuer = stack.enter_context(provider())
        settings = Settings(
            mongo_uri=SecretStr(uri),
            database="ehb_demo",
            base_url=base,
            profile="developer",
            mobile_client_id=_MOBILE_CLIENT,
            mobile_redirect_uris=(f"{base}/demo/signed-in",),
            eid=EidSettings(issuer=issuer, client_secret=SecretStr("demo"), default_level=3),
            step_up_max_age=3_600,
        )
        asyncio.run(_serve(demo, settings, _keys(folder), folder, listening, say, ended))


async def _serve(
    demo: Demo,
    settings: Settings,
    keys: Keys,
    folder: Path,
    listening: socket.socket,
    say: Callable[[str], None],
    database_ended: Callable[[], Awaitable[None]],
) -> None:
    """Raises Unavailable when the database ends before we do."""
    operators(folder, settings)
    private_keys = facility_keys(folder)
    signing = signers(folder)
    clients = await load_registry(settings, Vault(keys), private_keys, signing)
    people = list(synthetic.people(demo.people, demo.seed))
    app = create_app(settings, keys)
    app.router.routes.append(Route("/demo/signed-in", _signed_in))
    quiet: dict[str, Any] = {"log_config": None, "log_level": "warning", **OPTIONS}
    server = uvicorn.Server(uvicorn.Config(app, **quiet, timeout_graceful_shutdown=_LAST_ANSWERS))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    ended = asyncio.ensure_future(database_ended())
    try:
        await _started(server, serving)
        await register_people(settings.eid.issuer, people)
        seeding = asyncio.create_task(_seed_once(demo, settings, keys, people, clients, signing))
        await asyncio.wait([seeding, serving, ended], return_when=asyncio.FIRST_COMPLETED)
        if ended.done() or not seeding.done():  # or Ctrl-C while people were still coming in
            seeding.cancel()
            await asyncio.gather(seeding, return_exceptions=True)
            _still_there(ended, folder)
            return
        await seeding
        told = ready(settings, people, private_keys)
        if demo.ready_file is not None:
            write_ready(demo.ready_file, told)
        say(welcome(told))
        await asyncio.wait([serving, ended], return_when=asyncio.FIRST_COMPLETED)
        _still_there(ended, folder)
    finally:
        server.should_exit = True
        ended.cancel()
        await asyncio.gather(ended, return_exceptions=True)
        await serving


def _still_there(ended: asyncio.Future[None], folder: Path) -> None:
    if ended.done():
        log = folder / "mongo" / "mongod.log"
        raise Unavailable(
            vi=f"MongoDB của bản demo đã dừng nên bản demo dừng theo. Nhật ký: {log}",
            en=f"The demo's MongoDB has ended, and the demo with it. Its log: {log}",
        )


async def _never() -> None:
    """A database that we did not start ends without us."""
    await asyncio.Event().wait()


async def _started(server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    while not server.started:
        if serving.done():
            await serving
            raise Unavailable
        await asyncio.sleep(0.01)


async def _seed_once(
    demo: Demo,
    settings: Settings,
    keys: Keys,
    people: list[synthetic.Person],
    clients: dict[str, SigningKey],
    signing: dict[str, Signer],
) -> None:
    """A kept folder that was seeded with these people to the end is not sent them again."""
    done = demo.data / f"seeded-{demo.people}-{demo.seed}" if demo.data is not None else None
    if done is not None and await asyncio.to_thread(done.exists):
        return
    await seed(settings.base_url, people, demo.seed, clients, signing)
    await appoint_guardians(settings, keys, people)
    if done is not None:
        await asyncio.to_thread(done.touch)


async def _signed_in(_: Request) -> Response:
    """Where the stand-in app's browser lands; a phone would hand this address to the app."""
    return PlainTextResponse(
        "Đã đăng nhập. Ứng dụng sẽ đổi mã trong địa chỉ này lấy token.\n"
        "Signed in. The app would now exchange the code in this address for a token (POST /auth/token).\n"
    )


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
def _terminable() -> Iterator[None]:
    """SIGTERM stops the demo as Ctrl-C does, while it is still starting too."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
