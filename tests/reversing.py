"""A command that reverses a transaction and does nothing else, on anybody's behalf."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
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
from domain.ledger.transfers import Account, Entry
from domain.operators.log import ActionKind, Record, RecordType
from domain.operators.reversing import AppendRecord, LogHead, MoveHead

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
        return (LogHead(), *self.target.look_ups)


def _decide(ledger: Ledger, command: Reverse, _caller: Account) -> Decision:
    decision = reversals.reverse(
        ledger,
        command.target,
        amount=command.amount,
        includes_fee=command.includes_fee,
        reference=command.reference,
        note=command.note,
    )
    head = ledger.find(LogHead())
    if head is None:
        return decision
    # The log of operators has to say who reversed it.
    placed, head = head.append(ledger.audit_key, _record(command, decision.entries[0]))
    return replace(
        decision,
        effects=[*decision.effects, AppendRecord(placed), MoveHead(head)],
        found={**decision.found, LogHead(): head},
    )


def _record(command: Reverse, returned: Entry) -> Record:
    return Record(
        position=0,
        type=RecordType.ACTION,
        number=None,
        decides=None,
        action_id=ids.new_id(),
        operator_id=command.authority.user_id,
        account_id=returned.user_id,
        other_account_id=returned.counterparty_id,
        kind=ActionKind.REVERSE,
        created_at=returned.created_at,
        reason="A reversal of a test.",
        reference=command.target.reference,
        amount_minor=returned.amount_minor,
        includes_fee=command.includes_fee,
        posted_reference=command.reference,
        idempotency_key=command.idempotency_key,
    )


cast("dict[type, Any]", handlers.HANDLERS)[Reverse] = Handler(
    _decide, lambda _ledger, _command, _earlier: True
)
