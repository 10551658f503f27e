"""Rules shared by all commands that post entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from domain import errors
from domain.authority import Schedule
from domain.ledger import metadata
from domain.ledger.decisions import Command, Decision, KeyClosure, Ledger, LookUp
from domain.ledger.metadata import Metadata, MetadataOf, StoreMetadata
from domain.ledger.transfers import Account, Entry
from domain.notifications.notices import Notice
from domain.schedules.schedules import is_run_key


class PostingCommand(Command, Protocol):
    """A command that posts entries, once per key."""

    @property
    def idempotency_key(self) -> str: ...

    @property
    def metadata(self) -> Metadata | None:
        """As entered."""

    @property
    def not_after(self) -> datetime | None:
        """After this instant, by the clock of the database, the command is refused; None is never."""


def check_first_use(ledger: Ledger, command: PostingCommand, caller: Account) -> None:
    """Raises IdempotencyKeyClosed, InvalidInput for a key that is reserved, TooLate or EmailNotVerified.

    Not called for a key that has an entry: that entry is replayed.
    """
    # Usually nothing is found, and every transfer runs this code.
    if len(ledger.found) > 0 and ledger.find(KeyClosure(command.key)):
        raise errors.IdempotencyKeyClosed
    # The key is not constructed for this: that would take longer than the rest.
    if is_run_key(command.idempotency_key) and type(command.authority) is not Schedule:
        raise errors.invalid(
            "idempotencyKey", "Keys of this form are reserved for scheduled transfers."
        )
    if command.not_after is not None and ledger.now > command.not_after:
        raise errors.TooLate
    if not caller.is_verified:
        raise errors.EmailNotVerified


def look_ups(command: PostingCommand) -> tuple[LookUp[object], ...]:
    """The look-ups of every posting command: the metadata to compare with, if it has any."""
    return () if command.metadata is None else (MetadataOf(command.key),)


def has_same_metadata(ledger: Ledger, command: PostingCommand, earlier: Entry) -> bool:
    """Whether the entry of the key has the metadata of the command."""
    if command.metadata is None:
        return earlier.metadata_digest is None
    return metadata.is_same(command.metadata, ledger.find(MetadataOf(command.key)))


def posted(
    command: PostingCommand,
    entries: Sequence[Entry],
    stored: Metadata | None,
    found: Mapping[LookUp[object], object] | None = None,
    notices: Sequence[Notice] = (),
) -> Decision:
    """The decision to post those entries, the first of them with this metadata, cleaned."""
    found = found or {}
    if stored is None:
        return Decision(entries, (), found, notices)
    own = entries[0]
    effect = StoreMetadata(own.user_id, own.sequence, stored)
    return Decision(entries, [effect], {**found, MetadataOf(command.key): stored}, notices)


def posting_time(now: datetime, *accounts: Account) -> datetime:
    """The clock, but never earlier than the newest entry of any of the accounts."""
    return max([now, *(a.last_posted_at for a in accounts if a.last_posted_at is not None)])
