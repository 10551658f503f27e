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
from domain.top_ups.crediting import AbandonTopUp, TopUpOf, TopUpState


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
        return (TopUpOf(self.key),) if self.kind is Kind.TOP_UP else ()


@dataclass(frozen=True, slots=True)
class CloseKey(Effect):
    """Close a key that has no entry."""

    key: Key
    closed_at: datetime


def is_same_input(_ledger: Ledger, _command: CloseIdempotencyKey, _earlier: Entry) -> bool:
    """Always: the command requests whatever the key produced."""
    return True


def decide(ledger: Ledger, command: CloseIdempotencyKey, _caller: Account) -> Decision:
    """Close the key, once. A pending top-up with it fails: what is paid nevertheless is refunded."""
    closure = KeyClosure(command.key)
    if ledger.find(closure):
        return Decision()
    effects: list[Effect] = [CloseKey(command.key, ledger.now)]
    found: dict[LookUp[object], object] = {closure: True}
    look_up = TopUpOf(command.key)
    top_up = ledger.find(look_up)
    if top_up is not None and top_up.is_pending:
        effects.append(AbandonTopUp(command.key))
        found[look_up] = TopUpState(is_pending=False, sequence=None, payment_id=top_up.payment_id)
    return Decision(effects=effects, found=found)
