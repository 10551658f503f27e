"""A PostgreSQL or a cluster that runs already, in place of the embedded PostgreSQL: nothing starts, stops or breaks it."""

from __future__ import annotations

import psycopg

from dev.processes import ServiceError
from persistence.cluster import distributing


class ExistingPostgres:
    """The database of that URL, as the stack uses it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def begin(self) -> None:
        """It runs."""

    def finish(self) -> None:
        """Raises `ServiceError` unless the database has no users: it would be filled with others."""
        try:
            with self.connect() as connection:
                known = "SELECT to_regclass('users') IS NOT NULL"
                if connection.execute(known).fetchone() == (True,) and (
                    connection.execute("SELECT 1 FROM users LIMIT 1").fetchone() is not None
                ):
                    raise ServiceError("The database has users: use one that is empty.")
        except psycopg.OperationalError as error:
            raise ServiceError(f"The database cannot be reached: {error}") from None

    def stop(self) -> None:
        """It keeps running."""

    def connect(self) -> psycopg.Connection:
        """A connection in autocommit."""
        return psycopg.connect(self.url, autocommit=True)

    def has_snapshots(self) -> bool:
        """Whether a query reads all accounts at one moment, which no cluster does."""
        with self.connect() as connection:
            return not distributing.has_citus(connection)
