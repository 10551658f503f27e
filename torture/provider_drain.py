"""The end of a run at the payment provider: the wallet learns by reconciling what no event has told it."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime

import psycopg

from dev.stripe.emulator import StripeEmulator

_TIMEOUT_SECONDS = 240.0
_POLL_SECONDS = 0.1
# As if their times had come: a call that failed is repeated, and the events of the day are read.
_HURRY = (
    "UPDATE top_ups SET attend_at = now() WHERE refund = 'DUE' AND attend_at > now()",
    "INSERT INTO top_up_reconciliations (provider, due_at) VALUES ('stripe', now()) "
    "ON CONFLICT (provider) DO UPDATE SET due_at = excluded.due_at",
)
_NOW = "SELECT clock_timestamp()"
# What the provider received, took back or returned, and the wallet has not dealt with.
_WAITING = """
SELECT
    (SELECT count(*) FROM top_up_reconciliations WHERE through >= %s),
    (SELECT count(*) FROM top_ups WHERE refund = 'DUE')
    + (SELECT count(*) FROM top_up_reversals AS r
        JOIN users AS u ON u.id = r.user_id
        WHERE r.status = 'WAITING'
            AND (NOT r.is_short OR u.balance >= r.amount AND u.closed_at IS NULL))
"""


async def end_bad_days(provider: StripeEmulator) -> None:
    """From now on, the provider answers every call; held events come in the reverse order."""
    await asyncio.to_thread(_end_bad_days, provider)


def _end_bad_days(provider: StripeEmulator) -> None:
    provider.act("no_faults")
    provider.act("mode", name="immediately")
    provider.act("release", order="newest")


async def wait_until_reconciled(database_url: str) -> bool:
    """Have the wallet reconcile; whether it has, and nothing is left to do but what no balance covers."""
    since = await asyncio.to_thread(_hurry, database_url)
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        reconciled, waiting = await asyncio.to_thread(_waiting, database_url, since)
        if reconciled and not waiting:
            return True
        await asyncio.sleep(_POLL_SECONDS)
    return False


def _hurry(database_url: str) -> datetime:
    with psycopg.connect(database_url) as connection:
        [(now,)] = connection.execute(_NOW).fetchall()
        for statement in _HURRY:
            connection.execute(statement)
    return datetime.fromisoformat(str(now))


def _waiting(database_url: str, since: datetime) -> tuple[int, int]:
    with psycopg.connect(database_url) as connection:
        [row] = connection.execute(_WAITING, [since]).fetchall()
        return row[0], row[1]
