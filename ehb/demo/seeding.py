"""How invented people come into the demo: through the real intake, sent by facilities that sign in with their keys.

The one invariant: nothing is written to the database here but the registry of facilities.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tqdm import tqdm

from ehb import synthetic
from ehb.client import FacilityClient, SigningKey
from ehb.domain.submission import Status
from ehb.errors import EhbError
from ehb.settings import Settings
from ehb.store.migrations import migrate
from ehb.store.mongo import connect
from ehb.store.registry import Registry

_PARALLEL = 8


def facility_keys(folder: Path) -> dict[str, Path]:
    """The private key file of each invented facility, made at the first start."""
    return {facility.code: _facility_key(folder, facility.code) for facility in synthetic.facilities()}


async def register_facilities(settings: Settings, keys: dict[str, Path]) -> dict[str, SigningKey]:
    """Register the invented facilities; gives what their clients sign with."""
    assert settings.mongo_uri is not None  # noqa: S101  the demo has set it
    mongo = connect(settings.mongo_uri.get_secret_value(), settings.database)
    try:
        await migrate(mongo)
        registry = Registry(mongo)
        signers = {code: SigningKey.load(path) for code, path in keys.items()}
        for facility in synthetic.facilities():
            await registry.register(facility.code, facility.name, facility.code, [signers[facility.code].public_jwk])
        return signers
    finally:
        await mongo.close()


async def seed(base: str, people: Sequence[synthetic.Person], number: int, signers: dict[str, SigningKey]) -> None:
    """Send every person's visit files. What was sent before is answered UNCHANGED, so a broken seed just goes on.

    Raises EhbError for a file that is refused: then the files or the intake are wrong, and the demo would lie.
    """
    files = [file for person in people for file in synthetic.visit_files(person, number)]
    async with contextlib.AsyncExitStack() as stack:
        clients = {
            code: await stack.enter_async_context(FacilityClient(base, code, signer))
            for code, signer in signers.items()
        }
        queue = iter(files)
        with tqdm(total=len(files), desc="Sending visit files", unit=" files", mininterval=0.5, file=sys.stderr) as bar:

            async def send() -> None:
                for file in queue:
                    receipt = await clients[file.facility].submit(file.content)
                    if receipt.status is Status.REJECTED:
                        raise EhbError(vi=f"{file.name} bị từ chối.", en=f"{file.name} was rejected.")
                    bar.update()

            async with asyncio.TaskGroup() as senders:
                for _ in range(_PARALLEL):
                    senders.create_task(send())


def _facility_key(folder: Path, code: str) -> Path:
    path = folder / "facility-keys" / f"{code}.pem"
    if not path.exists():
        path.parent.mkdir(mode=0o700, exist_ok=True)
        pem = generate_private_key(SECP384R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
    return path
