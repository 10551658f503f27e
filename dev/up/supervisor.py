"""Starts the processes of `up` in order, watches them, and stops them in order."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from rich.console import Console

import settings
from app.commands import services_of_up
from dev import processes
from dev.processes import Child, ServiceError
from dev.up import folder as folders
from dev.up import messages, services
from dev.up.building import Building

MIGRATIONS = settings.ROOT / "migrations"
READY_SECONDS = 60
GRACE_SECONDS = 15
WATCH_SECONDS = 0.2
#: Files in the folder: what was done to its database, and the running processes.
PREPARED = "prepared.json"
RUNNING = "running.json"


class Stop(BaseException):
    """A request to stop: neither an error nor to be caught by a step."""


class ChildEnded(Exception):
    """A process ended unexpectedly."""

    def __init__(self, child: Child) -> None:
        super().__init__(child.name)
        self.child = child


class Supervisor:
    """The processes of one `up`. Everything is spawned by the main thread, as `spawn` wants it."""

    def __init__(self, host: str, port: int, folder: Path, *, demo: bool, console: Console) -> None:
        self._host = host
        self._port = port
        self._folder = folder
        self._demo = demo
        self._messages = messages.Messages(console)
        self._secrets = folders.keep_secrets(folder)
        self._chosen = services.Chosen([], {})
        self._children: list[Child] = []
        self._began = False
        self._stopping = False
        self._may_interrupt = False

    def run(self) -> int:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        building = Building()
        try:
            self._choose_services()
            self._check_settings()
            self._began = True
            self._start_services()
            if is_new := not self._is_prepared():
                with self._messages.step("Tables"):
                    self._run_command("migrate")
            self._start_processes(with_demo=is_new and self._demo)
            if is_new:
                folders.write_private(self._folder / PREPARED, json.dumps(self._database_facts()))
            self._messages.ready(self._facts(), building.pages)
            # Only now: it would take the processors from everything above.
            building.start()
            self._watch(building)
        except Stop:
            status = 0
        except ChildEnded as ended:
            self._messages.child_ended(ended.child)
            status = 1
        finally:
            self._stopping = True
            building.cancel()
            self._stop()
        return status

    # ------------------------------------------------------------ planning

    def _choose_services(self) -> None:
        """Decide what to run and in which environment."""
        left = folders.read_json(self._folder / RUNNING)
        services.end_leftovers(left if isinstance(left, list) else [])
        self._chosen = services.choose(
            self._folder,
            self._secrets,
            app_url=self._own_url(),
            given=services_of_up.given(),
            note=self._messages.note,
        )

    def _check_settings(self) -> None:
        """Refuse invalid variables before anything is started. Raises `SettingsError`."""
        os.environ.update(self._chosen.environment)
        self._settings = settings.load()
        if self._demo and not self._settings.app_is_local:
            self._messages.note("No demo users: APP_URL is a public address.")
            self._demo = False

    # ------------------------------------------------------------ starting

    def _start_services(self) -> None:
        if not self._chosen.services:
            return
        names = "PostgreSQL, Valkey, Channels server and mail catcher"
        if self._chosen.payments:
            names = "PostgreSQL, Valkey, Channels server, mail catcher and payment provider"
        with self._messages.step(names):
            for service in self._chosen.services:
                with self._no_stop():
                    service.begin()
            for service in self._chosen.services:
                with self._may_stop():
                    service.finish()

    def _is_prepared(self) -> bool:
        """Whether an earlier run created the tables, and the demo users if wanted, in the same database."""
        facts = self._database_facts()
        known = folders.read_json(self._folder / PREPARED)
        return bool(facts.get("revision")) and known in (facts, {**facts, "demo": True})

    def _database_facts(self) -> dict[str, object]:
        """A fingerprint of the embedded database and of what is done to it."""
        server = self._chosen.postgres
        if server is None:
            return {"demo": self._demo}
        digest = hashlib.sha256()
        for file in sorted(MIGRATIONS.rglob("*.py")):
            digest.update(file.read_bytes())
        return {"migrations": digest.hexdigest(), **server.facts(), "demo": self._demo}

    def _run_command(self, name: str) -> None:
        """Run one of our own commands. Raises `ServiceError` if it fails."""
        child = self._spawn(name, [name])
        while child.running:
            self._sleep(processes.POLL_SECONDS)
        self._children.remove(child)
        if child.exit_status != 0:
            raise ServiceError(f"`./wallet {name}` failed:\n{child.log_tail()}")

    def _start_processes(self, *, with_demo: bool) -> None:
        """Start the wallet's own processes, and wait until the API is ready.

        The demo users are added meanwhile, and before the API: once it responds, they can sign in.
        """
        what = "API, relay, worker and demo users" if with_demo else "API, relay and worker"
        with self._messages.step(what):
            for name in ("relay", "worker"):
                self._spawn(name, [name])
            if with_demo:
                self._run_command("demo")
            listen = ["--host", self._host, "--port", str(self._port)]
            if self._chosen.mails is None:
                self._spawn("serve", ["serve", *listen])
            else:
                shown = [*listen, "--mails", str(self._chosen.mails)]
                self._spawn("serve", shown, module="dev.up.api")
            self._wait_until_ready()
        folders.publish(self._folder, self._settings_environment())
        folders.write_private(self._folder / RUNNING, json.dumps(self._running()))

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not self._is_ready():
            self._check_children()
            if time.monotonic() > deadline:
                raise ServiceError(
                    f"The API was not ready within {READY_SECONDS} seconds: see the logs in "
                    f"{self._folder / 'logs'}."
                )
            self._sleep(processes.POLL_SECONDS)

    def _spawn(self, name: str, arguments: list[str], module: str = "app.cli") -> Child:
        with self._no_stop():
            log = services.log_of(self._folder, name)
            command = ["-P", "-m", module, *arguments]
            # libpq's variables apply only to a DATABASE_URL set by the operator.
            environment = {
                **processes.minimal_environment("PG", "SSL_CERT_", "OTEL_"),
                **self._settings_environment(),
            }
            child = processes.spawn_python(name, command, log=log, env=environment)
            self._children.append(child)
            self._messages.follow(name, log)
        return child

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection(self._reachable_host(), self._port, timeout=2)
        with (
            contextlib.suppress(OSError, http.client.HTTPException),
            contextlib.closing(connection),
        ):
            # The only host name that every service answers to.
            connection.request("GET", "/readyz", headers={"Host": "localhost"})
            return connection.getresponse().status == 200
        return False

    # ------------------------------------------------------------ watching and stopping

    def _watch(self, building: Building) -> None:
        told = not building.pages
        while True:
            self._check_children()
            self._messages.show_problems()
            if not told and not building.is_alive():
                self._messages.built(building.pages, building.problems)
                told = True
            self._sleep(WATCH_SECONDS)

    def _check_children(self) -> None:
        for child in (*self._children, *(service.child for service in self._chosen.services)):
            if not child.running:
                raise ChildEnded(child)

    def _stop(self) -> None:
        """Stop the processes that use the services, then the services, PostgreSQL last."""
        if self._began:
            self._messages.stopping()
        processes.stop_all(self._children, GRACE_SECONDS)
        for service in self._chosen.services:
            service.stop()
        (self._folder / RUNNING).unlink(missing_ok=True)
        if self._began:
            self._messages.stopped()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self._stopping:
            # The second request to stop: do not wait for requests and jobs in progress.
            for child in self._children:
                child.signal(signal.SIGKILL)
            return
        self._stopping = True
        if self._may_interrupt:
            raise Stop

    @contextlib.contextmanager
    def _may_stop(self) -> Iterator[None]:
        """For code that only waits: a signal interrupts it. Elsewhere a signal takes effect at the next wait."""
        self._may_interrupt = True
        try:
            if self._stopping:
                raise Stop
            yield
        finally:
            self._may_interrupt = False

    @contextlib.contextmanager
    def _no_stop(self) -> Iterator[None]:
        """For code that starts a process: a signal must not interrupt it, or the process would be lost."""
        if self._stopping:
            raise Stop
        yield

    def _sleep(self, seconds: float) -> None:
        with self._may_stop():
            time.sleep(seconds)

    # ------------------------------------------------------------ facts

    def _reachable_host(self) -> str:
        """The address at which this machine can connect to a server that listens on `host`."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self._host, self._host)  # noqa: S104
        return f"[{host}]" if ":" in host else host

    def _own_url(self) -> str:
        """The address for browsers on this machine, by name: passkeys do not work at an IP address."""
        host = self._reachable_host()
        # No other loopback address is what localhost means.
        name = "localhost" if host in ("127.0.0.1", "[::1]") else host
        return f"http://{name}:{self._port}"

    def _running(self) -> list[tuple[int, str]]:
        """The processes by id and command. PostgreSQL is not included: its data folder identifies it."""
        children = [*self._children]
        for service in self._chosen.services:
            if service is not self._chosen.postgres:
                children.append(service.child)
        return [(child.pid, processes.command_line(child.pid)) for child in children]

    def _settings_environment(self) -> dict[str, str]:
        known = {name.upper() for name in settings.Settings.model_fields}
        return {name: value for name, value in self._chosen.environment.items() if name in known}

    def _facts(self) -> messages.Facts:
        return messages.Facts(
            url=self._own_url(),
            demo=self._demo,
            mails_caught=self._chosen.mails is not None,
            pusher_address=f"{self._settings.pusher_host or self._settings.pusher_cluster}"
            + (f":{self._settings.pusher_port}" if self._settings.pusher_port else ""),
            pusher_key=self._settings.pusher_key or "",
            folder=self._folder,
            host=self._host,
            payments=self._chosen.payments,
        )
