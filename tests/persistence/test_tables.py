"""The migrations create the tables of `tables.py`, with constraints that protect the ledgers."""

from __future__ import annotations

from collections.abc import Iterator

import alembic.command
import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg import errors

from app.commands import migrate
from domain import ids
from persistence import tables
from persistence.engine import database
from persistence.ledger import sealing
from tests import locks, row_changes
from tests.conftest import make_settings

Connection = psycopg.Connection[tuple[object, ...]]

_CATALOG = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND conrelid <> 0
    AND conrelid::regclass::text <> 'alembic_version'
UNION ALL
SELECT tablename, indexname, indexdef FROM pg_indexes
WHERE schemaname = 'public' AND tablename <> 'alembic_version'
UNION ALL
SELECT c.relname, a.attname, concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull,
    l.collname, pg_get_expr(d.adbin, d.adrelid), array_to_string(c.reloptions, ','))
FROM pg_attribute AS a
JOIN pg_class AS c ON c.oid = a.attrelid AND c.relkind = 'r' AND c.relname <> 'alembic_version'
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_collation AS l ON l.oid = a.attcollation
WHERE c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY 1, 2, 3
"""


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with row_changes.Connection.open(database_url) as opened:
        yield opened


@pytest.mark.undistributed
def test_migrations_make_what_the_tables_say(database_url: str, empty_database_url: str) -> None:
    engine = database.blocking_engine(database_url)
    with engine.connect() as migrated:
        context = MigrationContext.configure(migrated, opts={"compare_server_default": True})
        assert compare_metadata(context, tables.metadata) == []
        called = migrated.exec_driver_sql(
            "SELECT pg_get_functiondef('search_parts'::regproc)"
        ).scalar_one()
    engine.dispose()

    made = database.blocking_engine(empty_database_url)
    with made.begin() as connection:
        connection.exec_driver_sql("CREATE EXTENSION pg_trgm")
        # What an index calls is no part of a table.
        connection.exec_driver_sql(called)
        tables.metadata.create_all(connection)
    made.dispose()
    with psycopg.connect(database_url) as one, psycopg.connect(empty_database_url) as other:
        assert one.execute(_CATALOG).fetchall() == other.execute(_CATALOG).fetchall()


@pytest.mark.undistributed
def test_down_leaves_nothing_and_up_again_works(database_url: str) -> None:
    engine = database.blocking_engine(database_url)
    with engine.connect() as connection:
        alembic.command.downgrade(migrate.alembic_config(connection), "base")
        connection.commit()
        left = connection.exec_driver_sql(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
            "AND relkind IN ('r', 'S', 'v') UNION ALL "
            "SELECT proname FROM pg_proc AS p WHERE pronamespace = 'public'::regnamespace "
            "AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e')"
        )
        assert left.scalars().all() == ["alembic_version"]
    engine.dispose()
    assert migrate.migrate(make_settings(database_url=database_url)) == 0


@pytest.mark.undistributed
def test_unverified_accounts_become_registrations_that_expire(database_url: str) -> None:
    engine = database.blocking_engine(database_url)
    with engine.connect() as connection:
        alembic.command.downgrade(migrate.alembic_config(connection), "0006")
        for name, verified_at in (("verified", "now()"), ("unverified", "NULL")):
            connection.exec_driver_sql(
                "INSERT INTO users (id, name, search_text, email, email_verified_at, password_hash) "
                f"VALUES (gen_random_uuid(), '{name}', '', '{name}@example.com', {verified_at}, '-')"
            )
        connection.exec_driver_sql("INSERT INTO email_addresses SELECT email, id FROM users")
        connection.commit()
    assert migrate.migrate(make_settings(database_url=database_url)) == 0
    with engine.connect() as connection:
        expiring = connection.exec_driver_sql(
            "SELECT name FROM users WHERE registration_expires_at > now() + interval '23 hours'"
        )
        assert expiring.scalars().all() == ["unverified"]
        owned = connection.exec_driver_sql("SELECT address FROM email_addresses")
        assert owned.scalars().all() == ["verified@example.com"]
        alembic.command.downgrade(migrate.alembic_config(connection), "0006")
        connection.commit()
        assert connection.exec_driver_sql("SELECT count(*) FROM email_addresses").scalar() == 2
    engine.dispose()


# ================================================================ what the database holds by itself


def _user(connection: Connection, **values: object) -> object:
    user = {
        "id": ids.new_id(),
        "name": "Zoë",
        "search_text": "zoe",
        "email": "zoe@example.com",
        "email_verified_at": "2026-01-01",
        "password_hash": "-",
    } | values
    _insert(connection, "users", user)
    return user["id"]


def _insert(connection: Connection, table: str, values: dict[str, object]) -> None:
    places = ", ".join(["%s"] * len(values))
    query = f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})"
    connection.execute(query.encode(), list(values.values()))


def _entry(user_id: object, **values: object) -> dict[str, object]:
    return {
        "user_id": user_id,
        "sequence": 1,
        "reference": ids.new_id(),
        "kind": "top_up",
        "direction": "incoming",
        "amount": 100,
        "fee": 0,
        "balance_after": 100,
        "created_at": "2026-01-01",
        "idempotency_key": "12345678",
        "seal": b"s" * 32,
    } | values


_WITH_A_BOOK = {"sequence": 1, "last_posted_at": "2026-01-01", "book_seal": b"s" * 32}
_IMPOSSIBLE_PEOPLE = [
    {**_WITH_A_BOOK, "balance": -1},
    {"balance": 1},
    {"sequence": -1},
    {"sequence": 1},
    {**_WITH_A_BOOK, "email_verified_at": None, "registration_expires_at": "2026-01-02"},
    {"email_verified_at": None},
    {"registration_expires_at": "2026-01-02"},
    {**_WITH_A_BOOK, "book_seal": bytes(32)},
    {**_WITH_A_BOOK, "book_seal": b"s" * 31},
    {"book_seal": b"s" * 32},
    {"name": ""},
    {"name": "x" * 81},
    {"email": "Zoe@example.com"},
]
_IMPOSSIBLE_LINES = [
    {"amount": 0},
    {"amount": -5},
    {"fee": -1},
    {"fee": 1},
    {"balance_after": -1},
    {"balance_after": 99, "sequence": 2},
    {"balance_after": 101},
    {"sequence": 0},
    {"kind": "gift"},
    {"direction": "sideways"},
    {"direction": "outgoing", "sequence": 2},
    {"kind": "transfer", "idempotency_key": None},
    {"counterparty_id": ids.new_id()},
    {"idempotency_key": None},
    {"idempotency_key": "short"},
    {"note": "", "note_search_text": ""},
    {"note": "x" * 141, "note_search_text": "x"},
    {"note": "x"},
    {"seal": b""},
    {"seal": b"s" * 33},
]


def test_no_impossible_user_is_stored(connection: Connection) -> None:
    _user(connection)
    for values in _IMPOSSIBLE_PEOPLE:
        with pytest.raises(errors.CheckViolation):
            _user(connection, **values)


def test_no_impossible_entry_is_stored(connection: Connection) -> None:
    user_id = _user(connection)
    for values in _IMPOSSIBLE_LINES:
        with pytest.raises(errors.CheckViolation):
            _insert(connection, "transactions", _entry(user_id, **values))
    with pytest.raises(errors.NotNullViolation):
        _insert(connection, "transactions", _entry(user_id, seal=None))
    _insert(connection, "transactions", _entry(user_id))


def test_no_user_pays_themselves(connection: Connection) -> None:
    user_id = _user(connection)
    entry = _entry(user_id, kind="transfer", counterparty_id=user_id, idempotency_key=None)
    with pytest.raises(errors.CheckViolation):
        _insert(connection, "transactions", entry)


def test_a_key_is_stored_once_for_each_user_and_kind(connection: Connection) -> None:
    user_id = _user(connection)
    _insert(connection, "transactions", _entry(user_id))
    with pytest.raises(errors.UniqueViolation):
        _insert(connection, "transactions", _entry(user_id, sequence=2))


def test_the_ledgers_are_append_only(connection: Connection) -> None:
    _insert(connection, "transactions", _entry(_user(connection)))
    for statement in (
        b"UPDATE transactions SET amount = 1",
        b"UPDATE transactions SET note = NULL",
        b"UPDATE transactions SET seal = sha256('')",
        b"DELETE FROM transactions",
        b"TRUNCATE transactions",
        b"TRUNCATE users CASCADE",
    ):
        with pytest.raises(errors.RestrictViolation, match="append-only"):
            connection.execute(statement)
    assert connection.execute("SELECT amount FROM transactions").fetchall() == [(100,)]


def test_who_seals_anew_changes_seals_and_nothing_else(connection: Connection) -> None:
    _insert(connection, "transactions", _entry(_user(connection, **_WITH_A_BOOK)))
    _resealing(connection, b"UPDATE transactions SET seal = sha256('')")
    _resealing(connection, b"UPDATE users SET book_seal = sha256('')")
    for statement in (
        b"UPDATE transactions SET seal = sha256('1'), amount = 1",
        b"UPDATE transactions SET api_token_id = user_id",
        b"DELETE FROM transactions",
        b"TRUNCATE transactions",
        b"UPDATE users SET book_seal = sha256('1'), balance = 1",
    ):
        with pytest.raises(errors.RestrictViolation):
            _resealing(connection, statement)


def _resealing(connection: Connection, statement: bytes) -> None:
    with connection.transaction():
        connection.execute(sealing.RESEALING)
        connection.execute(statement)


def test_a_balance_does_not_change_without_a_new_entry(connection: Connection) -> None:
    _user(connection, balance=5, sequence=3, last_posted_at="2026-01-01", book_seal=b"s" * 32)
    for change in (
        b"balance = 6",
        b"book_seal = sha256('')",
        b"sequence = 2",
        b"sequence = 0, balance = 0, last_posted_at = NULL",
        b"sequence = 4, last_posted_at = '2025-12-31'",
    ):
        with pytest.raises(errors.RestrictViolation):
            connection.execute(b"UPDATE users SET " + change)


def test_a_role_of_the_service_may_be_kept_from_changing_the_ledgers(
    connection: Connection,
) -> None:
    granted = connection.execute(
        "SELECT has_table_privilege('public', 'transactions', 'UPDATE, DELETE, TRUNCATE')"
    ).fetchone()
    assert granted == (False,)


def test_accounts_are_locked_in_one_order(connection: Connection) -> None:
    made = [_user(connection, email=f"{number}@example.com") for number in range(20)]
    locked = connection.execute("SELECT id FROM lock_accounts(%s)", [made[::-1]]).fetchall()
    assert [row[0] for row in locked] == locks.in_order(connection, made)
