"""A command that reverses a transaction and does nothing else, on anybody's behalf."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from domain import ids
from domain.authority import Authority
from domain.ledger import handlers, reversals
from domain.ledger.decisions import Decision, Key, Ledger, LookUp
from domain.ledger.handlers import Handler
from domain.ledger.kinds import Kind
from domain.ledger.reversals import Target
from domain.ledger.transfers import Account

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Reverse:
    """Reverse the amount, or all that remains."""

    authority: Authority
    target: Target
    amount: Decimal | None = None
    includes_fee: bool = True
    note: str | None = None
    reference: UUID = field(default_factory=ids.new_id)
    idempotency_key: str = field(default_factory=lambda: f"key-of-a-reversal-{next(_numbers)}")

    @property
    def key(self) -> Key:
        return Key(self.authority.user_id, Kind.REVERSAL, self.idempotency_key)

    @property
    def account_ids(self) -> Sequence[UUID]:
        return (self.authority.user_id, *self.target.user_ids)

    @property
    def look_ups(self) -> Sequence[LookUp[object]]:
        return self.target.look_ups


def _decide(ledger: Ledger, command: Reverse, _caller: Account) -> Decision:
    return reversals.reverse(
        ledger,
        command.target,
        amount=command.amount,
        includes_fee=command.includes_fee,
        reference=command.reference,
        note=command.note,
    )


cast("dict[type, Any]", handlers.HANDLERS)[Reverse] = Handler(
    _decide, lambda _ledger, _command, _earlier: True
)
