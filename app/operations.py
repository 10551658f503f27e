"""What an operator does to the database: migrate it, seed it, audit it; and ask what is amiss."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import alembic.command
import alembic.config
import psycopg
import sqlalchemy
from alembic.util import CommandError
from rich.console import Console
from sqlalchemy import exc

from domain import errors
from persistence import database
from settings import Settings

#: How long `migrate` waits for a database that is just starting.
PATIENCE_SECONDS = 10.0
MINIMUM_SERVER_VERSION = 160_000
#: Two migrations at once would trip over each other: the second waits on this advisory lock.
_MIGRATION_LOCK = 0x57414C4C4554
_MIGRATION_LOCK_SECONDS = 300


class _Refused(Exception):
    """The operation cannot be done; the text is a sentence for the operator."""


def migrate(settings: Settings, *, patience_seconds: float = PATIENCE_SECONDS) -> int:
    """Bring the database to the newest revision. Exit status 0, or 1 after a sentence that says why."""
    with _sentences() as outcome:
        engine = _engine(settings)
        try:
            with _connected(engine, patience_seconds) as connection:
                _check_server(connection)
                _lock(connection)
                _check_letters(connection)
                before = _revision(connection)
                _upgrade(connection)
                after = _revision(connection)
        finally:
            engine.dispose()
        if before == after:
            _say(f"The database is at revision {after}, the newest: nothing to do.")
        else:
            _say(f"The database went from {before or 'nothing'} to revision {after}.")
    return outcome.status


def _engine(settings: Settings) -> sqlalchemy.Engine:
    try:
        url = database.driver_url(settings.database_url.get_secret_value())
    except ValueError as error:
        raise _Refused(f"{error}. See .env.example.") from None
    return sqlalchemy.create_engine(
        url, connect_args=database.CONNECTION_ARGUMENTS, poolclass=sqlalchemy.pool.NullPool
    )


@contextmanager
def _connected(
    engine: sqlalchemy.Engine, patience_seconds: float
) -> Iterator[sqlalchemy.Connection]:
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            connection = engine.connect()
        except exc.OperationalError as error:
            if time.monotonic() >= deadline:
                raise _Refused(f"The database cannot be reached: {_reason(error)}") from None
            time.sleep(0.25)
        else:
            break
    with connection:
        yield connection


def _reason(error: exc.DBAPIError) -> str:
    return f"{_plain(error)}. Is it running, and is DATABASE_URL right?"


def _plain(error: exc.DBAPIError) -> str:
    return " ".join(str(error.orig).split()).rstrip(".?")


def _check_server(connection: sqlalchemy.Connection) -> None:
    version = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one())
    if version < MINIMUM_SERVER_VERSION:
        raise _Refused(
            f"This PostgreSQL is version {version // 10_000}, and Mini Wallet needs 16 or newer: "
            "give DATABASE_URL of a newer server."
        )
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        raise _Refused(
            f"This database is encoded in {encoding}, and names and notes need UTF8: "
            "create it with ENCODING 'UTF8' TEMPLATE template0."
        )
    connection.rollback()


def _lock(connection: sqlalchemy.Connection) -> None:
    """Wait for a migration that is under way elsewhere; held until the connection closes."""
    try:
        connection.exec_driver_sql(f"SET lock_timeout = '{_MIGRATION_LOCK_SECONDS}s'")
        connection.exec_driver_sql(f"SELECT pg_advisory_lock({_MIGRATION_LOCK})")
    except exc.OperationalError:
        raise _Refused(
            f"Another migration has been running for {_MIGRATION_LOCK_SECONDS} seconds: "
            "wait until it has finished, then try again."
        ) from None
    # A migration that waits for a table makes everybody queue behind it: better to give up soon.
    connection.exec_driver_sql("SET lock_timeout = '10s'")
    connection.exec_driver_sql("SET statement_timeout = '30min'")
    connection.commit()


def _check_letters(connection: sqlalchemy.Connection) -> None:
    """Refuse a database in which names beyond ASCII could not be found."""
    try:
        connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except exc.DBAPIError as error:
        raise _Refused(
            f"The extension pg_trgm cannot be created ({_plain(error)}): install "
            "PostgreSQL's contrib package, or let a superuser run CREATE EXTENSION pg_trgm once."
        ) from None
    trigrams = connection.exec_driver_sql("SELECT show_trgm('é')").scalar_one()
    if not trigrams:
        ctype = connection.exec_driver_sql(
            "SELECT datctype FROM pg_database WHERE datname = current_database()"
        ).scalar_one()
        raise _Refused(
            f"This database takes no letter beyond ASCII for one (its LC_CTYPE is {ctype}), so a "
            "search would miss names such as Zoë or Владимир. Create the database anew with "
            "LC_CTYPE 'C.UTF-8' (or any UTF-8 locale) TEMPLATE template0, and migrate that."
        )
    connection.commit()


def _revision(connection: sqlalchemy.Connection) -> str | None:
    known = connection.exec_driver_sql("SELECT to_regclass('alembic_version')").scalar_one()
    if known is None:
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()


def alembic_config(connection: sqlalchemy.Connection | None = None) -> alembic.config.Config:
    """Alembic's configuration, for whatever directory one is in."""
    config = alembic.config.Config()
    config.set_main_option("script_location", str(database.MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: sqlalchemy.Connection) -> None:
    try:
        alembic.command.upgrade(alembic_config(connection), "head")
        connection.commit()
    except CommandError as error:
        raise _Refused(
            f"The database is at a revision that this program does not know ({error}): it was migrated "
            "by a newer Mini Wallet. Update this one."
        ) from None
    except exc.DBAPIError as error:
        raise _Refused(
            f"The migration was given up and nothing was changed: {_plain(error)}."
        ) from None


# ================================================================ saying it


_console = Console(highlight=False, soft_wrap=True)
_errors = Console(stderr=True, highlight=False, soft_wrap=True)


def _say(sentence: str) -> None:
    _console.print(sentence, markup=False)


class _Outcome:
    status = 0


@contextmanager
def _sentences() -> Iterator[_Outcome]:
    """Say what was refused, or what is away, in a sentence instead of a traceback."""
    outcome = _Outcome()
    try:
        yield outcome
        return
    except _Refused as refusal:
        sentence = str(refusal)
    except errors.Unavailable:
        sentence = "The database cannot be reached. Is it running, and is DATABASE_URL right?"
    except exc.DBAPIError as error:
        if not database.is_trouble(error):
            raise
        sentence = f"The database cannot be reached: {_reason(error)}"
    except psycopg.OperationalError as error:
        sentence = f"The database cannot be reached: {error}"
    outcome.status = 1
    _errors.print(sentence, style="red", markup=False)


def doctor(settings: Settings) -> int:
    """Say what is configured, reachable and migrated, and what to do about what is not."""
    from app import doctor as check_up

    return check_up.run(settings)
