"""What the client raises. Refusals that a person can do something about are results instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class WalletError(Exception):
    """Any error of this package."""


class TemporaryError(WalletError):
    """The same request may succeed later: the client repeats it by itself where that is safe."""

    #: What the service asks to wait at least.
    retry_after_seconds: float | None = None


class ConnectionFailed(TemporaryError):
    """No answer of the service arrived."""

    #: Whether the request may have arrived, or may still arrive.
    was_sent = True


class ApiError(WalletError):
    """The service refused the request as a whole; `code` says why (docs/api.md, "Errors")."""

    def __init__(
        self, message: str, code: str = "INTERNAL", extensions: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.extensions = dict(extensions or {})


class Unauthenticated(ApiError):
    """The session or API token is missing, has ended, or is unknown: sign in again."""

    def __init__(
        self,
        message: str,
        code: str = "UNAUTHENTICATED",
        extensions: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, code, extensions)


class Forbidden(ApiError):
    """The API token lacks a scope, the address is not verified, or the session must be confirmed."""


class RateLimited(ApiError, TemporaryError):
    """Too many requests; `retry_after_seconds` says how long to wait. Nothing was executed."""


class Unavailable(ApiError, TemporaryError):
    """The service is without its database, or busy."""


class UnexpectedAnswer(WalletError):
    """The answer is not one of this API: check the address, and that the service is not older."""


class InvalidSignature(WalletError):
    """A webhook request was not signed by any of the secrets, or too long ago. Answer it with 400."""


class OutcomeUnknown(WalletError):
    """The call may have taken effect, or may still: no answer came for as long as was allowed, or the last
    attempt was refused while an earlier one, whose answer was lost, may still be on its way.

    Either repeat the call with the same `key` and the same input, which takes effect once; or, where
    money may have moved, call `close_key(kind, key)`, whose answer is final: the transaction if there
    is one, else none ever. `kind` is None for a call that moves no money, such as `request_money`.
    """

    def __init__(self, kind: str | None, key: str, reason: str) -> None:
        kind = None if kind is None else str(kind)
        effect = "it took effect" if kind is None else "the money moved"
        ending = (
            "" if kind is None else f", or call close_key({kind!r}, {key!r}), whose answer is final"
        )
        super().__init__(
            f"It is not known whether {effect} ({reason}). Repeat the call with the key {key!r}, "
            f"which takes effect once{ending}."
        )
        self.kind = kind
        self.key = key


_CLASSES: dict[str, type[ApiError]] = {
    "UNAUTHENTICATED": Unauthenticated,
    "FORBIDDEN": Forbidden,
    "RATE_LIMITED": RateLimited,
    "UNAVAILABLE": Unavailable,
}


def from_answer(errors: Any, retry_after: str | None = None) -> ApiError | UnexpectedAnswer:
    """The first of an answer's top-level errors."""
    try:
        first = errors[0]
        extensions = first.get("extensions") or {}
        code = str(extensions.get("code", "INTERNAL"))
        error = _CLASSES.get(code, ApiError)(str(first["message"]), code, extensions)
    except (LookupError, TypeError, AttributeError):
        return UnexpectedAnswer(f"The answer has errors of an unknown form: {str(errors)[:200]}")
    if isinstance(error, TemporaryError):
        error.retry_after_seconds = seconds(extensions.get("retryAfterSeconds", retry_after))
    return error


def is_refusal(error: WalletError) -> bool:
    """Whether the service has said that it executed nothing of the request."""
    is_unclear = isinstance(error, Unavailable) or getattr(error, "code", None) == "INTERNAL"
    return isinstance(error, ApiError) and not is_unclear


def seconds(value: object) -> float | None:
    """A number of seconds as a header or an extension says it; None for any other form."""
    try:
        found = float(str(value))
    except ValueError:
        return None
    return found if 0 <= found < float("inf") else None
