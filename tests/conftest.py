"""One PostgreSQL and one Valkey for the whole run, and a fresh database for every test."""

from __future__ import annotations

import contextlib
import gc
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from dev import channels, mail_catcher, postgres, processes, valkey
from settings import Settings
from tests import clusters, databases, scheduling, templates, waiting
from tests.databases import ADMIN_VARIABLE, DATABASE_VARIABLE, RUN_VARIABLE, with_database
from tests.dev.faulty_smtp import FaultySmtp

#: Set by the caller to run the tests on existing services, otherwise by `pytest_configure`.
REDIS_VARIABLE = "TEST_REDIS_URL"
#: The data of a PostgreSQL without databases of ours, with the superuser of ADMIN_VARIABLE.
CLUSTER_VARIABLE = "MINI_WALLET_TEST_CLUSTER"
#: A file system in memory, and how much must be free there for the services to use it.
MEMORY = Path("/dev/shm")
MEMORY_BYTES = 2 * 2**30

_started: list[postgres.Postgres | valkey.Valkey] = []
_folders: list[Path] = []


def pytest_configure(config: pytest.Config) -> None:
    """On the controller: start the services, and put their addresses into the environment."""
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    os.environ[RUN_VARIABLE] = secrets.token_hex(4)
    try:
        if DATABASE_VARIABLE not in os.environ:
            server = private_postgres(_new_folder())
            _started.append(server)
            server.initialise()
            os.environ[CLUSTER_VARIABLE] = _copy(server.data, server.data.with_name("cluster"))
            server.start()
            os.environ[DATABASE_VARIABLE] = server.url
            os.environ[ADMIN_VARIABLE] = server.admin_url
        if REDIS_VARIABLE not in os.environ:
            memory = private_valkey(_new_folder())
            _started.append(memory)
            memory.start()
            os.environ[REDIS_VARIABLE] = memory.url
    except processes.ServiceError as error:
        pytest.exit(str(error), returncode=2)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Exclude what collecting creates, which lives as long as the process, from garbage collection."""
    gc.disable()
    collected = yield
    gc.freeze()
    gc.enable()
    return collected


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=scheduling.turn)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> scheduling.Scheduling | None:
    """Our scheduler with `--dist loadfile`, otherwise the requested one."""
    return scheduling.Scheduling(config, log) if config.option.dist == "loadfile" else None


def pytest_unconfigure(config: pytest.Config) -> None:
    """End our connections; on the controller, stop what was started, and remove its files."""
    is_worker = hasattr(config, "workerinput")
    if not is_worker and not any(isinstance(each, postgres.Postgres) for each in _started):
        with contextlib.suppress(psycopg.Error, KeyError):
            databases.drop(_template_name())
    databases.close()
    if is_worker:
        return
    for service in _started:
        service.stop()
    for folder in _folders:
        shutil.rmtree(folder, ignore_errors=True)


def private_postgres(folder: Path, **arguments: object) -> postgres.Postgres:
    """A PostgreSQL in `folder`, not started; fast, but not safe in a power failure."""
    options = {
        "password": secrets.token_hex(12),
        "superuser_password": secrets.token_hex(12),
        "log": folder / "postgres.log",
        "fast": True,
        "creates_databases": True,
    }
    return postgres.Postgres(folder / "postgres", **{**options, **arguments})  # type: ignore[arg-type]


def _copy(data: Path, copy: Path) -> str:
    """A copy of the data of a PostgreSQL that is not running, with its owner: a tenth of `initdb`."""
    subprocess.run(["cp", "-Rp", data, copy], check=True)
    return str(copy)


def private_valkey(folder: Path) -> valkey.Valkey:
    """A Valkey with its log in `folder`, not started."""
    return valkey.Valkey(password=secrets.token_hex(12), log=folder / "valkey.log")


def private_channels(log: Path) -> channels.Channels:
    """A Channels server, not started."""
    return channels.Channels(
        app_id="4711", key="key-of-the-tests", secret=secrets.token_hex(12), log=log
    )


def _new_folder() -> Path:
    """A folder that an unprivileged user can access too, unlike those of pytest.

    In memory if there is enough room: each test has a database of some hundred files, which takes a fifth
    of the time there.
    """
    has_room = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES
    base = MEMORY if has_room else None
    folder = Path(tempfile.mkdtemp(prefix="mini wallet test ", dir=base))
    folder.chmod(0o711)
    _folders.append(folder)
    return folder


# ================================================================ databases


@pytest.fixture(scope="session")
def worker_number(request: pytest.FixtureRequest) -> int:
    """0 without xdist, else 1, 2 …"""
    name = getattr(request.config, "workerinput", {}).get("workerid", "gw-1")
    return int(name.removeprefix("gw")) + 1


@pytest.fixture(scope="session")
def template_database() -> str:
    """The name of a migrated, empty database, created once per run by the first worker."""
    name = _template_name()
    templates.ensure(name, _migrate)
    return name


@pytest.fixture
def empty_database_url(worker_number: int) -> Iterator[str]:
    """The URL of a new database without tables, for tests of the migrations."""
    with databases.temporary(worker_number, "template1") as url:
        yield url


@pytest.fixture
def database_url(
    template_database: str, worker_number: int, request: pytest.FixtureRequest
) -> Iterator[str]:
    """The URL of a migrated, empty database for this test alone, as its owner.

    On a cluster it is distributed, except for tests marked `undistributed`: they migrate down or change rows
    in ways that Citus cannot.
    """
    is_undistributed = request.node.get_closest_marker("undistributed") is not None
    if is_undistributed and clusters.nodes(os.environ[DATABASE_VARIABLE]):
        with databases.temporary(worker_number, "template1") as url:
            _migrate(url)
            yield url
        return
    with databases.reused(worker_number, template_database) as url:
        yield url


@pytest.fixture
def admin_database_url(database_url: str) -> str:
    """The same database as the superuser, to damage it or to end connections."""
    admin = os.environ.get(ADMIN_VARIABLE, os.environ[DATABASE_VARIABLE])
    return with_database(admin, urlsplit(database_url).path.removeprefix("/"))


def _template_name() -> str:
    return f"template_{os.environ[RUN_VARIABLE]}"


def _migrate(url: str) -> None:
    from app.commands import migrate

    status = migrate.migrate(make_settings(database_url=url))
    assert status == 0, "the template database could not be migrated"


# ================================================================ Redis and settings


@pytest.fixture(scope="session", autouse=True)
def _redis_is_waited_for() -> Iterator[None]:
    """Redis counts as unavailable if it cannot be reached, but not if this machine is busy for a second.

    While Redis is unavailable, each process counts rate limits by itself, and hints are lost.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in ("rate_limiter", "redis_connection"):
            patch.setattr(f"adapters.{name}._TIMEOUT_SECONDS", waiting.DEADLINE_SECONDS)
        yield


