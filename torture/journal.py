"""What a receiver of webhooks stores: the last number that it processed, and a journal for the checker.

One SQLite file for each receiver: what is in a transaction of it survives `kill -9`, as a receiver's own
database would. The run writes there too: the secrets that the receiver is told, and how it misbehaves.
"""

from __future__ import annotations

import contextlib
import enum
import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TABLES = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS state (
    last INTEGER NOT NULL, first INTEGER NOT NULL, is_slow INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS secrets (id INTEGER PRIMARY KEY, secret TEXT NOT NULL, until REAL);
CREATE TABLE IF NOT EXISTS orders (trouble TEXT NOT NULL, remaining INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS requests (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, path TEXT NOT NULL, event_id TEXT NOT NULL,
    timestamp INTEGER NOT NULL, kind TEXT NOT NULL, number INTEGER NOT NULL, amount TEXT,
    reference TEXT, signed_by TEXT NOT NULL, reply TEXT NOT NULL, answered REAL,
    is_processed INTEGER NOT NULL
);
"""
_INSERT = """
INSERT INTO requests (at, path, event_id, timestamp, kind, number, amount, reference, signed_by, reply,
    is_processed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
ACKNOWLEDGED = "204"
#: The signature is not one of an active secret.
NOT_GENUINE = "401"


class Trouble(enum.StrEnum):
    """How a receiver misbehaves; the value is noted as its reply."""

    ERROR = "500"
    BUSY = "429"
    NOT_FOUND = "404"
    GONE = "410"
    #: To a path that is never to be requested.
    REDIRECT = "307"
    #: The event is processed, and no response is sent.
    HANG = "hang"
    #: The event is processed, and the response takes forever.
    DRIP = "drip"
    #: The event is processed, and the connection is closed in the middle of the response.
    CUT = "cut"
    #: The connection is closed, and the event not processed.
    CUT_EARLY = "cut early"
    #: The event is processed and acknowledged, but late.
    SLOW = "slow"

    @property
    def processes(self) -> bool:
        """Whether the event is processed nevertheless."""
        return self in (Trouble.HANG, Trouble.DRIP, Trouble.CUT, Trouble.SLOW)


@dataclass(frozen=True, slots=True)
class Arrived:
    """A request, as it was read."""

    #: The ids of the secrets, active or not, with which it is signed.
    signed_by: tuple[int, ...]
    path: str
    event_id: str
    timestamp: int
    #: `type` of the body.
    kind: str
    number: int
    #: `balance.amount` and `transaction.reference`, where the body has them.
    amount: str | None
    reference: str | None


@dataclass(frozen=True, slots=True)
class Noted:
    """A request in the journal."""

    at: float
    sent: Arrived
    #: A status, or how the receiver failed to respond.
    reply: str
    #: When the response was about to be sent; None if none was.
    answered: float | None
    #: Whether the event was processed with it.
    is_processed: bool


class Journal:
    """The file of one receiver, as opened by one process. Everything in it is quick."""

    def __init__(self, file: Path) -> None:
        self._connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA busy_timeout = 10000")
        # The file has to survive the end of the process, not of the machine.
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.executescript(_TABLES)

    def close(self) -> None:
        self._connection.close()

    # ------------------------------------------------ what the run writes

    def start_after(self, number: int) -> None:
        """The receiver begins with the event after that one."""
        self._connection.execute("INSERT INTO state (last, first) VALUES (?, ?)", [number, number])

    def tell(self, secret: str) -> int:
        """Tell the receiver another secret; returns its id."""
        told = self._connection.execute("INSERT INTO secrets (secret) VALUES (?)", [secret])
        return told.lastrowid or 0

    def expire(self, before: int, until: float) -> None:
        """Secrets with lower ids are accepted until then at most."""
        self._connection.execute(
            "UPDATE secrets SET until = min(coalesce(until, ?1), ?1) WHERE id < ?2", [until, before]
        )

    def order(self, trouble: Trouble | None, times: int = 1) -> None:
        """Misbehave for so many requests; None ends it."""
        with self._transaction():
            self._connection.execute("DELETE FROM orders")
            if trouble is not None:
                self._connection.execute("INSERT INTO orders VALUES (?, ?)", [trouble.value, times])

    def slow_down(self, *, is_slow: bool) -> None:
        """Acknowledge late, or not any more."""
        self._connection.execute("UPDATE state SET is_slow = ?", [is_slow])

    # ------------------------------------------------ what the receiver writes

    def secrets(self) -> Sequence[tuple[int, str, float | None]]:
        """Id, secret, and until when it is accepted."""
        return self._connection.execute("SELECT id, secret, until FROM secrets").fetchall()

    def trouble(self) -> Trouble | None:
        """How the receiver is to misbehave now."""
        found = self._connection.execute(
            "SELECT trouble FROM orders WHERE remaining > 0 "
            "UNION ALL SELECT 'slow' FROM state WHERE is_slow"
        ).fetchone()
        return None if found is None else Trouble(found[0])

    def arrive(self, request: Arrived, reply: str, *, processes: bool) -> int:
        """Note a request, and process its event unless it was processed before; in one transaction."""
        with self._transaction():
            [last] = self._connection.execute("SELECT last FROM state").fetchone()
            is_new = processes and request.number > last
            if is_new:
                self._connection.execute("UPDATE state SET last = ?", [request.number])
            noted = self._connection.execute(
                _INSERT,
                [
                    time.monotonic(), request.path, request.event_id, request.timestamp,
                    request.kind, request.number, request.amount, request.reference,
                    json.dumps(request.signed_by), reply, is_new,
                ],
            )  # fmt: skip
        return noted.lastrowid or 0

    def answer(self, request: int) -> None:
        """The response of that request is about to be sent."""
        self._connection.execute(
            "UPDATE requests SET answered = ? WHERE id = ?", [time.monotonic(), request]
        )

    def done(self) -> None:
        """One misbehaviour that was ordered has ended."""
        self._connection.execute("UPDATE orders SET remaining = remaining - 1 WHERE remaining > 0")

    # ------------------------------------------------ what the run reads

    @property
    def last(self) -> int:
        """The last number processed."""
        last: int = self._connection.execute("SELECT last FROM state").fetchone()[0]
        return last

    @property
    def first(self) -> int:
        """The number that it began after."""
        first: int = self._connection.execute("SELECT first FROM state").fetchone()[0]
        return first

    @property
    def has_orders(self) -> bool:
        """Whether it is still to misbehave as ordered."""
        found = self._connection.execute("SELECT 1 FROM orders WHERE remaining > 0").fetchone()
        return found is not None

    def in_flight(self, since: float) -> int:
        """How many requests that arrived since then have not been answered."""
        found = self._connection.execute(
            "SELECT count(*) FROM requests WHERE at > ? AND answered IS NULL", [since]
        ).fetchone()
        return int(found[0])

    def requests(self) -> list[Noted]:
        """Every request, in the order of arrival."""
        found = self._connection.execute(
            "SELECT at, reply, answered, is_processed, signed_by, path, event_id, timestamp, kind, "
            "number, amount, reference FROM requests ORDER BY id"
        )
        return [_read(*row) for row in found]

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")


def _read(
    at: float, reply: str, answered: float | None, is_processed: int, signed_by: str, *sent: Any
) -> Noted:
    arrived = Arrived(tuple(json.loads(signed_by)), *sent)
    return Noted(at, arrived, reply, answered, bool(is_processed))
