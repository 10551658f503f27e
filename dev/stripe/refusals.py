"""Stripe's error objects, as exceptions."""

from __future__ import annotations

from typing import Any

INVALID_REQUEST = "invalid_request_error"


class Refusal(Exception):
    """An answer of the API that is an error."""

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        status: int = 400,
        kind: str = INVALID_REQUEST,
        stored: bool = False,
    ) -> None:
        """`stored`: Stripe keeps it under the idempotency key, as it came while the call was performed."""
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param
        self.status = status
        self.kind = kind
        self.stored = stored

    def body(self) -> dict[str, Any]:
        known = {"code": self.code, "message": self.message, "param": self.param, "type": self.kind}
        return {"error": {name: value for name, value in known.items() if value is not None}}


def missing(param: str) -> Refusal:
    return Refusal(f"Missing required param: {param}.", code="parameter_missing", param=param)


def unknown(param: str) -> Refusal:
    return Refusal(f"Received unknown parameter: {param}", code="parameter_unknown", param=param)


def not_found(what: str, identifier: str, param: str = "id") -> Refusal:
    return Refusal(
        f"No such {what}: '{identifier}'", code="resource_missing", param=param, status=404
    )


def internal() -> Refusal:
    """What a fault of the provider's own looks like."""
    return Refusal(
        "An unknown error occurred while processing your request.",
        status=500,
        kind="api_error",
        stored=True,
    )


def not_possible(message: str, code: str | None = None, param: str | None = None) -> Refusal:
    """A valid call that the state of its object does not allow."""
    return Refusal(message, code=code, param=param, stored=True)