@pytest.fixture
def redis_url(worker_number: int) -> str:
    """The URL of a Redis database of this worker, empty at the start of each test.

    Channels (pub/sub) are shared by all databases of a server: use ids that no other test uses.
    """
    url = with_database(os.environ[REDIS_VARIABLE], str(worker_number + 1))
    with contextlib.closing(redis.Redis.from_url(url)) as connection:
        connection.flushdb()
    return url


def make_settings(**values: object) -> Settings:
    """Settings for a test, without the environment and `.env`, and without rate limits."""
    usual = {
        "database_url": os.environ[DATABASE_VARIABLE],
        "redis_url": os.environ[REDIS_VARIABLE],
        "app_url": "http://127.0.0.1:8000",
        "jwt_secret": "a secret of the tests that is long enough to sign with",
        "smtp_url": "smtp://127.0.0.1:9",
        "mail_from": "Mini Wallet <wallet@demo.app>",
        "rate_limit_factor": 0,
        "webhook_allowed_hosts": ("127.0.0.1",),
        "instant_top_ups": True,
    }
    return Settings(_env_file=None, **{**usual, **values})  # type: ignore[call-arg, arg-type]


@pytest.fixture
def settings(database_url: str, redis_url: str) -> Settings:
    """Settings with this test's database and Redis; `settings.model_copy(update=…)` to vary."""
    return make_settings(database_url=database_url, redis_url=redis_url)


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, object]]:
    """`pytestmark = pytest.mark.anyio` runs async tests and fixtures on asyncio."""
    return "asyncio", {"use_uvloop": False}


# ================================================================ services for one test


@pytest.fixture
def service_folder() -> Iterator[Path]:
    """A folder for a service, accessible for the user that runs PostgreSQL under root."""
    folder = _new_folder()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def start_postgres(service_folder: Path) -> Iterator[Callable[..., postgres.Postgres]]:
    """Start PostgreSQL servers to be killed: `server.kill()`, `server.start()` again, same port.

    Use `fast=False` if data that was committed just before the kill must survive, and
    `is_copied=False` if it matters how the data was created.
    """
    servers: list[postgres.Postgres] = []

    def start(*, is_copied: bool = True, **arguments: object) -> postgres.Postgres:
        folder = service_folder / f"postgres-{len(servers)}"
        folder.mkdir(mode=0o711)
        if is_copied and CLUSTER_VARIABLE in os.environ:
            _copy(Path(os.environ[CLUSTER_VARIABLE]), folder / "postgres")
            arguments["superuser_password"] = urlsplit(os.environ[ADMIN_VARIABLE]).password
        server = private_postgres(folder, **arguments)
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def start_valkey(service_folder: Path) -> Iterator[Callable[[], valkey.Valkey]]:
    """Start Valkey servers to be killed: `server.kill()`, `server.start()` again, same port."""
    servers: list[valkey.Valkey] = []

    def start() -> valkey.Valkey:
        server = private_valkey(service_folder / f"valkey-{len(servers)}")
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def start_channels(service_folder: Path) -> Iterator[Callable[[], channels.Channels]]:
    """Start Channels servers; `server.environment` has its `PUSHER_*` variables."""
    servers: list[channels.Channels] = []

    def start() -> channels.Channels:
        server = private_channels(service_folder / f"channels-{len(servers)}.log")
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def start_mail_catcher(service_folder: Path) -> Iterator[Callable[[], mail_catcher.MailCatcher]]:
    """Start mail catchers as processes: `server.url` for SMTP_URL, `server.mails()` for caught mails."""
    servers: list[mail_catcher.MailCatcher] = []

    def start() -> mail_catcher.MailCatcher:
        number = len(servers)
        log = service_folder / f"mail-{number}.log"
        server = mail_catcher.MailCatcher(folder=service_folder / f"mail-{number}", log=log)
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def start_smtp() -> Iterator[Callable[..., FaultySmtp]]:
    """Start SMTP servers in this process that refuse when told to: see `FaultySmtp`."""
    servers: list[FaultySmtp] = []

    def start(**arguments: object) -> FaultySmtp:
        server = FaultySmtp(**arguments)  # type: ignore[arg-type]
        servers.append(server)
        server.start()
        return server

    yield start
    for server in servers:
        server.stop()
