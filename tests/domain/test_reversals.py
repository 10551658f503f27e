"""Reversals: any sequence of them returns what was sent, and never more."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import authority, errors
from domain.ledger import money, settling
from domain.ledger.decisions import Ledger, Outcome, Posted
from domain.ledger.kinds import Direction, Kind
from domain.ledger.reversals import Original, OriginalOf, Target
from domain.ledger.transfers import Entry
from tests.domain import worlds
from tests.domain.worlds import ALPHA, BETA, GAMMA, SESSION
from tests.reversing import Reverse

OPERATOR = authority.Session(GAMMA, SESSION)
TRANSFER = Target(UUID(int=999), (ALPHA, BETA))
TOP_UP = Target(UUID(int=998), (ALPHA,))
LIMITS = worlds.limits_of()


def posted(limits: money.Limits = LIMITS, amount: str = "10.00") -> tuple[Ledger, list[Entry]]:
    """A ledger in which Alpha has added money and sent the amount to Beta, and the three entries."""
    ledger = worlds.ledger_of(
        worlds.account(ALPHA, 50_000),
        worlds.account(BETA, 0),
        worlds.account(GAMMA, 0),
        limits=limits,
    )
    entries = settling.settle(ledger, [worlds.add(), worlds.send(amount)]).entries
    for entry in entries:
        ledger.found[OriginalOf(entry.user_id, entry.reference)] = Original(entry)
    return ledger, entries


def reverse(ledger: Ledger, target: Target = TRANSFER, amount: str | None = None, *, fee: bool = True) -> Outcome:  # fmt: skip
    command = Reverse(OPERATOR, target, None if amount is None else Decimal(amount), fee)
    return worlds.settle_one(ledger, command)


def entries_of(ledger: Ledger, *commands: Reverse) -> list[Entry]:
    return settling.settle(ledger, commands).entries


def test_both_sides_of_a_transfer_get_an_entry_that_refers_to_it() -> None:
    ledger, _ = posted(worlds.limits_of(basis_points=100))
    settlement = settling.settle(ledger, [Reverse(OPERATOR, TRANSFER, Decimal("4"), note="Fraud")])
    returned, refunded = settlement.entries
    assert (returned.user_id, returned.direction, returned.amount_minor) == (
        BETA, Direction.OUTGOING, 400,
    )  # fmt: skip
    assert (refunded.user_id, refunded.direction, refunded.amount_minor) == (
        ALPHA, Direction.INCOMING, 404,
    )  # fmt: skip
    assert (returned.fee_refunded_minor, refunded.fee_refunded_minor) == (None, 4)
    for entry, other in ((returned, ALPHA), (refunded, BETA)):
        assert (entry.kind, entry.reverses) == (Kind.REVERSAL, TRANSFER.reference)
        assert (entry.counterparty_id, entry.note, entry.fee_minor) == (other, "Fraud", 0)
        assert entry.idempotency_key is None
    assert [(n.user_id, n.sequence) for n in settlement.notifications] == [
        (BETA, returned.sequence), (ALPHA, refunded.sequence),
    ]  # fmt: skip


def test_a_top_up_is_taken_back_by_one_entry() -> None:
    ledger, _ = posted()
    [entry] = entries_of(ledger, Reverse(OPERATOR, TOP_UP))
    assert (entry.user_id, entry.direction, entry.amount_minor) == (
        ALPHA, Direction.OUTGOING, 5_000,
    )  # fmt: skip
    assert (entry.counterparty_id, entry.fee_refunded_minor) == (None, None)


amounts = st.lists(st.tuples(st.integers(1, 700), st.booleans()), max_size=8)


@given(amounts, st.sampled_from([0, 1, 29, 333, 10_000]), st.integers(1, 1_000))
def test_any_sequence_of_parts_keeps_every_equation(
    parts: list[tuple[int, bool]], basis_points: int, amount_minor: int
) -> None:
    limits = worlds.limits_of(basis_points=basis_points)
    amount = str(limits.money(amount_minor).amount)
    ledger, (_, sent, _) = posted(limits, amount)
    before = worlds.total_minor(ledger.accounts.values())
    commands = [
        Reverse(OPERATOR, TRANSFER, limits.money(part).amount, with_fee) for part, with_fee in parts
    ]
    settlement = settling.settle(ledger, commands)
    taken = reversed_with_fee = refunded = 0
    for (part, with_fee), outcome in zip(parts, settlement.outcomes, strict=True):
        if part > amount_minor - taken:
            assert isinstance(outcome, errors.NotReversible)
            assert outcome.reversible.amount_minor == amount_minor - taken
            continue
        assert isinstance(outcome, Posted)
        taken += part
        reversed_with_fee += part if with_fee else 0
    outgoing = [e for e in settlement.entries if e.direction is Direction.OUTGOING]
    incoming = [e for e in settlement.entries if e.direction is Direction.INCOMING]
    refunded = sum(e.fee_refunded_minor or 0 for e in incoming)
    assert sum(e.amount_minor for e in outgoing) == taken
    assert sum(e.amount_minor for e in incoming) == taken + refunded
    # What the parts refund is what one of their sum would, rounded down: all of it in the end.
    assert refunded == sent.fee_minor * reversed_with_fee // amount_minor
    # Balances + fees stay what they were.
    assert worlds.total_minor(ledger.accounts.values()) == before + refunded
    assert all(e.balance_after_minor >= 0 for e in settlement.entries)


def test_the_share_that_was_reversed_without_the_fee_stays_charged() -> None:
    ledger, _ = posted(worlds.limits_of(basis_points=100))
    parts = [
        Reverse(OPERATOR, TRANSFER, Decimal("2.50"), includes_fee=False),
        Reverse(OPERATOR, TRANSFER),
    ]
    refunds = [e.fee_refunded_minor for e in entries_of(ledger, *parts) if e.user_id == ALPHA]
    assert refunds == [None, 7]


def test_more_than_is_left_is_refused() -> None:
    ledger, _ = posted()
    outcomes = [reverse(ledger, amount=amount) for amount in ("10.01", "6", "4.01")]
    assert [str(each.reversible) for each in outcomes if isinstance(each, errors.NotReversible)] == [
        "10.00 USD", "4.00 USD",
    ]  # fmt: skip
    assert isinstance(reverse(ledger), Posted)
    nothing_left = reverse(ledger)
    assert isinstance(nothing_left, errors.NotReversible)
    assert nothing_left.reversible.amount_minor == 0


@pytest.mark.parametrize("amount", ["0", "-1", "0.001"])
def test_an_amount_that_is_none_is_refused(amount: str) -> None:
    assert isinstance(reverse(posted()[0], amount=amount), errors.InvalidAmount)


def test_money_that_is_no_longer_there_is_not_taken() -> None:
    ledger, _ = posted()
    worlds.settle_one(ledger, worlds.send("9.00", sender=BETA, recipient=GAMMA, key="key-sent-on"))
    refusal = reverse(ledger, amount="1.01")
    assert isinstance(refusal, errors.InsufficientFunds)
    assert (refusal.balance.amount_minor, refusal.shortfall.amount_minor) == (100, 1)
    assert isinstance(reverse(ledger, amount="1.00"), Posted)


def test_neither_limits_nor_the_largest_balance_apply() -> None:
    ledger, _ = posted(worlds.limits_of(basis_points=100))
    ledger.limits = replace(
        LIMITS, maximum_transfer_minor=1, maximum_top_up_minor=1, maximum_balance_minor=1
    )
    assert isinstance(reverse(ledger), Posted)


@pytest.mark.parametrize("whose", [ALPHA, BETA])
def test_nothing_is_reversed_from_or_to_a_closed_account(whose: UUID) -> None:
    ledger, _ = posted()
    ledger.accounts[whose] = replace(ledger.accounts[whose], is_closed=True)
    refusal = reverse(ledger)
    assert isinstance(refusal, errors.NotReversible)
    assert refusal.reversible.amount_minor == 0


@pytest.mark.parametrize("target", [TRANSFER, TOP_UP])
def test_a_reversal_is_not_reversed(target: Target) -> None:
    ledger, _ = posted()
    entries = entries_of(ledger, Reverse(OPERATOR, target))
    for entry in entries:
        ledger.found[OriginalOf(entry.user_id, entry.reference)] = Original(entry)
    again = Target(entries[0].reference, tuple(entry.user_id for entry in entries))
    refusal = reverse(ledger, again)
    assert isinstance(refusal, errors.NotReversible)
    assert refusal.reversible.amount_minor == 0


def test_an_unknown_reference_and_half_a_transfer_are_not_found() -> None:
    ledger, _ = posted()
    for target in (Target(UUID(int=1), (ALPHA, BETA)), Target(TRANSFER.reference, (BETA,))):
        assert isinstance(reverse(ledger, target), errors.NotFound)
