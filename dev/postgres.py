"""An embedded PostgreSQL: `initdb` once, then the server as a direct child of this process."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

from dev import postgres_binaries, processes, unprivileged
from dev.processes import Child, ServiceError

SUPERUSER = "postgres"
OWNER = "wallet"
DATABASE = "wallet"
SOCKETS = "mini-wallet-sockets-"
#: Crash recovery replays at most the WAL since the last checkpoint, which takes long on a slow disk.
PATIENCE_SECONDS = 300
LOCALE = [
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    "--lc-ctype=C.UTF-8",
]
FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    # Autovacuum workers run as superuser: while one processes a database, the owner cannot drop it.
    "autovacuum": "off",
    # The password is generated and cannot be guessed: fewer iterations save 3 ms per connection.
    "scram_iterations": "1",
}


class Postgres:
    """One server on `data`, reached through TCP on loopback and a socket in a private folder.

    The role `wallet`, with `password`, is not a superuser: it owns the database `wallet`, and may create others
    where it `creates_databases`. Only this process needs `superuser_password`. With `fast`, for tests, a crash of the machine may lose everything, and `kill()` the last commits:
    a test that asks for what was committed before a kill needs it off. Give `port` to have it at
    the same address again after `stop()` or `kill()` in a new object; the same object keeps its
    port.
    """

    def __init__(
        self,
        data: Path,
        *,
        password: str,
        superuser_password: str,
        log: Path,
        port: int | None = None,
        fast: bool = False,
        creates_databases: bool = False,
        options: dict[str, str] | None = None,
    ) -> None:
        self.data = data
        self.log = log
        self.port = port or 0
        self._passwords = {OWNER: password, SUPERUSER: superuser_password}
        self._creates_databases = creates_databases
        self._fast = fast
        self._options = options or {}
        self._child: Child | None = None
        self._identity = unprivileged.identity_for(data)
        self._binaries = postgres_binaries.find(self._identity)
        self._sockets: Path | None = None

    @property
    def url(self) -> str:
        """For the application: the role that owns the database and is not a superuser."""
        return self.url_of(OWNER)

    @property
    def admin_url(self) -> str:
        """For the superuser, on the same database."""
        return self.url_of(SUPERUSER)

    def url_of(self, role: str, database: str = DATABASE) -> str:
        password = quote(self._passwords[role], safe="")
        return f"postgresql://{role}:{password}@127.0.0.1:{self.port}/{database}"

    @property
    def socket_folder(self) -> Path:
        assert self._sockets is not None, "the server was not started"
        return self._sockets

    @property
    def programs(self) -> Path:
        """The folder of the client programs, such as `psql` and `pgbench`."""
        return self._binaries.folder

    @property
    def child(self) -> Child:
        assert self._child is not None, "the server was not started"
        return self._child

    def start(self) -> None:
        """Start, and wait until it accepts queries. Raises `ServiceError`."""
        self.begin()
        self.finish()

    def initialise(self) -> None:
        """Create the data folder if it is missing. Raises `ServiceError`."""
        if self._sockets is None:
            self._sockets = unprivileged.private_folder(self._identity, SOCKETS)
        if not (self.data / "PG_VERSION").exists():
            self._create()

    def begin(self) -> None:
        """Create the data folder if it is missing, and start the server without waiting for it."""
        self.initialise()
        self._check_version()
        self._end_leftovers()
        self._spawn()

    def finish(self) -> None:
        """Wait until the server that `begin` started accepts queries; a standby has the roles of its primary."""
        self._wait()
        if not (self.data / "standby.signal").exists():
            self._ensure_roles()

    def stop(self) -> None:
        """Fast shutdown (sessions end, all data is flushed), then an immediate one if it takes too long."""
        if self._child is not None:
            self._child.ask_to_stop()
            if not self._child.wait(20):
                self._child.signal(signal.SIGQUIT)
                self._child.wait(5)
            self._child.kill()
        if self._sockets is not None:
            shutil.rmtree(self._sockets, ignore_errors=True)
            self._sockets = None

    def kill(self) -> None:
        """Kill the postmaster with SIGKILL, for tests of recovery."""
        self.child.signal(signal.SIGKILL)
        self.child.wait(10)

    def signal_all(self, number: signal.Signals) -> None:
        """Send a signal to the server and all of its processes: suspended, they hang as with their disk."""
        server = self.child.pid
        for pid in [server, *processes.children_of(server)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def connect(self, role: str = SUPERUSER, database: str = DATABASE) -> psycopg.Connection:
        """A connection in autocommit, for what a supervisor or a test must do."""
        return psycopg.connect(self.url_of(role, database), autocommit=True)

    def facts(self) -> dict[str, str]:
        """The identifier of the cluster, and the revision of its tables if any."""
        with self.connect() as connection:
            identifier = connection.execute("SELECT system_identifier FROM pg_control_system()")
            facts = {"cluster": str((identifier.fetchone() or [""])[0])}
            known = connection.execute("SELECT to_regclass('public.alembic_version')").fetchone()
            if known and known[0]:
                revision = connection.execute(
                    "SELECT version_num FROM public.alembic_version"
                ).fetchone()
                facts["revision"] = revision[0] if revision else ""
        return facts

    def _create(self) -> None:
        making = self.new_folder(self.data.with_name(self.data.name + ".making"))
        assert self._sockets is not None
        password_file = self._sockets / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(self._passwords[SUPERUSER])
        unprivileged.give(password_file, self._identity)
        command: list[str | Path] = [
            "initdb",
            *["-D", str(making), "-E", "UTF8", *LOCALE],
            *["-U", SUPERUSER, "-A", "scram-sha-256", f"--pwfile={password_file}"],
            *(["--no-sync"] if self._fast else []),
        ]
        try:
            self._run(command)
        finally:
            password_file.unlink()
        if self.data.exists():
            self.data.rmdir()
        making.rename(self.data)

    def run(self, program: str, *arguments: str | Path) -> None:
        """Run a program of PostgreSQL as the server's user and to its end, with the superuser's password.

        Raises `ServiceError`.
        """
        self._run([program, *arguments], {"PGPASSWORD": self._passwords[SUPERUSER]})

    def new_folder(self, folder: Path) -> Path:
        """An empty folder of the server's user."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        unprivileged.give(folder, self._identity)
        return folder

    def another(self, data: Path, **changed: Any) -> Postgres:
        """The same server with other data, on another port: for a copy of this one."""
        known = {
            "password": self._passwords[OWNER],
            "superuser_password": self._passwords[SUPERUSER],
            "log": self.log,
            "fast": self._fast,
            "options": self._options,
        }
        return Postgres(data, **{**known, **changed})

    def _run(self, command: list[str | Path], env: dict[str, str] | None = None) -> None:
        name = str(command[0])
        child = processes.spawn(
            name,
            [self._binaries.program(name), *command[1:]],
            log=self.log,
            cwd=Path("/"),
            identity=self._identity,
            env={**processes.minimal_environment(), **(env or {})},
        )
        finished = child.wait(120)
        child.kill()
        if not finished or child.exit_status != 0:
            raise ServiceError(
                f"PostgreSQL's {name} failed: see {self.log}, which says last:\n{child.log_tail()}"
            )

    def _check_version(self) -> None:
        major = (self.data / "PG_VERSION").read_text().strip()
        if major != str(self._binaries.major):
            raise ServiceError(
                f"{self.data} was created by PostgreSQL {major}, and this is "
                f"{self._binaries.major}: choose another --data, or upgrade it with pg_upgrade."
            )

    def _spawn(self) -> None:
        self.port = self.port or processes.free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self._sockets),
            "max_connections": "200",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_line_prefix": "%m [%p] %d ",
            "log_min_messages": "warning",
            "log_checkpoints": "off",
            **(FAST if self._fast else {}),
            **self._options,
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._child = processes.spawn(
            "PostgreSQL",
            [self._binaries.program("postgres"), "-D", self.data, *options],
            log=self.log,
            cwd=Path("/"),
            identity=self._identity,
            stop_signal=signal.SIGINT,
            # Fast, and it ends the server's children too.
            death_signal=signal.SIGQUIT,
        )

    def _wait(self) -> None:
        def ready() -> bool:
            # While it restores a backup, it already accepts reads.
            if (self.data / "recovery.signal").exists():
                return False
            with contextlib.suppress(OSError):
                lines = (self.data / "postmaster.pid").read_text().splitlines()
                return len(lines) > 7 and lines[0] == str(self.child.pid) and "ready" in lines[7]
            return False

        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                processes.wait_until(ready, self.child, PATIENCE_SECONDS, "PostgreSQL")
            except ServiceError:
                # The backends of a killed server end by themselves, but not immediately.
                tail = self.child.log_tail(4)
                if "is still in use" not in tail or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
                self._spawn()
            else:
                return

    def _end_leftovers(self) -> None:
        """Stop a server on this data that outlived its supervisor, or remove its stale lock file.

        The caller has exclusive use of the data, so that any server still running on it may be stopped. A number
        that another program has by now would keep the server from starting.
        """
        lock = self.data / "postmaster.pid"
        try:
            lines = lock.read_text().splitlines()
            pid = int(lines[0])
        except (OSError, ValueError, IndexError):
            return
        self._remove_sockets(lines)
        if not self._is_served_by(pid):
            lock.unlink(missing_ok=True)
            return
        for number, patience_seconds in ((signal.SIGINT, 20), (signal.SIGQUIT, 10)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            deadline = time.monotonic() + patience_seconds
            while self._is_served_by(pid) and time.monotonic() < deadline:
                time.sleep(processes.POLL_SECONDS)

    def _remove_sockets(self, lines: list[str]) -> None:
        """Remove the private folder of a server that was killed; its lock file names it."""
        folder = Path(lines[4]) if len(lines) > 4 else Path()
        if folder.name.startswith(SOCKETS) and folder.is_dir() and folder != self._sockets:
            shutil.rmtree(folder, ignore_errors=True)

    def _is_served_by(self, pid: int) -> bool:
        return str(self.data) in processes.command_line(pid)

    def _ensure_roles(self) -> None:
        try:
            with self._connect_as_superuser() as connection:
                self._ensure_role(connection)
                self._ensure_database(connection)
        except psycopg.OperationalError as error:
            raise ServiceError(
                f"The embedded PostgreSQL refused its own supervisor ({error}): if the secrets "
                f"beside {self.data} were lost, its data can no longer be opened."
            ) from None

    def _connect_as_superuser(self) -> psycopg.Connection:
        try:
            return self.connect(database="postgres")
        except psycopg.OperationalError:
            # Data created before the superuser had a password: set one.
            url = self.url_of(OWNER, "postgres").replace(f"//{OWNER}:", f"//{SUPERUSER}:", 1)
            connection = psycopg.connect(url, autocommit=True)
            self._set_password(connection, SUPERUSER)
            return connection

    def _ensure_role(self, connection: psycopg.Connection) -> None:
        has = "SELECT 1 FROM pg_roles WHERE rolname = %s"
        owner = sql.Identifier(OWNER)
        if not connection.execute(has, [OWNER]).fetchone():
            connection.execute(sql.SQL("CREATE ROLE {}").format(owner))
            self._set_password(connection, OWNER)
        connection.execute(
            sql.SQL(
                "ALTER ROLE {} LOGIN NOSUPERUSER {} NOCREATEROLE NOREPLICATION NOBYPASSRLS"
            ).format(owner, sql.SQL("CREATEDB" if self._creates_databases else "NOCREATEDB"))
        )

    def _ensure_database(self, connection: psycopg.Connection) -> None:
        has = "SELECT 1 FROM pg_database WHERE datname = %s"
        if not connection.execute(has, [DATABASE]).fetchone():
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(
                    sql.Identifier(DATABASE), sql.Identifier(OWNER)
                )
            )

    def _set_password(self, connection: psycopg.Connection, role: str) -> None:
        """The password is hashed here, so that it does not appear in the server's log."""
        hashed = connection.pgconn.encrypt_password(
            self._passwords[role].encode(), role.encode(), b"scram-sha-256"
        )
        connection.execute(
            sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                sql.Identifier(role), sql.Literal(hashed.decode())
            )
        )
