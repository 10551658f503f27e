"""Checks of everything around the account ledgers: users, credentials, mails and the outbox."""

from __future__ import annotations

from domain import events
from domain.people import accounts, sessions
from persistence.audit import checks
from persistence.audit.checks import Check
from persistence.delivery import mails, streams
from persistence.people import credentials

# ================================================================ users and credentials

_ADDRESSES_OF_USERS = """
SELECT u.id::text AS key, CASE
    WHEN e.user_id IS NULL THEN 'The address of this user is not among the addresses.'
    ELSE format('The address of this user is recorded as that of %s.', e.user_id)
    END AS sentence
FROM users AS u LEFT JOIN closed_accounts AS c ON c.user_id = u.id
LEFT JOIN email_addresses AS e ON e.address = coalesce(c.email, u.email)
WHERE u.email_verified_at IS NOT NULL AND (u.closed_at IS NULL OR c.user_id IS NOT NULL)
    AND e.user_id IS DISTINCT FROM u.id
"""

_USERS_OF_ADDRESSES = """
SELECT overlay(e.address placing '…' from 2 for greatest(position('@' in e.address) - 2, 0)) AS key,
    CASE
    WHEN u.id IS NULL THEN format('This address is of %s, who does not exist.', e.user_id)
    WHEN u.email_verified_at IS NULL
        THEN format('This address is of %s, who has not verified it.', e.user_id)
    ELSE format('This address is of %s, who has another.', e.user_id)
    END AS sentence
FROM email_addresses AS e LEFT JOIN users AS u ON u.id = e.user_id
LEFT JOIN closed_accounts AS c ON c.user_id = u.id
WHERE coalesce(c.email, u.email) IS DISTINCT FROM e.address OR u.email_verified_at IS NULL
"""

_SESSIONS = f"""
SELECT s.user_id || '/' || s.id AS key, concat_ws(' ',
    CASE WHEN u.id IS NULL THEN 'The user of this session does not exist.' END,
    CASE WHEN u.closed_at IS NOT NULL AND {credentials.session_is_active("s")}
        THEN 'This session is active, though its account is closed.' END,
    CASE WHEN (s.generation = 1) <> (s.previous_refresh_hash IS NULL)
        THEN 'Its refresh tokens do not match its generation.' END,
    CASE WHEN least(s.last_used_at, s.rotated_at, s.confirmed_at, s.ended_at) < s.created_at
        THEN 'It was used, confirmed or ended before it began.' END,
    CASE WHEN greatest(s.created_at, s.rotated_at, s.confirmed_at, s.ended_at) > clock_timestamp()
        THEN 'It began, was refreshed, confirmed or ended in the future.' END
) AS sentence
FROM sessions AS s LEFT JOIN users AS u ON u.id = s.user_id
WHERE u.id IS NULL OR (u.closed_at IS NOT NULL AND {credentials.session_is_active("s")})
    OR (s.generation = 1) <> (s.previous_refresh_hash IS NULL)
    OR least(s.last_used_at, s.rotated_at, s.confirmed_at, s.ended_at) < s.created_at
    OR greatest(s.created_at, s.rotated_at, s.confirmed_at, s.ended_at) > clock_timestamp()
"""  # noqa: S608

_API_TOKENS = f"""
SELECT k.user_id || '/' || k.id AS key, concat_ws(' ',
    CASE WHEN u.id IS NULL THEN 'The user of this API token does not exist.' END,
    CASE WHEN u.closed_at IS NOT NULL AND {credentials.api_token_is_active("k")}
        THEN 'This API token is active, though its account is closed.' END,
    CASE WHEN NOT k.scopes <@ ARRAY[{checks.quoted(sessions.Scope)}] THEN 'It has an unknown scope.' END,
    CASE WHEN least(k.expires_at, k.revoked_at, k.last_used_at) < k.created_at
        THEN 'It was used or ended before it was created.' END,
    CASE WHEN greatest(k.created_at, k.revoked_at) > clock_timestamp()
        THEN 'It was created or revoked in the future.' END
) AS sentence
FROM api_tokens AS k LEFT JOIN users AS u ON u.id = k.user_id
WHERE u.id IS NULL OR (u.closed_at IS NOT NULL AND {credentials.api_token_is_active("k")})
    OR NOT k.scopes <@ ARRAY[{checks.quoted(sessions.Scope)}]
    OR least(k.expires_at, k.revoked_at, k.last_used_at) < k.created_at
    OR greatest(k.created_at, k.revoked_at) > clock_timestamp()
"""  # noqa: S608

