"""Creating notifications in a unit of work; the ledger creates those of its commands itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from domain import events
from domain.notifications import notification_kinds
from domain.notifications.notices import Notice, Notification
from persistence.delivery import mail_requests
from persistence.engine.unit_of_work import Unit
from persistence.notifications import notification_rows
from persistence.people import persons

_TAKE_NUMBERS = text(
    """
    UPDATE users SET notification_number = notification_number + told.notices
    FROM unnest(CAST(:user_ids AS uuid[]), CAST(:notices AS bigint[])) AS told (id, notices)
    WHERE users.id = told.id AND users.id = ANY(CAST(:user_ids AS uuid[]))
    RETURNING users.id, users.notification_number - told.notices AS newest
    """
)
_INSERT = text(
    f"INSERT INTO notifications ({notification_rows.COLUMNS}) "  # noqa: S608
    "VALUES (:user_id, :number, :kind, :created_at, :sequence, :person_id, :subject_id, :details)"
).bindparams(bindparam("details", type_=JSONB(none_as_null=True)))


async def notify(unit: Unit, notices: Sequence[Notice]) -> list[Notification]:
    """Within a unit of work: number the notices, and request their mails; announced after the commit.

    Locks the users in the order of their ids: a unit that changes several users locks them itself, all
    together, before. Who is unverified or closed is not notified. A kind that is mailed to the user is
    mailed to the address that they have at the commit.
    """
    people = {
        row.id: row
        for row in await persons.lock_all(unit, {notice.user_id for notice in notices})
        if row.email_verified_at is not None
    }
    told = [notice for notice in notices if notice.user_id in people]
    if not told:
        return []
    now = await unit.clock()
    counts = Counter(notice.user_id for notice in told)
    parameters = {"user_ids": list(counts), "notices": list(counts.values())}
    taken = await unit.connection.execute(_TAKE_NUMBERS, parameters)
    newest: dict[Any, int] = {row.id: row.newest for row in taken}
    created: list[Notification] = []
    for notice in told:
        newest[notice.user_id] += 1
        created.append(Notification.of(notice, newest[notice.user_id], now))
    await unit.connection.execute(_INSERT, [_values(notification) for notification in created])
    for notice, notification in zip(told, created, strict=True):
        payload = {"number": notification.number}
        unit.announce(notice.user_id, events.Topic.NOTIFICATION_CREATED, payload)
        await _mail(unit, notice, notification, people[notice.user_id], now)
    return created


async def _mail(
    unit: Unit, notice: Notice, notification: Notification, person: Row[Any], now: datetime
) -> None:
    if notification_kinds.is_mailed(notice.kind, person.mailed_notifications):
        mail = notification.mail_of(notice)
        await mail_requests.request(unit, notice.user_id, mail.purpose, now, details=mail.details)


def _values(notification: Notification) -> dict[str, Any]:
    return {
        "user_id": notification.user_id,
        "number": notification.number,
        "kind": notification.kind.value,
        "created_at": notification.created_at,
        "sequence": notification.sequence,
        "person_id": notification.person_id,
        "subject_id": notification.subject_id,
        "details": notification.details,
    }
