"""`migrate`: brings the database to the newest revision."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import alembic.command
import alembic.config
import psycopg
import sqlalchemy
from alembic.util import CommandError
from sqlalchemy import exc

from app.commands import prerequisites, terminal
from persistence.cluster import distributing
from persistence.engine import database
from persistence.people import refolding, skeleton_rows
from settings import Settings

#: How long `migrate` waits for a database that is just starting.
PATIENCE_SECONDS = 10.0
#: Concurrent migrations would conflict: the second waits for this advisory lock.
_MIGRATION_LOCK = 0x57414C4C4554
_MIGRATION_LOCK_SECONDS = 300


def migrate(settings: Settings, *, patience_seconds: float = PATIENCE_SECONDS) -> int:
    """Bring the database to the newest revision. Exit status 0, or 1 after a sentence that says why."""
    with terminal.sentences() as outcome:
        engine = database.blocking_engine(settings.database_url.get_secret_value())
        try:
            with _connected(engine, patience_seconds) as connection:
                _lock(connection)
                prerequisites.check(connection)
                before = _revision(connection)
                connection.exec_driver_sql(distributing.ALLOW_TRIGGERS)
                connection.commit()
                _upgrade(connection, settings.sealing_key)
                after = _revision(connection)
                _redistribute(connection)
                _refold(connection)
        finally:
            engine.dispose()
        if before == after:
            terminal.say(f"The database is at revision {after}, the newest: nothing to do.")
        else:
            terminal.say(f"The database went from {before or 'nothing'} to revision {after}.")
    return outcome.status


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
                raise terminal.Refused(
                    f"The database cannot be reached: {terminal.reason(error)}"
                ) from None
            time.sleep(0.25)
        else:
            break
    with connection:
        yield connection


def _lock(connection: sqlalchemy.Connection) -> None:
    """Wait for a concurrent migration; the lock is held until the connection closes.

    Waits outside of a transaction: building an index concurrently waits for open transactions.
    """
    deadline = time.monotonic() + _MIGRATION_LOCK_SECONDS
    take = f"SELECT pg_try_advisory_lock({_MIGRATION_LOCK})"
    while not connection.exec_driver_sql(take).scalar_one():
        connection.commit()
        if time.monotonic() >= deadline:
            raise terminal.Refused(
                f"Another migration has been running for {_MIGRATION_LOCK_SECONDS} seconds: "
                "wait until it has finished, then try again."
            )
        time.sleep(0.25)
    # A migration that waits for a table lock blocks all later requests for that lock, so it gives up soon.
    connection.exec_driver_sql("SET lock_timeout = '10s'")
    connection.exec_driver_sql("SET statement_timeout = '30min'")
    connection.commit()


@contextmanager
def _in_autocommit(connection: sqlalchemy.Connection) -> Iterator[psycopg.Connection]:
    """The driver's connection."""
    connection.commit()
    driver_connection = connection.connection.driver_connection
    assert isinstance(driver_connection, psycopg.Connection)
    driver_connection.autocommit = True
    yield driver_connection
    driver_connection.autocommit = False


def _redistribute(connection: sqlalchemy.Connection) -> None:
    """On a cluster, distribute what the migrations have created."""
    with _in_autocommit(connection) as driver_connection:
        if distributing.is_distributed(driver_connection):
            distributing.distribute(driver_connection)


def _refold(connection: sqlalchemy.Connection) -> None:
    """Rewrite what an earlier release made of names and notes by other rules."""
    with _in_autocommit(connection) as driver_connection:
        rewritten = _rewrite(driver_connection)
    if rewritten:
        terminal.say(f"Rewrote the search texts of {rewritten:,} names and notes.")


def _rewrite(driver_connection: psycopg.Connection) -> int:
    with terminal.console.status("Checking the search texts …") as status:
        rewritten = refolding.refold(
            driver_connection,
            lambda texts: status.update(f"Rewriting search texts … {texts:,}"),
        )
    with terminal.console.status("Checking the skeletons of names …") as status:
        skeleton_rows.rewrite(
            driver_connection,
            lambda users: status.update(f"Storing the skeletons of names … {users:,}"),
        )
    return rewritten


def _revision(connection: sqlalchemy.Connection) -> str | None:
    known = connection.exec_driver_sql("SELECT to_regclass('alembic_version')").scalar_one()
    if known is None:
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()


def alembic_config(
    connection: sqlalchemy.Connection | None = None, audit_key: bytes = b""
) -> alembic.config.Config:
    """Alembic's configuration, independent of the current directory."""
    config = alembic.config.Config()
    config.set_main_option("script_location", str(database.MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    config.attributes["audit_key"] = audit_key
    return config


def _upgrade(connection: sqlalchemy.Connection, audit_key: bytes) -> None:
    try:
        alembic.command.upgrade(alembic_config(connection, audit_key), "head")
        connection.commit()
    except CommandError as error:
        raise terminal.Refused(
            f"The database is at a revision that this program does not know ({error}): it was migrated "
            "by a newer Mini Wallet. Update this one."
        ) from None
    except exc.DBAPIError as error:
        raise terminal.Refused(
            f"The migration failed and nothing was changed: {database.plain(error)}."
        ) from None
