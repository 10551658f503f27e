"""Settling: what becomes of the commands that ask to move money, decided in pure Python.

`settle` is the heart: given locked accounts and an ordered list of commands, it says what becomes of
each. Whoever calls it holds the locks, and writes what it returns in the same transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from domain import errors, text
from domain.ledger import money, seals, transfers
from domain.ledger.transfers import (
    Account,
    AddBalance,
    Command,
    Direction,
    Entry,
    KeyOf,
    Kind,
    SendMoney,
)


@dataclass(frozen=True, slots=True)
class TokenBudget:
    """An API token's daily limit and what it has spent in the last 24 hours, in minor units."""

    daily_limit_minor: int | None
    spent_minor: int = 0

    @property
    def remaining_minor(self) -> int | None:
        if self.daily_limit_minor is None:
            return None
        return max(self.daily_limit_minor - self.spent_minor, 0)


@dataclass(frozen=True, slots=True)
class Posted:
    """The money moved, now or (`replayed`) when this key was first used."""

    entry: Entry
    #: The caller's account as it is now.
    account: Account
    replayed: bool


Outcome = Posted | errors.DomainError


@dataclass(slots=True)
class Ledger:
    """What `settle` is given: everything as it stands under the locks.

    Settling moves it along, command by command, so that a later command sees what an earlier one did.
    """

    accounts: dict[UUID, Account]
    #: The lines that the commands' keys made before; those of any other key are not needed.
    posted: dict[KeyOf, Entry]
    #: Sessions and API tokens of the commands that are active.
    active_credentials: Collection[UUID]
    #: For every API token of a `SendMoney` command.
    budgets: dict[UUID, TokenBudget]
    #: The clock, read after the locks were held.
    now: datetime
    limits: money.Limits
    #: The key of the seals; without one they show damage, not forgery.
    audit_key: bytes = b""


@dataclass(slots=True)
class Settlement:
    """What becomes of the commands: an outcome each, and what is to be written."""

    outcomes: list[Outcome] = field(default_factory=list)
    #: New lines, in the order in which they were made.
    entries: list[Entry] = field(default_factory=list)
    #: The accounts that changed, as they are now.
    accounts: dict[UUID, Account] = field(default_factory=dict)


def settle(ledger: Ledger, commands: Iterable[Command]) -> Settlement:
    """Decide each command in turn, on its own: one that is refused does not touch its neighbours.

    A key is looked at before every other rule but one: a caller whose session or token has ended moves
    nothing and learns nothing. Refusals are returned as outcomes, not raised.
    """
    settlement = Settlement()
    for command in commands:
        try:
            settlement.outcomes.append(_decide(ledger, command, settlement))
        except errors.DomainError as refusal:
            settlement.outcomes.append(refusal)
    return settlement


def _decide(ledger: Ledger, command: Command, settlement: Settlement) -> Posted:
    caller = ledger.accounts.get(command.user_id)
    credential = command.session_id or command.api_token_id
    if caller is None or caller.is_closed or credential not in ledger.active_credentials:
        raise errors.Unauthenticated
    earlier = ledger.posted.get(command.key)
    if earlier is not None:
        if not is_same_input(command, earlier, ledger.limits):
            raise errors.IdempotencyKeyReused
        return Posted(earlier, caller, replayed=True)
    if not caller.is_verified:
        raise errors.EmailNotVerified
    entries = (
        _add_balance(ledger, command, caller)
        if isinstance(command, AddBalance)
        else _send_money(ledger, command, caller)
    )
    asked_for, *_ = [_post(ledger, settlement, entry) for entry in entries]
    ledger.posted[command.key] = asked_for
    return Posted(asked_for, ledger.accounts[command.user_id], replayed=False)


def is_same_input(command: Command, entry: Entry, limits: money.Limits) -> bool:
    """Whether the command asks for just what the line did: person, amount, note (empty is none)."""
    if money.minor_units(command.amount, limits.currency) != entry.amount_minor:
        return False
    if isinstance(command, AddBalance):
        return True
    try:
        note = text.clean_note(command.note)
    except errors.InvalidInput:
        return False
    return command.recipient_id == entry.counterparty_id and note == entry.note


