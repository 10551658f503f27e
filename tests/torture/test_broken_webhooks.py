"""Broken deliveries to a real receiver: the checker reports promise 8, and nothing of intact ones."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from adapters.webhook_endpoints import Endpoints
from app.webhook_documents import WebhookDocuments
from domain import webhooks as domain_webhooks
from domain.webhooks import Webhook, WebhookStatus, WebhookStream
from jobs.sinks import webhooks as sink
from jobs.sinks.webhooks import Delivering
from persistence.webhooks import rows
from persistence.webhooks import webhooks as stored
from persistence.webhooks.webhooks import Change
from tests import books as making
from tests.books import Books, Someone
from tests.conftest import make_settings
from tests.torture.test_broken_wallets import check, gather, promises
from torture import receivers, webhook_owner
from torture.broken import webhooks as broken
from torture.broken.crowd import Crowd
from torture.journal import Journal, Trouble
from torture.receiver import HOST, PATH, Server
from torture.record_webhooks import Receiver

pytestmark = pytest.mark.anyio

#: Before these tests: a rotation is as good as old, and its leeway is over.
LONG_AGO_SECONDS = 60.0


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Books]:
    async with making.opened(database_url) as opened:
        yield opened


@dataclass
class Delivery:
    """A webhook of Beta's, who has received money four times, with a receiver of it."""

    books: Books
    services: Delivering
    crowd: Crowd
    owner: Someone
    webhook: Webhook
    journal: Journal
    record: Receiver

    async def run(self, *troubles: Trouble) -> None:
        """Deliver all events; each trouble concerns one attempt, after which the owner continues it."""
        for trouble in troubles:
            self.journal.order(trouble)
            await self._deliver()
        await self._deliver()

    async def _deliver(self) -> None:
        await sink.deliver(self.services, rows.receiver(self.webhook))
        change = Change(status=WebhookStatus.ACTIVE)
        caller = self.owner.principal
        await stored.change(self.books.database, caller, self.webhook.webhook_id, change)

    async def rotate(self, overlap_seconds: float) -> None:
        """Replace the secret, as if that had been long ago."""
        caller, overlap = self.owner.principal, timedelta(seconds=overlap_seconds)
        _, secret = await stored.rotate_secret(
            self.books.database, self.services.keys, caller, self.webhook.webhook_id, overlap
        )
        then = time.monotonic() - LONG_AGO_SECONDS
        self.record.rotating(then, overlap_seconds)
        place = self.journal.tell(secret)
        self.record.rotated(place, then, then, overlap_seconds)

    def check(self) -> list[str]:
        """The sentences of the violations, all of which are of promise 8."""
        receivers.read_journal(self.record, self.journal)
        receivers.read_attempts(
            self.record, self.books.url, self.webhook.webhook_id, self.crowd.record.epoch_offset
        )
        found = check(self.crowd, self.books.url)
        assert promises(found) <= {8}, found
        return [each.sentence for each in found]


@pytest.fixture
async def delivery(books: Books, redis_url: str, tmp_path: Path) -> AsyncIterator[Delivery]:
    settings = make_settings(database_url=books.url, redis_url=redis_url)
    crowd = await gather(books, users=2)
    alpha, beta = books_users = [user for user in crowd.users if isinstance(user, Someone)]
    assert len(books_users) == 2
    for _ in range(3):
        await crowd.send(alpha, beta, 10)
    journal = Journal(tmp_path / "receiver.sqlite")
    journal.start_after(0)
    server = await asyncio.start_server(Server(journal).serve, HOST, 0)
    port = server.sockets[0].getsockname()[1]
    async with sink.opened(settings, partial(WebhookDocuments.of, settings)) as services:
        record = Receiver(beta.user_id, WebhookStream.WALLET_EVENTS)
        crowd.record.receivers.append(record)
        webhook, secret = await stored.create(
            services.database,
            services.keys,
            beta.principal,
            url=f"http://{HOST}:{port}{PATH}",
            stream=record.stream,
            document=webhook_owner.DOCUMENTS[record.stream],
            after_number=0,
        )
        then = time.monotonic() - 2 * LONG_AGO_SECONDS
        record.rotated(journal.tell(secret), then, then, 0)
        yield Delivery(books, services, crowd, beta, webhook, journal, record)
    server.close()
    journal.close()


