"""Take back what the payment provider took back of a top-up, and credit again what it returned."""

from __future__ import annotations

from uuid import UUID

import structlog

from application.top_up_services import TopUpServices
from domain import errors, ids
from domain.ledger.decisions import Command
from domain.top_ups.provider import TakenBack
from domain.top_ups.returning import ReturnTopUp
from domain.top_ups.reversing import Reversal, ReverseTopUp, Status
from domain.top_ups.top_ups import TopUp
from persistence.ledger.ledger import Movement
from persistence.top_ups import reversals

log = structlog.get_logger()


async def taken_back(services: TopUpServices, top_up: TopUp, fact: TakenBack) -> None:
    """Record the fact and apply it, once however often it comes.

    Raises Unavailable, or Unauthenticated if something is to be credited again and the account is closed.
    """
    if top_up.refund is not None:
        # A payment that was never credited.
        return
    reversal = await reversals.record(services.database, top_up, fact)
    if not fact.is_returned:
        await execute(services, top_up.user_id, top_up.top_up_id)
    elif reversal.status is not Status.RETURNED:
        await _run(services, ReturnTopUp(reversal, ids.new_id()))
        log.info("the provider returned what it had taken back", **_names(reversal))


async def execute(services: TopUpServices, user_id: UUID, top_up_id: UUID) -> None:
    """Take back what waits to be taken back of a credited top-up, as far as the balance covers it.

    Where it does not, operators are told, and it is done once it does. Raises Unavailable.
    """
    for reversal in await reversals.waiting(services.database, user_id, top_up_id):
        try:
            movement = await _run(services, ReverseTopUp(reversal, ids.new_id()))
        except errors.Unauthenticated:
            # The account is closed.
            await reversals.mark_short(services.database, reversal)
            movement = None
        if movement is not None:
            log.info("what the provider took back was reversed", **_names(reversal))
        elif not reversal.is_short:
            now = await reversals.get(services.database, user_id, reversal.reversal_id)
            if now.is_short and now.status is Status.WAITING:
                log.error("a balance does not cover what the provider took back", **_names(now))


async def _run(services: TopUpServices, command: Command) -> Movement | None:
    movement = await services.ledger.run(command)
    if movement is not None and not movement.replayed:
        services.live.posted(movement.entry, movement.counterparty, movement.metadata)
        if movement.notifications:
            services.live.notified(movement.notifications, None, movement.person)
    services.wake_relay()
    return movement


def _names(reversal: Reversal) -> dict[str, str]:
    return {
        "user_id": str(reversal.user_id),
        "top_up_id": str(reversal.top_up_id),
        "source": reversal.source.value,
    }
