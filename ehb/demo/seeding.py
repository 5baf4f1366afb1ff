"""How invented people come into the demo: through the real intake, sent by facilities that sign in with their keys.

The one invariant: nothing is written to the database here but the registry, by the loader that operators use.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tqdm import tqdm

from ehb import synthetic
from ehb.app import open_custodian
from ehb.client import FacilityClient, SigningKey
from ehb.domain.coding import VIETNAM
from ehb.domain.guardianship import Appointment, Relation
from ehb.domain.identity import Principal, PrincipalKind
from ehb.domain.submission import Status
from ehb.errors import Conflict, EhbError
from ehb.formats.public_keys import certificates_from
from ehb.formats.registry_csv import read_facilities, read_practitioners
from ehb.services import stewardship
from ehb.services.registry_lists import Wish, load_certificates, load_facilities, load_practitioners
from ehb.settings import Settings
from ehb.signing_files import Signer
from ehb.store.migrations import migrate
from ehb.store.mongo import connect
from ehb.store.practitioners import Practitioners
from ehb.store.registry import Registry
from ehb.store.vault import Keys, Vault

_PARALLEL = 8


def facility_keys(folder: Path) -> dict[str, Path]:
    """The private key file of each invented facility, made at the first start."""
    return {facility.code: _facility_key(folder, facility.code) for facility in synthetic.facilities()}


async def load_registry(
    settings: Settings, vault: Vault, keys: dict[str, Path], signers: Mapping[str, Signer]
) -> dict[str, SigningKey]:
    """Load the invented facilities and clinicians as `ehb registry load` does; gives what the clients sign with."""
    assert settings.mongo_uri is not None  # noqa: S101  the demo has set it
    mongo = connect(settings.mongo_uri.get_secret_value(), settings.database)
    try:
        await migrate(mongo)
        registry, wish = Registry(mongo), Wish(datetime.now(UTC).date())
        clients = {code: SigningKey.load(path) for code, path in keys.items()}
        jwks = {code: json.dumps({"keys": [client.public_jwk]}) for code, client in clients.items()}
        rows = read_facilities("facilities.csv", synthetic.facilities_csv(jwks).encode())
        listed, _ = await load_facilities(registry, "facilities.csv", rows, wish)
        rows = read_practitioners("practitioners.csv", synthetic.practitioners_csv().encode())
        licences = Practitioners(mongo, vault)
        staffed = await load_practitioners(licences, registry, "practitioners.csv", rows, wish)
        ders = {code: signer.certificate.public_bytes(Encoding.DER) for code, signer in signers.items()}
        certificates = {code: certificates_from(der) for code, der in ders.items()}
        signed = await load_certificates(registry, "certificates", certificates, (), wish)
        if listed.refused or staffed.refused or signed.refused:
            raise EhbError(vi="Danh mục bịa bị từ chối.", en="The invented registry was refused.")
        return clients
    finally:
        await mongo.close()


async def seed(
    base: str,
    people: Sequence[synthetic.Person],
    number: int,
    keys: Mapping[str, SigningKey],
    signers: Mapping[str, Signer],
) -> None:
    """Send every person's visit files, signed where the facility signs.

    What was sent before is answered UNCHANGED, so a broken seed just goes on.
    Raises EhbError for a file that is refused: then the files or the intake are wrong, and the demo would lie.
    """
    files = [file for person in people for file in synthetic.visit_files(person, number)]
    async with contextlib.AsyncExitStack() as stack:
        clients = {code: await stack.enter_async_context(FacilityClient(base, code, key)) for code, key in keys.items()}
        queue = iter(files)
        with tqdm(total=len(files), desc="Sending visit files", unit=" files", mininterval=0.5, file=sys.stderr) as bar:

            async def send() -> None:
                for file in queue:
                    signer = signers.get(file.facility)
                    content = signer.sign(file.content) if signer else file.content
                    receipt = await clients[file.facility].submit(content)
                    if receipt.status is Status.REJECTED:
                        raise EhbError(vi=f"{file.name} bị từ chối.", en=f"{file.name} was rejected.")
                    bar.update()

            async with asyncio.TaskGroup() as senders:
                for _ in range(_PARALLEL):
                    senders.create_task(send())


async def appoint_guardians(settings: Settings, keys: Keys, people: Sequence[synthetic.Person]) -> None:
    """Give each invented child somebody who speaks for it, as a steward does."""
    steward = Principal(PrincipalKind.STEWARD, session="demo")
    today = datetime.now(VIETNAM).date()
    async with open_custodian(settings, keys) as custodian:
        for child, guardian in synthetic.families(people, today):
            relation = Relation.PARENT if child.mother == guardian.full_name else Relation.APPOINTED_GUARDIAN
            appointment = Appointment(relation, "Giấy tờ bịa cho bản demo", today)
            pair = (child.national_id or "", guardian.national_id or "")
            with contextlib.suppress(Conflict):  # a seed that was broken off has entered it already
                await stewardship.appoint(custodian, steward, *pair, appointment, path="ehb demo")


def _facility_key(folder: Path, code: str) -> Path:
    path = folder / "facility-keys" / f"{code}.pem"
    if not path.exists():
        path.parent.mkdir(mode=0o700, exist_ok=True)
        pem = generate_private_key(SECP384R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
    return path
