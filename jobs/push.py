"""The job that gives the Channels server what is new in one person's book, in order."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Sequence
from uuid import UUID

import structlog

from adapters import pusher, redis_connection
from domain import events, transfers
from jobs import payloads, reactions
from jobs.services import JobServices, current_bench
from persistence import accounts, entries, push_cursors

log = structlog.get_logger()

#: Of ten lines each. Whoever has more waits for another turn, so that a person whom everybody pays keeps
#: no worker from all others, and from the mails.
BATCHES_A_TURN = 5


def push_lines(user_id: str) -> None:
    """What RQ calls."""
    bench = current_bench.get()
    bench.run(push(bench.services, UUID(user_id)))


async def push(services: JobServices, user_id: UUID) -> None:
    """Trigger the lines after the person's cursor, batch by batch; move it after each acceptance.

    Where there are more than one turn takes, another job is queued for them. While the Channels server
    is away or refuses, the cursor stays, and the relay asks again later.
    """
    if services.pusher is None or services.channels_breaker.is_open:
        return
    for _ in range(BATCHES_A_TURN):
        if not await _push_batch(services, services.pusher, user_id):
            return
    # While Redis is away the relay, which looks who is behind, asks for it.
    with contextlib.suppress(*redis_connection.AWAY):
        await asyncio.to_thread(services.jobs.put, [reactions.push(user_id)])


async def _push_batch(services: JobServices, gateway: pusher.PusherGateway, user_id: UUID) -> bool:
    """Whether there may be more."""
    async with push_cursors.take(services.database, user_id) as cursor:
        if not cursor.lines:
            return False
        batch = await _events(services, cursor.lines)
        try:
            await asyncio.to_thread(gateway.trigger_batch, batch)
        except pusher.PusherError as error:
            services.channels_breaker.failed()
            log.warning(
                "the Channels server did not accept events; they are tried again",
                reason=str(error),
                user_id=str(user_id),
                first_sequence=cursor.lines[0].sequence,
            )
            return False
        services.channels_breaker.worked()
        await cursor.advance(cursor.lines[-1].sequence)
        return len(cursor.lines) == pusher.MAXIMUM_BATCH


async def _events(services: JobServices, lines: Sequence[transfers.Line]) -> list[pusher.Event]:
    return [
        pusher.Event(
            channel=events.pusher_channel(entry.line.user_id),
            name=events.PUSHER_EVENT,
            data=payloads.transaction_posted(entry.line, entry.counterparty, services.currency),
        )
        for entry in await entries.of(lines, functools.partial(accounts.people, services.database))
    ]
