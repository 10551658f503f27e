"""What is measured: a PostgreSQL that really writes, a Valkey, and the processes of the wallet."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
from psycopg import sql

from app.commands import migrate
from dev import postgres, processes, valkey
from settings import Settings

#: fsync and synchronous commit stay on; memory and checkpoints as on a small server of its own.
POSTGRES_OPTIONS = {
    # For pgbench at 128 clients, beside the pools of all servers.
    "max_connections": "400",
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "maintenance_work_mem": "512MB",
}


@dataclass(frozen=True)
class Services:
    """Where the services are, and what the processes of the wallet are told."""

    folder: Path
    server: postgres.Postgres
    environment: dict[str, str]
    settings: Settings
    #: Of an API process beside the first, which is where the issuer of tokens says.
    port: int | None = None

    @property
    def database_url(self) -> str:
        return self.settings.database_url.get_secret_value()

    @property
    def issuer(self) -> str:
        return self.settings.app_url

    @property
    def url(self) -> str:
        """Where the API process answers."""
        return self.issuer if self.port is None else f"http://127.0.0.1:{self.port}"

    @property
    def graphql_url(self) -> str:
        return f"{self.url}/graphql"

    @property
    def secret(self) -> str:
        return self.settings.jwt_secrets[0]

    def with_database(self, name: str) -> Services:
        """The same on a database of that name, migrated and empty, that is made now."""
        with psycopg.connect(
            self.server.url_of(postgres.OWNER, "postgres"), autocommit=True
        ) as owner:
            owner.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(postgres.DATABASE)
                )
            )
        environment = {
            **self.environment,
            **_addresses(),
            "DATABASE_URL": self.server.url_of(postgres.OWNER, name),
        }
        return replace(self, environment=environment, settings=settings_of(environment))

    def beside(self, **variables: str) -> Services:
        """The same database and tokens for one more API process, with these variables otherwise."""
        environment = {**self.environment, **variables}
        return replace(
            self,
            environment=environment,
            settings=settings_of(environment),
            port=processes.free_port(),
        )


@contextmanager
def running() -> Iterator[Services]:
    """Start the services in a folder that is removed afterwards.

    Their database is migrated and stays empty: what is measured is measured on copies of it.
    """
    folder = Path(tempfile.mkdtemp(prefix="mini-wallet-bench-"))
    # PostgreSQL, which is not root, passes through.
    folder.chmod(0o711)
    server = postgres.Postgres(
        folder / "postgres",
        password=secrets.token_hex(12),
        superuser_password=secrets.token_hex(12),
        log=folder / "postgres.log",
        creates_databases=True,
        options=POSTGRES_OPTIONS,
    )
    memory = valkey.Valkey(password=secrets.token_hex(12), log=folder / "valkey.log")
    try:
        server.start()
        memory.start()
        environment = environment_of(server.url, memory.url)
        settings = settings_of(environment)
        if migrate.migrate(settings) != 0:
            raise processes.ServiceError("The benchmark's database could not be migrated.")
        yield Services(folder, server, environment, settings)
    finally:
        memory.stop()
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def environment_of(database_url: str, redis_url: str) -> dict[str, str]:
    """What the processes are told: no rate limit, no mail, keys of their own."""
    return {
        **_addresses(),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "JWT_SECRET": secrets.token_urlsafe(48),
        "AUDIT_KEY": secrets.token_urlsafe(48),
        "SMTP_URL": "smtp://127.0.0.1:9",
        "MAIL_FROM": "Mini Wallet <wallet@bench.example>",
        "RATE_LIMIT_FACTOR": "0",
        "LOG_LEVEL": "WARNING",
    }


def _addresses() -> dict[str, str]:
    return {"APP_URL": f"http://127.0.0.1:{processes.free_port()}"}


def settings_of(environment: dict[str, str]) -> Settings:
    """Settings of just these variables, whatever else the environment and `.env` say."""
    values = {name.lower(): value for name, value in environment.items()}
    return Settings(_env_file=None, **values)  # type: ignore[arg-type]


@contextmanager
def api(services: Services) -> Iterator[processes.Child]:
    """One API process, ready."""
    port = services.url.rpartition(":")[2]
    child = processes.spawn_python(
        "The API",
        ["-m", "app.cli", "serve", "--port", port],
        log=services.folder / "api.log",
        env=services.environment,
    )
    try:
        processes.wait_until(
            lambda: processes.accepts_connections("127.0.0.1", int(port)), child, 60, "The API"
        )
        yield child
    finally:
        child.stop()


@contextmanager
def relay(services: Services) -> Iterator[processes.Child]:
    """One relay."""
    child = processes.spawn_python(
        "The relay",
        ["-m", "app.cli", "relay"],
        log=services.folder / "relay.log",
        env=services.environment,
    )
    try:
        yield child
    finally:
        child.stop()


def peak_memory_kib(child: processes.Child) -> int | None:
    """The most resident memory that the process has had; None where nothing tells."""
    return _memory_kib(child, "VmHWM")


def memory_kib(child: processes.Child) -> int | None:
    """The resident memory of the process; None where nothing tells."""
    return _memory_kib(child, "VmRSS")


def _memory_kib(child: processes.Child, name: str) -> int | None:
    try:
        status = Path(f"/proc/{child.pid}/status").read_text()
    except OSError:
        return None
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return int(fields[name].split()[0])


def processor() -> str:
    """The machine in a few words."""
    cores = os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{cores} cores, {memory:.0f} GiB of memory"


def load() -> float:
    """The load average of the last minute: what others do on this machine."""
    return os.getloadavg()[0]
