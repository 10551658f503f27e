"""Readiness: a reachable service that is read-only, not migrated or lacks privileges is reported."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from pydantic import SecretStr

from app.commands import audit, demo, doctor, migrate
from dev import processes
from dev.postgres import Postgres
from dev.valkey import Valkey
from domain import errors
from persistence.engine.database import Database
from persistence.people import registrations
from settings import Settings
from tests.app.conftest import ALPHA, ROUNDS, Api
from tests.conftest import make_settings
from tests.jobs.running import environment
from tests.waiting import block_until

LOGIN = """
mutation { login(input: { email: "user.alpha@demo.app", password: "mini@Wallet025" }) { __typename } }
"""
StartApi = Callable[..., Api]


@pytest.fixture
def admin(admin_database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(admin_database_url, autocommit=True) as connection:
        yield connection


def ready(api: Api) -> dict[str, str]:
    """What /readyz says, after a look that its status agrees."""
    answer = api.client.get("/readyz")
    said: dict[str, str] = answer.json()
    assert (answer.status_code == 200) == (said["status"] == "ready")
    return said


def is_up(api: Api, service: str) -> bool:
    metrics = api.client.get("/metrics").text
    found = re.search(rf'^wallet_service_up{{service="{service}"}} (\S+)', metrics, re.MULTILINE)
    assert found is not None, metrics
    return float(found[1]) == 1


def examined(settings: Settings, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What the doctor says of each thing."""
    capsys.readouterr()
    doctor.run(settings)
    lines = capsys.readouterr().out.splitlines()
    return {line[7:].partition(": ")[0]: line for line in lines}


def refused(command: Callable[..., int], settings: Settings, capsys: Any, **options: Any) -> str:
    """The one sentence with which that command refuses."""
    capsys.readouterr()
    assert command(settings, **options) == 1
    said: str = capsys.readouterr().err
    assert "Traceback" not in said
    assert "LINE 1" not in said
    return said


