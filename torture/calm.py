"""Afterwards: waits until everything that was begun has come to its end, and looks at what came of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from uuid import UUID

import psycopg

from torture.listeners import Listener

_PATIENCE_SECONDS = 120.0
_POLL_SECONDS = 0.1
#: A mail whose worker was killed is free again after two minutes: the rest of them is not waited for.
_MAIL_PATIENCE_SECONDS = 6.0
_WAITING = """
SELECT
    (SELECT count(*) FROM outbox WHERE published_at IS NULL),
    (SELECT count(*) FROM users AS u LEFT JOIN push_cursors AS c ON c.user_id = u.id
        WHERE u.sequence <> coalesce(c.pushed_sequence, 0)),
    (SELECT count(*) FROM mails WHERE state = 'pending')
"""
_SEQUENCES = "SELECT id, sequence FROM users"
_DUE_NOW = "UPDATE mails SET next_try_at = now() WHERE state = 'pending' AND next_try_at > now()"


async def settle(database_url: str, listeners: Sequence[Listener]) -> bool:
    """Whether the outbox ran empty, all was pushed and mailed, and every listener heard the last event."""
    began = time.monotonic()
    mails_hurried = False
    while (elapsed := time.monotonic() - began) < _PATIENCE_SECONDS:
        outbox, pushes, mails = await asyncio.to_thread(_waiting, database_url)
        if not (outbox or pushes or mails) and await _all_heard(database_url, listeners):
            return True
        if mails and not mails_hurried and elapsed > _MAIL_PATIENCE_SECONDS:
            await asyncio.to_thread(_hurry_mails, database_url)
            mails_hurried = True
        await asyncio.sleep(_POLL_SECONDS)
    return False


async def _all_heard(database_url: str, listeners: Sequence[Listener]) -> bool:
    newest = await asyncio.to_thread(_sequences, database_url)
    return all(listener.last >= newest[listener.heard.user_id] for listener in listeners)


def _waiting(database_url: str) -> tuple[int, int, int]:
    with psycopg.connect(database_url) as connection:
        [row] = connection.execute(_WAITING)
        return row


def _sequences(database_url: str) -> dict[UUID, int]:
    with psycopg.connect(database_url) as connection:
        return dict(connection.execute(_SEQUENCES))


def _hurry_mails(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(_DUE_NOW)
