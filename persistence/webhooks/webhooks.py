"""What owners do with webhooks: create, list, change, delete, replay, and replace secrets."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from domain import errors, ids, webhooks
from domain.encryption import Keyring
from domain.people.sessions import Principal
from domain.webhooks import Webhook, WebhookStatus, WebhookStream
from persistence.delivery import cursors
from persistence.delivery.cursors import Due, Receiver
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.unit_of_work import Unit
from persistence.people import persons
from persistence.webhooks import rows, secrets

_COUNT = text(
    f"SELECT count(*) FROM webhooks AS w {rows.TOKEN_JOIN} "  # noqa: S608
    f"WHERE w.user_id = :user_id AND {rows.exists('w', 'k')}"
)
_INSERT = text(
    "INSERT INTO webhooks (user_id, id, api_token_id, url, stream, document, created_at) "
    "VALUES (:user_id, :id, :api_token_id, :url, :stream, :document, :now)"
)
_LIST = text(f"{rows.SELECT} AND {rows.OWN} ORDER BY w.id")
_BY_IDS = text(f"{rows.SELECT} AND {rows.OWN} AND w.id = ANY(:webhook_ids) ORDER BY w.id")
# Whatever has failed so far is forgotten: the next event is tried at once.
_CHANGE = text(
    "UPDATE webhooks SET url = :url, document = :document, status = :status, "
    "revision = revision + :is_other, failures = 0, failing_since = NULL, next_attempt_at = NULL "
    "WHERE user_id = :user_id AND id = :id"
)
_DELETE = text("DELETE FROM webhooks WHERE user_id = :user_id AND id = :id")
# They do not exist for their owners any more: it does not matter when they are deleted.
_ENDED = text(
    f"SELECT w.user_id, w.id, w.stream FROM webhooks AS w {rows.TOKEN_JOIN} "  # noqa: S608
    f"WHERE w.api_token_id IS NOT NULL AND NOT {rows.exists('w', 'k')} LIMIT :limit"
)
_OF_USER = text("SELECT user_id, id, stream FROM webhooks WHERE user_id = :user_id")
_DOCUMENTS = text(
    f"SELECT w.stream, w.document, count(*) AS webhooks, (array_agg(w.id ORDER BY w.id))[1:5] AS some "  # noqa: S608
    f"FROM webhooks AS w {rows.TOKEN_JOIN} WHERE {rows.exists('w', 'k')} GROUP BY w.stream, w.document"
)


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document, and the webhooks that have it."""

    stream: WebhookStream
    document: str
    webhooks: int
    #: The ids of at most five of them.
    some: Sequence[UUID]


@dataclass(frozen=True, slots=True)
class Change:
    """What an owner changes; None leaves it."""

    url: str | None = None
    document: str | None = None
    status: WebhookStatus | None = None
    #: Deliver again all events after that number.
    after_number: int | None = None

    @property
    def is_other(self) -> bool:
        """Whether an attempt under way is not what would be delivered now."""
        return any(each is not None for each in (self.url, self.document, self.after_number))


async def create(
    db: Database,
    keys: Keyring,
    caller: Principal,
    *,
    url: str,
    stream: WebhookStream,
    document: str,
    after_number: int | None,
) -> tuple[Webhook, str]:
    """A new webhook of the caller's, and its signing secret.

    Raises Unauthenticated where the caller's credential has ended, SessionNotConfirmed, and InvalidWebhook
    past the most that a user may have, and for an `after_number` that is not in the stream.
    """
    user_id, webhook_id, secret = caller.user_id, ids.new_id(), webhooks.new_secret()

    async def work(unit: Unit) -> Webhook:
        person = await _lock_owner(unit, caller)
        count: int = await unit.connection.scalar(_COUNT, {"user_id": user_id})
        if count >= webhooks.MAXIMUM_WEBHOOKS:
            raise webhooks.invalid(
                "url",
                f"You have {webhooks.MAXIMUM_WEBHOOKS} webhooks, the maximum. Delete one first.",
            )
        newest = _newest(person, stream)
        if after_number is not None:
            _check_number(after_number, newest)
        now = await unit.clock()
        await unit.connection.execute(
            _INSERT,
            {
                "user_id": user_id,
                "id": webhook_id,
                "api_token_id": caller.api_token_id,
                "url": url,
                "stream": stream.value,
                "document": document,
                "now": now,
            },
        )
        await secrets.add(unit, keys, user_id, webhook_id, secret)
        webhook = await _found(unit, caller, webhook_id)
        start = newest if after_number is None else after_number
        await cursors.place(unit, rows.receiver(webhook), start)
        await _note_due(unit, webhook, newest)
        return await _found(unit, caller, webhook_id)

    return await unit_of_work.run(db, work), secret


async def list_for(db: Database, caller: Principal) -> list[Webhook]:
    """The webhooks that the caller may manage, oldest first."""
    found = await db.read(lambda connection: connection.execute(_LIST, rows.own(caller)))
    return [rows.from_row(row) for row in found]


async def by_ids(db: Database, caller: Principal, webhook_ids: Collection[UUID]) -> list[Webhook]:
    """Those of the webhooks that the caller may manage."""
    parameters = {**rows.own(caller), "webhook_ids": list(webhook_ids)}
    found = await db.read(lambda connection: connection.execute(_BY_IDS, parameters))
    return [rows.from_row(row) for row in found]


