"""Read scheduled transfers and their runs; the caller has checked the scope."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from uuid import UUID

from domain import paging
from domain.schedules.schedules import ScheduledTransfer, ScheduleStatus
from domain.schedules.views import RunView, ScheduleView
from persistence.engine.database import Database
from persistence.ledger import entry_views, history
from persistence.people import persons
from persistence.schedules import runs, schedules


async def page(
    database: Database,
    user_id: UUID,
    size: int,
    after: UUID | None,
    status: ScheduleStatus | None = None,
) -> paging.Page[ScheduleView]:
    """A page of the user's scheduled transfers, newest first; `after` is the id of the last one seen."""
    found = await schedules.page(database, user_id, size, after, status)
    items = await views(database, found.items)
    return paging.Page(items, has_next=found.has_next, has_previous=found.has_previous)


async def by_ids(
    database: Database, user_id: UUID, schedule_ids: Collection[UUID]
) -> list[ScheduleView]:
    """Those of the user's scheduled transfers."""
    return await views(database, await schedules.by_ids(database, user_id, schedule_ids))


async def views(database: Database, found: Sequence[ScheduledTransfer]) -> list[ScheduleView]:
    """The scheduled transfers in the same order, with one query for all recipients."""
    people = await persons.by_ids(database, {each.recipient_id for each in found})
    return [ScheduleView(each, people[each.recipient_id]) for each in found]


async def run_page(
    database: Database, schedule: ScheduledTransfer, size: int, after: int | None
) -> paging.Page[RunView]:
    """A page of the runs of a scheduled transfer, newest first; `after` is the last number seen."""
    user_id = schedule.user_id
    found = await runs.page(database, user_id, schedule.schedule_id, size, after)
    sent = [(user_id, run.sequence) for run in found.items if run.sequence is not None]
    entries = await history.entries_by_ids(database, sent) if sent else {}
    read = {
        view.entry.sequence: view
        for view in await entry_views.of(
            list(entries.values()),
            partial(persons.by_ids, database),
            partial(history.metadata, database),
        )
    }
    items: list[RunView] = []
    for run in found.items:
        view = None if run.sequence is None else read.get(run.sequence)
        items.append(
            RunView(run)
            if view is None
            else RunView(run, view.entry, view.counterparty, view.metadata)
        )
    return paging.Page(items, has_next=found.has_next, has_previous=found.has_previous)
