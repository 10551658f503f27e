"""Deliveries to webhooks: leased by one job at a time, and what comes of each attempt.

The lease, the failures and the time of the next attempt are in the row of the webhook, so that Redis may
lose every job at any time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from domain import ids, webhooks
from domain.notifications.notices import Notice
from domain.notifications.notification_kinds import NotificationKind
from domain.webhooks import Outcome, Webhook, WebhookStream
from persistence.delivery import cursors, streams
from persistence.delivery.cursors import Receiver
from persistence.delivery.streams import Stream
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.pipeline import Query
from persistence.engine.unit_of_work import Unit
from persistence.notifications import notifying
from persistence.people import persons
from persistence.webhooks import attempts, rows

#: The streams as they are read.
STREAMS: Mapping[WebhookStream, Stream[Any]] = {
    WebhookStream.WALLET_EVENTS: streams.ENTRIES,
    WebhookStream.NOTIFICATIONS: streams.NOTIFICATIONS,
}

_RECEIVERS = Query(
    f"""
SELECT w.user_id, w.id FROM webhooks AS w
JOIN users AS u ON u.id = w.user_id AND u.closed_at IS NULL
{rows.TOKEN_JOIN}
WHERE w.user_id = ANY(:user_ids) AND w.stream = :stream AND w.status = 'ACTIVE'
    AND {rows.exists("w", "k")}
ORDER BY w.user_id, w.id
"""  # noqa: S608
)
_LOCK = text(
    f"SELECT w.*, clock_timestamp() AS now, u.closed_at IS NULL AND {rows.exists('w', 'k')} AS exists "  # noqa: S608
    f"FROM webhooks AS w JOIN users AS u ON u.id = w.user_id {rows.TOKEN_JOIN} "
    "WHERE w.user_id = :user_id AND w.id = :id FOR NO KEY UPDATE OF w"
)
_READ = text(
    f"{rows.SELECT} AND w.user_id = :user_id AND w.id = :id "
    "AND EXISTS (SELECT FROM users AS u WHERE u.id = w.user_id AND u.closed_at IS NULL)"
)
_LEASE = text(
    "UPDATE webhooks SET lease = :lease, leased_until = :until WHERE user_id = :user_id AND id = :id"
)
_RELEASE = text(
    "UPDATE webhooks SET lease = NULL, leased_until = NULL "
    "WHERE user_id = :user_id AND id = :id AND lease = :lease"
)
_DELIVERED = text(
    "UPDATE webhooks SET leased_until = :until, failures = 0, failing_since = NULL, "
    "next_attempt_at = NULL WHERE user_id = :user_id AND id = :id"
)
_FAILED = text(
    "UPDATE webhooks SET status = :status, failures = :failures, failing_since = :failing_since, "
    "next_attempt_at = :next_attempt_at, lease = NULL, leased_until = NULL "
    "WHERE user_id = :user_id AND id = :id"
)
_FAILING = text("SELECT count(*) FROM webhooks WHERE next_attempt_at IS NOT NULL")


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to deliver to a webhook until the lease ends: no other job delivers to it before."""

    webhook: Webhook
    lease_id: UUID
    #: As it was leased: attempts have no effect on a webhook that its owner has changed since.
    revision: int

    @property
    def receiver(self) -> Receiver:
        return rows.receiver(self.webhook)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What follows from an attempt."""

    #: Whether the next event may be delivered under the same lease.
    goes_on: bool
    #: Whether the webhook was disabled.
    is_disabled: bool = False


async def receivers(
    db: Database, stream: WebhookStream, user_ids: Collection[UUID]
) -> dict[UUID, list[UUID]]:
    """The webhooks of those users that deliver the stream. Raises Unavailable."""
    found: dict[UUID, list[UUID]] = {}
    for user_id, webhook_id in await db.rows(
        _RECEIVERS.bind(user_ids=list(user_ids), stream=stream.value)
    ):
        found.setdefault(user_id, []).append(webhook_id)
    return found


async def latest_event(db: Database, webhook: Webhook) -> tuple[int, Any]:
    """The newest event of the webhook's stream and its number; None where there is none."""
    return await _event(db, webhook, await _newest(db, webhook))


async def event_to_send(db: Database, webhook: Webhook) -> tuple[int, Any]:
    """The event that can be sent outside the ordered stream, and its number; None where there is none.

    It is the newest event, unless some are not delivered yet: then it is the first of those. A receiver
    that gets a later one would take those before it for processed.
    """
    newest = await _newest(db, webhook)
    return await _event(db, webhook, min(newest, webhook.delivered_through + 1))


async def _newest(db: Database, webhook: Webhook) -> int:
    found = await STREAMS[webhook.stream].newest(db, [webhook.user_id])
    return found.get(webhook.user_id, 0)


async def _event(db: Database, webhook: Webhook, number: int) -> tuple[int, Any]:
    position = webhook.user_id, number - 1
    found = await STREAMS[webhook.stream].after(db, [position], 1) if number else {}
    events = found.get(position, ())
    return number, events[0] if events else None


# ================================================================ delivering


