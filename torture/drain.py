"""Waits at the end of a run until all queues are empty and all events have been received."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from uuid import UUID

import psycopg
import redis

from persistence.delivery import mails
from torture.listeners import NOTIFICATIONS, WALLET_EVENTS, Listener, Stream

_TIMEOUT_SECONDS = 60.0
_POLL_SECONDS = 0.1
#: After each such period without progress, all mails are retried at once: the pause after a failed try may be
#: minutes, and a retry may fail too.
_MAIL_TIMEOUT_SECONDS = 6.0
_WAITING = """
SELECT
    (SELECT count(*) FROM outbox WHERE published_at IS NULL),
    (SELECT sum(u.sequence - coalesce(c.accepted_number, 0)
            + u.notification_number - coalesce(n.accepted_number, 0))::bigint
        FROM users AS u
        LEFT JOIN delivery_cursors AS c ON c.user_id = u.id AND c.sink = 'pusher'
        LEFT JOIN delivery_cursors AS n ON n.user_id = u.id AND n.sink = 'pusher-notifications'),
    (SELECT count(*) FROM mails WHERE state = 'pending'),
    (SELECT count(*) FROM payment_requests
        WHERE status = 'pending' AND expires_at < now() + interval '1 minute')
        + (SELECT count(*) FROM scheduled_transfers WHERE attempt_at < now() + interval '1 minute')
"""
_NEWEST = "SELECT id, sequence, notification_number FROM users"
# Except those whose lease was renewed during that period: a worker is sending them.
_DUE_NOW = (
    "UPDATE mails SET next_try_at = now() WHERE state = 'pending' AND next_try_at > now() "
    "AND next_try_at - now() NOT BETWEEN %s * interval '1 second' AND %s * interval '1 second'"
)


async def wait_until_drained(
    database_url: str, redis_url: str, listeners: Sequence[Listener]
) -> bool:
    """Whether the outbox is empty, everything is pushed, mailed or expired, and every listener has the last event.

    Gives up when nothing has progressed for long.
    """
    least, since = float("inf"), time.monotonic()
    hurried_at = since
    while time.monotonic() - since < _TIMEOUT_SECONDS:
        outbox, pushes, unsent, due = await asyncio.to_thread(_waiting, database_url)
        unheard = await _unheard(database_url, listeners)
        waiting = outbox + pushes + unsent + due + unheard
        if waiting == 0:
            return True
        if waiting < least:
            least, since = waiting, time.monotonic()
        if unsent == waiting and time.monotonic() - max(since, hurried_at) > _MAIL_TIMEOUT_SECONDS:
            await asyncio.to_thread(_hurry_mails, database_url, redis_url)
            hurried_at = time.monotonic()
        await asyncio.sleep(_POLL_SECONDS)
    return False


async def _unheard(database_url: str, listeners: Sequence[Listener]) -> int:
    newest = await asyncio.to_thread(_newest, database_url)
    return sum(newest[each.stream][each.heard.user_id] - each.last for each in listeners)


def _waiting(database_url: str) -> tuple[int, int, int, int]:
    with psycopg.connect(database_url) as connection:
        [row] = connection.execute(_WAITING)
        return row


def _newest(database_url: str) -> dict[Stream, dict[UUID, int]]:
    """The newest number of each stream, by user."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(_NEWEST).fetchall()
    return {
        WALLET_EVENTS: {user_id: sequence for user_id, sequence, _ in rows},
        NOTIFICATIONS: {user_id: number for user_id, _, number in rows},
    }


def _hurry_mails(database_url: str, redis_url: str) -> None:
    """As if the leases had expired: jobs are lost, as Redis may lose anything."""
    with redis.Redis.from_url(redis_url) as connection:
        connection.flushall()
    with psycopg.connect(database_url) as connection:
        lease = mails.LEASE_SECONDS
        connection.execute(_DUE_NOW, [lease - _MAIL_TIMEOUT_SECONDS, lease])
