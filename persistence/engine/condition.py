"""Checks that the database, once reachable, is writable, migrated and safely configured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import Row, exc, text
from sqlalchemy.ext.asyncio import AsyncConnection

from persistence import tables
from persistence.engine import database, pinned, survey
from persistence.engine.database import Database, known_revisions
from persistence.engine.servers import READ_ONLY_TRANSACTION

# Ledgers are append-only for every role, and only migrations change the database's revision.
_READ, _ADD, _CHANGE = ("SELECT",), ("SELECT", "INSERT"), ("SELECT", "INSERT", "UPDATE")
_FEWER: Mapping[str, tuple[str, ...]] = {
    tables.transactions.name: _ADD,
    tables.transaction_metadata.name: _ADD,
    tables.closed_keys.name: _ADD,
    tables.email_addresses.name: _ADD,
    tables.operator_records.name: _ADD,
    # Only `./wallet operators` changes them, as the owner of the tables.
    tables.operators.name: _READ,
    # Only `./wallet begin-epoch` changes it.
    tables.stream_epoch.name: _READ,
}
_NEEDED = {
    **{table.name: _FEWER.get(table.name, _CHANGE) for table in tables.metadata.sorted_tables},
    "alembic_version": _READ,
}

# Missing tables are reported by the check of the migrations.
_LOOK = text(
    """
    SELECT pg_is_in_recovery() AS is_standby, current_setting('transaction_read_only') = 'on' AS is_read_only,
        current_user AS role,
        current_setting('synchronous_commit') AS synchronous_commit,
        current_setting('session_replication_role') AS session_replication_role,
        CASE WHEN has_schema_privilege(to_regnamespace(:schema), 'USAGE') THEN ARRAY(
            SELECT needed.privilege || ' on ' || needed.name
            FROM unnest(CAST(:names AS text[]), CAST(:privileges AS text[])) AS needed (name, privilege)
            WHERE NOT has_any_column_privilege(
                to_regclass(quote_ident(:schema) || '.' || quote_ident(needed.name)), needed.privilege
            )
            ORDER BY 1
        ) ELSE ARRAY['USAGE on the schema ' || :schema] END AS missing_privileges
    """
)
_PARAMETERS: dict[str, Any] = {
    "schema": pinned.SCHEMA,
    "names": [name for name, privileges in _NEEDED.items() for _ in privileges],
    "privileges": [privilege for privileges in _NEEDED.values() for privilege in privileges],
}


@dataclass(frozen=True, slots=True)
class Condition:
    """The state of the database; `is_read_only` also applies to a primary."""

    role: str
    #: The host and port of the connection, as DATABASE_URL lists them.
    server: str
    is_standby: bool
    is_read_only: bool
    #: Such as "UPDATE on users".
    missing_privileges: tuple[str, ...]
    synchronous_commit: str
    session_replication_role: str

    @property
    def server_role(self) -> survey.Role:
        """What the server is to others."""
        return "standby" if self.is_standby else "read-only" if self.is_read_only else "primary"

    @property
    def trouble(self) -> str | None:
        """What is wrong, in a few words that are safe to publish; None if nothing is."""
        if self.is_standby:
            return "a standby, which takes no writes"
        if self.is_read_only:
            return "read-only"
        if self.missing_privileges:
            return "privileges are missing: run `./wallet doctor`"
        return None

    @property
    def advice(self) -> str | None:
        """What is wrong and what to do about it, for the operator; None if nothing is."""
        if self.is_standby:
            return "It is a standby, which takes no writes: set DATABASE_URL to the primary."
        if self.is_read_only:
            return (
                "It is read-only, so that no money can move: default_transaction_read_only is on for the server, "
                "the database or the role. Hosting providers set it when the disk is full."
            )
        if self.missing_privileges:
            return (
                f'The role "{self.role}" lacks {", ".join(self.missing_privileges)}: grant it as described in '
                "docs/operating.md, Roles."
            )
        return None

    @property
    def risks(self) -> list[str]:
        """Settings of the server, the database or the role that could lose money or damage ledgers, and
        what to do about each, for the operator.
        """
        risks = []
        if self.synchronous_commit == "off":
            risks.append(
                "synchronous_commit is off: a crash of PostgreSQL can lose transfers that were acknowledged. "
                "Set it to on for the server, the database and the role."
            )
        if self.session_replication_role != "origin":
            risks.append(
                f"session_replication_role is {self.session_replication_role}: the triggers that keep the "
                "ledgers append-only and the foreign keys are not enforced. Set it to origin."
            )
        return risks


async def look(db: Database) -> Condition:
    """Query the database. Raises Unavailable if it cannot be reached."""

    async def look_at(connection: AsyncConnection) -> tuple[Row[Any], str]:
        row = (await connection.execute(_LOOK, _PARAMETERS)).one()
        driver_connection = (await connection.get_raw_connection()).driver_connection
        assert driver_connection is not None
        return row, str(driver_connection.server)

    row, server = await db.read(look_at)
    return Condition(
        role=row.role,
        server=server,
        is_standby=row.is_standby,
        is_read_only=row.is_read_only,
        missing_privileges=tuple(row.missing_privileges),
        synchronous_commit=row.synchronous_commit,
        session_replication_role=row.session_replication_role,
    )


async def migration_trouble(db: Database) -> str | None:
    """What is wrong with the revision of the database; None if it is the newest."""
    current, newest = await db.migration_state()
    if current == newest:
        return None
    if current is not None and current not in known_revisions():
        return f"ahead: the database is at {current}, from a newer release: update this program"
    return f"behind: the database is at {current or 'nothing'}, the newest is {newest}: run `./wallet migrate`"


def explain(error: BaseException | None) -> str:
    """The cause of an error that made the database unavailable, and what to do, for the operator."""
    if not isinstance(error, exc.DBAPIError | psycopg.Error):
        return "The database cannot be reached. Is it running, and is DATABASE_URL right?"
    state, said = database.sqlstate(error), database.plain(error)
    if state in database.NOT_MIGRATED:
        return "The database lacks the tables of this release: run `./wallet migrate`."
    if state == database.NOT_ALLOWED:
        return (
            f"The role of DATABASE_URL lacks a privilege ({said}): grant it as described in "
            "docs/operating.md, Roles, or use the owner of the tables."
        )
    if state == READ_ONLY_TRANSACTION:
        return (
            "The database is read-only: it is a standby, or default_transaction_read_only is on for the "
            "server, the database or the role."
        )
    return f"The database cannot be reached: {said}. Is it running, and is DATABASE_URL right?"
