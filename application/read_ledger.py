"""Read an account's own ledger; the caller has checked permission."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from application.services import ReadServices, Services
from domain import errors, paging
from domain.ledger import kinds, transfers
from domain.people.accounts import Person
from persistence.ledger import entry_views, history, pages
from persistence.ledger import originals as reading_originals
from persistence.ledger.entry_views import EntryView


async def balance_at(services: Services, user_id: UUID, time: datetime) -> int:
    """The balance in minor units at that instant. Raises BadUserInput for one in the future."""
    if time > services.clock():
        raise errors.BadUserInput("`time` is in the future.")
    return await history.balance_at(services.database, user_id, time)


async def page(
    services: Services,
    user_id: UUID,
    entry_filter: pages.EntryFilter,
    request: paging.PageRequest,
) -> paging.Page[transfers.Entry]:
    """A page of the ledger, newest first.

    Raises BadUserInput for a cursor of another list, or RateLimited if too many of the user's searches are
    waiting.
    """
    async with services.searches.turn(user_id):
        if pages.is_newest(entry_filter, request):
            rows = await services.newest_entries.one((user_id, request.size))
            return pages.first_page(rows or [], request.size)
        return await pages.page(services.database, user_id, entry_filter, request)


async def entries(
    services: Services, user_id: UUID, sequences: Collection[int]
) -> list[transfers.Entry]:
    """The user's entries with those sequence numbers; unknown numbers are left out."""
    found = await history.entries_by_ids(
        services.database, [(user_id, sequence) for sequence in sequences]
    )
    return list(found.values())


async def entry_by_key(
    services: Services, user_id: UUID, kind: kinds.Kind, key: str
) -> transfers.Entry | None:
    """The entry that the key produced; None if there is none (yet). Raises BadUserInput for a malformed
    key."""
    try:
        transfers.check_idempotency_key(key)
    except errors.InvalidInput as refusal:
        raise errors.BadUserInput(refusal.message) from None
    return await history.entry_by_key(services.database, user_id, kind, key)


async def entry_by_reference(
    services: Services, user_id: UUID, reference: UUID
) -> transfers.Entry | None:
    """The user's own entry with that reference; None if there is none."""
    return await history.entry_by_reference(services.database, user_id, reference)


async def entries_by_references(
    services: ReadServices, user_id: UUID, references: Collection[UUID]
) -> list[transfers.Entry]:
    """The user's own entries with those references; unknown references are left out."""
    found = await history.entries_by_references(
        services.database, [(user_id, reference) for reference in references]
    )
    return list(found.values())


async def originals(
    services: ReadServices, asked: Collection[tuple[UUID, UUID]]
) -> list[transfers.Entry]:
    """The entries by user and reference; unknown ones are left out."""
    return list((await history.entries_by_references(services.database, asked)).values())


async def reversed_minor(
    services: ReadServices, asked: Collection[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], int]:
    """What was reversed so far, by user and reference; those without reversals are left out."""
    return await reading_originals.reversed_minor(services.database, asked)


async def views(services: ReadServices, entries: Sequence[transfers.Entry]) -> list[EntryView]:
    """The entries with their metadata, and their counterparties as they are now; with at most one query for each."""
    return await entry_views.of(
        entries, services.people.get, partial(history.metadata, services.database)
    )


async def contacts(services: Services, user_id: UUID, first: int) -> list[Person]:
    """The users that the user exchanged money with, most recent first.

    Raises BadUserInput for a number out of range, or RateLimited as `page` does.
    """
    if not 0 <= first <= paging.MAXIMUM_SIZE:
        raise errors.BadUserInput(f"`first` takes a number from 0 to {paging.MAXIMUM_SIZE}.")
    if first == 0:
        return []
    async with services.searches.turn(user_id):
        return await history.contacts(services.database, user_id, first)
