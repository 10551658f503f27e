"""The table of commands: the handler of each kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from domain.ledger import add_balance, close_key, pay_request, send_money
from domain.ledger.add_balance import AddBalance
from domain.ledger.close_key import CloseIdempotencyKey
from domain.ledger.decisions import Decision, Ledger
from domain.ledger.pay_request import PayRequest
from domain.ledger.send_money import SendMoney
from domain.ledger.transfers import Account, Entry
from domain.operators import reversing as operators
from domain.operators.reversing import DecideAction, ReverseTransaction
from domain.schedules import posting as schedule_posting
from domain.schedules.posting import SendScheduled
from domain.top_ups import crediting, returning, reversing
from domain.top_ups.crediting import CreditTopUp
from domain.top_ups.returning import ReturnTopUp
from domain.top_ups.reversing import ReverseTopUp


@dataclass(frozen=True, slots=True)
class Handler:
    """How commands of one kind are decided."""

    #: What a command with an unused key changes. Raises its refusal.
    decide: Callable[[Ledger, Any, Account], Decision]
    #: Whether a command requests the same as the earlier one with its key, whose entry is then replayed.
    is_same_input: Callable[[Ledger, Any, Entry], bool]


HANDLERS: Mapping[type, Handler] = {
    AddBalance: Handler(add_balance.decide, add_balance.is_same_input),
    SendMoney: Handler(send_money.decide, send_money.is_same_input),
    PayRequest: Handler(pay_request.decide, pay_request.is_same_input),
    SendScheduled: Handler(schedule_posting.decide, send_money.is_same_input),
    CreditTopUp: Handler(crediting.decide, crediting.is_same_input),
    ReverseTopUp: Handler(reversing.reverse, reversing.is_same_input),
    ReturnTopUp: Handler(returning.give_back, returning.is_same_input),
    ReverseTransaction: Handler(operators.decide_reversal, operators.is_same_input),
    DecideAction: Handler(operators.decide_proposal, operators.never_same),
    CloseIdempotencyKey: Handler(close_key.decide, close_key.is_same_input),
}
