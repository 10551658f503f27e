"""Closing an idempotency key: the entry that it produced, or the guarantee that it never will."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.authority import Authority
from domain.ledger.decisions import Decision, Effect, Key, KeyClosure, Ledger, LookUp
from domain.ledger.kinds import Kind
from domain.ledger.transfers import Account, Entry


@dataclass(frozen=True, slots=True)
class CloseIdempotencyKey:
    """Make the outcome of a key final: without an entry, it never produces one.

    Replays the entry of the key. Otherwise the key is closed for ever, and every other command with
    it is refused (IdempotencyKeyClosed), however late it arrives.
    """

    authority: Authority
    kind: Kind
    idempotency_key: str

    @property
    def key(self) -> Key:
        return Key(self.authority.user_id, self.kind, self.idempotency_key)

    @property
    def account_ids(self) -> Sequence[UUID]:
        return (self.authority.user_id,)

    @property
    def look_ups(self) -> Sequence[LookUp[object]]:
        return ()


@dataclass(frozen=True, slots=True)
class CloseKey(Effect):
    """Close a key that has no entry."""

    key: Key
    closed_at: datetime


def is_same_input(_ledger: Ledger, _command: CloseIdempotencyKey, _earlier: Entry) -> bool:
    """Always: the command requests whatever the key produced."""
    return True


def decide(ledger: Ledger, command: CloseIdempotencyKey, _caller: Account) -> Decision:
    """Close the key, once."""
    closure = KeyClosure(command.key)
    if ledger.find(closure):
        return Decision()
    return Decision(effects=[CloseKey(command.key, ledger.now)], found={closure: True})
