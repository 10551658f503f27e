"""Checks of closed accounts (what has ended with them, and what is erased), and of exports of data."""

from __future__ import annotations

from domain.people import leaving
from persistence.audit import checks
from persistence.audit.checks import Check
from persistence.leaving import erasing
from persistence.people import credentials

_ENDED = f"""
    EXISTS (SELECT FROM payment_requests AS r WHERE r.user_id = u.id AND r.status = 'pending')
    OR EXISTS (SELECT FROM scheduled_transfers AS s WHERE s.user_id = u.id AND s.status <> 'ENDED')
    OR EXISTS (SELECT FROM webhooks AS w WHERE w.user_id = u.id)
    OR EXISTS (SELECT FROM name_skeletons AS n WHERE n.user_id = u.id)
    OR EXISTS (
        SELECT FROM sessions AS s WHERE s.user_id = u.id AND {credentials.session_is_active("s")}
    )
    OR EXISTS (
        SELECT FROM api_tokens AS k WHERE k.user_id = u.id AND {credentials.api_token_is_active("k")}
    )
"""  # noqa: S608
_IS_NAMED = f"u.name <> '{leaving.CLOSED_NAME}' OR u.email <> '{leaving.NO_ADDRESS}' OR u.handle IS NOT NULL"
_DATE = f"c.erase_at = u.closed_at + {checks.seconds(leaving.ERASED_AFTER)}"
_CLOSED = f"""
SELECT u.id::text AS key, CASE
    WHEN {_IS_NAMED} THEN 'The account is closed, but still has a name, an address or a handle.'
    ELSE 'The account is closed, but something that belongs to it has not ended.'
    END AS sentence
FROM users AS u WHERE u.closed_at IS NOT NULL AND ({_IS_NAMED} OR {_ENDED})
"""  # noqa: S608
_DATA = f"""
SELECT c.user_id::text AS key, CASE
    WHEN u.id IS NULL THEN 'The user of this closed account does not exist.'
    WHEN u.closed_at IS NULL THEN 'The account is not closed.'
    ELSE 'It is not erased when it should be.'
    END AS sentence
FROM closed_accounts AS c LEFT JOIN users AS u ON u.id = c.user_id
WHERE ({_DATE}) IS NOT TRUE
"""  # noqa: S608

_REMAINS = " OR ".join(
    f"EXISTS (SELECT FROM {table.name} AS t WHERE t.user_id = u.id)" for table in erasing.ERASED
)
_ERASED = f"""
SELECT u.id::text AS key,
    'The account is closed without a way back, but its personal data is not erased.' AS sentence
FROM users AS u LEFT JOIN closed_accounts AS c ON c.user_id = u.id
WHERE u.closed_at IS NOT NULL AND c.user_id IS NULL AND (u.password_hash <> '' OR {_REMAINS})
"""  # noqa: S608

_EXPORTS = """
SELECT e.user_id || '/' || e.id AS key, CASE
    WHEN u.id IS NULL THEN 'The user of this export does not exist.'
    WHEN e.status = 'READY' AND c.size IS DISTINCT FROM e.size
        THEN 'The parts of its archive do not add up to its size.'
    WHEN (e.attempt_at IS NULL) = (e.status = 'PENDING') THEN 'Its status and its next attempt do not match.'
    ELSE 'Its dates do not follow each other.'
    END AS sentence
FROM data_exports AS e LEFT JOIN users AS u ON u.id = e.user_id
LEFT JOIN (
    SELECT user_id, export_id, attempt, sum(octet_length(content)) AS size
    FROM data_export_chunks GROUP BY user_id, export_id, attempt
) AS c ON c.user_id = e.user_id AND c.export_id = e.id AND c.attempt = e.attempts
WHERE u.id IS NULL OR (e.status = 'READY' AND c.size IS DISTINCT FROM e.size)
    OR (e.attempt_at IS NULL) = (e.status = 'PENDING')
    OR e.requested_at > clock_timestamp() OR e.ended_at NOT BETWEEN e.requested_at AND e.expires_at
"""
_CHUNKS = """
SELECT concat_ws('/', c.user_id, c.export_id, c.attempt, c.position) AS key,
    'The export that this part belongs to does not exist.' AS sentence
FROM data_export_chunks AS c
LEFT JOIN data_exports AS e ON e.user_id = c.user_id AND e.id = c.export_id
WHERE e.id IS NULL OR c.attempt > e.attempts OR c.position < 0
"""

CHECKS = (
    Check("closed accounts", "users", _CLOSED),
    Check("data of closed accounts", "closed_accounts", _DATA),
    Check("erased accounts", "users", _ERASED),
    Check("exports of data", "data_exports", _EXPORTS),
    Check("parts of exports", "data_export_chunks", _CHUNKS),
)
