"""Clients that schedule transfers; and schedules whose runs were missed while nothing was running."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone

import psycopg

from domain import ids
from torture import requests
from torture.caller import Caller, Crowd
from torture.client import Client
from torture.record_schedules import AskedSchedule
from torture.users import User

CREATED = "TransferScheduled"
#: For so many days nothing was running, and of so many schedules.
MISSED_DAYS, MISSED_SCHEDULES = 3, 3
#: Users with so much can pay all runs that were missed.
_ENOUGH_MINOR = 1_000
_LONGEST_PAUSE_SECONDS = 1.0
#: Runs are due at eight; by that local time they are due at once.
_LOCAL_HOUR = 14
_NOTES = (None, "rent", "Taschengeld für Jürgen", "家賃")

# As the API would have stored it then: daily until today, with one run for each missed day and one for today.
_MISSED = """
INSERT INTO scheduled_transfers (user_id, id, recipient_id, amount, note, recurrence_unit,
    recurrence_interval, starts_on, ends_on, time_zone, created_at, idempotency_key, attempt_at)
VALUES (%s, %s, %s, %s, %s, 'DAY', 1, %s, %s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING
"""
_LIVE_IN = "UPDATE users SET time_zone = %s"


def time_zone() -> str:
    """A zone in which it is the afternoon now."""
    hours = (_LOCAL_HOUR - datetime.now(UTC).hour + 12) % 24 - 12
    # The sign of these names is the reverse of the usual one.
    return f"Etc/GMT{-hours:+d}" if hours else "Etc/GMT"


def today() -> date:
    """The date in that zone."""
    hours = (_LOCAL_HOUR - datetime.now(UTC).hour + 12) % 24 - 12
    return datetime.now(timezone(timedelta(hours=hours))).date()


def settle_in(database_url: str) -> None:
    """Have all users live in that zone. Raises psycopg.Error."""
    with psycopg.connect(database_url) as connection:
        connection.execute(_LIVE_IN, [time_zone()])


def miss(database_url: str, asked: AskedSchedule) -> None:
    """Store a schedule whose runs of the last days were missed. Raises psycopg.Error; may be repeated."""
    last_day = today()
    created_at = datetime.now(UTC) - timedelta(days=MISSED_DAYS, hours=12)
    with psycopg.connect(database_url, connect_timeout=5) as connection:
        connection.execute(
            _MISSED,
            [
                asked.user_id, ids.new_id(), asked.recipient_id, asked.amount_minor, asked.note,
                last_day - timedelta(days=MISSED_DAYS), last_day, time_zone(), created_at,
                asked.key, created_at,
            ],
        )  # fmt: skip


class Scheduler(Caller):
    """Schedules transfers for today, which are due at once; ends some of them at the same time."""

    def __init__(
        self, crowd: Crowd, devices: Sequence[Client], rng: random.Random, database_url: str
    ) -> None:
        super().__init__(crowd, devices, rng)
        self._database_url = database_url
        self._missed = 0

    async def run(self) -> None:
        """Schedule until it is time to stop."""
        while not self._crowd.stopping.is_set():
            asked = await self._schedule()
            if asked.global_id is not None and self._rng.random() < 0.3:
                await self._end(asked)
            if self._missed < MISSED_SCHEDULES:
                await self._miss()
            await asyncio.sleep(self._rng.uniform(0, _LONGEST_PAUSE_SECONDS))

    async def _miss(self) -> None:
        """A schedule of a user who has money, as if nothing had been running for days."""
        balances = self._crowd.balances
        rich = [u for u in self._crowd.users if balances.get(u.user_id, 0) >= _ENOUGH_MINOR]
        if not rich:
            return
        user = self._rng.choice(rich)
        others = [other for other in self._crowd.users if other is not user]
        asked = self._asked(user, self._rng.choice(others))
        self._crowd.record.schedules.append(asked)
        while not self._crowd.stopping.is_set():
            try:
                await asyncio.to_thread(miss, self._database_url, asked)
            except psycopg.Error:
                await asyncio.sleep(_LONGEST_PAUSE_SECONDS)
            else:
                asked.answer = CREATED
                self._missed += 1
                break
        asked.ended = time.monotonic()

    async def _schedule(self) -> AskedSchedule:
        user, recipient = self._rng.sample(list(self._crowd.users), 2)
        asked = self._asked(user, recipient)
        self._crowd.record.schedules.append(asked)
        tried = await self.until_answered(
            requests.SCHEDULE, requests.schedule_variables(asked, today()), user.user_id
        )
        if tried.is_answered and tried.answer is not None:
            result = tried.answer.data["scheduleTransfer"]
            asked.answer = result["__typename"]
            if "scheduledTransfer" in result:
                asked.global_id = result["scheduledTransfer"]["id"]
        asked.ended = time.monotonic()
        return asked

    async def _end(self, asked: AskedSchedule) -> None:
        began = time.monotonic()
        tried = await self.until_answered(
            requests.END_SCHEDULE, {"id": asked.global_id}, asked.user_id
        )
        if tried.is_answered:
            asked.ended_at = began

    def _asked(self, user: User, recipient: User) -> AskedSchedule:
        return AskedSchedule(
            user.user_id,
            recipient.user_id,
            self._rng.randint(1, 50),
            self._rng.choice(_NOTES),
            self._crowd.new_key(),
            time.monotonic(),
        )
