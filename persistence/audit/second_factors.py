"""Checks of second factors, recovery codes and challenges."""

from __future__ import annotations

from domain.people import second_factors as rules
from domain.people import totp
from persistence.audit import checks
from persistence.audit.checks import Check

_HAS_FACTOR = """(
    EXISTS (SELECT FROM totp_factors AS t WHERE t.user_id = u.id)
    OR EXISTS (SELECT FROM passkeys AS p WHERE p.user_id = u.id)
)"""
_USERS = f"""
SELECT u.id::text AS key, CASE
    WHEN u.confirm_above IS NULL THEN 'This user has a second factor, but no amount that takes one.'
    WHEN u.confirm_above <= 0 THEN 'The amount that takes a second factor is not positive.'
    ELSE 'This user has an amount that takes a second factor, but no second factor.'
    END AS sentence
FROM users AS u
WHERE (u.confirm_above IS NOT NULL) <> {_HAS_FACTOR} OR u.confirm_above <= 0
"""  # noqa: S608

_SESSIONS = """
SELECT s.user_id || '/' || s.id AS key,
    'A second factor confirmed this session, but its user has none.' AS sentence
FROM sessions AS s JOIN users AS u ON u.id = s.user_id
WHERE s.confirmed_by_factor AND u.confirm_above IS NULL
"""

# A code of the next step is accepted too.
_TOTP = f"""
SELECT t.user_id::text AS key, concat_ws(' ',
    CASE WHEN u.id IS NULL THEN 'The user of this authenticator app does not exist.' END,
    CASE WHEN octet_length(t.key_id) <> 8 THEN 'It is not encrypted with a key of this service.' END,
    CASE WHEN t.last_step > extract(epoch FROM clock_timestamp()) / {totp.STEP_SECONDS} + {totp.DRIFT}
        THEN 'It accepted a code of the future.' END,
    CASE WHEN t.last_used_at < t.created_at THEN 'It was used before it was enabled.' END,
    CASE WHEN greatest(t.created_at, t.last_used_at) > clock_timestamp()
        THEN 'It was enabled or used in the future.' END
) AS sentence
FROM totp_factors AS t LEFT JOIN users AS u ON u.id = t.user_id
WHERE u.id IS NULL OR octet_length(t.key_id) <> 8
    OR t.last_step > extract(epoch FROM clock_timestamp()) / {totp.STEP_SECONDS} + {totp.DRIFT}
    OR t.last_used_at < t.created_at OR greatest(t.created_at, t.last_used_at) > clock_timestamp()
"""  # noqa: S608

_PASSKEYS = """
SELECT p.user_id || '/' || p.id AS key, concat_ws(' ',
    CASE WHEN u.id IS NULL THEN 'The user of this passkey does not exist.' END,
    CASE WHEN p.counter < 0 THEN 'Its counter is negative.' END,
    CASE WHEN p.last_used_at < p.created_at THEN 'It was used before it was added.' END,
    CASE WHEN greatest(p.created_at, p.last_used_at) > clock_timestamp()
        THEN 'It was added or used in the future.' END
) AS sentence
FROM passkeys AS p LEFT JOIN users AS u ON u.id = p.user_id
WHERE u.id IS NULL OR p.counter < 0 OR p.last_used_at < p.created_at
    OR greatest(p.created_at, p.last_used_at) > clock_timestamp()
"""

_CODES = f"""
SELECT c.user_id || '/' || c.id AS key, concat_ws(' ',
    CASE WHEN u.id IS NULL THEN 'The user of this recovery code does not exist.' END,
    CASE WHEN u.confirm_above IS NULL AND u.id IS NOT NULL
        THEN 'Its user has no second factor.' END,
    CASE WHEN n.codes > {rules.RECOVERY_CODES} THEN 'Its user has too many recovery codes.' END,
    CASE WHEN c.used_at < c.created_at THEN 'It was used before it was made.' END,
    CASE WHEN greatest(c.created_at, c.used_at) > clock_timestamp()
        THEN 'It was made or used in the future.' END
) AS sentence
FROM recovery_codes AS c LEFT JOIN users AS u ON u.id = c.user_id
JOIN (SELECT user_id, count(*) AS codes FROM recovery_codes GROUP BY user_id) AS n
    ON n.user_id = c.user_id
WHERE u.id IS NULL OR u.confirm_above IS NULL OR n.codes > {rules.RECOVERY_CODES}
    OR c.used_at < c.created_at OR greatest(c.created_at, c.used_at) > clock_timestamp()
"""  # noqa: S608

_LIFETIMES = " ".join(
    f"WHEN '{purpose}' THEN {checks.seconds(lifetime)}"
    for purpose, lifetime in rules.LIFETIMES.items()
)
# The challenge of a sign-in by passkey alone is stored when it is used.
_EXPIRES_WRONG = f"""(
    c.purpose <> '{rules.Purpose.PASSKEY_SIGN_IN}'
    AND c.expires_at <> c.created_at + CASE c.purpose {_LIFETIMES} END
)"""
_CHALLENGES = f"""
SELECT c.user_id || '/' || c.id AS key, concat_ws(' ',
    CASE WHEN u.id IS NULL THEN 'The user of this challenge does not exist.' END,
    CASE WHEN c.purpose NOT IN ({checks.quoted(rules.Purpose)}) THEN 'Its purpose is unknown.' END,
    CASE WHEN {_EXPIRES_WRONG} THEN 'Its lifetime is not that of such a challenge.' END,
    CASE WHEN c.attempts NOT BETWEEN 0 AND {rules.MAXIMUM_ATTEMPTS}
        THEN 'It was answered too often.' END,
    CASE WHEN c.used_at < c.created_at THEN 'It was used before it was made.' END,
    CASE WHEN greatest(c.created_at, c.used_at) > clock_timestamp()
        THEN 'It was made or used in the future.' END
) AS sentence
FROM second_factor_challenges AS c LEFT JOIN users AS u ON u.id = c.user_id
WHERE u.id IS NULL OR c.purpose NOT IN ({checks.quoted(rules.Purpose)}) OR {_EXPIRES_WRONG}
    OR c.attempts NOT BETWEEN 0 AND {rules.MAXIMUM_ATTEMPTS} OR c.used_at < c.created_at
    OR greatest(c.created_at, c.used_at) > clock_timestamp()
"""  # noqa: S608

_FAILURES = """
SELECT f.user_id || '/' || f.id AS key, CASE
    WHEN u.id IS NULL THEN 'The user of this wrong answer does not exist.'
    ELSE 'It was given in the future.'
    END AS sentence
FROM second_factor_failures AS f LEFT JOIN users AS u ON u.id = f.user_id
WHERE u.id IS NULL OR f.failed_at > clock_timestamp()
"""

CHECKS = (
    Check("users with second factors", "users", _USERS),
    Check("sessions that a second factor confirmed", "sessions", _SESSIONS),
    Check("authenticator apps", "totp_factors", _TOTP),
    Check("passkeys", "passkeys", _PASSKEYS),
    Check("recovery codes", "recovery_codes", _CODES),
    Check("challenges for second factors", "second_factor_challenges", _CHALLENGES),
    Check("wrong second factors", "second_factor_failures", _FAILURES),
)
