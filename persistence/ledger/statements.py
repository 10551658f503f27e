"""The statements of a settlement's two round trips, for any number of commands."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from domain import ids, text
from domain.ledger import settling, transfers
from domain.ledger.transfers import Command
from persistence.engine import pinned, pipeline
from persistence.engine.pipeline import Statement
from persistence.ledger import entry_rows
from persistence.people import credentials

# ================================================================ the first round trip

# Said aloud, whatever default the role or the database has: a stricter level takes its snapshot before the
# locks, and would not see what was committed during the wait for them.
BEGIN: Statement = (b"BEGIN ISOLATION LEVEL READ COMMITTED", ())
PINNING: Statement = (pinned.transaction_settings().encode(), ())
# Whoever is behind a lock held elsewhere does not keep those for long who share the commit.
PINNING_TOGETHER: Statement = (pinned.transaction_settings(lock_timeout_seconds=1).encode(), ())
COMMIT: Statement = (b"COMMIT", ())

_LOCK = b"""
SELECT id, name, email, email_verified_at, balance, sequence, last_posted_at, book_seal, closed_at
FROM lock_accounts($1::uuid[])
"""

# Statements of their own, after the locks, so that they see what was committed during the wait. Each is
# there for one command, which is planned in half the time, and for any number.
_CLOCK_AND_SESSIONS = """
SELECT clock_timestamp(), ARRAY(
    SELECT s.id FROM {source}
    WHERE {which} AND {is_active}
)
"""
_SESSION = _CLOCK_AND_SESSIONS.format(
    source="sessions AS s",
    which="s.user_id = $1::uuid AND s.id = $2::uuid",
    is_active=credentials.session_is_active("s"),
).encode()
_SESSIONS = _CLOCK_AND_SESSIONS.format(
    source="unnest($1::uuid[], $2::uuid[]) AS asked (user_id, id), sessions AS s",
    which="s.user_id = asked.user_id AND s.id = asked.id",
    is_active=credentials.session_is_active("s"),
).encode()
_ENTRY = ", ".join(f"t.{column}" for column in entry_rows.COLUMNS.split(", "))
_EARLIER_OF_ONE = f"""
SELECT {_ENTRY} FROM transactions AS t
WHERE t.user_id = $1::uuid AND t.kind = $2::text AND t.idempotency_key = $3::text
""".encode()  # noqa: S608
_EARLIER = f"""
SELECT {_ENTRY} FROM unnest($1::uuid[], $2::text[], $3::text[]) AS asked (user_id, kind, key)
JOIN transactions AS t
    ON t.user_id = asked.user_id AND t.kind = asked.kind AND t.idempotency_key = asked.key
""".encode()  # noqa: S608
_TOKENS = f"""
SELECT k.id, k.daily_limit, (
    SELECT coalesce(sum(t.amount + t.fee), 0)::bigint
    FROM transactions AS t
    WHERE t.user_id = k.user_id AND t.api_token_id = k.id AND t.direction = 'outgoing'
        AND t.created_at > clock_timestamp() - $3::interval
)
FROM unnest($1::uuid[], $2::uuid[]) AS asked (user_id, id)
JOIN api_tokens AS k ON k.user_id = asked.user_id AND k.id = asked.id
WHERE {credentials.api_token_is_active("k")}
""".encode()  # noqa: S608
_WINDOW = pipeline.parameter(transfers.DAILY_LIMIT_WINDOW)


def lock(commands: Sequence[Command]) -> Statement:
    """Hold the rows of everybody concerned, in the order of their ids; one row each."""
    account_ids = {account_id for command in commands for account_id in command.account_ids}
    return _LOCK, (pipeline.array(account_ids),)


def look(commands: Sequence[Command]) -> list[Statement]:
    """The clock and the sessions that are active; the lines that the keys made; and, where there are any,
    the API tokens that are active with what they have spent."""
    by_token = {(c.user_id, c.api_token_id) for c in commands if c.api_token_id is not None}
    tokens = [budgets(by_token)] if by_token else []
    if len(commands) == 1:
        [command] = commands
        user_id, kind, key = command.key
        owner = pipeline.parameter(user_id)
        return [
            (_SESSION, (owner, pipeline.parameter(command.session_id))),
            (_EARLIER_OF_ONE, (owner, kind.value.encode(), key.encode())),
            *tokens,
        ]
    in_session = {(c.user_id, c.session_id) for c in commands if c.session_id is not None}
    keys = {command.key for command in commands}
    return [
        (_SESSIONS, _pairs(in_session)),
        (
            _EARLIER,
            (
                pipeline.array(user_id for user_id, _, _ in keys),
                pipeline.array(kind.value for _, kind, _ in keys),
                pipeline.array(key for _, _, key in keys),
            ),
        ),
        *tokens,
    ]


def budgets(api_tokens: set[tuple[UUID, UUID]]) -> Statement:
    """The id, the daily limit and what was spent of it, of each of those API tokens that is active."""
    return _TOKENS, (*_pairs(api_tokens), _WINDOW)


def _pairs(pairs: set[tuple[UUID, UUID]]) -> tuple[bytes, bytes]:
    return pipeline.array(first for first, _ in pairs), pipeline.array(last for _, last in pairs)


# ================================================================ the second round trip

_UPDATE = b"""
UPDATE users
SET balance = changed.balance, sequence = changed.sequence, last_posted_at = changed.last_posted_at,
    book_seal = changed.book_seal
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::timestamptz[], $5::bytea[])
    AS changed (id, balance, sequence, last_posted_at, book_seal)
WHERE users.id = changed.id AND users.id = ANY ($1::uuid[])
"""
_INSERT_ENTRIES = f"""
INSERT INTO transactions ({entry_rows.COLUMNS}, note_search_text)
SELECT * FROM unnest(
    $1::uuid[], $2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::bigint[], $7::bigint[],
    $8::uuid[], $9::text[], $10::bigint[], $11::timestamptz[], $12::text[], $13::uuid[], $14::bytea[],
    $15::text[]
)
""".encode()  # noqa: S608
_ANNOUNCE = b"""
INSERT INTO outbox (user_id, id, topic, payload)
SELECT posted.user_id, posted.id, 'transaction.posted', jsonb_build_object('sequence', posted.sequence)
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS posted (user_id, id, sequence)
"""


def write(settlement: settling.Settlement) -> list[Statement]:
    """The balances, the lines and what is announced of them."""
    changed = settlement.accounts.values()
    new = settlement.entries
    array = pipeline.array
    user_ids = array([n.user_id for n in new])
    sequences = array([n.sequence for n in new])
    return [
        (
            _UPDATE,
            (
                array([a.user_id for a in changed]),
                array([a.balance_minor for a in changed]),
                array([a.sequence for a in changed]),
                array([a.last_posted_at for a in changed]),
                array([a.book_seal for a in changed]),
            ),
        ),
        (
            _INSERT_ENTRIES,
            (
                user_ids,
                sequences,
                array([n.reference for n in new]),
                array([n.kind.value for n in new]),
                array([n.direction.value for n in new]),
                array([n.amount_minor for n in new]),
                array([n.fee_minor for n in new]),
                array([n.counterparty_id for n in new]),
                array([n.note for n in new]),
                array([n.balance_after_minor for n in new]),
                array([n.created_at for n in new]),
                array([n.idempotency_key for n in new]),
                array([n.api_token_id for n in new]),
                array([n.seal for n in new]),
                array(None if n.note is None else text.search_text(n.note) for n in new),
            ),
        ),
        (_ANNOUNCE, (user_ids, array([ids.new_id() for _ in new]), sequences)),
    ]
