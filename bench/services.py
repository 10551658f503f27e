"""What is measured: a PostgreSQL that really writes, a Valkey, and one API process."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app import operations
from app.dev_services import postgres, processes, valkey
from settings import Settings

#: fsync and synchronous commit stay on; memory and checkpoints as on a small server of its own.
POSTGRES_OPTIONS = {
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

    @property
    def database_url(self) -> str:
        return self.server.url

    @property
    def issuer(self) -> str:
        return self.settings.app_url

    @property
    def secret(self) -> str:
        return self.settings.jwt_secrets[0]


@contextmanager
def running() -> Iterator[Services]:
    """Start the services on a migrated, empty database in a folder that is removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="mini-wallet-bench-"))
    # PostgreSQL, which is not root, passes through.
    folder.chmod(0o711)
    server = postgres.Postgres(
        folder / "postgres",
        password=secrets.token_hex(12),
        log=folder / "postgres.log",
        options=POSTGRES_OPTIONS,
    )
    memory = valkey.Valkey(password=secrets.token_hex(12), log=folder / "valkey.log")
    try:
        server.start()
        memory.start()
        environment = _environment(server.url, memory.url)
        settings = settings_of(environment)
        if operations.migrate(settings) != 0:
            raise processes.ServiceError("The benchmark's database could not be migrated.")
        yield Services(folder, server, environment, settings)
    finally:
        memory.stop()
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _environment(database_url: str, redis_url: str) -> dict[str, str]:
    port = processes.free_port()
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "APP_URL": f"http://127.0.0.1:{port}",
        "JWT_SECRET": secrets.token_urlsafe(48),
        "SMTP_URL": "smtp://127.0.0.1:9",
        "MAIL_FROM": "Mini Wallet <wallet@bench.example>",
        "RATE_LIMIT_FACTOR": "0",
        "LOG_LEVEL": "WARNING",
    }


def settings_of(environment: dict[str, str]) -> Settings:
    """Settings of just these variables, whatever else the environment and `.env` say."""
    values = {name.lower(): value for name, value in environment.items()}
    return Settings(_env_file=None, **values)  # type: ignore[arg-type]


@contextmanager
def api(services: Services) -> Iterator[processes.Child]:
    """One API process, ready."""
    port = services.issuer.rpartition(":")[2]
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


def memory_mib(child: processes.Child) -> float | None:
    """The most resident memory that the process has had; None where nothing tells."""
    try:
        status = Path(f"/proc/{child.pid}/status").read_text()
    except OSError:
        return None
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    return int(fields["VmHWM"].split()[0]) / 1024


def processor() -> str:
    """The machine in a few words."""
    cores = os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{cores} cores, {memory:.0f} GiB of memory"


def load() -> float:
    """The load average of the last minute: what others do on this machine."""
    return os.getloadavg()[0]
