"""Generated accounts and commands for the tests of decisions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from domain import authority
from domain.authority import Authority
from domain.ledger import decisions, money, settling
from domain.ledger.add_balance import AddBalance
from domain.ledger.budgets import BudgetOf, TokenBudget
from domain.ledger.decisions import Command, Ledger
from domain.ledger.send_money import SendMoney
from domain.ledger.transfers import Account
from domain.requests.payment_requests import PaymentRequest, Status

NOW = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
ALPHA, BETA, GAMMA, DELTA = PEOPLE = tuple(UUID(int=number) for number in range(1, 5))
SESSION = UUID(int=100)
ENDED_SESSION = UUID(int=101)
TOKEN = UUID(int=200)


def payment_request(**facts: Any) -> PaymentRequest:
    """Beta requests 10.00 from Alpha, for 30 days, unless told otherwise."""
    usual: dict[str, Any] = {
        "request_id": UUID(int=300),
        "requester_id": BETA,
        "payer_id": ALPHA,
        "is_open": False,
        "amount_minor": 1_000,
        "note": "Dinner",
        "status": Status.PENDING,
        "created_at": NOW - timedelta(days=1),
        "expires_at": NOW + timedelta(days=29),
        "closed_at": None,
        "secret": bytes(16),
        "reference": None,
    }
    return PaymentRequest(**{**usual, **facts})


CLOSED_REQUEST = payment_request(status=Status.CANCELLED, closed_at=NOW)


def limits_of(code: str = "USD", *, basis_points: int = 0) -> money.Limits:
    return money.Limits(
        currency=money.currency(code),
        maximum_transfer_minor=1_000_000,
        maximum_top_up_minor=1_000_000,
        maximum_balance_minor=5_000_000,
        fee_basis_points=basis_points,
    )


def account(
    user_id: UUID = ALPHA, balance_minor: int = 10_000, *, sequence: int = 1, verified: bool = True
) -> Account:
    return Account(user_id, balance_minor, sequence, verified, last_posted_at=NOW)


def ledger_of(
    *accounts: Account,
    limits: money.Limits | None = None,
    budget: TokenBudget | None = None,
    now: datetime = NOW,
) -> Ledger:
    return Ledger(
        accounts={each.user_id: each for each in accounts},
        posted={},
        active={SESSION, TOKEN},
        found=_budgets(budget or TokenBudget(None)),
        now=now,
        limits=limits or limits_of(),
    )


def _budgets(budget: TokenBudget) -> dict[decisions.LookUp[object], object]:
    """Everybody has an API token of that id and with that budget."""
    return {BudgetOf(user_id, TOKEN): budget for user_id in PEOPLE}


def _authority(user_id: UUID, *, by_token: bool, session_id: UUID) -> Authority:
    return (
        authority.ApiToken(user_id, TOKEN) if by_token else authority.Session(user_id, session_id)
    )


def send(
    amount: str | Decimal = "12.34",
    *,
    sender: UUID = ALPHA,
    recipient: UUID | None = BETA,
    note: str | None = None,
    key: str = "key-00000001",
    by_token: bool = False,
    session_id: UUID = SESSION,
) -> SendMoney:
    return SendMoney(
        authority=_authority(sender, by_token=by_token, session_id=session_id),
        recipient_id=recipient,
        amount=Decimal(amount),
        note=note,
        idempotency_key=key,
        reference=UUID(int=999),
    )


def add(
    amount: str | Decimal = "50.00",
    *,
    who: UUID = ALPHA,
    key: str = "key-00000001",
    by_token: bool = False,
    session_id: UUID = SESSION,
) -> AddBalance:
    return AddBalance(
        authority=_authority(who, by_token=by_token, session_id=session_id),
        amount=Decimal(amount),
        idempotency_key=key,
        reference=UUID(int=998),
    )


def settle_one(ledger: Ledger, command: Command) -> decisions.Outcome:
    (outcome,) = settling.settle(ledger, [command]).outcomes
    return outcome


# ================================================================ worlds that Hypothesis makes up


@dataclass(frozen=True)
class World:
    """People with money, and what is asked of them in turn."""

    ledger: Ledger
    commands: Sequence[Command]

    def fresh_ledger(self) -> Ledger:
        """The same beginning again: settling moves a ledger along."""
        return replace(
            self.ledger,
            accounts=dict(self.ledger.accounts),
            posted={},
            found=dict(self.ledger.found),
        )


def total_minor(accounts: Iterable[Account]) -> int:
    return sum(each.balance_minor for each in accounts)


currencies = st.sampled_from(["USD", "JPY", "KWD", "CLF"]).map(money.currency)


@st.composite
def any_limits(draw: st.DrawFn) -> money.Limits:
    return money.Limits(
        currency=draw(currencies),
        maximum_transfer_minor=draw(st.sampled_from([50, 1_000, 10**15])),
        maximum_top_up_minor=draw(st.sampled_from([50, 1_000, 10**15])),
        maximum_balance_minor=draw(st.sampled_from([500, 5_000, 10**15])),
        fee_basis_points=draw(st.sampled_from([0, 1, 29, 100, 333, 10_000])),
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    limits = draw(any_limits())
    accounts = [_account(draw, user_id) for user_id in PEOPLE]
    ledger = Ledger(
        accounts={each.user_id: each for each in accounts},
        posted={},
        active={SESSION, TOKEN},
        found=_budgets(TokenBudget(draw(st.none() | st.integers(1, 2_000)))),
        now=NOW,
        limits=limits,
    )
    return World(ledger, [_command(draw, limits) for _ in range(draw(st.integers(1, 12)))])


def _account(draw: st.DrawFn, user_id: UUID) -> Account:
    sequence = draw(st.integers(0, 3))
    balance_minor = draw(st.integers(0, 3_000)) if sequence else 0
    minutes = draw(st.integers(-5, 5))
    return Account(
        user_id=user_id,
        balance_minor=balance_minor,
        sequence=sequence,
        is_verified=sequence > 0 or draw(st.booleans()),
        is_closed=draw(st.sampled_from([False] * 9 + [True])),
        last_posted_at=NOW + timedelta(minutes=minutes) if sequence else None,
    )


def _command(draw: st.DrawFn, limits: money.Limits) -> Command:
    by_token = draw(st.booleans())
    amount_minor = draw(st.integers(-1, 1_100))
    extra = draw(st.sampled_from([0] * 9 + [1]))
    amount = Decimal(amount_minor).scaleb(-limits.currency.decimals - extra)
    who = draw(st.sampled_from(PEOPLE))
    key = draw(st.sampled_from([f"key-0000000{number}" for number in range(4)]))
    session_id = draw(st.sampled_from([SESSION] * 9 + [ENDED_SESSION]))
    if draw(st.booleans()):
        recipient = draw(st.sampled_from([*PEOPLE, None]))
        note = draw(st.sampled_from([None, "", "lunch", "\u0000"]))
        return send(
            amount, sender=who, recipient=recipient, note=note, key=key,
            by_token=by_token, session_id=session_id,
        )  # fmt: skip
    return add(amount, who=who, key=key, by_token=by_token, session_id=session_id)