async def lease(db: Database, receiver: Receiver, lease_seconds: float) -> Lease | None:
    """Lease a webhook in order to deliver to it; None where there is nothing to do for now."""

    async def work(unit: Unit) -> Lease | None:
        row = await _lock(unit, receiver)
        webhook = await _active(unit, receiver, row)
        if row is None or webhook is None:
            await cursors.forget_due(unit, receiver)
            return None
        await cursors.settle(unit, receiver, webhook.delivered_through)
        if row.next_attempt_at is not None and row.next_attempt_at > row.now:
            await cursors.schedule(unit, receiver, row.next_attempt_at)
            return None
        if row.leased_until is not None and row.leased_until > row.now:
            return None
        lease_id = ids.new_id()
        until = row.now + timedelta(seconds=lease_seconds)
        await unit.connection.execute(
            _LEASE, {**_names(receiver), "lease": lease_id, "until": until}
        )
        return Lease(webhook, lease_id, row.revision)

    return await unit_of_work.run(db, work)


async def release(db: Database, leased: Lease) -> None:
    """Give the lease back before it ends."""

    async def work(unit: Unit) -> None:
        await unit.connection.execute(
            _RELEASE, {**_names(leased.receiver), "lease": leased.lease_id}
        )

    await unit_of_work.run(db, work)


async def delivered(
    db: Database, leased: Lease, number: int, outcome: Outcome, lease_seconds: float
) -> Recorded:
    """The endpoint has acknowledged the event of that number; the lease is renewed."""
    receiver = leased.receiver

    async def work(unit: Unit) -> Recorded:
        row = await _lock(unit, receiver)
        if row is None:
            return Recorded(goes_on=False)
        await attempts.add(unit, receiver.user_id, receiver.receiver_id, number, outcome)
        if not _is_current(row, leased):
            return Recorded(goes_on=False)
        until = row.now + timedelta(seconds=lease_seconds)
        await unit.connection.execute(_DELIVERED, {**_names(receiver), "until": until})
        await cursors.accepted(unit, receiver, number, until)
        return Recorded(goes_on=row.status == "ACTIVE")

    return await unit_of_work.run(db, work)


async def failed(db: Database, leased: Lease, number: int, outcome: Outcome) -> Recorded:
    """The attempt at the event of that number has failed; the lease ends.

    The event is tried again later, or the webhook is disabled.
    """
    receiver = leased.receiver

    async def work(unit: Unit) -> Recorded:
        # Disabling creates a notification, which begins with this lock.
        await persons.lock(unit, receiver.user_id)
        row = await _lock(unit, receiver)
        if row is None:
            return Recorded(goes_on=False)
        is_current = _is_current(row, leased) and row.status == "ACTIVE"
        next_attempt_at = None
        failing_since = row.failing_since or row.now
        if is_current and outcome.status != webhooks.GONE:
            next_attempt_at = webhooks.next_attempt_at(
                row.failures + 1, failing_since=failing_since, now=row.now
            )
        await attempts.add(
            unit,
            receiver.user_id,
            receiver.receiver_id,
            number,
            outcome,
            next_attempt_at=next_attempt_at,
        )
        if not is_current:
            return Recorded(goes_on=False)
        is_disabled = next_attempt_at is None
        await unit.connection.execute(
            _FAILED,
            {
                **_names(receiver),
                "status": "DISABLED" if is_disabled else "ACTIVE",
                "failures": row.failures + 1,
                "failing_since": failing_since,
                "next_attempt_at": next_attempt_at,
            },
        )
        if next_attempt_at is None:
            await cursors.forget_due(unit, receiver)
            await notifying.notify(unit, [_notice(leased.webhook)])
        else:
            await cursors.schedule(unit, receiver, next_attempt_at)
        return Recorded(goes_on=False, is_disabled=is_disabled)

    return await unit_of_work.run(db, work)


def _notice(webhook: Webhook) -> Notice:
    return Notice(
        webhook.user_id,
        NotificationKind.WEBHOOK_DISABLED,
        subject_id=webhook.webhook_id,
        details={"host": webhooks.host(webhook.url)},
    )


async def count_failing(db: Database) -> int:
    """How many active webhooks have an event that was attempted and not acknowledged."""
    count: int = await db.read(lambda connection: connection.scalar(_FAILING))
    return count


async def _lock(unit: Unit, receiver: Receiver) -> Row[Any] | None:
    return (await unit.connection.execute(_LOCK, _names(receiver))).one_or_none()


async def _active(unit: Unit, receiver: Receiver, row: Row[Any] | None) -> Webhook | None:
    """The webhook, if it delivers and has not ended, and its user's account is not closed."""
    if row is None or row.status != "ACTIVE" or not row.exists:
        return None
    found = (await unit.connection.execute(_READ, _names(receiver))).one_or_none()
    webhook = None if found is None else rows.from_row(found)
    # Jobs come from Redis, which may name the sink of the other stream.
    return webhook if webhook is not None and rows.receiver(webhook) == receiver else None


def _is_current(row: Row[Any], leased: Lease) -> bool:
    """Whether the lease is still ours, and the webhook delivers what was attempted."""
    is_ours = row.exists and row.lease == leased.lease_id
    return bool(is_ours and row.revision == leased.revision)


def _names(receiver: Receiver) -> dict[str, UUID]:
    return {"user_id": receiver.user_id, "id": receiver.receiver_id}
