"""Checks of closed idempotency keys and of metadata."""

from __future__ import annotations

from domain.ledger import kinds
from persistence.audit import checks
from persistence.audit.checks import Check
from persistence.ledger import kind_conditions

_IS_REQUESTED = kind_conditions.one_of(kinds.REQUESTED)
_CLOSED_KEYS = f"""
SELECT concat(c.user_id, '/', c.kind, '/', c.idempotency_key) AS key, concat_ws(' ',
    CASE WHEN u.id IS NULL THEN 'The user of this closed key does not exist.' END,
    CASE WHEN NOT c.{_IS_REQUESTED} THEN 'There are no keys of this kind.' END,
    CASE WHEN c.closed_at > clock_timestamp() THEN 'It was closed in the future.' END,
    CASE WHEN t.user_id IS NOT NULL THEN format(
        'The key is closed, but it made entry %s.', t.sequence)
    END
) AS sentence
FROM closed_keys AS c
LEFT JOIN users AS u ON u.id = c.user_id
LEFT JOIN transactions AS t
    ON t.user_id = c.user_id AND t.kind = c.kind AND t.idempotency_key = c.idempotency_key
WHERE u.id IS NULL OR NOT c.{_IS_REQUESTED}
    OR c.closed_at > clock_timestamp() OR t.user_id IS NOT NULL
"""  # noqa: S608

# The digest as `domain.ledger.metadata` makes it.
_METADATA = f"""
SELECT concat(user_id, '/', sequence) AS key, CASE
    WHEN t.digest IS NULL THEN 'There is metadata, but the entry has none or is missing.'
    WHEN m.pairs IS NULL THEN 'The entry has metadata, but it is missing.'
    ELSE 'The metadata is not what the entry was made with.'
    END AS sentence
FROM (
    SELECT user_id, sequence, count(*) AS pairs, count(DISTINCT salt) AS salts,
        min(position) AS first, max(position) AS last,
        sha256((array_agg(salt ORDER BY position))[1] || string_agg(
            int4send(octet_length(convert_to(key, 'UTF8'))) || convert_to(key, 'UTF8')
            || int4send(octet_length(convert_to(value, 'UTF8'))) || convert_to(value, 'UTF8'),
            ''::bytea ORDER BY position
        )) AS digest
    FROM transaction_metadata GROUP BY user_id, sequence
) AS m
FULL JOIN (
    SELECT user_id, sequence, metadata_digest AS digest FROM transactions
    WHERE metadata_digest IS NOT NULL
) AS t USING (user_id, sequence)
LEFT JOIN ({checks.ERASED}) AS erased ON erased.id = user_id
WHERE erased.id IS NULL AND (m.digest IS DISTINCT FROM t.digest
    OR m.salts <> 1 OR m.first <> 1 OR m.last <> m.pairs)
"""  # noqa: S608

# The function is identified by the MD5 of its text: a migration that changes it changes this. The other is
# that of a cluster (persistence.cluster.functions).
_REFUSES_CHANGE = "51ab1724c51fc2237dc51f4c508722e0", "4173d5480da8347774a510ffa96466a2"
_GUARDS = f"""
SELECT wanted.name AS key, 'This trigger, which keeps keys closed, is missing, off or changed.' AS sentence
FROM (VALUES ('closed_keys_append_only'), ('closed_keys_not_truncated')) AS wanted (name)
LEFT JOIN pg_trigger AS t ON t.tgname = wanted.name AND t.tgenabled IN ('O', 'A')
    AND t.tgrelid = to_regclass('closed_keys')
LEFT JOIN pg_proc AS p ON p.oid = t.tgfoid AND p.proname = 'refuse_change_of_closed_keys'
    AND md5(p.prosrc) IN {_REFUSES_CHANGE}
WHERE p.oid IS NULL
"""  # noqa: S608

CHECKS = (
    Check("closed keys", "closed_keys", _CLOSED_KEYS),
    Check("metadata", "transaction_metadata", _METADATA),
    Check("the guards of closed keys", "pg_trigger", _GUARDS),
)
