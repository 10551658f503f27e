"""The whole wallet in a folder of its own: services, two processes of each kind, and ways to break them."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.commands import migrate
from dev import channels, mail_catcher, postgres, processes, replication, valkey
from dev.processes import ROOT, Child, ServiceError
from dev.stripe import emulator
from dev.stripe.emulator import StripeEmulator
from settings import Settings
from torture import logs
from torture.existing import ExistingPostgres
from torture.logs import ServerLogs
from torture.operators import APPROVAL_ABOVE
from torture.pooler import PgBouncer

HOST = "127.0.0.1"
READY_SECONDS = 120
APIS, RELAYS, WORKERS = 2, 2, 2
#: Top-ups are paid at the provider only through these; the other API processes add balance as asked.
CHECKOUTS = 1
#: Few enough to be used up quickly; the wallet's processes use fewer.
MAXIMUM_CONNECTIONS = 120
#: Durable writes as in production; memory as on a small server.
POSTGRES_OPTIONS = {
    "max_connections": str(MAXIMUM_CONNECTIONS),
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "log_lock_waits": "off",
}


@dataclass(frozen=True)
class Choices:
    """Options of the stack."""

    pgbouncer: bool = False
    #: A synchronous standby, which takes over now and then.
    standby: bool = False
    #: Of a database that runs already, into which the run injects no faults.
    database_url: str | None = None


@dataclass(frozen=True)
class Proof:
    """The result of the wallet's own audit."""

    status: int
    output: str
    #: How many receipts the ledgers contain, and the output for the others.
    contained: int
    other_receipts: str


