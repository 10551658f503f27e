"""Runs of scheduled transfers: each once, in order, and at its time, whatever has been away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from application import run_scheduled_transfer
from domain import ids
from domain.people.restrictions import Restriction
from domain.schedules.recurrence import Recurrence, RecurrenceUnit
from domain.schedules.schedules import ScheduledTransfer
from domain.schedules.scheduling import Request
from jobs import services
from jobs.services import JobServices
from persistence.engine import unit_of_work
from persistence.people import restrictions
from persistence.schedules import runs, schedules
from settings import Settings
from tests import books as test_books
from tests.books import LIMITS, Books, Someone
from tests.simulated_clock import SimulatedClock

pytestmark = pytest.mark.anyio

START = datetime(2027, 1, 15, 12, tzinfo=UTC)
MONTHLY = Recurrence(RecurrenceUnit.MONTH)
DAILY = Recurrence(RecurrenceUnit.DAY)


@dataclass
class World:
    """Alpha, who has money and schedules transfers to Beta, and a worker."""

    books: Books
    worker: JobServices
    clock: SimulatedClock
    alpha: Someone
    beta: Someone

    async def schedule(
        self,
        starts_on: date,
        recurrence: Recurrence | None = None,
        amount: str = "10",
        ends_on: date | None = None,
    ) -> ScheduledTransfer:
        request = Request(
            self.beta.user_id, Decimal(amount), "rent", starts_on, recurrence, ends_on,
            f"schedule-{ids.new_id()}",
        )  # fmt: skip
        created, _ = await schedules.create(
            self.books.database, self.alpha.principal, request, LIMITS
        )
        return created

    async def work(self) -> None:
        """What relay and worker do: ask for what is due, and attempt it, until nothing is."""
        while due := await runs.due(self.books.database, 100):
            for user_id, schedule_id in due:
                await self.attempt(user_id, schedule_id)

    async def attempt(self, user_id: UUID, schedule_id: UUID) -> None:
        await run_scheduled_transfer.execute(self.worker, LIMITS.currency, user_id, schedule_id)

    async def at(self, *time: int) -> None:
        """What is done at that time, in UTC."""
        self.clock.set(datetime(*time, tzinfo=UTC))  # type: ignore[arg-type, misc]
        await self.work()

    def runs(self, of: ScheduledTransfer) -> list[tuple[Any, ...]]:
        """Number, status, refusal and entry of each run."""
        return self.books.connection.execute(
            "SELECT number, status, refusal ->> 'kind', sequence FROM scheduled_runs "
            "WHERE schedule_id = %s ORDER BY number",
            [of.schedule_id],
        ).fetchall()

    def paid(self) -> list[tuple[Any, ...]]:
        """When Beta received how much, in minor units."""
        return self.books.connection.execute(
            "SELECT to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), amount "
            "FROM transactions WHERE user_id = %s ORDER BY sequence",
            [self.beta.user_id],
        ).fetchall()

    def told(self) -> list[Any]:
        """The kinds of Alpha's notifications."""
        found = self.books.connection.execute(
            "SELECT kind FROM notifications WHERE user_id = %s ORDER BY number",
            [self.alpha.user_id],
        )
        return [row[0] for row in found]

    async def status(self, of: ScheduledTransfer) -> str:
        [found] = await schedules.by_ids(self.books.database, of.user_id, [of.schedule_id])
        return found.status.value


@pytest.fixture
def clock(admin_database_url: str) -> Iterator[SimulatedClock]:
    clock = SimulatedClock(admin_database_url, START)
    yield clock
    clock.close()


@pytest.fixture
async def world(clock: SimulatedClock, settings: Settings) -> AsyncIterator[World]:
    url = settings.database_url.get_secret_value()
    async with test_books.opened(url) as books, services.opened(settings) as worker:
        alpha, beta = await books.pair("100")
        yield World(books, worker, clock, alpha, beta)


