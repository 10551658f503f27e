"""Properties of deciding any list of commands, tested with Hypothesis."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import errors
from domain.ledger import money, seals, settling, transfers
from domain.ledger.budgets import BudgetOf
from domain.ledger.decisions import Ledger, Outcome, Posted
from domain.ledger.kinds import Direction, Kind
from domain.ledger.transfers import Entry
from tests.domain import worlds
from tests.domain.worlds import World


@given(worlds.worlds())
def test_money_is_conserved(world: World) -> None:
    ledger = world.fresh_ledger()
    settlement = settling.settle(ledger, world.commands)
    added = sum(entry.amount_minor for entry in settlement.entries if entry.kind == Kind.TOP_UP)
    fees = sum(entry.fee_minor for entry in settlement.entries)
    before = worlds.total_minor(world.ledger.accounts.values())
    assert worlds.total_minor(ledger.accounts.values()) + fees == before + added


@given(worlds.worlds())
def test_no_balance_is_ever_negative(world: World) -> None:
    settlement = settling.settle(world.fresh_ledger(), world.commands)
    assert all(entry.balance_after_minor >= 0 for entry in settlement.entries)
    assert all(account.balance_minor >= 0 for account in settlement.accounts.values())


@given(worlds.worlds())
def test_each_entry_is_sealed_after_the_one_before_it_in_its_ledger(world: World) -> None:
    ledger = replace(world.fresh_ledger(), audit_key=b"k" * 32)
    settlement = settling.settle(ledger, world.commands)
    heads = {user_id: each.book_seal for user_id, each in world.ledger.accounts.items()}
    for entry in settlement.entries:
        assert entry.seal == seals.seal(b"k" * 32, entry, heads[entry.user_id])
        heads[entry.user_id] = entry.seal
    assert heads == {user_id: each.book_seal for user_id, each in ledger.accounts.items()}
    for outcome in settlement.outcomes:
        assert not isinstance(outcome, Posted) or outcome.entry in settlement.entries


@given(worlds.worlds())
def test_each_ledger_goes_on_without_a_gap_and_adds_up(world: World) -> None:
    settlement = settling.settle(world.fresh_ledger(), world.commands)
    accounts = dict(world.ledger.accounts)
    for entry in settlement.entries:
        account = accounts[entry.user_id]
        incoming = entry.direction == Direction.INCOMING
        change = entry.amount_minor if incoming else -entry.amount_minor - entry.fee_minor
        assert entry.sequence == account.sequence + 1
        assert entry.balance_after_minor == account.balance_minor + change
        assert entry.created_at >= (account.last_posted_at or worlds.NOW)
        accounts[entry.user_id] = replace(
            account,
            sequence=entry.sequence,
            balance_minor=entry.balance_after_minor,
            last_posted_at=entry.created_at,
            book_seal=entry.seal,
        )
    for notification in settlement.notifications:
        account = accounts[notification.user_id]
        assert notification.number == account.notification_number + 1
        accounts[notification.user_id] = replace(account, notification_number=notification.number)
    assert settlement.accounts.items() <= accounts.items()
    assert accounts.keys() - settlement.accounts.keys() == {
        user_id for user_id, account in world.ledger.accounts.items()
        if accounts[user_id] == account
    }  # fmt: skip


@given(worlds.worlds())
def test_every_transfer_has_exactly_two_sides_that_agree(world: World) -> None:
    commands = [
        replace(command, reference=UUID(int=1000 + number))
        for number, command in enumerate(world.commands)
    ]
    settlement = settling.settle(world.fresh_ledger(), commands)
    sides: dict[UUID, list[Entry]] = defaultdict(list)
    for entry in settlement.entries:
        sides[entry.reference].append(entry)
    for entries in sides.values():
        if entries[0].kind == Kind.TOP_UP:
            assert len(entries) == 1
            continue
        sent, received = entries
        assert (sent.direction, received.direction) == (Direction.OUTGOING, Direction.INCOMING)
        assert (sent.user_id, sent.counterparty_id) == (received.counterparty_id, received.user_id)
        assert (sent.amount_minor, sent.note) == (received.amount_minor, received.note)
        assert (sent.created_at, received.fee_minor) == (received.created_at, 0)
        assert sent.idempotency_key is not None
        assert received.idempotency_key is None


@given(worlds.worlds())
def test_asking_again_is_the_identity(world: World) -> None:
    ledger = world.fresh_ledger()
    first = settling.settle(ledger, world.commands)
    done = [
        (command, outcome)
        for command, outcome in zip(world.commands, first.outcomes, strict=True)
        if isinstance(outcome, Posted)
    ]
    before = dict(ledger.accounts)
    again = settling.settle(ledger, [command for command, _ in done])
    assert ledger.accounts == before
    assert not again.entries
    assert not again.accounts
    for (command, earlier), repeat in zip(done, again.outcomes, strict=True):
        assert repeat == Posted(earlier.entry, before[command.authority.user_id], replayed=True)


@given(worlds.worlds())
def test_a_batch_settles_as_one_by_one_does(world: World) -> None:
    together_ledger, alone_ledger = world.fresh_ledger(), world.fresh_ledger()
    together = settling.settle(together_ledger, world.commands)
    alone = [settling.settle(alone_ledger, [command]) for command in world.commands]
    assert together_ledger == alone_ledger
    assert together.entries == [entry for settlement in alone for entry in settlement.entries]
    for joint, single in zip(together.outcomes, (each.outcomes[0] for each in alone), strict=True):
        assert _comparable(joint) == _comparable(single)


@given(worlds.worlds())
def test_a_refusal_leaves_everything_untouched(world: World) -> None:
    for command in world.commands:
        ledger, untouched = world.fresh_ledger(), world.fresh_ledger()
        settlement = settling.settle(ledger, [command])
        if isinstance(settlement.outcomes[0], errors.DomainError):
            assert ledger == untouched
            assert not settlement.entries
            assert not settlement.accounts


@given(worlds.worlds())
def test_a_token_never_spends_more_than_its_limit(world: World) -> None:
    ledger = world.fresh_ledger()
    settlement = settling.settle(ledger, world.commands)
    for user_id in worlds.PEOPLE:
        spent = sum(
            entry.amount_minor + entry.fee_minor
            for entry in settlement.entries
            if (entry.user_id, entry.api_token_id, entry.kind)
            == (user_id, worlds.TOKEN, Kind.TRANSFER)
        )
        budget = ledger.find(BudgetOf(user_id, worlds.TOKEN))
        assert budget is not None
        assert budget.spent_minor == spent
        assert budget.daily_limit_minor is None or spent <= budget.daily_limit_minor


@given(worlds.any_limits(), st.integers(0, 3_000), st.integers(1, 3_500))
def test_the_preview_agrees_with_sending(
    limits: money.Limits, balance_minor: int, amount_minor: int
) -> None:
    amount = limits.money(amount_minor).amount
    outcome = _send(limits, balance_minor, amount)
    if isinstance(outcome, errors.InvalidAmount):
        with pytest.raises(errors.InvalidAmount, match=re.escape(outcome.message)):
            transfers.preview(amount, balance_minor, limits)
        return
    preview = transfers.preview(amount, balance_minor, limits)
    assert preview.total_minor == preview.amount_minor + preview.fee_minor
    if preview.shortfall_minor is None:
        assert isinstance(outcome, Posted)
        assert outcome.entry.fee_minor == preview.fee_minor
        assert outcome.account.balance_minor == balance_minor - preview.total_minor
    else:
        assert isinstance(outcome, errors.InsufficientFunds)
        assert outcome.shortfall.amount_minor == preview.shortfall_minor > 0


@given(worlds.any_limits(), st.integers(0, 3_000), st.integers(0, 3_000), st.integers(1, 3_500))
def test_the_preview_of_an_api_token_is_short_of_whichever_is_less(
    limits: money.Limits, balance_minor: int, remaining_minor: int, amount_minor: int
) -> None:
    amount = limits.money(amount_minor).amount
    available_minor = min(balance_minor, remaining_minor)
    try:
        expected = transfers.preview(amount, available_minor, limits)
    except errors.InvalidAmount:
        return
    found = transfers.preview(amount, balance_minor, limits, remaining_minor=remaining_minor)
    assert found == expected


@given(worlds.any_limits(), st.integers(0, 10**16))
def test_the_maximum_sendable_goes_through_and_one_more_does_not(
    limits: money.Limits, balance_minor: int
) -> None:
    largest = limits.maximum_sendable_minor(balance_minor)
    if largest:
        assert isinstance(_send(limits, balance_minor, limits.money(largest).amount), Posted)
    one_more = _send(limits, balance_minor, limits.money(largest + 1).amount)
    assert isinstance(one_more, errors.InsufficientFunds | errors.InvalidAmount)


@given(worlds.worlds())
def test_what_is_short_of_funds_does_not_touch_its_neighbours(world: World) -> None:
    poor = worlds.send(
        Decimal(world.ledger.limits.maximum_transfer_minor).scaleb(
            -world.ledger.limits.currency.decimals
        ),
        key="key-of-the-poor",
    )
    alone = settling.settle(world.fresh_ledger(), world.commands)
    with_it = settling.settle(world.fresh_ledger(), [poor, *world.commands])
    if isinstance(with_it.outcomes[0], errors.DomainError):
        assert with_it.entries == alone.entries
        assert with_it.accounts == alone.accounts


def _send(limits: money.Limits, balance_minor: int, amount: Decimal) -> Outcome:
    ledger = Ledger(
        accounts={
            worlds.ALPHA: worlds.account(worlds.ALPHA, balance_minor),
            worlds.BETA: worlds.account(worlds.BETA, 0),
        },
        posted={},
        active={worlds.SESSION},
        now=worlds.NOW,
        limits=limits,
    )
    return worlds.settle_one(ledger, worlds.send(amount))


def _comparable(outcome: Outcome) -> object:
    if isinstance(outcome, Posted):
        return outcome
    return type(outcome), outcome.message