class Stack:
    """The services and processes of a run; every method that starts or stops something blocks.

    The wallet reaches the Channels server and the mail catcher at the ports of proxies (`channels_port`,
    `mail_port`), so that a run observes and delays what is sent there.
    """

    def __init__(self, folder: Path, choices: Choices) -> None:
        self.folder = folder
        self.choices = choices
        password = secrets.token_hex(12)
        self._embedded = postgres.Postgres(
            folder / "postgres",
            password=password,
            superuser_password=secrets.token_hex(12),
            log=self.log_of("postgres"),
            port=processes.free_port(),
            options=POSTGRES_OPTIONS | (replication.OPTIONS if choices.standby else {}),
        )
        #: Made when the services are started; the two servers change places at a failover.
        self.standby: postgres.Postgres | None = None
        self._ports = sorted([self._embedded.port, processes.free_port()])
        self._existing = (
            None if choices.database_url is None else ExistingPostgres(choices.database_url)
        )
        self.valkey = valkey.Valkey(
            password=secrets.token_hex(12),
            log=self.log_of("valkey"),
            port=processes.free_port(),
        )
        self.channels = channels.Channels(
            app_id="4711",
            key=secrets.token_hex(10),
            secret=secrets.token_hex(20),
            log=self.log_of("channels"),
            port=processes.free_port(),
        )
        self.catcher = mail_catcher.MailCatcher(
            folder=folder / "mail", log=self.log_of("mail"), port=processes.free_port()
        )
        self.pooler = (
            PgBouncer(folder, self._embedded, password, log=self.log_of("pgbouncer"))
            if choices.pgbouncer
            else None
        )
        self.channels_port = processes.free_port()
        self.mail_port = processes.free_port()
        self.api_ports = [processes.free_port() for _ in range(APIS)]
        self.checkout_ports = [processes.free_port() for _ in range(CHECKOUTS)]
        self.provider = StripeEmulator(
            file=folder / "provider.sqlite",
            log=self.log_of("provider"),
            api_key=f"sk_test_{secrets.token_hex(12)}",
            webhook_secret=f"whsec_{secrets.token_hex(16)}",
            endpoint=f"http://{HOST}:{self.checkout_ports[0]}{emulator.WEBHOOK_PATH}",
            port=processes.free_port(),
            pause_seconds=0.3,
        )
        self.children: dict[str, Child] = {}
        #: The size of each log when its process was started.
        self._spawned_at: dict[str, int] = {}
        self._logs = ServerLogs([self.log_of("postgres"), self.log_of("standby")])
        self.environment = self._environment(choices)
        self.settings = settings_of(self.environment)

    # ------------------------------------------------ starting and stopping

    def start_services(self) -> None:
        """Start the services and migrate the database. Raises `ServiceError`."""
        database = self._existing or self._embedded
        services = (self.valkey, self.channels, self.catcher, self.provider, database)
        for service in services:
            service.begin()
        for service in services:
            service.finish()
        if self.choices.standby:
            self._add_standby()
        if self.pooler is not None:
            self.pooler.start()
        with _quiet():
            status = migrate.migrate(settings_of({**self.environment, **self._direct()}))
        if status != 0:
            raise ServiceError("The database could not be migrated.")

    def _add_standby(self) -> None:
        [port] = set(self._ports) - {self.postgres.port}
        data = self.folder / "standby"
        self.standby = replication.standby_of(self.postgres, data, self.log_of("standby"), port)
        self.standby.start()
        replication.require(self.postgres)

    def start_processes(self) -> None:
        """Start the wallet's processes, and wait until they are ready. Raises `ServiceError`."""
        for name in self.names("api", "checkout", "relay", "worker"):
            self.spawn(name)
        for name in self.children:
            self.wait_for(name)

    def stop(self) -> None:
        """Stop everything, whatever state it is in."""
        self.stop_processes()
        database = self._existing or self._embedded
        services = (self.catcher, self.channels, self.provider, self.valkey, database)
        for service in (self.pooler, *services, self.standby):
            if service is not None:
                service.stop()

    def stop_processes(self) -> None:
        """Stop the wallet's processes; the services keep running."""
        processes.stop_all(list(self.children.values()))

    def names(self, *kinds: str) -> list[str]:
        """The processes of these kinds: `api-1`, `api-2` …"""
        counts = {"api": APIS, "checkout": CHECKOUTS, "relay": RELAYS, "worker": WORKERS}
        return [f"{kind}-{n}" for kind in kinds for n in range(1, counts[kind] + 1)]

    def spawn(self, name: str) -> None:
        """Start the process of that name, without waiting for it."""
        port = self._port(name)
        kind = name.partition("-")[0]
        arguments = [kind] if port is None else ["serve", "--port", str(port)]
        # The API would log every request.
        level = "INFO" if port is None else "WARNING"
        # Who gives money away does not collect it.
        top_ups = {} if kind == "api" else {"INSTANT_TOP_UPS": "false", **self.provider.environment}
        log = self.log_of(name)
        self._spawned_at[name] = log.stat().st_size if log.exists() else 0
        self.children[name] = processes.spawn_python(
            name,
            ["-P", "-m", "app.cli", *arguments],
            log=log,
            env={**self.environment, **top_ups, "LOG_LEVEL": level},
        )

    def wait_for(self, name: str) -> None:
        """Wait until the process of that name is ready. Raises `ServiceError`."""
        port = self._port(name)

        def at_work() -> bool:
            if port is not None:
                return processes.accepts_connections(HOST, port)
            return b"has started" in logs.since(self.log_of(name), self._spawned_at[name])

        processes.wait_until(at_work, self.children[name], READY_SECONDS, name)

    def _port(self, name: str) -> int | None:
        """The port of an API process; None for the others."""
        kind, _, number = name.partition("-")
        ports = {"api": self.api_ports, "checkout": self.checkout_ports}.get(kind)
        return None if ports is None else ports[int(number) - 1]

    # ------------------------------------------------ faults

    def kill(self, name: str) -> None:
        """kill -9 of one of the wallet's processes."""
        self.children[name].kill()

    def kill_postgres(self) -> None:
        """kill -9 of the server and all of its processes: memory is lost, the disk is not."""
        kill_all(self.postgres)

    def fail_over(self) -> None:
        """Promote the standby of a primary that was killed, and make that one its standby."""
        assert self.standby is not None
        self._embedded, self.standby = self.standby, self._embedded
        replication.promote(self.postgres)
        replication.rejoin(self.standby, self.postgres)
        self.standby.start()
        replication.require(self.postgres)

    def kill_backend(self) -> bool:
        """kill -9 of one session's process, after which the server ends all sessions and recovers.

        Whether there was one.
        """
        with self.postgres.connect() as connection:
            found = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE usename = %s ORDER BY state, pid LIMIT 1",
                [postgres.OWNER],
            ).fetchone()
        if found is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(found[0], signal.SIGKILL)
                return True
        return False

    def freeze_postgres(self, number: signal.Signals) -> None:
        """Send SIGSTOP or SIGCONT to the server and all of its processes, as if its disk hung."""
        self.postgres.signal_all(number)

    # ------------------------------------------------ observations

    def prove(self, receipts: Sequence[str]) -> Proof:
        """Run `./wallet audit`, and at the same time `./wallet audit --receipt`."""
        log = self.log_of("audit")
        environment = {**self.environment, **self._direct()}
        child = processes.spawn_python(
            "audit", ["-P", "-m", "app.cli", "audit"], log=log, env=environment
        )
        contained, others = self._hold(receipts)
        child.wait(READY_SECONDS * 10)
        child.kill()
        status = child.exit_status
        return Proof(1 if status is None else status, log.read_text(), contained, others)

    def _hold(self, receipts: Sequence[str]) -> tuple[int, str]:
        """How many of the receipts the ledgers contain, and the output for the others."""
        asked = subprocess.run(
            [sys.executable, "-P", "-m", "app.cli", "audit", "--receipt", "-"],
            env={
                **processes.minimal_environment(),
                **self.environment,
                **self._direct(),
                "PYTHONPATH": str(ROOT),
            },
            cwd=ROOT,
            input="\n".join(receipts),
            capture_output=True,
            text=True,
            timeout=READY_SECONDS * 10,
            check=False,
        )
        entries = f"{asked.stdout}{asked.stderr}".splitlines()
        others = [entry for entry in entries if ": Contained: " not in entry]
        contained = len(entries) - len(others)
        if asked.returncode != 0 and contained == len(receipts):
            # The output says so for all of them, and the exit status contradicts it.
            contained -= 1
        return contained, "\n".join(others)

    def new_log_lines(self) -> list[str]:
        """New lines of PostgreSQL's log; call it before and after each restart."""
        return self._logs.new_lines()

    def postgres_log_bytes(self) -> int:
        """The size of PostgreSQL's log."""
        return self.postgres.log.stat().st_size

    def postgres_has_said(self, what: str, since: int) -> bool:
        """Whether PostgreSQL's log contains that after the given position."""
        return what.encode() in logs.since(self.postgres.log, since)

    def ended(self) -> list[str]:
        """Processes that are not running, with their exit status; call it while no fault is active."""
        services = (
            None if self._existing else self._embedded, self.valkey, self.channels, self.catcher,
            self.provider, self.pooler, self.standby,
        )  # fmt: skip
        children = [
            *self.children.values(),
            *(service.child for service in services if service is not None),
        ]
        return [
            f"{child.name} ended with status {child.exit_status}"
            for child in children
            if not child.running
        ]

    def log_of(self, name: str) -> Path:
        return self.folder / "logs" / f"{name}.log"

    # ------------------------------------------------ the environment

    @property
    def database_url(self) -> str:
        """The database URL of the wallet's processes."""
        return self.pooler.url if self.pooler is not None else self.direct_url

    @property
    def direct_url(self) -> str:
        """The database URL without a pooler, whichever server is the primary."""
        if not self.choices.standby:
            return (self._existing or self._embedded).url
        user, _, rest = self._embedded.url.rpartition("@")
        hosts = ",".join(f"{HOST}:{port}" for port in self._ports)
        return f"{user}@{hosts}/{rest.partition('/')[2]}?target_session_attrs=read-write"

    @property
    def postgres(self) -> postgres.Postgres:
        """The embedded PostgreSQL, for the faults that break it."""
        assert self.breaks_database
        return self._embedded

    @property
    def breaks_database(self) -> bool:
        """Whether the database is a PostgreSQL of this run."""
        return self._existing is None

    def has_snapshots(self) -> bool:
        """Whether a query reads all accounts at one moment."""
        return self._existing is None or self._existing.has_snapshots()

    def _direct(self) -> dict[str, str]:
        """For commands that need a session of their own for longer than a transaction."""
        return {"DATABASE_URL": self.direct_url}

    def _environment(self, choices: Choices) -> dict[str, str]:
        return {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.valkey.url,
            "APP_URL": f"http://{HOST}:{self.api_ports[0]}",
            "JWT_SECRET": secrets.token_urlsafe(48),
            "SMTP_URL": f"smtp://{HOST}:{self.mail_port}",
            "MAIL_FROM": "Mini Wallet <wallet@torture.example>",
            "RATE_LIMIT_FACTOR": "0",
            "LOG_LEVEL": "WARNING",
            "TRANSFER_FEE_BASIS_POINTS": "50",
            "REVERSAL_APPROVAL_ABOVE": APPROVAL_ABOVE,
            # Where the receivers of webhooks are.
            "WEBHOOK_ALLOWED_HOSTS": HOST,
            "INSTANT_TOP_UPS": "true",
            "AUDIT_KEY": secrets.token_urlsafe(48),
            **self.channels.environment,
            "PUSHER_PORT": str(self.channels_port),
        }


def settings_of(environment: dict[str, str]) -> Settings:
    """Settings from these variables alone, without the environment and `.env`."""
    values = {name.lower(): value for name, value in environment.items()}
    return Settings(_env_file=None, **values)  # type: ignore[arg-type]


def kill_all(server: postgres.Postgres) -> None:
    """kill -9 of a server and all of its processes."""
    server.signal_all(signal.SIGKILL)
    server.child.wait(10)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield
