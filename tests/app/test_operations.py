"""Migrating, seeding and auditing from the command line: errors are sentences, never tracebacks."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from app.commands import audit, demo, migrate
from dev import processes
from dev.postgres import Postgres
from domain.people import passwords
from persistence.engine.database import Database, newest_revision
from settings import Settings
from tests import row_changes
from tests.app.conftest import ROUNDS
from tests.conftest import make_settings
from tests.databases import with_database

ROOT = Path(__file__).resolve().parents[2]


def said(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    return captured.out + captured.err


# ================================================================ migrate


def test_two_migrations_at_once_bring_the_database_from_nothing_to_the_newest(
    empty_database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = make_settings(database_url=empty_database_url)
    newest = newest_revision()
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(migrate.migrate, [settings, settings])) == [0, 0]
    assert sorted(said(capsys).splitlines()) == [
        f"The database is at revision {newest}, the newest: nothing to do.",
        f"The database went from nothing to revision {newest}.",
    ]

    async def state() -> tuple[str | None, str]:
        database = await Database.open(empty_database_url)
        try:
            return await database.migration_state()
        finally:
            await database.close()

    assert asyncio.run(state()) == (newest, newest)


def test_alembic_itself_works_from_anywhere(empty_database_url: str, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "DATABASE_URL": empty_database_url,
        "REDIS_URL": "redis://127.0.0.1:9",
        "JWT_SECRET": "x" * 32,
        "SMTP_URL": "smtp://127.0.0.1:9",
        "MAIL_FROM": "wallet@demo.app",
    }
    # One process for all four: `python -m alembic` calls this function, and nothing else.
    commands = """
from alembic import config
for command in ("upgrade head", "check", "downgrade base", "upgrade head"):
    config.main(["-c", CONFIGURATION, *command.split()])
""".replace("CONFIGURATION", repr(str(ROOT / "alembic.ini")))
    done = subprocess.run(
        [sys.executable, "-c", commands],
        cwd=tmp_path,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def database_of_ascii(database_url: str) -> Iterator[str]:
    """A database in which no letter beyond ASCII is one."""
    name = f"ascii_{os.getpid()}"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}".encode())
        connection.execute(
            f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER libc "
            "LC_COLLATE 'C' LC_CTYPE 'C'".encode()
        )
        yield with_database(database_url, name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_a_database_without_letters_beyond_ascii_is_refused(
    database_of_ascii: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert migrate.migrate(make_settings(database_url=database_of_ascii)) == 1
    assert "LC_CTYPE is C" in said(capsys)
    with psycopg.connect(database_of_ascii) as connection:
        assert connection.execute("SELECT to_regclass('users')").fetchone() == (None,)


def test_a_database_of_a_newer_program_is_left_alone(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert migrate.migrate(make_settings(database_url=database_url)) == 1
    assert "a newer Mini Wallet" in said(capsys)


def test_a_database_that_is_away_is_waited_for_and_then_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    url = f"postgresql://nobody:wrong@127.0.0.1:{processes.free_port()}/none"
    settings = make_settings(database_url=url)
    assert migrate.migrate(settings, patience_seconds=0.3) == 1
    assert audit.audit(settings) == 1
    assert demo.demo(settings) == 1
    words = said(capsys)
    assert words.count("cannot be reached") == 3
    assert "wrong" not in words


def test_a_database_that_is_just_starting_is_waited_for(
    start_postgres: Callable[..., Postgres], capsys: pytest.CaptureFixture[str]
) -> None:
    server = start_postgres()
    url = server.url
    server.kill()
    with ThreadPoolExecutor(1) as pool:
        migrating = pool.submit(migrate.migrate, make_settings(database_url=url))
        server.start()
        assert migrating.result(60) == 0


# ================================================================ demo


def people(url: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT name, email, balance, sequence FROM users ORDER BY name"
        ).fetchall()


def everything(url: str) -> list[object]:
    with psycopg.connect(url) as connection:
        return [
            connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2".encode()).fetchall()
            for table in ("users", "transactions", "sessions", "outbox", "mails", "links")
        ]


def test_the_demo_users_have_a_thousand_each_and_seeding_twice_changes_nothing(
    settings: Settings, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo.demo(settings) == 0
    assert "mini@Wallet025" not in said(capsys), "a log is no place for a password"
    assert people(database_url) == [
        ("User Alpha", "user.alpha@demo.app", 100_000, 1),
        ("User Beta", "user.beta@demo.app", 100_000, 1),
        ("User Gamma", "user.gamma@demo.app", 100_000, 1),
    ]
    with psycopg.connect(database_url) as connection:
        [(password_hash,), *_] = connection.execute("SELECT password_hash FROM users").fetchall()
        active = connection.execute("SELECT count(*) FROM sessions WHERE ended_at IS NULL")
        assert active.fetchone() == (0,)
    assert password_hash.startswith("$2b$12$"), "the real cost, which other tests do without"
    assert passwords.verify("mini@Wallet025", password_hash)
    before = everything(database_url)
    assert demo.demo(settings) == 0
    assert everything(database_url) == before
    assert "nothing to do" in said(capsys)
    assert audit.audit(settings) == 0
    assert "3 users hold 3000.00 USD" in said(capsys)


@pytest.mark.parametrize(
    ("values", "balance"),
    [
        ({"wallet_currency": "JPY"}, 1_000),
        ({"wallet_currency": "KWD"}, 1_000_000),
        ({"max_top_up": "5"}, 500),
    ],
)
def test_the_demo_users_hold_a_thousand_of_any_currency_within_the_limits(
    settings: Settings, database_url: str, values: dict[str, str], balance: int
) -> None:
    assert demo.demo(settings.model_copy(update=values), password_rounds=ROUNDS) == 0
    assert {row[2] for row in people(database_url)} == {balance}


def test_a_public_address_gets_demo_users_only_when_asked_twice(
    settings: Settings, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    public = settings.model_copy(update={"app_url": "https://wallet.example.com"})
    assert demo.demo(public) == 1
    assert "--yes" in said(capsys)
    assert people(database_url) == []
    assert demo.demo(public, yes=True, password_rounds=ROUNDS) == 0
    assert len(people(database_url)) == 3


# ================================================================ audit


def test_an_audit_names_the_rows_at_fault_and_fails(
    settings: Settings, admin_database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert demo.demo(settings, password_rounds=ROUNDS) == 0
    with row_changes.Unguarded.open(admin_database_url) as admin:
        admin.execute("UPDATE users SET balance = 99999 WHERE name = 'User Beta'")
        [(user_id,)] = admin.execute("SELECT id FROM users WHERE name = 'User Beta'").fetchall()
    capsys.readouterr()
    assert audit.audit(settings) == 1
    words = said(capsys)
    assert f"users {user_id}: The balance is 99999, but the entries add up to 100000." in words
    assert "not in order" in words


def test_a_wrong_limit_is_named(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    for operation in (demo.demo, audit.audit):
        assert operation(settings.model_copy(update={"max_top_up": "lots"})) == 1
        assert "MAX_TOP_UP" in said(capsys)


def test_tables_that_are_not_there_yet_are_named(
    empty_database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = make_settings(database_url=empty_database_url)
    for operation in (demo.demo, audit.audit):
        assert operation(settings) == 1
        assert "./wallet migrate" in said(capsys)
