"""What counts as damage: one query a rule, each answering with the rows at fault and a sentence.

Most of it cannot happen while the constraints and triggers stand. The audit is for what came past
them: a restored backup, a disk, a superuser's hand.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from domain import accounts, events, sessions
from persistence import mails, retention


@dataclass(frozen=True, slots=True)
class Check:
    """A rule about one table. The query answers with `key` and `sentence` of each row at fault."""

    name: str
    table: str
    query: str


def _seconds(duration: timedelta) -> str:
    return f"make_interval(secs => {duration.total_seconds()})"


def _list(values: Iterable[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)


_CHANGE = "CASE direction WHEN 'incoming' THEN amount ELSE -amount - fee END"
_SESSION_STANDS = f"ended_at IS NULL AND rotated_at > clock_timestamp() - {_seconds(sessions.SESSION_IDLE_LIFETIME)}"
_TOKEN_STANDS = "revoked_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())"  # noqa: S105
#: Younger than this, nothing of the outbox has been swept yet.
_KEPT = _seconds(retention.KEPT - timedelta(hours=1))

# ================================================================ the books

_BALANCES = f"""
WITH book AS (
    SELECT user_id, count(*) AS lines, max(sequence) AS newest, max(created_at) AS latest,
        sum({_CHANGE}) AS total
    FROM transactions GROUP BY user_id
)
SELECT u.id::text AS key, concat_ws(' ',
    CASE WHEN u.balance <> coalesce(b.total, 0)
        THEN format('The balance is %s, but the book adds up to %s.', u.balance, coalesce(b.total, 0))
    END,
    CASE WHEN u.sequence <> coalesce(b.newest, 0) THEN format(
        'The sequence is %s, but the newest line is %s.', u.sequence, coalesce(b.newest, 0))
    END,
    CASE WHEN coalesce(b.newest, 0) <> coalesce(b.lines, 0)
        THEN format('The newest line is %s, but there are %s lines.', b.newest, b.lines)
    END,
    CASE WHEN u.last_posted_at IS DISTINCT FROM b.latest THEN format(
        'The newest line is noted as of %s, but is of %s.',
        coalesce(u.last_posted_at::text, 'never'), coalesce(b.latest::text, 'never'))
    END
) AS sentence
FROM users AS u LEFT JOIN book AS b ON b.user_id = u.id
WHERE u.balance <> coalesce(b.total, 0) OR u.sequence <> coalesce(b.newest, 0)
    OR coalesce(b.newest, 0) <> coalesce(b.lines, 0) OR u.last_posted_at IS DISTINCT FROM b.latest
"""  # noqa: S608

_HEADS = """
SELECT u.id::text AS key, CASE
    WHEN u.sequence = 0 THEN 'The book has a head, but no line.'
    WHEN t.seal IS NULL
        THEN format('The head is of line %s, which is missing: the end was cut off.', u.sequence)
    ELSE format('The head is not the seal of line %s, the newest: one of them was changed.', u.sequence)
    END AS sentence
FROM users AS u
LEFT JOIN transactions AS t ON t.user_id = u.id AND t.sequence = u.sequence
WHERE u.book_seal IS DISTINCT FROM CASE
    WHEN u.sequence = 0 THEN decode(repeat('00', 32), 'hex') ELSE t.seal
END
"""

_BOOKS = f"""
SELECT user_id || '/' || sequence AS key, concat_ws(' ',
    CASE WHEN sequence <> prior_sequence + 1
        THEN format('The line before this one is %s: there is a gap.', prior_sequence)
    END,
    CASE WHEN balance_after <> prior_balance + change THEN format(
        'The balance after it is %s, but %s and %s make %s.',
        balance_after, prior_balance, change, prior_balance + change)
    END,
    CASE WHEN balance_after < 0 THEN 'The balance after it is negative.' END,
    CASE WHEN created_at < prior_created_at THEN 'It is older than the line before it.' END,
    CASE WHEN created_at > clock_timestamp() THEN 'It is of a time that is yet to come.' END
) AS sentence
FROM (
    SELECT user_id, sequence, balance_after, created_at, {_CHANGE} AS change,
        lag(sequence, 1, 0::bigint) OVER book AS prior_sequence,
        lag(balance_after, 1, 0::bigint) OVER book AS prior_balance,
        lag(created_at) OVER book AS prior_created_at
    FROM transactions
    WINDOW book AS (PARTITION BY user_id ORDER BY sequence)
) AS line
WHERE sequence <> prior_sequence + 1 OR balance_after <> prior_balance + change
    OR balance_after < 0 OR created_at < prior_created_at OR created_at > clock_timestamp()
