"""Random text: what we hand out, what we keep of it, and the PKCE sums of RFC 7636.

A token is 16 bytes that name its session and 32 bytes (256 bit) that prove it, in base64url. All tokens of
one session, and the code that opens it, begin with the same 16 bytes; so a token that was good long ago still
finds the session that it must end, in one read by `_id` and on one shard. A token that was delegated begins with the
SHA-256 of them instead: it finds the session too, and nobody can make a token of the session from it.

The one invariant: what is kept is a SHA-256. The text is random, so it needs no salt and no slow hash.
"""

from __future__ import annotations

import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest

from authlib.oauth2.rfc7636 import create_s256_code_challenge

_NAME = 16
_TOKEN = re.compile(r"[A-Za-z0-9_-]{64}")
_DELEGATED = re.compile(r"[A-Za-z0-9_-]{86}")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def digest(text: str) -> bytes:
    return sha256(text.encode()).digest()


def random_text() -> str:
    """256 random bits as 43 characters; also a valid PKCE verifier."""
    return secrets.token_urlsafe(32)


def derived(secret: str, purpose: str) -> str:
    """43 characters that only the holder of the secret can know, others for each purpose; a valid PKCE verifier."""
    return urlsafe_b64encode(hmac_digest(secret.encode(), purpose.encode(), "sha256")).decode().rstrip("=")


def new_name() -> bytes:
    """The name of a session yet to come."""
    return secrets.token_bytes(_NAME)


def new_token(name: bytes) -> str:
    """A token of the session with this name."""
    return urlsafe_b64encode(name + secrets.token_bytes(32)).decode()


def name_in(token: str) -> bytes | None:
    """The name of the token's session; None for text that is no token of ours."""
    return urlsafe_b64decode(token)[:_NAME] if _TOKEN.fullmatch(token) else None


def session_key(name: bytes) -> bytes:
    """What the store knows a session by."""
    return sha256(name).digest()


def delegated_token(key: bytes) -> str:
    """A token that speaks for the session with this key, and is none of its own."""
    return urlsafe_b64encode(key + secrets.token_bytes(32)).decode().rstrip("=")


def own_key_of(token: str) -> bytes | None:
    """What the store knows the session by whose own token this is, or was; None for any other text."""
    name = name_in(token)
    return session_key(name) if name is not None else None


def key_of(token: str) -> bytes | None:
    """The same, and for a token that was delegated the session that it speaks for."""
    if _DELEGATED.fullmatch(token):
        return urlsafe_b64decode(token + "==")[: sha256().digest_size]
    return own_key_of(token)


def s256(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636 section 4.2)."""
    return str(create_s256_code_challenge(verifier))


def is_challenge(text: str) -> bool:
    return _CHALLENGE.fullmatch(text) is not None


def answers(verifier: str, challenge: str) -> bool:
    """The verifier is well-formed and belongs to the challenge (RFC 7636 section 4.6)."""
    return _VERIFIER.fullmatch(verifier) is not None and compare_digest(s256(verifier), challenge)
