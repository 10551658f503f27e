"""When a transfer has to be confirmed with a second factor, and what using one up changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain import authority, errors
from domain.ledger import confirmations, settling
from domain.ledger.budgets import TokenBudget
from domain.ledger.confirmations import (
    Challenge,
    ChallengeOf,
    Declared,
    PaidBefore,
    PasskeyUse,
    RecoveryCodeUse,
    Subject,
    TotpUse,
    Unconfirmed,
    Undecided,
    UseChallenge,
    UseOf,
    UseTotp,
)
from domain.ledger.decisions import Ledger, Outcome, Posted
from domain.ledger.pay_request import PayRequest, RequestOf
from domain.notifications.notification_kinds import NotificationKind
from domain.people.second_factors import InvalidSecondFactor, SecondFactor, VerifiedFactor
from tests.domain import worlds
from tests.domain.worlds import ALPHA, BETA, GAMMA, NOW, SESSION

KEY = "key-00000001"
PAID = PaidBefore(ALPHA, BETA)
CHALLENGE = ChallengeOf(ALPHA, UUID(int=400))
FACTOR = UUID(int=401)
SUBJECT = Subject(BETA, 5_001, KEY)
CODE = VerifiedFactor(
    ALPHA, SecondFactor.TOTP, challenge_id=CHALLENGE.challenge_id, totp_id=FACTOR, totp_step=77
)
PASSKEY = VerifiedFactor(
    ALPHA,
    SecondFactor.PASSKEY,
    challenge_id=CHALLENGE.challenge_id,
    passkey_id=FACTOR,
    passkey_counter=5,
)
RECOVERY_CODE = VerifiedFactor(
    ALPHA,
    SecondFactor.RECOVERY_CODE,
    challenge_id=CHALLENGE.challenge_id,
    recovery_code_id=FACTOR,
)


def _ledger(
    *, has_paid: bool = True, subject: Subject = SUBJECT, uses: dict[UseOf, int] | None = None
) -> Ledger:
    """Alpha has 100.00 and a second factor, which transfers above 50.00 need."""
    ledger = worlds.ledger_of(
        replace(worlds.account(ALPHA), confirm_above_minor=5_000),
        worlds.account(BETA, 0),
        worlds.account(GAMMA, 0),
    )
    ledger.found[CHALLENGE] = Challenge(subject.binding, NOW + timedelta(minutes=5), is_open=True)
    for use, state in ({TotpUse(ALPHA, FACTOR): 76} if uses is None else uses).items():
        ledger.found[use] = state
    if has_paid:
        ledger.found[PAID] = True
    return ledger


def _send(amount: str, factor: VerifiedFactor | None = CODE, **facts: Any) -> Any:
    confirmation = Declared(True, factor, paid=PAID)
    return replace(worlds.send(amount, key=KEY), **{"confirmation": confirmation, **facts})


def _outcome(ledger: Ledger, command: Any) -> Outcome:
    return worlds.settle_one(ledger, command)


@pytest.mark.parametrize(
    ("amount", "has_paid", "asks"),
    [
        ("50.00", True, False),
        ("50.01", True, True),
        ("0.01", False, True),
    ],
)
def test_a_large_amount_and_a_first_payment_have_to_be_confirmed(
    amount: str, has_paid: bool, asks: bool
) -> None:
    outcome = _outcome(_ledger(has_paid=has_paid), _send(amount, confirmation=Declared(paid=PAID)))
    assert isinstance(outcome, Unconfirmed if asks else Posted)


def test_whether_it_is_the_first_payment_is_asked_where_the_amount_does_not_decide() -> None:
    for amount, signal in (("1", Undecided), ("50.01", Unconfirmed)):
        assert type(_outcome(_ledger(), _send(amount, confirmation=None))) is signal
    assert Declared(paid=PAID).look_ups == (PAID,)


def test_nobody_without_a_second_factor_and_no_other_authority_is_asked() -> None:
    ledger = _ledger(has_paid=False)
    token = worlds.send("60", by_token=True)
    ledger.found.update(worlds.ledger_of(budget=TokenBudget(6_000)).found)
    assert isinstance(_outcome(ledger, token), Posted)
    schedule = authority.Schedule(ALPHA, SESSION)
    assert isinstance(
        _outcome(_ledger(has_paid=False), replace(worlds.send("60"), authority=schedule)), Posted
    )
    without = worlds.ledger_of(worlds.account(ALPHA), worlds.account(BETA))
    assert isinstance(_outcome(without, worlds.send("60")), Posted)


@pytest.mark.parametrize(
    ("amount", "recipient_id", "refusal"),
    [
        ("100.01", BETA, errors.InsufficientFunds),
        ("60", UUID(int=9), errors.RecipientNotFound),
        ("60", ALPHA, errors.CannotPayYourself),
        ("60.001", BETA, errors.InvalidAmount),
    ],
)
def test_nobody_confirms_what_would_be_refused_anyway(
    amount: str, recipient_id: UUID, refusal: type[errors.DomainError]
) -> None:
    for confirmation in (None, Declared(paid=PAID), Declared(True, CODE, paid=PAID)):
        command = _send(amount, recipient_id=recipient_id, confirmation=confirmation)
        assert type(_outcome(_ledger(), command)) is refusal


def test_a_confirmed_transfer_uses_up_the_challenge_and_the_code() -> None:
    ledger = _ledger(has_paid=False)
    settlement = settling.settle(ledger, [_send("50.01"), _send("50.01", note="again")])
    assert isinstance(settlement.outcomes[0], Posted)
    assert type(settlement.outcomes[1]) is errors.IdempotencyKeyReused
    assert settlement.effects == [
        UseChallenge(CHALLENGE, NOW),
        UseTotp(TotpUse(ALPHA, FACTOR), 77, NOW),
    ]
    # Another challenge for another key, with the same code.
    other = Subject(BETA, 4_000, "key-00000002")
    ledger.found[CHALLENGE] = Challenge(other.binding, NOW + timedelta(minutes=5), is_open=True)
    ledger.found.pop(PAID)
    again = _send("40", idempotency_key="key-00000002")
    assert type(_outcome(ledger, again)) is InvalidSecondFactor


def test_a_replay_needs_no_confirmation_not_even_a_correct_one() -> None:
    ledger = _ledger()
    assert isinstance(_outcome(ledger, _send("50.01")), Posted)
    for command in (_send("50.01"), _send("50.01", None), _send("50.01", confirmation=None)):
        outcome = _outcome(ledger, command)
        assert isinstance(outcome, Posted)
        assert outcome.replayed


def test_a_confirmation_that_is_not_needed_stays_unused() -> None:
    settlement = settling.settle(_ledger(), [_send("1")])
    assert isinstance(settlement.outcomes[0], Posted)
    assert settlement.effects == []


@pytest.mark.parametrize(
    "subject",
    [
        Subject(GAMMA, 5_001, KEY),
        Subject(BETA, 5_002, KEY),
        Subject(BETA, 5_001, "key-00000002"),
        Subject(BETA, 5_001, KEY, about="request 1"),
    ],
)
def test_a_challenge_confirms_nothing_but_what_it_was_made_for(subject: Subject) -> None:
    ledger = _ledger(subject=subject)
    settlement = settling.settle(ledger, [_send("50.01")])
    assert [type(each) for each in settlement.outcomes] == [InvalidSecondFactor]
    assert (settlement.entries, settlement.effects) == ([], [])


@pytest.mark.parametrize(
    "challenge",
    [
        None,
        Challenge(SUBJECT.binding, NOW, is_open=True),
        Challenge(SUBJECT.binding, NOW + timedelta(minutes=5), is_open=False),
    ],
    ids=["unknown", "expired", "used"],
)
def test_a_challenge_works_once_and_until_it_expires(challenge: Challenge | None) -> None:
    ledger = _ledger()
    ledger.found[CHALLENGE] = challenge
    assert type(_outcome(ledger, _send("50.01"))) is InvalidSecondFactor


@pytest.mark.parametrize(
    ("factor", "uses", "accepted"),
    [
        (None, {}, False),
        (CODE, {TotpUse(ALPHA, FACTOR): 76}, True),
        (CODE, {TotpUse(ALPHA, FACTOR): 77}, False),
        (CODE, {}, False),
        (PASSKEY, {PasskeyUse(ALPHA, FACTOR): 4}, True),
        (PASSKEY, {PasskeyUse(ALPHA, FACTOR): 5}, False),
        (replace(PASSKEY, passkey_counter=0), {PasskeyUse(ALPHA, FACTOR): 0}, True),
        (replace(PASSKEY, passkey_counter=0), {PasskeyUse(ALPHA, FACTOR): 5}, False),
        (RECOVERY_CODE, {RecoveryCodeUse(ALPHA, FACTOR): 0}, True),
        (RECOVERY_CODE, {RecoveryCodeUse(ALPHA, FACTOR): 1}, False),
        (RECOVERY_CODE, {TotpUse(ALPHA, FACTOR): 0}, False),
    ],
)
def test_a_factor_is_accepted_as_far_as_it_is_unused(
    factor: VerifiedFactor | None, uses: dict[UseOf, int], accepted: bool
) -> None:
    outcome = _outcome(_ledger(uses=uses), _send("50.01", factor))
    assert type(outcome) is (Posted if accepted else InvalidSecondFactor)


def test_the_use_of_a_recovery_code_is_told_to_its_owner() -> None:
    settlement = settling.settle(
        _ledger(uses={RecoveryCodeUse(ALPHA, FACTOR): 0}), [_send("50.01", RECOVERY_CODE)]
    )
    assert [(each.user_id, each.kind) for each in settlement.notifications] == [
        (BETA, NotificationKind.MONEY_RECEIVED),
        (ALPHA, NotificationKind.SECURITY_CHANGED),
    ]


def test_paying_a_request_is_confirmed_for_that_request() -> None:
    request = worlds.payment_request(amount_minor=5_001)
    asked = RequestOf(BETA, request.request_id)
    command = PayRequest(
        authority.Session(ALPHA, SESSION), asked, KEY, UUID(int=999),
        confirmation=Declared(True, CODE, paid=PAID),
    )  # fmt: skip
    subject = Subject(BETA, 5_001, KEY, about=f"request {request.request_id}")
    for bound_to, expected in ((SUBJECT, InvalidSecondFactor), (subject, Posted)):
        ledger = _ledger(subject=bound_to)
        ledger.found[asked] = request
        assert type(_outcome(ledger, command)) is expected


def test_an_api_token_without_a_daily_limit_sends_nothing_for_the_owner_of_a_second_factor() -> (
    None
):
    ledger = _ledger()
    ledger.found.update(worlds.ledger_of(budget=TokenBudget(None)).found)
    outcome = _outcome(ledger, worlds.send("1", by_token=True))
    assert isinstance(outcome, errors.TokenLimitExceeded)
    assert outcome.remaining.amount == 0
    assert "needs a daily limit" in outcome.message


def test_the_limit_itself_needs_no_confirmation() -> None:
    assert not confirmations.is_needed(5_000, 5_000, has_paid=True)
    assert confirmations.is_needed(5_000, 5_000, has_paid=False)
