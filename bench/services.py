"""What is measured: PostgreSQL with durable writes, Valkey, and the processes of the wallet."""

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

#: Limits that no user reaches, although each request is counted.
NO_LIMIT_IS_MET = "100000"
#: fsync and synchronous commit stay on; memory and checkpoints as on a small dedicated server.
POSTGRES_OPTIONS = {
    # For pgbench with 128 clients, in addition to the pools of all servers.
    "max_connections": "400",
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "maintenance_work_mem": "512MB",
}


@dataclass(frozen=True)
class Services:
    """The addresses of the services, and the environment of the wallet's processes."""

    folder: Path
    server: postgres.Postgres
    memory: valkey.Valkey
    environment: dict[str, str]
    settings: Settings
    #: Of a second API process; tokens name the first as their issuer.
    port: int | None = None

    @property
    def database_url(self) -> str:
        return self.settings.database_url.get_secret_value()

    @property
    def issuer(self) -> str:
        return self.settings.app_url

    @property
    def url(self) -> str:
        """The address of the API process."""
        return self.issuer if self.port is None else f"http://127.0.0.1:{self.port}"

    @property
    def graphql_url(self) -> str:
        return f"{self.url}/graphql"

    @property
    def secret(self) -> str:
        return self.settings.jwt_secrets[0]

    def with_database(self, name: str, template: str = postgres.DATABASE) -> Services:
        """The same with a new database of that name, migrated and empty, or like another one."""
        with psycopg.connect(
            self.server.url_of(postgres.OWNER, "postgres"), autocommit=True
        ) as owner:
            owner.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(template)
                )
            )
        environment = {
            **self.environment,
            **_addresses(),
            "DATABASE_URL": self.server.url_of(postgres.OWNER, name),
        }
        return replace(self, environment=environment, settings=settings_of(environment))

    def beside(self, **variables: str) -> Services:
        """The same database and tokens for another API process, with these variables changed."""
        environment = {**self.environment, **variables}
        return replace(
            self,
            environment=environment,
            settings=settings_of(environment),
            port=processes.free_port(),
        )


@contextmanager
def running() -> Iterator[Services]:
    """Start the services in a temporary folder.

    Their database is migrated and stays empty: measurements use copies of it.
    """
    folder = Path(tempfile.mkdtemp(prefix="mini-wallet-bench-"))
    # PostgreSQL, which does not run as root, needs to traverse it.
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
        yield Services(folder, server, memory, environment, settings)
    finally:
        memory.stop()
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def environment_of(database_url: str, redis_url: str) -> dict[str, str]:
    """The environment of the processes: no rate limits, no mail, keys of their own."""
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
        "INSTANT_TOP_UPS": "true",
    }


def _addresses() -> dict[str, str]:
    return {"APP_URL": f"http://127.0.0.1:{processes.free_port()}"}


def settings_of(environment: dict[str, str]) -> Settings:
    """Settings from these variables alone, without the environment and `.env`."""
    values = {name.lower(): value for name, value in environment.items()}
    return Settings(_env_file=None, **values)  # type: ignore[arg-type]


@contextmanager
def api(services: Services, log: str = "api.log") -> Iterator[processes.Child]:
    """Run an API process; it is ready."""
    port = services.url.rpartition(":")[2]
    child = processes.spawn_python(
        "The API",
        ["-m", "app.cli", "serve", "--port", port],
        log=services.folder / log,
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
    """Run a relay."""
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
    """The peak resident memory of the process; None if it is unknown."""
    return _memory_kib(child, "VmHWM")


def memory_kib(child: processes.Child) -> int | None:
    """The resident memory of the process; None if it is unknown."""
    return _memory_kib(child, "VmRSS")


def _memory_kib(child: processes.Child, name: str) -> int | None:
    try:
        status = Path(f"/proc/{child.pid}/status").read_text()
    except OSError:
        return None
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return int(fields[name].split()[0])


def processor() -> str:
    """A short description of the machine."""
    cores = os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{cores} cores, {memory:.0f} GiB of memory"


def load() -> float:
    """The load average of the last minute."""
    return os.getloadavg()[0]