async def test_a_rent_is_paid_on_31_january_28_february_and_31_march(world: World) -> None:
    rent = await world.schedule(date(2027, 1, 31), MONTHLY, ends_on=date(2027, 3, 31))
    # Its session ends, which does not matter.
    world.books.connection.execute("UPDATE sessions SET ended_at = clock_timestamp()")
    day = START
    while day < START + timedelta(days=100):
        for hour in (7, 8):
            await world.at(day.year, day.month, day.day, hour)
        day += timedelta(days=1)
    assert world.paid() == [
        ("2027-01-31 08:00", 1000), ("2027-02-28 08:00", 1000), ("2027-03-31 08:00", 1000),
    ]  # fmt: skip
    assert world.runs(rent) == [(n, "SENT", None, n + 1) for n in (1, 2, 3)]
    assert world.told() == ["scheduled_transfer_sent"] * 3
    assert await world.status(rent) == "ENDED"
    await world.books.assert_clean()


async def test_after_three_days_all_missed_runs_are_made_once_and_in_order(world: World) -> None:
    daily = await world.schedule(date(2027, 1, 16), DAILY)
    world.clock.set(datetime(2027, 1, 18, 23, tzinfo=UTC))
    assert await runs.lag_seconds(world.books.database) == timedelta(hours=63).total_seconds()
    # Several relays and workers find them at the same time.
    await asyncio.gather(*(world.work() for _ in range(4)))
    assert world.runs(daily) == [(n, "SENT", None, n + 1) for n in (1, 2, 3)]
    assert await runs.lag_seconds(world.books.database) == 0
    keys = world.books.connection.execute(
        "SELECT idempotency_key, sequence FROM transactions WHERE idempotency_key LIKE 'schedule:%' "
        "ORDER BY sequence"
    ).fetchall()
    assert keys == [(f"schedule:{daily.schedule_id}:{n}", n + 1) for n in (1, 2, 3)]
    await world.at(2027, 1, 19, 7, 59)
    assert len(world.paid()) == 3
    await world.at(2027, 1, 19, 8)
    assert len(world.paid()) == 4
    await world.books.assert_clean()


async def test_a_run_of_a_worker_that_was_killed_is_made_by_another_one(world: World) -> None:
    once = await world.schedule(date(2027, 1, 16))
    world.clock.set(datetime(2027, 1, 16, 8, tzinfo=UTC))
    # Killed after it began, before the ledger: another worker waits until it may have been.
    begun = await runs.begin(world.books.database, once.user_id, once.schedule_id)
    assert begun is not None
    await world.work()
    assert world.runs(once) == [(1, "WAITING", None, None)]
    await world.at(2027, 1, 16, 8, 0, 31)
    assert world.runs(once) == [(1, "SENT", None, 2)]
    # It was not killed, only slow: its transfer is the one there is.
    await run_scheduled_transfer._attempt(world.worker, LIMITS.currency, begun)
    assert len(world.paid()) == 1
    assert await world.status(once) == "ENDED"
    await world.books.assert_clean()


