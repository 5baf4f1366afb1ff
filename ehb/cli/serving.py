"""The operator's side: the production app, its checks before the first request, migrations.

The one invariant: it starts with settings that can work and with keys that nobody else has, or not at all.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from starlette.applications import Starlette

from ehb.app import connected, create_app, eid_config, open_custodian
from ehb.collector import sending
from ehb.errors import Misconfigured
from ehb.logs import configure
from ehb.server import settle
from ehb.settings import Settings, from_environment, unknown
from ehb.store.migrations import migrate
from ehb.store.trusted_documents import TrustedDocuments
from ehb.store.vault import Keys

_NO_DOCUMENTS = """ehb: Chưa có tài liệu GraphQL nào được đăng ký, nên mọi câu hỏi GraphQL sẽ bị từ chối.
     No GraphQL document is trusted yet, so every GraphQL request will be refused. Either
       ehb documents add MANIFEST          the documents that your app was built with
       EHB_TRUSTED_DOCUMENTS=false         every caller may write their own, within the limits
       EHB_PROFILE=developer               that, introspection, and a page to try it; not where real people are"""


def checked() -> tuple[Settings, Keys]:
    """Settings and keys of production. Raises Misconfigured and names everything that is missing."""
    settings, keys = house(
        lambda settings: {
            "EHB_BASE_URL": "base_url" in settings.model_fields_set,
            "EHB_EID__ISSUER": bool(settings.eid.issuer),
            "EHB_EID__CLIENT_SECRET or EHB_EID__KEYS_FILE": bool(settings.eid.client_secret or settings.eid.keys_file),
            "EHB_MOBILE_REDIRECT_URIS": bool(settings.mobile_redirect_uris),
        }
    )
    if keys.demo:
        raise Misconfigured(
            vi="Không chạy thật bằng khóa demo. Tạo khóa: ehb keys new --out FILE",
            en="Production does not start with demo keys. Make your own: ehb keys new --out FILE",
        )
    return settings, keys


def house(more: Callable[[Settings], dict[str, bool]] = lambda _: {}) -> tuple[Settings, Keys]:
    """Settings and keys of the operator's commands, which serve nobody: a demo's will do. Raises Misconfigured."""
    settings = from_environment()
    wanted = {"EHB_MONGO_URI": settings.mongo_uri is not None, "EHB_KEYS_FILE": settings.keys_file is not None}
    missing = [name for name, there in {**wanted, **more(settings)}.items() if not there]
    if missing or settings.keys_file is None:
        names = ", ".join(missing)
        raise Misconfigured(vi=f"Thiếu thiết lập: {names}.", en=f"These settings are missing: {names}.")
    return settings, Keys.load(settings.keys_file)


async def prepare() -> str:
    """Everything that can be wrong before the first request, said once and in words, before any worker starts.

    Returns the level of the log.
    """
    for name, meant in unknown().items():
        also = (f"Có phải {meant}?", f"Did you mean {meant}?") if meant else ("", "")
        print(f"ehb: Không có thiết lập {name}. {also[0]}\n     There is no setting {name}. {also[1]}", file=sys.stderr)
    settings, keys = checked()
    eid_config(settings)
    if settings.traces:
        sending(settings.traces).shutdown()
    async with open_custodian(settings, keys):
        pass
    if settings.only_trusted_documents and not await _documents(settings):
        print(_NO_DOCUMENTS, file=sys.stderr)
    return settings.log_level


async def _documents(settings: Settings) -> int:
    mongo = connected(settings)
    try:
        return await TrustedDocuments(mongo).count()
    finally:
        await mongo.close()


def production_app() -> Starlette:
    """What each worker of `ehb serve` runs."""
    settings, keys = checked()
    configure(settings.log_level)
    app = create_app(settings, keys)
    settle()
    return app


async def migrate_now() -> int:
    """Migrate the database of the settings; returns its layout version."""
    mongo = connected(from_environment())
    try:
        return await migrate(mongo)
    finally:
        await mongo.close()
