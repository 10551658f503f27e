"""A database of a given size, loaded by COPY: so many users, one of whom has as many entries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from bench import search, users
from domain import ids, text
from domain.ledger import seals
from domain.ledger.kinds import Direction, Kind
from domain.ledger.transfers import EMPTY_LEDGER_SEAL, Entry
from domain.people import skeletons

#: The number of the user with the long account ledger.
LONG = 1
#: The amount of each entry, in minor units.
AMOUNT_MINOR = 10_000
#: Between two entries of the long ledger.
INTERVAL = timedelta(minutes=2)

Row = tuple[Any, ...]
_USERS = (
    "id", "name", "search_text", "email", "email_verified_at", "password_hash", "created_at", "balance",
    "sequence", "last_posted_at", "book_seal",
)  # fmt: skip
_ENTRIES = (
    "user_id", "sequence", "reference", "kind", "direction", "amount", "fee", "balance_after",
    "created_at", "idempotency_key", "seal",
)  # fmt: skip
_OUTBOX = ("user_id", "id", "topic", "payload", "created_at", "published_at")
_HEAD = """
UPDATE users SET balance = %s, sequence = %s, last_posted_at = %s, book_seal = %s WHERE id = %s
"""
_SESSIONS = """
INSERT INTO sessions (user_id, id, created_at, last_used_at, generation, refresh_hash, rotated_at)
SELECT id, id, now(), now(), 1, sha256(id::text::bytea), now() FROM unnest(%s::uuid[]) AS id
"""
_SEARCH_INDEXES = """
SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'users' AND indexname LIKE 'users_search%'
"""


def newest_time() -> datetime:
    """The time of the newest entry of every account ledger: the last midnight in UTC."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def name_of(number: int) -> str:
    """A given name of two syllables and a family name of four."""
    # Multiplied by a prime, so that the names of neighbours differ in every syllable.
    spread, kinds = number * 982_451_653, len(search.SYLLABLES)
    syllables = [search.SYLLABLES[spread // kinds**place % kinds] for place in range(6)]
    return f"{''.join(syllables[:2])} {''.join(syllables[2:])}".title()


def load(database_url: str, size: int, *, active: Sequence[int], audit_key: bytes) -> None:
    """Fill a migrated, empty database; the users with the numbers `active` have a session.

    Each user has one entry, LONG has `size` of them, and all seals are valid. The outbox has a published
    row for each entry.
    """
    newest = newest_time()
    long = _Ledger(users.person_id(LONG), size, newest, audit_key)
    with psycopg.connect(database_url) as connection:
        with _rebuilding(connection, _SEARCH_INDEXES):
            _copy(connection, "users", _USERS, _users(size, newest, audit_key))
        _copy(connection, "email_addresses", ("address", "user_id"), _addresses(size))
        _copy(connection, "name_skeletons", ("user_id", "digest"), _skeletons(size))
        _copy(connection, "transactions", _ENTRIES, _entries(size, newest, audit_key))
        _copy(connection, "transactions", _ENTRIES, long)
        head = (size * AMOUNT_MINOR, size, newest, long.last_seal, long.user_id)
        connection.execute(_HEAD, head)
        _copy(connection, "outbox", _OUTBOX, _published(size, newest))
        connection.execute(_SESSIONS, [[users.person_id(number) for number in active]])
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")


class _Ledger:
    """The rows of an account ledger, one top-up every INTERVAL, and the seal of the last one."""

    def __init__(self, user_id: UUID, entries: int, newest: datetime, audit_key: bytes) -> None:
        self.user_id = user_id
        self.last_seal = EMPTY_LEDGER_SEAL
        self._entries = entries
        self._newest = newest
        self._audit_key = audit_key

    def __iter__(self) -> Iterator[Row]:
        for sequence in range(1, self._entries + 1):
            entry = Entry(
                user_id=self.user_id,
                sequence=sequence,
                # Where a version 7 UUID has its time.
                reference=UUID(int=self.user_id.int + (sequence << 80)),
                kind=Kind.TOP_UP,
                direction=Direction.INCOMING,
                amount_minor=AMOUNT_MINOR,
                fee_minor=0,
                counterparty_id=None,
                note=None,
                balance_after_minor=AMOUNT_MINOR * sequence,
                created_at=_time_of(sequence, self._entries, self._newest),
                idempotency_key=f"growth-{sequence}",
            )
            self.last_seal = seals.seal(self._audit_key, entry, self.last_seal)
            yield (
                entry.user_id, entry.sequence, entry.reference, "top_up", "incoming", AMOUNT_MINOR, 0,
                entry.balance_after_minor, entry.created_at, entry.idempotency_key, self.last_seal,
            )  # fmt: skip


def _users(size: int, newest: datetime, audit_key: bytes) -> Iterator[Row]:
    for number in range(1, size + 1):
        user_id, name = users.person_id(number), name_of(number)
        head: Row = (0, 0, None, EMPTY_LEDGER_SEAL)
        if number != LONG:
            head = (AMOUNT_MINOR, 1, newest, _only_entry(user_id, newest, audit_key)[-1])
        yield (
            user_id, name, text.search_text(name), _address(number), newest, "-", newest, *head
        )  # fmt: skip


def _entries(size: int, newest: datetime, audit_key: bytes) -> Iterator[Row]:
    for number in range(LONG + 1, size + 1):
        yield _only_entry(users.person_id(number), newest, audit_key)


def _only_entry(user_id: UUID, newest: datetime, audit_key: bytes) -> Row:
    (row,) = _Ledger(user_id, 1, newest, audit_key)
    return row


def _addresses(size: int) -> Iterator[Row]:
    for number in range(1, size + 1):
        yield _address(number), users.person_id(number)


def _address(number: int) -> str:
    return f"user{number}@bench.example"


def _skeletons(size: int) -> Iterator[Row]:
    for number in range(1, size + 1):
        for digest in skeletons.keys(name_of(number), None):
            yield users.person_id(number), digest


def _published(size: int, newest: datetime) -> Iterator[Row]:
    for number in range(LONG + 1, size + 1):
        yield _event(users.person_id(number), 1, newest)
    for sequence in range(1, size + 1):
        yield _event(users.person_id(LONG), sequence, _time_of(sequence, size, newest))


def _event(user_id: UUID, sequence: int, time: datetime) -> Row:
    payload = f'{{"sequence": {sequence}}}'
    return (user_id, ids.new_id(), "transaction.posted", payload, time, time)


def _time_of(sequence: int, entries: int, newest: datetime) -> datetime:
    return newest - INTERVAL * (entries - sequence)


def _copy(
    connection: psycopg.Connection[Any], table: str, columns: Sequence[str], rows: Iterable[Row]
) -> None:
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor().copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


@contextmanager
def _rebuilding(connection: psycopg.Connection[Any], indexes: str) -> Iterator[None]:
    """Without these indexes until the end, which is faster than keeping them up to date."""
    found = connection.execute(indexes).fetchall()
    for name, _ in found:
        connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    yield
    for _, definition in found:
        connection.execute(definition)
