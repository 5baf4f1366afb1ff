"""Our own keys as the client of the eID: one that signs our assertions, one that opens what is encrypted for us.

The one invariant: the file is never overwritten, and only its owner can read it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, import_key

from ehb.errors import Misconfigured


def new_keys() -> dict[str, list[dict[str, Any]]]:
    """A JWK set with a private ES256 key for signing and one for ECDH-ES, each named by its thumbprint (RFC 7638)."""
    keys = []
    for use, alg in (("sig", "ES256"), ("enc", "ECDH-ES+A256KW")):
        key = ECKey.generate_key("P-256", {"use": use, "alg": alg})
        keys.append({**key.as_dict(private=True), "kid": key.thumbprint()})
    return {"keys": keys}


def write_keys(path: Path) -> None:
    """Make new keys in a new file. Raises FileExistsError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(new_keys(), file, indent=1)


def load_keys(path: Path) -> tuple[dict[str, Any], ...]:
    """The private keys of a JWK set. Raises Misconfigured and says what is wrong with the file, without its content."""
    try:
        keys = json.loads(path.read_text())["keys"]
        private = tuple({**key} for key in keys)
        if not private or not all(import_key(key).is_private for key in private):
            raise ValueError
    except OSError as error:
        raise Misconfigured(
            vi=f"Không đọc được {path}.", en=f"Cannot read {path}: {error.strerror or type(error).__name__}."
        ) from None
    except (JoseError, ValueError, TypeError, KeyError):
        raise Misconfigured(
            vi=f"{path} không phải là JWK Set có khóa bí mật.", en=f"{path} is no JWK set of private keys."
        ) from None
    return private
