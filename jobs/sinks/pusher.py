"""The sink for Pusher: ledger entries, on the channel of each active credential of the user."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from uuid import UUID

from adapters import pusher
from domain import events
from domain.people.sessions import Scope
from jobs.services import JobServices
from jobs.sinks import payloads
from jobs.sinks.sink import NotAccepted, Page
from persistence.ledger.entry_views import EntryView
from persistence.people import credentials

#: After so long the active credentials are asked for again: an ended one hears nothing after 5 seconds.
_CHANNELS_KNOWN_SECONDS = 1.0


async def deliver(services: JobServices, page: Page[EntryView]) -> AsyncIterator[int]:
    """Trigger the entries, as many in a call as fit on all channels. Raises NotAccepted."""
    assert services.pusher is not None
    batch = [
        pusher.Event(
            name=events.PUSHER_EVENT,
            data=payloads.transaction_posted(
                view.entry, view.counterparty, services.currency, view.metadata
            ),
        )
        for view in page.events
    ]
    # As late as possible: a credential that has ended since hears nothing of it.
    channels = await _channels(services, page.receiver.user_id)
    began = time.monotonic()
    at_once = max(1, pusher.MAXIMUM_BATCH // max(1, len(channels)))
    for start in range(0, len(batch), at_once):
        some = batch[start : start + at_once]
        if channels:
            try:
                await asyncio.to_thread(services.pusher.trigger, some, channels)
            except pusher.PusherError as error:
                raise NotAccepted(str(error)) from None
        yield page.events[start + len(some) - 1].entry.sequence
        if time.monotonic() - began > _CHANNELS_KNOWN_SECONDS:
            return


async def _channels(services: JobServices, user_id: UUID) -> list[str]:
    """Those of the user's active credentials that may read transactions: no other may listen."""
    active = await credentials.active_of(services.database, [user_id], Scope.READ_TRANSACTIONS)
    return [events.pusher_channel(credential_id) for credential_id in active[user_id]]
