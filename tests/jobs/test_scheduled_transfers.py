"""Scheduled transfers with relays and workers as separate processes, some of them killed."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import redis

from dev.processes import Child
from domain.schedules.recurrence import Recurrence, RecurrenceUnit
from domain.schedules.scheduling import Request
from persistence.schedules import schedules
from tests.books import LIMITS, Books
from tests.conftest import make_settings
from tests.waiting import PATIENCE_SECONDS, until

pytestmark = pytest.mark.anyio

SCHEDULES = 20
DAYS = 3


def _count(books: Books, what: str) -> int:
    [count] = books.connection.execute(f"SELECT count(*) FROM {what}").fetchone() or (0,)  # type: ignore[arg-type]
    assert isinstance(count, int)
    return count


def _is_done(books: Books) -> bool:
    is_due = _count(books, "scheduled_transfers WHERE attempt_at <= now()")
    return not (is_due or _count(books, "scheduled_runs WHERE status <> 'SENT'"))


async def test_each_run_is_made_once_whoever_is_killed(
    books: Books, start_process: Callable[..., Child], redis_url: str
) -> None:
    settings = make_settings(database_url=books.url, redis_url=redis_url)
    alpha, beta = await books.pair("1000")
    now = datetime.now(UTC)
    for number in range(SCHEDULES):
        request = Request(
            beta.user_id, Decimal("0.01"), None, now.date(), Recurrence(RecurrenceUnit.DAY), None,
            f"a-schedule-{number}",
        )  # fmt: skip
        await schedules.create(books.database, alpha.principal, request, LIMITS)
    # Nothing ran for three days. Where it is past 08:00 now, a run of today is due too.
    books.connection.execute(
        "UPDATE scheduled_transfers SET created_at = created_at - make_interval(days => %(days)s), "
        "starts_on = starts_on - %(days)s, attempt_at = attempt_at - make_interval(days => %(days)s)",
        {"days": DAYS},
    )
    running = [start_process(name, settings) for name in ("relay", "relay", "worker", "worker")]
    await until(lambda: _count(books, "scheduled_runs WHERE status = 'SENT'"), PATIENCE_SECONDS)
    running[0].signal(signal.SIGKILL)
    running[2].signal(signal.SIGKILL)
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
    # The run that the killed worker had begun is attempted again after some time, here at once.
    books.connection.execute("UPDATE scheduled_transfers SET attempt_at = now()")
    await until(lambda: _is_done(books), PATIENCE_SECONDS)
    running[1].signal(signal.SIGTERM)
    running[3].signal(signal.SIGTERM)
    for process in (running[1], running[3]):
        process.wait(PATIENCE_SECONDS)
    keys = books.connection.execute(
        "SELECT split_part(idempotency_key, ':', 2), split_part(idempotency_key, ':', 3)::bigint "
        "FROM transactions WHERE idempotency_key LIKE 'schedule:%' ORDER BY sequence"
    ).fetchall()
    assert set(Counter(keys).values()) == {1}
    for schedule in {each for each, _ in keys}:
        numbers = [number for each, number in keys if each == schedule]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) >= DAYS
    await books.assert_clean()
