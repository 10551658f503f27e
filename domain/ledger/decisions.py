"""The input and the output of decisions about commands.

A command declares its look-ups: what it needs besides the accounts and the idempotency key. A
decision returns entries and effects: whatever else changes in the same commit. Both are data.
`persistence.ledger` has one set-based statement for each kind of look-up and for each kind of effect.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, NamedTuple, Protocol, TypeVar
from uuid import UUID

from domain import errors
from domain.authority import Authority
from domain.ledger import money
from domain.ledger.kinds import Kind
from domain.ledger.transfers import Account, Entry
from domain.notifications.notices import Notice, Notification
from domain.values import value

Found = TypeVar("Found")
Found_co = TypeVar("Found_co", covariant=True)


class Key(NamedTuple):
    """An idempotency key; it belongs to one user and one kind of transaction."""

    user_id: UUID
    kind: Kind
    idempotency_key: str


class LookUp(Generic[Found_co]):
    """Data that a decision needs. Subclasses are frozen dataclasses; equal ones look up the same."""

    __slots__ = ()


class Effect:
    """A change besides balances and entries. Subclasses are frozen dataclasses."""

    __slots__ = ()


class Command(Protocol):
    """A request to the ledger. Each kind is registered with its handler in `domain.ledger.handlers`."""

    @property
    def authority(self) -> Authority:
        """Who acts; an authority that has ended posts nothing."""

    @property
    def key(self) -> Key:
        """The key that the command uses, or is about."""

    @property
    def account_ids(self) -> Sequence[UUID]:
        """The accounts to lock."""

    @property
    def look_ups(self) -> Sequence[LookUp[object]]:
        """The data needed besides the accounts and the key."""


@dataclass(frozen=True, slots=True)
class KeyClosure(LookUp[bool]):
    """Whether the key is closed. Known for the key of every command, without being declared."""

    key: Key


@dataclass(slots=True)
class Ledger:
    """The state on which decisions are based, as read under the locks.

    It is updated command by command, so that a later command sees what an earlier one did.
    """

    accounts: dict[UUID, Account]
    #: Earlier entries with the commands' keys; those of other keys are not needed.
    posted: dict[Key, Entry]
    #: The ids of the commands' authorities that are active.
    active: Collection[UUID]
    #: The database's clock, read after the locks were taken.
    now: datetime
    limits: money.Limits
    #: What the commands' look-ups found; one that found nothing is absent.
    found: dict[LookUp[object], Any] = field(default_factory=dict)
    #: The key of the seals; without one they reveal damage but not forgery.
    audit_key: bytes = b""

    def find(self, look_up: LookUp[Found]) -> Found | None:
        """What the look-up found, including what earlier commands changed; None for nothing."""
        found: Found | None = self.found.get(look_up)
        return found


@value
class Decision:
    """What a command changes."""

    #: New entries, not yet sealed; the caller's own comes first.
    entries: Sequence[Entry] = ()
    effects: Sequence[Effect] = ()
    #: What these look-ups find from now on.
    found: Mapping[LookUp[object], object] = field(default_factory=dict)
    #: Who is told of what: users whose accounts the command locks.
    notices: Sequence[Notice] = ()


@value
class Posted:
    """Entries were posted, now or (`replayed`) when this key was first used."""

    entry: Entry
    #: The caller's account as it is now.
    account: Account
    replayed: bool
    #: Empty for a replay.
    notifications: Sequence[Notification] = ()


@value
class Done:
    """The command was executed and posted no entry."""

    #: The caller's account as it is now.
    account: Account
    notifications: Sequence[Notification] = ()


Outcome = Posted | Done | errors.DomainError
