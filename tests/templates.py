"""The template of the tests' databases: migrated and empty, and on a Citus cluster distributed."""

from __future__ import annotations

import os
from collections.abc import Callable
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from persistence.cluster import distributing
from tests import clusters
from tests.databases import ADMIN_VARIABLE, DATABASE_VARIABLE, connected, with_database

_SHARDS = 4
_END_SESSIONS = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()
"""


def ensure(name: str, migrate: Callable[[str], None]) -> None:
    """Create the template, unless another worker has; `migrate` gets the URL of an empty database."""
    url = os.environ[DATABASE_VARIABLE]
    with psycopg.connect(url, autocommit=True) as connection:
        # Workers wait here while the first one migrates.
        connection.execute("SELECT pg_advisory_lock(hashtext(%s))", [name])
        exists = "SELECT 1 FROM pg_database WHERE datname = %s"
        if connection.execute(exists, [name]).fetchone() is not None:
            return
        making = f"{name}_making"
        if clusters.nodes(url):
            create_on_nodes(making)
            # The tests themselves may run through a worker.
            coordinator = clusters.coordinator(url)
            migrate(with_database(coordinator, making))
            _distribute(with_database(coordinator, making))
            _seal(making)
        else:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(making)))
            migrate(with_database(url, making))
        for server in clusters.servers(os.environ.get(ADMIN_VARIABLE, url)):
            connected(server).execute(
                sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                    sql.Identifier(making), sql.Identifier(name)
                )
            )


def create_on_nodes(name: str) -> None:
    """Create an empty database of that name on every node, and make these databases a cluster."""
    admin = clusters.coordinator(os.environ[ADMIN_VARIABLE])
    owner = sql.Identifier(urlsplit(os.environ[DATABASE_VARIABLE]).username or "")
    for server in clusters.servers(admin):
        statement = sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), owner)
        connected(server).execute(statement)
        with psycopg.connect(with_database(server, name), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION citus")
    coordinator, *workers = clusters.nodes(admin)
    with psycopg.connect(with_database(admin, name), autocommit=True) as connection:
        connection.execute("SELECT citus_set_coordinator_host(%s, %s)", coordinator)
        for worker in workers:
            connection.execute("SELECT citus_add_node(%s, %s)", worker)


def _distribute(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        distributing.distribute(connection, _SHARDS)


def _seal(name: str) -> None:
    """Let nobody connect to the database, Citus' own processes included: it could not be copied."""
    for server in clusters.servers(os.environ[ADMIN_VARIABLE]):
        connection = connected(server)
        connection.execute(
            sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name))
        )
        connection.execute(_END_SESSIONS, [name])