async def test_an_intact_wallet_delivers_each_event_once_and_in_order(delivery: Delivery) -> None:
    await delivery.rotate(2 * LONG_AGO_SECONDS)
    await delivery.run(Trouble.ERROR, Trouble.CUT, Trouble.CUT_EARLY, Trouble.REDIRECT)
    assert delivery.check() == []
    assert delivery.record.processed == [1, 2, 3, 4]
    assert [each.number for each in delivery.record.requests] == [1, 1, 1, 1, 1, 2, 3, 4]
    assert [each.reply for each in delivery.record.requests if each.is_refused] == [
        "500", "307",
    ]  # fmt: skip
    assert {each.signed_by for each in delivery.record.requests} == {(1, 2)}


async def test_events_that_were_processed_before_are_acknowledged_in_a_replay(
    delivery: Delivery,
) -> None:
    await delivery.run()
    again, owner = Change(after_number=2), delivery.owner.principal
    await stored.change(delivery.books.database, owner, delivery.webhook.webhook_id, again)
    await delivery.run()
    assert delivery.check() == []
    assert delivery.record.processed == [1, 2, 3, 4]
    assert [each.number for each in delivery.record.requests] == [1, 2, 3, 4, 3, 4]


async def test_a_receiver_does_not_accept_a_secret_that_it_was_not_told(delivery: Delivery) -> None:
    delivery.journal.expire(2, 0.0)
    await delivery.run()
    assert delivery.journal.last == 0
    assert [each.reply for each in delivery.journal.requests()] == ["401"]


async def test_an_event_that_is_skipped_after_a_failure_is_missed(delivery: Delivery) -> None:
    broken.skip_failed_events(delivery.books.connection)
    await delivery.run(Trouble.ERROR)
    found = delivery.check()
    assert "The receiver processed 2 after 0, and missed those between them." in found
    assert "It was sent before 1 had been acknowledged." in found


async def test_a_cursor_that_is_moved_before_the_acknowledgement_loses_an_event(
    delivery: Delivery,
) -> None:
    broken.advance_cursors_early(delivery.books.connection)
    await delivery.run(Trouble.CUT)
    # The receiver had processed it, so that only the order shows it.
    found = delivery.check()
    assert delivery.record.processed == [1, 2, 3, 4]
    assert "It was sent before 1 had been acknowledged." in found
    assert "No attempt that delivered it was recorded." in found


async def test_events_that_are_sent_beside_each_other_are_out_of_order(delivery: Delivery) -> None:
    with contextlib.closing(Endpoints((HOST,))) as endpoints:
        impatient = broken.Impatient(endpoints)
        delivery.services = replace(delivery.services, endpoints=impatient)
        delivery.journal.slow_down(is_slow=True)
        await delivery.run()
        await impatient.finish()
    assert any(sentence.startswith("It was sent before ") for sentence in delivery.check())


async def test_another_id_for_each_attempt_is_found(
    delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(domain_webhooks, "event_id", broken.forget_event_id)
    await delivery.run(Trouble.CUT)
    [sentence] = delivery.check()
    assert sentence.startswith("It was sent as evt_")


async def test_a_signature_with_a_revoked_secret_is_found(delivery: Delivery) -> None:
    broken.keep_secrets(delivery.books.connection)
    await delivery.rotate(0)
    await delivery.run()
    assert set(delivery.check()) == {"It was signed with secret 1, which had expired."}


async def test_a_secret_that_was_revoked_does_not_sign_in_an_intact_wallet(
    delivery: Delivery,
) -> None:
    await delivery.rotate(0)
    await delivery.run()
    assert delivery.check() == []
    assert {each.signed_by for each in delivery.record.requests} == {(2,)}
