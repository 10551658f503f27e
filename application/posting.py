"""The steps that every posting use case takes around its ledger command."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from application.services import Ledger, Metrics
from domain import errors
from domain.ledger.confirmations import Undecided
from domain.ledger.metadata import Pair
from domain.ledger.posting import PostingCommand
from domain.ledger.transfers import Entry
from domain.notifications.notices import Notification
from domain.people.accounts import Person
from persistence.engine.database import Database
from persistence.ledger.ledger import Movement


class Listeners(Protocol):
    """The subscribers of this process."""

    def posted(
        self, entry: Entry, counterparty: Person | None, metadata: Sequence[Pair] = ()
    ) -> None:
        """Notify the subscribers of an entry that this process has committed."""

    def notified(
        self, created: Sequence[Notification], entry: Entry | None, counterparty: Person
    ) -> None:
        """Notify the subscribers of notifications that this process has committed with that entry."""


class PostingServices(Protocol):
    """The services that posting requires, in the API or in a worker."""

    @property
    def database(self) -> Database: ...

    @property
    def ledger(self) -> Ledger: ...

    @property
    def live(self) -> Listeners: ...

    @property
    def metrics(self) -> Metrics: ...

    @property
    def wake_relay(self) -> Callable[[], None]: ...


async def post(services: PostingServices, command: PostingCommand) -> Movement:
    """Execute the command; then count it, notify the listeners and wake the relay.

    Raises the command's refusal, or Unavailable.
    """
    outcome: str | None = "failed"
    try:
        movement = await services.ledger.move(command)
        outcome = "replayed" if movement.replayed else "moved"
    except Undecided:
        # The command is repeated at once, and counted then.
        outcome = None
        raise
    except errors.DomainError as refusal:
        outcome = type(refusal).__name__
        raise
    finally:
        if outcome is not None:
            services.metrics.transfer(outcome)
    if not movement.replayed:
        services.live.posted(movement.entry, movement.counterparty, movement.metadata)
        if movement.other_entry is not None:
            services.live.posted(movement.other_entry, movement.person)
        if movement.notifications:
            services.live.notified(movement.notifications, movement.other_entry, movement.person)
        services.wake_relay()
    return movement
