"""PgBouncer in transaction mode between the wallet and PostgreSQL."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

from dev import postgres, processes, unprivileged
from dev.processes import Child, ServiceError

HOST = "127.0.0.1"
POOL = 20
CLIENTS = 200


class PgBouncer:
    """A pooler on loopback; it keeps its port across `kill()` and `start()`."""

    def __init__(
        self, folder: Path, server: postgres.Postgres, password: str, *, log: Path
    ) -> None:
        self.port = processes.free_port()
        self.log = log
        self._folder = folder
        self._server = server
        self._password = password
        self._program = find()
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """The database URL for the wallet, with the role that owns the database."""
        return (
            f"postgresql://{postgres.OWNER}:{quote(self._password)}@{HOST}:{self.port}/"
            f"{postgres.DATABASE}"
        )

    @property
    def child(self) -> Child:
        assert self._child is not None, "the pooler was not started"
        return self._child

    def start(self) -> None:
        """Start it and wait until it accepts connections. Raises `ServiceError`."""
        folder = self._write_configuration()
        self._child = processes.spawn(
            "PgBouncer",
            [self._program, folder / "pgbouncer.ini"],
            log=self.log,
            cwd=Path("/"),
            # Like PostgreSQL, it refuses to run as root.
            identity=unprivileged.identity_for(self._server.data),
        )
        processes.wait_until(
            lambda: processes.accepts_connections(HOST, self.port), self._child, 30, "PgBouncer"
        )

    def stop(self) -> None:
        if self._child is not None:
            self._child.stop(5)

    def kill(self) -> None:
        """kill -9: all connections through it are lost."""
        self.child.kill()

    def _write_configuration(self) -> Path:
        folder = self._folder / "pgbouncer"
        folder.mkdir(mode=0o700, exist_ok=True)
        files = {
            # In plain text, because PgBouncer itself authenticates to the server with it.
            "users.txt": f'"{postgres.OWNER}" "{self._password}"\n',
            "pgbouncer.ini": self._configuration(folder),
        }
        identity = unprivileged.identity_for(self._server.data)
        for name, text in files.items():
            (folder / name).write_text(text)
            unprivileged.give(folder / name, identity)
        unprivileged.give(folder, identity)
        return folder

    def _configuration(self, folder: Path) -> str:
        return f"""
[databases]
{postgres.DATABASE} = host={HOST} port={self._server.port} dbname={postgres.DATABASE}
[pgbouncer]
listen_addr = {HOST}
listen_port = {self.port}
unix_socket_dir =
auth_type = plain
auth_file = {folder / "users.txt"}
pool_mode = transaction
default_pool_size = {POOL}
max_client_conn = {CLIENTS}
query_wait_timeout = 10
server_login_retry = 1
"""


def find() -> Path:
    """The program; installed first on Debian as root. Raises `ServiceError`."""
    if (found := _on_path()) is None and shutil.which("apt-get") and os.geteuid() == 0:
        for command in (["update", "-qq"], ["install", "-y", "-q", "pgbouncer"]):
            subprocess.run(  # noqa: S603
                ["apt-get", *command],  # noqa: S607
                stdout=sys.stderr,
                check=False,
                timeout=300,
            )
        found = _on_path()
    if found is None:
        raise ServiceError("PgBouncer was not found: install it (apt-get install pgbouncer).")
    return found


def _on_path() -> Path | None:
    found = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin:/usr/local/sbin")
    return Path(found) if found else None
