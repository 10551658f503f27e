"""Checks of closed accounts: what has ended with them, and what is erased."""

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

_REMAINS = " UNION ALL ".join(
    f"SELECT DISTINCT t.user_id, '{table.name}' AS name FROM {table.name} AS t"  # noqa: S608
    for table in erasing.ERASED
)
_ERASED = f"""
SELECT concat(u.id, '/', r.name) AS key,
    'The account is closed without a way back, but its personal data is not erased.' AS sentence
FROM users AS u LEFT JOIN closed_accounts AS c ON c.user_id = u.id
LEFT JOIN ({_REMAINS}) AS r ON r.user_id = u.id
WHERE u.closed_at IS NOT NULL AND c.user_id IS NULL
    AND (r.user_id IS NOT NULL OR u.password_hash <> '')
"""  # noqa: S608

CHECKS = (
    Check("closed accounts", "users", _CLOSED),
    Check("data of closed accounts", "closed_accounts", _DATA),
    Check("erased accounts", "users", _ERASED),
)
