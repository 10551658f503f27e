"""Checks of the account ledgers: entries, balances, and the triggers and constraints that guard them."""

from __future__ import annotations

from domain import events
from persistence import tables
from persistence.audit import checks
from persistence.audit.checks import Check

# Damaged numbers may add up to more than PostgreSQL's largest integer, which would end the audit.
_CHANGE = "CASE direction WHEN 'incoming' THEN amount::numeric ELSE -amount::numeric - fee END"

_BALANCES = f"""
WITH ledger AS (
    SELECT user_id, count(*) AS entries, max(sequence) AS newest, max(created_at) AS latest,
        sum({_CHANGE}) AS total
    FROM transactions GROUP BY user_id
)
SELECT u.id::text AS key, concat_ws(' ',
    CASE WHEN u.balance <> coalesce(l.total, 0)
        THEN format('The balance is %s, but the entries add up to %s.', u.balance, coalesce(l.total, 0))
    END,
    CASE WHEN u.sequence <> coalesce(l.newest, 0) THEN format(
        'The sequence is %s, but the newest entry is %s.', u.sequence, coalesce(l.newest, 0))
    END,
    CASE WHEN coalesce(l.newest, 0) <> coalesce(l.entries, 0)
        THEN format('The newest entry is %s, but there are %s entries.', l.newest, l.entries)
    END,
    CASE WHEN u.last_posted_at IS DISTINCT FROM l.latest THEN format(
        'The newest entry is recorded as of %s, but is of %s.',
        coalesce(u.last_posted_at::text, 'never'), coalesce(l.latest::text, 'never'))
    END
) AS sentence
FROM users AS u LEFT JOIN ledger AS l ON l.user_id = u.id
WHERE u.balance <> coalesce(l.total, 0) OR u.sequence <> coalesce(l.newest, 0)
    OR coalesce(l.newest, 0) <> coalesce(l.entries, 0) OR u.last_posted_at IS DISTINCT FROM l.latest
"""  # noqa: S608

_HEADS = """
SELECT u.id::text AS key, CASE
    WHEN u.sequence = 0 THEN 'The account ledger has a head, but no entries.'
    WHEN t.seal IS NULL
        THEN format('The head is of entry %s, which is missing: the end was cut off.', u.sequence)
    ELSE format('The head is not the seal of entry %s, the newest: one of them was changed.', u.sequence)
    END AS sentence
FROM users AS u
LEFT JOIN transactions AS t ON t.user_id = u.id AND t.sequence = u.sequence
WHERE u.book_seal IS DISTINCT FROM CASE
    WHEN u.sequence = 0 THEN decode(repeat('00', 32), 'hex') ELSE t.seal
END
"""

_SEQUENCES = f"""
SELECT concat(user_id, '/', sequence) AS key, concat_ws(' ',
    CASE WHEN sequence > prior_sequence + 1
        THEN format('The previous entry is %s: there is a gap.', prior_sequence)
    END,
    CASE WHEN sequence < prior_sequence + 1 THEN 'Its sequence is a duplicate or not valid.' END,
    CASE WHEN balance_after <> prior_balance + change THEN format(
        'The balance after it is %s, but %s and %s make %s.',
        balance_after, prior_balance, change, prior_balance + change)
    END,
    CASE WHEN balance_after < 0 THEN 'The balance after it is negative.' END,
    CASE WHEN created_at < prior_created_at THEN 'It is older than the previous entry.' END,
    CASE WHEN created_at > clock_timestamp() THEN 'It is dated in the future.' END
) AS sentence
FROM (
    SELECT user_id, sequence, balance_after, created_at, {_CHANGE} AS change,
        lag(sequence::numeric, 1, 0::numeric) OVER ledger AS prior_sequence,
        lag(balance_after, 1, 0::bigint) OVER ledger AS prior_balance,
        lag(created_at) OVER ledger AS prior_created_at
    FROM transactions
    WINDOW ledger AS (PARTITION BY user_id ORDER BY sequence)
) AS entry
WHERE sequence <> prior_sequence + 1 OR balance_after <> prior_balance + change
    OR balance_after < 0 OR created_at < prior_created_at OR created_at > clock_timestamp()
"""  # noqa: S608

_ENTRIES_OF_TOKENS = """
SELECT concat(t.user_id, '/', t.sequence) AS key,
    format('It was posted with the API token %s, which this user never had.', t.api_token_id)
        AS sentence
FROM transactions AS t
WHERE t.api_token_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM api_tokens AS k WHERE k.user_id = t.user_id AND k.id = t.api_token_id
)
"""

