"""The representation of each refusal of the domain: a member of result unions, or an error with a code.

Members for refusals of a single feature are in its own module of the schema.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

import strawberry

from domain import errors
from domain.ledger import money
from domain.operators.actions import SecondFactorMissing
from schema.money import Money, shown

Member = TypeVar("Member", bound="UserError")

_MESSAGE = "A sentence that can be shown to the user."


@strawberry.interface(
    description=(
        "An error that the user can do something about, as a member of the operation's result. All "
        "other errors are in the response's top-level `errors`, each with `extensions.code`: "
        "`UNAUTHENTICATED`, `FORBIDDEN` (with the `reason` `CONFIRM_SESSION` if `confirmSession` "
        "helps), `RATE_LIMITED` (with `retryAfterSeconds`), `QUERY_TOO_EXPENSIVE`, "
        "`GRAPHQL_PARSE_FAILED`, `GRAPHQL_VALIDATION_FAILED`, `BAD_USER_INPUT`, `UNAVAILABLE` "
        "(repeat the request with the same key) or `INTERNAL` (with a `reference`). New members may "
        "be added to results: always select `... on UserError { message }`."
    )
)
class UserError:
    message: str = strawberry.field(description=_MESSAGE)


#: The refusals that are members of result unions; each is registered by `represents`.
MEMBERS: dict[type[errors.DomainError], type[UserError]] = {}


def represents(refusal: type[errors.DomainError]) -> Callable[[type[Member]], type[Member]]:
    """The decorated type is what a result has for that refusal; its fields are copied by name."""

    def register(member: type[Member]) -> type[Member]:
        MEMBERS[refusal] = member
        return member

    return register


@strawberry.type(description="One field of the input that is wrong.")
class FieldError:
    path: list[str] = strawberry.field(
        description=(
            'The path of the input field, outermost first, such as ["recipient", "userId"].'
        )
    )
    message: str = strawberry.field(description=_MESSAGE)


@represents(errors.InvalidInput)
@strawberry.type(description="One or more fields of the input are wrong.")
class InvalidInput(UserError):
    fields: list[FieldError] = strawberry.field(description="The invalid fields.")


@represents(errors.WeakPassword)
@strawberry.type(description="The password is too short, too long, or a common one.")
class WeakPassword(UserError):
    pass


@represents(errors.InvalidCredentials)
@strawberry.type(
    description=(
        "The address or the password is wrong; the response does not say which. From `verifyEmail`: "
        "neither a session of the registration nor its password was given."
    ),
)
class InvalidCredentials(UserError):
    pass


@represents(errors.EmailNotVerified)
@strawberry.type(description="The viewer's email address has to be verified first.")
class EmailNotVerified(UserError):
    pass


@represents(errors.InvalidToken)
@strawberry.type(
    description=("The link, code or refresh token is invalid, already used, withdrawn or expired."),
)
class InvalidToken(UserError):
    pass


@represents(errors.InvalidAmount)
@strawberry.type(
    description=(
        "The amount is zero, negative, too small, too large, or has more decimals than the currency."
    ),
)
class InvalidAmount(UserError):
    minimum: Money = strawberry.field(description="The smallest accepted amount.")
    maximum: Money = strawberry.field(description="The largest accepted amount.")


@represents(errors.InsufficientFunds)
@strawberry.type(description="The viewer's balance does not cover the amount and its fee.")
class InsufficientFunds(UserError):
    balance: Money = strawberry.field(description="The viewer's balance.")
    shortfall: Money = strawberry.field(description="The amount missing from the balance.")


@represents(errors.RecipientNotFound)
@strawberry.type(
    description="No verified user has this id, address or handle.",
)
class RecipientNotFound(UserError):
    pass


@represents(errors.CannotPayYourself)
@strawberry.type(description="The recipient is the viewer.")
class CannotPayYourself(UserError):
    pass


@represents(errors.BalanceLimitExceeded)
@strawberry.type(
    description=("The top-up would exceed the maximum balance."),
)
class BalanceLimitExceeded(UserError):
    maximum_top_up: Money = strawberry.field(
        description="The largest amount that can be added now."
    )


@represents(errors.TokenLimitExceeded)
@strawberry.type(description="The amount exceeds what is left of the API token's daily limit.")
class TokenLimitExceeded(UserError):
    remaining: Money = strawberry.field(description="The amount that the token can still send now.")


@represents(errors.IdempotencyKeyReused)
@strawberry.type(
    description=(
        "The key was used before with another amount, recipient or note; nothing was posted."
    ),
)
class IdempotencyKeyReused(UserError):
    pass


@represents(errors.IdempotencyKeyClosed)
@strawberry.type(
    description="The key was closed by `closeIdempotencyKey` and can no longer move money."
)
class IdempotencyKeyClosed(UserError):
    pass


@represents(errors.TooLate)
@strawberry.type(
    description=(
        "The request was processed after its `notAfter`. Nothing moved; the key remains unused."
    )
)
class TooLate(UserError):
    pass


@represents(errors.NotReversible)
@strawberry.type(
    description=(
        "The amount exceeds what is left to reverse, or the transaction is itself a reversal. Also if one of "
        "the transaction's accounts is closed."
    ),
)
class NotReversible(UserError):
    reversible: Money = strawberry.field(description="What is left to reverse.")


@represents(errors.NotFound)
@strawberry.type(
    description="The viewer has no such object, or it has already ended.",
)
class NotFound(UserError):
    pass


#: The refusals that are always top-level errors, and their codes.
CODES: dict[type[errors.DomainError], str] = {
    errors.Unauthenticated: "UNAUTHENTICATED",
    errors.Forbidden: "FORBIDDEN",
    errors.RateLimited: "RATE_LIMITED",
    errors.BadUserInput: "BAD_USER_INPUT",
    errors.Unavailable: "UNAVAILABLE",
}


def member_type_of(error: errors.DomainError) -> type[UserError] | None:
    """The union member for this refusal; None for one that is always a top-level error."""
    for kind in type(error).__mro__:
        if kind in MEMBERS:
            return MEMBERS[kind]
    return None


def member_of(error: errors.DomainError) -> UserError | None:
    """The refusal as a union member, its fields copied by name; None as `member_type_of`."""
    member_type = member_type_of(error)
    if member_type is None:
        return None
    facts: dict[str, Any] = {
        field.name: _shown(getattr(error, field.name)) for field in dataclasses.fields(member_type)
    }
    return member_type(**facts)


def code_of(error: errors.DomainError) -> tuple[str, dict[str, Any]]:
    """The refusal as a top-level error: its `extensions.code`, and further extensions.

    A refusal that is a member of other unions than the operation's is BAD_USER_INPUT.
    """
    extensions: dict[str, Any] = {}
    if isinstance(error, errors.RateLimited):
        extensions["retryAfterSeconds"] = error.retry_after_seconds
    if isinstance(error, errors.SessionNotConfirmed):
        extensions["reason"] = "CONFIRM_SESSION"
    if isinstance(error, errors.EpochEnded):
        extensions["reason"] = "EPOCH_ENDED"
    if isinstance(error, SecondFactorMissing):
        extensions["reason"] = "ENABLE_SECOND_FACTOR"
    for kind in type(error).__mro__:
        if kind in CODES:
            return CODES[kind], extensions
    return "BAD_USER_INPUT", extensions


def _shown(value: object) -> object:
    if isinstance(value, money.Money):
        return shown(value)
    if isinstance(value, errors.FieldError):
        return FieldError(path=list(value.path), message=value.message)
    if isinstance(value, list | tuple):
        return [_shown(part) for part in value]
    return value
