"""Moving money: what a transfer or a top-up does, decided in pure Python.

`settle` is the heart: given locked accounts and an ordered list of commands, it says what becomes of
each. Whoever calls it holds the locks, and writes what it returns in the same transaction.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from domain import errors, money, text

IDEMPOTENCY_KEY_MINIMUM_CHARACTERS = 8
IDEMPOTENCY_KEY_MAXIMUM_CHARACTERS = 64
DAILY_LIMIT_WINDOW = timedelta(hours=24)


class Kind(enum.StrEnum):
    """What moved the money."""

    TRANSFER = "transfer"
    TOP_UP = "top_up"


class Direction(enum.StrEnum):
    """Which way the money went, as the owner of the book sees it."""

    INCOMING = "incoming"
    OUTGOING = "outgoing"


@dataclass(frozen=True, slots=True)
class Account:
    """A person's row as far as money is concerned; amounts in minor units."""

    user_id: UUID
    balance_minor: int
    sequence: int
    is_verified: bool
    is_closed: bool = False
    #: `created_at` of the newest line of the book.
    last_posted_at: datetime | None = None

    @property
    def can_receive(self) -> bool:
        return self.is_verified and not self.is_closed


@dataclass(frozen=True, slots=True)
class Line:
    """One line of one person's book: a movement as that person sees it; amounts in minor units."""

    user_id: UUID
    sequence: int
    reference: UUID
    kind: Kind
    direction: Direction
    amount_minor: int
    fee_minor: int
    counterparty_id: UUID | None
    note: str | None
    balance_after_minor: int
    created_at: datetime
    #: On the line of the person who asked for the movement alone.
    idempotency_key: str | None = None
    api_token_id: UUID | None = None


#: What a key belongs to: one person, one operation.
KeyOf = tuple[UUID, Kind, str]


@dataclass(frozen=True, slots=True)
class AddBalance:
    """Ask to add to the caller's own balance. `amount` is in whole units, as it was typed."""

    user_id: UUID
    amount: Decimal
    idempotency_key: str
    #: What both sides will quote: a new id, made beforehand so that settling stays pure.
    reference: UUID
    #: The session or the API token that asks; one that has ended moves nothing.
    session_id: UUID | None = None
    api_token_id: UUID | None = None

    kind = Kind.TOP_UP

    @property
    def account_ids(self) -> tuple[UUID, ...]:
        return (self.user_id,)

    @property
    def key(self) -> KeyOf:
        return (self.user_id, self.kind, self.idempotency_key)


@dataclass(frozen=True, slots=True)
class SendMoney:
    """Ask to send money. `amount` is in whole units and `note` raw, both as they were typed."""

    user_id: UUID
    #: None where the id is malformed or nobody has the address.
    recipient_id: UUID | None
    amount: Decimal
    note: str | None
    idempotency_key: str
    reference: UUID
    session_id: UUID | None = None
    api_token_id: UUID | None = None

    kind = Kind.TRANSFER

    @property
    def account_ids(self) -> tuple[UUID, ...]:
        if self.recipient_id is None or self.recipient_id == self.user_id:
            return (self.user_id,)
        return (self.user_id, self.recipient_id)

    @property
    def key(self) -> KeyOf:
        return (self.user_id, self.kind, self.idempotency_key)


Command = AddBalance | SendMoney


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

    line: Line
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
    posted: dict[KeyOf, Line]
    #: Sessions and API tokens of the commands that still stand.
    standing: Collection[UUID]
    #: For every API token of a `SendMoney` command.
    budgets: dict[UUID, TokenBudget]
    #: The clock, read after the locks were held.
    now: datetime
    limits: money.Limits


@dataclass(slots=True)
class Settlement:
    """What becomes of the commands: an outcome each, and what is to be written."""

    outcomes: list[Outcome] = field(default_factory=list)
    #: New lines, in the order in which they were made.
    lines: list[Line] = field(default_factory=list)
    #: The accounts that changed, as they are now.
    accounts: dict[UUID, Account] = field(default_factory=dict)


def check_idempotency_key(key: str) -> str:
    """The key itself. Raises InvalidInput unless it has 8 to 64 printable ASCII characters."""
    long_enough = len(key) >= IDEMPOTENCY_KEY_MINIMUM_CHARACTERS
    if not (
        long_enough
        and len(key) <= IDEMPOTENCY_KEY_MAXIMUM_CHARACTERS
        and key.isascii()
        and key.isprintable()
    ):
        raise errors.invalid(
            "idempotencyKey",
            f"The idempotency key takes {IDEMPOTENCY_KEY_MINIMUM_CHARACTERS} to "
            f"{IDEMPOTENCY_KEY_MAXIMUM_CHARACTERS} printable ASCII characters.",
        )
    return key


