"""Every refusal of the domain has exactly one representation in GraphQL."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import graphql
import pytest

import domain.ledger.confirmations as rules
import schema.errors
from domain import errors, webhooks
from domain.exports import data_exports
from domain.ledger import money
from domain.operators import actions
from domain.people import handles, leaving, restrictions, second_factors, sessions
from domain.requests import payment_requests
from domain.statements import links
from domain.top_ups import top_ups
from resolvers import root
from tests.domain.worlds import CLOSED_REQUEST

USD = money.currency("USD")
#: Neither an outcome nor a refusal: it asks for more.
QUESTION = "SecondFactorRequired"
TEN = money.Money(1000, USD)

#: One of each refusal.
EXAMPLES: list[errors.DomainError] = [
    errors.invalid(("recipient", "userId"), "Not an id."),
    payment_requests.RequestClosed(CLOSED_REQUEST),
    payment_requests.RequestNotAllowed(),
    handles.HandleTaken(),
    leaving.BalanceNotZero(TEN),
    leaving.TopUpPending(),
    restrictions.AccountRestricted(restrictions.Restriction.SENDING),
    second_factors.InvalidSecondFactor(),
    data_exports.ExportExpired(),
    webhooks.InvalidWebhook([errors.FieldError(("url",), "Not public.")]),
    errors.WeakPassword(),
    errors.InvalidCredentials(),
    errors.EmailNotVerified(),
    errors.InvalidToken(),
    errors.InvalidAmount("Too small.", TEN, TEN),
    errors.InsufficientFunds(balance=TEN, shortfall=TEN),
    errors.RecipientNotFound(),
    errors.CannotPayYourself(),
    errors.BalanceLimitExceeded(TEN),
    errors.TokenLimitExceeded(TEN),
    errors.IdempotencyKeyReused(),
    errors.IdempotencyKeyClosed(),
    errors.TooLate(),
    errors.NotReversible(TEN, "Too much."),
    errors.NotFound(),
    links.LinkExpired(),
    top_ups.NotAvailable(),
    errors.Unauthenticated(),
    errors.Forbidden(),
    errors.SessionNotConfirmed(),
    actions.NotAnOperator(),
    actions.SecondFactorMissing(),
    actions.OperatorNotConfirmed(),
    errors.RateLimited(7),
    errors.BadUserInput("No."),
    errors.EpochEnded(),
    errors.Unavailable(),
    sessions.NotABearer(),
    sessions.TokenExpired(),
]


SUBJECT = rules.Subject(UUID(int=1), 1000, "key-00000001")
EXAMPLES += [
    rules.ConfirmationRequired("challenge", [second_factors.SecondFactor.TOTP], None),
    *(kind(SUBJECT) for kind in (rules.Unsettled, rules.Undecided, rules.Unconfirmed)),
]


def _subclasses(kind: type[errors.DomainError]) -> Iterator[type[errors.DomainError]]:
    for subclass in kind.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


def _unions() -> Iterator[graphql.GraphQLUnionType]:
    served = root.strawberry_schema()._schema
    return (one for one in served.type_map.values() if isinstance(one, graphql.GraphQLUnionType))


def test_there_is_an_example_of_every_refusal() -> None:
    assert {type(error) for error in EXAMPLES} == set(_subclasses(errors.DomainError))


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_every_refusal_is_either_a_member_of_unions_or_has_a_code(
    error: errors.DomainError,
) -> None:
    registered = [kind for kind in type(error).__mro__ if kind in schema.errors.MEMBERS]
    coded = [kind for kind in type(error).__mro__ if kind in schema.errors.CODES]
    assert len(registered) + len(coded) == 1


@pytest.mark.parametrize(
    "error",
    [error for error in EXAMPLES if type(error) in schema.errors.MEMBERS],
    ids=lambda error: type(error).__name__,
)
def test_a_member_carries_the_facts_of_its_refusal(error: errors.DomainError) -> None:
    member = schema.errors.member_of(error)
    assert member is not None
    assert type(member).__name__ == type(error).__name__
    assert member.message == error.message
    for field in dataclasses.fields(member):
        value = getattr(member, field.name)
        if isinstance(value, schema.errors.Money):
            assert (value.amount, value.currency) == (TEN.amount, "USD")


def test_an_invalid_field_is_named_from_the_outside_in() -> None:
    member: Any = schema.errors.member_of(errors.invalid(("recipient", "userId"), "Not an id."))
    assert member.fields[0].path == ["recipient", "userId"]
    assert member.fields[0].message == member.message == "Not an id."


@pytest.mark.parametrize(
    ("error", "code", "extensions"),
    [
        (errors.Unauthenticated(), "UNAUTHENTICATED", {}),
        (sessions.TokenExpired(), "UNAUTHENTICATED", {}),
        (errors.Forbidden(), "FORBIDDEN", {}),
        (errors.SessionNotConfirmed(), "FORBIDDEN", {"reason": "CONFIRM_SESSION"}),
        (errors.RateLimited(7), "RATE_LIMITED", {"retryAfterSeconds": 7}),
        (errors.BadUserInput("No."), "BAD_USER_INPUT", {}),
        (errors.EpochEnded(), "BAD_USER_INPUT", {"reason": "EPOCH_ENDED"}),
        (errors.Unavailable(), "UNAVAILABLE", {}),
        (errors.NotFound(), "BAD_USER_INPUT", {}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_top_level_error_has_its_code(
    error: errors.DomainError, code: str, extensions: dict[str, Any]
) -> None:
    assert schema.errors.code_of(error) == (code, extensions)


def test_every_union_is_one_outcome_and_refusals_that_are_registered() -> None:
    registered = {member.__name__ for member in schema.errors.MEMBERS.values()}
    for union in _unions():
        refusals = [
            member.name
            for member in union.types
            if "UserError" in {interface.name for interface in member.interfaces}
        ]
        assert set(refusals) <= registered, union.name
        outcomes = {member.name for member in union.types} - set(refusals) - {QUESTION}
        assert len(outcomes) == 1, union.name
        # Otherwise `... on UserError`, which every consumer selects, would not be valid.
        assert refusals, union.name


def test_every_registered_member_is_in_some_union() -> None:
    used = {member.name for union in _unions() for member in union.types}
    assert {member.__name__ for member in schema.errors.MEMBERS.values()} <= used
