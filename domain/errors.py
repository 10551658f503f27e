"""The reasons for which a request can be refused, one exception class each.

Those of a single feature are in its own module of the domain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from domain.ledger.money import Money


class DomainError(Exception):
    """A request was refused and nothing changed. `message` is a sentence for the user."""

    message: str


# ------------------------------------------------ errors that the user can act on (result unions)


@dataclass(frozen=True, slots=True)
class FieldError:
    """One invalid field: its path inside the input, outermost first."""

    path: tuple[str, ...]
    message: str


@dataclass(eq=False)
class InvalidInput(DomainError):
    """One or more fields of the input are wrong."""

    fields: Sequence[FieldError]
    message: str = ""

    def __post_init__(self) -> None:
        self.message = self.message or " ".join(error.message for error in self.fields)


def invalid(path: str | tuple[str, ...], message: str) -> InvalidInput:
    """The refusal of one field."""
    return InvalidInput([FieldError((path,) if isinstance(path, str) else path, message)])


@dataclass(eq=False)
class WeakPassword(DomainError):
    message: str = "Choose another password."


@dataclass(eq=False)
class InvalidCredentials(DomainError):
    message: str = "The email address or the password is wrong."


@dataclass(eq=False)
class EmailNotVerified(DomainError):
    message: str = "Verify your email address first, with the link in the mail that we sent you."


@dataclass(eq=False)
class InvalidToken(DomainError):
    message: str = "This link or token is invalid, already used or expired. Request a new one."


@dataclass(eq=False)
class InvalidAmount(DomainError):
    message: str
    minimum: Money
    maximum: Money


@dataclass(eq=False)
class InsufficientFunds(DomainError):
    balance: Money
    shortfall: Money
    message: str = ""

    def __post_init__(self) -> None:
        self.message = self.message or (
            f"Your balance of {self.balance} is {self.shortfall} too low for this transfer."
        )


@dataclass(eq=False)
class RecipientNotFound(DomainError):
    message: str = (
        "There is no user with this email address, handle or id. Check it, or invite them to join."
    )


@dataclass(eq=False)
class CannotPayYourself(DomainError):
    message: str = "You cannot send money to yourself. Choose another user."


@dataclass(eq=False)
class BalanceLimitExceeded(DomainError):
    maximum_top_up: Money
    message: str = field(init=False)

    def __post_init__(self) -> None:
        self.message = (
            "This top-up would exceed the maximum balance. "
            f"The most you can add now is {self.maximum_top_up}."
        )


@dataclass(eq=False)
class TokenLimitExceeded(DomainError):
    remaining: Money
    message: str = ""

    def __post_init__(self) -> None:
        self.message = self.message or (
            f"This API token can send {self.remaining} more within its daily limit. "
            "Send less, wait, or use a token with a higher limit."
        )


@dataclass(eq=False)
class IdempotencyKeyReused(DomainError):
    message: str = (
        "This idempotency key was used before with another amount, recipient, note or metadata. Nothing "
        "was posted; use a new key for a new transaction."
    )


@dataclass(eq=False)
class IdempotencyKeyClosed(DomainError):
    message: str = "The key was closed by `closeIdempotencyKey` and can no longer move money."


@dataclass(eq=False)
class TooLate(DomainError):
    message: str = "The request was processed after its `notAfter`. Nothing was posted; the key remains unused."


@dataclass(eq=False)
class NotReversible(DomainError):
    """The amount exceeds what is left to reverse, or the transaction cannot be reversed."""

    reversible: Money
    message: str


@dataclass(eq=False)
class NotFound(DomainError):
    message: str = "There is nothing with this id, or it has already ended."


# ------------------------------------------------ everything else (top-level errors with a code)


@dataclass(eq=False)
class Unauthenticated(DomainError):
    message: str = "Sign in first: send `Authorization: Bearer` with a valid access token."


@dataclass(eq=False)
class Forbidden(DomainError):
    message: str = "This token is not allowed to do that."


@dataclass(eq=False)
class SessionNotConfirmed(Forbidden):
    message: str = "Confirm that it is you with `confirmSession`, then try again."


@dataclass(eq=False)
class RateLimited(DomainError):
    retry_after_seconds: int
    #: The limit that was reached, as it was counted (adapters.rate_limiter.Usage); None if unknown.
    limit: Any = None
    message: str = field(init=False)

    def __post_init__(self) -> None:
        seconds = self.retry_after_seconds
        unit = "second" if seconds == 1 else "seconds"
        self.message = f"Too many requests. Try again in {seconds} {unit}."


@dataclass(eq=False)
class BadUserInput(DomainError):
    """An argument that no rule of a result union covers, such as `first: 1000`."""

    message: str


@dataclass(eq=False)
class EpochEnded(BadUserInput):
    """A client asks to continue after a number of an epoch that has ended, or does not pass the epoch."""

    message: str = (
        "This service was restored to an earlier point in time, and numbers have since been assigned to other "
        "events. Read everything again, then continue with the new numbers and the current `Viewer.epoch`."
    )


@dataclass(eq=False)
class Unavailable(DomainError):
    """Something the service needs is unavailable or too busy: the database, unless the message says otherwise."""

    message: str = (
        "The service cannot reach its database at the moment. Nothing is lost: repeat the request, "
        "with the same idempotency key if it has one."
    )


def unavailable(what: str) -> Unavailable:
    """The error for a sentence that says what happened; what to do about it is appended."""
    return Unavailable(
        f"{what} Repeat the request in a few seconds, with the same idempotency key if it has one."
    )