"""  # noqa: S608

_SIDES = """
SELECT reference::text AS key, CASE
    WHEN transfers = 0 THEN format('This reference is on %s top-ups.', lines)
    WHEN transfers < lines THEN 'This reference is on a transfer and on a top-up.'
    WHEN lines = 1 THEN format(
        'One side of the transfer is missing, in the book of %s; the other is %s.', other, whose)
    WHEN lines > 2 OR senders <> 1 THEN format(
        'The transfer has %s sides that send and %s that receive: %s.',
        senders, lines - senders, whose)
    ELSE format('The two sides of the transfer, %s, disagree about %s.', whose, concat_ws(', ',
        CASE WHEN NOT same_amount THEN 'the amount' END,
        CASE WHEN NOT same_people THEN 'who took part' END,
        CASE WHEN NOT same_note THEN 'the note' END,
        CASE WHEN NOT same_time THEN 'the time' END))
    END AS sentence
FROM (
    SELECT reference, count(*) AS lines,
        count(*) FILTER (WHERE kind = 'transfer') AS transfers,
        count(*) FILTER (WHERE kind = 'transfer' AND direction = 'outgoing') AS senders,
        min(amount) = max(amount) AS same_amount,
        min(user_id::text) = min(counterparty_id::text)
            AND max(user_id::text) = max(counterparty_id::text) AS same_people,
        min(note) IS NOT DISTINCT FROM max(note) AND count(note) IN (0, count(*)) AS same_note,
        min(created_at) = max(created_at) AS same_time,
        (array_agg(user_id || '/' || sequence ORDER BY user_id, sequence))[1:4]::text AS whose,
        min(counterparty_id::text) AS other
    FROM transactions GROUP BY reference
) AS movement
WHERE NOT (
    (transfers = 0 AND lines = 1)
    OR (transfers = 2 AND lines = 2 AND senders = 1
        AND same_amount AND same_people AND same_note AND same_time)
)
"""

_LINES_OF_TOKENS = """
SELECT t.user_id || '/' || t.sequence AS key,
    format('It was made with the API token %s, which this person never had.', t.api_token_id)
        AS sentence
FROM transactions AS t
WHERE t.api_token_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM api_tokens AS k WHERE k.user_id = t.user_id AND k.id = t.api_token_id
)
"""

_UNANNOUNCED = f"""
SELECT t.user_id || '/' || t.sequence AS key,
    'No row of the outbox tells of this line, so that nobody will hear of it.' AS sentence
FROM transactions AS t
LEFT JOIN outbox AS o
    ON o.user_id = t.user_id AND o.topic = '{events.Topic.TRANSACTION_POSTED}'
    AND o.payload = jsonb_build_object('sequence', t.sequence)
WHERE t.created_at > clock_timestamp() - {_KEPT} AND o.id IS NULL
"""  # noqa: S608

# ================================================================ people

_ADDRESSES_OF_USERS = """
SELECT u.id::text AS key, CASE
    WHEN e.user_id IS NULL THEN 'This person''s address is not among the addresses.'
    ELSE format('This person''s address is noted as %s''s.', e.user_id)
    END AS sentence
FROM users AS u LEFT JOIN email_addresses AS e ON e.address = u.email
WHERE e.user_id IS DISTINCT FROM u.id
"""

_USERS_OF_ADDRESSES = """
SELECT overlay(e.address placing '…' from 2 for greatest(position('@' in e.address) - 2, 0)) AS key,
    CASE
    WHEN u.id IS NULL THEN format('This address is of %s, who is nobody here.', e.user_id)
    ELSE format('This address is of %s, who has another.', e.user_id)
    END AS sentence
FROM email_addresses AS e LEFT JOIN users AS u ON u.id = e.user_id
WHERE u.email IS DISTINCT FROM e.address
"""

_SESSIONS = f"""
SELECT s.user_id || '/' || s.id AS key, concat_ws(' ',
    CASE WHEN u.id IS NULL THEN 'This session is of nobody.' END,
    CASE WHEN u.closed_at IS NOT NULL AND {_SESSION_STANDS}
        THEN 'This session stands, though its person is closed.' END,
    CASE WHEN (s.generation = 1) <> (s.previous_refresh_hash IS NULL)
        THEN 'Its refresh tokens do not fit their number.' END,
    CASE WHEN least(s.last_used_at, s.rotated_at, s.ended_at) < s.created_at
        THEN 'It was used or ended before it began.' END,
    CASE WHEN greatest(s.created_at, s.rotated_at, s.ended_at) > clock_timestamp()
        THEN 'It began, was refreshed or ended at a time that is yet to come.' END
) AS sentence
FROM sessions AS s LEFT JOIN users AS u ON u.id = s.user_id
WHERE u.id IS NULL OR (u.closed_at IS NOT NULL AND {_SESSION_STANDS})
    OR (s.generation = 1) <> (s.previous_refresh_hash IS NULL)
    OR least(s.last_used_at, s.rotated_at, s.ended_at) < s.created_at
    OR greatest(s.created_at, s.rotated_at, s.ended_at) > clock_timestamp()
