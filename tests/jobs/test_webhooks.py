"""Deliveries to webhooks, to real endpoints: in order, at least once, and each beside the others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import redis
import standardwebhooks
from structlog.testing import capture_logs

from adapters.webhook_endpoints import Endpoints
from app.commands import epoch
from app.webhook_documents import WebhookDocuments
from domain import errors, ids
from domain.people.sessions import Principal, Scope
from domain.webhooks import Attempt, Webhook, WebhookStatus, WebhookStream
from jobs.background import Background
from jobs.sinks import webhooks as sink
from jobs.sinks.webhooks import Delivering
from persistence.delivery import cursors, epochs
from persistence.delivery.cursors import Due
from persistence.engine import unit_of_work
from persistence.people import api_tokens
from persistence.webhooks import attempts, deliveries, rows, secrets
from persistence.webhooks import webhooks as stored
from persistence.webhooks.webhooks import Change
from settings import Settings
from tests import row_changes
from tests.books import Books, Someone
from tests.conftest import make_settings
from tests.jobs.running import relaying
from tests.receivers import Receiver, Request, receiving, says, sends
from tests.waiting import until

pytestmark = pytest.mark.anyio

DOCUMENT = """subscription {
  walletEvents { sequence ... on TransactionPosted { transaction { note amount { amount } } } }
}"""


@pytest.fixture
def settings(books: Books, redis_url: str) -> Settings:
    return make_settings(database_url=books.url, redis_url=redis_url)


@pytest.fixture
async def delivering(settings: Settings) -> AsyncIterator[Delivering]:
    make_documents = partial(WebhookDocuments.of, settings)
    async with sink.opened(settings, make_documents) as services:
        endpoints = Endpoints(settings.webhook_allowed_hosts, attempt_seconds=10)
        services.endpoints.close()
        yield replace(services, endpoints=endpoints)
        endpoints.close()


async def create(
    delivering: Delivering, someone: Someone, url: str, **given: Any
) -> tuple[Webhook, str]:
    usual: dict[str, Any] = {
        "stream": WebhookStream.WALLET_EVENTS,
        "document": DOCUMENT,
        "after_number": 0,
    }
    return await stored.create(
        delivering.database,
        delivering.keys,
        given.pop("caller", someone.principal),
        url=url,
        **{**usual, **given},
    )


async def deliver(delivering: Delivering, webhook: Webhook) -> None:
    await sink.deliver(delivering, rows.receiver(webhook))


async def now(delivering: Delivering, someone: Someone, webhook: Webhook) -> Webhook:
    (found,) = await stored.by_ids(delivering.database, someone.principal, [webhook.webhook_id])
    return found


async def attempted(delivering: Delivering, webhook: Webhook) -> list[Attempt]:
    """The attempts, oldest first."""
    found = await attempts.page(delivering.database, webhook.user_id, webhook.webhook_id, 100, None)
    return list(reversed(found.items))


def let_time_pass(books: Books, seconds: float) -> None:
    """As if so much time had passed since everything that has happened to webhooks."""
    columns = ("failing_since", "next_attempt_at", "leased_until")
    changes = ", ".join(f"{name} = {name} - make_interval(secs => {seconds})" for name in columns)
    books.connection.execute(f"UPDATE webhooks SET {changes}".encode())
    books.connection.execute(
        f"UPDATE webhook_secrets SET expires_at = expires_at - make_interval(secs => {seconds})".encode()
    )


async def test_every_event_is_delivered_once_and_in_order_and_signed(
    books: Books, delivering: Delivering
) -> None:
    alpha, beta = await books.pair()
    for number in range(25):
        await books.send(alpha, beta, note=f"number {number}")
    async with receiving(says(202)) as receiver:
        webhook, secret = await create(delivering, beta, receiver.url)
        await deliver(delivering, webhook)
        assert receiver.numbers == list(range(1, 26))
        verifier = standardwebhooks.Webhook(secret)
        for request in receiver.requests:
            assert verifier.verify(request.body, request.headers) == request.content
        first = receiver.requests[0]
        assert first.content["data"] == {
            "walletEvents": {
                "sequence": 1,
                "transaction": {"note": "number 0", "amount": {"amount": "0.01"}},
            }
        }
        assert first.content["type"] == "wallet.event"
        assert first.content["timestamp"].endswith("Z")
        ids = [request.headers["webhook-id"] for request in receiver.requests]
        assert len(set(ids)) == 25
        await deliver(delivering, webhook)
        assert len(receiver.requests) == 25
    assert (await now(delivering, beta, webhook)).delivered_through == 25
    assert await cursors.lag(books.database) == {}
    assert [each.outcome.status for each in await attempted(delivering, webhook)] == [202] * 25


async def test_relay_and_worker_deliver_what_is_posted(
    books: Books, settings: Settings, delivering: Delivering, redis_url: str
) -> None:
    zoe = books.join()
    async with receiving() as receiver:
        webhook, _ = await create(delivering, zoe, receiver.url)
        async with relaying(settings):
            await books.add(zoe)
            name = f"webhooks-{webhook.webhook_id}".encode()
            with redis.Redis.from_url(redis_url) as memory:
                await until(lambda: memory.lrange("rq:queue:webhooks", 0, -1) == [name])
        await deliver(delivering, webhook)
        assert receiver.numbers == [1]


async def test_what_a_relay_notes_while_it_is_delivered_does_not_stay_due(
    books: Books, delivering: Delivering
) -> None:
    zoe = books.join()
    async with receiving() as receiver:
        webhook, _ = await create(delivering, zoe, receiver.url)
        await books.add(zoe)
        noted = Due(rows.receiver(webhook), 1)
        async with unit_of_work.held(books.database) as unit:
            await cursors.note_due(unit, [noted])
            await deliver(delivering, webhook)
            assert receiver.numbers == [1]
        assert await cursors.lag(books.database) != {}
        await deliver(delivering, webhook)
        assert receiver.numbers == [1]
        assert await cursors.lag(books.database) == {}


async def test_an_event_that_is_not_acknowledged_is_tried_again_and_the_next_one_waits(
    books: Books, delivering: Delivering
) -> None:
    zoe = books.join()
    for _ in range(3):
        await books.add(zoe)
    async with receiving(says(500, "broken")) as receiver:
        webhook, _ = await create(delivering, zoe, receiver.url)
        await deliver(delivering, webhook)
        # Not due: nothing is sent, however many jobs there are.
        await deliver(delivering, webhook)
        assert receiver.numbers == [1]
        for pause in (5, 30, 120, 600, 3600, 3600):
            (*_, last) = await attempted(delivering, webhook)
            assert last.next_attempt_at is not None
            waits = last.next_attempt_at - last.outcome.sent_at
            # What recording takes on a loaded machine comes on top.
            assert pause <= waits.total_seconds() < pause + 20
            let_time_pass(books, pause / 2)
            if pause > 5:
                await deliver(delivering, webhook)
            let_time_pass(books, pause / 2 + 1)
            await deliver(delivering, webhook)
        assert receiver.numbers == [1] * 7
        assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1
        assert len({request.body for request in receiver.requests}) == 1
        receiver.answer = says(200)
        let_time_pass(books, 3600)
        await deliver(delivering, webhook)
        assert receiver.numbers == [1] * 8 + [2, 3]
    tried = await attempted(delivering, webhook)
    assert [each.attempt for each in tried] == [*range(1, 9), 1, 1]
    assert [each.outcome.detail for each in tried[:2]] == ["broken", "broken"]
    assert [each.next_attempt_at for each in tried[7:]] == [None] * 3
    assert await deliveries.count_failing(books.database) == 0


async def test_a_webhook_that_fails_for_three_days_is_disabled_and_continues_where_it_stopped(
    books: Books, delivering: Delivering
) -> None:
    zoe = books.join()
    await books.add(zoe)
    async with receiving(says(503)) as receiver:
        webhook, _ = await create(delivering, zoe, receiver.url)
        await deliver(delivering, webhook)
        assert await deliveries.count_failing(books.database) == 1
        let_time_pass(books, 3 * 86_400)
        await deliver(delivering, webhook)
        assert (await now(delivering, zoe, webhook)).status is WebhookStatus.DISABLED
        assert (await attempted(delivering, webhook))[-1].next_attempt_at is None
        await books.add(zoe)
        let_time_pass(books, 86_400)
        await deliver(delivering, webhook)
        assert receiver.numbers == [1, 1]
        assert await cursors.lag(books.database) == {}
        assert (
            await deliveries.receivers(books.database, WebhookStream.WALLET_EVENTS, [zoe.user_id])
            == {}
        )

        receiver.answer = says(200)
        active = Change(status=WebhookStatus.ACTIVE)
        await stored.change(books.database, zoe.principal, webhook.webhook_id, active)
        await deliver(delivering, webhook)
        assert receiver.numbers == [1, 1, 1, 2]


async def test_notifications_are_delivered_too_such_as_that_a_webhook_was_disabled(
    books: Books, delivering: Delivering
) -> None:
    zoe = books.join()
    await books.add(zoe)
    document = "subscription { notifications { number kind message webhook { id url status } } }"
    async with receiving(says(410)) as gone, receiving() as receiver:
        webhook, _ = await create(delivering, zoe, gone.url)
        observer, _ = await create(
            delivering,
            zoe,
            receiver.url,
            stream=WebhookStream.NOTIFICATIONS,
            document=document,
        )
        await deliver(delivering, webhook)
        await deliver(delivering, observer)
        (request,) = receiver.requests
        assert (request.content["type"], request.number) == ("notification", 1)
        assert request.content["data"]["notifications"] == {
            "number": 1,
            "kind": "WEBHOOK_DISABLED",
            "message": "The webhook to 127.0.0.1 was disabled: its deliveries failed.",
            "webhook": {
                "id": ids.global_id("Webhook", webhook.webhook_id),
                "url": gone.url,
                "status": "DISABLED",
            },
        }


async def test_gone_disables_at_once(books: Books, delivering: Delivering) -> None:
    zoe = books.join()
    await books.add(zoe)
    async with receiving(says(410)) as receiver:
        webhook, _ = await create(delivering, zoe, receiver.url)
        await deliver(delivering, webhook)
        assert (await now(delivering, zoe, webhook)).status is WebhookStatus.DISABLED
        assert receiver.numbers == [1]


async def test_endpoints_that_hang_delay_no_other(
    books: Books, settings: Settings, delivering: Delivering
) -> None:
    people = [books.join() for _ in range(12)]
    for someone in people:
        for _ in range(3):
            await books.add(someone)
    background = Background(partial(sink.opened, settings, partial(WebhookDocuments.of, settings)))
    async with receiving(sends()) as dead, receiving() as healthy:
        urls = [dead.url] * 11 + [healthy.url]
        for someone, url in zip(people, urls, strict=True):
            webhook, _ = await create(delivering, someone, url)
            assert background.start(partial(sink.deliver, receiver=rows.receiver(webhook)))
        await until(lambda: healthy.numbers == [1, 2, 3] and len(dead.requests) == 11)
    await asyncio.to_thread(background.stop)


async def test_one_job_delivers_to_a_webhook_at_a_time(
    books: Books, delivering: Delivering
) -> None:
    zoe = books.join()
    await books.add(zoe)
    await books.add(zoe)
    released = asyncio.Event()

    async def slowly(request: Request, writer: asyncio.StreamWriter) -> None:
        await released.wait()
        await says(200)(request, writer)

    async with receiving(slowly) as receiver:
        patient = replace(delivering, endpoints=Endpoints(("127.0.0.1",)))
        webhook, _ = await create(delivering, zoe, receiver.url)
        first = asyncio.create_task(deliver(patient, webhook))
        await until(lambda: receiver.requests)
        for _ in range(3):
            await deliver(patient, webhook)
        assert receiver.numbers == [1]
        released.set()
        await first
        assert receiver.numbers == [1, 2]
        patient.endpoints.close()


async def test_a_lease_that_is_not_renewed_ends(books: Books, delivering: Delivering) -> None:
    zoe = books.join()
    await books.add(zoe)
    async with receiving() as receiver:
        webhook, _ = await create(delivering, zoe, receiver.url)
        killed = await deliveries.lease(books.database, rows.receiver(webhook), 25.0)
        assert killed is not None
        await deliver(delivering, webhook)
        assert receiver.requests == []
        let_time_pass(books, 26)
        await deliver(delivering, webhook)
        assert receiver.numbers == [1]
        # What the killed job would have said is of no consequence any more.
        (attempt,) = await attempted(delivering, webhook)
        late = await deliveries.failed(books.database, killed, 1, attempt.outcome)
        assert not late.goes_on
        assert (await now(delivering, zoe, webhook)).delivered_through == 1
        assert await deliveries.count_failing(books.database) == 0


async def test_a_job_of_the_other_stream_delivers_nothing(
    books: Books, delivering: Delivering
) -> None:
    zoe = books.join()
    await books.add(zoe)
    document = "subscription { notifications { number } }"
    async with receiving() as receiver:
        webhook, _ = await create(
            delivering,
            zoe,
            receiver.url,
            stream=WebhookStream.NOTIFICATIONS,
            document=document,
        )
        await sink.deliver(delivering, replace(rows.receiver(webhook), sink="webhooks"))
        assert receiver.requests == []
        assert await attempted(delivering, webhook) == []


async def test_nothing_is_sent_that_might_arrive_after_the_lease_has_ended(
    books: Books, delivering: Delivering
) -> None:
    zoe = books.join()
    await books.add(zoe)
    async with receiving() as receiver:
        webhook, _ = await create(delivering, zoe, receiver.url)
        await deliver(replace(delivering, lease_seconds=15.5), webhook)
        assert receiver.requests == []
        assert await attempted(delivering, webhook) == []
        await deliver(delivering, webhook)
        assert receiver.numbers == [1]


async def test_both_secrets_sign_until_the_old_one_expires(
    books: Books, delivering: Delivering
) -> None:
    zoe = books.join()

    async def signed_by(receiver: Receiver) -> list[str]:
        await books.add(zoe)
        await deliver(delivering, webhook)
        request = receiver.requests[-1]
        good = []
        for name, secret in (("old", old), ("new", new)):
            try:
                standardwebhooks.Webhook(secret).verify(request.body, request.headers)
            except standardwebhooks.WebhookVerificationError:
                continue
            good.append(name)
        return good

    async with receiving() as receiver:
        webhook, old = await create(delivering, zoe, receiver.url)
        _, new = await stored.rotate_secret(
            books.database,
            delivering.keys,
            zoe.principal,
            webhook.webhook_id,
            timedelta(days=1),
        )
        assert await signed_by(receiver) == ["old", "new"]
        let_time_pass(books, 86_401)
        assert await signed_by(receiver) == ["new"]


async def test_replay_delivers_again_with_the_same_ids_also_while_an_attempt_is_under_way(
    books: Books, delivering: Delivering
) -> None:
    zoe = books.join()
    for _ in range(3):
        await books.add(zoe)
    async with receiving() as receiver:
        webhook, _ = await create(delivering, zoe, receiver.url)
        await deliver(delivering, webhook)

        async def replay(after_number: int) -> None:
            changed = Change(status=WebhookStatus.ACTIVE, after_number=after_number)
            await stored.change(books.database, zoe.principal, webhook.webhook_id, changed)

        await replay(1)
        await deliver(delivering, webhook)
        assert receiver.numbers == [1, 2, 3, 2, 3]
        ids = [request.headers["webhook-id"] for request in receiver.requests]
        assert ids[1:3] == ids[3:]

        async def replaying(request: Request, writer: asyncio.StreamWriter) -> None:
            receiver.answer = says(200)
            await replay(0)
            await says(200)(request, writer)

        await books.add(zoe)
        receiver.answer = replaying
        await deliver(delivering, webhook)
        assert receiver.numbers[5:] == [4]
        assert (await now(delivering, zoe, webhook)).delivered_through == 0
        await deliver(delivering, webhook)
        assert receiver.numbers[6:] == [1, 2, 3, 4]


async def test_after_a_restore_events_have_its_epoch_and_other_ids(
    books: Books, delivering: Delivering, settings: Settings
) -> None:
    zoe = books.join()
    for _ in range(2):
        await books.add(zoe)
    before = await epochs.current(books.database)
    async with receiving() as receiver:
        webhook, _ = await create(delivering, zoe, receiver.url)
        await deliver(delivering, webhook)
        receiver.answer = says(500)
        await books.add(zoe)
        await deliver(delivering, webhook)
        assert receiver.numbers == [1, 2, 3]
        receiver.answer = says(200)

        assert epoch.begin(settings) == 0
        # The acknowledgement of the second event is lost too; it and the pending one are delivered.
        again = Change(status=WebhookStatus.ACTIVE, after_number=1)
        for _ in range(2):
            await stored.change(books.database, zoe.principal, webhook.webhook_id, again)
            await deliver(delivering, webhook)
        assert receiver.numbers[3:] == [2, 3, 2, 3]

        now = await epochs.current(books.database)
        found = [request.content["epoch"] for request in receiver.requests]
        assert found == [str(before.epoch_id)] * 3 + [str(now.epoch_id)] * 4
        ids = [request.headers["webhook-id"] for request in receiver.requests]
        assert len({*ids}) == 5
        assert ids[3:5] == ids[5:]
        assert [each.event_id for each in await attempted(delivering, webhook)] == ids


async def test_a_webhook_that_is_paused_or_deleted_meanwhile_gets_nothing_more(
    books: Books, delivering: Delivering
) -> None:
    zoe = books.join()
    for _ in range(3):
        await books.add(zoe)
    async with receiving() as receiver:
        webhook, _ = await create(delivering, zoe, receiver.url)

        async def pausing(request: Request, writer: asyncio.StreamWriter) -> None:
            paused = Change(status=WebhookStatus.PAUSED)
            await stored.change(books.database, zoe.principal, webhook.webhook_id, paused)
            await says(200)(request, writer)

        receiver.answer = pausing
        await deliver(delivering, webhook)
        await deliver(delivering, webhook)
        assert receiver.numbers == [1]
        assert (await now(delivering, zoe, webhook)).delivered_through == 1
        assert await cursors.lag(books.database) == {}
        receiver.answer = says(200)
        active = Change(status=WebhookStatus.ACTIVE)
        await stored.change(books.database, zoe.principal, webhook.webhook_id, active)
        await deliver(delivering, webhook)
        assert receiver.numbers == [1, 2, 3]
        receiver.requests.clear()

        other, _ = await create(delivering, zoe, receiver.url)

        async def deleting(request: Request, writer: asyncio.StreamWriter) -> None:
            await stored.delete(books.database, zoe.principal, other.webhook_id)
            await says(500)(request, writer)

        receiver.answer = deleting
        await deliver(delivering, other)
        await deliver(delivering, other)
        assert receiver.numbers == [1]


async def test_what_another_endpoint_acknowledged_is_delivered_to_the_new_one(
    books: Books, delivering: Delivering
) -> None:
    zoe = books.join()
    await books.add(zoe)
    async with receiving() as former, receiving() as new:
        webhook, _ = await create(delivering, zoe, former.url)

        async def moving(request: Request, writer: asyncio.StreamWriter) -> None:
            moved = Change(url=new.url)
            await stored.change(books.database, zoe.principal, webhook.webhook_id, moved)
            await says(200)(request, writer)

        former.answer = moving
        await deliver(delivering, webhook)
        await deliver(delivering, webhook)
        assert (former.numbers, new.numbers) == ([1], [1])


async def test_a_closed_account_has_no_deliveries(books: Books, delivering: Delivering) -> None:
    zoe = books.join()
    await books.add(zoe)
    async with receiving() as receiver:
        webhook, _ = await create(delivering, zoe, receiver.url)
        books.connection.execute("UPDATE users SET closed_at = now()")
        await deliver(delivering, webhook)
        assert receiver.requests == []


async def test_an_event_of_an_invalid_document_waits_and_blocks_no_other_webhook(
    books: Books, delivering: Delivering
) -> None:
    zoe = books.join()
    await books.add(zoe)
    async with receiving() as receiver:
        broken, _ = await create(
            delivering, zoe, receiver.url, document="subscription { walletEvents { gone } }"
        )
        good, _ = await create(delivering, zoe, receiver.url)
        for webhook in (broken, good):
            await deliver(delivering, webhook)
        assert len(receiver.requests) == 1
        (attempt,) = await attempted(delivering, broken)
        assert attempt.outcome.status is None
        assert "not valid any more" in (attempt.outcome.detail or "")
        assert attempt.next_attempt_at is not None
        mended = Change(document=DOCUMENT)
        await stored.change(books.database, zoe.principal, broken.webhook_id, mended)
        await deliver(delivering, broken)
        assert receiver.numbers == [1, 1]


async def test_an_event_that_cannot_be_read_waits_and_loses_nothing(
    books: Books, delivering: Delivering, admin_database_url: str
) -> None:
    zoe = books.join()
    for _ in range(3):
        await books.add(zoe)
    async with receiving() as receiver:
        webhook, _ = await create(delivering, zoe, receiver.url)
        with row_changes.Unguarded.open(admin_database_url) as admin:
            admin.execute("ALTER TABLE transactions DROP CONSTRAINT transactions_kind_check")
            admin.execute("UPDATE transactions SET kind = 'unknown' WHERE sequence = 2")
            with capture_logs() as logged:
                await deliver(delivering, webhook)
            assert any("cannot read an event" in each["event"] for each in logged)
            assert receiver.numbers == [1]
            assert (await now(delivering, zoe, webhook)).status is WebhookStatus.ACTIVE
            admin.execute("UPDATE transactions SET kind = 'top_up'")
        await deliver(delivering, webhook)
        assert receiver.numbers == [1, 2, 3]


async def test_a_database_that_is_away_is_no_failure_of_the_endpoint(
    books: Books, delivering: Delivering, monkeypatch: pytest.MonkeyPatch
) -> None:
    zoe = books.join()
    await books.add(zoe)

    async def away(*_arguments: object) -> None:
        raise errors.Unavailable

    async with receiving() as receiver:
        webhook, _ = await create(delivering, zoe, receiver.url)
        with monkeypatch.context() as patched:
            patched.setattr(WebhookDocuments, "render", away)
            with pytest.raises(errors.Unavailable):
                await deliver(delivering, webhook)
        assert await attempted(delivering, webhook) == []
        await deliver(delivering, webhook)
        assert receiver.numbers == [1]


async def test_a_webhook_ends_with_its_api_token(books: Books, delivering: Delivering) -> None:
    zoe = books.join()
    await books.add(zoe)
    token, _ = await api_tokens.create(
        books.database,
        zoe.principal,
        name="program",
        scopes=[Scope.MANAGE_WEBHOOKS, Scope.READ_TRANSACTIONS],
        daily_limit_minor=None,
        expires_at=None,
    )
    program = Principal(
        zoe.user_id, api_token_id=token.api_token_id, scopes=frozenset(token.scopes)
    )
    async with receiving() as receiver:
        webhook, _ = await create(delivering, zoe, receiver.url, caller=program)
        await deliver(delivering, webhook)

        async def revoking(request: Request, writer: asyncio.StreamWriter) -> None:
            await api_tokens.revoke(books.database, zoe.principal, token.api_token_id)
            await says(200)(request, writer)

        await books.add(zoe)
        await books.add(zoe)
        receiver.answer = revoking
        await deliver(delivering, webhook)
        await deliver(delivering, webhook)
        assert receiver.numbers == [1, 2]
        assert (
            await deliveries.receivers(books.database, WebhookStream.WALLET_EVENTS, [zoe.user_id])
            == {}
        )


async def test_a_closed_account_gets_nothing_more(books: Books, delivering: Delivering) -> None:
    zoe = books.join()
    for _ in range(3):
        await books.add(zoe)

    def set_closed_at(value: str) -> None:
        change = f"UPDATE users SET closed_at = {value} WHERE id = %s"
        books.connection.execute(change.encode(), (zoe.user_id,))

    async with receiving() as receiver:
        webhook, _ = await create(delivering, zoe, receiver.url)

        async def closing(request: Request, writer: asyncio.StreamWriter) -> None:
            set_closed_at("now()")
            await says(200)(request, writer)

        receiver.answer = closing
        await deliver(delivering, webhook)
        await deliver(delivering, webhook)
        assert receiver.numbers == [1]
        assert await cursors.lag(books.database) == {}
        set_closed_at("NULL")
        receiver.answer = says(200)
        await deliver(delivering, webhook)
        assert receiver.numbers == [1, 1, 2, 3]


async def test_jwt_secret_can_be_replaced_without_losing_signatures(
    books: Books, delivering: Delivering
) -> None:
    zoe = books.join()
    await books.add(zoe)
    former = delivering.keys
    both = secrets.keyring(["another secret that is long enough to sign with", *_jwt_secrets()])
    alone = secrets.keyring(["another secret that is long enough to sign with"])
    async with receiving() as receiver:
        webhook, _ = await create(delivering, zoe, receiver.url)
        with capture_logs() as logged:
            await deliver(replace(delivering, keys=alone), webhook)
        assert any("JWT_SECRET" in each["event"] for each in logged)
        assert receiver.requests == []
        assert await secrets.encrypt_again(books.database, alone) == 0
        assert await secrets.count_by_key(books.database) == {former.key_id: 1}
        assert await secrets.encrypt_again(books.database, both) == 1
        assert await secrets.count_by_key(books.database) == {alone.key_id: 1}
        let_time_pass(books, 5)
        await deliver(replace(delivering, keys=alone), webhook)
        assert receiver.numbers == [1]


def _jwt_secrets() -> tuple[str, ...]:
    return make_settings().jwt_secrets


async def test_work_beyond_the_limit_is_left_to_others(settings: Settings) -> None:
    released = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def waiting(_services: object) -> None:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(released.wait(), loop))

    background = Background(
        partial(sink.opened, settings, partial(WebhookDocuments.of, settings)), maximum=2
    )
    assert [background.start(waiting) for _ in range(3)] == [True, True, False]
    released.set()
    await until(lambda: background.start(waiting))
    await asyncio.to_thread(background.stop)
