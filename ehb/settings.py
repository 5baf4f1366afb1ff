"""Settings: one frozen object, read once from the environment (`EHB_…`), by the composition roots alone."""

from __future__ import annotations

import json
import os
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, IPvAnyNetwork, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from ehb.errors import Misconfigured

Level = Annotated[int, Field(ge=0, le=4)]
"""0 is none, 4 the highest (Decree 69/2024 Art 20)."""
_BARE = re.compile(r"[a-z]+://[A-Za-z0-9.:\[\]-]+")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class EidSettings(BaseModel):
    """The national eID provider. Claim names and levels differ between providers, so they are settings."""

    model_config = ConfigDict(frozen=True)

    issuer: str = ""
    client_id: str = "ehb"
    profile: Literal["oidc", "fapi2"] = "oidc"
    """How we speak with it: OpenID Connect Core, or the FAPI 2.0 Security Profile."""
    client_secret: SecretStr | None = None
    keys_file: Path | None = None
    """Our private keys as its client, a JWK set: private_key_jwt instead of a secret (`ehb keys eid --out FILE`)."""
    scope: str = "openid profile"
    national_id_claim: str = "SoDinhDanh"
    old_national_id_claim: str = "SoCMND"
    name_claim: str = "HoVaTen"
    birth_date_claim: str = "birthdate"
    level_claim: str = "acr"
    level_map: dict[str, Level] = Field(default_factory=lambda: {"1": 1, "2": 2, "3": 3, "4": 4})
    default_level: Level = 1
    id_token_algs: tuple[str, ...] = ()
    """Empty: what the profile allows."""
    allow_http: bool = False


class Settings(BaseSettings):
    """What an operator decides. `EHB_EID__ISSUER` sets `eid.issuer`, and so on."""

    model_config = SettingsConfigDict(env_prefix="EHB_", env_nested_delimiter="__", frozen=True, extra="ignore")

    mongo_uri: SecretStr | None = None
    mongod: str | None = None
    database: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,60}$")] = "ehb"
    base_url: str = "http://127.0.0.1:8000"
    """Where the outside finds us: https, or http on this machine."""
    keys_file: Path | None = None
    eid: EidSettings = EidSettings()
    read_level: Level = 2
    """The level of a login that may open a book (Decree 69/2024 Art 20)."""
    step_up_level: Level = 3
    """The level for what opens a book to others: a consent, showing it without a passcode, a guardian."""
    step_up_max_age: Annotated[int, Field(ge=30, le=3_600)] = 300
    """Seconds since the person proved themselves, at most, for the same."""
    profile: Literal["production", "developer"] = "production"
    """developer: GraphQL has introspection, queries by GET and a page to try it; never where real people are."""
    trusted_documents: bool | None = None
    """Whether only documents run that were added before (`ehb documents add`); unset, it is so in production."""
    mobile_client_id: str = "ehb-mobile"
    mobile_redirect_uris: Annotated[tuple[str, ...], NoDecode] = ()
    facility_keys_networks: Annotated[tuple[IPvAnyNetwork, ...], NoDecode] = ()
    """Networks of our own from which facilities' keys may be fetched (`jwks_uri`), such as a hospital network's."""
    facility_keys_ca: Path | None = None
    """Certificates (PEM) that vouch for the servers of those keys, instead of the system's."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    traces: str | None = None
    """The collector that traces are sent to (OTLP over HTTP): https, or http on this machine. Unset, there are none."""
    largest_file: Annotated[int, Field(gt=0, le=14_000_000)] = 10_000_000
    """Bytes of one visit file; sealed and whole it must fit into one MongoDB document of 16 MB."""

    allowed_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Sites whose pages may follow events, besides our own: https://app.example.vn"""
    person_points: Annotated[int, Field(gt=0)] = 600_000
    """Points of GraphQL that one person may spend in a minute (`graphql_schema.cost`)."""
    facility_points: Annotated[int, Field(gt=0)] = 6_000_000
    """The same for one client of a facility."""
    operations_at_once: Annotated[int, Field(gt=0)] = 20
    """Operations of GraphQL that one person or client may have running on each worker."""
    request_seconds: Annotated[float, Field(gt=0, le=600)] = 20.0
    """How long one operation of GraphQL may run before it is stopped; a stream may go on."""

    @property
    def developer(self) -> bool:
        return self.profile == "developer"

    @property
    def only_trusted_documents(self) -> bool:
        return not self.developer if self.trusted_documents is None else self.trusted_documents

    @field_validator("mobile_redirect_uris", "facility_keys_networks", "allowed_origins", mode="before")
    @classmethod
    def _comma_separated(cls, value: object) -> object:
        return tuple(one.strip() for one in value.split(",") if one.strip()) if isinstance(value, str) else value

    @field_validator("base_url")
    @classmethod
    def _safe_address(cls, value: str) -> str:
        if not _is_safe(value) or urlsplit(value).query or urlsplit(value).fragment:
            raise ValueError("an https address without ? and #, or http on this machine")
        return value

    @field_validator("traces")
    @classmethod
    def _safe_collector(cls, value: str | None) -> str | None:
        if value is not None and not _is_safe(value):
            raise ValueError("an https address, or http on this machine")
        return value

    @field_validator("allowed_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(
            _is_safe(one) and one.count("/") == 2 and one.isascii() and not set("?#@") & set(one) for one in value
        ):
            raise ValueError("https://host or https://host:port, without a path")
        return value

    @field_validator("mobile_redirect_uris")
    @classmethod
    def _safe_redirects(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_is_safe(one) or _is_private_use(one) for one in value):
            raise ValueError("https, http on this machine, or a scheme of the app's own with a dot in it")
        return value


def from_environment() -> Settings:
    """The settings. Raises Misconfigured and names every one that cannot be."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = [f"EHB_{'__'.join(str(part).upper() for part in one['loc'])}: {one['msg']}" for one in error.errors()]
    except SettingsError as error:
        wrong = [f"{one}: not valid JSON" for one in _not_json()] or [str(error)]
    lines = "".join(f"\n     {one}" for one in wrong)
    raise Misconfigured(vi="Cấu hình không hợp lệ.", en=f"These settings are not valid:{lines}")


def unknown() -> dict[str, str | None]:
    """Names in the environment that look like settings and are none, each with the setting that was perhaps meant."""
    known = [f"EHB_{name.upper()}" for name in Settings.model_fields if name != "eid"]
    known += [f"EHB_EID__{name.upper()}" for name in EidSettings.model_fields]
    strange = sorted(name for name in os.environ if name.startswith("EHB_") and name not in {*known, "EHB_EID"})
    return {name: next(iter(get_close_matches(name, known, 1, 0.8)), None) for name in strange}


def _not_json() -> list[str]:
    """Settings that take JSON and were given something else."""
    wrong = []
    for name in ("EHB_EID__LEVEL_MAP", "EHB_EID__ID_TOKEN_ALGS", "EHB_EID"):
        try:
            json.loads(os.environ.get(name, "null"))
        except ValueError:
            wrong.append(name)
    return wrong


def _is_safe(address: str) -> bool:
    parts = urlsplit(address)
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    )


def _is_private_use(address: str) -> bool:
    """RFC 8252 section 7.1: a scheme made of a domain name that the app's makers own."""
    return "." in urlsplit(address).scheme
