"""What the eID encrypted for us (RFC 7516): ID tokens, userinfo, logout tokens.

Encryption hides a number from whoever carries the token; it proves nothing, so what comes out of here is a signed
token that is checked like any other. The one invariant: the algorithms are ours, and nothing is decompressed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwe import JWERegistry
from joserfc.jwk import import_key

from auth.jws import NotVerified

KEY_MANAGEMENT = ("ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW", "RSA-OAEP-256")
CONTENT = ("A128GCM", "A256GCM", "A128CBC-HS256", "A256CBC-HS512")
_REGISTRY = JWERegistry(algorithms=[*KEY_MANAGEMENT, *CONTENT], strict_check_header=False)
"""Headers may repeat claims (RFC 7519 section 5.3), which nobody reads there."""
_LONGEST = 32_768
_PARTS = 5


def is_encrypted(token: str) -> bool:
    """Whether the text has the shape of a compact JWE."""
    return token.count(".") == _PARTS - 1


def decrypted(token: str, keys: Iterable[Mapping[str, Any]]) -> str:
    """The token inside. Raises NotVerified when it was not encrypted for one of these private keys."""
    if len(token) <= _LONGEST:
        for key in keys:
            try:
                found = jwe.decrypt_compact(token, import_key({**key}), registry=_REGISTRY)
                return (found.plaintext or b"").decode()
            except (JoseError, ValueError, TypeError, KeyError, AttributeError):
                continue
    raise NotVerified