async def test_a_run_short_of_money_is_tried_hourly_for_a_day_and_does_not_stop_the_next(
    world: World,
) -> None:
    daily = await world.schedule(date(2027, 1, 16), DAILY, amount="150")
    for hour in range(8, 8 + 24):
        await world.at(2027, 1, 16 + hour // 24, hour % 24, 0)
        assert world.runs(daily) == [(1, "WAITING", "InsufficientFunds", None)]
    assert world.told() == []
    await world.at(2027, 1, 17, 8)
    assert world.runs(daily)[0] == (1, "FAILED", "InsufficientFunds", None)
    assert world.runs(daily)[1] == (2, "WAITING", "InsufficientFunds", None)
    assert world.told() == ["scheduled_transfer_failed"]
    await world.books.add(world.alpha, "60")
    await world.at(2027, 1, 17, 8, 30)
    assert world.runs(daily)[1][1] == "WAITING"
    await world.at(2027, 1, 17, 9)
    assert world.runs(daily)[1] == (2, "SENT", None, 3)
    assert world.paid() == [("2027-01-17 09:00", 15000)]
    # A day of downtime is no reason to give one up without an attempt.
    await world.at(2027, 1, 20, 12)
    assert [run[:3] for run in world.runs(daily)[2:]] == [
        (3, "FAILED", "InsufficientFunds"),
        (4, "FAILED", "InsufficientFunds"),
        (5, "WAITING", "InsufficientFunds"),
    ]
    await world.books.assert_clean()


async def test_a_run_of_a_restricted_account_waits_for_a_day(world: World) -> None:
    daily = await world.schedule(date(2027, 1, 16), DAILY)
    alpha, end = world.alpha.user_id, datetime(2027, 1, 17, 9, 30, tzinfo=UTC)
    await unit_of_work.run(
        world.books.database,
        lambda unit: restrictions.restrict(unit, alpha, [Restriction.SENDING], end),
    )
    await world.at(2027, 1, 16, 8)
    assert world.runs(daily) == [(1, "WAITING", "AccountRestricted", None)]
    await world.at(2027, 1, 17, 8)
    assert [run[:3] for run in world.runs(daily)] == [
        (1, "FAILED", "AccountRestricted"), (2, "WAITING", "AccountRestricted"),
    ]  # fmt: skip
    assert world.told() == ["account_restricted", "scheduled_transfer_failed"]
    # It ends by itself.
    await world.at(2027, 1, 17, 10)
    assert world.paid() == [("2027-01-17 10:00", 1000)]


async def test_runs_due_while_it_is_paused_are_not_made(world: World) -> None:
    database, caller = world.books.database, world.alpha.principal
    daily = await world.schedule(date(2027, 1, 16), DAILY)
    await schedules.pause(database, caller, daily.schedule_id)
    await world.at(2027, 1, 18, 12)
    assert world.runs(daily) == []
    resumed = await schedules.resume(database, caller, daily.schedule_id)
    assert resumed.next_run_at == datetime(2027, 1, 19, 8, tzinfo=UTC)
    await world.at(2027, 1, 19, 8)
    failed = [(number, "FAILED", None, None) for number in (1, 2, 3)]
    assert world.runs(daily) == [*failed, (4, "SENT", None, 2)]
    await schedules.end(database, caller, daily.schedule_id)
    await world.at(2027, 2, 1, 12)
    assert len(world.paid()) == 1
    await world.books.assert_clean()


async def test_pausing_and_ending_stop_a_run_that_waits(world: World) -> None:
    database, caller = world.books.database, world.alpha.principal
    paused = await world.schedule(date(2027, 1, 16), amount="150")
    ended = await world.schedule(date(2027, 1, 16), DAILY, amount="150")
    late = await world.schedule(date(2027, 1, 16), amount="150")
    await world.at(2027, 1, 16, 8)
    begun = await runs.begin(database, ended.user_id, ended.schedule_id)
    assert begun is None
    await schedules.pause(database, caller, paused.schedule_id)
    await schedules.pause(database, caller, late.schedule_id)
    await schedules.end(database, caller, ended.schedule_id)
    await world.books.add(world.alpha, "1000")
    await world.at(2027, 1, 16, 12)
    assert world.paid() == []
    assert world.runs(ended) == [(1, "FAILED", "InsufficientFunds", None)]
    # Within its day, it is tried again at once; later it has failed.
    await schedules.resume(database, caller, paused.schedule_id)
    await world.work()
    assert world.runs(paused) == [(1, "SENT", None, 3)]
    await world.at(2027, 1, 17, 12)
    assert (await schedules.resume(database, caller, late.schedule_id)).status == "ENDED"
    assert world.runs(late) == [(1, "FAILED", "InsufficientFunds", None)]
    await world.books.assert_clean()


async def test_a_closed_account_and_a_closed_key_send_nothing(world: World) -> None:
    by_key = await world.schedule(date(2027, 1, 16), DAILY)
    closed = await world.schedule(date(2027, 1, 17))
    world.books.connection.execute(
        "INSERT INTO closed_keys VALUES (%s, 'transfer', %s, clock_timestamp())",
        [by_key.user_id, f"schedule:{by_key.schedule_id}:1"],
    )
    await world.at(2027, 1, 16, 8)
    assert world.runs(by_key) == [(1, "FAILED", "IdempotencyKeyClosed", None)]
    world.books.connection.execute(
        "UPDATE users SET closed_at = clock_timestamp() WHERE balance > 0"
    )
    await world.at(2027, 1, 17, 8)
    assert [await world.status(each) for each in (by_key, closed)] == ["ENDED", "ENDED"]
    assert world.paid() == []
