"""Waits at the end of a run until all queues are empty and all events have been received."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from uuid import UUID

import psycopg
import redis

from torture.listeners import Listener

_TIMEOUT_SECONDS = 60.0
_POLL_SECONDS = 0.1
#: After that, mails are retried at once: one whose worker was killed is otherwise due after three minutes.
_MAIL_TIMEOUT_SECONDS = 6.0
_WAITING = """
SELECT
    (SELECT count(*) FROM outbox WHERE published_at IS NULL),
    (SELECT sum(u.sequence - coalesce(c.accepted_number, 0))::bigint
        FROM users AS u
        LEFT JOIN delivery_cursors AS c ON c.user_id = u.id AND c.sink = 'pusher'),
    (SELECT count(*) FROM mails WHERE state = 'pending')
"""
_SEQUENCES = "SELECT id, sequence FROM users"
_DUE_NOW = "UPDATE mails SET next_try_at = now() WHERE state = 'pending' AND next_try_at > now()"


async def wait_until_drained(
    database_url: str, redis_url: str, listeners: Sequence[Listener]
) -> bool:
    """Whether the outbox is empty, everything is pushed and mailed, and every listener has the last event.

    Gives up when nothing has progressed for long.
    """
    least, since, hurried = float("inf"), time.monotonic(), False
    while time.monotonic() - since < _TIMEOUT_SECONDS:
        outbox, pushes, mails = await asyncio.to_thread(_waiting, database_url)
        unheard = await _unheard(database_url, listeners)
        waiting = outbox + pushes + mails + unheard
        if waiting == 0:
            return True
        if waiting < least:
            least, since = waiting, time.monotonic()
        if mails == waiting and not hurried and time.monotonic() - since > _MAIL_TIMEOUT_SECONDS:
            await asyncio.to_thread(_hurry_mails, database_url, redis_url)
            hurried = True
        await asyncio.sleep(_POLL_SECONDS)
    return False


async def _unheard(database_url: str, listeners: Sequence[Listener]) -> int:
    newest = await asyncio.to_thread(_sequences, database_url)
    return sum(newest[listener.heard.user_id] - listener.last for listener in listeners)


def _waiting(database_url: str) -> tuple[int, int, int]:
    with psycopg.connect(database_url) as connection:
        [row] = connection.execute(_WAITING)
        return row


def _sequences(database_url: str) -> dict[UUID, int]:
    with psycopg.connect(database_url) as connection:
        return dict(connection.execute(_SEQUENCES))


def _hurry_mails(database_url: str, redis_url: str) -> None:
    """As if the leases had expired: jobs are lost, as Redis may lose anything."""
    with redis.Redis.from_url(redis_url) as connection:
        connection.flushall()
    with psycopg.connect(database_url) as connection:
        connection.execute(_DUE_NOW)
