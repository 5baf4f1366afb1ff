"""How invented people come into the demo: through the real intake, sent by facilities that sign in with their keys.

The one invariant: nothing is written to the database here but the registry, by the loader that operators use.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tqdm import tqdm

from ehb import synthetic
from ehb.client import FacilityClient, SigningKey
from ehb.domain.submission import Status
from ehb.errors import EhbError
from ehb.formats.registry_csv import read_facilities, read_practitioners
from ehb.services.registry import Wish, load_facilities, load_practitioners
from ehb.settings import Settings
from ehb.store.migrations import migrate
from ehb.store.mongo import connect
from ehb.store.practitioners import Practitioners
from ehb.store.registry import Registry
from ehb.store.vault import Vault

_PARALLEL = 8


def facility_keys(folder: Path) -> dict[str, Path]:
    """The private key file of each invented facility, made at the first start."""
    return {facility.code: _facility_key(folder, facility.code) for facility in synthetic.facilities()}


async def load_registry(settings: Settings, vault: Vault, keys: dict[str, Path]) -> dict[str, SigningKey]:
    """Load the invented facilities and clinicians as `ehb registry load` does; gives what the clients sign with."""
    assert settings.mongo_uri is not None  # noqa: S101  the demo has set it
    mongo = connect(settings.mongo_uri.get_secret_value(), settings.database)
    try:
        await migrate(mongo)
        registry, wish = Registry(mongo), Wish(datetime.now(UTC).date())
        signers = {code: SigningKey.load(path) for code, path in keys.items()}
        jwks = {code: json.dumps({"keys": [signer.public_jwk]}) for code, signer in signers.items()}
        rows = read_facilities("facilities.csv", synthetic.facilities_csv(jwks).encode())
        listed, _ = await load_facilities(registry, "facilities.csv", rows, wish)
        rows = read_practitioners("practitioners.csv", synthetic.practitioners_csv().encode())
        licences = Practitioners(mongo, vault)
        staffed = await load_practitioners(licences, registry, "practitioners.csv", rows, wish)
        if listed.refused or staffed.refused:
            raise EhbError(vi="Danh mục bịa bị từ chối.", en="The invented registry was refused.")
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
