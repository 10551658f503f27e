"""Standbys of an embedded PostgreSQL, made and promoted with PostgreSQL's own programs."""

from __future__ import annotations

from pathlib import Path

from dev.postgres import SUPERUSER, Postgres

#: What `pg_rewind` and synchronous replication need of a server, in tests too.
OPTIONS = {
    "full_page_writes": "on",
    "synchronous_commit": "on",
    # A standby follows its primary again soon after either was restarted.
    "wal_retrieve_retry_interval": "300ms",
}
_KEPT_WAL = "512MB"


def standby_of(primary: Postgres, data: Path, log: Path, port: int | None = None) -> Postgres:
    """A new standby on `data` that replicates from `primary`; not started. Raises `ServiceError`."""
    with primary.connect(database="postgres") as connection:
        # In the file: `pg_rewind` starts a server that was killed without our options, and needs its WAL.
        connection.execute(f"ALTER SYSTEM SET wal_keep_size = '{_KEPT_WAL}'".encode())
        connection.execute("SELECT pg_reload_conf()")
    standby = primary.another(primary.new_folder(data), log=log, port=port)
    standby.run(
        "pg_basebackup", "-D", data, "-d", _address(primary), "-R", "-c", "fast", "--no-sync"
    )
    return standby


def promote(standby: Postgres) -> None:
    """Make it a primary; returns once it accepts writes."""
    with standby.connect(database="postgres") as connection:
        connection.execute("SELECT pg_promote()")


def rejoin(old: Postgres, primary: Postgres) -> None:
    """Make a primary that was replaced, and is not running, a standby of the new one; not started.

    What it has and the new one has not is lost. Raises `ServiceError`.
    """
    old.run("pg_rewind", "-D", old.data, f"--source-server={_address(primary)}", "-R", "--no-sync")


def require(primary: Postgres, standbys: str = "*") -> None:
    """Have commits wait for a standby of that name (`synchronous_standby_names`); for none if it is empty."""
    with primary.connect(database="postgres") as connection:
        connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{standbys}'".encode())
        connection.execute("SELECT pg_reload_conf()")


def _address(server: Postgres) -> str:
    return f"host=127.0.0.1 port={server.port} user={SUPERUSER} dbname=postgres"
