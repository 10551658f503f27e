"""Another sink needs a row in the table and a module; everything else follows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

import pytest
import redis
from structlog.testing import capture_logs

from app.telemetry.metrics import Metrics
from domain import ids
from jobs import services as job_services
from jobs.services import JobServices
from jobs.sinks import delivery, table
from persistence.delivery import cursors, outbox
from persistence.delivery.cursors import Receiver
from settings import Settings
from tests import row_changes
from tests.books import Books, Someone
from tests.conftest import make_settings
from tests.jobs import recording
from tests.jobs.running import relaying
from tests.waiting import until

pytestmark = pytest.mark.anyio


@pytest.fixture
def settings(books: Books, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(table, "SINKS", (*table.SINKS, recording.SINK))
    for kept in (recording.accepted, recording.subscribed, recording.limits):
        kept.clear()
    return make_settings(database_url=books.url, redis_url=redis_url)


@pytest.fixture
async def services(settings: Settings) -> AsyncIterator[JobServices]:
    async with job_services.opened(settings) as opened:
        yield opened


def subscribe(someone: Someone, count: int) -> list[Receiver]:
    receiver_ids: list[UUID] = sorted(ids.new_id() for _ in range(count))
    recording.subscribed[someone.user_id] = receiver_ids
    return [Receiver("recording", someone.user_id, receiver_id) for receiver_id in receiver_ids]


async def test_each_receiver_gets_everything_in_order_and_one_that_refuses_delays_no_other(
    books: Books, services: JobServices, settings: Settings, redis_url: str
) -> None:
    zoe = books.join()
    whole, refusing = subscribe(zoe, 2)
    recording.limits[refusing.receiver_id] = 3
    for _ in range(6):
        await books.add(zoe)
    queued = {f"recording-{each.receiver_id}".encode() for each in (whole, refusing)}
    async with relaying(settings):
        with redis.Redis.from_url(redis_url) as memory:
            await until(lambda: set(memory.lrange("rq:queue:push", 0, -1)) == queued)
        await until(lambda: _is_told(books))
    for receiver in (refusing, whole):
        await delivery.deliver(services, receiver)
    assert recording.accepted == {
        whole.receiver_id: [1, 2, 3, 4, 5, 6],
        refusing.receiver_id: [1, 2, 3],
    }
    lag = await cursors.lag(books.database)
    assert {sink: each.receivers for sink, each in lag.items()} == {"recording": 1}
    # What was accepted is not delivered again.
    recording.limits.clear()
    await delivery.deliver(services, refusing)
    assert recording.accepted[refusing.receiver_id] == [1, 2, 3, 4, 5, 6]
    assert await cursors.lag(books.database) == {}


async def _is_told(books: Books) -> bool:
    return (await outbox.backlog(books.database)).count == 0


async def test_a_receiver_with_many_events_takes_another_job(
    books: Books, services: JobServices, redis_url: str
) -> None:
    zoe = books.join()
    [receiver] = subscribe(zoe, 1)
    for _ in range(10):
        await books.add(zoe)
    await delivery.deliver(services, receiver)
    assert recording.accepted[receiver.receiver_id] == list(range(1, 9))
    with redis.Redis.from_url(redis_url) as memory:
        assert memory.lrange("rq:queue:push", 0, -1) == [
            f"recording-{receiver.receiver_id}".encode()
        ]
    await delivery.deliver(services, receiver)
    assert recording.accepted[receiver.receiver_id] == list(range(1, 11))


async def test_an_event_that_cannot_be_read_is_reported_and_those_before_it_are_delivered(
    books: Books, services: JobServices, admin_database_url: str
) -> None:
    zoe, max_ = books.join(), books.join()
    [at_zoe], [at_max] = subscribe(zoe, 1), subscribe(max_, 1)
    for _ in range(3):
        await books.add(zoe)
        await books.add(max_)
    with row_changes.Unguarded.open(admin_database_url) as admin:
        admin.execute("ALTER TABLE transactions DROP CONSTRAINT transactions_kind_check")
        admin.execute(
            "UPDATE transactions SET kind = 'refund' WHERE user_id = %s AND sequence = 2",
            [zoe.user_id],
        )
        with capture_logs() as logged:
            for receiver in (at_zoe, at_max):
                await delivery.deliver(services, receiver)
        reported = [each for each in logged if "cannot read an event" in each["event"]]
        assert [(each["user_id"], each["number"]) for each in reported] == [(str(zoe.user_id), 2)]
        assert recording.accepted == {at_zoe.receiver_id: [1], at_max.receiver_id: [1, 2, 3]}
        admin.execute("UPDATE transactions SET kind = 'top_up'")
    await delivery.deliver(services, at_zoe)
    assert recording.accepted[at_zoe.receiver_id] == [1, 2, 3]


async def test_metrics_have_every_sink(books: Books, settings: Settings, redis_url: str) -> None:
    measured = (await Metrics().render(books.database, redis_url)).decode()
    for sink in table.SINKS:
        assert f'wallet_sink_lag_seconds{{sink="{sink.name}"}} 0.0' in measured
