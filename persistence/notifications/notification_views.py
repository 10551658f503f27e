"""Notifications together with what they are about, as it is now."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from domain.ledger.transfers import Entry
from domain.notifications.notices import Notification
from domain.notifications.views import View
from domain.paging import Page, PageRequest
from persistence.engine.database import Database
from persistence.engine.pipeline import Query, Statement
from persistence.ledger import entry_rows, entry_views, history
from persistence.ledger.entry_views import EntryView
from persistence.notifications import notification_rows
from persistence.people import persons

#: A user, and the number of the last notification that is known.
Position = tuple[UUID, int]

_MAXIMUM_NUMBER = 2**63 - 1
_WIDTH = notification_rows.WIDTH
_OF_NOTIFICATION = ", ".join(f"n.{column}" for column in notification_rows.COLUMNS.split(", "))
_OF_ENTRY = ", ".join(f"t.{column}" for column in entry_rows.COLUMNS.split(", "))
_COLUMNS = f"{_OF_NOTIFICATION}, n.number <= u.notifications_read_through, {_OF_ENTRY}"
_JOINS = """
JOIN users AS u ON u.id = n.user_id
LEFT JOIN transactions AS t ON t.user_id = n.user_id AND t.sequence = n.sequence
"""
# Numbers have no gaps, so that the bound is a page.
_AFTER = Query(
    f"""
SELECT asked.position, {_COLUMNS}
FROM unnest(CAST(:user_ids AS uuid[]), CAST(:positions AS bigint[])) AS asked (user_id, position)
JOIN notifications AS n ON n.user_id = asked.user_id
    AND n.number > asked.position AND n.number <= asked.position + :limit
{_JOINS} ORDER BY n.user_id, n.number
"""  # noqa: S608
)
_BY_NUMBERS = Query(
    f"""
SELECT 0, {_COLUMNS} FROM notifications AS n {_JOINS}
WHERE n.user_id = :user_id AND n.number = ANY(CAST(:numbers AS bigint[]))
"""  # noqa: S608
)
_OF_USER = f"""
SELECT 0, {_COLUMNS} FROM notifications AS n {_JOINS}
WHERE n.user_id = :user_id AND n.number < :before AND {{condition}}
ORDER BY n.number DESC LIMIT :limit
"""  # noqa: S608
_ALL = Query(_OF_USER.format(condition="true"))
_UNREAD = Query(_OF_USER.format(condition="n.number > u.notifications_read_through"))
_NEWEST = Query("SELECT id, notification_number FROM users WHERE id = ANY(:user_ids)")
_NEWER = Query(
    """
SELECT u.id, u.notification_number
FROM unnest(CAST(:user_ids AS uuid[]), CAST(:numbers AS bigint[])) AS seen (user_id, number)
JOIN users AS u ON u.id = seen.user_id AND u.notification_number > seen.number
"""
)


async def after(
    db: Database, positions: Collection[Position], limit: int
) -> dict[Position, list[View]]:
    """Of each position the next notifications, at most `limit`, in order; a few queries for all of them.

    A position after which there is nothing is left out, and so is a notification of a kind that this
    release does not know. Raises Unavailable.
    """
    statement = _AFTER.bind(
        user_ids=[user_id for user_id, _ in positions],
        positions=[number for _, number in positions],
        limit=limit,
    )
    found: dict[Position, list[View]] = {}
    for position, view in await _read(db, statement):
        found.setdefault((view.notification.user_id, position), []).append(view)
    return found


async def newest_numbers(db: Database, user_ids: Collection[UUID]) -> dict[UUID, int]:
    """The number of each user's newest notification, in one query; unknown ids are left out."""
    if not user_ids:
        return {}
    return dict(await db.rows(_NEWEST.bind(user_ids=user_ids)))


async def newer_numbers(db: Database, seen: Mapping[UUID, int]) -> dict[UUID, int]:
    """The number of each user's newest notification where it is greater than the given one, in one query."""
    if not seen:
        return {}
    return dict(await db.rows(_NEWER.bind(user_ids=seen.keys(), numbers=seen.values())))


async def by_numbers(db: Database, user_id: UUID, numbers: Collection[int]) -> list[View]:
    """The user's notifications with those numbers; unknown numbers are left out."""
    wanted = [number for number in numbers if 0 < number <= _MAXIMUM_NUMBER]
    if not wanted:
        return []
    statement = _BY_NUMBERS.bind(user_id=user_id, numbers=wanted)
    return [view for _, view in await _read(db, statement)]


async def page(
    db: Database, user_id: UUID, request: PageRequest, *, unread_only: bool
) -> Page[View]:
    """A page of the user's notifications, newest first. Cursors are numbers; there is no `before`."""
    before = _MAXIMUM_NUMBER if request.after is None else int(request.after)
    query = _UNREAD if unread_only else _ALL
    statement = query.bind(user_id=user_id, before=before, limit=request.size + 1)
    found = [view for _, view in await _read(db, statement)]
    return Page(
        found[: request.size],
        has_next=len(found) > request.size,
        has_previous=request.after is not None,
    )


async def _read(db: Database, statement: Statement) -> list[tuple[int, View]]:
    """The notifications of the statement's rows in their order, each with the position before them."""
    read: list[tuple[int, Notification, bool, Entry | None]] = []
    for position, *columns in await db.rows(statement):
        try:
            notification = notification_rows.from_row(columns[:_WIDTH])
            entry = _entry(columns[_WIDTH + 1 :])
        except (notification_rows.UnknownKind, entry_rows.UnknownKind):
            continue
        read.append((position, notification, columns[_WIDTH], entry))
    entries = await _entry_views(db, [entry for *_, entry in read if entry is not None])
    named = {each.person_id for _, each, *_ in read if each.person_id is not None}
    people = await persons.by_ids(db, named)
    views: list[tuple[int, View]] = []
    for position, notification, is_read, entry in read:
        of_entry = None if entry is None else entries[entry.user_id, entry.sequence]
        view = View(
            notification,
            entry=entry,
            counterparty=None if of_entry is None else of_entry.counterparty,
            metadata=() if of_entry is None else of_entry.metadata,
            person=people.get(notification.person_id) if notification.person_id else None,
            is_read=is_read,
        )
        views.append((position, view))
    return views


def _entry(columns: Sequence[Any]) -> Entry | None:
    return None if columns[0] is None else entry_rows.from_row(columns)


async def _entry_views(db: Database, entries: Sequence[Entry]) -> Mapping[Position, EntryView]:
    views = await entry_views.of(
        entries, partial(persons.by_ids, db), partial(history.metadata, db)
    )
    return {(view.entry.user_id, view.entry.sequence): view for view in views}