def check_amount(
    amount: Decimal, limits: money.Limits, *, maximum_minor: int, what: str = "The amount"
) -> int:
    """The amount in minor units. Raises InvalidAmount unless it is exact and within the limits."""
    amount_minor = money.minor_units(amount, limits.currency)
    minimum, maximum = limits.money(limits.minimum_minor), limits.money(maximum_minor)
    if amount_minor is None:
        decimals = limits.currency.decimals
        problem = (
            f"has more decimals than {limits.currency.code} has: use at most {decimals}"
            if decimals
            else f"has decimals, which {limits.currency.code} has not: use a whole number"
        )
    elif amount_minor < limits.minimum_minor:
        problem = f"is too small: the least is {minimum}"
    elif amount_minor > maximum_minor:
        problem = f"is too large: the most is {maximum}"
    else:
        return amount_minor
    raise errors.InvalidAmount(f"{what} {problem}.", minimum, maximum)


@dataclass(frozen=True, slots=True)
class Preview:
    """What a transfer would cost and leave short, in minor units."""

    amount_minor: int
    fee_minor: int
    total_minor: int
    shortfall_minor: int | None
    maximum_sendable_minor: int


def preview(amount: Decimal, balance_minor: int, limits: money.Limits) -> Preview:
    """What sending that amount would do, by the rules that `settle` charges by.

    Raises InvalidAmount.
    """
    amount_minor = check_amount(amount, limits, maximum_minor=limits.maximum_transfer_minor)
    fee_minor = limits.fee_minor(amount_minor)
    total_minor = amount_minor + fee_minor
    return Preview(
        amount_minor=amount_minor,
        fee_minor=fee_minor,
        total_minor=total_minor,
        shortfall_minor=total_minor - balance_minor if total_minor > balance_minor else None,
        maximum_sendable_minor=limits.maximum_sendable_minor(balance_minor),
    )


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
    if caller is None or caller.is_closed or credential not in ledger.standing:
        raise errors.Unauthenticated
    earlier = ledger.posted.get(command.key)
    if earlier is not None:
        if not is_same_input(command, earlier, ledger.limits):
            raise errors.IdempotencyKeyReused
        return Posted(earlier, caller, replayed=True)
    if not caller.is_verified:
        raise errors.EmailNotVerified
    lines = (
        _add_balance(ledger, command, caller)
        if isinstance(command, AddBalance)
        else _send_money(ledger, command, caller)
    )
    _post(ledger, settlement, lines)
    ledger.posted[command.key] = lines[0]
    return Posted(lines[0], ledger.accounts[command.user_id], replayed=False)


def is_same_input(command: Command, line: Line, limits: money.Limits) -> bool:
    """Whether the command asks for just what the line did: person, amount, note (empty is none)."""
    if money.minor_units(command.amount, limits.currency) != line.amount_minor:
        return False
    if isinstance(command, AddBalance):
        return True
    try:
        note = text.clean_note(command.note)
    except errors.InvalidInput:
        return False
    return command.recipient_id == line.counterparty_id and note == line.note


def _add_balance(ledger: Ledger, command: AddBalance, caller: Account) -> Sequence[Line]:
    limits = ledger.limits
    amount_minor = check_amount(command.amount, limits, maximum_minor=limits.maximum_top_up_minor)
    room_minor = max(limits.maximum_balance_minor - caller.balance_minor, 0)
    if amount_minor > room_minor:
        raise errors.BalanceLimitExceeded(
            limits.money(min(room_minor, limits.maximum_top_up_minor))
        )
    return [
        Line(
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


def _send_money(ledger: Ledger, command: SendMoney, caller: Account) -> Sequence[Line]:
    limits = ledger.limits
    amount_minor = check_amount(command.amount, limits, maximum_minor=limits.maximum_transfer_minor)
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
    sent = Line(
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
    received = replace(
        sent,
        user_id=recipient.user_id,
        sequence=recipient.sequence + 1,
        direction=Direction.INCOMING,
        fee_minor=0,
        counterparty_id=caller.user_id,
        balance_after_minor=recipient.balance_minor + amount_minor,
        idempotency_key=None,
        api_token_id=None,
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


def _post(ledger: Ledger, settlement: Settlement, lines: Sequence[Line]) -> None:
    for line in lines:
        account = replace(
            ledger.accounts[line.user_id],
            balance_minor=line.balance_after_minor,
            sequence=line.sequence,
            last_posted_at=line.created_at,
        )
        ledger.accounts[line.user_id] = account
        settlement.accounts[line.user_id] = account
        settlement.lines.append(line)
