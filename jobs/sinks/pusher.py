"""The sinks for Pusher: both streams, on the channel of each active credential of the user."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from uuid import UUID

from adapters import pusher
from domain import events
from domain.notifications.views import View
from domain.people.sessions import Scope
from jobs.services import JobServices
from jobs.sinks import payloads
from jobs.sinks.sink import NotAccepted, Page
from persistence.delivery import epochs
from persistence.ledger.entry_views import EntryView
from persistence.people import credentials

#: After so long the active credentials are asked for again: an ended one hears nothing after 5 seconds.
_CHANNELS_KNOWN_SECONDS = 1.0


async def deliver_entries(services: JobServices, page: Page[EntryView]) -> AsyncIterator[int]:
    """Trigger the entries. Raises NotAccepted."""
    epoch = await epochs.current(services.database)
    batch = {
        view.entry.sequence: pusher.Event(
            name=events.PUSHER_TRANSACTION,
            data=payloads.transaction_posted(
                view.entry, view.counterparty, services.currency, epoch, view.metadata
            ),
        )
        for view in page.events
    }
    async for number in _trigger(services, page.receiver.user_id, batch):
        yield number


async def deliver_notifications(services: JobServices, page: Page[View]) -> AsyncIterator[int]:
    """Trigger the notifications. Raises NotAccepted."""
    epoch = await epochs.current(services.database)
    batch = {
        view.notification.number: pusher.Event(
            name=events.PUSHER_NOTIFICATION,
            data=payloads.notification_created(view, services.currency, epoch),
        )
        for view in page.events
    }
    async for number in _trigger(services, page.receiver.user_id, batch):
        yield number


async def _trigger(
    services: JobServices, user_id: UUID, batch: Mapping[int, pusher.Event]
) -> AsyncIterator[int]:
    """Trigger the events, by their numbers, as many in a call as fit on all channels."""
    assert services.pusher is not None
    numbers = list(batch)
    # As late as possible: a credential that has ended since hears nothing of it.
    channels = await _channels(services, user_id)
    began = time.monotonic()
    at_once = max(1, pusher.MAXIMUM_BATCH // max(1, len(channels)))
    for start in range(0, len(numbers), at_once):
        some = numbers[start : start + at_once]
        if channels:
            try:
                triggered = [batch[number] for number in some]
                await asyncio.to_thread(services.pusher.trigger, triggered, channels)
            except pusher.PusherError as error:
                raise NotAccepted(str(error)) from None
        yield some[-1]
        if time.monotonic() - began > _CHANNELS_KNOWN_SECONDS:
            return


async def _channels(services: JobServices, user_id: UUID) -> list[str]:
    """Those of the user's active credentials that may read transactions: no other may listen."""
    active = await credentials.active_of(services.database, [user_id], Scope.READ_TRANSACTIONS)
    return [events.pusher_channel(credential_id) for credential_id in active[user_id]]