async def change(db: Database, caller: Principal, webhook_id: UUID, changed: Change) -> Webhook:
    """Change a webhook; what has failed so far is forgotten.

    Raises Unauthenticated where the caller's credential has ended, SessionNotConfirmed, NotFound, and
    InvalidWebhook for an `after_number` that is not in the stream.
    """

    async def work(unit: Unit) -> Webhook:
        person = await _lock_owner(unit, caller)
        before = await _found(unit, caller, webhook_id)
        newest = _newest(person, before.stream)
        if changed.after_number is not None:
            _check_number(changed.after_number, newest)
        await unit.connection.execute(
            _CHANGE,
            {
                "user_id": caller.user_id,
                "id": webhook_id,
                "url": changed.url or before.url,
                "document": changed.document or before.document,
                "status": (changed.status or before.status).value,
                "is_other": int(changed.is_other),
            },
        )
        if changed.after_number is not None:
            await cursors.place(unit, rows.receiver(before), changed.after_number)
        after = await _found(unit, caller, webhook_id)
        await cursors.forget_due(unit, rows.receiver(after))
        if after.status is WebhookStatus.ACTIVE:
            await _note_due(unit, after, newest)
        return after

    return await unit_of_work.run(db, work)


async def delete(db: Database, caller: Principal, webhook_id: UUID) -> None:
    """Delete a webhook. Its attempts are kept for as long as any others.

    Raises Unauthenticated where the caller's credential has ended, SessionNotConfirmed, and NotFound.
    """

    async def work(unit: Unit) -> None:
        await _lock_owner(unit, caller)
        webhook = await _found(unit, caller, webhook_id)
        await unit.connection.execute(_DELETE, {"user_id": caller.user_id, "id": webhook_id})
        await secrets.delete(unit, caller.user_id, [webhook_id])
        await cursors.forget(unit, rows.receiver(webhook))

    await unit_of_work.run(db, work)


async def documents(db: Database) -> list[StoredDocument]:
    """Every document that a webhook has, whatever its state."""
    found = await db.read(lambda connection: connection.execute(_DOCUMENTS))
    return [
        StoredDocument(WebhookStream(row.stream), row.document, row.webhooks, tuple(row.some))
        for row in found
    ]


async def delete_ended(db: Database, batch: int) -> int:
    """Delete at most `batch` webhooks whose API tokens have ended; says how many."""

    async def work(unit: Unit) -> int:
        ended = (await unit.connection.execute(_ENDED, {"limit": batch})).all()
        await persons.lock_all(unit, {row.user_id for row in ended})
        await _delete_all(unit, ended)
        return len(ended)

    return await unit_of_work.run(db, work)


async def delete_all(unit: Unit, user_id: UUID) -> None:
    """Within a unit of work that has locked the user: delete all of their webhooks."""
    await _delete_all(unit, (await unit.connection.execute(_OF_USER, {"user_id": user_id})).all())


async def _delete_all(unit: Unit, found: Sequence[Row[Any]]) -> None:
    for row in found:
        await unit.connection.execute(_DELETE, {"user_id": row.user_id, "id": row.id})
        await secrets.delete(unit, row.user_id, [row.id])
        sink = rows.SINK_NAMES[WebhookStream(row.stream)]
        await cursors.forget(unit, Receiver(sink, row.user_id, row.id))


async def rotate_secret(
    db: Database, keys: Keyring, caller: Principal, webhook_id: UUID, overlap: timedelta
) -> tuple[Webhook, str]:
    """Another signing secret; those before it sign for so long too.

    Raises Unauthenticated where the caller's credential has ended, SessionNotConfirmed, NotFound, and
    InvalidInput where too many secrets would sign.
    """
    secret = webhooks.new_secret()

    async def work(unit: Unit) -> Webhook:
        await _lock_owner(unit, caller)
        await _found(unit, caller, webhook_id)
        user_id, now = caller.user_id, await unit.clock()
        await secrets.replace(unit, user_id, webhook_id, now + overlap)
        active = await secrets.count_active(unit, user_id, webhook_id, now)
        if active >= webhooks.MAXIMUM_ACTIVE_SECRETS:
            raise errors.invalid(
                "overlapSeconds",
                f"{webhooks.MAXIMUM_ACTIVE_SECRETS} secrets of this webhook are active, the maximum. "
                "Wait until one has expired, or end them all with 0.",
            )
        await secrets.add(unit, keys, user_id, webhook_id, secret)
        return await _found(unit, caller, webhook_id)

    return await unit_of_work.run(db, work), secret


async def _lock_owner(unit: Unit, caller: Principal) -> Row[Any]:
    """The caller's row, locked. Of sessions, only one that was confirmed lately decides what is delivered."""
    return await persons.lock_caller(unit, caller, confirmed=caller.api_token_id is None)


async def _found(unit: Unit, caller: Principal, webhook_id: UUID) -> Webhook:
    webhook = await rows.find(unit, caller, webhook_id)
    if webhook is None:
        raise errors.NotFound
    return webhook


def _newest(person: Row[Any], stream: WebhookStream) -> int:
    """The number of the newest event in a stream of a locked user."""
    is_ledger = stream is WebhookStream.WALLET_EVENTS
    newest: int = person.sequence if is_ledger else person.notification_number
    return newest


def _check_number(after_number: int, newest: int) -> None:
    if not 0 <= after_number <= newest:
        raise webhooks.invalid("afterNumber", f"Choose a number from 0 to {newest}.")


async def _note_due(unit: Unit, webhook: Webhook, newest: int) -> None:
    if newest > webhook.delivered_through:
        await cursors.note_due(unit, [Due(rows.receiver(webhook), newest)], grace_seconds=0)