# ================================================================ mails and the outbox

# Between attempts. A mail without an attempt may wait longer, for any number of mails to the same address.
_MAXIMUM_PAUSE = checks.seconds(mails.UNREACHABLE_FOR)
_WAITS_TOO_LONG = (
    "(m.state = 'pending' AND m.next_try_at IS DISTINCT FROM m.trying_since "
    f"AND m.next_try_at > clock_timestamp() + {_MAXIMUM_PAUSE})"
)
_TRIES = len(mails.REFUSAL_PAUSES) + 1
_MAILS = f"""
SELECT m.user_id || '/' || m.id AS key, concat_ws(' ',
    CASE WHEN u.id IS NULL THEN 'The user of this mail does not exist.' END,
    CASE WHEN m.sent_at < m.created_at THEN 'It was sent before it was requested.' END,
    CASE WHEN m.refusals > {_TRIES} OR (m.state = 'pending' AND m.refusals >= {_TRIES})
        THEN format('It was refused %s times, which is too often.', m.refusals) END,
    CASE WHEN m.state = 'failed' AND m.last_error IS NULL
        THEN 'It failed without a reason.' END,
    CASE WHEN {_WAITS_TOO_LONG}
        THEN 'It waits for longer than the longest pause.' END
) AS sentence
FROM mails AS m LEFT JOIN users AS u ON u.id = m.user_id
WHERE u.id IS NULL OR m.sent_at < m.created_at
    OR m.refusals > {_TRIES} OR (m.state = 'pending' AND m.refusals >= {_TRIES})
    OR (m.state = 'failed' AND m.last_error IS NULL)
    OR {_WAITS_TOO_LONG}
"""  # noqa: S608

_LIFETIMES = " ".join(
    f"WHEN '{purpose.value}' THEN {checks.seconds(lifetime)}"
    for purpose, lifetime in accounts.LINK_LIFETIMES.items()
)
_LINKS = f"""
SELECT l.user_id || '/' || l.id AS key, concat_ws(' ',
    CASE WHEN u.id IS NULL THEN 'The user of this link does not exist.' END,
    CASE WHEN l.expires_at <> l.created_at + CASE l.purpose {_LIFETIMES} END
        THEN 'Its lifetime is not that of such a link.' END,
    CASE WHEN l.ended_at < l.created_at THEN 'It ended before it was created.' END,
    CASE WHEN l.created_at > clock_timestamp() THEN 'It is dated in the future.' END,
    CASE WHEN (l.purpose = 'new_sign_in') <> (l.subject_id IS NOT NULL)
        THEN 'What it leads to does not match its purpose.' END
) AS sentence
FROM links AS l LEFT JOIN users AS u ON u.id = l.user_id
WHERE u.id IS NULL OR l.expires_at <> l.created_at + CASE l.purpose {_LIFETIMES} END
    OR l.ended_at < l.created_at OR l.created_at > clock_timestamp()
    OR (l.purpose = 'new_sign_in') <> (l.subject_id IS NOT NULL)
"""  # noqa: S608

