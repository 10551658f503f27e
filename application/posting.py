"""What every use case that moves money does around its ledger command."""

from __future__ import annotations

from application.services import Services
from domain import errors
from domain.ledger.posting import PostingCommand
from persistence.ledger.ledger import Movement


async def post(services: Services, command: PostingCommand) -> Movement:
    """Have the ledger carry out the command; then count it, tell the listeners and wake the relay.

    Raises the command's refusal, or Unavailable.
    """
    outcome = "failed"
    try:
        movement = await services.ledger.move(command)
        outcome = "replayed" if movement.replayed else "moved"
    except errors.DomainError as refusal:
        outcome = type(refusal).__name__
        raise
    finally:
        services.metrics.transfer(outcome)
    if not movement.replayed:
        services.live.posted(movement.entry, movement.counterparty, movement.metadata)
        if movement.other_entry is not None:
            services.live.posted(movement.other_entry, movement.person)
        services.wake_relay()
    return movement
