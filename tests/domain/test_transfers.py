"""The rules of transfers and top-ups: charges, refusals, and the order of checks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from domain import errors
from domain.ledger import settling, transfers
from domain.ledger.budgets import BudgetOf, TokenBudget
from domain.ledger.decisions import Command, Ledger, Outcome, Posted
from domain.ledger.kinds import Direction, Kind
from domain.ledger.send_money import SendMoney
from domain.notifications.notices import Notification
from domain.notifications.notification_kinds import NotificationKind
from tests.domain import worlds
from tests.domain.worlds import ALPHA, BETA, GAMMA, NOW, TOKEN


def _budget(ledger: Ledger) -> TokenBudget:
    budget = ledger.find(BudgetOf(ALPHA, TOKEN))
    assert budget is not None
    return budget


def _posted(outcome: Outcome) -> Posted:
    assert isinstance(outcome, Posted), outcome
    return outcome


def test_a_transfer_writes_an_entry_in_each_ledger() -> None:
    ledger = worlds.ledger_of(
        worlds.account(ALPHA, 10_000, sequence=7), worlds.account(BETA, 500, sequence=2)
    )
    command = worlds.send("12.34", note="lunch")
    settlement = settling.settle(ledger, [command])
    sent, received = settlement.entries
    assert (sent.user_id, sent.sequence, sent.balance_after_minor) == (ALPHA, 8, 8_766)
    assert (received.user_id, received.sequence, received.balance_after_minor) == (BETA, 3, 1_734)
    assert sent.reference == received.reference == command.reference
    assert sent.note == received.note == "lunch"
    assert (sent.direction, received.direction) == (Direction.OUTGOING, Direction.INCOMING)
    told = Notification(BETA, 1, NotificationKind.MONEY_RECEIVED, received.created_at, 3)
    assert _posted(settlement.outcomes[0]) == Posted(
        sent, ledger.accounts[ALPHA], replayed=False, notifications=(told,)
    )


def test_a_top_up_writes_one_incoming_entry() -> None:
    settlement = settling.settle(worlds.ledger_of(worlds.account()), [worlds.add("50")])
    (entry,) = settlement.entries
    assert (entry.kind, entry.direction) == (Kind.TOP_UP, Direction.INCOMING)
    assert (entry.amount_minor, entry.fee_minor, entry.balance_after_minor) == (5_000, 0, 15_000)
    assert entry.counterparty_id is None


@pytest.mark.parametrize(
    ("code", "amount", "basis_points", "fee_minor"),
    [
        ("USD", "12.34", 0, 0),
        ("USD", "0.01", 1, 1),
        ("USD", "100.00", 29, 29),
        ("USD", "100.01", 29, 30),
        ("JPY", "1234", 100, 13),
        ("KWD", "1.234", 100, 13),
        ("USD", "10.00", 10_000, 1_000),
    ],
)
def test_a_fee_is_rounded_up_to_the_next_minor_unit(
    code: str, amount: str, basis_points: int, fee_minor: int
) -> None:
    limits = worlds.limits_of(code, basis_points=basis_points)
    ledger = worlds.ledger_of(worlds.account(ALPHA, 50_000), worlds.account(BETA, 0), limits=limits)
    settlement = settling.settle(ledger, [worlds.send(amount)])
    sent, received = settlement.entries
    assert sent.fee_minor == fee_minor
    assert received.fee_minor == 0
    assert sent.balance_after_minor == 50_000 - sent.amount_minor - fee_minor
    assert transfers.preview(Decimal(amount), 50_000, limits).fee_minor == fee_minor


@pytest.mark.parametrize(
    "amount", ["0", "-5", "0.001", "12.345", "10000.01", "9" * 40, "-" + "9" * 40]
)
def test_an_amount_that_is_inexact_or_beyond_the_limits_is_refused(amount: str) -> None:
    ledger = worlds.ledger_of(worlds.account(), worlds.account(BETA))
    for command in (worlds.send(amount), worlds.add(amount)):
        outcome = worlds.settle_one(ledger, command)
        assert isinstance(outcome, errors.InvalidAmount)
        assert (str(outcome.minimum), str(outcome.maximum)) == ("0.01 USD", "10000.00 USD")


def test_a_currency_without_decimals_says_so() -> None:
    ledger = worlds.ledger_of(worlds.account(), limits=worlds.limits_of("JPY"))
    outcome = worlds.settle_one(ledger, worlds.add("12.5"))
    assert isinstance(outcome, errors.InvalidAmount)
    assert outcome.message == "The amount must be a whole number: JPY has no decimals."


def test_too_little_money_says_how_much_is_lacking() -> None:
    limits = worlds.limits_of(basis_points=100)
    ledger = worlds.ledger_of(worlds.account(ALPHA, 1_000), worlds.account(BETA), limits=limits)
    outcome = worlds.settle_one(ledger, worlds.send("10.00"))
    assert isinstance(outcome, errors.InsufficientFunds)
    assert (str(outcome.balance), str(outcome.shortfall)) == ("10.00 USD", "0.10 USD")


def test_the_whole_balance_can_be_sent() -> None:
    ledger = worlds.ledger_of(worlds.account(ALPHA, 1_234), worlds.account(BETA))
    assert _posted(worlds.settle_one(ledger, worlds.send("12.34"))).account.balance_minor == 0


@pytest.mark.parametrize(
    "recipient",
    [
        None,
        worlds.account(BETA, 0, sequence=0, verified=False),
        replace(worlds.account(BETA), is_closed=True),
    ],
    ids=["nobody", "unverified", "closed"],
)
def test_only_the_verified_and_open_can_be_paid(recipient: transfers.Account | None) -> None:
    others = [recipient] if recipient else []
    ledger = worlds.ledger_of(worlds.account(), *others)
    outcome = worlds.settle_one(ledger, worlds.send(recipient=BETA))
    assert isinstance(outcome, errors.RecipientNotFound)


def test_an_unknown_address_is_not_found() -> None:
    outcome = worlds.settle_one(worlds.ledger_of(worlds.account()), worlds.send(recipient=None))
    assert isinstance(outcome, errors.RecipientNotFound)


def test_no_user_pays_themselves() -> None:
    outcome = worlds.settle_one(worlds.ledger_of(worlds.account()), worlds.send(recipient=ALPHA))
    assert isinstance(outcome, errors.CannotPayYourself)


def test_who_is_not_verified_moves_nothing() -> None:
    ledger = worlds.ledger_of(
        worlds.account(ALPHA, 0, sequence=0, verified=False), worlds.account(BETA)
    )
    for command in (worlds.send(), worlds.add()):
        assert isinstance(worlds.settle_one(ledger, command), errors.EmailNotVerified)


@pytest.mark.parametrize("command", [worlds.send(), worlds.add()], ids=["send", "add"])
def test_an_ended_session_moves_nothing_and_learns_nothing(command: Command) -> None:
    ledger = worlds.ledger_of(worlds.account(), worlds.account(BETA))
    _posted(worlds.settle_one(ledger, command))
    ledger.active = set()
    assert isinstance(worlds.settle_one(ledger, command), errors.Unauthenticated)


def test_who_asks_without_any_credential_moves_nothing() -> None:
    ledger = worlds.ledger_of(worlds.account(), worlds.account(BETA))
    outcome = worlds.settle_one(ledger, worlds.send(session_id=worlds.ENDED_SESSION))
    assert isinstance(outcome, errors.Unauthenticated)


def test_a_closed_user_moves_nothing() -> None:
    ledger = worlds.ledger_of(replace(worlds.account(), is_closed=True), worlds.account(BETA))
    assert isinstance(worlds.settle_one(ledger, worlds.send()), errors.Unauthenticated)


# ================================================================ top-ups and the most a wallet holds


def test_a_top_up_stops_at_the_maximum_balance() -> None:
    ledger = worlds.ledger_of(worlds.account(ALPHA, 4_999_000))
    outcome = worlds.settle_one(ledger, worlds.add("10.01"))
    assert isinstance(outcome, errors.BalanceLimitExceeded)
    assert str(outcome.maximum_top_up) == "10.00 USD"
    assert (
        _posted(worlds.settle_one(ledger, worlds.add("10.00"))).account.balance_minor == 5_000_000
    )


def test_a_sender_does_not_learn_the_balance_of_the_recipient() -> None:
    ledger = worlds.ledger_of(worlds.account(), worlds.account(BETA, 5_000_000))
    _posted(worlds.settle_one(ledger, worlds.send()))
    assert ledger.accounts[BETA].balance_minor == 5_001_234
    outcome = worlds.settle_one(ledger, worlds.add("0.01", who=BETA))
    assert isinstance(outcome, errors.BalanceLimitExceeded)
    assert outcome.maximum_top_up.amount_minor == 0


# ================================================================ keys


def test_the_same_key_answers_with_the_movement_as_it_was_and_the_account_as_it_is() -> None:
    ledger = worlds.ledger_of(worlds.account(), worlds.account(BETA))
    first = _posted(worlds.settle_one(ledger, worlds.send("12.3", note=" lunch ")))
    _posted(worlds.settle_one(ledger, worlds.add(key="key-00000002")))
    again = _posted(worlds.settle_one(ledger, worlds.send("012.30", note="lunch")))
    assert again.replayed
    assert again.entry == first.entry
    assert again.account.sequence == first.account.sequence + 1


@pytest.mark.parametrize("note", [None, "", "   "])
def test_an_empty_note_is_none(note: str | None) -> None:
    ledger = worlds.ledger_of(worlds.account(), worlds.account(BETA))
    assert _posted(worlds.settle_one(ledger, worlds.send(note=note))).entry.note is None
    assert _posted(worlds.settle_one(ledger, worlds.send(note=""))).replayed


@pytest.mark.parametrize(
    "other",
    [
        worlds.send("12.35"),
        worlds.send("12.345"),
        worlds.send("-12.34"),
        worlds.send(note="another"),
        worlds.send(note="\u0000"),
        worlds.send(recipient=GAMMA),
        worlds.send(recipient=None),
        worlds.send(recipient=ALPHA),
    ],
)
def test_a_key_is_looked_at_before_every_other_rule(other: SendMoney) -> None:
    ledger = worlds.ledger_of(worlds.account(), worlds.account(BETA), worlds.account(GAMMA))
    _posted(worlds.settle_one(ledger, worlds.send()))
    assert isinstance(worlds.settle_one(ledger, other), errors.IdempotencyKeyReused)


def test_a_replay_asks_neither_for_funds_nor_for_room() -> None:
    ledger = worlds.ledger_of(worlds.account(ALPHA, 1_234), worlds.account(BETA))
    _posted(worlds.settle_one(ledger, worlds.send("12.34")))
    assert _posted(worlds.settle_one(ledger, worlds.send("12.34"))).replayed
    ledger.limits = replace(ledger.limits, maximum_transfer_minor=1, fee_basis_points=500)
    assert _posted(worlds.settle_one(ledger, worlds.send("12.34"))).replayed


def test_a_key_belongs_to_one_user_and_one_operation() -> None:
    ledger = worlds.ledger_of(worlds.account(), worlds.account(BETA))
    for command in (worlds.send(), worlds.add(), worlds.send(sender=BETA, recipient=ALPHA)):
        assert not _posted(worlds.settle_one(ledger, command)).replayed


def test_a_refusal_leaves_the_key_unused() -> None:
    ledger = worlds.ledger_of(worlds.account(ALPHA, 0), worlds.account(BETA))
    assert isinstance(worlds.settle_one(ledger, worlds.send()), errors.InsufficientFunds)
    _posted(worlds.settle_one(ledger, worlds.add("100", key="key-00000009")))
    assert not _posted(worlds.settle_one(ledger, worlds.send())).replayed


def test_the_same_key_twice_in_one_batch_moves_once() -> None:
    ledger = worlds.ledger_of(worlds.account(), worlds.account(BETA))
    settlement = settling.settle(ledger, [worlds.send()] * 100)
    assert len(settlement.entries) == 2
    assert [_posted(outcome).replayed for outcome in settlement.outcomes] == [False] + [True] * 99


@pytest.mark.parametrize(
    "key", ["a" * 7, "a" * 65, "", "schlüssel", "key\n0001", "key\x00key", "１２３４５６７８"]
)
def test_a_key_of_another_form_is_refused(key: str) -> None:
    with pytest.raises(errors.InvalidInput) as refusal:
        transfers.check_idempotency_key(key)
    assert refusal.value.fields[0].path == ("idempotencyKey",)


@pytest.mark.parametrize("key", ["a" * 8, "a" * 64, "with a space", "!\"#$%&'()*+,-./~"])
def test_a_key_is_8_to_64_printable_ascii_characters(key: str) -> None:
    assert transfers.check_idempotency_key(key) == key


# ================================================================ notes


def test_a_note_is_stored_without_what_it_hides() -> None:
    ledger = worlds.ledger_of(worlds.account(), worlds.account(BETA))
    posted = worlds.settle_one(ledger, worlds.send(note="to \u202egnp.exe\nnow"))
    assert isinstance(posted, Posted)
    assert posted.entry.note == "to gnp.exe now"


def test_a_note_with_a_control_character_is_refused() -> None:
    ledger = worlds.ledger_of(worlds.account(), worlds.account(BETA))
    outcome = worlds.settle_one(ledger, worlds.send(note="a\x00b"))
    assert isinstance(outcome, errors.InvalidInput)


def test_the_same_note_pasted_with_invisible_characters_replays_its_key() -> None:
    ledger = worlds.ledger_of(worlds.account(), worlds.account(BETA))
    first = worlds.settle_one(ledger, worlds.send(note="for the tickets"))
    assert isinstance(first, Posted)
    again = worlds.settle_one(ledger, worlds.send(note="\u200efor the\n tic\u00adkets\ufeff"))
    assert isinstance(again, Posted)
    assert (again.replayed, again.entry) == (True, first.entry)
    other = worlds.settle_one(ledger, worlds.send(note="for the ticket"))
    assert isinstance(other, errors.IdempotencyKeyReused)


# ================================================================ budgets of API tokens


def test_a_tokens_spending_adds_up_within_a_batch() -> None:
    budget = TokenBudget(daily_limit_minor=3_000, spent_minor=500)
    ledger = worlds.ledger_of(worlds.account(), worlds.account(BETA), budget=budget)
    commands = [worlds.send("10", key=f"key-0000000{n}", by_token=True) for n in range(4)]
    outcomes = settling.settle(ledger, commands).outcomes
    assert [isinstance(outcome, Posted) for outcome in outcomes] == [True, True, False, False]
    refusal = outcomes[2]
    assert isinstance(refusal, errors.TokenLimitExceeded)
    assert str(refusal.remaining) == "5.00 USD"
    assert _budget(ledger).remaining_minor == 500


def test_a_tokens_limit_counts_the_fee() -> None:
    ledger = worlds.ledger_of(
        worlds.account(),
        worlds.account(BETA),
        limits=worlds.limits_of(basis_points=100),
        budget=TokenBudget(daily_limit_minor=1_009),
    )
    outcome = worlds.settle_one(ledger, worlds.send("10", by_token=True))
    assert isinstance(outcome, errors.TokenLimitExceeded)


def test_a_replay_spends_nothing_of_a_tokens_limit() -> None:
    ledger = worlds.ledger_of(
        worlds.account(), worlds.account(BETA), budget=TokenBudget(daily_limit_minor=1_000)
    )
    command = worlds.send("10", by_token=True)
    _posted(worlds.settle_one(ledger, command))
    assert _posted(worlds.settle_one(ledger, command)).replayed
    assert _budget(ledger).spent_minor == 1_000


def test_a_tokens_limit_is_for_sending_alone() -> None:
    ledger = worlds.ledger_of(worlds.account(), budget=TokenBudget(daily_limit_minor=1))
    assert not _posted(worlds.settle_one(ledger, worlds.add(by_token=True))).replayed
    assert _budget(ledger).spent_minor == 0


def test_a_limit_that_was_lowered_leaves_nothing_and_no_negative_remainder() -> None:
    assert TokenBudget(daily_limit_minor=100, spent_minor=900).remaining_minor == 0
    assert TokenBudget(daily_limit_minor=None, spent_minor=900).remaining_minor is None


# ================================================================ time


def test_created_at_never_goes_back_in_either_ledger() -> None:
    ahead = NOW + timedelta(seconds=3)
    ledger = worlds.ledger_of(
        worlds.account(), replace(worlds.account(BETA), last_posted_at=ahead), worlds.account(GAMMA)
    )
    commands: list[Command] = [
        worlds.send(key="key-00000001"),
        worlds.send(key="key-00000002", recipient=GAMMA),
        worlds.add(key="key-00000003"),
    ]
    entries = settling.settle(ledger, commands).entries
    assert {entry.created_at for entry in entries} == {ahead}


def test_a_first_entry_has_the_time_of_the_clock() -> None:
    newcomer = replace(worlds.account(sequence=0, balance_minor=0), last_posted_at=None)
    settlement = settling.settle(worlds.ledger_of(newcomer), [worlds.add()])
    assert settlement.entries[0].created_at == NOW
