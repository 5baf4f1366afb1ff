"""The operator's side: the production app, its checks before the first request, migrations, facility keys.

The one invariant: it starts with settings that can work and with keys that nobody else has, or not at all.
"""

from __future__ import annotations

from pathlib import Path

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from starlette.applications import Starlette

from ehb.app import connected, create_app
from ehb.errors import Misconfigured
from ehb.settings import Settings
from ehb.store.migrations import migrate
from ehb.store.registry import Registry
from ehb.store.vault import Keys


def checked() -> tuple[Settings, Keys]:
    """Settings and keys of production. Raises Misconfigured and names everything that is missing."""
    settings = Settings()
    missing = [
        name
        for name, value in (
            ("EHB_MONGO_URI", settings.mongo_uri),
            ("EHB_KEYS_FILE", settings.keys_file),
            ("EHB_EID__ISSUER", settings.eid.issuer),
            ("EHB_MOBILE_REDIRECT_URIS", settings.mobile_redirect_uris),
        )
        if not value
    ]
    if missing or settings.keys_file is None:
        names = ", ".join(missing)
        raise Misconfigured(vi=f"Thiếu thiết lập: {names}.", en=f"These settings are missing: {names}.")
    keys = Keys.load(settings.keys_file)
    if keys.demo:
        raise Misconfigured(
            vi="Không chạy thật bằng khóa demo. Tạo khóa: ehb keys new --out FILE",
            en="Production does not start with demo keys. Make your own: ehb keys new --out FILE",
        )
    return settings, keys


def production_app() -> Starlette:
    """What each worker of `ehb serve` runs."""
    return create_app(*checked())


async def migrate_now() -> int:
    """Migrate the database of the settings; returns its layout version."""
    mongo = connected(Settings())
    try:
        return await migrate(mongo)
    finally:
        await mongo.close()


async def register_facility(code: str, name: str, client_id: str, key_file: Path) -> None:
    """Register a facility and the public key of its client. Raises Misconfigured for a file that is no public key."""
    jwk = _public_jwk(key_file)
    mongo = connected(Settings())
    try:
        await migrate(mongo)
        await Registry(mongo).register(code, name, client_id, [jwk])
    finally:
        await mongo.close()


def _public_jwk(path: Path) -> dict[str, object]:
    try:
        pem = path.read_bytes()
    except OSError as error:
        raise Misconfigured(vi=f"Không đọc được {path}.", en=f"Cannot read {path}: {error.strerror}.") from error
    for kind in (ECKey, RSAKey):
        try:
            key = kind.import_key(pem)
        except (JoseError, ValueError, TypeError):
            continue
        if key.is_private:
            raise Misconfigured(
                vi=f"{path} là khóa riêng; cơ sở chỉ gửi khóa công khai.",
                en=f"{path} is a private key. Facilities keep it; register the public one.",
            )
        return {**key.as_dict(private=False), "kid": key.thumbprint(), "use": "sig"}
    raise Misconfigured(
        vi=f"{path} không phải khóa công khai EC hoặc RSA dạng PEM.", en=f"{path} is not a PEM public key (EC or RSA)."
    )
