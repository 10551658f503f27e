"""Decides which services are embedded, and builds the environment that configures all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import settings
from dev import channels, mail_catcher, postgres, processes, unprivileged, valkey
from dev.processes import ServiceError
from dev.stripe import emulator
from dev.up import folder as folders
from dev.up.folder import Secrets

MAIL_FROM = "Mini Wallet <wallet@demo.app>"
PUSHER_CREDENTIALS = {"PUSHER_APP_ID", "PUSHER_KEY", "PUSHER_SECRET"}

PROVIDER_PORT = "stripe-port"

Service = (
    postgres.Postgres
    | valkey.Valkey
    | channels.Channels
    | mail_catcher.MailCatcher
    | emulator.StripeEmulator
)


@dataclass(frozen=True)
class Chosen:
    """The services to start, PostgreSQL last, and the variables for the processes."""

    services: list[Service]
    environment: dict[str, str]
    #: The folder of the embedded mail catcher; None if mails are really sent.
    mails: Path | None = None
    #: The dashboard of the embedded payment provider; empty if there is none.
    payments: str = ""

    @property
    def postgres(self) -> postgres.Postgres | None:
        """The embedded one, if there is one."""
        return next((each for each in self.services if isinstance(each, postgres.Postgres)), None)


def choose(
    folder: Path,
    secrets: Secrets,
    *,
    app_url: str,
    given: Mapping[str, str],
    note: Callable[[str], None],
) -> Chosen:
    """Embed the services that `given` does not configure. Raises `ServiceError` if one is unavailable."""
    services: list[Service] = []
    environment = {
        "APP_URL": app_url,
        "JWT_SECRET": secrets.jwt_secret,
        "MAIL_FROM": MAIL_FROM,
        "METRICS_TOKEN": secrets.metrics_token,
        # For receivers of webhooks on this machine.
        "WEBHOOK_ALLOWED_HOSTS": "127.0.0.1",
    }
    if "TOP_UP_PROVIDER" not in given:
        environment["INSTANT_TOP_UPS"] = "true"
    mails: Path | None = None
    if "REDIS_URL" not in given:
        memory = valkey.Valkey(
            password=secrets.valkey_password, log=log_of(folder, "valkey"), port=_port()
        )
        services.append(memory)
        environment["REDIS_URL"] = memory.url
    if "SMTP_URL" not in given:
        mails = folder / "mail"
        catcher = mail_catcher.MailCatcher(folder=mails, log=log_of(folder, "mail"), port=_port())
        services.append(catcher)
        environment["SMTP_URL"] = catcher.url
    if not PUSHER_CREDENTIALS & given.keys():
        hub = channels.Channels(
            app_id=secrets.pusher_app_id,
            key=secrets.pusher_key,
            secret=secrets.pusher_secret,
            log=log_of(folder, "channels"),
            port=_port(),
        )
        services.append(hub)
        # Without credentials, the host of the real service is useless.
        given = {name: value for name, value in given.items() if not name.startswith("PUSHER_")}
        environment |= {**hub.environment, "PUSHER_CLUSTER": ""}
    payments = ""
    if given.get("TOP_UP_PROVIDER") == "stripe" and "STRIPE_API_KEY" not in given:
        provider = _provider(folder, secrets, app_url)
        services.append(provider)
        payments = provider.dashboard
        given = {name: value for name, value in given.items() if not name.startswith("STRIPE_")}
        environment |= provider.environment
    if "DATABASE_URL" not in given:
        server = _postgres(folder, secrets, note)
        # Last: the others start while its data is initialized, and it stops after them.
        services.append(server)
        environment["DATABASE_URL"] = server.url
        # The key belongs to the ledgers: those of another database are sealed with that service's key.
        environment["AUDIT_KEY"] = secrets.audit_key
    return Chosen(services, {**environment, **given}, mails, payments)


def log_of(folder: Path, name: str) -> Path:
    return folder / "logs" / f"{name}.log"


def end_leftovers(told: Iterable[tuple[int, str]]) -> None:
    """End processes that an earlier `up` has left running, if their ids still belong to them.

    On Linux the kernel ends them when `up` is killed; elsewhere they continue.
    """
    for pid, command in told:
        if command and processes.command_line(pid) == command:
            processes.end(pid)


def _port() -> int:
    return processes.free_port()


def _provider(folder: Path, secrets: Secrets, app_url: str) -> emulator.StripeEmulator:
    """The embedded payment provider, at an address that stays: payment pages are known by it."""
    host = urlsplit(app_url).hostname or emulator.HOST
    host = emulator.HOST if host == "localhost" else host
    kept = folder / PROVIDER_PORT
    port = int(kept.read_text()) if kept.exists() else 0
    if not port or not processes.port_is_free(host, port):
        port = processes.free_port(host)
        folders.write_private(kept, str(port))
    return emulator.StripeEmulator(
        file=folder / "stripe.sqlite",
        log=log_of(folder, "stripe"),
        api_key=secrets.stripe_api_key,
        webhook_secret=secrets.stripe_webhook_secret,
        endpoint=app_url + emulator.WEBHOOK_PATH,
        host=host,
        port=port,
    )


def _postgres(folder: Path, secrets: Secrets, note: Callable[[str], None]) -> postgres.Postgres:
    data = folder / "postgres"
    identity = unprivileged.identity_for(data)
    if not unprivileged.can_pass(folder, identity):
        assert identity is not None, "this process has just created this folder or locked it"
        try:
            place = unprivileged.make_passable(unprivileged.SYSTEM_FOLDER / secrets.installation)
        except OSError as error:
            raise ServiceError(
                f"{unprivileged.SYSTEM_FOLDER} cannot be created ({error.strerror}), and PostgreSQL's "
                f"user {identity.name} cannot access {folder}: choose another --data."
            ) from None
        data = place / "postgres"
        note(
            f"PostgreSQL refuses to run as root, and the user {identity.name} cannot access {folder}: "
            f"its data is in {data}."
        )
    server = postgres.Postgres(
        data,
        password=secrets.database_password,
        superuser_password=secrets.superuser_password,
        log=log_of(folder, "postgres"),
        port=_port(),
    )
    if unprivileged.SYSTEM_FOLDER in server.programs.parents:
        note(
            f"That user cannot access {settings.ROOT} either: PostgreSQL's programs were copied to "
            f"{server.programs}."
        )
    return server
