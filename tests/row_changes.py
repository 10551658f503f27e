"""Changes that tests themselves make to rows, including those that Citus cannot execute."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus
from sqlalchemy import CursorResult, exc, text
from sqlalchemy.ext.asyncio import AsyncConnection

from persistence import tables
from persistence.cluster.placement import PLACEMENTS, Placement, distribution_column
from tests import clusters

#: The WHERE of a subquery is followed by the end of its parentheses.
_UPDATE = re.compile(r"\s*UPDATE (\w+) SET (.+?)(?:\sWHERE\s(?![^()]*\))(.+))?", re.DOTALL)
#: Between statements that begin at the left margin.
_NEXT = re.compile(r";\s*\n(?=[A-Z]+ )")
_ASSIGNMENT = re.compile(r"(?:^|,)\s*(\w+) = ")


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """A connection in autocommit whose UPDATEs may compute values, such as `created_at - interval '1 day'`.

    Where Citus refuses such a statement, the new values are read first, and the rows are updated one by one.
    """

    @classmethod
    def open(cls, url: str) -> Self:
        """Connect, on a cluster to the coordinator, which alone can alter tables.

        Triggers may be created and disabled, and SET LOCAL applies on every node.
        """
        settings = "-c citus.enable_unsafe_triggers=on -c citus.propagate_set_commands=local"
        return cls.connect(clusters.coordinator(url), autocommit=True, options=settings)

    def execute(self, query: Any, params: Any = None, **options: Any) -> psycopg.Cursor[Any]:
        """As in `psycopg.Connection`, with the UPDATEs that Citus refuses.

        Of several statements, each is sent by itself: Citus would send all of them to its nodes with each.
        """
        statement = query.decode() if isinstance(query, bytes) else query
        if params is None and isinstance(statement, str):
            *first, query = _NEXT.split(statement)
            for each in first:
                self.execute(each)
        try:
            with self._each():
                return super().execute(query, params, **options)
        except psycopg.errors.FeatureNotSupported:
            update = _Update.of(statement) if isinstance(statement, str) else None
            if update is None or not self.autocommit:
                raise
        with self._each():
            rows = super().execute(update.reading.encode(), params).fetchall()
            cursor = self.cursor()
            cursor.executemany(sql.SQL(update.writing(["%s"] * update.width)), rows)
            return cursor

    @contextlib.contextmanager
    def _each(self) -> Iterator[None]:
        """What each statement runs in: a savepoint of a transaction, which goes on after a refusal."""
        is_idle = self.info.transaction_status == TransactionStatus.IDLE
        with contextlib.nullcontext() if is_idle else self.transaction():
            yield


class Unguarded(Connection):
    """A superuser's connection for changes that triggers and foreign keys would refuse, on every node."""

    @contextlib.contextmanager
    def _each(self) -> Iterator[None]:
        with self.transaction():
            # Not `SET`, which a cluster does not pass on.
            psycopg.Connection.execute(self, "SET LOCAL session_replication_role = replica")
            yield


async def change(connection: AsyncConnection, statement: str, **names: object) -> int:
    """Execute a statement, an UPDATE that Citus refuses row by row; returns the number of rows.

    Rows of another user are deleted and inserted: nothing else must refuse that.
    """
    try:
        async with connection.begin_nested():
            return (await _execute(connection, statement, names)).rowcount
    except exc.NotSupportedError:
        update = _Update.of(statement)
        if update is None:
            raise
    rows = (await _execute(connection, update.reading, names)).all()
    for row in rows:
        values = {f"value_{i}": value for i, value in enumerate(row)}
        placeholders = [f":{name}" for name in values]
        for writing in (
            update.moving(placeholders) if update.moves else [update.writing(placeholders)]
        ):
            await connection.execute(text(writing), values)
    return len(rows)


async def _execute(
    connection: AsyncConnection, statement: str, names: Mapping[str, object]
) -> CursorResult[Any]:
    # Without names, a colon in the statement is none of a parameter.
    if not names:
        return await connection.exec_driver_sql(statement)
    return await connection.execute(text(statement), names)


@dataclass(frozen=True, slots=True)
class _Update:
    """An UPDATE, as a statement that reads new values and keys, and others that write those of a row."""

    table: str
    columns: list[str]
    keys: list[str]
    #: Whether rows go to another shard, which Citus does not support.
    moves: bool
    reading: str

    @classmethod
    def of(cls, statement: str) -> Self | None:
        """None for statements of other kinds."""
        if (update := _UPDATE.fullmatch(statement)) is None:
            return None
        table, assignments, condition = update.groups()
        _, *parts = _ASSIGNMENT.split(assignments)
        columns, values = parts[::2], parts[1::2]
        keys = [column.name for column in tables.metadata.tables[table].primary_key]
        moves = PLACEMENTS[table] is Placement.BY_USER and distribution_column(table) in columns
        if moves:
            changed = ", ".join(
                f"'{name}', {value}" for name, value in zip(columns, values, strict=True)
            )
            columns, values = ["*"], [f"(to_jsonb({table}) || jsonb_build_object({changed}))::text"]
        read = f"SELECT {', '.join([*values, *keys])} FROM {table} WHERE {condition or 'true'}"
        return cls(table, columns, keys, moves, read)

    @property
    def width(self) -> int:
        """How many values a row has."""
        return len(self.columns) + len(self.keys)

    def writing(self, values: Sequence[str]) -> str:
        """The statement that changes a row, with these placeholders."""
        pairs = zip(self.columns, values[: len(self.columns)], strict=True)
        changes = ", ".join(f"{name} = {value}" for name, value in pairs)
        return f"UPDATE {self.table} SET {changes} WHERE {self._has_key(values)}"

    def moving(self, values: Sequence[str]) -> tuple[str, str]:
        """The statements that replace a row, with these placeholders."""
        return (
            f"DELETE FROM {self.table} WHERE {self._has_key(values)}",
            f"INSERT INTO {self.table} SELECT * "
            f"FROM jsonb_populate_record(NULL::{self.table}, CAST({values[0]} AS jsonb))",
        )

    def _has_key(self, values: Sequence[str]) -> str:
        pairs = zip(self.keys, values[len(self.columns) :], strict=True)
        return " AND ".join(f"{name} = {value}" for name, value in pairs)