_POSTED, _NOTIFIED, _MAIL, _ENDED, _NOTHING = (
    f"'{topic}'"
    for topic in (
        events.Topic.TRANSACTION_POSTED,
        events.Topic.NOTIFICATION_CREATED,
        events.Topic.MAIL_REQUESTED,
        events.Topic.CREDENTIALS_ENDED,
        events.Topic.NOTHING_HAPPENED,
    )
)
_NO_LINE = f"o.topic = {_POSTED} AND t.user_id IS NULL"
# The payload of an entry with a notification has its number too.
_NOTIFICATION = (
    f"CASE o.topic WHEN {_NOTIFIED} THEN o.payload -> 'number' "
    f"WHEN {_POSTED} THEN o.payload -> 'notification_number' END"
)
_NO_NOTIFICATION = (
    f"(o.topic = {_NOTIFIED} OR (o.topic = {_POSTED} AND o.payload ? 'notification_number')) "
    "AND n.user_id IS NULL"
)
_NO_MAIL = (
    f"o.topic = {_MAIL} AND o.created_at > clock_timestamp() - {checks.KEPT} AND m.id IS NULL"
)
_STILL_ACTIVE = f"""o.topic = {_ENDED} AND (
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
    CASE WHEN o.topic NOT IN ({checks.quoted(events.Topic)}) THEN 'Its topic is unknown.' END,
    CASE WHEN u.id IS NULL AND o.topic <> {_NOTHING} THEN 'Its user does not exist.' END,
    CASE WHEN {_NO_LINE} THEN 'It announces an entry that does not exist.' END,
    CASE WHEN {_NO_NOTIFICATION} THEN 'It announces a notification that does not exist.' END,
    CASE WHEN {_NO_MAIL} THEN 'It announces a mail that does not exist.' END,
    CASE WHEN {_STILL_ACTIVE} THEN 'It announces the end of a session or API token that has not ended.' END,
    CASE WHEN o.published_at < o.created_at THEN 'It was published before it happened.' END
) AS sentence
FROM outbox AS o LEFT JOIN users AS u ON u.id = o.user_id
LEFT JOIN transactions AS t
    ON t.user_id = o.user_id AND to_jsonb(t.sequence) = o.payload -> 'sequence'
LEFT JOIN notifications AS n
    ON n.user_id = o.user_id AND to_jsonb(n.number) = {_NOTIFICATION}
LEFT JOIN mails AS m ON m.user_id = o.user_id AND to_jsonb(m.id) = o.payload -> 'mail_id'
WHERE o.topic NOT IN ({checks.quoted(events.Topic)}) OR (u.id IS NULL AND o.topic <> {_NOTHING})
    OR ({_NO_LINE}) OR ({_NO_NOTIFICATION}) OR ({_NO_MAIL}) OR ({_STILL_ACTIVE}) OR o.published_at < o.created_at
"""  # noqa: S608


def _beyond(table: str, column: str) -> str:
    # Which stream a sink follows is told by its name.
    return f"""
    SELECT user_id::text AS key, CASE
        WHEN newest IS NULL THEN 'Its user does not exist.'
        ELSE format('It is at %s %s, but the newest is %s.', event, at, newest)
        END AS sentence
    FROM (
        SELECT c.user_id, c.{column} AS at,
            CASE WHEN c.sink LIKE '%{streams.NOTIFICATIONS_SUFFIX}'
                THEN 'notification' ELSE 'entry' END AS event,
            CASE WHEN c.sink LIKE '%{streams.NOTIFICATIONS_SUFFIX}'
                THEN u.notification_number ELSE u.sequence END AS newest
        FROM {table} AS c LEFT JOIN users AS u ON u.id = c.user_id
    ) AS position
    WHERE newest IS NULL OR at > newest
    """  # noqa: S608


CHECKS = (
    Check("addresses of users", "users", _ADDRESSES_OF_USERS),
    Check("users of addresses", "email_addresses", _USERS_OF_ADDRESSES),
    Check("sessions", "sessions", _SESSIONS),
    Check("API tokens", "api_tokens", _API_TOKENS),
    Check("mails", "mails", _MAILS),
    Check("links", "links", _LINKS),
    Check("the outbox", "outbox", _OUTBOX),
    Check("cursors", "delivery_cursors", _beyond("delivery_cursors", "accepted_number")),
    Check("due deliveries", "delivery_due", _beyond("delivery_due", "number")),
)