def test_a_read_only_database_is_not_ready_and_nothing_moves(
    settings: Settings,
    admin: psycopg.Connection,
    start_api: StartApi,
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = admin.info.dbname
    admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on".encode())
    api = start_api()
    assert ready(api) == {
        "status": "not ready",
        "database": "read-only",
        "redis": "ok",
        "migrations": "ok",
        "server": f"{admin.info.host}:{admin.info.port}",
        "role": "read-only",
    }
    assert not is_up(api, "database")
    assert is_up(api, "redis")
    assert "default_transaction_read_only" in examined(settings, capsys)["Database"]
    for command in (migrate.migrate, demo.demo):
        assert "read-only" in refused(command, settings, capsys)
    assert audit.audit(settings) == 0


@pytest.mark.anyio
async def test_a_change_of_a_read_only_database_is_unavailable(
    database_url: str, admin: psycopg.Connection
) -> None:
    name = admin.info.dbname
    admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on".encode())
    database = await Database.open(database_url)
    try:
        with pytest.raises(errors.Unavailable, match="accepts no changes"):
            await registrations.register_verified(
                database, name="User Alpha", email=ALPHA, password_hash="-"
            )
    finally:
        await database.close()


def test_a_standby_is_not_ready_until_it_is_promoted(
    start_postgres: Callable[..., Postgres],
    redis_url: str,
    start_api: StartApi,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server = start_postgres()
    settings = make_settings(database_url=server.url, redis_url=redis_url)
    assert migrate.migrate(settings) == 0
    server.stop()
    signal = server.data / "standby.signal"
    signal.touch()
    os.chown(signal, server.data.stat().st_uid, server.data.stat().st_gid)
    server.begin()

    def answers() -> bool:
        try:
            server.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    block_until(answers)
    api = start_api(database_url=settings.database_url)
    assert ready(api)["database"] == "a standby, which takes no writes"
    assert not is_up(api, "database")
    assert "set DATABASE_URL to the primary" in examined(settings, capsys)["Database"]
    assert "standby" in refused(migrate.migrate, settings, capsys)
    with server.connect() as connection:
        connection.execute("SELECT pg_promote()")
    block_until(lambda: ready(api)["status"] == "ready")


def test_missing_privileges_are_not_ready_and_are_named(
    settings: Settings,
    admin: psycopg.Connection,
    start_api: StartApi,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert demo.demo(settings, password_rounds=ROUNDS) == 0
    admin.execute("REVOKE UPDATE ON users FROM wallet")
    admin.execute("REVOKE SELECT ON transactions FROM wallet")
    api = start_api()
    assert ready(api)["database"] == "privileges are missing: run `./wallet doctor`"
    assert not is_up(api, "database")
    said = examined(settings, capsys)["Database"]
    assert '"wallet" lacks SELECT on transactions, UPDATE on users' in said
    assert "docs/operating.md" in refused(audit.audit, settings, capsys)
    admin.execute("REVOKE USAGE ON SCHEMA public FROM PUBLIC, pg_database_owner")
    assert ready(api)["database"] == "privileges are missing: run `./wallet doctor`"
    assert "USAGE on the schema public" in examined(settings, capsys)["Database"]
    said = refused(migrate.migrate, settings, capsys)
    assert 'The role "wallet" may not create tables in the schema "public"' in said


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", "update this program"),
        ("UPDATE alembic_version SET version_num = '0003'", "run `./wallet migrate`"),
        ("DROP TABLE alembic_version", "run `./wallet migrate`"),
    ],
)
def test_a_database_at_another_revision_is_not_ready(
    settings: Settings,
    admin: psycopg.Connection,
    start_api: StartApi,
    capsys: pytest.CaptureFixture[str],
    change: str,
    told: str,
) -> None:
    admin.execute(change.encode())
    api = start_api()
    said = ready(api)
    assert (said["database"], said["status"]) == ("ok", "not ready")
    assert told in said["migrations"]
    assert not is_up(api, "database")
    assert told in examined(settings, capsys)["Migrations"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        # On a cluster it would drop Citus too.
        pytest.param(
            "DROP SCHEMA public CASCADE; CREATE SCHEMA public",
            "run `./wallet migrate`",
            marks=pytest.mark.undistributed,
        ),
        ("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM wallet", "docs/operating.md"),
    ],
)
def test_processes_without_their_tables_say_so_in_a_sentence_and_wait(
    settings: Settings, admin: psycopg.Connection, tmp_path: Path, change: str, told: str
) -> None:
    admin.execute(change.encode())
    admin.execute("GRANT USAGE ON SCHEMA public TO wallet")
    commands = {
        "serve": ["serve", "--port", str(processes.free_port())],
        "relay": ["relay"],
        "worker": ["worker", "--retry-failed"],
    }
    logs = {name: tmp_path / f"{name}.log" for name in commands}
    children = [
        processes.spawn_python(
            name, ["-P", "-m", "app.cli", *command], log=logs[name], env=environment(settings)
        )
        for name, command in commands.items()
    ]
    try:
        for name, log in logs.items():
            expected = "./wallet " if name == "serve" else told
            block_until(lambda log=log, expected=expected: expected in log.read_text())
            assert all(child.running for child in children)
            assert "Traceback" not in log.read_text()
            assert "SELECT" not in log.read_text()
    finally:
        processes.stop_all(children)


@pytest.mark.parametrize(
    ("commands", "told"),
    [
        ([("REPLICAOF", "127.0.0.1", "1")], "a replica, which takes no writes"),
        ([("CONFIG", "SET", "maxmemory", "1")], "out of memory: it takes no writes"),
        ([("CONFIG", "SET", "min-replicas-to-write", "1")], "it takes no writes"),
        ([("CONFIG", "SET", "requirepass", "another")], "it refuses our user or password"),
    ],
)
def test_a_redis_that_takes_no_writes_is_not_ready(
    settings: Settings,
    start_valkey: Callable[[], Valkey],
    start_api: StartApi,
    capsys: pytest.CaptureFixture[str],
    commands: list[tuple[str, ...]],
    told: str,
) -> None:
    memory = start_valkey()
    with redis.Redis.from_url(memory.url) as client:
        for command in commands:
            client.execute_command(*command)  # type: ignore[no-untyped-call]
    api = start_api(redis_url=SecretStr(memory.url))
    said = ready(api)
    assert (said["redis"], said["database"]) == (told, "ok")
    assert not is_up(api, "redis")
    assert is_up(api, "database")
    changed = settings.model_copy(update={"redis_url": SecretStr(memory.url)})
    assert told in examined(changed, capsys)["Redis"]
    # People are served all the same.
    assert "errors" not in api.post(LOGIN).json()
