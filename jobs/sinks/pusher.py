"""The job that gives the Channels server what is new in one person's book, in order."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
from collections.abc import Sequence
from uuid import UUID

import structlog

from adapters import pusher, redis_connection
from domain import events
from domain.ledger import transfers
from domain.people.sessions import Scope
from jobs import reactions
from jobs.services import JobServices, current_bench
from jobs.sinks import payloads
from persistence.delivery import cursors
from persistence.ledger import entry_rows, entry_views
from persistence.people import accounts, credentials

log = structlog.get_logger()

#: A turn ends after so many batches of ten entries. A user with more waits for another turn, so that one
#: whom everybody pays does not keep workers from all others and from the mails.
BATCHES_A_TURN = 5
#: After so long the active credentials are asked for again: an ended one hears nothing after 5 seconds.
_CHANNELS_KNOWN_SECONDS = 1.0


def push_entries(user_id: str) -> None:
    """What RQ calls."""
    bench = current_bench.get()
    bench.run(push(bench.services, UUID(user_id)))


async def push(services: JobServices, user_id: UUID) -> None:
    """Trigger the entries after the user's cursor, in order, on the channel of each active credential.

    The cursor moves after each acceptance.

    Where there are more than one turn takes, another job is queued for them. While the Channels server
    is away or refuses, the cursor stays, and the relay asks again later.
    """
    if services.pusher is None or services.channels_breaker.is_open:
        return
    try:
        for _ in range(BATCHES_A_TURN):
            if not await _push_batch(services, services.pusher, user_id):
                return
    except entry_rows.UnknownKind as error:
        log.error(
            "a push waits: this release does not know the kind of an entry",
            user_id=str(user_id),
            kind=str(error),
        )
        return
    # While Redis is away the relay, which looks who is behind, asks for it.
    with contextlib.suppress(*redis_connection.AWAY):
        await asyncio.to_thread(services.jobs.put, [reactions.push(user_id)])


async def _push_batch(services: JobServices, gateway: pusher.PusherGateway, user_id: UUID) -> bool:
    """Whether there may be more."""
    async with cursors.take(services.database, user_id) as cursor:
        if not cursor.entries:
            return False
        batch = await _events(services, cursor.entries)
        # As late as possible: a credential that has ended since hears nothing of it.
        channels = await _channels(services, user_id)
        began = time.monotonic()
        # As many entries at once as fit one call on all channels; the cursor follows each call.
        at_once = max(1, pusher.MAXIMUM_BATCH // max(1, len(channels)))
        for start in range(0, len(batch), at_once):
            some = batch[start : start + at_once]
            try:
                if channels:
                    await asyncio.to_thread(gateway.trigger, some, channels)
            except pusher.PusherError as error:
                services.channels_breaker.failed()
                log.warning(
                    "the Channels server did not accept events; they are tried again",
                    reason=str(error),
                    user_id=str(user_id),
                    first_sequence=cursor.entries[start].sequence,
                )
                return False
            services.channels_breaker.worked()
            await cursor.advance(cursor.entries[start + len(some) - 1].sequence)
            if time.monotonic() - began > _CHANNELS_KNOWN_SECONDS:
                return True
        return len(cursor.entries) == cursors.MAXIMUM_ENTRIES


async def _channels(services: JobServices, user_id: UUID) -> list[str]:
    """Those of the user's active credentials that may read transactions: no other may listen."""
    active = await credentials.active_of(services.database, [user_id], Scope.READ_TRANSACTIONS)
    return [events.pusher_channel(credential_id) for credential_id in active[user_id]]


async def _events(services: JobServices, entries: Sequence[transfers.Entry]) -> list[pusher.Event]:
    return [
        pusher.Event(
            name=events.PUSHER_EVENT,
            data=payloads.transaction_posted(view.entry, view.counterparty, services.currency),
        )
        for view in await entry_views.of(
            entries, functools.partial(accounts.people, services.database)
        )
    ]
