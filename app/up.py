"""`./wallet up`: the whole wallet on one machine, with production's own processes."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from rich.console import Console

import settings
from app import up_environment, up_messages
from app.dev_services import channels, mail_catcher, node, postgres, processes, unprivileged, valkey
from app.dev_services.processes import Child, ServiceError

MIGRATIONS = settings.ROOT / "migrations"
PLAYGROUND = settings.ROOT / "client" / "playground"
READY_SECONDS = 60
GRACE_SECONDS = 15
WATCH_SECONDS = 0.2
FAILED = 1
USAGE = 2

Service = postgres.Postgres | valkey.Valkey | channels.Channels | mail_catcher.MailCatcher


class Stop(BaseException):
    """Somebody asked us to stop: no error, and nothing that a step may swallow."""


class ChildEnded(Exception):
    """A process that should have gone on has ended."""

    def __init__(self, child: Child) -> None:
        super().__init__(child.name)
        self.child = child


def run(*, host: str, port: int, data: Path, demo: bool) -> int:
    """Start everything, keep watch, stop everything; the exit status of the command."""
    console = Console(highlight=False, soft_wrap=True)
    try:
        _check_port(host, port)
        with up_environment.hold(data) as folder:
            return Supervisor(host, port, folder, demo=demo, console=console).run()
    except (up_environment.DataError, ServiceError) as error:
        sentence, status = str(error), FAILED
    except settings.SettingsError as error:
        sentence, status = str(error), USAGE
    print(sentence, file=sys.stderr)  # noqa: T201
    return status


class Supervisor:
    """The processes of one `up`. Everything is spawned by the main thread, as `spawn` wants it."""

    def __init__(self, host: str, port: int, folder: Path, *, demo: bool, console: Console) -> None:
        self._host = host
        self._port = port
        self._folder = folder
        self._logs = folder / "logs"
        self._demo = demo
        self._messages = up_messages.Messages(console)
        self._secrets = up_environment.keep_secrets(folder)
        self._services: list[Service] = []
        self._children: list[Child] = []
        self._environment: dict[str, str] = {}
        self._stopping = False
        self._may_interrupt = False

    def run(self) -> int:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        building = Building()
        try:
            self._choose_services()
            self._check_settings()
            building.start()
            self._start_services()
            self._prepare_database()
            self._finish_building(building)
            self._start_processes()
            self._messages.ready(self._facts())
            self._watch()
        except Stop:
            status = 0
        except ChildEnded as ended:
            self._messages.child_ended(ended.child)
            status = FAILED
        finally:
            self._stopping = True
            building.cancel()
            self._stop()
        return status

    # ------------------------------------------------------------ before anything runs

    def _choose_services(self) -> None:
        """Decide what is embedded, and make the environment of the processes."""
        given, secrets = up_environment.given(), self._secrets
        chosen = {
            "APP_URL": f"http://{self._reachable_host()}:{self._port}",
            "JWT_SECRET": secrets.jwt_secret,
            "MAIL_FROM": up_environment.MAIL_FROM,
            "METRICS_TOKEN": secrets.metrics_token,
        }
        if "REDIS_URL" not in given:
            memory = valkey.Valkey(
                password=secrets.valkey_password,
                log=self._log("valkey"),
                port=processes.free_port(),
            )
            self._services.append(memory)
            chosen["REDIS_URL"] = memory.url
        if "SMTP_URL" not in given:
            mails = self._folder / "mail"
            catcher = mail_catcher.MailCatcher(
                folder=mails, log=self._log("mail"), port=processes.free_port()
            )
            self._services.append(catcher)
            chosen |= {"SMTP_URL": catcher.url, "DEV_MAIL_DIR": str(mails)}
        if not {"PUSHER_APP_ID", "PUSHER_KEY", "PUSHER_SECRET"} & given.keys():
            hub = channels.Channels(
                app_id=secrets.pusher_app_id,
                key=secrets.pusher_key,
                secret=secrets.pusher_secret,
                log=self._log("channels"),
                port=processes.free_port(),
            )
            self._services.append(hub)
            # Not part of an address of the real service that the environment may still name.
            given = {name: value for name, value in given.items() if not name.startswith("PUSHER_")}
            chosen |= {**hub.environment, "PUSHER_CLUSTER": ""}
        if "DATABASE_URL" not in given:
            server = self._postgres()
            # Last: the others start while its data is being made, and it outlives them.
            self._services.append(server)
            chosen["DATABASE_URL"] = server.url
        self._environment = {**chosen, **given}

    def _postgres(self) -> postgres.Postgres:
        data = self._folder / "postgres"
        identity = unprivileged.identity_for(data)
        if not unprivileged.can_pass(self._folder, identity):
            place = unprivileged.SYSTEM_FOLDER / self._secrets.installation
            data = unprivileged.make_passable(place) / "postgres"
            self._messages.note(
                f"PostgreSQL does not run as root, and {identity.name if identity else 'it'} "
                f"cannot reach {self._folder}: its data is in {data}."
            )
        server = postgres.Postgres(
            data,
            password=self._secrets.database_password,
            log=self._log("postgres"),
            port=processes.free_port(),
        )
        if unprivileged.SYSTEM_FOLDER in server.programs.parents:
            self._messages.note(
                f"PostgreSQL does not run as root, and its user cannot reach {settings.ROOT}: "
                f"its programs were copied to {server.programs}."
            )
        return server

    def _check_settings(self) -> None:
        """Refuse wrong variables before anything is started. Raises `SettingsError`."""
        os.environ.update(self._environment)
        self._settings = settings.load()
        if self._demo and not self._settings.app_is_local:
            self._messages.note("No demo people: APP_URL leads to a public address.")
            self._demo = False

    # ------------------------------------------------------------ starting

    def _start_services(self) -> None:
        if not self._services:
            return
        with self._messages.step("PostgreSQL, Valkey, Channels server and mail catcher"):
            for service in self._services:
                with self._no_stop():
                    service.begin()
            for service in self._services:
                with self._may_stop():
                    service.finish()

    def _prepare_database(self) -> None:
        """Tables and demo people; nothing where an earlier run did it on this very database."""
        prepared = self._folder / "prepared.json"
        facts = {**self._database_facts(), "demo": self._demo}
        if facts.get("revision") and up_environment.read_json(prepared) in (
            facts,
            {**facts, "demo": True},
        ):
            return
        with self._messages.step("Tables"):
            self._run_command("migrate")
        if self._demo:
            with self._messages.step("Demo people"):
                self._run_command("demo")
        facts = {**self._database_facts(), "demo": self._demo}
        up_environment.write_private(prepared, json.dumps(facts))

    def _database_facts(self) -> dict[str, object]:
        """What tells that the embedded database, and the migrations, are as they were."""
        server = next(
            (each for each in self._services if isinstance(each, postgres.Postgres)), None
        )
        if server is None:
            return {}
        digest = hashlib.sha256()
        for file in sorted(MIGRATIONS.rglob("*.py")):
            digest.update(file.read_bytes())
        return {"migrations": digest.hexdigest(), **server.facts()}

    def _run_command(self, name: str) -> None:
        """Run one of our own commands to its end. Raises `ServiceError` if it fails."""
        child = self._spawn(name, [name])
        while child.running:
            self._sleep(processes.POLL_SECONDS)
        self._children.remove(child)
        if child.exit_status != 0:
            raise ServiceError(f"`./wallet {name}` failed:\n{child.log_tail()}")

    def _finish_building(self, building: Building) -> None:
        if building.is_alive():
            with self._messages.step("The playground, built once: about a minute"):
                while building.is_alive():
                    self._sleep(processes.POLL_SECONDS)
        if building.problem:
            self._messages.note(f"The playground is not there. {building.problem}")

    def _start_processes(self) -> None:
        with self._messages.step("API, relay and worker"):
            listen = ["--host", self._host, "--port", str(self._port)]
            for arguments in (["serve", *listen], ["relay"], ["worker"]):
                self._spawn(arguments[0], arguments)
            deadline = time.monotonic() + READY_SECONDS
            while not self._is_ready():
                self._check_children()
                if time.monotonic() > deadline:
                    raise ServiceError(
                        f"The API was not ready within {READY_SECONDS} seconds: see {self._logs}."
                    )
                self._sleep(0.1)
            up_environment.publish(self._folder, self._settings_environment())

    def _spawn(self, name: str, arguments: list[str]) -> Child:
        with self._no_stop():
            log = self._log(name)
            module = ["-P", "-m", "app.cli", *arguments]
            child = processes.spawn_python(name, module, log=log, env=self._environment)
            self._children.append(child)
            self._messages.follow(name, log)
        return child

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection(self._reachable_host(), self._port, timeout=2)
        with (
            contextlib.suppress(OSError, http.client.HTTPException),
            contextlib.closing(connection),
        ):
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        return False

    # ------------------------------------------------------------ watching and stopping

    def _watch(self) -> None:
        while True:
            self._check_children()
            self._messages.show_problems()
            self._sleep(WATCH_SECONDS)

    def _check_children(self) -> None:
        for child in (*self._children, *(service.child for service in self._services)):
            if not child.running:
                raise ChildEnded(child)

    def _stop(self) -> None:
        """First what uses the services, then the services, PostgreSQL last."""
        self._messages.stopping()
        processes.stop_all(self._children, GRACE_SECONDS)
        for service in self._services:
            service.stop()
        self._messages.stopped()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self._stopping:
            # Asked twice: no more patience with requests and jobs under way.
            for child in self._children:
                child.signal(signal.SIGKILL)
            return
        self._stopping = True
        if self._may_interrupt:
            raise Stop

    @contextlib.contextmanager
    def _may_stop(self) -> Iterator[None]:
        """Around what only waits. Elsewhere a signal is noted and acted on at the next wait."""
        self._may_interrupt = True
        try:
            if self._stopping:
                raise Stop
            yield
        finally:
            self._may_interrupt = False

    @contextlib.contextmanager
    def _no_stop(self) -> Iterator[None]:
        """Around what starts a process, which must not get lost half-way."""
        if self._stopping:
            raise Stop
        yield

    def _sleep(self, seconds: float) -> None:
        with self._may_stop():
            time.sleep(seconds)

    # ------------------------------------------------------------ facts

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def _reachable_host(self) -> str:
        """The address at which this machine reaches what listens on `host`."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self._host, self._host)  # noqa: S104
        return f"[{host}]" if ":" in host else host

    def _settings_environment(self) -> dict[str, str]:
        known = {name.upper() for name in settings.Settings.model_fields}
        return {name: value for name, value in self._environment.items() if name in known}

    def _facts(self) -> up_messages.Facts:
        return up_messages.Facts(
            url=f"http://{self._reachable_host()}:{self._port}",
            app_url=self._settings.app_url,
            demo=self._demo,
            mails_caught=self._settings.dev_mail_dir is not None,
            pusher_address=f"{self._settings.pusher_host or self._settings.pusher_cluster}"
            + (f":{self._settings.pusher_port}" if self._settings.pusher_port else ""),
            pusher_key=self._settings.pusher_key or "",
            folder=self._folder,
        )


class Building(threading.Thread):
    """Builds the playground, if it must be built, while everything else starts."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.problem = ""
        self._cancelled = threading.Event()

    def run(self) -> None:
        if not (PLAYGROUND / "package.json").exists():
            return
        try:
            node.ensure_built(PLAYGROUND, cancelled=self._cancelled)
        except (ServiceError, OSError) as error:
            self.problem = str(error)

    def cancel(self) -> None:
        """End npm, if it runs."""
        self._cancelled.set()
        if self.is_alive():
            self.join(10)


def _check_port(host: str, port: int) -> None:
    try:
        taken = not processes.port_is_free(host, port) or processes.accepts_connections(host, port)
    except OSError as error:
        raise ServiceError(
            f"Nothing can listen on {host} port {port} ({error.strerror or error}): choose "
            "another --host or --port."
        ) from None
    if taken:
        raise ServiceError(
            f"Port {port} on {host} is taken by another program: stop it, or choose another --port."
        )
