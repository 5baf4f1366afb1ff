"""Settings: one frozen object, read once from the environment (`EHB_…`), by the composition roots alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


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
    level_map: dict[str, int] = Field(default_factory=lambda: {"1": 1, "2": 2, "3": 3, "4": 4})
    default_level: int = 1
    id_token_algs: tuple[str, ...] = ("RS256", "ES256", "PS256")
    allow_http: bool = False


class Settings(BaseSettings):
    """What an operator decides. `EHB_EID__ISSUER` sets `eid.issuer`, and so on."""

    model_config = SettingsConfigDict(env_prefix="EHB_", env_nested_delimiter="__", frozen=True, extra="ignore")

    mongo_uri: SecretStr | None = None
    mongod: str | None = None
    database: str = "ehb"
    base_url: str = "http://127.0.0.1:8000"
    keys_file: Path | None = None
    eid: EidSettings = EidSettings()
    mobile_client_id: str = "ehb-mobile"
    mobile_redirect_uris: Annotated[tuple[str, ...], NoDecode] = ()
    largest_file: int = 10_000_000
    """Bytes of one visit file; sealed and whole it must fit into one MongoDB document of 16 MB."""

    @field_validator("mobile_redirect_uris", mode="before")
    @classmethod
    def _comma_separated(cls, value: object) -> object:
        return tuple(one.strip() for one in value.split(",") if one.strip()) if isinstance(value, str) else value