def _add_balance(ledger: Ledger, command: AddBalance, caller: Account) -> Sequence[Entry]:
    limits = ledger.limits
    amount_minor = transfers.check_amount(
        command.amount, limits, maximum_minor=limits.maximum_top_up_minor
    )
    room_minor = max(limits.maximum_balance_minor - caller.balance_minor, 0)
    if amount_minor > room_minor:
        raise errors.BalanceLimitExceeded(
            limits.money(min(room_minor, limits.maximum_top_up_minor))
        )
    return [
        Entry(
            user_id=caller.user_id,
            sequence=caller.sequence + 1,
            reference=command.reference,
            kind=Kind.TOP_UP,
            direction=Direction.INCOMING,
            amount_minor=amount_minor,
            fee_minor=0,
            counterparty_id=None,
            note=None,
            balance_after_minor=caller.balance_minor + amount_minor,
            created_at=_posting_time(ledger.now, [caller]),
            idempotency_key=command.idempotency_key,
            api_token_id=command.api_token_id,
        )
    ]


def _send_money(ledger: Ledger, command: SendMoney, caller: Account) -> Sequence[Entry]:
    limits = ledger.limits
    amount_minor = transfers.check_amount(
        command.amount, limits, maximum_minor=limits.maximum_transfer_minor
    )
    note = text.clean_note(command.note)
    if command.recipient_id == caller.user_id:
        raise errors.CannotPayYourself
    recipient = ledger.accounts.get(command.recipient_id) if command.recipient_id else None
    if recipient is None or not recipient.can_receive:
        raise errors.RecipientNotFound
    fee_minor = limits.fee_minor(amount_minor)
    total_minor = amount_minor + fee_minor
    _check_budget(ledger, command.api_token_id, total_minor)
    if total_minor > caller.balance_minor:
        raise errors.InsufficientFunds(
            balance=limits.money(caller.balance_minor),
            shortfall=limits.money(total_minor - caller.balance_minor),
        )
    sent = Entry(
        user_id=caller.user_id,
        sequence=caller.sequence + 1,
        reference=command.reference,
        kind=Kind.TRANSFER,
        direction=Direction.OUTGOING,
        amount_minor=amount_minor,
        fee_minor=fee_minor,
        counterparty_id=recipient.user_id,
        note=note,
        balance_after_minor=caller.balance_minor - total_minor,
        created_at=_posting_time(ledger.now, [caller, recipient]),
        idempotency_key=command.idempotency_key,
        api_token_id=command.api_token_id,
    )
    received = Entry(
        user_id=recipient.user_id,
        sequence=recipient.sequence + 1,
        reference=sent.reference,
        kind=sent.kind,
        direction=Direction.INCOMING,
        amount_minor=amount_minor,
        fee_minor=0,
        counterparty_id=caller.user_id,
        note=note,
        balance_after_minor=recipient.balance_minor + amount_minor,
        created_at=sent.created_at,
    )
    if command.api_token_id is not None:
        budget = ledger.budgets[command.api_token_id]
        ledger.budgets[command.api_token_id] = replace(
            budget, spent_minor=budget.spent_minor + total_minor
        )
    return [sent, received]


def _check_budget(ledger: Ledger, api_token_id: UUID | None, total_minor: int) -> None:
    if api_token_id is None:
        return
    remaining_minor = ledger.budgets[api_token_id].remaining_minor
    if remaining_minor is not None and total_minor > remaining_minor:
        raise errors.TokenLimitExceeded(ledger.limits.money(remaining_minor))


def _posting_time(now: datetime, accounts: Sequence[Account]) -> datetime:
    """The clock, held back never: not earlier than the newest line of anybody concerned."""
    return max([now, *(a.last_posted_at for a in accounts if a.last_posted_at is not None)])


def _post(ledger: Ledger, settlement: Settlement, entry: Entry) -> Entry:
    """Seal the line after the newest of its book, and move the account along."""
    account = ledger.accounts[entry.user_id]
    entry = entry.sealed(seals.seal(ledger.audit_key, entry, account.book_seal))
    account = account.after(entry)
    ledger.accounts[entry.user_id] = account
    settlement.accounts[entry.user_id] = account
    settlement.entries.append(entry)
    return entry
