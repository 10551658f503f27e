"""What the provider remembers, in one SQLite file: objects, idempotency keys, deliveries, modes."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Object = dict[str, Any]

_TABLES = """
CREATE TABLE IF NOT EXISTS objects (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (account, kind, number);
CREATE TABLE IF NOT EXISTS keys (
    account TEXT NOT NULL,
    key TEXT NOT NULL,
    path TEXT NOT NULL,
    parameters TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    request TEXT NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (account, key)
);
CREATE TABLE IF NOT EXISTS deliveries (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    event TEXT NOT NULL,
    state TEXT NOT NULL,
    due_at REAL NOT NULL,
    began_at REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    outcome TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS deliveries_by_event ON deliveries (event);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Stored:
    """The first answer to a call with an idempotency key."""

    path: str
    parameters: str
    status: int
    body: str
    request: str
    created: int


@dataclass(frozen=True)
class Delivery:
    """One copy of an event on its way: `pending`, `held`, `never`, `delivered` or `failed`."""

    number: int
    event: str
    state: str
    due_at: float
    began_at: float
    attempts: int
    outcome: str


class Store:
    """One connection, used by one thread; what happens in `change` commits together."""

    def __init__(self, file: Path | None) -> None:
        self._database = sqlite3.connect(file or ":memory:", isolation_level=None)
        if file is not None:
            file.chmod(0o600)
        # Without waiting for the disk: what is here must survive the process, not the machine.
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.executescript(_TABLES)
        self._depth = 0

    def close(self) -> None:
        self._database.close()

    @contextlib.contextmanager
    def change(self) -> Iterator[None]:
        """A transaction; one within another is a part of it."""
        self._depth += 1
        try:
            if self._depth == 1:
                self._database.execute("BEGIN IMMEDIATE")
            yield
            if self._depth == 1:
                self._database.execute("COMMIT")
        except BaseException:
            if self._depth == 1:
                self._database.execute("ROLLBACK")
            raise
        finally:
            self._depth -= 1

    # ------------------------------------------------------------ objects

    def put(self, account: str, item: Object) -> None:
        self._database.execute(
            "INSERT INTO objects (id, account, kind, body) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET body = excluded.body",
            (item["id"], account, item["object"], json.dumps(item)),
        )

    def get(self, account: str, kind: str, identifier: str) -> Object | None:
        found = self._database.execute(
            "SELECT body FROM objects WHERE id = ? AND account = ? AND kind = ?",
            (identifier, account, kind),
        ).fetchone()
        return None if found is None else json.loads(found[0])

    def owner(self, identifier: str) -> str | None:
        """The account that an object belongs to."""
        found = self._database.execute(
            "SELECT account FROM objects WHERE id = ?", (identifier,)
        ).fetchone()
        return None if found is None else found[0]

    def number(self, account: str, kind: str, identifier: str) -> int | None:
        """The place of an object in the order of creation."""
        found = self._database.execute(
            "SELECT number FROM objects WHERE id = ? AND account = ? AND kind = ?",
            (identifier, account, kind),
        ).fetchone()
        return None if found is None else found[0]

    def newest(
        self,
        account: str,
        kind: str,
        *,
        limit: int,
        filters: Mapping[str, Sequence[str]] | None = None,
        numbers: Sequence[tuple[str, str, int]] = (),
        before: int | None = None,
        after: int | None = None,
    ) -> list[Object]:
        """Objects from the newest on, before or after a place; `after` returns the oldest of them.

        `filters`: the texts that a field may have, where `*` stands for anything; `numbers`: field,
        operator and number.
        """
        conditions, values = ["account = ?", "kind = ?"], [account, kind]
        for path, wanted in (filters or {}).items():
            matches = [f"json_extract(body, '$.{path}') GLOB ?"] * len(wanted)
            conditions.append(f"({' OR '.join(matches)})")
            values += wanted
        arguments: list[object] = [*values]
        for path, operator, number in numbers:
            conditions.append(f"json_extract(body, '$.{path}') {operator} ?")
            arguments.append(number)
        if before is not None:
            conditions.append("number < ?")
            arguments.append(before)
        if after is not None:
            conditions.append("number > ?")
            arguments.append(after)
        order = "DESC" if after is None else "ASC"
        rows = self._database.execute(
            f"SELECT body FROM objects WHERE {' AND '.join(conditions)} "  # noqa: S608 - ours.
            f"ORDER BY number {order} LIMIT ?",
            (*arguments, limit),
        ).fetchall()
        found = [json.loads(body) for (body,) in rows]
        return found if after is None else found[::-1]

    # ------------------------------------------------------------ idempotency keys

    def answer_to(self, account: str, key: str) -> Stored | None:
        found = self._database.execute(
            "SELECT path, parameters, status, body, request, created FROM keys "
            "WHERE account = ? AND key = ?",
            (account, key),
        ).fetchone()
        return None if found is None else Stored(*found)

    def keep_answer(self, account: str, key: str, stored: Stored) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO keys VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(account, key, stored.path, stored.parameters, stored.status, stored.body),
                *(stored.request, stored.created),
            ),
        )

    def forget_answers(self, until: int) -> None:
        self._database.execute("DELETE FROM keys WHERE created <= ?", (until,))

    # ------------------------------------------------------------ deliveries

    def add_delivery(self, event: str, state: str, due_at: float, began_at: float) -> None:
        self._database.execute(
            "INSERT INTO deliveries (event, state, due_at, began_at) VALUES (?, ?, ?, ?)",
            (event, state, due_at, began_at),
        )

    def change_delivery(
        self, number: int, *, state: str, due_at: float, attempts: int, outcome: str
    ) -> None:
        self._database.execute(
            "UPDATE deliveries SET state = ?, due_at = ?, attempts = ?, outcome = ? "
            "WHERE number = ?",
            (state, due_at, attempts, outcome, number),
        )

    def deliveries(self, state: str | None = None, event: str | None = None) -> list[Delivery]:
        """In the order of their events, of one state or event if one is named."""
        rows = self._database.execute(
            "SELECT number, event, state, due_at, began_at, attempts, outcome FROM deliveries "
            "WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR event = ?2) "
            "ORDER BY due_at, number",
            (state, event),
        )
        return [Delivery(*row) for row in rows]

    # ------------------------------------------------------------ facts

    def fact(self, name: str, default: Any) -> Any:
        found = self._database.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return default if found is None else json.loads(found[0])

    def keep_fact(self, name: str, value: Any) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, json.dumps(value))
        )
