"""Every environment variable that the service knows, typed and read once (mirrors .env.example)."""

from __future__ import annotations

from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ROOT = Path(__file__).resolve().parent
MINIMUM_SECRET_BYTES = 32

CommaSeparated = Annotated[tuple[str, ...], NoDecode]


class SettingsError(Exception):
    """A variable is missing or wrong; the text is one sentence that names it and says what to do."""


class Settings(BaseSettings):
    """What the environment (first) and `.env` (second) say. Secrets never show in a repr.

    `MAX_*` are in whole units of the currency ("10000" is ten thousand dollars), everything in
    `*_SECONDS` in seconds.
    """

    model_config = SettingsConfigDict(
        env_file=ROOT / ".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    database_url: SecretStr
    redis_url: SecretStr
    app_url: str = "http://127.0.0.1:8000"
    jwt_secret: SecretStr

    smtp_url: SecretStr
    mail_from: str

    wallet_currency: str = "USD"
    transfer_fee_basis_points: int = Field(default=0, ge=0, le=10_000)
    max_transfer: str = "10000"
    max_top_up: str = "10000"
    max_balance: str = "1000000"

    pusher_app_id: str | None = None
    pusher_key: str | None = None
    pusher_secret: SecretStr | None = None
    pusher_cluster: str | None = None
    pusher_host: str | None = None
    pusher_port: int | None = Field(default=None, ge=1, le=65_535)
    pusher_use_tls: bool = True

    allowed_origins: CommaSeparated = ()
    trusted_proxies: CommaSeparated = ()
    metrics_token: SecretStr | None = None
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    access_token_seconds: int = Field(default=900, ge=1, le=86_400)
    rate_limit_factor: float = Field(default=1, ge=0)
    graphql_profile: Literal["open", "hardened"] = "open"
    #: Where `up` keeps the mails it caught, for /dev/mail; unset in production.
    dev_mail_dir: Path | None = None

    @field_validator("allowed_origins", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("jwt_secret")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        secrets = [part.strip() for part in value.get_secret_value().split(",")]
        if any(len(secret.encode()) < MINIMUM_SECRET_BYTES for secret in secrets):
            raise ValueError(
                f"each of its comma-separated secrets takes {MINIMUM_SECRET_BYTES} bytes or more"
            )
        return value

    @field_validator("app_url")
    @classmethod
    def _absolute(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError("takes an absolute http:// or https:// address")
        return value.rstrip("/")

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for part in value:
            ip_network(part, strict=False)
        return value

    @field_validator("pusher_app_id")
    @classmethod
    def _numeric(cls, value: str | None) -> str | None:
        if value is not None and not (value.isascii() and value.isdigit()):
            raise ValueError("takes the numeric app id that the Channels dashboard shows")
        return value

    @model_validator(mode="after")
    def _pusher_is_whole(self) -> Settings:
        given = [self.pusher_app_id, self.pusher_key, self.pusher_secret]
        if any(given) and not all(given):
            raise ValueError(
                "PUSHER_APP_ID, PUSHER_KEY and PUSHER_SECRET are set together or not at all"
            )
        if self.pusher_app_id and not (self.pusher_cluster or self.pusher_host):
            raise ValueError("PUSHER_CLUSTER or PUSHER_HOST says which Channels server to use")
        return self

    @property
    def jwt_secrets(self) -> tuple[str, ...]:
        """The signing secret first, then those that still verify."""
        return tuple(part.strip() for part in self.jwt_secret.get_secret_value().split(","))

    @cached_property
    def proxy_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        return tuple(ip_network(part, strict=False) for part in self.trusted_proxies)

    @property
    def pusher_configured(self) -> bool:
        return self.pusher_app_id is not None

    @property
    def secure_cookies(self) -> bool:
        return self.app_url.startswith("https://")

    @property
    def app_is_local(self) -> bool:
        """Whether `APP_URL` leads to this machine alone."""
        return urlsplit(self.app_url).hostname in ("localhost", "127.0.0.1", "::1")


def load() -> Settings:
    """Read the environment once. Raises `SettingsError` with a sentence that names the variable."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0]).upper() if first["loc"] else "The environment"
        if first["type"] == "missing":
            raise SettingsError(f"{name} is not set: see .env.example for what it takes.") from None
        reason = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{name} is wrong: {reason}. See .env.example.") from None
