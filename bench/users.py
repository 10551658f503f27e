"""The users of the benchmark, with money in their ledgers, active sessions and access tokens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import psycopg

from domain import ids
from domain.people import sessions
from domain.people.sessions import Principal
from persistence.engine import pinned
from persistence.ledger import sealing

OPENING_BALANCE_MINOR = 1_000_000
TOKEN_LIFETIME = timedelta(hours=12)
#: How many users have a history that fills a page, and how many payments each of them has sent and received.
WITH_PAGES = 1_000
PAYMENTS = 12

# The id of a user follows from the number, so that pgbench needs no query to find one.
_PERSON = """
CREATE FUNCTION bench_person(number bigint) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ('00000000-0000-7000-8000-' || lpad(number::text, 12, '0'))::uuid
$$
"""
_USERS = """
INSERT INTO users (id, name, search_text, email, email_verified_at, password_hash,
    balance, sequence, last_posted_at, book_seal)
SELECT bench_person(n), 'Person ' || n, 'person ' || n, 'person' || n || '@bench.example', now(), '-',
    %(balance)s, 1, now(), decode(repeat('01', 32), 'hex')
FROM generate_series(1, %(users)s) AS n
"""
_ADDRESSES = "INSERT INTO email_addresses (address, user_id) SELECT email, id FROM users"
_ENTRIES = """
INSERT INTO transactions (user_id, sequence, reference, kind, direction, amount, fee, balance_after,
    created_at, idempotency_key, seal)
SELECT id, 1, gen_random_uuid(), 'top_up', 'incoming', balance, 0, balance, last_posted_at, 'opening-balance',
    book_seal
FROM users
"""
# Each pays the next, and the last one the first: all have paid and received the same.
_PAYMENTS = """
INSERT INTO transactions (user_id, sequence, reference, kind, direction, amount, fee, counterparty_id,
    balance_after, created_at, idempotency_key, seal)
SELECT bench_person(n), 2 * payment, md5(format('%%s pays %%s', n, payment))::uuid, 'transfer', 'outgoing',
    100, 0, bench_person(n %% %(users)s + 1), %(balance)s - 100, now(), 'payment-' || payment,
    decode(repeat('01', 32), 'hex')
FROM generate_series(1, %(users)s) AS n, generate_series(1, %(payments)s) AS payment
UNION ALL
SELECT bench_person(n %% %(users)s + 1), 2 * payment + 1, md5(format('%%s pays %%s', n, payment))::uuid,
    'transfer', 'incoming', 100, 0, bench_person(n), %(balance)s, now(), NULL,
    decode(repeat('01', 32), 'hex')
FROM generate_series(1, %(users)s) AS n, generate_series(1, %(payments)s) AS payment
"""
_PAID = """
UPDATE users SET sequence = sequence + 2 * %(payments)s
WHERE id <= bench_person(%(users)s)
"""
_TOLD = """
INSERT INTO outbox (user_id, id, topic, payload, created_at, published_at)
SELECT user_id, gen_random_uuid(), 'transaction.posted', jsonb_build_object('sequence', sequence), now(), now()
FROM transactions
"""
_SESSIONS = """
INSERT INTO sessions (user_id, id, created_at, last_used_at, generation, refresh_hash, rotated_at)
SELECT id, id, now(), now(), 1, sha256(id::text::bytea), now() FROM users
"""


def person_id(number: int) -> UUID:
    """The id of the user with that number, counted from 1."""
    return UUID(f"00000000-0000-7000-8000-{number:012d}")


def create(database_url: str, users: int, *, audit_key: bytes = b"", payments: int = 0) -> int:
    """Add that many users, each with an opening balance in a ledger sealed with that key, and a session.

    The first `WITH_PAGES` have also sent and received so many payments; returns the number of all of them.
    """
    history = {
        "users": min(users, WITH_PAGES),
        "payments": payments,
        "balance": OPENING_BALANCE_MINOR,
    }
    with pinned.connect(database_url, autocommit=False) as connection:
        connection.execute(_PERSON)
        connection.execute(_USERS, {"users": users, "balance": OPENING_BALANCE_MINOR})
        for statement in (_ADDRESSES, _ENTRIES):
            connection.execute(statement)
        for statement in (_PAYMENTS, _PAID):
            connection.execute(statement, history)
        for statement in (_TOLD, _SESSIONS):
            connection.execute(statement)
        sealing.seal_unsealed(connection, audit_key)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE)")
    return history["users"] * payments


def write_tokens(
    path: Path, users: int, *, issuer: str, secret: str, user_ids: bool = False
) -> Path:
    """Write a line for each: the global id, or with `user_ids` the row's id, and the access token."""
    path.touch(mode=0o600)
    with path.open("w") as file:
        for number, (name, token) in enumerate(tokens(users, issuer=issuer, secret=secret), 1):
            file.write(f"{person_id(number) if user_ids else name} {token}\n")
    return path


def tokens(users: int, *, issuer: str, secret: str) -> list[tuple[str, str]]:
    """The global id and an access token of each user."""
    return [
        (ids.global_id("User", person_id(number)), token(number, issuer=issuer, secret=secret))
        for number in range(1, users + 1)
    ]


def token(number: int, *, issuer: str, secret: str) -> str:
    """An access token of the user with that number."""
    user_id = person_id(number)
    principal = Principal(user_id, session_id=user_id)
    issued, _ = sessions.issue_access_token(
        principal, issuer=issuer, secret=secret, lifetime=TOKEN_LIFETIME, now=datetime.now(UTC)
    )
    return issued
