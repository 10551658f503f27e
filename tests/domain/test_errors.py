"""Every refusal has a sentence that says what happened and what to do."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import domain
from domain import errors, webhooks
from domain.exports import data_exports
from domain.ledger import confirmations, money
from domain.operators import actions
from domain.people import handles, leaving, restrictions, second_factors, sessions
from domain.requests import payment_requests
from domain.statements import links
from domain.top_ups import top_ups
from tests.domain.worlds import CLOSED_REQUEST as CLOSED

USD = money.currency("USD")
TEN = money.Money(1_000, USD)

REFUSALS = [
    errors.invalid("name", "The name is empty. Type at least one letter."),
    errors.WeakPassword(),
    errors.InvalidCredentials(),
    errors.EmailNotVerified(),
    errors.InvalidToken(),
    errors.InvalidAmount("The amount is too small: the minimum is 10.00 USD.", TEN, TEN),
    errors.InsufficientFunds(TEN, TEN),
    errors.RecipientNotFound(),
    errors.CannotPayYourself(),
    errors.BalanceLimitExceeded(TEN),
    errors.TokenLimitExceeded(TEN),
    errors.IdempotencyKeyReused(),
    errors.IdempotencyKeyClosed(),
    errors.TooLate(),
    errors.NotReversible(TEN, "Only 10.00 USD is left to reverse."),
    errors.NotFound(),
    payment_requests.RequestClosed(CLOSED),
    payment_requests.RequestNotAllowed(),
    handles.HandleTaken(),
    second_factors.InvalidSecondFactor(),
    leaving.BalanceNotZero(TEN),
    restrictions.AccountRestricted(restrictions.Restriction.SENDING),
    leaving.TopUpPending(),
    data_exports.ExportExpired(),
    links.LinkExpired(),
    webhooks.InvalidWebhook([errors.FieldError(("url",), "The address is not public.")]),
    top_ups.NotAvailable(),
    confirmations.ConfirmationRequired("", [], None),
    errors.Unauthenticated(),
    errors.Forbidden(),
    errors.SessionNotConfirmed(),
    actions.NotAnOperator(),
    actions.SecondFactorMissing(),
    actions.OperatorNotConfirmed(),
    errors.RateLimited(7),
    errors.EpochEnded(),
    errors.BadUserInput("Give `first` or `last`, not both."),
    errors.Unavailable(),
    sessions.NotABearer(),
    sessions.TokenExpired(),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: type(refusal).__name__)
def test_each_has_a_sentence_for_a_user(refusal: errors.DomainError) -> None:
    assert refusal.message[0].isupper()
    assert refusal.message.endswith(".")


def _subclasses(kind: type[errors.DomainError]) -> Iterator[type[errors.DomainError]]:
    for subclass in kind.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


def test_the_list_above_is_whole() -> None:
    for module in pkgutil.walk_packages(domain.__path__, "domain."):
        importlib.import_module(module.name)
    declared = {each for each in _subclasses(errors.DomainError) if each.__module__[:6] == "domain"}
    # These are for use cases alone.
    internal = {confirmations.Unsettled, *_subclasses(confirmations.Unsettled)}
    assert declared - internal == {type(refusal) for refusal in REFUSALS}


def test_several_fields_at_fault_make_one_message() -> None:
    refusal = errors.InvalidInput(
        [errors.FieldError(("name",), "One."), errors.FieldError(("email",), "Two.")]
    )
    assert refusal.message == "One. Two."


def test_amounts_are_named_in_the_sentence() -> None:
    assert "10.00 USD" in errors.InsufficientFunds(TEN, TEN).message
    assert "7 seconds" in errors.RateLimited(7).message
