"""What the demo tells: the ready file for programs (contract §2) and a few lines for people.

The one invariant: the ready file appears whole or not at all.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ehb import synthetic
from ehb.settings import Settings


def ready(settings: Settings, people: Sequence[synthetic.Person], facility_keys: dict[str, Path]) -> dict[str, Any]:
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
                "private_key_file": str(facility_keys[facility.code].absolute()),
            }
            for facility in synthetic.facilities()
        ],
        "pid": os.getpid(),
    }


def welcome(ready: dict[str, Any]) -> str:
    citizens = "\n".join(f"    {one['sub']}  {one['name']}" for one in ready["citizens"][:5])
    two = {one["facility"]: one for one in reversed(ready["clinicians"])}
    names = {one["code"]: one["name"] for one in ready["facilities"]}
    clinicians = "\n".join(f"    {two[code]['sub']}  {two[code]['name']}, {names[code]}" for code in sorted(two)[:2])
    return f"""
  The electronic health book is ready.  Sổ sức khỏe điện tử đã sẵn sàng.

    GraphQL        {ready["graphql"]}   (in a browser: a page to try it)
    eID provider   {ready["issuer"]}  (a stand-in: it asks for a login name and nothing else)

  Who can log in (of {len(ready["citizens"])}):
{citizens}
  Clinicians (of {len(ready["clinicians"])}), for what people show them or agree to:
{clinicians}

  In another terminal:
    .venv/bin/ehb login citizen-0001 --url {ready["base"]} > token
    .venv/bin/ehb ask --url {ready["base"]} --token-file token '{{ myHealthBook {{ patient {{ fullName }} }} }}'

  Ctrl-C stops all of it.
"""


def operators(folder: Path, settings: Settings) -> None:
    """`. operator.env` in a shell, and the commands of operators and stewards work on the demo."""
    assert settings.mongo_uri is not None  # noqa: S101  the demo has set it
    values = {
        "EHB_MONGO_URI": settings.mongo_uri.get_secret_value(),
        "EHB_DATABASE": settings.database,
        "EHB_KEYS_FILE": str((folder / "keys.json").absolute()),
    }
    path = folder / "operator.env"
    path.unlink(missing_ok=True)
    path.touch(0o600)
    path.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items()))


def write_ready(path: Path, ready: dict[str, Any]) -> None:
    """The file appears with all its content or not at all: whoever waits for it never reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(ready, ensure_ascii=False, indent=1), encoding="utf-8")
    part.replace(path)
