"""Changes that tests themselves make to rows, including those that Citus cannot execute."""

from __future__ import annotations

import re
from typing import Any, Self

import psycopg
from psycopg import sql

_UPDATE = re.compile(r"\s*UPDATE (\w+) SET (.+?)(?:\sWHERE\s(.+))?", re.DOTALL)
_ASSIGNMENT = re.compile(r"(?:^|,)\s*(\w+) = ")
_PRIMARY_KEY = """
SELECT a.attname FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid
    AND a.attnum = ANY (i.indkey)
WHERE i.indrelid = %s::regclass AND i.indisprimary
"""


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """A connection in autocommit whose UPDATEs may compute values, such as `created_at - interval '1 day'`.

    Where Citus refuses such a statement, the new values are read first, and the rows are updated one by one.
    """

    @classmethod
    def open(cls, url: str) -> Self:
        """Connect. Triggers may be created and disabled, and SET LOCAL applies on every node of a cluster."""
        settings = "-c citus.enable_unsafe_triggers=on -c citus.propagate_set_commands=local"
        return cls.connect(url, autocommit=True, options=settings)

    def execute(self, query: Any, params: Any = None, **options: Any) -> psycopg.Cursor[Any]:
        """As in `psycopg.Connection`, with the UPDATEs that Citus refuses."""
        try:
            return super().execute(query, params, **options)
        except psycopg.errors.FeatureNotSupported:
            text = query.decode() if isinstance(query, bytes) else query
            update = _UPDATE.fullmatch(text) if isinstance(text, str) else None
            if update is None or not self.autocommit:
                raise
            return self._update(*update.groups(), params)

    def _update(
        self, table: str, assignments: str, condition: str | None, params: Any
    ) -> psycopg.Cursor[Any]:
        _, *parts = _ASSIGNMENT.split(assignments)
        columns, values = parts[::2], parts[1::2]
        keys = [name for (name,) in super().execute(_PRIMARY_KEY, [table])]
        read = f"SELECT {', '.join([*keys, *values])} FROM {table} WHERE {condition or 'true'}"
        rows = super().execute(read.encode(), params).fetchall()
        write = sql.SQL("UPDATE {} SET {} WHERE {}").format(
            sql.Identifier(table),
            sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in columns),
            sql.SQL(" AND ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in keys),
        )
        cursor = self.cursor()
        cursor.executemany(write, [[*row[len(keys) :], *row[: len(keys)]] for row in rows])
        return cursor
