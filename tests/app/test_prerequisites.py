"""`migrate` reports a missing prerequisite in one sentence and changes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg
import pytest

from app.commands import migrate
from persistence.engine.database import newest_revision
from tests.conftest import make_settings
from tests.databases import ADMIN_VARIABLE, with_database


@pytest.fixture
def admin(empty_database_url: str) -> Iterator[psycopg.Connection]:
    """The superuser on the database that is to be migrated."""
    name = urlsplit(empty_database_url).path.removeprefix("/")
    with psycopg.connect(
        with_database(os.environ[ADMIN_VARIABLE], name), autocommit=True
    ) as connection:
        yield connection


def refusal(url: str, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert migrate.migrate(make_settings(database_url=url)) == 1
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT to_regclass('public.users')").fetchone()
    assert found == (None,)
    return said


def test_a_schema_that_is_not_there_is_named(
    empty_database_url: str, admin: psycopg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    admin.execute("DROP SCHEMA public")
    assert 'has no schema "public"' in refusal(empty_database_url, capsys)


def test_a_schema_in_which_the_role_may_create_nothing_is_named(
    empty_database_url: str, admin: psycopg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    admin.execute("REVOKE CREATE ON SCHEMA public FROM pg_database_owner, PUBLIC")
    assert "GRANT USAGE, CREATE ON SCHEMA public" in refusal(empty_database_url, capsys)


def test_an_extension_that_the_role_may_not_use_is_named(
    empty_database_url: str, admin: psycopg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    admin.execute("CREATE SCHEMA closed")
    admin.execute("CREATE EXTENSION pg_trgm SCHEMA closed")
    assert 'GRANT USAGE ON SCHEMA "closed"' in refusal(empty_database_url, capsys)


def test_an_extension_that_the_role_may_not_create_is_named(
    empty_database_url: str, admin: psycopg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    admin.execute("GRANT USAGE, CREATE ON SCHEMA public TO wallet")
    admin.execute(f"ALTER DATABASE {admin.info.dbname} OWNER TO postgres".encode())
    assert "let a superuser run CREATE EXTENSION pg_trgm" in refusal(empty_database_url, capsys)


def test_tables_in_another_schema_are_named_and_are_not_made_a_second_time(
    empty_database_url: str, admin: psycopg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = make_settings(database_url=empty_database_url)
    assert migrate.migrate(settings) == 0
    admin.execute("ALTER SCHEMA public RENAME TO wallet")
    admin.execute("CREATE SCHEMA public AUTHORIZATION wallet")
    assert 'tables of a wallet are in the schema "wallet"' in refusal(empty_database_url, capsys)
    admin.execute("DROP SCHEMA public")
    admin.execute("ALTER SCHEMA wallet RENAME TO public")
    assert migrate.migrate(settings) == 0
    assert f"revision {newest_revision()}, the newest" in capsys.readouterr().out