_UNANNOUNCED = f"""
SELECT concat(t.user_id, '/', t.sequence) AS key,
    'The outbox has no event for this entry, so nobody will be notified.' AS sentence
FROM transactions AS t
LEFT JOIN outbox AS o
    ON o.user_id = t.user_id AND o.topic = '{events.Topic.TRANSACTION_POSTED}'
    AND o.payload -> 'sequence' = to_jsonb(t.sequence)
WHERE t.created_at > clock_timestamp() - {checks.KEPT} AND o.id IS NULL
"""  # noqa: S608

# A counterparty exists where this holds and the two entries of each transaction agree (persistence.audit.kinds).
_ORPHANS = """
SELECT concat(t.user_id, '/', t.sequence) AS key, 'The user of this entry does not exist.' AS sentence
FROM transactions AS t LEFT JOIN users AS u ON u.id = t.user_id WHERE u.id IS NULL
"""

# The MD5 of the triggers' source: a migration that changes the source changes it here too.
_REFUSES_CHANGE = "f5d8fa144f0df0698511d08e3afe38e9"
_REFUSES_BALANCE = "aed57074a2e6477d8354d547b01e7f42"
_TRIGGERS = f"""
SELECT wanted.name AS key, CASE
    WHEN t.oid IS NULL THEN 'This trigger, which guards the account ledgers, is missing or disabled.'
    ELSE 'This trigger, which guards the account ledgers, does not do what it should.'
    END AS sentence
FROM (VALUES
    ('transactions_append_only', 'transactions', 'refuse_change_of_books', '{_REFUSES_CHANGE}'),
    ('transactions_not_truncated', 'transactions', 'refuse_change_of_books', '{_REFUSES_CHANGE}'),
    ('users_balance_follows_book', 'users', 'refuse_change_of_balance', '{_REFUSES_BALANCE}')
) AS wanted (name, of_table, does, text)
LEFT JOIN pg_trigger AS t
    ON t.tgname = wanted.name AND t.tgenabled IN ('O', 'A') AND t.tgrelid = to_regclass(wanted.of_table)
LEFT JOIN pg_proc AS p
    ON p.oid = t.tgfoid AND p.proname = wanted.does AND md5(p.prosrc) = wanted.text
WHERE p.oid IS NULL
"""  # noqa: S608

# A view or row-level security could hide rows from the service or the audit.
_TABLES = """
SELECT wanted.name AS key, CASE
    WHEN c.relkind IS DISTINCT FROM 'r' AND c.relkind IS DISTINCT FROM 'p' THEN 'This is not a table.'
    ELSE 'Row-level security is enabled and may hide rows.'
    END AS sentence
FROM unnest(ARRAY['users', 'transactions']) AS wanted (name)
LEFT JOIN pg_class AS c ON c.oid = to_regclass(wanted.name)
WHERE c.oid IS NULL OR c.relkind NOT IN ('r', 'p') OR c.relrowsecurity
"""

_CONSTRAINT_NAMES = ", ".join(
    f"('{table.name}', '{constraint.name}')"
    for table in (tables.users, tables.transactions)
    for constraint in sorted(table.constraints, key=lambda each: str(each.name))
)
_CONSTRAINTS = f"""
SELECT wanted.name AS key, 'This constraint of the account ledgers is missing or not validated.' AS sentence
FROM (VALUES {_CONSTRAINT_NAMES}) AS wanted (of_table, name)
LEFT JOIN pg_constraint AS c
    ON c.conname = wanted.name AND c.conrelid = to_regclass(wanted.of_table) AND c.convalidated
WHERE c.oid IS NULL
"""  # noqa: S608

CHECKS = (
    Check("balances", "users", _BALANCES),
    Check("heads of the account ledgers", "users", _HEADS),
    Check("each entry against the previous one", "transactions", _SEQUENCES),
    Check("users of entries", "transactions", _ORPHANS),
    Check("entries posted with API tokens", "transactions", _ENTRIES_OF_TOKENS),
    Check("entries in the outbox", "transactions", _UNANNOUNCED),
    Check("triggers", "pg_trigger", _TRIGGERS),
    Check("tables", "pg_class", _TABLES),
    Check("constraints", "pg_constraint", _CONSTRAINTS),
)
