"""Settings: one frozen object, read once from the environment (`EHB_…`), by the composition roots alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from ehb.errors import Misconfigured

Level = Annotated[int, Field(ge=0, le=4)]
"""0 is none, 4 the highest (Decree 69/2024 Art 20)."""
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class EidSettings(BaseModel):
    """The national eID provider. Claim names and levels differ between providers, so they are settings."""

    model_config = ConfigDict(frozen=True)

    issuer: str = ""
    client_id: str = "ehb"
    client_secret: SecretStr | None = None
    scope: str = "openid profile"
    national_id_claim: str = "SoDinhDanh"
    old_national_id_claim: str = "SoCMND"
    name_claim: str = "HoVaTen"
    birth_date_claim: str = "birthdate"
    level_claim: str = "acr"
    level_map: dict[str, Level] = Field(default_factory=lambda: {"1": 1, "2": 2, "3": 3, "4": 4})
    default_level: Level = 1
    id_token_algs: tuple[str, ...] = ("RS256", "ES256", "PS256")
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
    profile: Literal["production", "developer"] = "production"
    """developer: GraphQL has introspection, queries by GET and a page to try it; never where real people are."""
    trusted_documents: bool | None = None
    """Whether only documents run that were added before (`ehb documents add`); unset, it is so in production."""
    mobile_client_id: str = "ehb-mobile"
    mobile_redirect_uris: Annotated[tuple[str, ...], NoDecode] = ()
    largest_file: Annotated[int, Field(gt=0, le=14_000_000)] = 10_000_000
    """Bytes of one visit file; sealed and whole it must fit into one MongoDB document of 16 MB."""

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

    @field_validator("mobile_redirect_uris", mode="before")
    @classmethod
    def _comma_separated(cls, value: object) -> object:
        return tuple(one.strip() for one in value.split(",") if one.strip()) if isinstance(value, str) else value

    @field_validator("base_url")
    @classmethod
    def _safe_address(cls, value: str) -> str:
        if not _is_safe(value) or urlsplit(value).query or urlsplit(value).fragment:
            raise ValueError("an https address without ? and #, or http on this machine")
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
        wrong = [str(error)]
    lines = "".join(f"\n     {one}" for one in wrong)
    raise Misconfigured(vi="Cấu hình không hợp lệ.", en=f"These settings are not valid:{lines}")


def _is_safe(address: str) -> bool:
    parts = urlsplit(address)
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    )


def _is_private_use(address: str) -> bool:
    """RFC 8252 section 7.1: a scheme made of a domain name that the app's makers own."""
    return "." in urlsplit(address).scheme
