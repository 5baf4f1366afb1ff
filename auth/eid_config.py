"""What differs between one eID provider and another: names, keys, levels, and how strictly we speak with it.

Two profiles. `oidc` is OpenID Connect Core with PKCE. `fapi2` is the FAPI 2.0 Security Profile (final, 2025-02): pushed
authorization requests, private_key_jwt, DPoP, `iss` in every answer, and the algorithms of its section 5.4 alone.

The one invariant: a configuration that could not keep its profile's promises is refused before the first login.
"""

from __future__ import annotations

import enum
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from joserfc.jwk import import_key

from auth.jws import ASYMMETRIC
from ehb.errors import Misconfigured

Jwk = Mapping[str, Any]
_FAPI_ALGS = frozenset({"PS256", "ES256"})
_CURVE_ALG = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}


class Profile(enum.StrEnum):
    """How we speak with the provider."""

    OIDC = "oidc"
    FAPI2 = "fapi2"


@dataclass(frozen=True, slots=True)
class EidConfig:
    """Everything that differs between one eID provider and another. Raises Misconfigured."""

    issuer: str
    client_id: str
    callback_url: str
    logged_out_url: str = ""
    """Where the eID sends a browser after a logout that we began."""
    profile: Profile = Profile.OIDC
    client_secret: str | None = field(default=None, repr=False)
    client_keys: tuple[Jwk, ...] = field(default=(), repr=False)
    """Private JWKs. With one for signing we authenticate by private_key_jwt; those with `use: enc` open what the
    eID encrypts for us."""
    scope: str = "openid profile"
    national_id_claim: str = "SoDinhDanh"
    old_national_id_claim: str = "SoCMND"
    name_claim: str = "HoVaTen"
    birth_date_claim: str = "birthdate"
    level_claim: str = "acr"
    level_map: Mapping[str, int] = field(default_factory=dict)
    usual_level: int = 0
    """The level that every login asks for: many a provider tells the level only when asked."""
    default_level: int = 0
    """The level of a login whose level claim is absent or unknown."""
    id_token_algs: tuple[str, ...] = ()
    """Empty: RS256, ES256 and PS256, or what FAPI 2.0 allows."""
    timeout: float = 10.0
    leeway: int = 90
    """Seconds that the eID's clock may differ from ours."""
    allow_http: bool = False

    def __post_init__(self) -> None:
        if not is_safe(self.issuer, self.allow_http):
            raise Misconfigured(en="The eID issuer must be an https URL.", vi="Địa chỉ eID phải dùng https.")
        if not set(self.id_token_algs) <= ASYMMETRIC:
            raise Misconfigured(
                vi="eID chỉ được ký bằng RS*, PS* hoặc ES*.", en="The eID may sign with RS*, PS* or ES* only."
            )
        if self.is_fapi:
            self._check_fapi()

    @property
    def is_fapi(self) -> bool:
        return self.profile is Profile.FAPI2

    @property
    def signature_algs(self) -> tuple[str, ...]:
        """What the eID may sign with."""
        return self.id_token_algs or (("PS256", "ES256") if self.is_fapi else ("RS256", "ES256", "PS256"))

    @property
    def signing_key(self) -> Jwk | None:
        return next((key for key in self.client_keys if key.get("use") != "enc"), None)

    @property
    def signing_alg(self) -> str:
        """The algorithm of our client assertions."""
        key = self.signing_key or {}
        return str(key.get("alg") or _CURVE_ALG.get(str(key.get("crv")), "PS256"))

    @property
    def decryption_keys(self) -> tuple[Jwk, ...]:
        return tuple(key for key in self.client_keys if key.get("use") == "enc")

    @property
    def public_jwks(self) -> dict[str, list[dict[str, Any]]]:
        """What the eID needs to know of our keys."""
        return {"keys": [import_key({**key}).as_dict(private=False) for key in self.client_keys]}

    def acr_values(self, level: int) -> str:
        """What to ask the eID for, to get at least this level: its own words, the lowest first; empty for none."""
        enough = [(at, acr) for acr, at in self.level_map.items() if at >= level]
        return " ".join(acr for _, acr in sorted(enough))

    def _check_fapi(self) -> None:
        if self.signing_key is None:
            raise Misconfigured(
                vi="Hồ sơ fapi2 cần khóa của máy khách: EHB_EID__KEYS_FILE (tạo bằng: ehb keys eid --out FILE).",
                en="The fapi2 profile needs client keys: EHB_EID__KEYS_FILE (make them: ehb keys eid --out FILE).",
            )
        if not {self.signing_alg, *self.signature_algs} <= _FAPI_ALGS:
            raise Misconfigured(
                vi="FAPI 2.0 chỉ cho phép PS256 và ES256.", en="FAPI 2.0 (section 5.4) allows PS256 and ES256 only."
            )


def is_safe(url: str, allow_http: bool) -> bool:
    """https, or plain http on this machine or where a setting allows it."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    if not host:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and (allow_http or _is_loopback(host)))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
