"""Databases of the tests: copies of a template, emptied and used again where the test left the schema alone.

Emptying takes a millisecond where creating and dropping takes twenty.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from tests import clusters

#: Set by the caller to run the tests on existing services, otherwise by `pytest_configure`.
DATABASE_VARIABLE = "TEST_DATABASE_URL"
ADMIN_VARIABLE = "TEST_ADMIN_DATABASE_URL"
RUN_VARIABLE = "MINI_WALLET_TEST_RUN"

#: What changes when the schema, the grants or the settings of the database do: every change of a row of the
#: catalogs has a newer transaction.
_FINGERPRINT = """
SELECT
    (SELECT (count(*), max(xmin::text::bigint))::text FROM pg_class WHERE relpersistence = 'p'),
    (SELECT (count(*), max(xmin::text::bigint))::text FROM pg_attribute),
    (SELECT (count(*), max(xmin::text::bigint))::text FROM pg_constraint),
    (SELECT (count(*), max(xmin::text::bigint))::text FROM pg_trigger),
    (SELECT (count(*), max(xmin::text::bigint))::text FROM pg_proc),
    (SELECT (count(*), max(xmin::text::bigint))::text FROM pg_namespace),
    (SELECT (count(*), max(xmin::text::bigint))::text FROM pg_extension),
    (SELECT count(*) FROM pg_db_role_setting
        WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()))
"""
_TABLES = """
SELECT quote_ident(relname) FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""
#: On a node of a cluster, the rows are in the shards.
_SHARDS = f"{_TABLES} AND oid NOT IN (SELECT logicalrelid FROM pg_dist_partition)"
_AS_STATEMENTS = """
SELECT format('INSERT INTO {table} SELECT * FROM jsonb_populate_record(NULL::{table}, %L)', to_jsonb(r))
FROM {table} AS r
"""
_END_OTHERS = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type NOT LIKE 'Citus%'
"""
_END_SESSIONS = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s"
_SEQUENCES = (
    "SELECT count(*) FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace"
)

#: Connections that create, empty and drop databases, by URL: kept, because each test needs them.
_connections: dict[str, psycopg.Connection] = {}
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class _Part:
    """A database on one node of a cluster; or on a plain PostgreSQL, which is the only one."""

    url: str
    fingerprint: tuple[object, ...]
    #: Deletes all rows but those of the migrations, whatever triggers and foreign keys say.
    emptying: str


@dataclass(frozen=True, slots=True)
class _Database:
    name: str
    parts: tuple[_Part, ...]


#: Databases that are empty, by their template.
_empty: dict[str, list[_Database]] = {}


def with_database(url: str, name: str) -> str:
    """The URL of another database on the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@contextlib.contextmanager
def temporary(worker_number: int, template: str) -> Iterator[str]:
    """The URL of a new copy of the template, which is dropped at the end of the block."""
    name = _create(worker_number, template)
    try:
        yield with_database(os.environ[DATABASE_VARIABLE], name)
    finally:
        drop(name)


@contextlib.contextmanager
def reused(worker_number: int, template: str) -> Iterator[str]:
    """The URL of a copy of the template that no one else uses during the block."""
    if ADMIN_VARIABLE not in os.environ:
        # Only a superuser can delete what must not be deleted.
        with temporary(worker_number, template) as url:
            yield url
        return
    empty = _empty.setdefault(template, [])
    database = empty.pop() if empty else _observe(_create(worker_number, template))
    try:
        yield with_database(os.environ[DATABASE_VARIABLE], database.name)
    finally:
        if _is_emptied(database):
            empty.append(database)
        else:
            drop(database.name)


def drop(name: str) -> None:
    """Drop the database if there is one, whoever is connected."""
    # A superuser's session may not have ended yet, and only a superuser can end it.
    url = os.environ.get(ADMIN_VARIABLE, os.environ[DATABASE_VARIABLE])
    kept = _connections.pop(with_database(url, name), None)
    if kept is not None:
        kept.close()
    database = sql.Identifier(name)
    connections = [connected(server) for server in clusters.servers(url)]
    for connection in connections if clusters.nodes(url) else ():
        # The processes of Citus on the other nodes would connect again meanwhile.
        closing = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(database)
        with contextlib.suppress(psycopg.errors.InvalidCatalogName):
            connection.execute(closing)
        connection.execute(_END_SESSIONS, [name])
    for connection in connections:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(database))


def connected(url: str) -> psycopg.Connection:
    """A connection in autocommit for the whole run; another if a test has ended it."""
    kept = _connections.get(url)
    if kept is None or kept.closed:
        kept = _connections[url] = psycopg.connect(url, autocommit=True)
    return kept


def close() -> None:
    """Drop the databases that are kept, and end the connections."""
    for name in [database.name for databases in _empty.values() for database in databases]:
        with contextlib.suppress(psycopg.Error):
            drop(name)
    for connection in _connections.values():
        connection.close()


def _create(worker_number: int, template: str) -> str:
    name = f"test_{os.environ[RUN_VARIABLE]}_{worker_number}_{next(_numbers)}"
    for server in clusters.servers(os.environ[DATABASE_VARIABLE]):
        # Copying files took 26 ms here, the default (through the WAL) 60 ms.
        connected(server).execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
    return name


def _observe(name: str) -> _Database:
    servers = clusters.servers(os.environ[ADMIN_VARIABLE])
    return _Database(name, tuple(_observe_part(with_database(each, name)) for each in servers))


def _observe_part(url: str) -> _Part:
    connection = connected(url)
    [(sequences,)] = connection.execute(_SEQUENCES)
    assert sequences == 0, "emptying does not reset sequences"
    if is_node := bool(clusters.nodes(os.environ[ADMIN_VARIABLE])):
        connection.execute("SET citus.override_table_visibility = off")
    tables = [table for (table,) in connection.execute(_SHARDS if is_node else _TABLES)]
    # Some tables have a row of the migrations.
    restoring = [
        statement
        for table in tables
        for (statement,) in connection.execute(_AS_STATEMENTS.format(table=table))
    ]
    emptying = "; ".join(
        (
            "BEGIN",
            "SET LOCAL session_replication_role = replica",
            # A prepared transaction may hold locks.
            "SET LOCAL lock_timeout = '5s'",
            *(f"DELETE FROM {table}" for table in tables),
            *restoring,
            "COMMIT",
        )
    )
    return _Part(url, _fingerprint(connection), emptying)


def _is_emptied(database: _Database) -> bool:
    """Whether the database is as it was created, with the rows of the test deleted and its connections ended."""
    for _ in range(2):
        # A test may have ended our connections with all others.
        with contextlib.suppress(psycopg.OperationalError):
            connections = [(connected(part.url), part) for part in database.parts]
            for connection, _ in connections:
                connection.execute(_END_OTHERS)
            if any(_fingerprint(each) != part.fingerprint for each, part in connections):
                return False
            for connection, part in connections:
                connection.execute(part.emptying)
            return True
    return False


def _fingerprint(connection: psycopg.Connection) -> tuple[object, ...]:
    [row] = connection.execute(_FINGERPRINT)
    return row