"""  # noqa: S608

_API_TOKENS = f"""
SELECT k.user_id || '/' || k.id AS key, concat_ws(' ',
    CASE WHEN u.id IS NULL THEN 'This API token is of nobody.' END,
    CASE WHEN u.closed_at IS NOT NULL AND {_TOKEN_STANDS}
        THEN 'This API token stands, though its person is closed.' END,
    CASE WHEN NOT k.scopes <@ ARRAY[{_list(sessions.Scope)}] THEN 'It has a scope that is none.' END,
    CASE WHEN least(k.expires_at, k.revoked_at, k.last_used_at) < k.created_at
        THEN 'It was used or ended before it was created.' END,
    CASE WHEN greatest(k.created_at, k.revoked_at) > clock_timestamp()
        THEN 'It was created or revoked at a time that is yet to come.' END
) AS sentence
FROM api_tokens AS k LEFT JOIN users AS u ON u.id = k.user_id
WHERE u.id IS NULL OR (u.closed_at IS NOT NULL AND {_TOKEN_STANDS})
    OR NOT k.scopes <@ ARRAY[{_list(sessions.Scope)}]
    OR least(k.expires_at, k.revoked_at, k.last_used_at) < k.created_at
    OR greatest(k.created_at, k.revoked_at) > clock_timestamp()
"""  # noqa: S608

# ================================================================ mails, and what is yet to be told

_MAXIMUM_PAUSE = "interval '1 hour'"
_TRIES = len(mails.REFUSAL_PAUSES) + 1
_MAILS = f"""
SELECT m.user_id || '/' || m.id AS key, concat_ws(' ',
    CASE WHEN u.id IS NULL THEN 'This mail is to nobody.' END,
    CASE WHEN m.sent_at < m.created_at THEN 'It was sent before it was asked for.' END,
    CASE WHEN m.refusals > {_TRIES} OR (m.state = 'pending' AND m.refusals >= {_TRIES})
        THEN format('It was refused %s times, which is once too often.', m.refusals) END,
    CASE WHEN m.state = 'failed' AND m.last_error IS NULL
        THEN 'It was given up without a reason.' END,
    CASE WHEN m.state = 'pending' AND m.next_try_at > clock_timestamp() + {_MAXIMUM_PAUSE}
        THEN 'It waits for longer than any pause is.' END
) AS sentence
FROM mails AS m LEFT JOIN users AS u ON u.id = m.user_id
WHERE u.id IS NULL OR m.sent_at < m.created_at
    OR m.refusals > {_TRIES} OR (m.state = 'pending' AND m.refusals >= {_TRIES})
    OR (m.state = 'failed' AND m.last_error IS NULL)
    OR (m.state = 'pending' AND m.next_try_at > clock_timestamp() + {_MAXIMUM_PAUSE})
"""  # noqa: S608

_LIFETIMES = " ".join(
    f"WHEN '{purpose.value}' THEN {_seconds(lifetime)}"
    for purpose, lifetime in accounts.LINK_LIFETIMES.items()
)
_LINKS = f"""
SELECT l.user_id || '/' || l.id AS key, concat_ws(' ',
    CASE WHEN u.id IS NULL THEN 'This link is of nobody.' END,
    CASE WHEN l.expires_at - l.created_at <> CASE l.purpose {_LIFETIMES} END
        THEN 'It does not live as long as such a link does.' END,
    CASE WHEN l.ended_at < l.created_at THEN 'It ended before it was made.' END,
    CASE WHEN l.created_at > clock_timestamp() THEN 'It is of a time that is yet to come.' END
) AS sentence
FROM links AS l LEFT JOIN users AS u ON u.id = l.user_id
WHERE u.id IS NULL OR l.expires_at - l.created_at <> CASE l.purpose {_LIFETIMES} END
    OR l.ended_at < l.created_at OR l.created_at > clock_timestamp()
