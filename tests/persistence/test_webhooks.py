"""Rows of webhooks: what is deleted, and when."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from domain import errors
from domain.people.sessions import Principal, Scope
from domain.webhooks import InvalidWebhook, Outcome, Webhook, WebhookStream
from persistence import retention
from persistence.delivery import cursors
from persistence.engine.database import Database
from persistence.people import api_tokens
from persistence.webhooks import attempts, secrets, webhooks
from tests.books import Books

pytestmark = pytest.mark.anyio

KEYS = secrets.keyring(["a secret of the tests that is long enough"])


async def create(db: Database, caller: Principal, after_number: int | None = None) -> Webhook:
    webhook, _ = await webhooks.create(
        db,
        KEYS,
        caller,
        url="https://example.com/",
        stream=WebhookStream.WALLET_EVENTS,
        document="subscription { walletEvents { sequence } }",
        after_number=after_number,
    )
    return webhook


async def test_attempts_are_kept_for_thirty_days(books: Books, db: Database) -> None:
    zoe = books.join()
    webhook = await create(db, zoe.principal)
    for days in (0, 29, 31, 31, 31):
        sent_at = datetime.now(UTC) - timedelta(days=days)
        outcome = Outcome(sent_at, 5, 200, None, is_delivered=True)
        await attempts.add_alone(db, zoe.user_id, webhook.webhook_id, 1, outcome)
    listed = await attempts.page(db, zoe.user_id, webhook.webhook_id, 100, None)
    assert [each.attempt for each in listed.items] == [2, 1]
    assert (await retention.sweep(db, batch=2))["webhook_attempts"] == 2
    assert (await retention.sweep(db, batch=2))["webhook_attempts"] == 1
    assert (await retention.sweep(db, batch=2))["webhook_attempts"] == 0
    left = books.connection.execute("SELECT count(*) FROM webhook_attempts").fetchone()
    assert left == (2,)


async def test_concurrent_requests_exceed_neither_the_webhooks_of_a_user_nor_the_secrets_of_one(
    books: Books, db: Database
) -> None:
    zoe = books.join()
    made = await asyncio.gather(
        *(create(db, zoe.principal) for _ in range(14)), return_exceptions=True
    )
    webhook = next(each for each in made if isinstance(each, Webhook))
    refused = [each for each in made if not isinstance(each, Webhook)]
    assert [type(each) for each in refused] == [InvalidWebhook] * 4

    overlap = timedelta(days=1)
    rotated = await asyncio.gather(
        *(
            webhooks.rotate_secret(db, KEYS, zoe.principal, webhook.webhook_id, overlap)
            for _ in range(6)
        ),
        return_exceptions=True,
    )
    refused = [each for each in rotated if isinstance(each, BaseException)]
    assert [type(each) for each in refused] == [errors.InvalidInput] * 2
    assert len(await secrets.read(db, KEYS, zoe.user_id, webhook.webhook_id)) == 5


async def test_secrets_that_have_expired_are_deleted(books: Books, db: Database) -> None:
    zoe = books.join()
    webhook = await create(db, zoe.principal)
    for seconds in (3600, 0):
        await webhooks.rotate_secret(
            db, KEYS, zoe.principal, webhook.webhook_id, timedelta(seconds=seconds)
        )
    assert (await retention.sweep(db))["webhook_secrets"] == 2
    assert len(await secrets.read(db, KEYS, zoe.user_id, webhook.webhook_id)) == 1


async def test_webhooks_of_tokens_that_ended_are_deleted_with_all_they_have(
    books: Books, db: Database
) -> None:
    zoe = books.join()
    await books.add(zoe)
    kept = await create(db, zoe.principal, after_number=0)
    for _ in range(2):
        token, _ = await api_tokens.create(
            db,
            zoe.principal,
            name="program",
            scopes=[Scope.MANAGE_WEBHOOKS, Scope.READ_TRANSACTIONS],
            daily_limit_minor=None,
            expires_at=None,
        )
        program = Principal(
            zoe.user_id, api_token_id=token.api_token_id, scopes=frozenset(token.scopes)
        )
        await create(db, program, after_number=0)
    assert (await retention.sweep(db))["webhooks"] == 0
    await api_tokens.revoke(db, zoe.principal, token.api_token_id)
    books.connection.execute("UPDATE api_tokens SET expires_at = now() WHERE revoked_at IS NULL")
    assert [each.webhook_id for each in await webhooks.list_for(db, zoe.principal)] == [
        kept.webhook_id
    ]
    assert (await retention.sweep(db))["webhooks"] == 2
    for table, column in (
        ("webhooks", "id"),
        ("webhook_secrets", "webhook_id"),
        ("delivery_cursors", "receiver_id"),
        ("delivery_due", "receiver_id"),
    ):
        left = books.connection.execute(f"SELECT {column} FROM {table}".encode()).fetchall()
        assert left == [(kept.webhook_id,)], table


async def test_a_webhook_that_waits_for_its_next_attempt_is_not_late(
    books: Books, db: Database
) -> None:
    zoe = books.join()
    await books.add(zoe)
    webhook = await create(db, zoe.principal, after_number=0)
    books.connection.execute("UPDATE delivery_due SET since = since - interval '5 minutes'")
    assert (await cursors.lag(db))["webhooks"].oldest_age_seconds > 290
    books.connection.execute(
        "UPDATE delivery_due SET since = now() + interval '1 hour', next_try_at = since"
    )
    lag = (await cursors.lag(db))["webhooks"]
    assert (lag.receivers, lag.oldest_age_seconds) == (1, 0.0)
    await webhooks.delete(db, zoe.principal, webhook.webhook_id)
    assert await cursors.lag(db) == {}
