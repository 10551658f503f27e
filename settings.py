"""Every environment variable that the service knows, typed and read once (mirrors .env.example)."""

from __future__ import annotations

import email.utils
import re
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from domain.ledger import money
from persistence.engine import addresses

ROOT = Path(__file__).resolve().parent
MINIMUM_SECRET_BYTES = 32

# A password may contain any character, also an @: the host follows the last one.
_SERVICE_URL = re.compile(
    r"(?P<scheme>[a-z+]+)://(?:.*@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s:/?#\[\]@]*)"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<path>/[^\s?#@]*)?(?P<query>\?[^\s#@]*)?"
)
_ORIGIN = re.compile(
    r"https?://(?:\[[0-9a-f:.]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?)(?::(?P<port>[0-9]{1,5}))?/?",
    re.IGNORECASE,
)
#: Apps with a web view have schemes of their own, such as capacitor://localhost.
_PAGE_ORIGIN = re.compile(
    r"(?!(?:about|blob|data|file|ftp|javascript|wss?):)[a-z][a-z0-9+.-]*://"
    r"(?:\[[0-9a-f:.]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?)(?::(?P<port>[0-9]{1,5}))?/?",
    re.IGNORECASE,
)
_SENDER = re.compile(r"[^\s@<>]+@[^\s@<>]+")
#: The default ports of services.
_PORTS = {
    "redis": 6379,
    "rediss": 6379,
    "smtp": 25,
    "smtp+starttls": 587,
    "smtps": 465,
    "http": 80,
    "https": 443,
}
_HOST = re.compile(r"[A-Za-z0-9_.-]+|\[?[0-9A-Fa-f:.]+\]?")

# Stripe rounds amounts in these, or gives them another number of decimals than ISO 4217.
_OTHERWISE_AT_STRIPE = frozenset("BHD CLF IQD ISK JOD KWD LYD MGA OMR TND UGX UYI UYW".split())

CommaSeparated = Annotated[tuple[str, ...], NoDecode]


class SettingsError(Exception):
    """A variable is missing or invalid; the message is a sentence that names it and says what to do."""


class Settings(BaseSettings):
    """The environment, then `.env`. Secrets are masked in a repr.

    `MAX_*` are in whole units of the currency ("10000" is ten thousand dollars), everything in
    `*_SECONDS` in seconds.
    """

    model_config = SettingsConfigDict(
        env_file=ROOT / ".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    database_url: SecretStr
    redis_url: SecretStr
    app_url: str = "http://localhost:8000"
    jwt_secret: SecretStr

    smtp_url: SecretStr
    mail_from: str

    wallet_currency: str = "USD"
    transfer_fee_basis_points: int = Field(default=0, ge=0, le=10_000)
    max_transfer: str = "10000"
    max_top_up: str = "10000"
    max_balance: str = "1000000"
    #: The most of one transaction that a single operator may reverse.
    reversal_approval_above: str = "1000"

    #: Where money of top-ups comes from; None is nowhere.
    top_up_provider: Literal["stripe"] | None = None
    stripe_api_key: SecretStr | None = None
    stripe_webhook_secret: SecretStr | None = None
    #: A server that is compatible with Stripe's; None is Stripe.
    stripe_api_base: str | None = None
    #: addBalance credits without a payment.
    instant_top_ups: bool = False

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
    rate_limit_factor: float = Field(default=1, ge=0, allow_inf_nan=False)
    #: Seals the ledger entries; without it the seals show damage, not forgery.
    audit_key: SecretStr | None = None
    #: Without it two, or one if the database is a cluster.
    settlement_batches: int | None = Field(default=None, ge=1, le=16)
    settlement_batch_commands: int = Field(default=200, ge=1, le=500)
    settlement_queue_commands: int = Field(default=1000, ge=1, le=100_000)
    #: Hosts to which webhooks may deliver although they are not public, also without TLS.
    webhook_allowed_hosts: CommaSeparated = ()
    #: A file in MaxMind's format with the places of addresses.
    geoip_database: Path | None = None
    graphql_profile: Literal["open", "hardened"] = "open"
    #: interpreted: every operation is executed by graphql-core itself.
    graphql_executor: Literal["compiled", "interpreted"] = "compiled"

    otel_exporter_otlp_endpoint: str | None = None
    otel_exporter_otlp_headers: SecretStr | None = None
    otel_service_name: str = "mini-wallet"

    @field_validator("otel_exporter_otlp_endpoint")
    @classmethod
    def _of_collector(cls, value: str | None) -> str | None:
        if value is not None and not re.match(r"https?://[^\s/]", value):
            raise ValueError(
                "it takes an http:// or https:// address such as http://localhost:4318"
            )
        return value

    @field_validator("allowed_origins", "trusted_proxies", "webhook_allowed_hosts", mode="before")
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

    @field_validator("audit_key")
    @classmethod
    def _long_enough_to_seal(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value().encode()) < MINIMUM_SECRET_BYTES:
            raise ValueError(f"it takes {MINIMUM_SECRET_BYTES} bytes or more")
        return value

    @field_validator("database_url")
    @classmethod
    def _of_postgresql(cls, value: SecretStr) -> SecretStr:
        addresses.parse(value.get_secret_value())
        return value

    @field_validator("redis_url")
    @classmethod
    def _of_redis(cls, value: SecretStr) -> SecretStr:
        parts = _service(value, {"redis", "rediss", "unix"})
        if parts is None:
            is_good = False
        elif parts["scheme"] == "unix":
            is_good = len(parts["path"] or "") > 1
        else:
            is_good = (
                parts["host"] != "" and re.fullmatch("/?[0-9]*", parts["path"] or "") is not None
            )
        if not is_good:
            raise ValueError("it takes an address such as redis://host:6379/0 or rediss://host")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _of_smtp(cls, value: SecretStr) -> SecretStr:
        parts = _service(value, {"smtp", "smtp+starttls", "smtps"})
        if parts is None or not parts["host"]:
            raise ValueError(
                "it takes smtp://host:25, smtp+starttls://user:password@host:587 or "
                "smtps://user:password@host:465"
            )
        return value

    @field_validator("mail_from")
    @classmethod
    def _sender(cls, value: str) -> str:
        if not value.isprintable() or not _SENDER.fullmatch(email.utils.parseaddr(value)[1]):
            raise ValueError("it takes an address such as Mini Wallet <wallet@example.org>")
        return value

    @field_validator("app_url")
    @classmethod
    def _absolute(cls, value: str) -> str:
        if not _is_origin(value):
            raise ValueError("it takes an http:// or https:// address without a path")
        return value.rstrip("/")

    @field_validator("stripe_api_base")
    @classmethod
    def _of_stripe(cls, value: str | None) -> str | None:
        if value is not None and not _is_origin(value):
            raise ValueError("it takes an http:// or https:// address without a path")
        return None if value is None else value.rstrip("/")

    @field_validator("allowed_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if not _is_origin(origin, _PAGE_ORIGIN):
                raise ValueError(
                    "it takes origins of pages without a path, such as https://wallet.example.org, "
                    f"http://localhost:3000 or capacitor://localhost, and not {origin[:100]!r}"
                )
        return value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

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
            raise ValueError("it takes the numeric app id that the Channels dashboard shows")
        return value

    @field_validator("webhook_allowed_hosts")
    @classmethod
    def _hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for host in value:
            if not _HOST.fullmatch(host) or (":" in host and not _is_address(host)):
                raise ValueError("it takes host names and addresses, without schemes and ports")
        return value

    @field_validator("pusher_host", "pusher_cluster")
    @classmethod
    def _name(cls, value: str | None) -> str | None:
        if value is not None and not _HOST.fullmatch(value):
            raise ValueError("it takes a name alone, without a scheme, port or path")
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

    @model_validator(mode="after")
    def _top_ups_have_one_source(self) -> Settings:
        if self.top_up_provider is None:
            return self
        if self.instant_top_ups:
            raise ValueError(
                "INSTANT_TOP_UPS gives money away and TOP_UP_PROVIDER collects it: set one of them"
            )
        if self.stripe_api_key is None or self.stripe_webhook_secret is None:
            raise ValueError(
                "TOP_UP_PROVIDER=stripe needs STRIPE_API_KEY and STRIPE_WEBHOOK_SECRET"
            )
        if self.wallet_currency in _OTHERWISE_AT_STRIPE:
            raise ValueError(
                f"TOP_UP_PROVIDER=stripe cannot be used with WALLET_CURRENCY={self.wallet_currency}, "
                "whose amounts Stripe writes with other decimals"
            )
        return self

    @model_validator(mode="after")
    def _money_has_limits(self) -> Settings:
        self.read_limits()
        assert self.reversal_approval_above_minor >= 0
        return self

    def read_limits(self) -> money.Limits:
        """What this service allows, in minor units. Raises ValueError that names the variable."""
        return money.limits(
            self.wallet_currency,
            maximum_transfer=self.max_transfer,
            maximum_top_up=self.max_top_up,
            maximum_balance=self.max_balance,
            fee_basis_points=self.transfer_fee_basis_points,
        )

    @cached_property
    def reversal_approval_above_minor(self) -> int:
        """`REVERSAL_APPROVAL_ABOVE` in minor units; 0 has every reversal approved."""
        return money.setting_minor(
            "REVERSAL_APPROVAL_ABOVE",
            self.reversal_approval_above,
            self.read_limits().currency,
            minimum_minor=0,
        )

    @property
    def jwt_secrets(self) -> tuple[str, ...]:
        """The signing secret first, then those that still verify."""
        return tuple(part.strip() for part in self.jwt_secret.get_secret_value().split(","))

    @property
    def sealing_key(self) -> bytes:
        """`AUDIT_KEY` as bytes; empty if it is not set."""
        return b"" if self.audit_key is None else self.audit_key.get_secret_value().encode()

    @cached_property
    def proxy_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        return tuple(ip_network(part, strict=False) for part in self.trusted_proxies)

    @property
    def own_addresses(self) -> list[tuple[str, int]]:
        """Host and port of each service that these settings name, and of the API itself."""
        servers = addresses.parse(self.database_url.get_secret_value()).servers
        found = [(server.host, server.port) for server in servers if server.host[0] != "/"]
        for address in (self.redis_url, self.smtp_url, SecretStr(self.app_url)):
            parts = _service(address, set(_PORTS))
            if parts is not None and parts["host"]:
                found.append((parts["host"], int(parts["port"] or _PORTS[parts["scheme"]])))
        if self.pusher_host is not None:
            usual = 443 if self.pusher_use_tls else 80
            found.append((self.pusher_host, self.pusher_port or usual))
        return found

    @property
    def pusher_configured(self) -> bool:
        return self.pusher_app_id is not None

    @property
    def secure_cookies(self) -> bool:
        return self.app_url.startswith("https://")

    @property
    def app_is_local(self) -> bool:
        """Whether `APP_URL` is an address of this machine only."""
        return urlsplit(self.app_url).hostname in ("localhost", "127.0.0.1", "::1")


def load() -> Settings:
    """Read the environment once. Raises `SettingsError` with a sentence that names the variable."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        reason = first["msg"].removeprefix("Value error, ").removesuffix(".")
        if not first["loc"]:
            # An error about several variables names them itself.
            raise SettingsError(f"{reason}; see .env.example.") from None
        name = str(first["loc"][0]).upper()
        if first["type"] == "missing":
            raise SettingsError(f"{name} is not set: see .env.example for what it takes.") from None
        reason = reason[:1].lower() + reason[1:]
        raise SettingsError(f"{name} is wrong: {reason}; see .env.example.") from None


def _service(url: SecretStr, schemes: set[str]) -> re.Match[str] | None:
    """The parts of a service's address; None for one that is malformed or of another scheme."""
    parts = _SERVICE_URL.fullmatch(url.get_secret_value())
    if parts is None or parts["scheme"] not in schemes or not _is_port(parts["port"]):
        return None
    return parts


def _is_origin(text: str, pattern: re.Pattern[str] = _ORIGIN) -> bool:
    parts = pattern.fullmatch(text)
    return parts is not None and _is_port(parts["port"])


def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _is_port(digits: str | None) -> bool:
    return digits is None or 1 <= int(digits) <= 65_535