"""  # noqa: S608

_POSTED, _MAIL, _ENDED, _NOTHING = (
    f"'{topic}'"
    for topic in (
        events.Topic.TRANSACTION_POSTED,
        events.Topic.MAIL_REQUESTED,
        events.Topic.CREDENTIALS_ENDED,
        events.Topic.NOTHING_HAPPENED,
    )
)
_NO_LINE = f"""o.topic = {_POSTED} AND NOT EXISTS (
    SELECT FROM transactions AS t
    WHERE t.user_id = o.user_id AND to_jsonb(t.sequence) = o.payload -> 'sequence'
)"""
_NO_MAIL = f"""o.topic = {_MAIL} AND o.created_at > clock_timestamp() - {_KEPT} AND NOT EXISTS (
    SELECT FROM mails AS m WHERE m.user_id = o.user_id AND to_jsonb(m.id) = o.payload -> 'mail_id'
)"""
_STILL_STANDS = f"""o.topic = {_ENDED} AND (
    coalesce(jsonb_typeof(o.payload -> 'credential_ids'), '') <> 'array'
    OR EXISTS (
        SELECT FROM sessions AS s
        WHERE s.user_id = o.user_id AND o.payload -> 'credential_ids' ? s.id::text
            AND s.ended_at IS NULL
    )
    OR EXISTS (
        SELECT FROM api_tokens AS k
        WHERE k.user_id = o.user_id AND o.payload -> 'credential_ids' ? k.id::text
            AND k.revoked_at IS NULL
    )
)"""  # noqa: S608
_OUTBOX = f"""
SELECT o.user_id || '/' || o.id AS key, concat_ws(' ',
    CASE WHEN o.topic NOT IN ({_list(events.Topic)}) THEN 'Its topic is none that there is.' END,
    CASE WHEN u.id IS NULL AND o.topic <> {_NOTHING} THEN 'It tells of nobody.' END,
    CASE WHEN {_NO_LINE} THEN 'It tells of a line that is not in the book.' END,
    CASE WHEN {_NO_MAIL} THEN 'It tells of a mail that there is not.' END,
    CASE WHEN {_STILL_STANDS} THEN 'It tells of the end of a session or API token that stands.' END,
    CASE WHEN o.published_at < o.created_at THEN 'It was published before it happened.' END
) AS sentence
FROM outbox AS o LEFT JOIN users AS u ON u.id = o.user_id
WHERE o.topic NOT IN ({_list(events.Topic)}) OR (u.id IS NULL AND o.topic <> {_NOTHING})
    OR ({_NO_LINE}) OR ({_NO_MAIL}) OR ({_STILL_STANDS}) OR o.published_at < o.created_at
"""  # noqa: S608


def _beyond(table: str, column: str) -> str:
    return f"""
    SELECT c.user_id::text AS key, CASE
        WHEN u.id IS NULL THEN 'It is of nobody.'
        ELSE format('It is at line %s, but the newest is %s.', c.{column}, u.sequence)
        END AS sentence
    FROM {table} AS c LEFT JOIN users AS u ON u.id = c.user_id
    WHERE u.id IS NULL OR c.{column} > u.sequence
    """  # noqa: S608


_ORPHANS = """
SELECT t.user_id || '/' || t.sequence AS key, 'This line is in the book of nobody.' AS sentence
FROM transactions AS t LEFT JOIN users AS u ON u.id = t.user_id WHERE u.id IS NULL
UNION ALL
SELECT t.user_id || '/' || t.sequence, 'The other side of this line is nobody.'
FROM transactions AS t LEFT JOIN users AS u ON u.id = t.counterparty_id
WHERE t.counterparty_id IS NOT NULL AND u.id IS NULL
"""

_GUARDS = """
SELECT wanted.name AS key, 'This trigger, which guards the books, is missing or switched off.' AS sentence
FROM unnest(ARRAY[
    'transactions_append_only', 'transactions_not_truncated', 'users_balance_follows_book'
]) AS wanted (name)
LEFT JOIN pg_trigger AS t
    ON t.tgname = wanted.name AND t.tgenabled IN ('O', 'A')
    AND t.tgrelid IN ('users'::regclass, 'transactions'::regclass)
WHERE t.oid IS NULL
"""

CHECKS = (
    Check("balances against books", "users", _BALANCES),
    Check("the heads of the books", "users", _HEADS),
    Check("each line against the one before", "transactions", _BOOKS),
    Check("both sides of each transfer", "transactions", _SIDES),
    Check("whose lines they are", "transactions", _ORPHANS),
    Check("lines made with API tokens", "transactions", _LINES_OF_TOKENS),
    Check("lines and the outbox", "transactions", _UNANNOUNCED),
    Check("people's addresses", "users", _ADDRESSES_OF_USERS),
    Check("addresses' people", "email_addresses", _USERS_OF_ADDRESSES),
    Check("sessions", "sessions", _SESSIONS),
    Check("API tokens", "api_tokens", _API_TOKENS),
    Check("mails", "mails", _MAILS),
    Check("links", "links", _LINKS),
    Check("the outbox", "outbox", _OUTBOX),
    Check("what was pushed", "push_cursors", _beyond("push_cursors", "pushed_sequence")),
    Check("what is to be pushed", "push_due", _beyond("push_due", "sequence")),
    Check("the guards of the books", "pg_trigger", _GUARDS),
)
