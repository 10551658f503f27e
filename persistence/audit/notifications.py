"""Checks of the notifications: their numbers, and what they are about."""

from __future__ import annotations

from domain.notifications.notification_kinds import NotificationKind
from persistence.audit import checks
from persistence.audit.checks import Check

_STREAMS = f"""
WITH stream AS (
    SELECT user_id, count(*) AS rows, count(DISTINCT number) AS numbers, min(number) AS oldest,
        max(number) AS newest
    FROM notifications GROUP BY user_id
)
SELECT coalesce(u.id, s.user_id)::text AS key, concat_ws(' ',
    CASE WHEN u.id IS NULL THEN 'The user of these notifications does not exist.' END,
    CASE WHEN u.notification_number <> coalesce(s.newest, 0) THEN format(
        'The number is %s, but the newest notification is %s.', u.notification_number,
        coalesce(s.newest, 0))
    END,
    CASE WHEN s.rows <> s.numbers THEN 'A number is a duplicate.' END,
    CASE WHEN s.oldest <> 1 OR s.newest <> s.numbers THEN format(
        'There are %s numbers from %s to %s: there is a gap.', s.numbers, s.oldest, s.newest)
    END,
    CASE WHEN u.notifications_read_through NOT BETWEEN 0 AND u.notification_number THEN format(
        'They are read up to %s, but the newest is %s.', u.notifications_read_through,
        u.notification_number)
    END
) AS sentence
FROM users AS u FULL JOIN stream AS s ON s.user_id = u.id
LEFT JOIN ({checks.ERASED}) AS erased ON erased.id = u.id
WHERE erased.id IS NULL AND (u.id IS NULL OR u.notification_number <> coalesce(s.newest, 0) OR s.rows <> s.numbers
    OR s.oldest <> 1 OR s.newest <> s.numbers
    OR u.notifications_read_through NOT BETWEEN 0 AND u.notification_number)
"""  # noqa: S608

_RECEIVED = f"'{NotificationKind.MONEY_RECEIVED}'"
_ENTRIES = f"""
SELECT concat(n.user_id, '/', n.number) AS key, concat_ws(' ',
    CASE WHEN n.kind NOT IN ({checks.quoted(NotificationKind)}) THEN 'Its kind is unknown.' END,
    CASE WHEN n.sequence IS NOT NULL AND t.user_id IS NULL
        THEN format('It is about entry %s, which does not exist.', n.sequence)
    END,
    CASE WHEN n.kind = {_RECEIVED} AND n.sequence IS NULL THEN 'It is about no entry.' END,
    CASE WHEN n.kind = {_RECEIVED} AND (t.kind <> 'transfer' OR t.direction <> 'incoming')
        THEN format('It is about entry %s, with which no money was received.', n.sequence)
    END,
    CASE WHEN n.kind = {_RECEIVED} AND n.created_at <> t.created_at
        THEN format('It is not of the time of entry %s.', n.sequence)
    END,
    CASE WHEN n.created_at > clock_timestamp() THEN 'It is dated in the future.' END
) AS sentence
FROM notifications AS n
LEFT JOIN transactions AS t ON t.user_id = n.user_id AND t.sequence = n.sequence
WHERE n.kind NOT IN ({checks.quoted(NotificationKind)})
    OR (n.sequence IS NOT NULL AND t.user_id IS NULL)
    OR (n.kind = {_RECEIVED} AND (
        n.sequence IS NULL OR t.kind <> 'transfer' OR t.direction <> 'incoming'
        OR n.created_at <> t.created_at))
    OR n.created_at > clock_timestamp()
"""  # noqa: S608

# Transactions from before there were notifications have none: the first notification of any entry says
# when that was. Users whose notifications were erased are closed.
_NOTICES_OF_ENTRIES = f"""
WITH told AS (
    SELECT user_id, sequence, count(*) AS notifications
    FROM notifications WHERE kind = {_RECEIVED} GROUP BY user_id, sequence
), began AS (
    SELECT min(created_at) AS at FROM notifications WHERE sequence IS NOT NULL
)
SELECT concat(t.user_id, '/', t.sequence) AS key, CASE
    WHEN told.notifications IS NULL THEN 'The user was not notified of this entry.'
    ELSE format('The user was notified of this entry %s times.', told.notifications)
    END AS sentence
FROM transactions AS t
CROSS JOIN began
JOIN users AS u ON u.id = t.user_id AND u.closed_at IS NULL
LEFT JOIN told ON told.user_id = t.user_id AND told.sequence = t.sequence
WHERE t.kind = 'transfer' AND t.direction = 'incoming' AND t.created_at >= began.at
    AND told.notifications IS DISTINCT FROM 1
"""  # noqa: S608

# A later notification of the same user announces it too.
_UNANNOUNCED = f"""
WITH announced AS (
    SELECT user_id, max(CASE jsonb_typeof(number) WHEN 'number' THEN number::numeric END) AS number
    FROM (
        SELECT user_id, coalesce(payload -> 'number', payload -> 'notification_number') AS number
        FROM outbox WHERE topic IN ('notification.created', 'transaction.posted')
    ) AS events
    GROUP BY user_id
)
SELECT concat(n.user_id, '/', n.number) AS key,
    'The outbox has no event for this notification, so nobody will be told.' AS sentence
FROM notifications AS n LEFT JOIN announced AS a ON a.user_id = n.user_id
WHERE n.created_at > clock_timestamp() - {checks.KEPT} AND (a.number >= n.number) IS NOT TRUE
"""  # noqa: S608

CHECKS = (
    Check("numbers of notifications", "users", _STREAMS),
    Check("what notifications are about", "notifications", _ENTRIES),
    Check("notifications of received money", "transactions", _NOTICES_OF_ENTRIES),
    Check("notifications in the outbox", "notifications", _UNANNOUNCED),
)
